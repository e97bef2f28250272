"""Fetching the evidence that a verified layout asks for; whether it counts is not decided here.

A functionary's sublayout says what more to fetch only after its signature was checked, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import FormatError, StoreError
from custody.models.layout import read_layout
from custody.verification.case import Evidence
from custody.verification.chain import MAX_SUBLAYOUT_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from custody.keys.key import Key
    from custody.models.layout import Layout
    from custody.stores.protocol import EvidenceStore
    from custody.verification.case import EvidenceSet

__all__ = ["MAX_FILES", "MAX_TOTAL_BYTES", "gather"]

MAX_FILES = 10_000
"""The most files that one verification fetches, sublayouts included."""

MAX_TOTAL_BYTES = 2 * 1024 * 1024 * 1024
"""The most bytes that one verification fetches: all of them are held in memory."""


def gather(layout: Layout, store: EvidenceStore, *, progress: Callable[[str], None] | None = None) -> EvidenceSet:
    """Return what `store` has for the steps of `layout` and of its sublayouts.

    A file that cannot be read is evidence with `trouble`: it must not hide enough good ones (D13).

    Raises:
        StoreError: there are absurdly many files or bytes.

    """
    return _Gathering(progress).steps(layout, store, depth=0)


class _Gathering:
    """Counts what is fetched over all levels."""

    def __init__(self, progress: Callable[[str], None] | None) -> None:
        self._progress = progress
        self._count = 0
        self._bytes = 0

    def steps(self, layout: Layout, store: EvidenceStore, depth: int) -> dict[str, tuple[Evidence, ...]]:
        return {
            step.name: tuple(self._fetch(name, store, layout.keys_of(step), depth) for name in store.links(step.name))
            for step in layout.steps
        }

    def _fetch(self, name: str, store: EvidenceStore, keys: Sequence[Key], depth: int) -> Evidence:
        self._count += 1
        if self._count > MAX_FILES:
            raise StoreError(f"expected at most {MAX_FILES} files of evidence, found more")
        source = store.source(name)
        if self._progress is not None:
            self._progress(source)
        try:
            content = store.read(name)
            inside = store.nested(name) if keys and depth < MAX_SUBLAYOUT_DEPTH else None
        except StoreError as error:
            return Evidence(source=source, content=b"", trouble=str(error))
        self._bytes += len(content)
        if self._bytes > MAX_TOTAL_BYTES:
            raise StoreError(f"expected at most {MAX_TOTAL_BYTES} bytes of evidence, found more")
        nested: EvidenceSet = {}
        if inside is not None:
            nested = self._sublayout(content, inside, keys, depth)
        return Evidence(source=source, content=content, nested=nested)

    def _sublayout(self, content: bytes, inside: EvidenceStore, keys: Sequence[Key], depth: int) -> EvidenceSet:
        try:
            envelope = read_envelope(content)
            if not signed_by(envelope, keys):
                return {}
            layout = read_layout(envelope.content())
        except FormatError:
            return {}  # the judge reads it again and says what is wrong with it
        found = self.steps(layout, inside, depth + 1)
        for inspection in layout.inspect:
            # Links of inspections that the sublayout's signer already made (section 4.5.3).
            found[inspection.name] = tuple(
                self._fetch(name, inside, (), depth + 1) for name in inside.links(inspection.name)
            )
        return found
