from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from custody.errors import FormatError
from custody.keys.public import PublicKey
from custody.models.layout import MAX_ITEMS, Inspection, Layout, Step, read_layout
from custody.rules.variants import Allow, Disallow, Match

PUBLIC = "393e671b200f964c49083d34a867f5d989ec1c69df7b66758fe471c8591b139c"
KEY = {"keyid": "carol", "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": PUBLIC}}
STEP = {
    "_type": "step",
    "name": "build",
    "pubkeys": ["carol"],
    "threshold": 1,
    "expected_command": ["make"],
    "expected_materials": [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "clone"]],
    "expected_products": [["ALLOW", "app"], ["DISALLOW", "*"]],
}
INSPECTION = {
    "_type": "inspection",
    "name": "untar",
    "run": ["tar", "xf", "app"],
    "expected_materials": [],
    "expected_products": [["DISALLOW", "evil"]],
}
LAYOUT = {
    "_type": "layout",
    "expires": "2030-01-01T00:00:00Z",
    "readme": "hello",
    "keys": {"carol": KEY},
    "steps": [STEP],
    "inspect": [INSPECTION],
}
Path = tuple[str | int, ...]


def layout(path: Path = (), value: object = ...) -> dict[str, Any]:
    """Return a good layout with one place changed, or removed if `value` is `...`."""
    document = copy.deepcopy(LAYOUT)
    if not path:
        return document
    inner: Any = document
    for part in path[:-1]:
        inner = inner[part]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


def refused(document: object) -> str:
    with pytest.raises(FormatError) as caught:
        read_layout(document)
    return str(caught.value)


def step(name: str) -> dict[str, Any]:
    return {**STEP, "name": name}


def test_a_layout_is_read() -> None:
    found = read_layout(LAYOUT)
    assert found.expires == datetime(2030, 1, 1, tzinfo=UTC)
    assert found.readme == "hello"
    assert found.steps == (
        Step(
            name="build",
            pubkeys=("carol",),
            threshold=1,
            expected_command=("make",),
            expected_materials=(Match(pattern="*", side="products", step="clone"),),
            expected_products=(Allow(pattern="app"), Disallow(pattern="*")),
        ),
    )
    assert found.inspect == (
        Inspection(name="untar", run=("tar", "xf", "app"), expected_products=(Disallow(pattern="evil"),)),
    )
    carol = found.keys["carol"]
    assert isinstance(carol, PublicKey)
    assert carol.public == PUBLIC
    assert found.ignored == ()


def test_a_layout_is_written_and_read_back() -> None:
    assert read_layout(LAYOUT).document() == LAYOUT
    assert read_layout(read_layout(LAYOUT).document()) == read_layout(LAYOUT)


@pytest.mark.parametrize(
    "path",
    [
        ("readme",),
        ("inspect",),
        ("steps", 0, "_type"),
        ("steps", 0, "threshold"),
        ("steps", 0, "expected_command"),
        ("steps", 0, "expected_materials"),
        ("inspect", 0, "_type"),
        ("inspect", 0, "expected_materials"),
        ("keys", "carol", "keyid"),
    ],
)
def test_some_fields_may_be_left_out(path: Path) -> None:
    read_layout(layout(path))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("_type",), "_type"),
        (("expires",), "expires"),
        (("keys",), "keys"),
        (("steps",), "steps"),
        (("steps", 0, "name"), "steps[0].name"),
        (("steps", 0, "pubkeys"), "steps[0].pubkeys"),
        (("inspect", 0, "name"), "inspect[0].name"),
        (("inspect", 0, "run"), "inspect[0].run"),
        (("keys", "carol", "keyval"), "keys.carol.keyval"),
    ],
)
def test_others_may_not(path: Path, place: str) -> None:
    assert refused(layout(path)).startswith(f"{place}: missing")


@pytest.mark.parametrize("expires", [..., None, "", 0, "2030-01-01", "2030-01-01T00:00:00z", "never"])
def test_d1_a_layout_without_a_proper_expiry_is_refused(expires: object) -> None:
    assert refused(layout(("expires",), expires)).startswith("expires: ")


@pytest.mark.parametrize("threshold", [True, False, 0, -1, "1", 1.0, None, [1]])
def test_d14_a_threshold_that_is_no_integer_of_at_least_one_is_refused(threshold: object) -> None:
    message = refused(layout(("steps", 0, "threshold"), threshold))
    assert message.startswith("steps[0].threshold: expected an integer >= 1, got ")


def test_d14_thresholds_of_one_and_more_are_read() -> None:
    assert [read_layout(layout(("steps", 0, "threshold"), n)).steps[0].threshold for n in (1, 2, 99)] == [1, 2, 99]


@pytest.mark.parametrize("name", ["../evil", "a/b", "..", ".", "", "a\0b", "a\\b", "a\n", "n" * 201, None, 3])
@pytest.mark.parametrize("place", ["steps", "inspect"])
def test_a3_names_that_lead_elsewhere_are_refused(place: str, name: object) -> None:
    assert refused(layout((place, 0, "name"), name)).startswith(f"{place}[0].name: expected ")


