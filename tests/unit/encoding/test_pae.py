from __future__ import annotations

import pytest

from custody.encoding.pae import pae


@pytest.mark.parametrize(
    ("payload_type", "payload", "encoded"),
    [
        # The example of the DSSE protocol document.
        ("http://example.com/HelloWorld", b"hello world", b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"),
        ("", b"", b"DSSEv1 0  0 "),
        ("application/vnd.in-toto+json", b"{}", b"DSSEv1 28 application/vnd.in-toto+json 2 {}"),
        # Lengths count bytes, not characters.
        ("é", "ü\U0001f512".encode(), "DSSEv1 2 é 6 ü\U0001f512".encode()),
        ("t", b"\x00\xff\n", b"DSSEv1 1 t 3 \x00\xff\n"),
    ],
)
def test_pae(payload_type: str, payload: bytes, encoded: bytes) -> None:
    assert pae(payload_type, payload) == encoded


def test_moving_bytes_between_type_and_payload_changes_the_encoding() -> None:
    assert pae("a 1 b", b"c") != pae("a", b"b 1 c")
