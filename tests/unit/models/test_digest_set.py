"""Digest sets: what they may hold, and when two mean the same artifact."""

from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.models.digest_set import matches, read_digest_set

A, B = "a1" * 32, "b2" * 32
LONG, OTHER = "c3" * 64, "d4" * 64


def refused(value: object) -> str:
    with pytest.raises(FormatError) as caught:
        read_digest_set(value, "digest")
    return str(caught.value)


@pytest.mark.parametrize(
    "digests",
    [
        {"sha256": A},
        {"sha256": A, "sha512": LONG},
        {"gitCommit": "ab" * 20, "gitTree": A, "gitBlob": "ab" * 20, "gitTag": A},
        {"sha1": "ab" * 20, "md5": "ab" * 16, "dirHash": A},
        {"blake2b": LONG, "shake128": "ab", "gost": A},
        {"somecoolhash": "URL-safe_base64=", "mode": "0755"},
    ],
)
def test_digests_are_read_as_they_are(digests: dict[str, str]) -> None:
    assert read_digest_set(digests, "digest") == digests


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "digest: expected an object, got null"),
        ([A], "digest: expected an object, got a list"),
        ({}, "digest: expected at least one digest, got none"),
        ({"sha256": 7}, "digest.sha256: expected text, got 7"),
        ({"sha256": None}, "digest.sha256: expected text, got null"),
        ({"sha256": ""}, "digest.sha256: expected a digest, got ''"),
        ({"sha256": A.upper()}, "digest.sha256: expected 64 lower-case hexadecimal digits, got 'A1"),
        ({"sha256": A[:-1]}, "digest.sha256: expected 64 lower-case hexadecimal digits"),
        ({"sha256": f"{A}0"}, "digest.sha256: expected 64 lower-case hexadecimal digits"),
        ({"sha256": f"{A[:-1]}\n"}, "digest.sha256: expected 64 lower-case hexadecimal digits"),
        ({"sha512": A}, "digest.sha512: expected 128 lower-case hexadecimal digits"),
        ({"gitCommit": "ab"}, "digest.gitCommit: expected 40 or 64 lower-case hexadecimal digits"),
        ({"blake2b": "xyz"}, "digest.blake2b: expected lower-case hexadecimal digits, got 'xyz'"),
        ({"": A}, "digest['']: expected the name of an algorithm"),
        ({"sha256": A, "other": ""}, "digest.other: expected a digest, got ''"),
    ],
)
def test_anything_else_is_refused_with_its_path(value: object, said: str) -> None:
    assert refused(value).startswith(said)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"sha256": A}, {"sha256": A}),
        ({"sha256": A, "sha512": LONG}, {"sha256": A}),
        ({"sha256": A, "sha512": LONG}, {"sha256": A, "sha512": LONG}),
        ({"sha256": A, "sha512": LONG}, {"sha256": A, "gitBlob": "ab" * 20}),
    ],
)
def test_the_pinned_digest_decides(one: dict[str, str], other: dict[str, str]) -> None:
    assert matches(one, other)
    assert matches(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"sha256": A}, {"sha256": B}),
        ({"sha256": A, "sha512": LONG}, {"sha256": A, "sha512": OTHER}),
        ({"sha256": A, "somecoolhash": "x"}, {"sha256": A, "somecoolhash": "y"}),
        ({"sha256": A, "sha512": LONG}, {"sha256": B, "sha512": LONG}),
        ({"sha512": LONG}, {"sha512": LONG}),
        ({"sha256": A}, {"sha512": LONG}),
        ({"sha256": A}, {}),
        ({}, {}),
        ({"sha256": ""}, {"sha256": ""}),
        ({"sha256": "ab"}, {"sha256": "ab"}),
        ({"sha256": A.upper()}, {"sha256": A.upper()}),
    ],
)
def test_nothing_else_matches(one: dict[str, str], other: dict[str, str]) -> None:
    assert not matches(one, other)
    assert not matches(other, one)


def test_another_algorithm_may_be_pinned() -> None:
    assert matches({"sha512": LONG}, {"sha512": LONG, "sha256": A}, pinned="sha512")
    assert not matches({"sha256": A, "sha512": LONG}, {"sha256": B, "sha512": LONG}, pinned="sha512")
    assert not matches({"sha256": A}, {"sha256": A}, pinned="sha512")
    assert matches({"gitCommit": "ab" * 20}, {"gitCommit": "ab" * 20}, pinned="gitCommit")
