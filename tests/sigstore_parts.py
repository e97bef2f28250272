"""The parts of a Sigstore instance that only compute: certificates, their log, and the log of signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.x509 import usage

__all__ = ["CertificateAuthority", "CertificateLog", "Entry", "MerkleLog", "b64", "canonical", "key_id", "spki"]

_ISSUER_V1 = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_V2 = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_LIFETIME = timedelta(minutes=10)
_SHORT_FORM = 128


def b64(data: bytes) -> str:
    """Return standard base64."""
    return base64.b64encode(data).decode()


def canonical(document: object) -> bytes:
    """Return canonical JSON (RFC 8785), as far as this text without floats and exotic keys goes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public half in DER."""
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return what logs call the key."""
    return hashlib.sha256(spki(key)).digest()


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def _der(tag: int, content: bytes) -> bytes:
    if len(content) < _SHORT_FORM:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


class CertificateLog:
    """A log of certificates; it only gives the timestamps that certificates carry."""

    def __init__(self) -> None:
        """Make its key."""
        self.key = _new_key()

    def timestamp(self, precertificate: bytes, issuer: ec.EllipticCurvePrivateKey) -> bytes:
        """Return the list with one signed certificate timestamp (RFC 6962, section 3.2 and 3.3)."""
        milliseconds = int(datetime.now(UTC).timestamp() * 1000)
        size = len(precertificate).to_bytes(3, "big")
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + key_id(issuer) + size + precertificate
        signature = _sign(self.key, signed + struct.pack("!H", 0))
        sct = struct.pack("!B32sQH", 0, key_id(self.key), milliseconds, 0)
        sct += struct.pack("!BBH", 4, 3, len(signature)) + signature
        listed = struct.pack("!H", len(sct)) + sct
        return struct.pack("!H", len(listed)) + listed


class CertificateAuthority:
    """A root and an intermediate authority, and the certificates they give. Attributes may be set to misbehave."""

    def __init__(self) -> None:
        """Make their keys and certificates."""
        self._root_key, self.key = _new_key(), _new_key()
        self.root = self._authority(_name("root"), _name("root"), self._root_key, self._root_key, None)
        self.intermediate = self._authority(_name("intermediate"), _name("root"), self.key, self._root_key, 0)
        self.shifted = timedelta(0)
        self.with_sct = True
        self.names: list[x509.GeneralName] = []
        self.usage = ExtendedKeyUsageOID.CODE_SIGNING

    @property
    def chain(self) -> list[x509.Certificate]:
        """The certificates of the authorities, the root last."""
        return [self.intermediate, self.root]

    def certify(
        self, public: ec.EllipticCurvePublicKey, identity: str, issuer: str, log: CertificateLog
    ) -> x509.Certificate:
        """Return the certificate that says who has the key, as Fulcio writes it."""
        begins = datetime.now(UTC) + self.shifted - timedelta(seconds=5)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + _LIFETIME)
            .add_extension(usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([self.usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_issued_by(self.intermediate), critical=False)
            .add_extension(x509.SubjectAlternativeName(self.names or [_san(identity)]), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V1, issuer.encode()), critical=False)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V2, _der(0x0C, issuer.encode())), critical=False)
        )
        if not self.with_sct:
            return builder.sign(self.key, hashes.SHA256())
        precertificate = builder.sign(self.key, hashes.SHA256()).tbs_certificate_bytes
        listed = _der(0x04, log.timestamp(precertificate, self.key))
        return builder.add_extension(x509.UnrecognizedExtension(_SCT_LIST, listed), critical=False).sign(
            self.key, hashes.SHA256()
        )

    def certify_timestamps(self, public: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """Return the certificate of a timestamp authority."""
        return (
            _certificate(_name("tsa"), self.intermediate.subject, public)
            .add_extension(usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(_issued_by(self.intermediate), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def _authority(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        signer: ec.EllipticCurvePrivateKey,
        path_length: int | None,
    ) -> x509.Certificate:
        public = key.public_key()
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        return (
            _certificate(subject, issuer, public)
            .add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(identifier, critical=False)
            .sign(signer, hashes.SHA256())
        )


@dataclass(frozen=True)
class Entry:
    """An entry of the log with the proof that it is there."""

    body: bytes
    index: int
    size: int
    root: bytes
    path: list[bytes]
    checkpoint: str


class MerkleLog:
    """A log of signatures (RFC 6962) with signed checkpoints."""

    def __init__(self) -> None:
        """Make its key, and a few entries by others, so that proofs are not empty."""
        self.key = _new_key()
        self._leaves = [hashlib.sha256(b"\0other %d" % number).digest() for number in range(5)]

    def sign(self, data: bytes) -> bytes:
        """Return the log's signature."""
        return _sign(self.key, data)

    def add(self, body: bytes) -> Entry:
        """Return the new entry."""
        self._leaves.append(hashlib.sha256(b"\0" + body).digest())
        index, size = len(self._leaves) - 1, len(self._leaves)
        root = _root(self._leaves)
        note = f"log.example\n{size}\n{b64(root)}\n"
        signature = b64(key_id(self.key)[:4] + self.sign(note.encode()))
        return Entry(
            body=body,
            index=index,
            size=size,
            root=root,
            path=_path(index, self._leaves),
            checkpoint=f"{note}\n\N{EM DASH} log.example {signature}\n",
        )


def _split(leaves: list[bytes]) -> int:
    """Return the largest power of two below the number of leaves."""
    return int(1 << ((len(leaves) - 1).bit_length() - 1))


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(leaves)
    return hashlib.sha256(b"\1" + _root(leaves[:middle]) + _root(leaves[middle:])).digest()


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    middle = _split(leaves)
    if index < middle:
        return [*_path(index, leaves[:middle]), _root(leaves[middle:])]
    return [*_path(index - middle, leaves[middle:]), _root(leaves[:middle])]


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _san(identity: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(identity) if "://" in identity else x509.RFC822Name(identity)


def _certificate(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=30))
    )


def _issued_by(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found: Any = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)
