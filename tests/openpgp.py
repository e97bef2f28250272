"""OpenPGP keys and signatures as gpg makes them, and as it never would: every field can be something else.

alice = Maker("alice")
alice.key.verify(alice.sign(b"x"), b"x")
certificate(alice, subkeys=[bound(alice, Maker("alice's laptop"))])     # what `gpg --export` writes
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.encoding.fields import Fields
from custody.keys.document import read_key
from custody.keys.openpgp import OpenPGPKey, OpenPGPSignature
from custody.keys.openpgp_algorithms import algorithm_numbered
from custody.keys.openpgp_document import make_openpgp_key
from custody.keys.openpgp_packets import mpi, signature_digest

__all__ = [
    "CERTIFY",
    "ENCRYPT",
    "MESSAGE",
    "SIGN",
    "VECTORS",
    "GPGHome",
    "Maker",
    "bound",
    "certificate",
    "certification",
    "flags",
    "gpg_home",
    "packet",
    "read_openpgp",
    "seconds",
    "signature_of",
    "subpacket",
]

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "openpgp.json").read_bytes())
"""Keys, signatures and links by the reference; `about` says how they were made."""

MESSAGE = bytes.fromhex(VECTORS["message"])

EDDSA, MD5_NUMBER, SHA256_NUMBER = 22, 1, 8
SIGN, CERTIFY, ENCRYPT = 0x02, 0x01, 0x0C


def seconds(year: int, month: int = 1, day: int = 1) -> int:
    """Return the beginning of the day in seconds of the epoch."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def read_openpgp(document: object, **changes: object) -> OpenPGPKey:
    """Return the key that a layout's entry writes, with some of its fields changed; unknown fields are an error."""

    def refuse(fields: Fields) -> None:
        for path, _ in fields.unknown():
            raise AssertionError(path)

    if not isinstance(document, dict):
        raise TypeError(document)
    key = read_key({**document, **changes}, "key", refuse_unknown=refuse)
    if not isinstance(key, OpenPGPKey):
        raise TypeError(key)
    return key


def signature_of(entry: dict[str, str]) -> OpenPGPSignature:
    """Return the signature of a Metablock's entry."""
    return OpenPGPSignature(
        keyid=entry["keyid"],
        signature=bytes.fromhex(entry["signature"]),
        other_headers=bytes.fromhex(entry["other_headers"]),
    )


def packet(tag: int, body: bytes) -> bytes:
    """Return a packet in the new format."""
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def subpacket(kind: int, body: bytes, *, critical: bool = False) -> bytes:
    """Return a subpacket."""
    return b"\xff" + (len(body) + 1).to_bytes(4, "big") + bytes([kind | (0x80 if critical else 0)]) + body


class Maker:
    """Somebody with an Ed25519 key of OpenPGP, the same in every run."""

    def __init__(self, name: str, created: int = seconds(2025)) -> None:
        """Make the key of `name`."""
        self.name = name
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        algorithm = algorithm_numbered(EDDSA)
        public = {"q": self._private.public_key().public_bytes_raw().hex()}
        self.key = make_openpgp_key(algorithm, public, where="", created=created, validity=None)
        self.body = algorithm.packet_body(created, public, EDDSA)
        self.hashed = b"\x99" + len(self.body).to_bytes(2, "big") + self.body

    def with_subkeys(self, *others: Maker) -> OpenPGPKey:
        """Return the key as a layout has it, with others as its subkeys."""
        return self.key.replace(subkeys=tuple(other.key for other in others))

    def headers(
        self,
        *,
        kind: int = 0,
        created: int = seconds(2026),
        algorithm: int = EDDSA,
        hash_number: int = SHA256_NUMBER,
        more: bytes = b"",
        issuer: bytes | None = None,
    ) -> bytes:
        """Return what a signature covers besides the message."""
        fingerprint = bytes.fromhex(self.key.keyid) if issuer is None else issuer
        area = subpacket(33, b"\x04" + fingerprint) + subpacket(2, created.to_bytes(4, "big")) + more
        return bytes([4, kind, algorithm, hash_number]) + len(area).to_bytes(2, "big") + area

    def sign(self, message: bytes, headers: bytes | None = None, **said: Any) -> OpenPGPSignature:  # noqa: ANN401  # see `headers`
        """Return a signature that is good by its numbers, whatever its headers say."""
        covered = self.headers(**said) if headers is None else headers
        value = self._private.sign(signature_digest(message, covered))
        return OpenPGPSignature(keyid=self.key.keyid, signature=value, other_headers=covered)

    def packet_body(self, content: bytes, *, unhashed: bytes = b"", **said: Any) -> bytes:  # noqa: ANN401  # see `headers`
        """Return the body of a signature's packet over `content`."""
        covered = self.headers(**said)
        digest = _digest(content, covered, said.get("hash_number", SHA256_NUMBER))
        value = self._private.sign(digest)
        numbers = mpi(value[:32]) + mpi(value[32:])
        return covered + len(unhashed).to_bytes(2, "big") + unhashed + digest[:2] + numbers

    def signed_packet(self, content: bytes, **said: Any) -> bytes:  # noqa: ANN401  # see `headers`
        """Return the packet of a signature over `content`."""
        return packet(2, self.packet_body(content, **said))


