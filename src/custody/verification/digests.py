"""Whether links carry the digests that must agree (D11).

Where a rule compares artifacts, a missing digest fails. Where no rule compares anything, nobody would notice that the
verifier demanded a digest which the chain does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.uniform import UniformObject
from custody.verdict import Reason, Severity

if TYPE_CHECKING:
    from custody.models.link import Link
    from custody.verification.ledger import Ledger
    from custody.verification.place import Place

__all__ = ["check_digests"]


def check_digests(step: str, link: Link, place: Place, ledger: Ledger) -> None:
    """Write down that artifacts of `link` lack a digest that must agree; strictness rejects that."""
    pinned = place.demands.pinned
    lacking = [
        name
        for artifacts in (link.materials, link.products)
        if not (isinstance(artifacts, UniformObject) and artifacts.all_have(pinned))
        for name, digests in artifacts.items()
        if not pinned <= digests.keys()
    ]
    if lacking:
        ledger.add(
            Reason.DIGEST_MISSING,
            Severity.REJECTION if place.demands.strict else Severity.WARNING,
            place.subject("step", step),
            f"{len(lacking)} of its artifacts lack a digest that must agree ({', '.join(sorted(pinned))}), such as"
            f" {lacking[0]!r:.200}; record them with --hash, or choose another one here",
        )
