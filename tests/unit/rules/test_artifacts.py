from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.rules.artifacts import (
    REGISTERED_SCHEMES,
    has_scheme,
    is_well_formed,
    normal_form,
    path_of,
    read_artifacts,
    read_digests,
)

SHA = "ab" * 32

WELL_FORMED = [
    "foo",
    "a/b/c",
    "../src/a",
    "../../x",
    "/abs/a",
    "..a",
    "a..",
    ".hidden/x",
    "a b",
    "a\\b",
    "é",
    "myapp:1.0.0",
    "c:foo",
    "http:x",
    "a*[b]?",
    "-x",
    "#",
    ".",
    "..",
    "/",
]
MALFORMED = [
    "",
    "./foo",
    "foo/",
    "//foo",
    "a//b",
    "a/./b",
    "dir/../foo",
    "a/..",
    "/../x",
    "///x",
    "a/",
    "/a/",
    "myapp://1.0",
]


@pytest.mark.parametrize("name", WELL_FORMED)
def test_d7_a_normalised_path_is_well_formed(name: str) -> None:
    assert is_well_formed(name)
    assert read_artifacts({name: {"sha256": SHA}}, "products") == {name: {"sha256": SHA}}


@pytest.mark.parametrize("name", MALFORMED)
def test_cve_2021_41087_a_second_name_for_a_path_is_refused(name: str) -> None:
    assert not is_well_formed(name)
    for spelling in (name, f"file:{name}"):
        with pytest.raises(FormatError, match=r"^products: expected a normalised path, got '.*'; the same file is '"):
            read_artifacts({spelling: {"sha256": SHA}}, "products")


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("./foo", "foo"),
        ("foo/", "foo"),
        ("//foo", "/foo"),
        ("dir/../foo", "foo"),
        ("file:./foo", "foo"),
        ("file:file:foo", "foo"),
        ("", "."),
        ("file:", "."),
    ],
)
def test_the_remedy_names_the_one_spelling(name: str, normal: str) -> None:
    assert normal_form(name) == normal
    assert is_well_formed(normal)
    with pytest.raises(FormatError, match=f"the same file is '{normal}'"):
        read_artifacts({name: {"sha256": SHA}}, "materials")


@pytest.mark.parametrize("scheme", sorted(REGISTERED_SCHEMES))
def test_names_with_a_registered_scheme_are_taken_as_they_are(scheme: str) -> None:
    name = f"{scheme}:host//x/../y/"
    assert has_scheme(name)
    assert list(read_artifacts({name: {"sha256": SHA}}, "")) == [name]


@pytest.mark.parametrize("name", ["file:x", "git", "GIT:x", "x/git:y", "myapp:1", ":x", ""])
def test_other_names_have_no_scheme(name: str) -> None:
    assert not has_scheme(name)


def test_d7_file_is_a_spelling_of_the_path() -> None:
    assert path_of("file:foo") == "foo"
    assert path_of("foo") == "foo"
    assert list(read_artifacts({"file:foo": {"sha256": SHA}}, "")) == ["foo"]


@pytest.mark.parametrize("names", [("foo", "file:foo"), ("file:foo", "foo")])
def test_d7_a_path_and_its_uri_in_one_link_are_a_duplicate(names: tuple[str, str]) -> None:
    with pytest.raises(FormatError, match=r"^products: 'foo' stands here twice, with and without 'file:'"):
        read_artifacts({name: {"sha256": SHA} for name in names}, "products")


def test_d7_a_path_behind_two_schemes_is_refused() -> None:
    with pytest.raises(FormatError, match="the same file is 'foo'"):
        read_artifacts({"file:file:foo": {"sha256": SHA}}, "products")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "products: expected an object, got null"),
        ([], "products: expected an object, got an empty list"),
        ({"a": None}, "products['a']: expected an object, got null"),
        ({"a": "ab"}, "products['a']: expected an object, got 'ab'"),
        ({"a": {}}, "products['a']: expected at least one digest, got none"),
        ({"a": {"sha256": None}}, "products['a'].sha256: expected hexadecimal digits, got null"),
        ({"a": {"sha256": ""}}, "products['a'].sha256: expected hexadecimal digits, got ''"),
        ({"a": {"sha256": "xy"}}, "products['a'].sha256: expected hexadecimal digits, got 'xy'"),
        ({"a": {"sha256": SHA + "\n"}}, "products['a'].sha256: expected hexadecimal digits"),
        ({"a": {"sha256": SHA, "x..y": 1}}, "products['a']['x..y']: expected hexadecimal digits, got 1"),
    ],
)
def test_d11_digests_that_are_missing_or_not_hexadecimal_are_refused(value: object, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_artifacts(value, "products")
    assert str(caught.value).startswith(message)


def test_digests_are_read_as_they_are_written() -> None:
    assert read_digests({"sha256": SHA.upper(), "sha1": "00"}, "") == {"sha256": SHA.upper(), "sha1": "00"}


def test_a_long_name_makes_no_long_message() -> None:
    with pytest.raises(FormatError) as caught:
        read_artifacts({"x/" * 100_000: {"sha256": SHA}}, "products")
    assert len(str(caught.value)) < 500
