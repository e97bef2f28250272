"""Tests of `in-toto-mock`: what it does is what the reference does with the same command line, side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from custody import __version__ as engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.sides import Place, Reference


@pytest.mark.component("reference")
@pytest.mark.parametrize("script", ["touch made", "echo out; echo err >&2; exit 3"])
@pytest.mark.parametrize("dsse", [[], ["--use-dsse"]])
def test_the_reference_writes_the_same_link(
    here: Place, start_reference: Callable[[], Reference], script: str, dsse: list[str]
) -> None:
    written = []
    for side in (here.side, start_reference()):
        (here.final / "a").write_text("1")
        ran = side.command("in-toto-mock", "-n", "try", *dsse, "--", "sh", "-c", script, cwd=here.final)
        assert ran.code == 0
        written.append((here.final / "try.link").read_bytes())
        for name in ("made", "try.link"):
            (here.final / name).unlink(missing_ok=True)
    assert written[0] == written[1]


def test_an_unsigned_link_is_written_and_said_so(place: Place) -> None:
    for option in ("-n", "--name"):
        ran = place.command("in-toto-mock", option, "try", "--", "sh", "-c", "exit 3")
        assert ran.code == 0
        for line in ("Running 'try'...", "Running command 'sh -c exit 3'...", "Storing unsigned link metadata to"):
            assert line in ran.err
        link = json.loads((place.final / "try.link").read_text())
        assert (link["signatures"], link["signed"]["byproducts"]["return-value"]) == ([], 3)


def test_the_envelope_is_the_one_that_was_asked_for(place: Place) -> None:
    for options, field in ((["--use-dsse"], "payload"), ([], "signed")):
        assert place.command("in-toto-mock", "-n", "try", *options, "--", "true").code == 0
        assert field in json.loads((place.final / "try.link").read_text())


def test_a_command_that_cannot_be_started_leaves_no_link(place: Place) -> None:
    ran = place.command("in-toto-mock", "-n", "try", "--", "no-such-program")
    assert ran.code == 1
    assert "(in-toto-mock) FileNotFoundError: [Errno 2] No such file or directory: 'no-such-program'\n" in ran.err
    assert not (place.final / "try.link").exists()


def test_a_name_that_leads_elsewhere_is_refused(here: Place) -> None:
    ran = here.command("in-toto-mock", "-n", "../try", "--", "touch", "made")
    assert ran.code == 1
    assert "(in-toto-mock) FormatError: " in ran.err
    assert not (here.final / "made").exists()


@pytest.mark.parametrize("words", [[], ["-n", "try"], ["--", "true"], ["-n", "try", "-q", "--", "true"]])
def test_arguments_that_make_no_sense_are_refused(place: Place, words: list[str]) -> None:
    ran = place.command("in-toto-mock", *words)
    assert ran.code == 2
    assert not (place.final / "try.link").exists()


def test_the_version_is_that_of_the_interface_and_of_the_engine(here: Place) -> None:
    assert here.command("in-toto-mock", "--version") == (0, f"in-toto-mock 3.1.0 (custody {engine})\n", "")


def test_the_help_shows_every_flag(here: Place) -> None:
    ran = here.command("in-toto-mock", "-h")
    assert ran.code == 0
    assert "--use-dsse" in ran.out
