"""X.509 certificates as plain values: what one says, read once and strictly; whether it is believed is no matter here.

`x509_path` decides whether a certificate leads to a root, `x509_constraint` whether it is one that a layout asks for.

    certificate = certificate_of_pem(text, "rootcas.acme.keyval.certificate")
    certificate.names.uris              # ('spiffe://acme.example/build',)
    certificate.key.verify(signature, message)

Of the fields of RFC 5280 those are kept that decide something. What a certificate marks as critical and nobody here
reads is in `unread`, so that it can be refused.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from custody.encoding.hashing import sha256
from custody.encoding.text import from_base64, to_base64
from custody.errors import FormatError
from custody.keys.public import PublicKey, key_of_spki
from custody.keys.x509_names import NameConstraints, Names, read_constraints, read_names
from custody.value import Value

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["MAX_CERT_BYTES", "Certificate", "Usage", "certificate_of_pem", "certificates_of_file", "issued"]

MAX_CERT_BYTES = 32 * 1024
"""The largest certificate, as PEM; a usual one has 2 KB."""

MAX_BUNDLE = 16
"""The most certificates of one file."""

_LINE = 64
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_SPACE = r"[ \t\r\n]"
_BLOCK = rf"{_BEGIN}{_SPACE}(?P<body>[A-Za-z0-9+/= \t\r\n]*+){_END}"  # possessive: without an end it costs linear time
_HASHES = frozenset({"sha256", "sha384", "sha512"})


class Usage(Value):
    """What a certificate says that its key is for.

    `authority` is a CA, with so many CAs below it as `path_length` says. `may_sign` and `may_certify` are the key
    usage, `purposes` the object identifiers of the extended key usage, each None if there is none.
    """

    authority: bool = False
    path_length: int | None = None
    may_sign: bool | None = None
    may_certify: bool | None = None
    purposes: frozenset[str] | None = None


class Certificate(Value):
    """One certificate. `der` is all of it; the rest is what `der` says.

    `subject` is for people, `subject_der` and `issuer_der` are compared. A certificate counts from `not_before` to
    `not_after`, both included. `well_signed` says whether its signature is of a kind that proves something, `unread`
    which critical extensions nobody here understands.
    """

    der: bytes
    subject: str
    subject_der: bytes
    issuer: str
    issuer_der: bytes
    not_before: datetime
    not_after: datetime
    key: PublicKey
    names: Names
    usage: Usage = Usage()
    name_constraints: NameConstraints | None = None
    well_signed: bool = True
    unread: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` has it, without colons."""
        return sha256(self.der)

    @property
    def pem(self) -> str:
        """The certificate as PEM, with a final newline; `certificate_of_pem(c.pem, "") == c`."""
        body = to_base64(self.der)
        lines = [body[i : i + _LINE] for i in range(0, len(body), _LINE)]
        return "\n".join([_BEGIN, *lines, _END, ""])


def certificate_of_pem(text: str, where: str) -> Certificate:
    """Return the one certificate of the PEM `text`.

    Raises:
        FormatError: it is not one whole PEM block of a certificate, or of one that cannot be judged.

    """
    match = re.fullmatch(rf"{_SPACE}*+{_BLOCK}{_SPACE}*+", text) if len(text) <= MAX_CERT_BYTES else None
    if match is None:
        problem = (
            f"expected one certificate, '{_BEGIN}' to '{_END}'"
            if len(text) <= MAX_CERT_BYTES
            else f"expected a certificate of at most {MAX_CERT_BYTES} bytes, got {len(text)}"
        )
        raise FormatError(problem, where=where)
    return _read(from_base64("".join(match["body"].split()), where), where)


def certificates_of_file(data: bytes, where: str) -> tuple[Certificate, ...]:
    """Return the certificates of a PEM file, which may have text around them, as `openssl x509 -text` writes it.

    Raises:
        FormatError: there is none, there are too many, or one cannot be judged.

    """
    text = data.decode("latin-1")
    found = [match["body"] for match in re.finditer(_BLOCK, text)]
    if not found or len(found) != text.count(_BEGIN):
        remedy = "is it a key, or the file cut off? certificates in DER: openssl x509 -inform DER -in FILE"
        raise FormatError("expected certificates as PEM", where=where, remedy=remedy)
    if len(found) > MAX_BUNDLE:
        raise FormatError(f"expected at most {MAX_BUNDLE} certificates, got {len(found)}", where=where)
    return tuple(certificate_of_pem(f"{_BEGIN}\n{body}{_END}", where) for body in found)


