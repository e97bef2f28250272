"""SHA-256 of keys and documents."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from custody.encoding.hashing import sha256


def test_it_is_the_hash_of_the_standard() -> None:
    # FIPS 180-2, appendix B.1
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_changed_bit_changes_it() -> None:
    assert sha256(b"abc") != sha256(b"abb")


@given(st.binary())
def test_it_is_what_the_standard_library_says(data: bytes) -> None:
    assert sha256(data) == hashlib.sha256(data).hexdigest()
