"""Resource descriptors: what they may hold, and what says which artifact is meant."""

from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.models.resource_descriptor import (
    is_uri,
    read_optional_descriptor,
    read_resource_descriptor,
    read_uri,
    refuse_same_names,
)

SHA = {"sha256": "ab" * 32}
FULL = {
    "name": "app",
    "uri": "pkg:oci/app",
    "digest": SHA,
    "content": "Zm9v",
    "downloadLocation": "https://example.com/app",
    "mediaType": "text/plain",
    "annotations": {"anything": [1.5, None]},
    "example_more": {"kept": True},
}


def refused(value: object) -> str:
    with pytest.raises(FormatError) as caught:
        read_resource_descriptor(value, "subject[0]")
    return str(caught.value)


def test_every_field_is_read_and_unknown_ones_are_kept() -> None:
    found = read_resource_descriptor(FULL, "")

    assert (found.name, found.uri, found.digest, found.content) == ("app", "pkg:oci/app", SHA, b"foo")
    assert (found.download_location, found.media_type) == ("https://example.com/app", "text/plain")
    assert found.annotations == {"anything": [1.5, None]}
    assert found.document == FULL


@pytest.mark.parametrize("field", ["uri", "digest", "content"])
def test_one_of_three_fields_is_enough(field: str) -> None:
    assert read_resource_descriptor({field: FULL[field]}, "").document == {field: FULL[field]}


@pytest.mark.parametrize("name", FULL)
def test_null_is_as_if_it_were_not_there(name: str) -> None:
    rest = {field: value for field, value in FULL.items() if field != name}

    found = read_resource_descriptor({**FULL, name: None}, "")

    assert found.replace(document={}) == read_resource_descriptor(rest, "").replace(document={})


def test_content_may_be_empty() -> None:
    assert read_resource_descriptor({"content": ""}, "").content == b""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("app", "subject[0]: expected an object, got 'app'"),
        ({}, "subject[0]: expected 'digest', 'uri' or 'content', got none of them"),
        ({"name": "app", "mediaType": "text/plain"}, "subject[0]: expected 'digest', 'uri' or 'content'"),
        ({"digest": {}, "uri": "", "content": None}, "subject[0]: expected 'digest', 'uri' or 'content'"),
        ({**FULL, "name": 3}, "subject[0].name: expected text, got 3"),
        ({**FULL, "uri": ["x"]}, "subject[0].uri: expected text"),
        ({**FULL, "digest": "ab"}, "subject[0].digest: expected an object"),
        ({**FULL, "digest": {"sha256": "AB" * 32}}, "subject[0].digest.sha256: expected 64 lower-case"),
        ({**FULL, "content": 3}, "subject[0].content: expected text"),
        ({**FULL, "content": "!"}, "subject[0].content: expected base64"),
        ({**FULL, "downloadLocation": {}}, "subject[0].downloadLocation: expected text"),
        ({**FULL, "mediaType": False}, "subject[0].mediaType: expected text, got false"),
        ({**FULL, "annotations": []}, "subject[0].annotations: expected an object"),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(value: object, said: str) -> None:
    assert refused(value).startswith(said)


@pytest.mark.parametrize("digest", [..., None, {}])
def test_where_a_digest_is_needed_a_name_is_not_enough(digest: object) -> None:
    value = {"uri": "pkg:oci/app", **({} if digest is ... else {"digest": digest})}
    read_resource_descriptor(value, "")

    with pytest.raises(FormatError, match=r"^x\.digest: missing"):
        read_resource_descriptor(value, "x", digested=True)


def test_an_optional_descriptor_may_be_empty() -> None:
    assert read_optional_descriptor(None, "x") is None
    assert read_optional_descriptor({}, "x") is None
    assert read_optional_descriptor(FULL, "x") == read_resource_descriptor(FULL, "x")
    with pytest.raises(FormatError, match=r"^x: expected 'digest'"):
        read_optional_descriptor({"name": "a"}, "x")


@pytest.mark.parametrize("text", ["https://example.com/a", "urn:a:b", "pkg:oci/a@1", "git+https://example.com"])
def test_a_uri_has_a_scheme(text: str) -> None:
    assert is_uri(text)
    assert read_uri(text, "") == text


@pytest.mark.parametrize("text", ["", "a", "example.com/a", "https:", ":a", "1a:b", "a b:c", "a:b c", "a:\n", "a:é"])
def test_anything_else_is_no_uri(text: str) -> None:
    assert not is_uri(text)
    with pytest.raises(FormatError, match=r"^x: expected a URI such as https://example\.com/type/v1, got "):
        read_uri(text, "x")


def test_the_second_of_a_name_is_refused() -> None:
    first, second = (read_resource_descriptor({"name": name, "digest": SHA}, "") for name in ("a", "b"))
    refuse_same_names([first, second], "subject")

    with pytest.raises(FormatError, match=r"^subject\[2\]\.name: 'a' is the name of subject\[0\] too$"):
        refuse_same_names([first, second, first], "subject")
