"""Rotating a functionary's key: the new one in the place of the old, or beside it for some time.

A layout knows keys and not people, so while both keys of one person count, that person has two votes. Where a step
wants several signatures, the two keys are therefore never put side by side. A layout cannot say either until when a key
counts, so a layout with both keys ends when the old one should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.instants import write_instant
from custody.errors import UsageError
from custody.keys.key import refuse_shared_subkeys
from custody.sources.functionaries import same_key
from custody.value import Value
from custody.workflows.layout import Change, LoadedLayout, listed, meant_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from custody.keys.key import Key
    from custody.models.layout import Layout, Step

__all__ = ["Rotation", "rotate_key"]


class Rotation(Change):
    """A change of one key for another; `old` is the label of the former one, `steps` are those that it may sign for."""

    old: str
    steps: tuple[str, ...]
    keeps_old: bool


class _Pair(Value):
    """The two keys, `old` and `new`, each by its label.

    The old one may be there under several labels; `old_ids` are these and the ids of its subkeys, as steps list them.
    """

    old: str
    old_labels: frozenset[str]
    old_ids: frozenset[str]
    new: str
    new_key: Key


def rotate_key(
    loaded: LoadedLayout, old: str, new: Key, *, keep_until: datetime | None = None, at: datetime
) -> Rotation:
    """Return the layout with `new` for the key that `old` names or begins, in every step that lists it.

    With `keep_until` the old key stays beside the new one, and the layout expires then at the latest.

    Raises:
        UsageError: no key or several are meant, `new` is the old key or another functionary's, `keep_until` is past,
            or with both keys one person would give several of the signatures that a step wants.
        FormatError: the id of `new` names other material in this layout (D3), or it shares a subkey with another key.

    """
    layout = loaded.layout
    pair = _pair(layout, old, new)
    affected = tuple(step for step in layout.steps if not pair.old_ids.isdisjoint(step.pubkeys))
    _refuse_anothers(layout, pair, affected)
    if keep_until is None:
        after = _replaced(layout, pair, affected)
    else:
        _refuse_past(keep_until, at)
        _refuse_two_votes(affected, pair)
        after = _beside(layout, pair, affected, keep_until)
    refuse_shared_subkeys(after.keys.values(), f"keys.{pair.new}")
    names = tuple(step.name for step in affected)
    said = _said(pair, names, after if keep_until is not None else None)
    return Rotation(before=loaded, after=after, said=said, old=pair.old, steps=names, keeps_old=keep_until is not None)


def _pair(layout: Layout, old: str, new: Key) -> _Pair:
    label = meant_key(layout, old)
    identity = layout.keys[label].identity
    if identity == new.identity:
        raise UsageError(f"the new key is the key {label} itself; expected another one, as `custody keygen` makes it")
    keyid = same_key(layout.keys, new, f"keys.{new.keyid}") or new.keyid
    labels = frozenset(other for other, key in layout.keys.items() if key.identity == identity)
    subkeys = frozenset(subkey for subkey, owner in layout.subkeys.items() if owner in labels)
    return _Pair(old=label, old_labels=labels, old_ids=labels | subkeys, new=keyid, new_key=new)


def _refuse_anothers(layout: Layout, pair: _Pair, affected: Iterable[Step]) -> None:
    """A key that already may do something else is somebody else's: they would get the rights of both."""
    own = {step.name for step in affected}
    others = [step.name for step in layout.steps if step.name not in own and _lists(layout, step, pair.new_key)]
    if others:
        raise UsageError(
            f"the key {pair.new} is a functionary's already, who may sign for {listed(others)}, and the key {pair.old}"
            " may not; make a new key, or if this is meant, use `custody layout add-key` and `remove-key`"
        )


def _refuse_past(keep_until: datetime, at: datetime) -> None:
    if keep_until <= at:
        raise UsageError(
            f"the old key would be kept until {write_instant(keep_until)}, which is past; without --keep-old-until"
            " the new key takes its place at once"
        )


def _refuse_two_votes(affected: Iterable[Step], pair: _Pair) -> None:
    """One person is one vote (D16), and nobody can tell that two keys are one person's once they stand side by side."""
    steps = [step for step in affected if step.threshold > 1]
    if not steps:
        return
    wants = ", ".join(f"step {step.name!r} wants {step.threshold} signatures" for step in steps)
    raise UsageError(
        f"{wants}, and whoever holds the keys {pair.old} and {pair.new} would give two of them; leave out"
        " --keep-old-until, so that the new key takes the place of the old one, and let the holder sign again"
    )


def _replaced(layout: Layout, pair: _Pair, affected: Iterable[Step]) -> Layout:
    """Return the layout with the new key where the old one was."""
    changed: dict[str, Step] = {}
    for step in affected:
        first = min(step.pubkeys.index(keyid) for keyid in pair.old_ids if keyid in step.pubkeys)
        kept = [pair.new if place == first else keyid for place, keyid in enumerate(step.pubkeys)]
        if _lists(layout, step, pair.new_key):
            del kept[first]
        changed[step.name] = step.replace(pubkeys=tuple(keyid for keyid in kept if keyid not in pair.old_ids))
    keys = {keyid: key for keyid, key in _with_new(layout, pair).items() if keyid not in pair.old_labels}
    after = _with_steps(layout.replace(keys=keys), changed)
    _require_thresholds(after, changed.values(), pair)
    return after


def _beside(layout: Layout, pair: _Pair, affected: Iterable[Step], keep_until: datetime) -> Layout:
    """Return the layout with the new key behind the old one, which ends no later than `keep_until`."""
    changed: dict[str, Step] = {}
    for step in affected:
        if _lists(layout, step, pair.new_key):
            continue
        behind = max(place for place, keyid in enumerate(step.pubkeys, 1) if keyid in pair.old_ids)
        changed[step.name] = step.replace(pubkeys=(*step.pubkeys[:behind], pair.new, *step.pubkeys[behind:]))
    both = layout.replace(keys=_with_new(layout, pair), expires=min(layout.expires, keep_until))
    return _with_steps(both, changed)


def _with_new(layout: Layout, pair: _Pair) -> dict[str, Key]:
    """Return the layout's keys with the new one behind the old one, unless it is there already."""
    keys: dict[str, Key] = {}
    for keyid, key in layout.keys.items():
        keys[keyid] = key
        if keyid == pair.old and pair.new not in layout.keys:
            keys[pair.new] = pair.new_key
    return keys


def _with_steps(layout: Layout, changed: Mapping[str, Step]) -> Layout:
    return layout.replace(steps=tuple(changed.get(step.name, step) for step in layout.steps))


def _lists(layout: Layout, step: Step, key: Key) -> bool:
    return any(there.identity == key.identity for there in layout.keys_of(step))


def _require_thresholds(after: Layout, steps: Iterable[Step], pair: _Pair) -> None:
    for step in steps:
        left = {key.identity for key in after.keys_of(step)}
        if len(left) < step.threshold:
            raise UsageError(
                f"without the key {pair.old}, step {step.name!r} has {len(left)} key(s) for a threshold of"
                f" {step.threshold}; give a new key that may not sign for it already, or add a functionary first"
            )


def _said(pair: _Pair, steps: tuple[str, ...], kept: Layout | None) -> str:
    key = f"the key {pair.new} ({pair.new_key.keytype})"
    which = f" for {listed(steps)}" if steps else ", which may sign for no step"
    if kept is None:
        return f"{key} takes the place of {pair.old}{which}"
    return f"{key} stands beside {pair.old}{which}; the layout expires at {write_instant(kept.expires)}"
