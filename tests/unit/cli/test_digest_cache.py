"""Tests of `--digest-cache`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.artifacts import cache
from custody.cli.main import main
from custody.signing.keypair import generate, write_pair
from tests.docs.parsers import in_toto_options
from tests.unit.artifacts.caches import FALSE, RESTED, lie, make_tree

COMMANDS = {
    "run": ["run", "-n", "step", "--signing-key", "keys/alice", "-m", "src", "-p", "src", "-x"],
    "start": ["record", "start", "-n", "step", "--signing-key", "keys/alice", "-m", "src"],
    "stop": ["record", "stop", "-n", "step", "--signing-key", "keys/alice", "-p", "src"],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "_REST_NS", RESTED)
    (tmp_path / "keys").mkdir()
    write_pair("keys/alice", generate())
    make_tree(tmp_path)
    return tmp_path


def digests_of(here: Path, kind: str) -> set[str]:
    (path,) = here.glob("*.link")
    return {digests["sha256"] for digests in json.loads(path.read_text())["signed"][kind].values()}


@pytest.mark.parametrize("with_cache", [True, False])
@pytest.mark.parametrize("commands", [["run"], ["start", "stop"]])
def test_only_materials_are_looked_up(here: Path, commands: list[str], *, with_cache: bool) -> None:
    option = ["--digest-cache", "cache"]
    assert main([*COMMANDS["run"], *option]) == 0
    lie("src/a")
    for name in commands:
        assert main([*COMMANDS[name], *(option if with_cache and name != "stop" else [])]) == 0
    assert (FALSE.hex() in digests_of(here, "materials")) == with_cache
    assert FALSE.hex() not in digests_of(here, "products")


def test_the_cache_is_made_silently(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMANDS["run"], "--digest-cache", "cache"]) == 0
    assert main([*COMMANDS["run"], "--digest-cache", "cache"]) == 0
    assert capsys.readouterr() == ("", "")
    assert (here / "cache").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("quiet", [True, False])
def test_a_damaged_cache_is_a_warning(here: Path, capsys: pytest.CaptureFixture[str], *, quiet: bool) -> None:
    assert main([*COMMANDS["run"], "--digest-cache", "cache"]) == 0
    (here / "cache").write_bytes((here / "cache").read_bytes()[:-1])
    assert main([*COMMANDS["run"], "--digest-cache", "cache", *(["-q"] if quiet else [])]) == 0
    assert ("is not used and will be made anew: it is damaged" in capsys.readouterr().err) != quiet


@pytest.mark.parametrize("name", ["keys/alice", "src/a", "src/new", "no/cache", "/dev/null", "keys"])
def test_what_cannot_be_a_cache_is_2_and_nothing_is_run_or_lost(
    here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    before = (here / "keys" / "alice").read_bytes()
    run = COMMANDS["run"][:-1]
    assert main([*run, "--digest-cache", name, "--", "touch", "ran"]) == 2
    assert "the digest cache" in capsys.readouterr().err
    assert (here / "keys" / "alice").read_bytes() == before
    assert {path.name for path in here.iterdir()} == {"keys", "src"}


def test_materials_to_verify_are_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "--digest-cache",
        "cache",
        "--verify-materials",
        "root.layout",
        "--verification-keys",
        "keys/alice.pub",
    ]
    assert main([*COMMANDS["run"], *arguments]) == 2
    assert "leave out --digest-cache or --verify-materials" in capsys.readouterr().err
    assert {path.name for path in here.iterdir()} == {"keys", "src"}


@pytest.mark.parametrize(
    "arguments",
    [
        COMMANDS["stop"],
        ["verify", "--layout", "root.layout", "--verification-keys", "keys/alice.pub"],
        ["match-products", "--link", "some.link"],
    ],
)
def test_commands_that_must_read_have_no_such_option(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--digest-cache", "cache"])
    assert ended.value.code == 2
    assert "unknown arguments: --digest-cache" in capsys.readouterr().err


def test_the_in_toto_commands_have_the_options_of_the_reference_only() -> None:
    assert "--materials" in in_toto_options()
    assert "--digest-cache" not in in_toto_options()
