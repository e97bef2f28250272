"""Keys of every kind that both sides sign with, made once a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from custody.keys.public import PublicKey
from custody.signing.keyfile import KeySigner, signer_of_file
from custody.signing.signer import Request

__all__ = ["KINDS", "KeyPair", "KeyRing"]

KINDS = ("ed25519", "rsa", "p256", "p384", "p521")
_CURVES: Mapping[str, Callable[[], ec.EllipticCurve]] = {
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
}


@dataclass(frozen=True)
class KeyPair:
    """A key in two files, and as custody has it."""

    kind: str
    private: Path
    public: Path
    signer: KeySigner

    @property
    def key(self) -> PublicKey:
        """The public key."""
        return self.signer.public_key

    @property
    def keyid(self) -> str:
        """The key id as the reference computes it."""
        return self.key.keyid

    def document(self) -> dict[str, Any]:
        """Return the key as it stands in a layout."""
        return {
            "keyid": self.keyid,
            "keytype": self.key.keytype,
            "scheme": self.key.scheme,
            "keyval": {"public": self.key.public},
        }


class KeyRing:
    """Some keys of every kind, made when they are first asked for."""

    def __init__(self, directory: Path) -> None:
        """Keep the keys in `directory`."""
        self._directory = directory
        self._made: dict[str, KeyPair] = {}

    def __repr__(self) -> str:
        """Be short: failing examples show it."""
        return "KeyRing()"

    def key(self, kind: str, number: int = 0) -> KeyPair:
        """Return one of the keys of a kind."""
        name = f"{kind}-{number}"
        if name not in self._made:
            self._made[name] = _write(self._directory / name, kind)
        return self._made[name]


def _write(path: Path, kind: str) -> KeyPair:
    private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "ed25519":
        private = ed25519.Ed25519PrivateKey.generate()
    elif kind == "rsa":
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    else:
        private = ec.generate_private_key(_CURVES[kind]())
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    public = path.with_suffix(".pub")
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return KeyPair(kind, path, public, signer_of_file(str(path), Request()))
