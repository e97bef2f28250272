"""Whatever a file that looks like a key holds, the answer is a key or one of custody's errors."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from custody.errors import CustodyError
from custody.keys.openssh import spki_of_line, write_line
from custody.signing.convert import write_private
from custody.signing.costs import check_pkcs8
from custody.signing.keyfile import public_key_of
from custody.signing.keypair import generate
from custody.signing.private_pem import read_private_key, write_private_key
from custody.signing.secret import NO_SECRET

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "foreign_keys.json").read_bytes())
KEY = generate("ecdsa")
LINE = write_line(public_key_of(KEY, "").spki) or b""
FILES = [
    *(vector["private"].encode() for vector in VECTORS["in_toto_1"]),
    *(vector["private"].encode() for vector in VECTORS["cosign"]),
    *(write_private(generate(kind), "private-openssh", None) for kind in ("ed25519", "ecdsa")),
    write_private_key(generate("ml-dsa-65"), None),
]


@st.composite
def changed(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """Return a file with a stretch of it replaced, moved away or cut off."""
    good = draw(st.sampled_from(files))
    start = draw(st.integers(0, len(good)))
    end = draw(st.integers(start, min(len(good), start + 40)))
    return good[:start] + draw(st.binary(max_size=8) | st.sampled_from([b"A", b"{", b"@@@@", b"\n"])) + good[end:]


@given(changed(FILES))
def test_changed_private_key_is_a_key_or_an_error(data: bytes) -> None:
    try:
        key = read_private_key(data, "key", NO_SECRET)
    except CustodyError:
        return
    assert public_key_of(key, "key").verify(b"", b"") is False


@given(changed([LINE]))
def test_changed_openssh_line_is_a_key_or_an_error(data: bytes) -> None:
    try:
        spki = spki_of_line(data, "key.pub")
    except CustodyError:
        return
    assert spki_of_line(write_line(spki) or b"", "") == spki


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda inner: b"\x30" + bytes([len(inner)]) + inner))
def test_any_bytes_have_a_cost_or_an_error(data: bytes) -> None:
    try:
        check_pkcs8(data, "key")
    except CustodyError:
        return
