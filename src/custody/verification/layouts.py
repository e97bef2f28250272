"""What speaks against a layout itself, whatever the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import write_instant
from custody.keys.keyid import short_id
from custody.verdict import Reason

if TYPE_CHECKING:
    from custody.models.layout import Layout
    from custody.verification.ledger import Ledger
    from custody.verification.place import Place

__all__ = ["check_layout"]


def check_layout(layout: Layout, place: Place, ledger: Ledger) -> None:
    """Write down what speaks against the layout itself: expiry, no steps, keys under two names or missing."""
    subject = place.layout_subject
    if place.at >= layout.expires:  # D19: an instant is either before the expiry or too late
        ledger.reject(
            Reason.LAYOUT_EXPIRED,
            subject,
            f"it expired at {write_instant(layout.expires)}, and now is {write_instant(place.at)}; ask its owner for a"
            " newer one",
        )
    if not layout.steps:  # A2: nothing demanded is nothing proven
        ledger.reject(Reason.LAYOUT_EMPTY, subject, "it has no steps, so it proves nothing")
    for path in layout.ignored:
        ledger.warn(Reason.FIELD_IGNORED, subject, f"the unknown field {path} is ignored as told")
    _check_keys(layout, place, ledger)


def _check_keys(layout: Layout, place: Place, ledger: Ledger) -> None:
    owners: dict[str, str] = {}
    for keyid, key in layout.keys.items():
        other = owners.setdefault(key.identity, keyid)
        if other != keyid:
            ledger.warn(
                Reason.KEY_SHARED,
                place.layout_subject,
                f"keys {short_id(other)} and {short_id(keyid)} are one key under two names, and count once",
            )
    for step in layout.steps:
        for keyid in step.pubkeys:
            if layout.key(keyid) is None:
                ledger.warn(
                    Reason.KEY_MISSING,
                    place.subject("step", step.name),
                    f"its functionary {keyid:.80} has no key in the layout, so nobody can sign as them",
                )
