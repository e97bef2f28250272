"""What opening an encrypted key may cost: whoever wrote the file chose how often its passphrase is hashed.

Every form of encrypted key says in the clear how much work it takes to try a passphrase. A file from elsewhere could
ask for days of it, or for all memory, so it is refused before a passphrase is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAX_BCRYPT_ROUNDS",
    "MAX_ITERATIONS",
    "MAX_SCRYPT_COST",
    "check_bcrypt",
    "check_pbkdf2",
    "check_pkcs8",
    "check_scrypt",
]

MAX_ITERATIONS = 10_000_000
"""About two seconds; OWASP advised 600000 in 2023."""

MAX_SCRYPT_COST = 2**20
"""N * r * p, of which each takes 128 bytes: 128 MiB and less than a second. cosign's keys take half of it."""

MAX_BCRYPT_ROUNDS = 1024
"""About ten seconds; ssh-keygen's default is 16 or 24."""

_SEQUENCE, _INTEGER, _NAME = 0x30, 0x02, 0x06
_SCRYPT = bytes.fromhex("2b06010401da47040b")
"""1.3.6.1.4.1.11591.4.11 (RFC 7914, section 7)."""

_LONG = 0x80
_LARGE = 10**12
_MAX_DEPTH = 8


def check_pbkdf2(iterations: int, name: str) -> None:
    """Refuse more iterations than anybody needs."""
    if not 1 <= iterations <= MAX_ITERATIONS:
        raise FormatError(
            f"expected 1 to {MAX_ITERATIONS} iterations over the passphrase, got {_shown(iterations)}",
            where=name,
            remedy="is this key from somebody you trust?",
        )


def check_scrypt(n: int, r: int, p: int, name: str) -> None:
    """Refuse parameters of scrypt that take more time or memory than anybody needs."""
    if min(n, r, p) < 1 or n * r * p > MAX_SCRYPT_COST:
        raise FormatError(
            f"expected parameters of scrypt with N * r * p from 1 to {MAX_SCRYPT_COST},"
            f" got N={_shown(n)}, r={_shown(r)}, p={_shown(p)}",
            where=name,
            remedy="is this key from somebody you trust?",
        )


def check_bcrypt(rounds: int, name: str) -> None:
    """Refuse more rounds than anybody needs."""
    if not 1 <= rounds <= MAX_BCRYPT_ROUNDS:
        raise FormatError(
            f"expected 1 to {MAX_BCRYPT_ROUNDS} rounds of bcrypt, got {rounds}",
            where=name,
            remedy="is this key from somebody you trust?",
        )


def check_pkcs8(der: bytes, name: str) -> None:
    """Refuse encrypted PKCS8 (RFC 8018) whose parameters are too dear; what is malformed the parser refuses later."""
    try:
        document = next(_elements(der), (0, b""))[1]
        algorithm = next(_elements(document), (0, b""))[1]
        found = list(_leaves(algorithm, _MAX_DEPTH))
    except IndexError:
        return
    numbers = [int.from_bytes(content, "big", signed=True) for tag, content in found if tag == _INTEGER]
    if (_NAME, _SCRYPT) in found:
        n, r, p = [*numbers, 1, 1, 1][:3]
        check_scrypt(n, r, p, name)
        return
    for number in numbers:  # iterations, and the length of a key
        check_pbkdf2(number, name)


def _shown(number: int) -> str:
    return str(number) if abs(number) < _LARGE else f"more than {_LARGE}"


def _leaves(data: bytes, depth: int) -> Iterator[tuple[int, bytes]]:
    for tag, content in _elements(data):
        if tag == _SEQUENCE and depth:
            yield from _leaves(content, depth - 1)
        else:
            yield tag, content


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each DER element in `data`; IndexError where it is cut off."""
    position = 0
    while position < len(data):
        tag, length = data[position], data[position + 1]
        position += 2
        if length >= _LONG:
            size = length - _LONG
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > len(data):
            raise IndexError
        yield tag, data[position : position + length]
        position += length
