"""Compare files with the products that a link lists, to know whether they are what the step made.

Two artifacts are the same if they have every pinned digest, and no digest that both have differs (D11). Files are
hashed with everything that the link's products are hashed with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from custody.artifacts.recording import Recording, record
from custody.errors import UsageError
from custody.models.link import Link
from custody.rules.artifacts import DIGEST_SIZES, Artifacts
from custody.rules.digests import DEFAULT_PINNED, MODE, Comparison, check_algorithms
from custody.value import Value

if TYPE_CHECKING:
    from custody.artifacts.resolvers import Resolver

__all__ = ["Match", "match_products"]


class Match(Value):
    """How files differ from products: three lists of sorted names, all empty if they do not.

    `compared` counts the names that are on both sides.
    """

    only_in_products: tuple[str, ...] = ()
    not_in_products: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    compared: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the files are exactly the products."""
        return not (self.only_in_products or self.not_in_products or self.differing)


_USUAL = Recording()


def match_products(
    link: Link,
    paths: Sequence[str] = (".",),
    *,
    recording: Recording = _USUAL,
    pinned: Iterable[str] = DEFAULT_PINNED,
    resolvers: Mapping[str, Resolver] | None = None,
) -> Match:
    """Return how the files at `paths` differ from the products of `link`.

    The algorithms of `recording` are replaced by the pinned ones and the link's own; modes are compared if the link
    has them. `resolvers` record by URI scheme, the usual ones if None.

    A path that is missing lacks its products.

    Raises:
        RecordingError: a path cannot be recorded.
        UsageError: there is nothing to compare, or an algorithm is unknown.

    """
    comparison = Comparison(pinned=check_algorithms(pinned))
    used = {algorithm for digests in link.products.values() for algorithm in digests}
    known = tuple(name for name in DIGEST_SIZES if name in used | comparison.pinned)
    with_modes = MODE in used | comparison.pinned
    wanted = recording.replace(hash_algorithms=known, modes=with_modes, missing_ok=True)
    found = record(paths, wanted, resolvers=resolvers)
    if not link.products and not found.artifacts:
        raise UsageError("there is nothing to compare: the link has no products and no file was found")
    match = _match(link.products, found.artifacts, comparison)
    return match.replace(warnings=found.warnings + match.warnings)


def _match(products: Artifacts, files: Artifacts, comparison: Comparison) -> Match:
    both = products.keys() & files.keys()
    weak = sum(not comparison.comparable(products[name], files[name]) for name in both)
    return Match(
        only_in_products=tuple(sorted(products.keys() - both)),
        not_in_products=tuple(sorted(files.keys() - both)),
        differing=tuple(sorted(name for name in both if not comparison.same(products[name], files[name]))),
        compared=len(both),
        warnings=(_too_weak(weak, comparison),) if weak else (),
    )


def _too_weak(count: int, comparison: Comparison) -> str:
    wanted = ", ".join(sorted(comparison.pinned))
    return f"the link has no {wanted} for {count} of its products, which therefore count as differing"
