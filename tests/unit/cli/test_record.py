from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from custody.cli.main import main
from custody.signing.keypair import generate, write_pair

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "keys").mkdir()
    (tmp_path / "work" / "src").mkdir(parents=True)
    write_pair(str(tmp_path / "keys" / "alice"), generate())
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work" / "src" / "a").write_text("one")
    return tmp_path / "work"


def record(action: str, *arguments: str, name: str = "edit") -> int:
    return main(["record", action, "-n", name, "--signing-key", "../keys/alice", *arguments])


def names(here: Path) -> set[str]:
    return {path.name for path in here.iterdir()} - {"src"}


def signed(here: Path) -> dict[str, Any]:
    (path,) = here.rglob("*.link")
    content: dict[str, Any] = json.loads(path.read_text())["signed"]
    return content


def test_start_and_stop_make_one_link_silently(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record("start", "-m", "src") == 0
    assert len(names(here)) == 1
    (here / "src" / "b").write_text("two")
    assert record("stop", "-p", "src") == 0
    content = signed(here)
    assert (set(content["materials"]), set(content["products"])) == ({"src/a"}, {"src/a", "src/b"})
    assert (content["command"], content["byproducts"]) == ([], {})
    assert len(names(here)) == 1
    assert capsys.readouterr() == ("", "")


def test_second_start_needs_force(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record("start") == 0
    assert record("start", "-m", "src") == 2
    assert "was started at 20" in capsys.readouterr().err
    assert record("start", "-m", "src", "--force") == 0
    assert record("stop") == 0
    assert set(signed(here)["materials"]) == {"src/a"}


def test_stop_without_start_is_2_and_says_what_to_do(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record("stop", "-p", "src") == 2
    assert "start it with `custody record start --step-name edit" in capsys.readouterr().err
    assert names(here) == set()


def test_tampered_recording_is_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record("start") == 0
    (path,) = here.glob(".*unfinished")
    document = json.loads(path.read_text())
    document["signatures"][0]["sig"] = "AAAA"
    path.write_text(json.dumps(document))
    assert record("stop") == 2
    assert "is not as this key signed it" in capsys.readouterr().err
    assert names(here) == {path.name}


def test_stop_writes_dsse_into_the_metadata_directory(here: Path) -> None:
    (here / "links").mkdir()
    assert record("start") == 0
    assert record("stop", "--use-dsse", "-d", "links") == 0
    (path,) = here.rglob("*.link")
    assert path.parent.name == "links"
    assert json.loads(path.read_text())["payloadType"] == "application/vnd.in-toto+json"


def test_environment_of_both_ends_is_in_the_link(here: Path) -> None:
    assert record("start", "--environment", "a=1", "b=1") == 0
    assert record("stop", "--environment", "b=2") == 0
    environment = signed(here)["environment"]
    assert (environment["a"], environment["b"]) == ("1", "2")


def test_recording_options_hold_on_both_ends(here: Path) -> None:
    assert record("start", "-m", "src", "--hash", "sha512", "--lstrip-paths", "src/") == 0
    assert record("stop", "-p", "src", "--exclude", "a") == 0
    content = signed(here)
    assert {name: set(digests) for name, digests in content["materials"].items()} == {"a": {"sha512"}}
    assert content["products"] == {}


@pytest.mark.parametrize("quiet", [False, True])
def test_quiet_prints_no_warnings(here: Path, capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    (here / "src" / "a").unlink()
    more = ["-q"] if quiet else []
    assert record("start", "-m", "src", *more) == 0
    assert record("stop", "-p", "src", *more) == 0
    assert capsys.readouterr().err.count("warning: ") == (0 if quiet else 2)


def test_verbose_says_what_was_recorded(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record("start", "-m", "src", "-v") == 0
    (path,) = names(here)
    assert capsys.readouterr().err == f"materials: 1\n  src/a\nwrote {path}\n"
    assert record("stop", "-p", "src", "-v") == 0
    (path,) = names(here)
    assert capsys.readouterr().err == f"products: 1\n  src/a\nwrote {path}\n"


def test_bad_name_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert record("start", name="../x") == 2
    assert "expected a plain name" in capsys.readouterr().err
    assert names(here) == set()


def test_action_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["record"])
    assert "start|stop" in capsys.readouterr().err
