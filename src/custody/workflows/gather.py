"""Fetching the evidence that a verified layout asks for; whether it counts is not decided here.

A functionary's sublayout says what more to fetch only after its signature was checked, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import FormatError, StoreError
from custody.models.layout import read_layout
from custody.verification.case import Demands, Evidence, UnreadableError
from custody.verification.chain import MAX_SUBLAYOUT_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from custody.envelopes.reader import Envelope
    from custody.models.layout import Layout, Step
    from custody.stores.protocol import EvidenceStore
    from custody.verification.case import EvidenceSet

    SignedTest = Callable[[Envelope], bool]

__all__ = ["MAX_FILES", "MAX_TOTAL_BYTES", "gather"]

MAX_FILES = 10_000
"""The most files that one verification fetches, sublayouts included."""

MAX_TOTAL_BYTES = 2 * 1024 * 1024 * 1024
"""The most bytes that one verification reads."""


def gather(
    layout: Layout,
    store: EvidenceStore,
    *,
    digests: Sequence[str] = ("sha256",),
    progress: Callable[[str], None] | None = None,
    at: datetime | None = None,
    demands: Demands = Demands(),  # noqa: B008  # a frozen value
) -> EvidenceSet:
    """Return what `store` has for the steps of `layout` and of its sublayouts.

    Sublayouts that are signed by certificates need the instant `at`, and may need the `intermediates` of `demands`.
    Those that are signed by identities need its `trust`.

    What may have a sublayout's evidence beside it is read now, all else when it is judged. The `digests` of what was
    read are kept, and a file that is read again must still have them; without any it can be read once only.

    Raises:
        StoreError: there are absurdly many files. Reading evidence raises it if there are absurdly many bytes.

    """
    gathering = _Gathering(digests, progress)
    gathering.at, gathering.demands = at, demands
    return gathering.steps(layout, store, depth=0)


class _Gathering:
    """Counts what is fetched over all levels."""

    def __init__(self, digests: Sequence[str], progress: Callable[[str], None] | None) -> None:
        self.digests = digests
        self.progress = progress
        self.at: datetime | None = None
        self.demands = Demands()
        self._count = 0
        self._bytes = 0

    def add(self, size: int) -> None:
        """Count what was read; too much is a StoreError."""
        self._bytes += size
        if self._bytes > MAX_TOTAL_BYTES:
            raise StoreError(f"expected at most {MAX_TOTAL_BYTES} bytes of evidence, found more")

    def steps(self, layout: Layout, store: EvidenceStore, depth: int) -> dict[str, tuple[Evidence, ...]]:
        return {
            step.name: tuple(
                self._fetch(name, store, self._test_of(step, layout), depth) for name in store.links(step.name)
            )
            for step in layout.steps
        }

    def _test_of(self, step: Step, layout: Layout) -> SignedTest | None:
        """Return what says whether a functionary of `step` signed an envelope; None if nobody can have."""
        keys, by_certificate = layout.keys_of(step), bool(step.cert_constraints) and self.at is not None
        if not by_certificate:
            return (lambda envelope: bool(signed_by(envelope, keys))) if keys else None
        return lambda envelope: bool(signed_by(envelope, keys)) or self._is_certified(envelope, step, layout)

    def _is_certified(self, envelope: Envelope, step: Step, layout: Layout) -> bool:
        from custody.verification.certified import certified_by  # few layouts ask for certificates

        return self.at is not None and bool(certified_by(envelope, step, layout, self.at, self.demands)[0])

    def _fetch(self, name: str, store: EvidenceStore, signed: SignedTest | None, depth: int) -> Evidence:
        self._count += 1
        if self._count > MAX_FILES:
            raise StoreError(f"expected at most {MAX_FILES} files of evidence, found more")
        file = _File(name, store, self)
        evidence = Evidence(source=store.source(name), content=file)
        try:
            inside = store.nested(name) if signed and depth < MAX_SUBLAYOUT_DEPTH else None
        except StoreError as error:
            file.trouble = str(error)
            return evidence
        if inside is None or signed is None:
            return evidence
        try:
            content = file.read()
        except UnreadableError:
            return evidence  # the judge is told, too
        return evidence.replace(content=content, nested=self._sublayout(content, inside, signed, depth))

    def _sublayout(self, content: bytes, inside: EvidenceStore, signed: SignedTest, depth: int) -> EvidenceSet:
        try:
            envelope = read_envelope(content)
            if not signed(envelope):
                return {}
            layout = read_layout(envelope.content()).trusting(self.demands.trust)
        except FormatError:
            return {}  # the judge reads it again and says what is wrong with it
        found = self.steps(layout, inside, depth + 1)
        for inspection in layout.inspect:
            # Links of inspections that the sublayout's signer already made (section 4.5.3).
            found[inspection.name] = tuple(
                self._fetch(name, inside, None, depth + 1) for name in inside.links(inspection.name)
            )
        return found


class _File:
    """A file of a store, which is read when it is judged."""

    def __init__(self, name: str, store: EvidenceStore, gathering: _Gathering) -> None:
        self.trouble = ""
        self._name = name
        self._store = store
        self._gathering = gathering
        self._found: dict[str, str] | None = None

    def read(self) -> bytes:
        """Return its bytes."""
        source = self._store.source(self._name)
        data = self._fetched(source)
        found = {algorithm: _digest(algorithm, data) for algorithm in self._gathering.digests}
        if self._found is None:
            self._gathering.add(len(data))
            self._found = found
        elif not found:
            raise StoreError(f"{source!r} can be read once only, since none of its digests were asked for")
        elif self._found != found:
            raise UnreadableError(f"{source!r} changed while it was verified")
        return data

    def digest(self, algorithm: str) -> str:
        """Return a digest of the bytes, which were read."""
        known = (self._found or {}).get(algorithm)
        return known or _digest(algorithm, self.read())

    def _fetched(self, source: str) -> bytes:
        if self.trouble:
            raise UnreadableError(self.trouble)
        if self._gathering.progress is not None and self._found is None:
            self._gathering.progress(source)
        try:
            return self._store.read(self._name)
        except StoreError as error:
            raise UnreadableError(str(error)) from error


def _digest(algorithm: str, data: bytes) -> str:
    import hashlib  # only for what an inspection must not see

    return hashlib.new(algorithm, data).hexdigest()
