from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from custody.cli.layout import ACTIONS
from custody.cli.main import main
from custody.encoding.strict import read_json
from custody.envelopes.reader import read_envelope
from custody.keys.keyid import legacy_keyid_of
from custody.keys.public import PublicKey
from custody.models.layout import Layout, read_layout
from custody.signing.keypair import generate, write_pair
from custody.workflows.keys import read_public_key

if TYPE_CHECKING:
    from pathlib import Path

    from custody.envelopes.reader import Envelope

NAMES = ("alice", "bob", "carol", "dave")
AT = "2030-01-31T00:00:00Z"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "keys").mkdir()
    for name in NAMES:
        write_pair(str(tmp_path / "keys" / name), generate())
    for name in ("owner", "second", "erin"):
        write_pair(str(tmp_path / name), generate())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def source(here: Path) -> Path:
    assert main(["layout", "new"]) == 0
    return here / "supply-chain.yaml"


@pytest.fixture
def built(source: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["layout", "build", source.name]) == 0
    capsys.readouterr()
    return source.with_name("root.layout")


@pytest.fixture
def signed(built: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["sign", "-f", built.name, "-k", "owner"]) == 0
    capsys.readouterr()
    return built


def envelope_in(path: Path) -> Envelope:
    return read_envelope(path.read_bytes())


def layout_in(path: Path) -> Layout:
    return read_layout(envelope_in(path).content())


def keyid(name: str) -> str:
    return read_public_key(f"{name}.pub").keyid


def legacy_keyid(name: str) -> str:
    key = read_public_key(f"{name}.pub")
    assert isinstance(key, PublicKey)
    return legacy_keyid_of(key.keytype, key.scheme, key.public)


def line_of(path: Path, text: str) -> int:
    """Return the last line that holds `text`."""
    return max(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


class TestNew:
    def test_the_starter_builds_and_has_no_faults(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "build", source.name]) == 0
        assert "warning" not in capsys.readouterr().err
        assert main(["layout", "lint", source.name, "--fail-on", "note"]) == 0
        assert main(["layout", "lint", "root.layout", "--fail-on", "note"]) == 0

    def test_an_existing_file_is_replaced_only_by_force(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        source.write_text("mine")
        assert main(["layout", "new"]) == 2
        assert "'supply-chain.yaml' exists already" in capsys.readouterr().err
        assert source.read_text() == "mine"
        assert main(["layout", "new", "--force"]) == 0
        assert source.read_text() != "mine"

    def test_output_names_another_file(self, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "new", "-o", "other.yml"]) == 0
        assert capsys.readouterr().out == "other.yml\n"
        assert os.listdir(here).count("supply-chain.yaml") == 0

    def test_a_directory_that_is_missing_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "new", "-o", "no/where.yaml"]) == 2
        assert "cannot write source 'no/where.yaml'" in capsys.readouterr().err


