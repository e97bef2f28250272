"""`make reference`: what is compared with is pinned, made once, and missing without harm."""

from __future__ import annotations

import io
import json
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from scripts import reference
from scripts.reference import MissingError

PIN = """in-toto==9.9.9 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
    # via -r requirements/reference.in
other==1 \\
    --hash=sha256:cccc
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the script work in a folder of its own, with neither uv, Go nor a Python that can install."""
    (tmp_path / "pins.txt").write_text(PIN)
    made = tmp_path / ".reference"
    for name, path in {
        "_REFERENCE": made,
        "VENV": made / "venv",
        "_MADE": made / "made.json",
        "_PINS": tmp_path / "pins.txt",
    }.items():
        monkeypatch.setattr(reference, name, str(path))
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return made


def offer(monkeypatch: pytest.MonkeyPatch, *members: str) -> list[str]:
    """Let the download bring an archive with these members; returns what was asked for, as it is asked."""
    asked: list[str] = []

    def download(requirement: str, directory: str) -> None:
        asked.append(requirement)
        with tarfile.open(Path(directory) / "in_toto-9.9.9.tar.gz", "w:gz") as file:
            for member in members:
                file.addfile(tarfile.TarInfo(member), io.BytesIO())

    monkeypatch.setattr(reference, "_download", download)
    return asked


def test_environment_that_cannot_be_installed_is_missing() -> None:
    with pytest.raises(MissingError, match="failed: it did not say why"):
        reference.install_environment()


def test_everything_may_be_missing_and_the_reasons_are_kept(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main() == 0

    missing = json.loads((place / "made.json").read_text())["missing"]
    programs = {"bin/in-toto-golang", "cosign-2/cosign", "cosign-3/cosign"}
    assert set(missing) == {"venv", "source"} | programs
    assert {missing[program] for program in programs} == {"there is no Go toolchain on PATH"}
    assert capsys.readouterr().err.count("tests that need it will skip") == 5


def test_source_is_downloaded_by_its_pin_and_hashes_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = offer(monkeypatch, "in_toto-9.9.9/tests/test_a.py")

    reference._unpack_source()

    assert asked == [PIN[: PIN.index("\n    # via")]]
    assert (place / "in_toto-9.9.9" / "tests" / "test_a.py").is_file()


def test_source_is_downloaded_once_for_the_same_pins(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = offer(monkeypatch, "in_toto-9.9.9/tests/test_a.py")
    reference._unpack_source()
    (place / "in_toto-9.9.9" / "tests" / "stale.py").touch()
    reference._unpack_source()
    assert len(asked) == 1

    (tmp_path / "pins.txt").write_text(PIN.replace("aaaa", "dddd"))
    reference._unpack_source()
    assert len(asked) == 2
    assert not (place / "in_toto-9.9.9" / "tests" / "stale.py").exists()


@pytest.mark.parametrize("member", ["../outside", "in_toto-9.9.9/../../../outside"])
def test_archive_cannot_write_outside(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    offer(monkeypatch, "in_toto-9.9.9/a", member)

    with pytest.raises(MissingError, match=r"not as expected.*outside the destination"):
        reference._unpack_source()

    assert list(tmp_path.rglob("outside")) == []
    assert not (place / "in_toto-9.9.9").exists()


def test_archive_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, "another-1.0/a")

    with pytest.raises(MissingError, match="not as expected"):
        reference._unpack_source()


def test_pins_without_the_reference_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pins.txt").write_text("in-toto==9.9.9\n")  # no hash, no pin

    with pytest.raises(MissingError, match="has no pin of in-toto"):
        reference._unpack_source()


@pytest.mark.parametrize("part", ["cosign-2/cosign", "cosign-3/cosign", "bin/in-toto-golang"])
def test_program_in_go_is_built_once(place: Path, tmp_path: Path, part: str) -> None:
    go = tmp_path / "go"
    build = f'/bin/mkdir -p "$GOBIN"\n/bin/cp /bin/true "$GOBIN/{Path(part).name}"'
    go.write_text(f'#!/bin/sh\n{build}\necho "$@" >>{tmp_path}/asked\n')
    go.chmod(0o755)

    reference._build(part)
    reference._build(part)

    assert (place / part).is_file()
    assert (tmp_path / "asked").read_text() == f"install -ldflags=-s -w {reference._PEERS[part]}\n"


def test_link_in_the_place_of_a_part_is_replaced_and_what_it_leads_to_stays(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere" / "kept").mkdir(parents=True)
    place.mkdir()
    (place / "in_toto-9.9.9").symlink_to(tmp_path / "elsewhere")
    offer(monkeypatch, "in_toto-9.9.9/a")

    reference._unpack_source()

    assert (tmp_path / "elsewhere" / "kept").is_dir()
    assert not (place / "in_toto-9.9.9").is_symlink()
