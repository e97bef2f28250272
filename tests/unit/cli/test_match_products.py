from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from custody.cli.main import main
from custody.signing.keypair import generate, write_pair

if TYPE_CHECKING:
    from pathlib import Path

LINK = "../links/build.link"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    for name in ("keys", "links", "work/dist"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("alice", "bob"):
        write_pair(str(tmp_path / "keys" / name), generate())
    monkeypatch.chdir(tmp_path / "work")
    for name in ("a", "b"):
        (tmp_path / "work" / "dist" / name).write_text(name)
    make_link("--hash", "sha256", "sha512")
    capsys.readouterr()
    return tmp_path / "work"


def make_link(*arguments: str) -> None:
    """Put a link of what is in `dist` at `LINK`."""
    made = ["run", "-n", "build", "-k", "../keys/alice", "-d", "../links", "-x", "-p", "dist", *arguments]
    assert main(made) == 0


@pytest.fixture(autouse=True)
def link(here: Path) -> Path:
    (made,) = here.parent.joinpath("links").iterdir()
    return made.rename(made.with_name("build.link"))


def match(*arguments: str) -> int:
    return main(["match-products", "--link", LINK, *arguments])


def test_files_that_the_step_made_are_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert match() == 0
    out, err = capsys.readouterr()
    assert out == "All 2 files are as the step 'build' made them.\n"
    assert err == "the link's signature was not checked; give --verification-keys to check it\n"


def test_differences_are_printed_and_1(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "dist" / "a").write_text("changed")
    (here / "dist" / "b").rename(here / "dist" / "c")
    assert match() == 1
    assert capsys.readouterr().out == (
        "Only in products:\n  dist/b\nNot in products:\n  dist/c\nHashes differ:\n  dist/a\n"
    )


@pytest.mark.parametrize("equal", [True, False])
def test_json_says_the_same(here: Path, capsys: pytest.CaptureFixture[str], equal: bool) -> None:
    if not equal:
        (here / "dist" / "a").write_text("changed")
    assert match("--format", "json") == (0 if equal else 1)
    assert json.loads(capsys.readouterr().out) == {
        "step": "build",
        "equal": equal,
        "compared": 2,
        "only_in_products": [],
        "not_in_products": [],
        "differing": [] if equal else ["dist/a"],
        "signed_by": [],
        "warnings": [],
    }


def test_paths_choose_what_is_compared(here: Path) -> None:
    (here / "other").write_text("")
    assert match() == 1
    assert match("--paths", "dist/a", "dist/b") == 0
    assert match("-p", "dist/a", "-p", "dist/b") == 0
    assert match("-p", "dist/a") == 1


def test_excluded_files_are_not_compared(here: Path) -> None:
    (here / "dist" / "c.o").write_text("")
    (here / "dist" / "d.pyc").write_text("")
    assert match() == 1
    assert match("-e", "*.o", "*.pyc") == 0
    assert match("--exclude", "*.o") == 1
    (here / "dist" / "c.o").unlink()
    assert match() == 0
    assert match("--no-exclude") == 1


def test_names_can_be_cut_and_seen_from_elsewhere(here: Path) -> None:
    (here / "unpacked").mkdir()
    (here / "dist").rename(here / "unpacked" / "dist")
    assert match("--lstrip-paths", "unpacked/") == 0
    assert match("--base-path", "unpacked") == 0
    assert match() == 1


def test_hash_chooses_what_must_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert match("--hash", "sha512") == 0
    assert match("--hash", "sha256", "sha512") == 0
    assert match("--hash", "sha384") == 1
    assert "the link has no sha384 for 2 of its products" in capsys.readouterr().err


def test_other_ways_of_recording_can_be_repeated(here: Path, link: Path) -> None:
    (here / "dist" / "a").write_bytes(b"x\r\n")
    (here / "dist" / "to").symlink_to(here / "dist2")
    (here / "dist2").mkdir()
    (here / "dist2" / "f").write_text("f")
    link.unlink()
    make_link("--normalize-line-endings", "--no-follow-symlinks")
    next(link.parent.iterdir()).rename(link)
    assert match("-p", "dist", "--normalize-line-endings", "--no-follow-symlinks") == 0
    assert match("-p", "dist", "--no-follow-symlinks") == 1
    assert match("-p", "dist", "--normalize-line-endings") == 1


def test_signature_by_one_of_the_keys_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert match("--verification-keys", "../keys/bob.pub", "../keys/alice.pub", "--format", "json") == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["signed_by"]) == 1
    assert err == ""


def test_signature_by_another_key_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert match("--verification-keys", "../keys/bob.pub") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "none of the given keys signed it" in err


def test_tampered_link_is_1(link: Path) -> None:
    document = json.loads(link.read_text())
    document["signed"]["command"] = ["other"]
    link.write_text(json.dumps(document))
    assert match() == 0  # nobody asked who signed it
    assert match("--verification-keys", "../keys/alice.pub") == 1


def test_dsse_link_is_read(link: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link.unlink()
    make_link("--use-dsse")
    next(link.parent.iterdir()).rename(link)
    assert match("--verification-keys", "../keys/alice.pub") == 0
    assert capsys.readouterr().out.startswith("All 2 files")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"signed": {"_type": "layout"}, "signatures": []}, "expected a link, got 'a layout'"),
        ({"_type": "link"}, "without an envelope"),
        ({"payload": "e30=", "payloadType": "text/plain", "signatures": []}, "payloadType: expected a link"),
        ({"signed": {}, "signatures": []}, "a document without _type"),
        ([], "expected an object"),
    ],
)
def test_what_is_no_link_is_2_and_a_sentence(
    link: Path, capsys: pytest.CaptureFixture[str], document: object, words: str
) -> None:
    link.write_text(json.dumps(document))
    assert match() == 2
    err = capsys.readouterr().err
    assert err.startswith(f"custody match-products: {LINK}: ")
    assert words in err


def test_missing_link_is_2(link: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link.unlink()
    assert match() == 2
    assert f"cannot read the link '{LINK}'" in capsys.readouterr().err