class TestBuild:
    def test_the_layout_is_written_unsigned_and_says_how_to_sign(
        self, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        capsys.readouterr()
        assert main(["layout", "build", source.name]) == 0
        printed = capsys.readouterr()
        assert printed.out == "root.layout\n"
        assert "custody sign -f root.layout --signing-key owner" in printed.err
        written = envelope_in(source.with_name("root.layout"))
        assert (written.kind, written.signatures) == ("metablock", ())

    def test_dsse_is_written_on_request(self, source: Path) -> None:
        assert main(["layout", "build", source.name, "--use-dsse", "-o", "dsse.layout"]) == 0
        assert envelope_in(source.with_name("dsse.layout")).kind == "dsse"

    def test_durations_begin_at_the_given_instant(self, source: Path) -> None:
        assert main(["layout", "build", source.name, "--at", AT]) == 0
        assert layout_in(source.with_name("root.layout")).expires == datetime(2030, 7, 31, tzinfo=UTC)

    def test_key_files_are_sought_beside_the_source(
        self, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        monkeypatch.chdir(elsewhere)
        assert main(["layout", "build", str(source)]) == 0
        assert len(layout_in(elsewhere / "root.layout").keys) == 4

    def test_an_unsigned_layout_is_replaced(self, built: Path, source: Path) -> None:
        edit(source, "How acme", "Why acme")
        assert main(["layout", "build", source.name]) == 0
        assert layout_in(built).readme == "Why acme is made"

    def test_a_signed_layout_is_replaced_only_by_force(self, signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = signed.read_bytes()
        assert main(["layout", "build", "supply-chain.yaml"]) == 2
        assert "'root.layout' carries 1 signature(s), which would be lost" in capsys.readouterr().err
        assert signed.read_bytes() == before
        assert main(["layout", "build", "supply-chain.yaml", "--force"]) == 0
        assert envelope_in(signed).signatures == ()

    @pytest.mark.parametrize("content", ["notes", "{}", '{"signed": {"_type": "link"}, "signatures": []}'])
    def test_what_is_no_layout_is_replaced_only_by_force(
        self, source: Path, content: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        source.with_name("root.layout").write_text(content)
        assert main(["layout", "build", source.name]) == 2
        assert "'root.layout' exists and is no layout" in capsys.readouterr().err
        assert main(["layout", "build", source.name, "--force"]) == 0

    def test_the_source_is_never_replaced_by_its_layout(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = source.read_bytes()
        assert main(["layout", "build", source.name, "-o", f"./{source.name}", "--force"]) == 2
        assert "is the source itself" in capsys.readouterr().err
        assert source.read_bytes() == before

    def test_faults_are_warnings_with_their_lines(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        edit(source, "      - CREATE acme.tar.gz\n      - DISALLOW *\n", "      - CREATE dist/*.gz\n")
        assert main(["layout", "build", source.name]) == 0
        printed = capsys.readouterr().err
        place = f"line {line_of(source, 'dist/*.gz') - 1}, steps[2].expected_products"
        assert f"warning: supply-chain.yaml: {place}: step 'package' allows all" in printed
        assert "[open-rules]; end the list with DISALLOW *" in printed
        assert "1 note(s) besides: custody layout lint supply-chain.yaml" in printed

    def test_a_mistake_names_the_file_the_line_and_the_path_and_writes_nothing(
        self, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit(source, "threshold: 2", "threshold: two")
        assert main(["layout", "build", source.name]) == 2
        line = line_of(source, "threshold: two")
        expected = f"supply-chain.yaml: line {line}, steps[1].threshold: expected an integer >= 1, got 'two'"
        assert expected in capsys.readouterr().err
        assert not source.with_name("root.layout").exists()

    def test_control_characters_never_reach_the_terminal(
        self, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit(source, "readme: How", '"col\\e[2Jour": red\nreadme: How')
        assert main(["layout", "build", source.name]) == 2
        printed = capsys.readouterr().err
        assert "\x1b" not in printed
        assert r"col\x1b[2Jour" in printed


class TestShow:
    def test_text_is_a_tree(self, signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "show", signed.name]) == 0
        printed = capsys.readouterr().out
        assert "root.layout: a layout in a Metablock\n" in printed
        assert "(not checked)" in printed
        assert "    materials   MATCH acme/* WITH PRODUCTS FROM review\n" in printed

    def test_json_is_one_document(self, signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "show", signed.name, "--format", "json", "--at", AT]) == 0
        document = read_json(capsys.readouterr().out.encode())
        assert document["signatures"][0]["verified"] is None
        assert document["expired"] is True
        assert [step["name"] for step in document["steps"]] == ["clone", "review", "package"]

    def test_signatures_are_checked_with_the_given_keys(self, signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "show", signed.name, "--verification-keys", "owner.pub"]) == 0
        assert "(good)" in capsys.readouterr().out
        assert main(["layout", "show", signed.name, "--verification-keys", "owner.pub", "second.pub"]) == 1
        printed = capsys.readouterr()
        assert "(good)" in printed.out
        assert f"not signed by {keyid('second')[:8]}" in printed.err

    def test_a_changed_layout_is_not_signed_by_its_owner(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit(signed, "How acme", "Why acme")
        assert main(["layout", "show", signed.name, "--verification-keys", "owner.pub"]) == 1
        assert "(NOT by a given key)" in capsys.readouterr().out

    def test_a_source_and_a_bare_document_are_shown_too(
        self, built: Path, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["layout", "show", source.name]) == 0
        assert "signed by   alice " in capsys.readouterr().out
        document = envelope_in(built).content()
        built.write_text(json.dumps(document))
        assert main(["layout", "show", built.name]) == 0
        assert "1 clone" in capsys.readouterr().out

    def test_an_unknown_field_is_refused_unless_it_is_ignored(
        self, built: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit(built, '"readme"', '"comment": "x",\n  "readme"')
        for action in ("show", "lint"):
            assert main(["layout", action, built.name]) == 2
            assert "root.layout: comment: unknown field" in capsys.readouterr().err
            assert main(["layout", action, built.name, "--ignore-field", "comment"]) == 0
            capsys.readouterr()

    def test_control_characters_of_the_file_are_escaped(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        edit(source, "How acme is made\n\n", '"a\\e[2Jb\\nc\\rd"\n\n')
        assert main(["layout", "show", source.name]) == 0
        printed = capsys.readouterr().out
        assert "\x1b" not in printed
        assert "  readme      a\\x1b[2Jb\n              c\\rd\n" in printed

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ("", "not JSON"),
            ("[" * 100_000, "nested more than 64 levels deep"),
            ('{"_type": "layout", "_type": "layout"}', "appears twice"),
            ('{"signed": {"_type": "link"}, "signatures": []}', "_type: expected 'layout', got 'link'"),
            ('{"_type": "layout", "expires": NaN}', "NaN is not JSON"),
            ('{"_type": "layout", "keys": {}, "steps": []}', "expires: missing"),
        ],
    )
    def test_what_is_no_layout_is_named_with_the_file(
        self, here: Path, content: str, problem: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (here / "bad.layout").write_text(content)
        for action in ("show", "lint"):
            assert main(["layout", action, "bad.layout"]) == 2
            printed = capsys.readouterr().err
            assert "custody layout: bad.layout: " in printed
            assert problem in printed

    def test_a_missing_file_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        for name in ("none.layout", "none.yaml"):
            assert main(["layout", "lint", name]) == 2
            assert f"'{name}': No such file or directory" in capsys.readouterr().err


class TestLint:
    def test_complaints_have_place_code_sentence_and_remedy(
        self, source: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        edit(source, "threshold: 2", "threshold: 3")
        capsys.readouterr()
        assert main(["layout", "lint", source.name]) == 1
        assert capsys.readouterr().out.splitlines() == [
            f"error: line {line_of(source, 'threshold: 3')}, steps[1].threshold [threshold-too-high]",
            "    step 'review' wants 3 signature(s), and only 2 key(s) may give one",
            "    -> authorise more functionaries, or lower the threshold",
            "supply-chain.yaml: 1 error",
        ]

    @pytest.mark.parametrize(
        ("change", "failing"),
        [
            (("made", "made"), set()),
            (("CREATE acme.tar.gz", "CREATE *.gz"), {"note"}),
            (("expires: 6 months", "expires: 5 years"), {"note", "warning"}),
            (("threshold: 2", "threshold: 3"), {"note", "warning", "error"}),
        ],
    )
    def test_fail_on_says_what_fails(self, source: Path, change: tuple[str, str], failing: set[str]) -> None:
        edit(source, *change)
        for severity in ("note", "warning", "error"):
            code = main(["layout", "lint", source.name, "--fail-on", severity])
            assert code == (1 if severity in failing else 0)
        assert main(["layout", "lint", source.name]) == (1 if "warning" in failing else 0)

    def test_at_says_when(self, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "lint", built.name]) == 0
        assert main(["layout", "lint", built.name, "--at", "2099-01-01T00:00:00Z"]) == 1
        assert "error: expires [expired]" in capsys.readouterr().out
        assert main(["layout", "lint", built.name, "--at", "tomorrow"]) == 2
        assert "--at: expected an instant" in capsys.readouterr().err

    def test_json_has_codes_and_lines(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        edit(source, "expires: 6 months", "expires: 5 years")
        capsys.readouterr()
        assert main(["layout", "lint", source.name, "--format", "json", "--at", AT]) == 1
        document = read_json(capsys.readouterr().out.encode())
        assert (document["file"], document["at"], document["failed"]) == (source.name, AT, True)
        (complaint,) = document["complaints"]
        assert (complaint["code"], complaint["severity"], complaint["where"]) == ("expires-late", "warning", "expires")
        assert complaint["line"] == line_of(source, "expires: 5 years")
        assert complaint["remedy"]

    def test_json_of_a_layout_has_no_lines(self, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "lint", built.name, "--format", "json", "--at", "2099-01-01T00:00:00Z"]) == 1
        assert read_json(capsys.readouterr().out.encode())["complaints"][0]["line"] is None

    def test_a_signed_layout_an_unsigned_one_and_a_bare_document_are_judged_alike(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bare = signed.with_name("bare.json")
        bare.write_text(json.dumps(envelope_in(signed).content()))
        for name in (signed.name, bare.name):
            assert main(["layout", "lint", name]) == 0
            assert capsys.readouterr().out == f"{name}: nothing to complain about\n"


class TestAddKey:
    def test_the_key_is_added_and_the_signatures_are_dropped(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        owner, erin = keyid("owner"), keyid("erin")
        before = layout_in(signed)
        assert main(["layout", "add-key", signed.name, "erin.pub"]) == 0
        printed = capsys.readouterr()
        assert f"root.layout: the key {erin} (ed25519) is in the layout\n" in printed.out
        assert f"It has to be signed again, as before by {owner[:8]}: custody sign -f root.layout" in printed.err
        assert envelope_in(signed).signatures == ()
        after = layout_in(signed)
        assert set(after.keys) == {*before.keys, erin}
        assert after.steps == before.steps

    def test_step_names_who_may_sign_for_what(self, signed: Path) -> None:
        erin = keyid("erin")
        assert main(["layout", "add-key", signed.name, "erin.pub", "--step", "review", "package"]) == 0
        assert [erin in step.pubkeys for step in layout_in(signed).steps] == [False, True, True]

    def test_an_unknown_step_is_an_error_that_lists_the_known_ones(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = signed.read_bytes()
        assert main(["layout", "add-key", signed.name, "erin.pub", "--step", "audit"]) == 2
        expected = "there is no step 'audit'; the layout's steps are clone, review, package"
        assert expected in capsys.readouterr().err
        assert signed.read_bytes() == before

    def test_a_key_that_is_there_changes_nothing_and_keeps_the_signatures(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = signed.read_bytes()
        assert main(["layout", "add-key", signed.name, "keys/alice.pub", "--step", "clone"]) == 0
        assert "nothing to change" in capsys.readouterr().out
        assert signed.read_bytes() == before

    def test_a_key_under_its_legacy_id_is_used_under_that_id(self, built: Path) -> None:
        edit(built, keyid("keys/alice"), legacy_keyid("keys/alice"))
        assert main(["layout", "add-key", built.name, "keys/alice.pub", "--step", "clone", "package"]) == 0
        after = layout_in(built)
        assert keyid("keys/alice") not in after.keys
        assert after.steps[0].pubkeys == (legacy_keyid("keys/alice"),)
        assert after.steps[2].pubkeys[-1] == legacy_keyid("keys/alice")

    def test_an_id_that_names_another_key_is_refused(self, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
        erin = keyid("erin")
        alice = keyid("keys/alice")
        edit(built, alice, erin)
        assert main(["layout", "add-key", built.name, "erin.pub"]) == 2
        assert f"the key id {erin} already names another key" in capsys.readouterr().err

    def test_a_private_key_is_refused(self, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "add-key", built.name, "erin"]) == 2
        assert "expected a public key" in capsys.readouterr().err

    def test_dsse_stays_dsse(self, source: Path) -> None:
        assert main(["layout", "build", source.name, "--use-dsse"]) == 0
        assert main(["layout", "add-key", "root.layout", "erin.pub"]) == 0
        assert envelope_in(source.with_name("root.layout")).kind == "dsse"

    def test_a_source_is_to_be_changed_by_hand(self, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = source.read_bytes()
        assert main(["layout", "add-key", source.name, "erin.pub"]) == 2
        assert "is a layout's source: change it there" in capsys.readouterr().err
        assert source.read_bytes() == before

    def test_output_leaves_the_layout_as_it_is_and_spares_what_is_signed(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = signed.read_bytes()
        add = ["layout", "add-key", signed.name, "erin.pub", "-o", "next.layout"]
        assert main(add) == 0
        assert main(add) == 0
        assert signed.read_bytes() == before
        following = signed.with_name("next.layout")
        assert len(layout_in(following).keys) == 5
        following.write_bytes(before)
        assert main(add) == 2
        assert "'next.layout' carries 1 signature(s)" in capsys.readouterr().err
        assert main([*add, "--force"]) == 0
        assert len(layout_in(following).keys) == 5

    def test_nothing_to_change_is_a_copy_with_its_signatures(self, signed: Path) -> None:
        assert main(["layout", "add-key", signed.name, "keys/bob.pub", "-o", "copy.layout"]) == 0
        assert envelope_in(signed.with_name("copy.layout")) == envelope_in(signed)


class TestRemoveKey:
    def test_the_key_and_every_right_of_it_are_gone(self, signed: Path) -> None:
        erin = keyid("erin")
        assert main(["layout", "add-key", signed.name, "erin.pub", "--step", "review", "package"]) == 0
        assert main(["layout", "remove-key", signed.name, erin[:12]]) == 0
        after = layout_in(signed)
        assert erin not in after.keys
        assert not any(erin in step.pubkeys for step in after.steps)

    def test_step_takes_only_that_step(self, signed: Path, capsys: pytest.CaptureFixture[str]) -> None:
        erin = keyid("erin")
        assert main(["layout", "add-key", signed.name, "erin.pub", "--step", "review", "package"]) == 0
        assert main(["layout", "remove-key", signed.name, erin, "--step", "review"]) == 0
        after = layout_in(signed)
        assert erin in after.keys
        assert [erin in step.pubkeys for step in after.steps] == [False, False, True]
        capsys.readouterr()
        assert main(["layout", "remove-key", signed.name, erin, "--step", "clone"]) == 2
        assert "may not sign for 'clone' anyway" in capsys.readouterr().err

    def test_a_threshold_that_could_not_be_met_is_left_only_by_force(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bob = keyid("keys/bob")
        before = signed.read_bytes()
        assert main(["layout", "remove-key", signed.name, bob]) == 2
        expected = "step 'review' has 1 key(s) for a threshold of 2; add another one first, or --force"
        assert expected in capsys.readouterr().err
        assert signed.read_bytes() == before
        assert main(["layout", "remove-key", signed.name, bob, "--force"]) == 0
        assert len(layout_in(signed).steps[1].pubkeys) == 1

    def test_the_legacy_id_names_the_key_too(self, signed: Path) -> None:
        assert main(["layout", "add-key", signed.name, "erin.pub"]) == 0
        assert main(["layout", "remove-key", signed.name, legacy_keyid("erin")[:10]]) == 0
        assert keyid("erin") not in layout_in(signed).keys

    @pytest.mark.parametrize("given", ["", "zz", "0" * 64])
    def test_a_key_that_is_not_there_is_an_error_that_lists_those_that_are(
        self, built: Path, given: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        alice = keyid("keys/alice")
        assert main(["layout", "remove-key", built.name, given]) == 2
        printed = capsys.readouterr().err
        assert f"no key has an id that begins with '{given}'" in printed
        assert alice in printed

    def test_a_beginning_of_several_ids_is_ambiguous(self, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
        alice, bob = keyid("keys/alice"), keyid("keys/bob")
        twin = alice[:8] + "0" * 56
        edit(built, bob, twin)
        before = built.read_bytes()
        assert main(["layout", "remove-key", built.name, alice[:8], "--force"]) == 2
        printed = capsys.readouterr().err
        assert "begins several key ids" in printed
        assert alice in printed
        assert twin in printed
        assert built.read_bytes() == before
        assert main(["layout", "remove-key", built.name, twin, "--force"]) == 0


class TestExtend:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [("6 months", datetime(2030, 7, 31, tzinfo=UTC)), ("2031-02-03", datetime(2031, 2, 3, tzinfo=UTC))],
    )
    def test_the_expiry_changes_and_the_signatures_are_dropped(
        self, signed: Path, written: str, expected: datetime, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["layout", "extend", signed.name, "--expires", written, "--at", AT]) == 0
        printed = capsys.readouterr()
        assert "root.layout: the layout expires at 203" in printed.out
        assert "It has to be signed again" in printed.err
        assert layout_in(signed).expires == expected
        assert envelope_in(signed).signatures == ()

    @pytest.mark.parametrize(
        ("written", "problem"),
        [
            ("2001-01-01", "which is past"),
            ("soon", "--expires: expected an expiry, got 'soon'; write a duration such as '6 months'"),
        ],
    )
    def test_what_is_past_or_no_expiry_is_refused(
        self, signed: Path, written: str, problem: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = signed.read_bytes()
        assert main(["layout", "extend", signed.name, "--expires", written]) == 2
        assert problem in capsys.readouterr().err
        assert signed.read_bytes() == before

    def test_an_unsigned_layout_is_extended_too(self, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["layout", "extend", built.name, "--expires", "9 weeks", "-o", "next.layout"]) == 0
        assert "It has to be signed: custody sign -f next.layout" in capsys.readouterr().err

    def test_a_directory_that_cannot_be_written_leaves_everything_as_it_is(
        self, signed: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = signed.read_bytes()
        assert main(["layout", "extend", signed.name, "--expires", "9 weeks", "-o", "no/next.layout"]) == 2
        assert "cannot write layout 'no/next.layout'" in capsys.readouterr().err
        assert signed.read_bytes() == before


@pytest.mark.parametrize("action", [[], *([name] for name in ACTIONS)])
def test_help_explains_with_examples(action: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["layout", *action, "--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert "Examples:\n  custody layout " in printed
    assert all(len(line) <= 120 for line in printed.splitlines())
