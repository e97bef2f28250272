"""Verifying a supply chain: read the layout, gather the evidence it asks for, judge, remember."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.encoding.strict import MAX_DOCUMENT_BYTES
from custody.encoding.text import is_hex
from custody.envelopes.reader import Envelope, read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import FormatError, StoreError, UsageError
from custody.files import read_file
from custody.keys.key import may_sign_for, trusting
from custody.rules.artifacts import DIGEST_SIZES
from custody.rules.digests import MODE
from custody.stores.directory import DirectoryStore
from custody.value import Value
from custody.verification.case import Case, Demands, Target
from custody.verification.judge import judge, open_layout
from custody.verification.ledger import Ledger
from custody.workflows.gather import gather
from custody.workflows.inspect import DirectoryInspector, InspectionOptions
from custody.workflows.trust import trust_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custody.keys.key import Key
    from custody.keys.x509_certificate import Certificate
    from custody.models.layout import Layout
    from custody.rules.artifacts import Artifacts
    from custody.stores.protocol import EvidenceStore
    from custody.verdict import Verdict

__all__ = ["Verification", "read_layout_file", "target_of", "verify", "verify_materials"]


class Verification(Value):
    """What a verification looks at, and how it goes about it.

    `layout` is a file or an envelope; `evidence` a directory or a store. `state` is the file that remembers the newest
    layout of each owner, unless empty. `at` is the instant to judge at, now if None. `artifacts` are files, or digests
    such as `sha256:...`, that the chain must have made. `trusted_root` is the file that says who vouches for identities
    in the place of keys, the public Sigstore instance if empty.
    """

    layout: str | Envelope
    owner_keys: tuple[Key, ...]
    evidence: str | EvidenceStore = "."
    artifacts: tuple[str, ...] = ()
    parameters: Mapping[str, str] = {}
    demands: Demands = Demands()
    inspections: InspectionOptions | None = InspectionOptions()
    state: str = ""
    at: datetime | None = None
    progress: Callable[[str], None] | None = None
    trusted_root: str = ""


def verify(verification: Verification) -> Verdict:
    """Return the verdict; with `inspections=None` a layout that has some is rejected.

    Raises:
        CustodyError: it could not be judged: a file is missing or no such document, an inspection cannot be run.

    """
    case, layout = _opened(verification)
    options = verification.inspections
    if options is None:
        verdict = judge(case)
    else:
        own = (verification.state,) if verification.state else ()
        with DirectoryInspector(options, case.demands.pinned, verification.progress, own=own) as inspector:
            if layout is not None:
                inspector.expect(layout.inspect)
            verdict = judge(case, inspector)
    if verdict.accepted and verification.state:
        from custody.workflows.remembering import remember

        signed = signed_by(case.layout, case.owner_keys, at=case.at)
        identities = tuple(k.identity for k in case.owner_keys if any(may_sign_for(k, other) for other in signed))
        remember(verification.state, verdict, identities, named=bool(case.demands.layout_digest))
    return verdict


def verify_materials(
    verification: Verification,
    step: str,
    materials: Artifacts,
    functionary: Key,
    certificate: Certificate | None = None,
) -> Verdict:
    """Return whether `functionary` may perform `step` on `materials` (specification 1.0, section 5.3.5)."""
    from custody.verification.materials import judge_materials  # only before a step

    case, _ = _opened(verification)
    return judge_materials(case, step, materials, functionary, certificate)


def read_layout_file(path: str) -> Envelope:
    """Return the envelope in the file `path`, which is named in every error."""
    data = read_file(path, what="layout", limit=MAX_DOCUMENT_BYTES)
    try:
        return read_envelope(data)
    except FormatError as error:
        raise error.within(path) from None


def target_of(artifact: str, pinned: frozenset[str]) -> Target:
    """Return the artifact under test: a digest as `sha256:HEX`, otherwise the file of that name."""
    algorithm, colon, digest = artifact.partition(":")
    if colon and algorithm in DIGEST_SIZES:
        if len(digest) != DIGEST_SIZES[algorithm] or not is_hex(digest):
            raise UsageError(
                f"expected {DIGEST_SIZES[algorithm]} hexadecimal digits after {algorithm!r}, got {digest!r:.80}"
            )
        if pinned - {MODE} != {algorithm}:
            raise UsageError(
                f"the digests that must agree are {', '.join(sorted(pinned - {MODE}))}, and {artifact!r:.40}... gives"
                f" {algorithm} only; name the file itself, or choose --hash {algorithm}"
            )
        return Target(name=artifact, digests={algorithm: digest.lower()})
    if not colon and not os.path.lexists(artifact):
        raise StoreError(f"there is no file {artifact!r} to test; give its path, or its digest as sha256:HEX")
    if os.path.isdir(artifact):
        raise UsageError(
            f"expected a file as the artifact under test, got the directory {artifact!r}; name a file in it, or"
            f" 'dir:{artifact}' where the chain recorded it as a whole"
        )
    from custody.artifacts.recording import Recording, record

    algorithms = tuple(sorted(pinned - {MODE}))
    recorded = record([artifact], Recording(hash_algorithms=algorithms, exclude=()))
    (digests,) = recorded.artifacts.values()
    return Target(name=artifact, digests=digests)


def _demands(verification: Verification) -> Demands:
    """Return the demands with the artifacts under test and what is remembered, besides those that are there."""
    demands = verification.demands
    named = tuple(target_of(artifact, demands.pinned) for artifact in verification.artifacts)
    demands = demands.replace(targets=(*demands.targets, *named))
    if verification.trusted_root or demands.trust is None:
        demands = demands.replace(trust=trust_in(verification.trusted_root))
    if demands.product_of and not demands.targets:
        raise UsageError(f"product of {demands.product_of!r}: expected an artifact under test (--artifact), got none")
    if not verification.state:
        return demands
    from custody.workflows.remembering import recall

    if demands.remembered:
        raise UsageError("expected either a state file or what is remembered, got both")
    return demands.replace(remembered=recall(verification.state))


def _opened(verification: Verification) -> tuple[Case, Layout | None]:
    """Return what is to be judged, and the layout if its owners signed it."""
    layout = verification.layout
    envelope = read_layout_file(layout) if isinstance(layout, str) else layout
    demands = _demands(verification)
    case = Case(
        layout=envelope,
        owner_keys=tuple(trusting(key, demands.trust) for key in verification.owner_keys),
        evidence={},
        at=verification.at or datetime.now(UTC),
        parameters=verification.parameters,
        demands=demands,
    )
    # Which files are evidence only the owners' layout says; before its signatures are good nothing is looked for.
    try:
        opened = open_layout(case, Ledger()).layout
    except FormatError as error:
        raise error.within(layout if isinstance(layout, str) else "layout") from None
    if opened is None:
        return case, None
    store = verification.evidence
    # Where commands run, files are read again, and some are left out of what the commands see.
    again = verification.inspections is not None and (opened.inspect or demands.sublayout_inspections)
    found = gather(
        opened,
        DirectoryStore(store) if isinstance(store, str) else store,
        digests=sorted(demands.pinned - {MODE}) if again else (),
        progress=verification.progress,
        at=case.at,
        demands=demands,
    )
    return case.replace(evidence=found), opened
