"""Laws of the judge of attestations: more of them never takes an acceptance away, fewer never give one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.json_lines import split_lines, write_lines
from custody.models.fields_match import read_field_demand, read_field_demands
from custody.models.predicates.link_bundle import read_link_bundle, write_link_bundle
from custody.models.resource_descriptor import ResourceDescriptor
from custody.verification.attestation_case import Attestation, AttestationDemands, AttestationVerdict
from custody.verification.attestations import judge_attestations
from tests.simulator import AT, actor

TYPES = ("https://example.com/A/v1", "https://example.com/B/v1")
DIGESTS = ("a" * 64, "b" * 64)
PEOPLE = {name: actor(name) for name in ("alice", "bob", "carol", "mallory")}


@st.composite
def attestations(draw: st.DrawFn) -> Attestation:
    """Return an attestation, good for some demands, or something that is none."""
    if not draw(st.integers(0, 5)):
        junk = draw(st.sampled_from([b"", b"{}", b"[]", b'{"payload": ""}', b'{"a": 1, "a": 2}', b"\xff"]))
        return Attestation(source="junk", data=junk)
    document = {
        "_type": draw(st.sampled_from(["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v2"])),
        "subject": [{"digest": {"sha256": draw(st.sampled_from(DIGESTS))}}],
        "predicateType": draw(st.sampled_from(TYPES)),
        "predicate": draw(st.sampled_from([{}, {"n": 1}, {"n": 2}])),
    }
    envelope = DSSEEnvelope(payload=json.dumps(document).encode())
    for name in draw(st.lists(st.sampled_from(list(PEOPLE)), max_size=2)):
        envelope = envelope.with_signature("", PEOPLE[name].sign(envelope.signed_bytes))
    return Attestation(source="some", data=envelope.write())


@st.composite
def demands(draw: st.DrawFn) -> AttestationDemands:
    names = draw(st.lists(st.sampled_from(list(PEOPLE)[:3]), min_size=1, unique=True))
    fields: tuple[str, ...] = ("predicate.n=1",) if draw(st.booleans()) else ()
    return AttestationDemands(
        subjects=(ResourceDescriptor(digest={"sha256": DIGESTS[0]}),),
        predicate_type=TYPES[0],
        keys=tuple(PEOPLE[name].public_key for name in names),
        threshold=draw(st.integers(1, len(names))),
        fields=read_field_demands(fields),
    )


def judged(found: list[Attestation], asked: AttestationDemands) -> AttestationVerdict:
    return judge_attestations(found, asked, at=AT)


@given(st.lists(attestations(), max_size=6), attestations(), demands(), st.data())
def test_one_more_never_takes_an_acceptance_away(
    found: list[Attestation], more: Attestation, asked: AttestationDemands, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(found)))
    before, after = judged(found, asked), judged([*found[:place], more, *found[place:]], asked)

    assert after.accepted or not before.accepted
    known = {envelope.payload for envelope in after.envelopes}
    assert {envelope.payload for envelope in before.envelopes} <= known


@given(st.lists(attestations(), min_size=1, max_size=6), demands(), st.data())
def test_one_less_never_gives_an_acceptance(
    found: list[Attestation], asked: AttestationDemands, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(found) - 1))
    before, after = judged(found, asked), judged([*found[:place], *found[place + 1 :]], asked)

    assert before.accepted or not after.accepted


@given(st.lists(attestations(), max_size=6), demands(), st.randoms(use_true_random=False))
def test_order_does_not_matter(found: list[Attestation], asked: AttestationDemands, random: Any) -> None:  # noqa: ANN401  # hypothesis' own
    shuffled = list(found)
    random.shuffle(shuffled)

    assert judged(shuffled, asked).accepted is judged(found, asked).accepted


@given(st.lists(attestations(), max_size=6), demands())
def test_a_stricter_demand_never_gives_an_acceptance(found: list[Attestation], asked: AttestationDemands) -> None:
    stricter = asked.replace(fields=read_field_demands(("predicate.n=1", "predicate.m=1")))

    assert not judged(found, stricter).accepted
    assert judged(found, asked.replace(fields=())).accepted or not judged(found, asked).accepted


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
names = st.text(st.characters(codec="utf-8"), max_size=10)


def expression(path: list[str | int]) -> str:
    """Return the path with every name quoted."""
    return "".join(f"[{part}]" if isinstance(part, int) else f"[{json.dumps(part)}]" for part in path)


@given(st.lists(names | st.integers(0, 3), min_size=1, max_size=4), scalars, scalars)
def test_field_demand_is_met_by_the_value_at_its_place_alone(
    path: list[str | int], value: object, other: object
) -> None:
    def around(inner: object) -> Mapping[str, Any]:
        for part in reversed(path[1:]):
            inner = {part: inner} if isinstance(part, str) else [*([None] * part), inner]
        return {str(path[0]): inner}

    path = [str(path[0]), *path[1:]]
    demand = read_field_demand(f"{expression(path)}={json.dumps(value)}")

    assert demand.problem(around(value)) == ""
    assert demand.problem({})
    same_kind = isinstance(value, bool) == isinstance(other, bool) and value == other
    assert bool(demand.problem(around(other))) is not same_kind


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}\.[0-9a-f]{8}\.link", fullmatch=True), st.binary(), min_size=1))
def test_link_bundle_has_the_bytes_that_went_in(links: Mapping[str, bytes]) -> None:
    assert read_link_bundle(write_link_bundle(links)) == links


@given(st.lists(st.dictionaries(st.text(), st.integers()), max_size=10))
def test_lines_come_back(documents: list[dict[str, int]]) -> None:
    lines = [json.dumps(document).encode() for document in documents]

    assert [line.data for line in split_lines(write_lines(lines))] == lines
