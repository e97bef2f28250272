"""How files of evidence are called: `{step}.{first 8 characters of a key id}.link`.

Such a name only says where to look. Step names may have dots in them, what follows them has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.keyid import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["SUFFIX", "by_step"]

SUFFIX = ".link"


def by_step(names: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return those of `names` that may be links by the step they may be of, sorted."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        if not name.endswith(SUFFIX):
            continue
        step, dot, label = name.removesuffix(SUFFIX).rpartition(".")
        if dot and step and 0 < len(label) <= SHORT:
            found.setdefault(step, []).append(name)
    return found