def _digest(content: bytes, headers: bytes, hash_number: int) -> bytes:
    """Return what is signed, also with a hash that is never accepted."""
    if hash_number == MD5_NUMBER:
        trailer = b"\x04\xff" + len(headers).to_bytes(4, "big")
        return hashlib.md5(content + headers + trailer, usedforsecurity=False).digest()
    return signature_digest(content, headers, hash_number)


def flags(value: int) -> bytes:
    """Return the subpacket that says what a key is for."""
    return subpacket(27, bytes([value]))


def certificate(
    who: Maker,
    *,
    subkeys: Sequence[bytes] = (),
    before: bytes = b"",
    more: bytes = flags(CERTIFY | SIGN),
    created: int = seconds(2025),
    hash_number: int = SHA256_NUMBER,
    user_id: bytes | None = None,
) -> bytes:
    """Return the key of `who` as `gpg --export` writes it; `before` stands right after the primary key."""
    name = who.name.encode() if user_id is None else user_id
    certified = certification(who, name, created=created, more=more, hash_number=hash_number)
    return packet(6, who.body) + before + certified + b"".join(subkeys)


def certification(who: Maker, user_id: bytes, *, tag: int = 13, **said: Any) -> bytes:  # noqa: ANN401  # see `Maker.headers`
    """Return a user id of `who` with the signature of its own; with the `tag` 17 it is an attribute, a picture."""
    lead = b"\xb4" if tag == 13 else b"\xd1"
    content = who.hashed + lead + len(user_id).to_bytes(4, "big") + user_id
    return packet(tag, user_id) + who.signed_packet(content, kind=0x13, **said)


def bound(
    who: Maker,
    subkey: Maker,
    *,
    purpose: int | None = SIGN,
    back: Maker | None = None,
    more: bytes = b"",
    created: int = seconds(2025),
    behind: bytes = b"",
    claim: bool = True,
    hash_number: int = SHA256_NUMBER,
    back_hash_number: int = SHA256_NUMBER,
) -> bytes:
    """Return a subkey with its binding; `back` signs in the other direction, by default the subkey itself."""
    content = who.hashed + subkey.hashed
    area = more + (flags(purpose) if purpose is not None else b"")
    unhashed = b""
    if claim:
        embedded = (back or subkey).packet_body(content, kind=0x19, created=created, hash_number=back_hash_number)
        unhashed = subpacket(32, embedded)
    said = {"created": created, "more": area, "unhashed": unhashed, "hash_number": hash_number}
    binding = who.signed_packet(content, kind=0x18, **said)
    return packet(14, subkey.body) + binding + behind


class GPGHome:
    """A directory of GnuPG's with keys that have no passphrase."""

    def __init__(self, path: str) -> None:
        """Use the directory `path`."""
        self.path = path

    def gpg(self, *arguments: str, message: bytes = b"") -> bytes:
        """Return what gpg writes."""
        argv = ["gpg", "--homedir", self.path, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        done = subprocess.run([*argv, *arguments], input=message, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def generate(self, name: str, algorithm: str = "ed25519", usage: str = "sign", expires: str = "never") -> str:
        """Return the fingerprint of a new key."""
        self.gpg("--quick-gen-key", f"{name} <{name}@example.com>", algorithm, usage, expires)
        return self.fingerprints(name)[0]

    def add(self, fingerprint: str, algorithm: str = "ed25519", usage: str = "sign", expires: str = "never") -> str:
        """Return the fingerprint of a new subkey."""
        before = self.fingerprints(fingerprint)
        self.gpg("--quick-add-key", fingerprint, algorithm, usage, expires)
        (new,) = set(self.fingerprints(fingerprint)) - set(before)
        return new

    def fingerprints(self, name: str) -> list[str]:
        """Return the fingerprints of a key and its subkeys."""
        lines = self.gpg("--with-colons", "--with-subkey-fingerprint", "--list-keys", name).decode().splitlines()
        return [line.split(":")[9].lower() for line in lines if line.startswith("fpr:")]


@contextmanager
def gpg_home(name: str = "") -> Iterator[GPGHome]:
    """Yield a home, not deep in the file system, since its agent's socket must have a short name."""
    outer = tempfile.mkdtemp(prefix="gpg", dir="/tmp")  # short; mkdtemp makes it ours
    path = os.path.join(outer, name) if name else outer
    os.makedirs(path, mode=0o700, exist_ok=True)
    try:
        yield GPGHome(path)
    finally:
        subprocess.run(["gpgconf", "--homedir", path, "--kill", "all"], capture_output=True, check=False)
        shutil.rmtree(outer, ignore_errors=True)
