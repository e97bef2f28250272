"""Finding out who made a keyless signature, from its Sigstore bundle alone; the `sigstore` library checks the bundle.

1. The message is what signatures of a DSSE envelope with an in-toto payload cover.
2. The bundle is put together anew, around the signature at hand: none that it brings along is looked at.
3. Certificate, its log, the log of signatures and timestamps are good, and were trusted when the certificate was given.
4. The certificate has exactly one name and one issuer, or nobody could say who is meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json, write_json
from custody.encoding.text import to_base64
from custody.errors import FormatError, UsageError
from custody.keys.keyless import Proof
from custody.keys.keyless_names import MAX_IDENTITY, NEEDS_EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.x509 import Certificate
    from sigstore.models import Bundle
    from sigstore.verify import Verifier

    from custody.keys.keyless import KeylessSignature
    from custody.keys.trusted_root import TrustedRoot

__all__ = ["NOT_IN_TOTO", "identity_in", "is_in_toto", "parted", "prove"]

_T = TypeVar("_T")

NOT_IN_TOTO = "keyless signatures are made and accepted over DSSE envelopes with an in-toto payload only"

_PAE = re.compile(rb"DSSEv1 (\d{1,3}) (application/vnd\.in-toto(?:\.[A-Za-z0-9_.-]{1,100})?\+json) (\d{1,12}) ")
"""What stands before the payload. Since version 1.2 of the attestation framework the type may name the predicate."""

_ISSUER = "1.3.6.1.4.1.57264.1.8"
_OLDER_ISSUER = "1.3.6.1.4.1.57264.1.1"
_OTHER_NAME = "1.3.6.1.4.1.57264.1.7"


def is_in_toto(message: bytes) -> bool:
    """Return whether `message` is what signatures of a DSSE envelope with an in-toto payload cover."""
    return parted(message) is not None


def prove(signature: KeylessSignature, message: bytes, trusted_root: TrustedRoot) -> Proof | str:
    """Return who made `signature` over `message`, or why nobody can tell.

    Raises:
        UsageError: the extra that checks certificates is not installed.
        StoreError, FormatError: the trusted root cannot be read, or is none.

    """
    parts = parted(message)
    if parts is None:
        return NOT_IN_TOTO
    bundle, kind = _bundle(signature, parts)
    if isinstance(bundle, str):
        return bundle
    certificate = bundle.signing_certificate
    verifier = trusted_root.verifier(certificate.not_valid_before_utc)
    problem = verifier if isinstance(verifier, str) else _problem(verifier, bundle, kind, message)
    if problem:
        return problem
    return identity_in(certificate)


def identity_in(certificate: Certificate) -> Proof | str:
    """Return whom a certificate names, which was checked elsewhere, or why nobody can tell."""
    return _guarded(
        lambda: Proof(
            subject=_checked(_subject(certificate)),
            issuer=_checked(_issuer(certificate)),
            issued=certificate.not_valid_before_utc,
        )
    )


def parted(message: bytes) -> tuple[str, bytes] | None:
    """Return type and payload of an in-toto message, None if it is something else."""
    found = _PAE.match(message)
    if found is None or int(found[1]) != len(found[2]) or int(found[3]) != len(message) - found.end():
        return None
    return found[2].decode(), message[found.end() :]


def _bundle(signature: KeylessSignature, parts: tuple[str, bytes]) -> tuple[Bundle | str, str]:
    """Return the bundle around the signature and what kind of entry its log has, or why there is none."""
    try:
        from sigstore.models import Bundle as Known
    except ImportError:
        raise UsageError(f"checking a keyless signature {NEEDS_EXTRA}") from None
    try:
        fields = Fields(read_json(signature.bundle), "bundle")
        material = fields.object("verificationMaterial")
        kind = _entry_kind(material)
        document = {"mediaType": fields.text("mediaType"), "verificationMaterial": material}
        value = to_base64(signature.signature)
        if kind == "dsse":
            envelope = {"payloadType": parts[0], "payload": to_base64(parts[1]), "signatures": [{"sig": value}]}
            document["dsseEnvelope"] = envelope
        else:
            document["messageSignature"] = {"signature": value}
    except FormatError as error:
        return str(error), ""
    raw = write_json(document)
    return _guarded(lambda: Known.from_json(raw)), kind


def _entry_kind(material: dict[str, Any]) -> str:
    entries = Fields(material, "bundle.verificationMaterial").list("tlogEntries", [])
    if len(entries) != 1:
        raise FormatError(f"expected one entry of a log, got {len(entries)}", where="bundle.verificationMaterial")
    entry = Fields(entries[0], "bundle.verificationMaterial.tlogEntries[0]")
    if not entry.has("inclusionProof"):  # all that `.att` manifests have, and nothing that the library would check
        raise FormatError("expected the log's proof that it has the entry, got at most a promise", where=entry.where)
    return Fields(entry.any("kindVersion"), entry.path("kindVersion")).text("kind")


def _problem(verifier: Verifier, bundle: Bundle, kind: str, message: bytes) -> str:
    """Return why the bundle is not good, '' if it is; whose it is, is looked at later."""

    class Anybody:
        def verify(self, _certificate: Certificate) -> None:
            """Accept every name."""

    def check() -> str:
        if kind == "dsse":
            verifier.verify_dsse(bundle, Anybody())
        else:
            verifier.verify_artifact(message, bundle, Anybody())
        return ""

    return _guarded(check)


def _guarded(action: Callable[[], _T]) -> _T | str:
    """Return what `action` returns, or why the library would not."""
    try:
        return action()
    except Exception as error:  # noqa: BLE001  # for ill-formed bundles errors of many kinds come out; none is good
        words = " ".join(str(error).split()) or type(error).__name__
        return f"its bundle is not good: {words:.300}"


def _subject(certificate: Certificate) -> str:
    """Return the one name of the certificate."""
    from cryptography import x509
    from cryptography.hazmat import asn1

    found = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    if len(found) != 1:
        raise FormatError(f"expected one name, got {len(found)}")
    (name,) = found
    if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier):
        return name.value
    if isinstance(name, x509.OtherName) and name.type_id.dotted_string == _OTHER_NAME:
        return asn1.decode_der(str, name.value)
    raise FormatError(f"expected an e-mail address, a URI or a user name, got a {type(name).__name__}")


def _issuer(certificate: Certificate) -> str:
    """Return who vouched for the name; where the older extension says it, too, both have to agree."""
    from cryptography import x509
    from cryptography.hazmat import asn1

    found = {}
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.UnrecognizedExtension):
            found[extension.oid.dotted_string] = extension.value.value
    names = set()
    if _ISSUER in found:
        names.add(asn1.decode_der(str, found[_ISSUER]))
    if _OLDER_ISSUER in found:
        names.add(found[_OLDER_ISSUER].decode())
    if len(names) != 1:
        raise FormatError(f"expected one issuer, got {len(names)}")
    return names.pop()


def _checked(name: str) -> str:
    if not name or not name.isprintable() or len(name) > MAX_IDENTITY:
        raise FormatError(f"expected a name of at most {MAX_IDENTITY} printable characters, got {name!r:.80}")
    return name
