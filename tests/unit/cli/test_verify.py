"""`custody verify`: every option decides an outcome, and every acceptance has a tampered twin."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.encoding.instants import read_instant, write_instant
from tests.unit.cli.chain import Chain, verify

Output = pytest.CaptureFixture[str]


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> Chain:
    monkeypatch.chdir(tmp_path)
    made = Chain(tmp_path)
    made.layout()
    made.perform()
    capsys.readouterr()
    return made


def document(capsys: Output) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def reasons(capsys: Output) -> set[str]:
    return {f["reason"] for f in document(capsys)["findings"] if f["severity"] == "rejection"}


@pytest.mark.usefixtures("chain")
def test_an_accepted_chain_has_a_line_a_step_and_the_last_line(capsys: Output) -> None:
    assert verify() == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 'write' verified (link signed by ")
    assert lines[0].endswith(", 0 materials, 1 product)")
    assert lines[1].endswith(", 1 material, 2 products)")
    assert lines[-1] == "The software product passed all verification."


@pytest.mark.usefixtures("chain")
def test_a_changed_link_is_rejected_naming_the_file_and_the_reason(capsys: Output) -> None:
    (link,) = Path().glob("write.*.link")
    link.write_text(link.read_text().replace("app.c", "app.d"))
    assert verify() == 1
    output = capsys.readouterr().out
    assert f"{link} is not counted: its signature names a functionary" in output
    assert output.splitlines()[-1].startswith("The software product did not pass verification: ")


def test_a_changed_material_names_step_rule_artifact_and_both_digests(chain: Chain, capsys: Output) -> None:
    Path("app.c").write_text("evil\n")
    chain.run("build", "bob", ("app.c",), ("app.c", "app"), ["cp", "app.c", "app"])
    capsys.readouterr()
    assert verify() == 1
    output = capsys.readouterr().out
    assert "step 'build'" in output
    assert "[material-differs]" in output
    assert "DISALLOW *" in output
    assert hashlib.sha256(b"1\n").hexdigest() in output
    assert hashlib.sha256(b"evil\n").hexdigest() in output


def test_links_are_looked_for_in_the_link_dir(chain: Chain) -> None:
    (chain.directory / "links").mkdir()
    for link in chain.directory.glob("*.link"):
        link.rename(chain.directory / "links" / link.name)
    assert verify() == 1
    assert verify("--link-dir", "links") == 0
    assert verify("--link-dir", "missing") == 2


@pytest.mark.usefixtures("chain")
def test_another_owner_key_is_rejected(capsys: Output) -> None:
    assert verify(keys=("second",)) == 1
    assert "owner-signature-missing" in capsys.readouterr().out


def test_all_owner_keys_must_have_signed_unless_a_threshold_says_how_many(chain: Chain) -> None:
    both = ("owner", "second")
    assert verify(keys=both) == 1
    assert verify("--owner-threshold", "1", keys=both) == 0
    assert verify("--owner-threshold", "2", keys=both) == 1
    chain.sign(*both)
    assert verify("--owner-threshold", "2", keys=both) == 0
    assert verify("--owner-threshold", "3", keys=both) == 2
    assert verify("--owner-threshold", "0", keys=both) == 2


@pytest.mark.usefixtures("chain")
def test_the_artifact_under_test_must_be_what_the_chain_made(capsys: Output) -> None:
    assert verify("--artifact", "app") == 0
    assert "artifact 'app' verified (product 'app' of step 'build'" in capsys.readouterr().out
    digest = hashlib.sha256(b"1\n").hexdigest()
    assert verify("--artifact", f"sha256:{digest}") == 0
    assert verify("--artifact", f"sha256:{digest[:-1]}0") == 1
    Path("app").write_text("evil")
    assert verify("--artifact", "app") == 1
    assert "[artifact-not-made]" in capsys.readouterr().out
    assert verify("--artifact", "nothing-here") == 2
    assert verify("--artifact", "sha256:12") == 2


@pytest.mark.usefixtures("chain")
def test_product_of_names_the_step_that_made_the_artifact() -> None:
    Path("other").write_text("2\n")
    assert verify("--artifact", "app.c", "--product-of", "write") == 0
    assert verify("--artifact", "other", "--product-of", "write") == 1
    assert verify("--artifact", "app.c", "--product-of", "missing") == 2


@pytest.mark.usefixtures("chain")
def test_the_layout_digest_names_the_one_layout(capsys: Output) -> None:
    verify("--format", "json")
    digest = document(capsys)["layout"]["sha256"]
    assert verify("--layout-digest", digest) == 0
    assert verify("--layout-digest", f"sha256:{digest}") == 0
    assert verify("--layout-digest", "0" * 64) == 1
    assert "layout-digest-differs" in capsys.readouterr().out


def test_the_state_file_rejects_a_replaced_layout(chain: Chain, capsys: Output) -> None:
    old = Path("root.layout").read_bytes()
    assert verify("--state", "seen.json") == 0
    chain.layout(expires="7 months")
    assert verify("--state", "seen.json") == 0
    Path("root.layout").write_bytes(old)
    capsys.readouterr()
    assert verify() == 0
    assert verify("--state", "seen.json") == 1
    assert "layout-superseded" in capsys.readouterr().out
    Path("seen.json").write_text("{")
    assert verify("--state", "seen.json") == 2


@pytest.mark.usefixtures("chain")
def test_links_older_than_the_maximum_age_are_rejected(capsys: Output) -> None:
    assert verify("--max-age", "1 day") == 0
    (link,) = Path().glob("build.*.link")
    made = read_instant(json.loads(link.read_text())["signed"]["environment"]["finishedOn"], "finishedOn")
    in_time, too_late = (write_instant(made + timedelta(seconds=seconds)) for seconds in (60, 61))
    assert verify("--max-age", "60 seconds", "--at", in_time) == 0
    capsys.readouterr()
    assert verify("--max-age", "60 seconds", "--at", too_late) == 1
    assert "link-too-old" in capsys.readouterr().out
    assert verify("--max-age", "1 parsec") == 2


def test_a_link_without_times_is_rejected_where_an_age_is_demanded(chain: Chain, capsys: Output) -> None:
    envelope = json.loads(next(iter(Path().glob("build.*.link"))).read_text())
    envelope["signed"]["environment"] = {}
    Path("unsigned.json").write_text(json.dumps(envelope["signed"]))
    assert main(["sign", "-f", "unsigned.json", "--signing-key", "keys/bob"]) == 0
    capsys.readouterr()
    assert verify() == 0
    assert verify("--max-age", "30 days") == 1
    assert "link-too-old" in capsys.readouterr().out
    assert chain.directory.exists()


@pytest.mark.usefixtures("chain")
def test_an_expired_layout_is_rejected_as_of_the_instant_given(capsys: Output) -> None:
    assert verify("--at", "2100-01-01T00:00:00Z") == 1
    assert "layout-expired" in capsys.readouterr().out
    assert verify("--at", "2100-01-01") == 2


def test_the_pinned_digests_must_be_in_every_link(chain: Chain, capsys: Output) -> None:
    assert verify("--hash", "sha512") == 1
    chain.perform("--hash", "sha256", "sha512")
    assert verify("--hash", "sha256", "sha512") == 0
    assert verify("--hash", "sha256", "--hash", "sha384") == 1
    capsys.readouterr()
    assert verify("--hash", "md5") == 2
    assert "unknown digest 'md5'" in capsys.readouterr().err


def test_file_modes_are_judged_where_they_are_pinned(chain: Chain) -> None:
    assert verify("--hash", "sha256", "mode") == 1
    chain.perform("--modes")
    assert verify("--hash", "sha256", "mode") == 0
    os.chmod("app.c", 0o4755)  # noqa: S103  # what an attacker would do
    chain.run("build", "bob", ("app.c",), ("app.c", "app"), ["cp", "app.c", "app"], "--modes")
    assert verify("--hash", "sha256", "mode") == 1


def test_a_failed_command_is_a_warning_unless_success_is_required(chain: Chain, capsys: Output) -> None:
    files = ["-m", "app.c", "-p", "app", "app.c", "--record-failure"]
    fail = ["sh", "-c", "rm app; cp app.c app; exit 3"]
    code = main(["run", "-n", "build", "--signing-key", "keys/bob", *files, "--", *fail])
    assert code == 3
    chain.change(lambda layout: layout["steps"][1].update(expected_materials=[], expected_products=[]))
    capsys.readouterr()
    assert verify() == 0
    assert "ended with status 3 [command-failed]" in capsys.readouterr().out
    assert verify("--require-success") == 1


def test_a_rule_that_consumes_nothing_rejects_only_when_strict(chain: Chain, capsys: Output) -> None:
    assert verify("--strict") == 0
    chain.layout(build_rules='"CREATE no-such-file", ')
    assert verify() == 0
    capsys.readouterr()
    assert verify("--strict") == 1
    assert "rule-idle" in capsys.readouterr().out


def test_dissent_is_a_finding_and_unanimity_rejects_it(chain: Chain, capsys: Output) -> None:
    mallory = json.loads(_output(["key", "convert", "keys/mallory.pub", "--to", "metadata"], capsys))

    def three(layout: dict[str, Any]) -> None:
        layout["keys"][mallory["keyid"]] = mallory
        layout["steps"][1].update(pubkeys=list(layout["keys"]), threshold=2)

    chain.change(three)
    chain.run("build", "alice", ("app.c",), ("app.c", "app"), ["cp", "app.c", "app"])
    assert verify() == 0
    assert verify("--unanimous") == 0
    chain.run("build", "mallory", ("app.c",), ("app.c", "app"), ["sh", "-c", "echo 2 > app"])
    capsys.readouterr()
    assert verify() == 0
    assert "[dissent]" in capsys.readouterr().out
    assert verify("--unanimous") == 1


def _output(command: list[str], capsys: Output) -> str:
    capsys.readouterr()
    assert main(command) == 0
    return capsys.readouterr().out


def test_unknown_fields_of_the_layout_are_ignored_only_by_name(chain: Chain, capsys: Output) -> None:
    chain.change(lambda layout: layout["steps"][0].update(comment="x"))
    capsys.readouterr()
    assert verify() == 2
    assert "steps[0].comment" in capsys.readouterr().err
    assert verify("--ignore-field", "steps[0].comment") == 0
    assert "[field-ignored]" in capsys.readouterr().out
    assert verify("--ignore-field", "steps[1].comment") == 2


def test_parameters_go_into_rules_and_commands(chain: Chain, capsys: Output) -> None:
    def placeholder(layout: dict[str, Any]) -> None:
        layout["steps"][0]["expected_products"][0] = ["CREATE", "{name}"]

    chain.change(placeholder)
    assert verify("--parameter", "name=app.c") == 0
    assert verify("--parameter", "name=other") == 1
    assert verify("--parameter", "name=*") == 1
    capsys.readouterr()
    assert verify("--parameter", "other=app.c") == 2
    assert "{name}" in capsys.readouterr().err
    assert verify("--parameter", "name") == 2
    assert verify("--parameter", "name=a", "--parameter", "name=b") == 2


def _with_sublayout(chain: Chain, *, inspect: str = "") -> None:
    """Have alice delegate `write` to bob by a sublayout."""
    (original,) = Path().glob("write.*.link")
    name = original.name
    layout = Path("root.layout").read_bytes()
    Path("inner.yaml").write_text(
        "expires: 3 months\nfunctionaries: {bob: keys/bob.pub}\nsteps:\n"
        "  - {name: draft, functionaries: [bob], expected_materials: [DISALLOW *],"
        ' expected_products: ["CREATE {file}", "DISALLOW *"]}\n'.replace("{file}", "app.c")
        + inspect
    )
    assert main(["layout", "build", "inner.yaml", "-o", name, "--force"]) == 0
    assert main(["sign", "-f", name, "--signing-key", "keys/alice"]) == 0
    inside = Path(name.removesuffix(".link"))
    inside.mkdir()
    chain.run("draft", "bob", (), ("app.c",), ["true"], "-d", str(inside))
    (draft,) = inside.glob("draft.*.link")
    envelope = json.loads(draft.read_text())
    assert envelope["signed"]["products"].keys() == {"app.c"}
    assert Path("root.layout").read_bytes() == layout


def test_sublayouts_count_where_they_are_expected(chain: Chain, capsys: Output) -> None:
    _with_sublayout(chain)
    capsys.readouterr()
    assert verify("-v") == 0
    assert "[sublayout-used]" in capsys.readouterr().out
    assert verify("--sublayouts", "any") == 0
    assert verify("--sublayouts", "write", "build") == 0
    assert verify("--sublayouts", "build") == 1
    assert verify("--sublayouts", "none") == 1
    assert "sublayout-unexpected" in capsys.readouterr().out
    assert verify("--sublayouts", "none", "write") == 2


def test_inspections_of_sublayouts_run_only_when_allowed(chain: Chain, capsys: Output) -> None:
    _with_sublayout(chain, inspect="inspect:\n  - {name: touch, run: touch ran-inside}\n")
    capsys.readouterr()
    assert verify() == 1
    assert "sublayout-uninspected" in capsys.readouterr().out
    assert not Path("ran-inside").exists()
    assert verify("--sublayout-inspections") == 0
    assert Path("ran-inside").exists()


INSPECT = """\
inspect:
  - name: look
    run: [{python}, -c, "{code}"]
    expected_materials: [MATCH app WITH PRODUCTS FROM build, {allow}DISALLOW *]
