"""Laws of the judge: it never gets easier by having less or other evidence, and nothing but CustodyError comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custody.envelopes.reader import Envelope, read_envelope
from custody.errors import CustodyError
from custody.models.link import Link
from custody.rules.artifacts import Artifacts
from custody.verdict import Reason, Verdict
from custody.verification.case import Demands
from custody.verification.judge import judge
from tests.simulator import AT, Simulator, actor, hashed, signed, two_steps

FUNCTIONARIES = ("alice", "bob", "carol")

contents = st.dictionaries(st.sampled_from(["a", "b", "src/a"]), st.sampled_from(["1", "2"]), max_size=2)


@st.composite
def chains(draw: st.DrawFn) -> Simulator:
    """Return a chain of two steps with some links, good and bad; some are accepted, most are not."""
    chain = Simulator(dsse=draw(st.booleans()))
    made = draw(contents)
    rules = draw(
        st.sampled_from(
            [[], ["DISALLOW *"], ["MATCH * WITH PRODUCTS FROM one", "DISALLOW *"], ["REQUIRE a", "ALLOW *"]]
        )
    )
    chain.step("one", *FUNCTIONARIES, threshold=draw(st.integers(1, 3)), perform=False)
    chain.step("two", *FUNCTIONARIES, threshold=draw(st.integers(1, 2)), expected_materials=rules, perform=False)
    for step in ("one", "two"):
        for who in draw(st.lists(st.sampled_from((*FUNCTIONARIES, "mallory")), unique=True)):
            used = draw(st.sampled_from([made, made, draw(contents)]))
            name = draw(st.sampled_from(["", "", "", "three"]))
            products, materials = (used, {}) if step == "one" else ({}, used)
            chain.perform(step, who, products=products, materials=materials, name=name)
    chain.demands = Demands(unanimous=draw(st.booleans()), strict=draw(st.booleans()))
    return chain


def unsound(verdict: Verdict) -> frozenset[Reason]:
    """Return reasons that less evidence may take away: those that say that there is too much of it."""
    return verdict.reasons & {Reason.LINKS_AMBIGUOUS, Reason.DISSENT}


@given(chains(), st.data())
def test_less_evidence_never_turns_a_rejection_into_an_acceptance(chain: Simulator, data: st.DataObject) -> None:
    before = chain.judge()
    if not chain.files:
        return
    del chain.files[data.draw(st.sampled_from(sorted(chain.files)))]
    after = chain.judge()
    # Taking away one of two contradicting stories leaves the other; nothing else gets better by having less.
    if after.accepted and not before.accepted:
        assert unsound(before)


JUNK = (b"", b"{}", b"null", b'{"signed": {"_type": "link"}, "signatures": []}')


@given(chains(), st.sampled_from(["one", "two"]), st.data())
def test_evidence_that_no_functionary_signed_changes_nothing(chain: Simulator, step: str, data: st.DataObject) -> None:
    before = chain.judge()
    file = f"{step}.junk.link"
    kind = data.draw(st.sampled_from(["junk", "unsigned", "foreign", "stolen signature", "sublayout"]))
    link = Link(name=step, products=hashed(data.draw(contents)), materials=hashed(data.draw(contents))).document()
    if kind == "junk":
        chain.files[file] = data.draw(st.sampled_from(JUNK) | st.binary(max_size=20))
    elif kind == "unsigned":
        chain.files[file] = signed(link, dsse=chain.dsse).write()
    elif kind == "foreign":
        chain.put(step, "mallory", link, "eve", file=file)
    elif kind == "sublayout":
        chain.put(step, "mallory", two_steps().document(), file=file)
    elif chain.files:
        donor = read_envelope(chain.files[data.draw(st.sampled_from(sorted(chain.files)))])
        recipient = signed(link, dsse=chain.dsse)
        if recipient.signed_bytes != donor.signed_bytes:
            chain.files[file] = recipient.replace(signatures=donor.signatures).write()
    after = chain.judge()
    assert after.accepted == before.accepted
    assert after.summary_link == before.summary_link
    assert [step.signers for step in after.steps] == [step.signers for step in before.steps]


@given(chains())
def test_both_kinds_of_envelope_give_the_same_verdict(chain: Simulator) -> None:
    def other(envelope: Envelope) -> Envelope:
        document = envelope.content()
        names = {each.keyid: each for each in actors}
        return signed(document, *(names[s.keyid] for s in envelope.signatures), dsse=not chain.dsse)

    actors = [actor(name) for name in (*FUNCTIONARIES, "mallory", "owner")]
    one = chain.judge()
    chain.files = {name: other(read_envelope(data)).write() for name, data in chain.files.items()}
    chain.dsse = not chain.dsse
    two = chain.judge()
    assert (one.accepted, one.reasons, one.summary_link) == (two.accepted, two.reasons, two.summary_link)
    assert [step.signers for step in one.steps] == [step.signers for step in two.steps]


def files_of(*, dsse: bool) -> dict[str, bytes]:
    chain = two_steps(dsse=dsse)
    return {"root.layout": chain.envelope().write(), **chain.files}


def outcome(files: Mapping[str, bytes]) -> Verdict | None:
    """Return the verdict on the files of a chain, None if they could not be judged."""
    chain = two_steps()
    chain.files = {name: data for name, data in files.items() if name != "root.layout"}
    try:
        return judge(chain.case(read_envelope(files["root.layout"])))
    except CustodyError:
        return None


@given(st.booleans(), st.data())
@settings(max_examples=300)
def test_no_changed_byte_of_a_signed_file_changes_what_is_accepted(dsse: bool, data: st.DataObject) -> None:
    files = files_of(dsse=dsse)
    accepted = outcome(files)
    assert accepted is not None
    accepted.require()
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    flipped = files[name][place] ^ (1 << data.draw(st.integers(0, 7)))
    files[name] = files[name][:place] + bytes([flipped]) + files[name][place + 1 :]
    after = outcome(files)
    if after is not None and after.accepted:
        assert after.summary_link == accepted.summary_link
        assert after.layout_digest == accepted.layout_digest
        assert after.layout_expires == accepted.layout_expires


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value inside of `value`."""
    found = [path] if path else []
    if isinstance(value, dict):
        items: list[tuple[str | int, object]] = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        items = []
    return found + [place for key, inner in items for place in places(inner, (*path, key))]


