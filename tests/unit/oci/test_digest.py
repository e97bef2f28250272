from __future__ import annotations

import hashlib

import pytest

from custody.errors import FormatError
from custody.oci.digest import read_digest, sha256_of

SHA256 = "sha256:" + hashlib.sha256(b"test").hexdigest()
SHA512 = "sha512:" + hashlib.sha512(b"test").hexdigest()


@pytest.mark.parametrize("text", [SHA256, SHA512])
def test_a_digest_is_written_as_it_was_read(text: str) -> None:
    assert str(read_digest(text)) == text


@pytest.mark.parametrize("text", [SHA256, SHA512])
def test_a_digest_matches_its_bytes_and_no_others(text: str) -> None:
    digest = read_digest(text)
    assert digest.matches(b"test")
    assert not digest.matches(b"Test")


def test_the_digest_of_bytes_is_their_sha256() -> None:
    assert str(sha256_of(b"test")) == SHA256


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "sha256",
        "sha256:",
        SHA256[:-1],
        SHA256 + "0",
        SHA256.upper(),
        "SHA256" + SHA256[6:],
        SHA256.replace("sha256", "sha512"),
        SHA256.replace("sha256", "md5"),
        SHA256[:-1] + "g",
        SHA256 + "\n",
        "sha256:" + "\u0660" * 64,
        7,
        None,
    ],
)
def test_what_is_no_digest_is_refused(wrong: object) -> None:
    with pytest.raises(FormatError, match=r"subject\.digest: expected a digest such as sha256:"):
        read_digest(wrong, "subject.digest")
