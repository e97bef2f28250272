"""What is judged when attestations of an artifact are: what was found, what is demanded, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from custody.errors import UsageError
from custody.keys.key import Key, as_openpgp, stands_for_several
from custody.models.digest_set import PINNED_ALGORITHM, DigestSet
from custody.models.fields_match import FieldDemand
from custody.models.resource_descriptor import ResourceDescriptor
from custody.value import Value
from custody.verdict import Outcome, Reason

if TYPE_CHECKING:
    from custody.envelopes.dsse import DSSEEnvelope
    from custody.envelopes.reader import Envelope

__all__ = [
    "Attestation",
    "AttestationDemands",
    "AttestationReport",
    "AttestationVerdict",
    "Covering",
]


class Attestation(Value):
    """What may be an attestation, and where it is from: its bytes, or the envelope in them if that was read already.

    `unreadable` says why there is neither.
    """

    source: str
    data: bytes = b""
    envelope: Envelope | None = None
    unreadable: str = ""


class Covering(Value):
    """Something else whose attestations might be meant: the index of an image, say.

    They count only if that is `asked`; else `option` is how to ask for it.
    """

    title: str
    digest: DigestSet
    asked: bool = False
    option: str = ""


class AttestationDemands(Value):
    """What an attestation has to be about, of which type, by whom, and what it has to say.

    `subjects` is the artifact. It is one, or with `whole` the files of a directory: the statement then has exactly
    these, by name and digest. `threshold` different `keys` must have signed the same content.
    """

    subjects: tuple[ResourceDescriptor, ...]
    predicate_type: str
    keys: tuple[Key, ...]
    threshold: int = 1
    fields: tuple[FieldDemand, ...] = ()
    whole: bool = False
    pinned: str = PINNED_ALGORITHM
    covering: tuple[Covering, ...] = ()

    def _validate(self) -> None:
        """Refuse what nobody could fulfil, and what everybody would."""
        if not self.predicate_type:
            raise UsageError("expected the type of predicate that is demanded, got none")
        if not self.subjects or not all(subject.digest.get(self.pinned) for subject in self.subjects):
            raise UsageError(f"expected what attestations are to be about, with its {self.pinned}, got none")
        if len(self.subjects) > 1 and not self.whole:
            raise UsageError(f"expected one artifact, got {len(self.subjects)}")
        if self.threshold < 1:
            raise UsageError(f"expected a threshold of at least 1, got {self.threshold}")
        distinct = {key.identity for key in self.keys}
        if self.keys and self.threshold > len(distinct) and not any(map(stands_for_several, self.keys)):
            raise UsageError(f"a threshold of {self.threshold} cannot be met by {len(distinct)} different key(s)")
        if any(as_openpgp(key) is not None for key in self.keys):
            raise UsageError("an OpenPGP key cannot sign attestations: their envelope has no place for its signatures")


class AttestationReport(Value):
    """How one attestation came through: it counts, or `reason` and `message` say why not.

    `signers` are those of the keys that signed it, by identity and by what findings call them; `predicate_type` is
    known once one of them did. `envelope` is there if it counts, with `content`, which is the same for attestations
    that say the same of the same subjects. `note` says what it counts for besides its own subject.
    """

    source: str
    reason: Reason | None = None
    message: str = ""
    envelope: DSSEEnvelope | None = None
    predicate_type: str = ""
    signers: Mapping[str, str] = {}
    content: str = ""
    note: str = ""

    @property
    def counts(self) -> bool:
        """Whether it counts."""
        return self.reason is None


class AttestationVerdict(Outcome):
    """The verdict on what is attested: `attestations` is everything that was looked at, in order.

    `envelopes` are those on which enough signers agree, without repetitions; they are what was asked for.
    """

    subjects: tuple[ResourceDescriptor, ...]
    predicate_type: str
    threshold: int
    attestations: tuple[AttestationReport, ...] = ()
    envelopes: tuple[DSSEEnvelope, ...] = ()

    def _validate(self) -> None:
        """An accepted verdict with a rejection in it, or without an attestation, would be a lie."""
        if self.accepted and (not self.envelopes or any(finding.rejects for finding in self.findings)):
            raise ValueError("a verdict without an attestation, or with a rejection, is no acceptance")

    @property
    def signers(self) -> tuple[str, ...]:
        """Who made the attestations that count, sorted."""
        return tuple(sorted({name for each in self.attestations if each.counts for name in each.signers.values()}))

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        if self.accepted:
            return "accepted"
        return f"rejected: {'; '.join(map(str, self.rejections)) or 'nothing was verified'}"