def test_a3_a_key_id_that_leads_elsewhere_is_refused() -> None:
    assert "'../evil'" in refused(layout(("keys",), {"../evil": {**KEY, "keyid": "../evil"}}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("build", "build"),
        ("build", "Build"),
        ("straße", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("CAF\u00c9", "cafe\u0301"),
    ],
)
def test_a3_names_that_collide_on_some_file_system_are_refused(one: str, other: str) -> None:
    message = refused(layout(("steps",), [step(one), step(other)]))
    assert message.startswith(f"steps[1].name: {other!r} is the name of steps[0] too; give every step")
    both = layout(("steps",), [step(one)]) | {"inspect": [{**INSPECTION, "name": other}]}
    assert refused(both).startswith(f"inspect[0].name: {other!r} is the name of steps[0] too")


def test_names_that_differ_are_accepted() -> None:
    read_layout(layout(("steps",), [step("build"), step("built"), step("b u i l d"), step("é"), step("e")]))


def test_d4_a_key_listed_under_another_id_is_refused() -> None:
    message = refused(layout(("keys",), {"mallory": KEY}))
    assert message == "keys.mallory.keyid: expected the key id that it is listed under, got 'carol'"


def test_a7_a_private_key_in_a_layout_is_refused() -> None:
    message = refused(layout(("keys", "carol", "keyval"), {"public": PUBLIC, "private": "29ad"}))
    assert message.startswith("keys.carol.keyval.private: expected no private key, got one; whoever read this")


@pytest.mark.parametrize(
    ("path", "place", "remedy"),
    [
        (("comment",), "comment", "remove it, or accept the risk with --ignore-field comment"),
        (("steps", 0, "note"), "steps[0].note", "--ignore-field steps[0].note"),
        (("inspect", 0, "note"), "inspect[0].note", "--ignore-field inspect[0].note"),
        (("keys", "carol", "note"), "keys.carol.note", "--ignore-field keys.carol.note"),
        (("keys", "carol", "keyval", "note"), "keys.carol.keyval.note", "--ignore-field keys.carol.keyval.note"),
        (("version",), "version", "layouts have no version; leave it out"),
        (("signatures",), "signatures", "signatures stand beside 'signed'"),
        (("inspections",), "inspections", "write 'inspect'"),
        (("steps", 0, "functionaries"), "steps[0].functionaries", "write 'pubkeys' with key ids"),
        (("steps", 0, "run"), "steps[0].run", "a step's command is 'expected_command'"),
        (("inspect", 0, "expected_command"), "inspect[0].expected_command", "an inspection's command is 'run'"),
        (("keys", "carol", "keyval", "certificate"), "keys.carol.keyval.certificate", "--ignore-field"),
    ],
)
def test_d2_an_unknown_field_is_refused_with_its_path_and_a_remedy(path: Path, place: str, remedy: str) -> None:
    document = layout(path, ["x"])
    message = refused(document)
    assert message.startswith(f"{place}: unknown field with a list; ")
    assert remedy in message
    ignoring = read_layout(document, ignore=[place, "steps[7].gone"])
    assert ignoring.ignored == (place,)
    assert ignoring.replace(ignored=()) == read_layout(LAYOUT)


def test_d2_ignoring_one_field_ignores_no_other() -> None:
    document = layout(("comment",), 1)
    document["steps"][0]["comment"] = 1
    for path, other in (("comment", "steps[0].comment"), ("steps[0].comment", "comment")):
        with pytest.raises(FormatError) as caught:
            read_layout(document, ignore=[path])
        assert caught.value.where == other
    assert read_layout(document, ignore=["comment", "steps[0].comment"]).ignored == ("steps[0].comment", "comment")


def test_d2_a_field_cannot_pass_for_one_at_another_place() -> None:
    document = layout(("steps[0].comment",), 1)
    with pytest.raises(FormatError) as caught:
        read_layout(document, ignore=["steps[0].comment"])
    assert caught.value.where == "['steps[0].comment']"
    assert refused(layout(("x.rootcas",), {})).startswith("['x.rootcas']: unknown field")


@pytest.mark.parametrize("field", ["expires", "steps[0].threshold", "steps[0].name"])
def test_d2_a_known_field_cannot_be_ignored(field: str) -> None:
    broken = layout(("expires",), "never") | {"steps": [{**STEP, "threshold": 0, "name": ".."}]}
    with pytest.raises(FormatError):
        read_layout(broken, ignore=[field, "expires", "steps[0].threshold", "steps[0].name"])


@pytest.mark.parametrize("empty", [{}, [], "", None])
def test_d2_constraints_of_nothing_are_accepted(empty: object) -> None:
    document = layout(("rootcas",), empty) | {"intermediatecas": empty}
    document["steps"][0]["cert_constraints"] = empty
    document["keys"]["carol"]["keyval"]["certificate"] = empty
    assert read_layout(document) == read_layout(LAYOUT)


@pytest.mark.parametrize("value", [0, False, {"a": 1}, ["a"], "x"])
def test_d2_constraints_of_anything_else_are_refused(value: object) -> None:
    for path, place in (
        (("rootcas",), "rootcas"),
        (("intermediatecas",), "intermediatecas"),
        (("steps", 0, "cert_constraints"), "steps[0].cert_constraints"),
    ):
        assert refused(layout(path, value)).startswith(place)


def test_d2_known_and_harmless_fields_are_accepted() -> None:
    document = layout(("keys", "carol", "keyid_hash_algorithms"), ["sha256", "sha512"])
    document["keys"]["carol"]["keyval"]["private"] = ""
    assert read_layout(document) == read_layout(LAYOUT)


@pytest.mark.parametrize("run", [..., []])
def test_an_inspection_without_a_command_gets_a_clear_error(run: object) -> None:
    message = refused(layout(("inspect", 0, "run"), run))
    assert message == "inspect[0].run: missing: an inspection without a command inspects nothing"


def test_an_inspection_with_the_command_of_a_step_gets_a_remedy() -> None:
    document = layout(("inspect", 0, "run"))
    document["inspect"][0]["expected_command"] = ["tar", "xf", "app"]
    assert "an inspection's command is 'run'" in refused(document)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("_type",), "link", "_type: expected 'layout', got 'link'"),
        (("readme",), None, "readme: expected text, got null"),
        (("steps",), {}, "steps: expected a list, got an empty object"),
        (("steps",), None, "steps: expected a list, got null"),
        (("steps", 0), "build", "steps[0]: expected an object, got 'build'"),
        (("steps", 0, "_type"), "inspection", "steps[0]._type: expected 'step', got 'inspection'"),
        (("steps", 0, "_type"), None, "steps[0]._type: expected 'step', got null"),
        (("inspect", 0, "_type"), "step", "inspect[0]._type: expected 'inspection', got 'step'"),
        (("steps", 0, "pubkeys"), "carol", "steps[0].pubkeys: expected a list, got 'carol'"),
        (("steps", 0, "pubkeys"), [1], "steps[0].pubkeys[0]: expected text, got 1"),
        (("steps", 0, "expected_command"), "make", "steps[0].expected_command: expected a list, got 'make'"),
        (("steps", 0, "expected_materials"), None, "steps[0].expected_materials: expected a list, got null"),
        (("steps", 0, "expected_products", 1), ["X", "*"], "steps[0].expected_products[1]: unknown rule 'X'"),
        (("inspect", 0, "run"), "tar", "inspect[0].run: expected a list, got 'tar'"),
        (("inspect",), None, "inspect: expected a list, got null"),
        (("inspect", 0, "expected_products", 0, 1), "[^a]", "inspect[0].expected_products[0]: '[^'"),
        (("keys",), [], "keys: expected an object, got an empty list"),
        (("keys", "carol"), PUBLIC, "keys.carol: expected an object"),
    ],
)
def test_wrong_fields_are_refused_with_their_path(path: Path, value: object, message: str) -> None:
    assert refused(layout(path, value)).startswith(message)


