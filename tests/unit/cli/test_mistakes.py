"""Mistakes that people make with files: a sentence that says what is wrong, and nothing is lost or leaked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from custody.cli.main import main
from tests.unit.cli.chain import Chain

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> Chain:
    monkeypatch.chdir(tmp_path)
    chain = Chain(tmp_path)
    chain.layout()
    capsys.readouterr()
    return chain


def complaint(capsys: Output, *arguments: str) -> str:
    """Return what a command says that cannot do what it was told to."""
    before = sorted(os.listdir())
    assert main(arguments) == 2
    assert sorted(os.listdir()) == before
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "-n", "a", "-k", "KEY", "--", "true"],
        ["run", "-n", "a", "-k", "env:KEY", "--", "true"],
        ["record", "start", "-n", "a", "-k", "file:KEY"],
        ["sign", "-f", "root.layout", "-k", "KEY"],
        ["sign", "-f", "KEY", "-k", "keys/owner"],
        ["sign", "-f", "root.layout", "--verify", "-k", "KEY"],
        ["key", "show", "KEY"],
        ["key", "convert", "KEY", "--to", "pem"],
        ["verify", "-l", "root.layout", "--verification-keys", "KEY"],
        ["layout", "add-key", "root.layout", "KEY"],
    ],
    ids=" ".join,
)
def test_text_of_a_key_in_place_of_its_file_is_not_repeated(arguments: list[str], capsys: Output) -> None:
    """`--key "$BUILD_KEY"` in a pipeline, where the variable holds the key: its log is read by many."""
    key = Path("keys/alice").read_text()
    said = complaint(capsys, *(word.replace("KEY", key) for word in arguments))
    assert key.splitlines()[1] not in said
    assert "the text of a key" in said


def test_text_of_a_key_is_answered_with_the_way_to_give_one(capsys: Output) -> None:
    said = complaint(capsys, "sign", "-f", "root.layout", "-k", Path("keys/alice").read_text())
    assert "write env:NAME" in said


def test_passphrase_in_place_of_its_variable_is_not_repeated(capsys: Output) -> None:
    said = complaint(capsys, "keygen", "--password-env", "correct horse", "new")
    assert "takes the name of a variable" in said
    assert "horse" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["sign", "-f", "supply-chain.yaml", "-k", "keys/owner"],
        ["sign", "-f", "supply-chain.yaml", "--verify", "-k", "keys/owner.pub"],
        ["verify", "-l", "supply-chain.yaml", "--verification-keys", "keys/owner.pub"],
        [
            *("run", "-n", "write", "-k", "keys/alice", "--verify-materials", "supply-chain.yaml"),
            *("--verification-keys", "keys/owner.pub", "--", "true"),
        ],
    ],
    ids=" ".join,
)
def test_source_in_place_of_its_layout_says_to_build_it(arguments: list[str], capsys: Output) -> None:
    assert "build it first: custody layout build supply-chain.yaml" in complaint(capsys, *arguments)


def test_key_is_not_converted_onto_itself(capsys: Output) -> None:
    """With --force the private key would be lost, and with it every future signature."""
    before = Path("keys/alice").read_bytes()
    os.link("keys/alice", "keys/alias")
    for output in ("keys/alice", "keys/../keys/alice", "keys/alias"):
        said = complaint(capsys, "key", "convert", "keys/alice", "--to", "pem", "-o", output, "--force")
        assert "OUT is IN itself" in said
    assert Path("keys/alice").read_bytes() == before
    assert main(["key", "convert", "keys/alice", "--to", "pem", "-o", "keys/bob.pub", "--force"]) == 0


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e12"])
def test_time_out_of_inspections_is_a_time(seconds: str, capsys: Output) -> None:
    arguments = ["verify", "-l", "root.layout", "--verification-keys", "keys/owner.pub", "--inspection-timeout"]
    assert "--inspection-timeout: expected more than 0 seconds" in complaint(capsys, *arguments, seconds)


def test_link_dir_without_a_layout_is_no_place_to_write(capsys: Output) -> None:
    """Guides write `--link-dir` for where the link goes: ignoring it would leave them looking for it."""
    said = complaint(capsys, "run", "-n", "a", "-k", "keys/alice", "--link-dir", "links", "--", "touch", "ran")
    assert "the link is written to --metadata-directory (-d)" in said


def test_commas_between_paths_are_answered_with_spaces(capsys: Output) -> None:
    said = complaint(capsys, "run", "-n", "a", "-k", "keys/alice", "-m", "src/,tests/", "--", "true")
    assert "write several paths with spaces between them" in said
    assert "spaces" not in complaint(capsys, "run", "-n", "a", "-k", "keys/alice", "-m", "src/", "--", "true")


def test_signing_without_append_says_whose_signatures_go(capsys: Output) -> None:
    def sign(*more: str) -> str:
        assert main(["sign", "-f", "root.layout", *more]) == 0
        return capsys.readouterr().err

    assert sign("-k", "keys/owner") == ""
    assert sign("-k", "keys/second", "--append") == ""
    assert sign("-k", "keys/second") == "warning: 1 signature by another key was removed; --append keeps them\n"
    assert sign("-k", "keys/owner", "keys/alice", "--append") == ""
    assert sign("-k", "keys/alice") == "warning: 2 signatures by other keys were removed; --append keeps them\n"
    (signature,) = json.loads(Path("root.layout").read_text())["signatures"]
    assert main(["key", "show", "keys/alice.pub", "--format", "json"]) == 0
    assert signature["keyid"] == json.loads(capsys.readouterr().out)[0]["keyid"]


def test_signing_says_which_key_ids_are_only_labels(chain: Chain, capsys: Output) -> None:
    """Mallory's key under bob's id, in a draft that an owner is asked to sign."""
    for name in ("bob", "mallory"):
        assert main(["key", "convert", f"keys/{name}.pub", "--to", "metadata"]) == 0
    text = capsys.readouterr().out
    (bob, mallory) = (json.loads("{" + part) for part in text.split("{", 1)[1].split("\n{"))

    def pass_off(layout: dict[str, dict[str, object]]) -> None:
        layout["keys"][bob["keyid"]] = {**mallory, "keyid": bob["keyid"]}

    chain.change(pass_off)
    said = capsys.readouterr().err
    assert f"the key id {bob['keyid']} is only a label: the id of this key is {mallory['keyid']}" in said
    assert main(["layout", "lint", "root.layout"]) == 1
    assert f"warning: keys.{bob['keyid']} [foreign-key-id]" in capsys.readouterr().out


def test_other_key_is_told_how_to_stop(capsys: Output) -> None:
    assert main(["record", "start", "-n", "edit", "-k", "keys/alice"]) == 0
    said = complaint(capsys, "record", "stop", "-n", "edit", "-k", "keys/bob")
    assert "stop the step with the key that started it" in said


SOURCES = {
    "functionaries without keys": ("functionaries: [alice]", "write a line for each: 'alice: keys/alice.pub'"),
    "layout": ("_type: layout", "not built again, but signed with `custody sign`"),
    "quoted threshold": (
        'functionaries: {a: keys/alice.pub}\nsteps: [{name: a, functionaries: [a], threshold: "2"}]',
        "expected an integer >= 1, got '2'; write it without quotes",
    ),
    "threshold in words": (
        "functionaries: {a: keys/alice.pub}\nsteps: [{name: a, functionaries: [a], threshold: two}]",
        "expected an integer >= 1, got 'two'\n",
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_slip_in_a_source_is_answered(name: str, capsys: Output) -> None:
    text, said = SOURCES[name]
    rest = "".join(f"{field}: []\n" for field in ("functionaries", "steps") if f"{field}:" not in text)
    Path("slip.yaml").write_text(f"expires: 1 month\n{text}\n{rest}")
    assert said in complaint(capsys, "layout", "build", "slip.yaml")
