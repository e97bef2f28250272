"""Tests of `in-toto-record`: what it does is what the reference does with the same command lines, side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from custody import __version__ as engine
from tests.simulator import Actor, actor, hashed, link_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.compat.sides import Place, Ran, Reference

LINK = link_name("edit", actor("alice"))
WAITING = f".{LINK}-unfinished"


def record(place: Place, command: str, *options: str) -> Ran:
    """Return how `in-toto-record` ended, with step `edit` by alice."""
    return place.command("in-toto-record", command, "-n", "edit", "--signing-key", place.key("alice"), *options)


def link_of(path: Path) -> dict[str, Any]:
    """Return what the link in the file `path` says."""
    content: dict[str, Any] = json.loads(path.read_text())["signed"]
    return content


@pytest.mark.component("reference")
@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ([], []),
        (["-m", "."], ["-p", "."]),
        (["-m", "a", "--use-dsse"], ["-p", "a"]),
        (["-m", "src", "--lstrip-paths", "src/"], ["-p", ".", "--base-path", "src", "--exclude", "b"]),
    ],
)
def test_the_reference_writes_the_same_link(
    here: Place, start_reference: Callable[[], Reference], start: list[str], stop: list[str]
) -> None:
    (here.final / "src").mkdir()
    for name in ("a", "src/b", "src/c"):
        (here.final / name).write_text(name)
    common = ["-n", "edit", "--signing-key", here.key("alice")]
    written = []
    for side in (here.side, start_reference()):
        for words in (["start", *common, *start], ["stop", *common, *stop]):
            ran = side.command("in-toto-record", *words, cwd=here.final)
            assert (ran.code, ran.out, ran.err) == (0, "", "")
        written.append((here.final / LINK).read_bytes())
        (here.final / LINK).unlink()
    assert written[0] == written[1]


def test_a_step_is_recorded_from_start_to_stop(place: Place) -> None:
    (place.final / "a").write_text("1")
    assert record(place, "start", "-m", "a") == (0, "", "")
    assert (place.final / WAITING).exists()
    assert not (place.final / LINK).exists()
    (place.final / "a").write_text("2")
    assert record(place, "stop", "-p", "a") == (0, "", "")
    assert not (place.final / WAITING).exists()
    link = link_of(place.final / LINK)
    assert (link["materials"], link["products"]) == (hashed({"a": "1"}), hashed({"a": "2"}))


def test_a_changed_start_is_refused(place: Place) -> None:
    (place.final / "a").write_text("1")
    assert record(place, "start", "-m", "a").code == 0
    waiting = place.final / WAITING
    waiting.write_text(waiting.read_text().replace('"a"', '"b"'))
    ran = record(place, "stop")
    assert ran.code == 1
    assert "(in-toto-record stop) SignatureVerificationError: " in ran.err
    assert not (place.final / LINK).exists()


def test_what_was_not_started_cannot_be_stopped(place: Place) -> None:
    ran = record(place, "stop")
    message = f"FileNotFoundError: [Errno 2] No such file or directory: '{WAITING}'"
    assert ran == (1, "", f"(in-toto-record stop) {message}\n")


def test_the_options_of_a_recording_decide_what_is_recorded(place: Place) -> None:
    (place.final / "src").mkdir()
    for name in ("a", "b"):
        (place.final / "src" / name).write_text(name)
    for command, option in (("start", "-m"), ("stop", "-p"), ("start", "--materials"), ("stop", "--products")):
        assert (
            record(place, command, option, ".", "--base-path", "src", "--exclude", "b", "--lstrip-paths", "x").code == 0
        )
    link = link_of(place.final / LINK)
    assert link["materials"] == link["products"] == hashed({"a": "a"})


def test_the_directory_decides_where_the_link_lies(place: Place) -> None:
    (place.final / "links").mkdir()
    for option in ("-d", "--metadata-directory"):
        assert record(place, "start").code == 0
        assert record(place, "stop", option, "links").code == 0
        (place.final / "links" / LINK).unlink()
    assert record(place, "start").code == 0
    ran = record(place, "stop", "-d", "gone")
    assert ran.code == 1
    assert "(in-toto-record stop) FileNotFoundError: [Errno 2] No such file or directory: 'gone" in ran.err
    assert (place.final / WAITING).exists()


def test_the_envelope_is_the_one_that_was_started(place: Place) -> None:
    for options, field in ((["--use-dsse"], "payload"), ([], "signed")):
        assert record(place, "start", *options).code == 0
        assert record(place, "stop").code == 0
        assert field in json.loads((place.final / LINK).read_text())


def test_the_password_opens_the_key(place: Place) -> None:
    key = place.root / "alice.enc"
    key.write_bytes(
        Actor("alice")._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    for command in ("start", "stop"):
        words = [command, "-n", "edit", "--signing-key", str(key)]
        for wrong in ([], ["-P", "wrong"], ["--password", "wrong"]):
            ran = place.command("in-toto-record", *words, *wrong)
            assert ran.code == 1
            assert ran.err.startswith(f"(in-toto-record {command}) ")
        assert place.command("in-toto-record", *words, "-P", "secret").code == 0
    assert (place.final / LINK).exists()


def test_without_a_value_the_password_is_asked_for(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    key = here.root / "alice.enc"
    key.write_bytes(
        Actor("alice")._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    for answer, code in (("wrong", 1), ("secret", 0)):
        monkeypatch.setattr("in_toto.in_toto_record.getpass", lambda answer=answer: answer)
        ran = here.command("in-toto-record", "start", "-n", "edit", "--signing-key", str(key), "-P")
        assert ran.code == code


def test_loudness_is_as_asked_for(place: Place) -> None:
    assert "Start recording 'edit'...\n" in record(place, "start", "-v").err
    assert "Stop recording 'edit'...\n" in record(place, "stop", "--verbose").err
    for option in ("-q", "--quiet"):
        assert record(place, "stop", option) == (1, "", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "the following arguments are required: "),
        (["start"], "the following arguments are required: -n/--step-name"),
        (["pause", "-n", "x"], "invalid choice: 'pause'"),
        (["start", "-n", "x"], "Specify either '--signing-key <path>' or '--gpg [<keyid>]'"),
        (["stop", "-n", "x", "-g", "--signing-key", "a"], "Specify either '--signing-key <path>' or '--gpg [<keyid>]'"),
        (["start", "-n", "x", "--signing-key", "a", "-p", "b"], "unrecognized arguments: -p b"),
        (["start", "-n", "x", "--signing-key", "a", "-d", "b"], "unrecognized arguments: -d b"),
        (["stop", "-n", "x", "--signing-key", "a", "-m", "b"], "unrecognized arguments: -m b"),
        (["stop", "-n", "x", "--signing-key", "a", "-v", "-q"], "not allowed with argument"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(place: Place, words: list[str], says: str) -> None:
    ran = place.command("in-toto-record", *words)
    assert ran.code == 2
    assert says in ran.err


def test_the_version_is_that_of_the_interface_and_of_the_engine(here: Place) -> None:
    assert here.command("in-toto-record", "--version") == (0, f"in-toto-record 3.1.0 (custody {engine})\n", "")


@pytest.mark.parametrize(("words", "flag"), [([], "stop"), (["start"], "--materials"), (["stop"], "--products")])
def test_the_help_shows_every_flag(here: Place, words: list[str], flag: str) -> None:
    ran = here.command("in-toto-record", *words, "--help")
    assert ran.code == 0
    assert flag in ran.out


def test_the_guides_line_with_the_step_at_its_end_works(here: Place) -> None:
    key = here.key("alice")
    (here.final / "a").write_text("1")
    ran = here.command("in-toto-record", "--key", key, "--links-dir", "links/", "start", "edit")
    assert ran == (0, "", "")
    assert (here.final / WAITING).exists()
    assert (here.final / "links").is_dir()
    assert here.command("in-toto-record", "--key", key, "--links-dir", "links/", "stop", "other").code == 1
    assert here.command("in-toto-record", "--key", key, "--links-dir", "links/", "stop", "edit").code == 0
    assert (here.final / "links" / LINK).exists()
    ran = here.command("in-toto-record", "start", "edit", "-n", "test", "--key", key)
    assert ran.code == 2
    assert "'edit' and -n both stand for --step-name" in ran.err


def test_commas_separate_paths_that_do_not_exist(here: Place) -> None:
    for name in ("a", "b", "c,d"):
        (here.final / name).write_text(name)
    assert record(here, "start", "-m", "a,b").code == 0
    assert record(here, "stop", "-p", "c,d").code == 0
    link = link_of(here.final / LINK)
    assert (set(link["materials"]), set(link["products"])) == ({"a", "b"}, {"c,d"})


def test_a_key_in_a_device_needs_its_module(here: Place) -> None:
    ran = here.command("in-toto-record", "start", "edit", "--key-path", "hsm:builder")
    assert ran.code == 1
    assert "(in-toto-record start) ValueError: which PKCS #11 module drives the token? set PKCS11_MODULE" in ran.err
