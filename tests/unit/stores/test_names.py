from __future__ import annotations

from custody.stores.names import by_step


def test_names_say_which_step_they_may_be_of() -> None:
    names = ["build.1234abcd.link", "build.x.1234abcd.link", "build.b.link", "build.link", ".1234abcd.link"]
    assert by_step(names) == {"build": ["build.1234abcd.link", "build.b.link"], "build.x": ["build.x.1234abcd.link"]}


def test_other_names_are_no_links() -> None:
    assert by_step(["build.123456789.link", "build..link", "build.1234abcd.LINK", "build.1234abcd.link.bak"]) == {}
    assert by_step([".build.1234abcd.link-unfinished", "build.1234abcd", "link", ".link"]) == {}
