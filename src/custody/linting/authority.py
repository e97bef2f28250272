"""Who may sign what: keys, thresholds, and people who would check themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.key import as_openpgp, stands_for_several
from custody.keys.keyid import short_id
from custody.linting.certificates import most_people
from custody.linting.complaints import Code, Complaint
from custody.linting.items import is_review, quote
from custody.rules.variants import Match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custody.keys.key import Key
    from custody.linting.items import Names
    from custody.models.layout import Layout, Step

__all__ = ["judge_authority"]


def judge_authority(layout: Layout, names: Names) -> Iterator[Complaint]:
    """Yield what is wrong with keys and thresholds."""
    direct = {step.name: _direct_sources(step) for step in layout.steps}
    for position, step in enumerate(layout.steps):
        yield from _pubkeys(layout, step, f"steps[{position}].pubkeys", names)
        yield from _threshold(layout, step, f"steps[{position}].threshold", names)
        yield from _own_work(layout, step, position, direct, names)
    yield from _keys(layout, names)


def _pubkeys(layout: Layout, step: Step, where: str, names: Names) -> Iterator[Complaint]:
    if not step.pubkeys and not step.cert_constraints:
        yield Complaint(
            code=Code.NO_PUBKEYS,
            where=where,
            sentence=f"nobody may perform step {quote(step.name)}, so it can never be performed",
            remedy="name at least one functionary",
        )
    seen: dict[str, int] = {}
    for index, keyid in enumerate(step.pubkeys):
        if layout.key(keyid) is None:
            yield Complaint(
                code=Code.UNKNOWN_PUBKEY,
                where=f"{where}[{index}]",
                sentence=f"step {quote(step.name)} names the key {quote(keyid)}, which the layout does not hold",
                remedy="add it with `custody layout add-key`, or remove the id",
            )
        if seen.setdefault(keyid, index) != index:
            yield Complaint(
                code=Code.DUPLICATE_PUBKEY,
                where=f"{where}[{index}]",
                sentence=f"step {quote(step.name)} names {names.of(keyid)} twice, which counts once",
                remedy="remove one of the two",
            )
    yield from _same_file_names(layout, step, where)


def _same_file_names(layout: Layout, step: Step, where: str) -> Iterator[Complaint]:
    """Links are called by the first characters of key ids: two that share them are one file (D5)."""
    seen: dict[str, str] = {}
    for keyid in dict.fromkeys(step.pubkeys):
        other = seen.setdefault(short_id(keyid), keyid)
        if other != keyid and layout.key(keyid) is not None:
            yield Complaint(
                code=Code.KEY_ID_PREFIX,
                where=where,
                sentence=f"two keys of step {quote(step.name)} share {quote(short_id(keyid))}, so one's"
                " link would overwrite the other's",
                remedy="keep their links in different directories, or replace one of the keys",
            )


def _threshold(layout: Layout, step: Step, where: str, names: Names) -> Iterator[Complaint]:
    by_key: dict[str, list[str]] = {}
    for key in layout.keys_of(step):
        by_key.setdefault(key.identity, []).append(key.listed_as)
    shared = [ids for ids in by_key.values() if len(ids) > 1]
    if step.threshold > 1 and shared:
        yield Complaint(
            code=Code.THRESHOLD_ONE_ACTOR,
            where=where,
            sentence=f"step {quote(step.name)} wants {step.threshold} signatures, and"
            f" {names.several(shared[0])} are one key under several ids",
            remedy="leave one id of each key; a key has one vote",
        )
    certified = most_people(step)
    if certified is None or not (step.pubkeys or certified):
        return
    if step.threshold > len(by_key) + certified and not any(map(stands_for_several, layout.keys_of(step))):
        people = f"{len(by_key)} key(s)" + (f" and the holder(s) of {certified} name(s)" if certified else "")
        yield Complaint(
            code=Code.THRESHOLD_TOO_HIGH,
            where=where,
            sentence=f"step {quote(step.name)} wants {step.threshold} signature(s), and only {people} may give one",
            remedy="authorise more functionaries, or lower the threshold",
        )


def _own_work(
    layout: Layout, step: Step, position: int, direct: Mapping[str, set[str]], names: Names
) -> Iterator[Complaint]:
    """Yield if whoever made what this step checks may perform the step too."""
    review, where = is_review(step), f"steps[{position}].pubkeys"
    found = (_all_sources(step.name, direct) if review else direct[step.name]) - {step.name}
    earlier = [other for other in layout.steps if other.name in found]
    shared: dict[str, list[str]] = {}
    for other in earlier:
        own = {key.identity for key in layout.keys_of(other)}
        for keyid in dict.fromkeys(step.pubkeys):
            key = layout.key(keyid)
            if key is not None and key.identity in own:
                shared.setdefault(keyid, []).append(other.name)
    if not shared:
        return
    steps = ", ".join(quote(name) for name in dict.fromkeys(n for s in shared.values() for n in s))
    who = names.several(list(shared))
    if review:
        yield Complaint(
            code=Code.REVIEWS_OWN_WORK,
            where=where,
            sentence=f"{who} may sign for step {quote(step.name)} and for {steps}, whose work it reviews",
            remedy="let others review: take the key from one of the steps",
        )
    else:
        yield Complaint(
            code=Code.SAME_KEY_FOLLOWS,
            where=where,
            sentence=f"{who} may sign for step {quote(step.name)} and for {steps}, whose products it takes",
            remedy="nothing, if one actor may do both; else give each step a key of its own",
        )


def _direct_sources(step: Step) -> set[str]:
    rules = (*step.expected_materials, *step.expected_products)
    return {rule.step for rule in rules if isinstance(rule, Match)}


def _all_sources(name: str, direct: Mapping[str, set[str]]) -> set[str]:
    """Return the steps whose artifacts the step takes, and theirs, and so on."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        fresh = direct.get(ahead.pop(), set()) - found
        found |= fresh
        ahead.extend(fresh)
    return found


def _subkeys(key: Key) -> frozenset[str]:
    """Return the ids by which a step may list parts of the key."""
    return frozenset() if as_openpgp(key) is None else key.names


def _keys(layout: Layout, names: Names) -> Iterator[Complaint]:
    used = {keyid for step in layout.steps for keyid in step.pubkeys}
    seen: dict[str, str] = {}
    for keyid, key in layout.keys.items():
        where = f"keys.{keyid}"
        if used.isdisjoint({keyid, *_subkeys(key)}):
            yield Complaint(
                code=Code.UNUSED_KEY,
                where=where,
                sentence=f"the key {names.of(keyid)} may sign no step",
                remedy="authorise it for a step, or leave it out",
            )
        if keyid not in key.own_ids:
            yield Complaint(
                code=Code.FOREIGN_KEY_ID,
                where=where,
                sentence=f"the id {quote(keyid)} does not follow from the key; it is a label, maybe another key's id",
                remedy="let `custody layout build` or add-key compute it",
            )
        other = seen.setdefault(key.identity, keyid)
        if other != keyid:
            yield Complaint(
                code=Code.KEY_TWICE,
                where=where,
                sentence=f"{names.of(keyid)} and {names.of(other)} are the same key",
                remedy="keep one id and use it in every step",
            )
