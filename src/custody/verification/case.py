"""What the judge is given: the layout, the keys, the evidence, the instant, and what the verifier demands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from custody.encoding.text import is_hex
from custody.envelopes.reader import Envelope
from custody.errors import UsageError
from custody.models.link import Link
from custody.rules.artifacts import DIGEST_SIZES, Artifacts, Digests
from custody.rules.digests import DEFAULT_PINNED, check_algorithms
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.keys.key import Key, Trust
    from custody.keys.timestamps import TimestampAuthorities
    from custody.keys.x509_certificate import Certificate

__all__ = [
    "Case",
    "Completed",
    "Content",
    "Demands",
    "Evidence",
    "EvidenceSet",
    "Inspector",
    "Remembered",
    "Target",
    "UnreadableError",
]


class UnreadableError(Exception):
    """Why a file cannot be read: it is then no evidence, but hides nothing either (D13)."""


class Content(Protocol):
    """What a file holds, read when it is judged: all links of a chain would fill the memory."""

    def read(self) -> bytes:
        """Return its bytes, the same each time.

        Raises:
            UnreadableError: it cannot be read, or it holds something else by now.
            StoreError: whatever it holds, too much was read already.

        """

    def digest(self, algorithm: str) -> str:
        """Return a digest of the bytes, which were read."""


class Evidence(Value):
    """A file that may be evidence: where it was found, its bytes, and what would belong to it as a sublayout."""

    source: str
    content: bytes | Content
    nested: EvidenceSet = {}

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            UnreadableError: it cannot be read.

        """
        return self.content if isinstance(self.content, bytes) else self.content.read()

    def digest(self, algorithm: str) -> str:
        """Return a digest of its bytes as they were read."""
        if isinstance(self.content, bytes):
            import hashlib  # many layouts have nothing to inspect

            return hashlib.new(algorithm, self.content).hexdigest()
        return self.content.digest(algorithm)


EvidenceSet = Mapping[str, tuple[Evidence, ...]]
"""Evidence by the name of the step (or of a sublayout's inspection) that it was found for."""


class Target(Value):
    """The artifact under test: what to call it, and its digests."""

    name: str
    digests: Digests


class Remembered(Value):
    """The newest layout that this verifier accepted from one owner, and the ones before it."""

    digest: str
    expires: datetime
    superseded: tuple[str, ...] = ()


class Demands(Value):
    """What this verifier demands beyond the layout; the defaults are the specification's.

    `owner_threshold`: how many of the owner keys must have signed, all if None. `pinned`: the digests that must
    agree. `unanimous`: no functionary may disagree. `require_success`: commands must have returned 0. `strict`: a
    rule that consumes nothing rejects. `sublayouts`: the steps that may be sublayouts, any if None.
    `sublayout_inspections`: run the commands that sublayouts bring along. `sublayout_parameters`: pass parameters
    on to them. `layout_digest`: SHA-256 of the one layout that is meant. `max_age`: how old links may say they are.
    `targets`: artifacts that the chain must have made, as products of `product_of` (the last step if empty).
    `ignore_fields`: paths of unknown fields of the layout to ignore. `remembered`: by the identity of owner keys.
    `intermediates`: CAs that may stand between functionaries' certificates and the layout's roots, besides its own.
    `timestamps`: whose timestamps make a certificate count that has expired since; nobody's without it.
    `trust`: returns who vouches for identities that the layout has in the place of keys; without it nobody does.
    """

    owner_threshold: int | None = None
    pinned: frozenset[str] = DEFAULT_PINNED
    unanimous: bool = False
    require_success: bool = False
    strict: bool = False
    sublayouts: frozenset[str] | None = None
    sublayout_inspections: bool = False
    sublayout_parameters: bool = False
    layout_digest: str = ""
    max_age: timedelta | None = None
    targets: tuple[Target, ...] = ()
    product_of: str = ""
    ignore_fields: tuple[str, ...] = ()
    remembered: Mapping[str, Remembered] = {}
    intermediates: tuple[Certificate, ...] = ()
    timestamps: TimestampAuthorities | None = None
    trust: Trust | None = None

    def _validate(self) -> None:
        check_algorithms(self.pinned)
        if self.owner_threshold is not None and self.owner_threshold < 1:
            raise UsageError(f"expected an owner threshold >= 1, got {self.owner_threshold}")
        # A demand that is misspelt must not become one that everything meets.
        digest = self.wanted_digest
        if self.layout_digest and (len(digest) != DIGEST_SIZES["sha256"] or not is_hex(digest)):
            raise UsageError(f"expected the SHA-256 of a layout, 64 hexadecimal digits, got {self.layout_digest!r:.80}")
        if self.max_age is not None and self.max_age < timedelta(0):
            raise UsageError(f"expected a maximum age of 0 or more, got {self.max_age}")

    @property
    def wanted_digest(self) -> str:
        """The digits of `layout_digest`, empty if any layout will do."""
        return self.layout_digest.lower().removeprefix("sha256:")


class Case(Value):
    """Everything a judgement depends on."""

    layout: Envelope
    owner_keys: tuple[Key, ...]
    evidence: EvidenceSet
    at: datetime
    parameters: Mapping[str, str] = {}
    demands: Demands = Demands()


class Completed(Value):
    """How an inspection's command ended."""

    return_value: int
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False


class Inspector(Protocol):
    """Runs inspections for the judge. Without one, inspections are refused."""

    def record(self, counted: Sequence[Evidence]) -> Artifacts:
        """Return what lies in the inspected directory, without the evidence that counted."""

    def run(self, name: str, command: Sequence[str]) -> Completed:
        """Return how the command of the inspection `name` ended."""

    def keep(self, link: Link) -> None:
        """Keep the link of an inspection that ran, if anybody asked for it."""
