"""Tests of `in_toto.models.layout`: layouts are put together, read and changed, and what is malformed is refused."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import pytest

from custody.keys.pem import write_pem
from custody.models.layout import read_layout
from in_toto.exceptions import FormatError
from in_toto.models.layout import SUBLAYOUT_LINK_DIR_FORMAT, Inspection, Layout, Step
from tests.openpgp import GPGHome, gpg_home
from tests.simulator import Actor

if TYPE_CHECKING:
    from pathlib import Path

KEYID = "ab" * 32

LEFT_OUT = {
    "_type": "layout",
    "expires": "2030-01-31T00:00:00Z",
    "keys": {},
    "steps": [{"name": "build", "pubkeys": [], "comment": {"a": 1}}],
    "rootcas": {},
}
"""A layout as others may write it: without what may be left out, and with what this package does not know."""


def key(name: str = "alice") -> dict[str, Any]:
    public = Actor(name).public_key
    return {
        "keyid": public.keyid,
        "keytype": public.keytype,
        "scheme": public.scheme,
        "keyval": {"public": public.public},
    }


def whole() -> Layout:
    """Return a layout with something in every field."""
    layout = Layout(readme="For tests.", expires="2030-01-31T00:00:00Z")
    added = layout.add_functionary_key(key())
    step = Step(name="build", pubkeys=[added["keyid"]], threshold=1)
    step.set_expected_command_from_string("make 'all of it'")
    step.add_material_rule_from_string("MATCH src/* WITH PRODUCTS FROM clone")
    step.add_product_rule_from_string("CREATE 'an app'")
    inspection = Inspection(name="look")
    inspection.set_run_from_string("test -s app")
    layout.steps.append(step)
    layout.inspect.append(inspection)
    return layout


class TestBuilding:
    def test_what_is_put_together_is_what_custody_reads(self) -> None:
        layout = read_layout(whole().document())
        assert layout.steps[0].expected_command == ("make", "all of it")
        assert layout.inspect[0].run == ("test", "-s", "app")
        assert [rule.pattern for rule in layout.steps[0].expected_products] == ["an app"]  # type: ignore[union-attr]
        assert list(layout.keys) == [key()["keyid"]]

    def test_every_field_is_written_also_where_it_is_empty(self) -> None:
        assert list(Layout().document()) == ["_type", "steps", "inspect", "keys", "expires", "readme"]
        assert Step(name="a").document() == {
            "_type": "step",
            "name": "a",
            "expected_materials": [],
            "expected_products": [],
            "pubkeys": [],
            "expected_command": [],
            "threshold": 1,
        }
        assert Inspection(name="a").document() == {
            "_type": "inspection",
            "name": "a",
            "expected_materials": [],
            "expected_products": [],
            "run": [],
        }

    def test_fields_that_a_class_does_not_know_are_left_aside_by_its_constructor(self) -> None:
        assert Step(name="a", colour="red") == Step(name="a")

    def test_two_objects_share_nothing(self) -> None:
        Step().pubkeys.append("ab")
        Layout().keys["ab"] = {}
        assert Step().pubkeys == []
        assert Layout().keys == {}

    def test_the_text_form_is_the_document(self) -> None:
        for made in (whole(), whole().steps[0], whole().inspect[0]):
            assert json.loads(repr(made)) == made.document()
        assert repr(Inspection(name="ü")).splitlines()[4] == ' "name": "\\u00fc",'

    def test_objects_are_equal_by_their_fields(self) -> None:
        changed = whole()
        changed.steps[0].threshold = 2
        assert whole() == whole() != changed
        assert whole() != whole().document()
        assert Step(name="a") != Inspection(name="a")
        with pytest.raises(TypeError):
            hash(whole())

    def test_names_are_listed_found_and_removed(self) -> None:
        layout = Layout(steps=[Step(name=name) for name in "abc"], inspect=[Inspection(name=name) for name in "xyz"])
        found, looked = layout.get_step_by_name("b"), layout.get_inspection_by_name("y")
        assert found is layout.steps[1]
        assert looked is layout.inspect[1]
        assert layout.get_step_by_name("y") is None
        assert layout.get_inspection_by_name("b") is None
        for _ in range(2):
            layout.remove_step_by_name("b")
            layout.remove_inspection_by_name("y")
            assert layout.get_step_name_list() == ["a", "c"]
            assert layout.get_inspection_name_list() == ["x", "z"]

    @pytest.mark.parametrize("name", [None, 1, []])
    def test_a_name_is_text(self, name: object) -> None:
        layout = Layout()
        methods: list[Callable[[Any], object]] = [
            layout.get_step_by_name,
            layout.remove_step_by_name,
            layout.get_inspection_by_name,
            layout.remove_inspection_by_name,
        ]
        for method in methods:
            with pytest.raises(FormatError):
                method(name)

    @pytest.mark.parametrize("text", [None, 3, "MATCH a", "'CREATE a", "subvert a", ""])
    def test_what_is_no_rule_is_not_added(self, text: object) -> None:
        step = Step(name="a")
        for add in (step.add_material_rule_from_string, step.add_product_rule_from_string):
            with pytest.raises(FormatError):
                add(text)  # type: ignore[arg-type]  # the point
        assert step == Step(name="a")

    @pytest.mark.parametrize("text", [None, ["make"], "make 'it"])
    def test_what_is_no_command_line_is_not_set(self, text: object) -> None:
        step, inspection = Step(name="a"), Inspection(name="a")
        for set_it in (step.set_expected_command_from_string, inspection.set_run_from_string):
            with pytest.raises(FormatError):
                set_it(text)  # type: ignore[arg-type]  # the point
        assert (step.expected_command, inspection.run) == ([], [])

    def test_attrs_finds_the_fields(self) -> None:
        # What `attr.asdict` does: it asks for these, and recurses into what has them, too.
        for made in (whole(), whole().steps[0], whole().inspect[0]):
            names = [field.name for field in type(made).__attrs_attrs__]
            assert names == list(made.document())
            assert all(hasattr(made, name) for name in names)


class TestExpiry:
    @pytest.mark.parametrize(
        ("now", "days", "months", "years", "expires"),
        [
            ((2026, 1, 31), 0, 1, 0, "2026-02-28T12:00:00Z"),
            ((2028, 1, 31), 0, 1, 0, "2028-02-29T12:00:00Z"),
            ((2028, 2, 29), 0, 0, 1, "2029-02-28T12:00:00Z"),
            ((2026, 1, 31), 1, 1, 0, "2026-03-01T12:00:00Z"),
            ((2026, 11, 30), 0, 14, 0, "2028-01-30T12:00:00Z"),
            ((2026, 3, 31), -3, -1, -1, "2025-02-25T12:00:00Z"),
            ((2026, 3, 31), 0, 0, 0, "2026-03-31T12:00:00Z"),
        ],
    )
    def test_it_is_counted_on_the_calendar(
        self,
        now: tuple[int, int, int],
        days: int,
        months: int,
        years: int,
        expires: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Clock:
                return cls(*now, 12, tzinfo=tz)

        monkeypatch.setattr("datetime.datetime", Clock)
        layout = Layout()
        layout.set_relative_expiration(days=days, months=months, years=years)
        assert layout.expires == expires

    def test_it_is_in_utc_wherever_the_author_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TZ", "XST+11")
        time.tzset()
        layout = Layout()
        layout.set_relative_expiration(days=1)
        monkeypatch.delenv("TZ")
        time.tzset()
        left = datetime.fromisoformat(layout.expires) - datetime.now(UTC)
        assert abs(left - timedelta(days=1)) < timedelta(minutes=2)

    def test_a_month_is_the_default(self) -> None:
        left = datetime.fromisoformat(Layout(expires=None).expires) - datetime.now(UTC)
        assert timedelta(days=27) < left < timedelta(days=32)

    @pytest.mark.parametrize("number", [None, "", [], 1.5])
    def test_it_is_counted_in_integers(self, number: object) -> None:
        for name in ("days", "months", "years"):
            with pytest.raises(FormatError, match="expected int"):
                Layout().set_relative_expiration(**{name: number})  # type: ignore[arg-type]  # the point

    @pytest.mark.parametrize(
        "expires", ["", "-1", "2016-13-18T16:44:55Z", "2016-11-18", "2016-11-18T16:44:55", "२०१६-11-18T16:44:55Z", 1]
    )
    def test_another_form_is_refused(self, expires: object) -> None:
        layout = Layout()
        layout.expires = expires  # type: ignore[assignment]  # the point
        with pytest.raises(FormatError, match="Malformed date string in layout"):
            layout.validate()
        layout.expires = "2016-11-18T16:44:55Z"
        layout.validate()


class TestValidation:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("_type", "wrong"),
            ("readme", 1),
            ("steps", "a"),
            ("steps", ["a"]),
            ("steps", [Inspection(name="a")]),
            ("steps", [Step(name="a"), Step(name="a")]),
            ("inspect", "a"),
            ("inspect", [Step(name="a")]),
            ("keys", False),
            ("keys", {1234: {}}),
            ("keys", {"xyz": {}}),
            ("keys", {"deadbeef": "a key"}),
            ("keys", {"deadbeef": {"keytype": "rsa", "scheme": "rsassa-pss-sha256"}}),
        ],
    )
    def test_what_is_malformed_in_a_layout_is_refused(self, name: str, value: object) -> None:
        layout = whole()
        layout.validate()
        setattr(layout, name, value)
        with pytest.raises(FormatError):
            layout.validate()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("_type", "wrong"),
            ("threshold", "1"),
            ("pubkeys", KEYID),
            ("pubkeys", ["xyz"]),
            ("expected_command", "make"),
            ("expected_materials", ["CREATE a"]),
            ("expected_products", "CREATE a"),
        ],
    )
    def test_what_is_malformed_in_a_step_is_refused(self, name: str, value: object) -> None:
        layout = whole()
        setattr(layout.steps[0], name, value)
        with pytest.raises(FormatError):
            layout.validate()
        if name != "_type":
            with pytest.raises(FormatError):
                Step(**{name: value})

    @pytest.mark.parametrize(("name", "value"), [("_type", "wrong"), ("run", "make"), ("expected_products", [1])])
    def test_what_is_malformed_in_an_inspection_is_refused(self, name: str, value: object) -> None:
        layout = whole()
        setattr(layout.inspect[0], name, value)
        with pytest.raises(FormatError):
            layout.validate()

    def test_a_step_and_an_inspection_cannot_share_a_name(self) -> None:
        layout = whole()
        layout.inspect[0].name = layout.steps[0].name
        with pytest.raises(FormatError, match="'build'"):
            layout.validate()

    @pytest.mark.parametrize("pattern", ["[^a]", "a\\b", "a//b"])
    def test_rules_that_no_verifier_takes_can_be_read_and_mended(self, pattern: str) -> None:
        document = {**whole().document(), "steps": [{"name": "a", "expected_products": [["DISALLOW", pattern]]}]}
        layout = Layout.read(document)
        layout.steps[0].expected_products[0][1] = "[!a]"
        assert read_layout(layout.document()).steps[0].expected_products


class TestReading:
    def test_what_was_written_is_read(self) -> None:
        layout = whole()
        assert Layout.read(layout.document()) == Layout.read_signed(layout.document()) == layout
        assert Step.read(layout.steps[0].document()) == layout.steps[0]
        assert Inspection.read(layout.inspect[0].document()) == layout.inspect[0]

    def test_reading_changes_nothing_in_what_is_read(self) -> None:
        document = whole().document()
        before = json.dumps(document)
        Layout.read(document)
        assert json.dumps(document) == before

    def test_d2_fields_that_are_not_known_are_kept(self) -> None:
        document = Layout.read({**LEFT_OUT, "inspect": [{"name": "look", "when": 1}]}).document()
        assert document["rootcas"] == {}
        assert document["steps"][0]["comment"] == {"a": 1}
        assert document["inspect"][0]["when"] == 1
        assert Layout.read(document) != Layout.read({**document, "rootcas": {"a": {}}})

    def test_d2_what_was_signed_is_written_as_it_was(self) -> None:
        layout = Layout.read_signed(LEFT_OUT)
        assert layout.document() == LEFT_OUT
        assert layout.steps[0].threshold == 1
        assert layout.inspect == []
        layout.steps[0].threshold = 2
        layout.readme = "changed"
        assert layout.document() == {
            **LEFT_OUT,
            "readme": "changed",
            "steps": [{"name": "build", "pubkeys": [], "comment": {"a": 1}, "threshold": 2}],
        }

    @pytest.mark.parametrize("expires", [None, ""])
    def test_d1_what_was_signed_without_an_end_is_refused_and_a_template_gets_one(self, expires: str | None) -> None:
        document = {**LEFT_OUT, "inspect": [], "expires": expires}
        assert Layout.read(document).expires > "2026"
        with pytest.raises(FormatError, match="expires: missing"):
            Layout.read_signed(document)
        del document["expires"]
        assert Layout.read(document).expires > "2026"
        with pytest.raises(FormatError, match="expires: missing"):
            Layout.read_signed(document)

    @pytest.mark.parametrize(
        "document",
        [
            [],
            None,
            {"steps": []},
            {"steps": [], "inspect": {}},
            {"steps": ["a"], "inspect": []},
            {"steps": [], "inspect": [1]},
            {"steps": [], "inspect": [], "_type": "link"},
            {"steps": [{"_type": "inspection", "name": "a"}], "inspect": []},
            {"steps": [], "inspect": [{"_type": "step", "name": "a"}]},
        ],
    )
    def test_what_is_no_layout_is_refused(self, document: object) -> None:
        with pytest.raises(FormatError):
            Layout.read(document)  # type: ignore[arg-type]  # the point


class TestKeys:
    @pytest.fixture
    def files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a directory with the keys of alice and bob."""
        monkeypatch.chdir(tmp_path)
        for name in ("alice", "bob"):
            (tmp_path / f"{name}.pub").write_text(write_pem(Actor(name).public_key.spki))
        return tmp_path

    def test_keys_in_files_are_added(self, files: Path) -> None:
        layout = Layout()
        assert layout.add_functionary_key_from_path("alice.pub") == key("alice")
        assert layout.add_functionary_key_from_path(files / "bob.pub") == key("bob")
        assert layout.keys == {key(name)["keyid"]: key(name) for name in ("alice", "bob")}
        assert layout.get_functionary_key_id_list() == [key("alice")["keyid"], key("bob")["keyid"]]
        assert Layout().add_functionary_keys_from_paths(["alice.pub", "bob.pub"]) == layout.keys
        layout.validate()

    def test_what_is_no_key_file_is_refused(self, files: Path) -> None:
        (files / "none").write_text("none")
        for paths, error in (
            (["none"], ValueError),
            (["missing"], FileNotFoundError),
            (["."], OSError),
            ("alice.pub", FormatError),
            ([1], FormatError),
        ):
            layout = Layout()
            with pytest.raises(error):
                layout.add_functionary_keys_from_paths(paths)  # type: ignore[arg-type]  # the point
            assert layout.keys == {}
        with pytest.raises(FormatError):
            Layout().add_functionary_key_from_path(123)  # type: ignore[arg-type]  # the point

    def test_a7_a_private_key_never_gets_into_a_layout(self) -> None:
        layout = Layout()
        layout.add_functionary_key({**key(), "keyval": {"public": key()["keyval"]["public"], "private": ""}})
        for given in ({"private": "ab"}, {"private": "-----BEGIN"}):
            with pytest.raises(FormatError, match="private"):
                layout.add_functionary_key({**key("bob"), "keyval": {**key("bob")["keyval"], **given}})
        assert list(layout.keys) == [key()["keyid"]]

    @pytest.mark.parametrize("given", ["abcd", None, {}, {"keyid": "ab"}, {**key(), "keyval": "ab"}])
    def test_what_is_no_key_is_refused(self, given: object) -> None:
        with pytest.raises(FormatError):
            Layout().add_functionary_key(given)  # type: ignore[arg-type]  # the point

    @pytest.mark.parametrize("given", ["xyz", "--output x", "", None, "ab --yes"])
    def test_a5_what_is_no_key_id_never_reaches_gpg(self, given: object) -> None:
        layout = Layout()
        with pytest.raises(FormatError):
            layout.add_functionary_key_from_gpg_keyid(given)  # type: ignore[arg-type]  # the point
        with pytest.raises(FormatError):
            layout.add_functionary_keys_from_gpg_keyids([given])  # type: ignore[list-item]  # the point
        with pytest.raises(FormatError):
            layout.add_functionary_keys_from_gpg_keyids(given)  # type: ignore[arg-type]  # the point