"""


def _inspected(chain: Chain, code: str, allow: str = "") -> None:
    chain.layout(inspect=INSPECT.format(python=sys.executable, code=code, allow=allow))
    Path("delivery").mkdir()
    Path("delivery/app").write_bytes(Path("app").read_bytes())


def test_inspections_run_in_the_directory_named(chain: Chain, capsys: Output) -> None:
    _inspected(chain, "open('ran', 'w')")
    capsys.readouterr()
    assert verify() == 1  # here lie keys, layouts and sources that the rules do not allow
    assert not Path("ran").exists()
    assert verify("--inspection-dir", "delivery") == 0
    assert Path("delivery/ran").exists()
    assert "inspection 'look' verified (status 0)" in capsys.readouterr().out


def test_an_inspection_on_a_copy_leaves_the_directory_alone(chain: Chain) -> None:
    _inspected(chain, "open('ran', 'w')")
    assert verify("--inspection-dir", "delivery", "--inspection-copy") == 0
    assert not Path("delivery/ran").exists()
    Path("delivery/app").write_text("evil")
    assert verify("--inspection-dir", "delivery", "--inspection-copy") == 1


def test_an_inspection_that_fails_rejects_with_its_output(chain: Chain, capsys: Output) -> None:
    _inspected(chain, "import sys; sys.exit('no good')")
    capsys.readouterr()
    assert verify("--inspection-dir", "delivery") == 1
    output = capsys.readouterr().out
    assert "no good" in output
    assert "[inspection-failed]" in output


def test_an_inspection_that_takes_too_long_rejects(chain: Chain, capsys: Output) -> None:
    _inspected(chain, "import threading; threading.Event().wait()")
    capsys.readouterr()
    assert verify("--inspection-dir", "delivery", "--inspection-timeout", "0.5") == 1
    assert "inspection-timed-out" in capsys.readouterr().out


def test_without_inspections_a_layout_that_has_some_is_rejected(chain: Chain, capsys: Output) -> None:
    assert verify("--no-inspections") == 0
    _inspected(chain, "pass")
    capsys.readouterr()
    assert verify("--inspection-dir", "delivery", "--no-inspections") == 1
    assert "inspection-refused" in capsys.readouterr().out


def test_inspections_see_everything_that_is_not_excluded(chain: Chain) -> None:
    _inspected(chain, "pass")
    Path("delivery/evil.pyc").write_text("")
    assert verify("--inspection-dir", "delivery") == 1
    assert verify("--inspection-dir", "delivery", "--exclude", "*.pyc") == 0


def test_links_of_inspections_are_written_where_asked(chain: Chain) -> None:
    _inspected(chain, "print('seen')")
    assert verify("--inspection-dir", "delivery", "--inspection-links", "delivery") == 0
    link = json.loads(Path("delivery/look.link").read_text())["signed"]
    assert link["byproducts"]["stdout"] == "seen\n"
    Path("delivery/look.link").unlink()
    assert verify("--inspection-dir", "delivery") == 0
    assert not Path("delivery/look.link").exists()


@pytest.mark.usefixtures("chain")
def test_the_summary_link_is_written_only_for_an_accepted_chain() -> None:
    assert verify("--summary", "summary.link") == 0
    link = json.loads(Path("summary.link").read_text())["signed"]
    assert (link["materials"], sorted(link["products"])) == ({}, ["app", "app.c"])
    Path("summary.link").unlink()
    assert verify("--summary", "summary.link", keys=("second",)) == 1
    assert not Path("summary.link").exists()


@pytest.mark.usefixtures("chain")
def test_json_has_the_verdict_the_findings_and_on_request_every_rule(capsys: Output) -> None:
    assert verify("--format", "json") == 0
    plain = document(capsys)
    assert plain["verdict"] == "accepted"
    assert [step["name"] for step in plain["steps"]] == ["write", "build"]
    assert "rules" not in plain["steps"][0]
    assert verify("--format", "json", "--explain") == 0
    traced = document(capsys)["steps"][1]["rules"][0]
    assert traced["applied"][0] == {
        "rule": "MATCH app.c WITH PRODUCTS FROM write",
        "consumed": ["app.c"],
        "failed": [],
        "from": "products of write",
    }
    assert verify("--format", "json", keys=("second",)) == 1
    assert reasons(capsys) == {"owner-signature-missing"}


def test_all_artifacts_of_a_failure_are_listed_on_request_and_in_json_only(chain: Chain, capsys: Output) -> None:
    names = [f"made{number:02}" for number in range(25)]
    for name in names:
        Path(name).write_text(name)
    chain.run("build", "bob", ("app.c",), ("app.c", *names), ["true"])
    chain.change(lambda layout: layout["steps"][1].update(expected_products=[["ALLOW", "app.c"], ["DISALLOW", "*"]]))
    capsys.readouterr()
    assert verify("--format", "json") == 1
    (finding,) = (f for f in document(capsys)["findings"] if f["reason"] == "product-disallowed")
    assert ([a["name"] for a in finding["artifacts"]], finding["artifact_count"]) == (names[:20], 25)
    assert verify("--format", "json", "--all-artifacts") == 1
    (finding,) = (f for f in document(capsys)["findings"] if f["reason"] == "product-disallowed")
    assert ([a["name"] for a in finding["artifacts"]], finding["artifact_count"]) == (names, 25)
    assert verify() == 1
    assert "and 5 more; --format json --all-artifacts lists all" in capsys.readouterr().out
    assert verify("--all-artifacts") == 2
    assert "--all-artifacts: expected --format json with it" in capsys.readouterr().err


@pytest.mark.usefixtures("chain")
def test_explain_shows_which_rule_consumed_an_artifact_and_where_its_digest_came_from(capsys: Output) -> None:
    assert verify() == 0
    assert "MATCH" not in capsys.readouterr().out
    assert verify("--explain") == 0
    output = capsys.readouterr().out
    assert "1 MATCH app.c WITH PRODUCTS FROM write" in output
    assert f"app.c sha256:{hashlib.sha256(b'1' + bytes([10])).hexdigest()} from the products of 'write'" in output


def test_notes_are_shown_only_when_verbose(chain: Chain, capsys: Output) -> None:
    chain.layout(build_rules='"CREATE no-such-file", ')
    capsys.readouterr()
    assert verify() == 0
    assert "rule-idle" not in capsys.readouterr().out
    assert verify("-v") == 0
    assert "note: step 'build': the rule 'CREATE no-such-file' consumed none" in capsys.readouterr().out


@pytest.mark.usefixtures("chain")
def test_quiet_prints_nothing(capsys: Output) -> None:
    assert verify("-q") == 0
    assert verify("-q", keys=("second",)) == 1
    assert verify("-q", "--format", "json") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("chain")
def test_control_characters_of_others_do_not_reach_the_terminal(capsys: Output) -> None:
    (link,) = Path().glob("write.*.link")
    envelope = json.loads(link.read_text())
    envelope["signed"]["name"] = "\x1b[2Jwrite"
    link.write_text(json.dumps(envelope))
    assert verify() == 1
    assert "\x1b" not in capsys.readouterr().out


BAD_LAYOUTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "not JSON"),
    "truncated": (lambda data: data[: len(data) // 2], "not JSON"),
    "trailing bytes": (lambda data: data + b"{}", "not JSON"),
    "not UTF-8": (lambda data: data + b"\xff", "not UTF-8"),
    "NaN": (lambda _: b'{"signed": NaN, "signatures": []}', "NaN is not JSON"),
    "deep": (lambda _: b"[" * 100_000, "nested more than"),
    "huge number": (lambda _: b'{"signed": ' + b"9" * 5000 + b', "signatures": []}', "digits in a number"),
    "duplicate keys": (lambda _: b'{"signed": {}, "\\u0073igned": {}}', "appears twice"),
    "two envelopes": (lambda _: b'{"signed": {}, "payload": ""}', "both 'signed' and 'payload'"),
    "no envelope": (lambda _: b'{"_type": "layout"}', "nobody signed it"),
    "a list": (lambda _: b"[]", "expected an object, got an empty list"),
}


@pytest.mark.parametrize("name", BAD_LAYOUTS)
@pytest.mark.usefixtures("chain")
def test_a_bad_layout_file_is_a_sentence_that_names_it(name: str, capsys: Output) -> None:
    change, sentence = BAD_LAYOUTS[name]
    path = Path("root.layout")
    path.write_bytes(change(path.read_bytes()))
    assert verify() == 2
    error = capsys.readouterr().err
    assert error.startswith("custody verify: root.layout: ")
    assert sentence in error
    assert "Traceback" not in error


@pytest.mark.usefixtures("chain")
def test_bad_files_of_keys_are_sentences_that_name_them(capsys: Output) -> None:
    good = Path("keys/owner.pub").read_text()
    for name, content in {
        "cut": good[:60],
        "private": Path("keys/owner").read_text(),
        "empty": "",
        "junk": "\0\1",
    }.items():
        Path(f"keys/{name}.pub").write_text(content)
        capsys.readouterr()
        assert verify(keys=(name,)) == 2
        assert f"keys/{name}.pub" in capsys.readouterr().err
    assert verify(keys=("missing",)) == 2
    assert main(["verify", "-l", "missing", "--verification-keys", "keys/owner.pub"]) == 2
    assert "'missing'" in capsys.readouterr().err


@pytest.mark.usefixtures("chain")
def test_without_owner_keys_nothing_is_accepted(capsys: Output) -> None:
    assert main(["verify", "-l", "root.layout"]) in {1, 2}
    assert "owner key" in "".join(capsys.readouterr())


@pytest.mark.parametrize("flag", ["--layout-digest", "--state", "--product-of", "--summary", "--inspection-links"])
@pytest.mark.usefixtures("chain")
def test_an_empty_value_as_of_an_unset_variable_is_no_missing_option(flag: str, capsys: Output) -> None:
    assert verify(flag, "") == 2
    assert f"{flag}: expected a value, got an empty one" in capsys.readouterr().err


def test_a_digest_that_must_agree_and_is_nowhere_is_a_warning_and_strictness_rejects_it(
    chain: Chain, capsys: Output
) -> None:
    chain.change(lambda layout: layout["steps"][1].update(expected_materials=[], expected_products=[["CREATE", "app"]]))
    capsys.readouterr()
    assert verify("--hash", "sha512") == 0
    assert "warning: step 'build': 3 of its artifacts lack a digest that must agree" in capsys.readouterr().out
    assert verify("--hash", "sha512", "--strict") == 1
    assert verify("--strict") == 0


@pytest.mark.usefixtures("chain")
def test_a_directory_is_no_artifact_under_test(capsys: Output) -> None:
    Path("one").mkdir()
    Path("one/app").write_bytes(Path("app").read_bytes())
    assert verify("--artifact", "one/app") == 0
    assert verify("--artifact", "one") == 2
    assert "got the directory 'one'" in capsys.readouterr().err


@pytest.mark.usefixtures("chain")
def test_ages_are_said_in_whole_units(capsys: Output) -> None:
    assert verify("--max-age", "2 hours", "--at", "2027-02-01T00:00:00Z") == 1
    assert "at most 2 hours old" in capsys.readouterr().out
