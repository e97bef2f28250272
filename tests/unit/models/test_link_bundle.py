"""The predicate that holds the links of a chain: only links, as they were, and nowhere but below one directory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from custody.errors import FormatError
from custody.models.predicates import check_predicate, predicate_type
from custody.models.predicates import link_bundle as module
from custody.models.predicates.link_bundle import (
    LINK_BUNDLE,
    MAX_BUNDLED_DEPTH,
    MAX_BUNDLED_LINKS,
    read_link_bundle,
    write_link_bundle,
)

LINKS = {"build.1234abcd.link": b'{"a": 1}\n', "build.1234abcd/inner.5678abcd.link": b"\xff\x00"}


def test_links_come_back_byte_for_byte() -> None:
    assert read_link_bundle(write_link_bundle(LINKS)) == LINKS


def test_type_has_a_short_name_and_is_checked() -> None:
    assert predicate_type("link-bundle") == LINK_BUNDLE
    check_predicate(LINK_BUNDLE, write_link_bundle(LINKS))
    with pytest.raises(FormatError, match=r"predicate\.links"):
        check_predicate(LINK_BUNDLE, {"links": []})


def renamed(name: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["links"][0].update(name=name)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no-links": lambda d: d.update(links=[]),
    "no-list": lambda d: d.update(links={}),
    "missing": lambda d: d.pop("links"),
    "other-content": lambda d: d["links"][0].update(content="AAAA"),
    "no-base64": lambda d: d["links"][0].update(content="?"),
    "other-digest": lambda d: d["links"][0].update(digest={"sha256": "0" * 64}),
    "no-digest": lambda d: d["links"][0].pop("digest"),
    "weak-digest": lambda d: d["links"][0].update(digest={"md5": "0" * 32}),
    "same-name": lambda d: d["links"].append(d["links"][0]),
    "absolute": renamed("/etc/passwd.link"),
    "upwards": renamed("../x.link"),
    "upwards-inside": renamed("a/../../x.link"),
    "here": renamed("./x.link"),
    "empty-part": renamed("a//x.link"),
    "backslash": renamed("a\\x.link"),
    "control": renamed("a\n.link"),
    "nul": renamed("a\0.link"),
    "no-link": renamed("id_rsa"),
    "only-suffix": renamed("a/.link"),
    "directory": renamed("a.link/"),
    "no-text": renamed(3),
    "too-deep": renamed("d/" * (MAX_BUNDLED_DEPTH + 1) + "x.link"),
    "too-long": renamed(f"{'x' * 300}.link"),
    "below-a-link": renamed("build.1234abcd/inner.5678abcd.link/x.link"),
}


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in CHANGES.items()])
def test_what_is_no_bundle_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    document = write_link_bundle(LINKS)
    read_link_bundle(copy.deepcopy(document))
    change(document)

    with pytest.raises(FormatError, match="predicate"):
        read_link_bundle(document)


@pytest.mark.parametrize("links", [{}, {"../x.link": b""}, {"x": b""}])
def test_what_nobody_could_read_is_not_written(links: dict[str, bytes]) -> None:
    with pytest.raises(FormatError):
        write_link_bundle(links)


def test_links_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"s{number}.12345678.link": b"" for number in range(MAX_BUNDLED_LINKS)}
    assert len(read_link_bundle(write_link_bundle(many))) == MAX_BUNDLED_LINKS
    with pytest.raises(FormatError, match="links"):
        write_link_bundle(many | {"one-more.12345678.link": b""})

    monkeypatch.setattr(module, "MAX_BUNDLED_BYTES", 10)
    small, large = {"a.12345678.link": b"x" * 10}, {"a.12345678.link": b"x" * 10, "b.12345678.link": b"x"}
    document = write_link_bundle(small)
    assert read_link_bundle(document) == small
    with pytest.raises(FormatError, match="at most 10 bytes"):
        write_link_bundle(large)
    document["links"] += write_link_bundle({"b.12345678.link": b"x"})["links"]
    with pytest.raises(FormatError, match="at most 10 bytes"):
        read_link_bundle(document)