@pytest.mark.parametrize("value", [None, [], "layout", 1])
def test_what_is_no_object_is_refused(value: object) -> None:
    assert refused(value).startswith("expected an object, got ")


def test_lists_have_a_longest_length() -> None:
    many = MAX_ITEMS + 1
    for path, value, place in (
        (("steps",), [step(f"s{n}") for n in range(many)], "steps"),
        (("inspect",), [{**INSPECTION, "name": f"i{n}"} for n in range(many)], "inspect"),
        (("keys",), {f"k{n}": {**KEY, "keyid": f"k{n}"} for n in range(many)}, "keys"),
        (("steps", 0, "pubkeys"), ["carol"] * many, "steps[0].pubkeys"),
    ):
        assert refused(layout(path, value)) == f"{place}: expected at most 1000, got 1001"
    longest = read_layout(layout(("steps",), [step(f"s{n}") for n in range(MAX_ITEMS)]))
    assert len(longest.steps) == MAX_ITEMS


def test_steps_are_found_by_name() -> None:
    found = read_layout(LAYOUT)
    assert found.step("build") is found.steps[0]
    assert found.step("BUILD") is None
    assert found.step("untar") is None


def test_a_step_has_the_keys_that_the_layout_lists_each_once() -> None:
    found = read_layout(layout(("steps", 0, "pubkeys"), ["gone", "carol", "carol"]))
    assert found.keys_of(found.steps[0]) == (found.keys["carol"],)
    assert found.keys_of(found.steps[0].replace(pubkeys=("gone",))) == ()


def test_an_empty_layout_is_read_so_that_a_verdict_can_say_why_it_is_rejected() -> None:
    empty = Layout(expires=datetime(2030, 1, 1, tzinfo=UTC))
    assert read_layout(empty.document()) == empty
