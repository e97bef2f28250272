from __future__ import annotations

import hashlib

import pytest

from custody.errors import StoreError
from custody.oci.content import read_whole, verified
from custody.oci.descriptor import Descriptor, describe_bytes
from custody.oci.digest import read_digest

DATA = b"some bytes of a blob"
SHA256 = describe_bytes(DATA, "text/plain")
SHA512 = SHA256.replace(digest=read_digest("sha512:" + hashlib.sha512(DATA).hexdigest()))


@pytest.mark.parametrize("descriptor", [SHA256, SHA512])
@pytest.mark.parametrize("chunks", [[DATA], [DATA[:5], b"", DATA[5:]], [bytes([each]) for each in DATA]])
def test_the_bytes_described_pass(descriptor: Descriptor, chunks: list[bytes]) -> None:
    assert b"".join(verified(descriptor, chunks, "x")) == DATA
    assert read_whole(descriptor, chunks, "x", len(DATA)) == DATA


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([], "x sent 0 bytes of sha256:.*, which has 20"),
        ([DATA[:-1]], "x sent 19 bytes"),
        ([DATA, b"!"], "x sent more than the 20 bytes"),
        ([DATA[:-1] + b"?"], "x sent other bytes than asked for: expected the digest sha256:.*, got sha256:"),
    ],
)
def test_other_bytes_are_refused_and_never_more_pass_than_described(chunks: list[bytes], message: str) -> None:
    passed: list[bytes] = []
    with pytest.raises(StoreError, match=message):
        passed.extend(verified(SHA256, chunks, "x"))
    assert sum(map(len, passed)) <= len(DATA)


def test_the_empty_blob_is_verified_too() -> None:
    assert list(verified(describe_bytes(b"", "text/plain"), [], "x")) == []
    with pytest.raises(StoreError, match="other bytes"):
        list(verified(SHA256.replace(size=0), [], "x"))


def test_a_blob_larger_than_the_limit_is_refused_unread() -> None:
    with pytest.raises(StoreError, match=r"x: expected at most 19 bytes in sha256:.*, its descriptor says 20"):
        read_whole(SHA256, [], "x", 19)
