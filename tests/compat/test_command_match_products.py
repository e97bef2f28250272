"""Tests of `in-toto-match-products`: what it does is what the reference does with the same command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compat.sides import chain_of_two
from tests.simulator import actor, link_name

if TYPE_CHECKING:
    from tests.compat.sides import Place, Ran

LINK = link_name("build", actor("alice"))


@pytest.fixture
def built(place: Place) -> Place:
    """Return a place with the link of products `a`, `src/b`, which are there."""
    (place.final / "src").mkdir()
    for name in ("a", "src/b"):
        (place.final / name).write_text(name)
    words = ["-n", "build", "--signing-key", place.key("alice"), "-p", ".", "-x"]
    assert place.command("in-toto-run", *words).code == 0
    return place


def match(place: Place, *options: str) -> Ran:
    return place.command("in-toto-match-products", "-l", LINK, *options)


def test_files_that_are_the_products_match(built: Place) -> None:
    assert match(built) == (0, "", "")
    assert match(built, "-v") == (0, "Local artifacts match products in passed link.\n", "")
    assert built.command("in-toto-match-products", "--link", LINK) == (0, "", "")


def test_all_differences_are_named_where_it_is_said(built: Place) -> None:
    (built.final / "a").write_text("changed")
    (built.final / "src" / "b").rename(built.final / "c")
    assert match(built) == (1, "", "")
    expected = [
        "Local artifacts don't match products in passed link.",
        "Only in products: src/b",
        "Not in products: c",
        "Hashes differ: a",
    ]
    for option in ("-v", "--verbose"):
        ran = match(built, option)
        assert (ran.code, ran.out.splitlines(), ran.err) == (1, expected, "")


def test_only_the_given_paths_are_compared(built: Place) -> None:
    for option in ("-p", "--paths"):
        ran = match(built, option, "a", "-v")
        assert (ran.code, ran.out.splitlines()[1:]) == (1, ["Only in products: src/b"])
        assert match(built, option, "a", "src").code == 0


def test_excludes_and_prefixes_are_those_of_the_recording(built: Place) -> None:
    (built.final / "c").write_text("")
    assert match(built).code == 1
    for option in ("-e", "--exclude"):
        assert match(built, option, "c", "*.link").code == 0
    ran = match(built, "-v", "-p", "src", "--lstrip-paths", "src/")
    assert "Not in products: b" in ran.out.splitlines()


def test_a_link_that_cannot_be_read_is_an_error(built: Place) -> None:
    ran = built.command("in-toto-match-products", "-l", "gone.link")
    assert ran.code == 1
    assert "No such file or directory: 'gone.link'" in ran.err
    assert ("Traceback" in ran.err) is built.side.is_reference
    (built.final / "bad.link").write_text("{")
    ran = built.command("in-toto-match-products", "-l", "bad.link")
    assert ran.code == 1
    assert ("Traceback" in ran.err) is built.side.is_reference


def test_a_layout_is_no_link(here: Place) -> None:
    here.lay(chain_of_two())
    ran = here.command("in-toto-match-products", "-l", "../root.layout")
    assert ran.code == 1
    assert "expected a link in '../root.layout', got a layout" in ran.err


def test_a_missing_path_lacks_its_products(built: Place) -> None:
    ran = match(built, "-v", "-p", "a", "gone")
    assert (ran.code, ran.out.splitlines()[1:]) == (1, ["Only in products: src/b"])
    assert ("'gone' is not recorded" in ran.err) is built.is_here


@pytest.mark.parametrize("words", [[], ["-l"], ["-l", "x", "-q"], ["-l", "x", "--version"]])
def test_arguments_that_make_no_sense_are_refused(place: Place, words: list[str]) -> None:
    assert place.command("in-toto-match-products", *words).code == 2


def test_the_help_shows_every_flag(here: Place) -> None:
    ran = here.command("in-toto-match-products", "--help")
    assert ran.code == 0
    for flag in ("--link", "--paths", "--exclude", "--lstrip-paths", "--verbose"):
        assert flag in ran.out
