"""Certificates as CAs issue them, and as they never should: every field can be something else.

    root = Issuer("root")
    alice = root.leaf("alice", uris=["spiffe://acme.example/build"])
    alice.certificate                  # as custody reads it
    alice.key                          # the private key
    intermediate = root.intermediate("builders")

Keys of a kind are made once a run and handed out by name, since RSA keys take their time.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from custody.keys.x509_certificate import Certificate, certificate_of_pem
from custody.keys.x509_constraint import CertificateConstraint
from custody.signing.keyfile import KeySigner
from custody.signing.signer import Request
from tests.simulator import AT

__all__ = [
    "ANY_PURPOSE",
    "CLIENT",
    "CODE",
    "MAIL",
    "SERVER",
    "Holder",
    "Issuer",
    "PrivateKey",
    "Said",
    "constraint",
    "private_key",
    "usage",
]

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
CODE, MAIL = ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION
ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE


def private_key(name: str, kind: str = "ed25519") -> PrivateKey:
    """Return the key called `name`, the same throughout a run."""
    return _generated(name, kind)


@cache
def _generated(_name: str, kind: str) -> PrivateKey:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "p384":
        return ec.generate_private_key(ec.SECP384R1())
    return ed25519.Ed25519PrivateKey.generate()


def usage(*bits: str) -> x509.KeyUsage:
    """Return a key usage with these bits."""
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**dict.fromkeys(names, False) | dict.fromkeys(bits, True))


@dataclass(frozen=True)
class Said:
    """What a certificate says of itself; None leaves an extension out."""

    common_names: Sequence[str] = ()
    organizations: Sequence[str] = ()
    attributes: Sequence[tuple[x509.ObjectIdentifier, str]] = ()
    dns: Sequence[str] = ()
    emails: Sequence[str] = ()
    uris: Sequence[str] = ()
    addresses: Sequence[str] = ()
    others: Sequence[x509.GeneralName] = ()
    critical_names: bool = True
    begins: datetime = AT - timedelta(days=1)
    ends: datetime = AT + timedelta(days=1)
    basic: x509.BasicConstraints | None = field(
        default_factory=lambda: x509.BasicConstraints(ca=False, path_length=None)
    )
    usage: x509.KeyUsage | None = field(default_factory=lambda: usage("digital_signature"))
    purposes: Sequence[x509.ObjectIdentifier] | None = None
    constraints: x509.NameConstraints | None = None
    more: Sequence[tuple[x509.ExtensionType, bool]] = ()
    digest: Any = field(default_factory=hashes.SHA256)

    def subject(self) -> x509.Name:
        """Return the distinguished name."""
        named = [(NameOID.ORGANIZATION_NAME, value) for value in self.organizations]
        named += [(NameOID.COMMON_NAME, value) for value in self.common_names]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in [*named, *self.attributes]])

    def alternative(self) -> list[x509.GeneralName]:
        """Return the other names."""
        return [
            *map(x509.DNSName, self.dns),
            *map(x509.RFC822Name, self.emails),
            *map(x509.UniformResourceIdentifier, self.uris),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in self.addresses),
            *self.others,
        ]

    def extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        """Return all extensions, and whether each is critical."""
        found: list[tuple[x509.ExtensionType, bool]] = []
        if self.basic is not None:
            found.append((self.basic, True))
        if self.usage is not None:
            found.append((self.usage, True))
        if self.purposes is not None:
            found.append((x509.ExtendedKeyUsage(self.purposes), False))
        if self.constraints is not None:
            found.append((self.constraints, True))
        if names := self.alternative():
            found.append((x509.SubjectAlternativeName(names), self.critical_names))
        return [*found, *self.more]


@dataclass(frozen=True)
class Holder:
    """Somebody with a certificate and the private key for it."""

    parsed: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> str:
        """The certificate as PEM."""
        return self.parsed.public_bytes(Encoding.PEM).decode()

    @property
    def certificate(self) -> Certificate:
        """The certificate as custody reads it."""
        return certificate_of_pem(self.pem, "certificate")

    @property
    def private_pem(self) -> str:
        """The private key as PEM."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def sign(self, message: bytes) -> bytes:
        """Return a signature as links have them."""
        return KeySigner.from_pem(self.private_pem.encode(), "key", Request()).sign(message)


class Issuer(Holder):
    """A CA; the names of its keys tell one CA from another of the same name."""

    def intermediate(self, name: str, kind: str = "", **said: object) -> Issuer:
        """Return a CA below this one."""
        given = _said(said, common_names=[name], **_OF_A_CA)
        key = private_key(f"{self.parsed.subject}/{name}", kind or self.kind)
        return Issuer(_certificate(given, key, self.parsed.subject, self.key), key)

    def leaf(self, name: str = "alice", kind: str = "", *, key: PrivateKey | None = None, **said: object) -> Holder:
        """Return a functionary whose key is called `name`, and so are they unless it is said otherwise."""
        own = key or private_key(name, kind or self.kind)
        return Holder(_certificate(_said(said, common_names=[name]), own, self.parsed.subject, self.key), own)

    @property
    def kind(self) -> str:
        """The kind of its key."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return "rsa"
        return "p256" if isinstance(self.key, ec.EllipticCurvePrivateKey) else "ed25519"

    @classmethod
    def root(cls, name: str = "root", kind: str = "ed25519", *, key_name: str = "", **said: object) -> Issuer:
        """Return a CA that signed its own certificate."""
        given = _said(said, common_names=[name], **_OF_A_CA)
        key = private_key(f"CA {key_name or name}", kind)
        return cls(_certificate(given, key, given.subject(), key), key)


_OF_A_CA: Mapping[str, object] = {
    "basic": x509.BasicConstraints(ca=True, path_length=None),
    "usage": usage("key_cert_sign"),
    "begins": AT - timedelta(days=3650),
    "ends": AT + timedelta(days=3650),
}


def _said(said: dict[str, object], **usual: object) -> Said:
    return Said(**{**usual, **said})  # type: ignore[arg-type]  # the fields of Said, by name


def _certificate(said: Said, key: PrivateKey, issuer: x509.Name, issuer_key: PrivateKey) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(said.subject())
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(said.begins)
        .not_valid_after(said.ends)
    )
    for extension, critical in said.extensions():
        builder = builder.add_extension(extension, critical)
    is_ed25519 = isinstance(issuer_key, ed25519.Ed25519PrivateKey)
    return builder.sign(issuer_key, None if is_ed25519 else said.digest)


def constraint(
    common_name: str = "*", *, roots: Sequence[str] = ("*",), **names: Sequence[str]
) -> CertificateConstraint:
    """Return a constraint that allows any name and any root but for those given."""
    kinds = ("dns_names", "emails", "organizations", "uris")
    lists = {kind: tuple(names.get(kind, ("*",))) for kind in kinds}
    return CertificateConstraint(
        common_name=common_name,
        roots=tuple(roots),
        dns_names=lists["dns_names"],
        emails=lists["emails"],
        organizations=lists["organizations"],
        uris=lists["uris"],
    )