@pytest.fixture(scope="module")
def home() -> Iterator[GPGHome]:
    with gpg_home("a home") as made:
        made.generate("alice", "ed25519")
        made.generate("bob", "rsa2048")
        yield made


@pytest.mark.component("gpg")
class TestGPGKeys:
    def test_keys_in_a_keyring_are_added(self, home: GPGHome) -> None:
        keyids = [home.fingerprints(f"<{name}@example.com>")[0] for name in ("alice", "bob")]
        layout = Layout()
        added = layout.add_functionary_keys_from_gpg_keyids(keyids, home.path)
        assert list(added) == keyids
        assert layout.keys == added
        assert Layout().add_functionary_key_from_gpg_keyid(keyids[0].upper(), home.path) == added[keyids[0]]
        assert read_layout(layout.document()).keys.keys() == added.keys()

    def test_a_key_that_is_not_there_is_refused(self, home: GPGHome) -> None:
        layout = Layout()
        with pytest.raises(ValueError, match="00000000"):
            layout.add_functionary_key_from_gpg_keyid("00000000", home.path)
        with pytest.raises(FormatError):
            layout.add_functionary_key_from_gpg_keyid("00000000", 1)  # type: ignore[arg-type]  # the point
        assert layout.keys == {}


def test_the_directory_of_a_sublayout_is_named_after_step_and_key() -> None:
    assert SUBLAYOUT_LINK_DIR_FORMAT.format(name="a", keyid=KEYID) == f"a.{KEYID[:8]}"
    assert os.sep not in SUBLAYOUT_LINK_DIR_FORMAT