def issued(issuer: Certificate, certificate: Certificate) -> bool:
    """Return whether the key of `issuer` signed `certificate`, and its name stands there as the issuer's."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.x509 import load_der_x509_certificate

    if not certificate.well_signed or certificate.issuer_der != issuer.subject_der:
        return False
    try:
        child, parent = load_der_x509_certificate(certificate.der), load_der_x509_certificate(issuer.der)
        child.verify_directly_issued_by(parent)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _read(der: bytes, where: str) -> Certificate:
    import warnings

    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what the library merely tolerates, such as a serial number of 0
            parsed = x509.load_der_x509_certificate(der)
            return _certificate(parsed, der, where)
    except FormatError:
        raise
    except (
        ValueError,
        TypeError,
        Warning,
        UnsupportedAlgorithm,
        x509.InvalidVersion,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        problem = f"not a certificate that can be judged: {error}"
        raise FormatError(f"{problem:.300}", where=where) from None


def _certificate(parsed: x509.Certificate, der: bytes, where: str) -> Certificate:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    spki = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    extensions = {extension.oid.dotted_string: extension for extension in parsed.extensions}
    values = {oid: extension.value for oid, extension in extensions.items()}
    return Certificate(
        der=der,
        subject=parsed.subject.rfc4514_string(),
        subject_der=parsed.subject.public_bytes(),
        issuer=parsed.issuer.rfc4514_string(),
        issuer_der=parsed.issuer.public_bytes(),
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        key=key_of_spki(spki, where),
        names=read_names(parsed.subject, values.get(_ALTERNATIVE_NAMES), where),
        name_constraints=read_constraints(values.get(_NAME_CONSTRAINTS), where),
        well_signed=_is_well_signed(parsed),
        unread=tuple(oid for oid, extension in extensions.items() if extension.critical and oid not in _KNOWN),
        usage=_usage(values),
    )


_ALTERNATIVE_NAMES, _NAME_CONSTRAINTS = "2.5.29.17", "2.5.29.30"
_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE = "2.5.29.19", "2.5.29.15", "2.5.29.37"
_SUBJECT_KEY, _AUTHORITY_KEY = "2.5.29.14", "2.5.29.35"  # hints for finding the issuer, which is found by its name
_KNOWN = frozenset(
    {
        _ALTERNATIVE_NAMES,
        _NAME_CONSTRAINTS,
        _BASIC_CONSTRAINTS,
        _KEY_USAGE,
        _EXTENDED_KEY_USAGE,
        _SUBJECT_KEY,
        _AUTHORITY_KEY,
    }
)


def _usage(values: dict[str, x509.ExtensionType]) -> Usage:
    from cryptography import x509

    usage = Usage()
    basic, bits, extended = (values.get(oid) for oid in (_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE))
    if isinstance(basic, x509.BasicConstraints):
        usage = usage.replace(authority=basic.ca, path_length=basic.path_length)
    if isinstance(bits, x509.KeyUsage):
        # RFC 5280, 4.2.1.3: both bits are for signatures over anything but certificates and revocations.
        may_sign = bits.digital_signature or bits.content_commitment
        usage = usage.replace(may_sign=may_sign, may_certify=bits.key_cert_sign)
    if isinstance(extended, x509.ExtendedKeyUsage):
        usage = usage.replace(purposes=frozenset(purpose.dotted_string for purpose in extended))
    return usage


def _is_well_signed(parsed: x509.Certificate) -> bool:
    """Return whether the kind of signature is one that nobody can forge: MD5 and SHA-1 are not (RFC 6194)."""
    oid = parsed.signature_algorithm_oid.dotted_string
    if oid == _ED25519:
        return True
    algorithm = parsed.signature_hash_algorithm
    return algorithm is not None and algorithm.name in _HASHES


_ED25519 = "1.3.101.112"