def mutated(document: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """Return a copy with a few values replaced, or taken away."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for _ in range(data.draw(st.integers(1, 3))):
        every = places(copy)
        if not every:
            break
        *path, last = data.draw(st.sampled_from(every))
        place: Any = copy
        for part in path:
            place = place[part]
        if isinstance(place, dict) and data.draw(st.booleans()):
            del place[last]
        else:
            place[last] = data.draw(json_values)
    return copy


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_a_signed_layout_of_any_shape_is_judged_or_refused(data: st.DataObject) -> None:
    chain = two_steps()
    document = mutated(chain.layout.document(), data)
    envelope = signed(document, chain.owner, dsse=True)
    with suppress(CustodyError):
        judge(chain.case(envelope))


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_a_signed_link_of_any_shape_is_judged(data: st.DataObject) -> None:
    chain = two_steps(dsse=True)
    link = Link(
        name="build",
        materials=hashed({"src/a.py": "1"}),
        products=hashed({"src/a.py": "1", "out": "2"}),
        byproducts={"return-value": 0},
        environment={"finishedOn": "2030-01-01T00:00:00Z"},
    )
    chain.put("build", "bob", mutated(link.document(), data))
    chain.demands = Demands(max_age=AT - AT, require_success=True)
    chain.judge()


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_a_signed_sublayout_of_any_shape_is_judged(data: st.DataObject) -> None:
    inner = two_steps(dsse=True)
    inner.document_changes.append(lambda document: _become(document, mutated(document, data)))
    chain = Simulator(dsse=True)
    chain.step("build", "bob", perform=False)
    chain.sublayout("build", "bob", inner)
    chain.judge()


def _become(document: dict[str, Any], other: dict[str, Any]) -> None:
    document.clear()
    document.update(other)


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_as_a_link_are_judged(data: bytes) -> None:
    chain = two_steps()
    accepted = chain.judge().require()
    chain.files["build.any.link"] = data
    assert chain.judge().require().summary_link == accepted.summary_link
    chain.files["write.any.link"] = data
    chain.judge()


artifacts: st.SearchStrategy[Artifacts] = contents.map(hashed)


@given(artifacts, artifacts, artifacts, st.permutations(FUNCTIONARIES))
def test_the_order_of_evidence_decides_nothing(
    one: Artifacts, two: Artifacts, three: Artifacts, who: list[str]
) -> None:
    verdicts = []
    for names in (("1", "2", "3"), ("3", "2", "1"), ("2", "3", "1")):
        chain = Simulator()
        chain.step("build", *FUNCTIONARIES, threshold=2, perform=False)
        for made, each, name in zip((one, two, three), who, names, strict=True):
            chain.put("build", each, Link(name="build", products=made).document(), file=f"build.{name}.link")
        verdict = chain.judge()
        verdicts.append((verdict.accepted, verdict.reasons, verdict.summary_link, verdict.steps[0].signers))
    assert verdicts[0] == verdicts[1] == verdicts[2]
