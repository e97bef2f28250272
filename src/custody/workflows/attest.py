"""Making attestations: a statement, signed by one or several, into a file or onto an image.

::

    payload = statement_about(target.subjects, "https://example.com/TestResult/v1", {"passed": 42})
    signed = sign_statement(payload, [load_signer("keys/alice")])
    write_attestations(signed, "app.intoto.jsonl", "jsonl")

Every signer gets an envelope of their own. What is written is what other verifiers read, too: one signature, no key id,
standard base64, no field that the formats do not have.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from custody.artifacts.options import Recording
from custody.encoding.strict import MAX_DOCUMENT_BYTES
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.json_lines import MAX_LINES, split_lines, write_lines
from custody.envelopes.sigstore_bundle import write_bundle
from custody.errors import SignatureError, UsageError
from custody.files import read_file, write_file
from custody.keys.key import Key, as_openpgp
from custody.keys.keyid import short_id
from custody.keys.schemes import ECDSA, ED25519, MLDSA, RSA_PKCS1
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.oci.descriptor import Descriptor
    from custody.signing.signer import Signer
    from custody.stores.images import ImageStore

__all__ = [
    "FORMATS",
    "SUFFIX",
    "Signed",
    "foreign_scheme",
    "push_attestations",
    "recording_of",
    "sign_statement",
    "write_attestations",
    "written_attestations",
]

SUFFIX = ".intoto.jsonl"
"""What the name of a file with attestations ends with, behind that of the artifact."""

FORMATS = ("jsonl", "envelope", "bundle")
"""JSON Lines with an envelope each, one DSSE envelope, or one Sigstore bundle."""

_EVERYBODY = frozenset({"ecdsa-sha2-nistp256", ED25519, *RSA_PKCS1})


class Signed(Value):
    """A signed statement: its envelope, with one signature by `key`."""

    envelope: DSSEEnvelope
    key: Key

    def bundle(self) -> bytes:
        """Return it as a Sigstore bundle."""
        return write_bundle(self.envelope, self.key)


def recording_of(path: str) -> Recording:
    """Return how the file or directory `path` is recorded for its statement.

    Every file in a directory is a subject: what was left out could be anything. Names are relative to the directory, so
    that it may be verified elsewhere.
    """
    inside = path if os.path.isdir(path) else os.path.dirname(path)
    prefix = os.path.normpath(inside) if inside else ""
    strip = () if prefix in ("", ".") else (f"{prefix.rstrip(os.sep)}{os.sep}",)
    return Recording(exclude=(), dangling_ok=False, lstrip_paths=strip)


def sign_statement(payload: bytes, signers: Sequence[Signer]) -> tuple[Signed, ...]:
    """Return `payload` signed by each of `signers`, in an envelope each.

    Raises:
        UsageError: there is no signer, or one is there twice.
        SignatureError: a signer cannot sign attestations, or made a signature that is not its own.

    """
    if not signers:
        raise UsageError("expected a key to sign the attestation with, got none")
    if len({signer.public_key.identity for signer in signers}) < len(signers):
        raise UsageError("one key is given twice, and would sign only once; leave one out")
    return tuple(_signed(DSSEEnvelope(payload=payload), signer) for signer in signers)


def foreign_scheme(key: Key) -> str:
    """Return what to tell the owner of a key whose signatures other verifiers of attestations do not read, or ''."""
    scheme = key.scheme
    if key.keytype not in {ECDSA, "rsa", MLDSA} or scheme in _EVERYBODY:
        return ""
    remedy = " (--scheme rsa-pkcs1v15-sha256 is one that they read)" if scheme.startswith("rsassa-pss") else ""
    return f"cosign and others do not read signatures by {scheme}; custody does{remedy}"


def written_attestations(signed: Sequence[Signed], kind: str) -> bytes:
    """Return the file of attestations in the form `kind`, one of `FORMATS`.

    Raises:
        UsageError: there are several, and the form holds one.

    """
    if kind == "jsonl":
        return write_lines(each.envelope.write() for each in signed)
    if len(signed) != 1:
        raise UsageError(f"one {kind} holds one signature, and there are {len(signed)}; --format jsonl holds several")
    return (signed[0].bundle() if kind == "bundle" else signed[0].envelope.write()) + b"\n"


def write_attestations(signed: Sequence[Signed], path: str, kind: str) -> int:
    """Write attestations into the file `path`, and return how many lines it has then.

    JSON Lines are added to those that are there, unless they are there already; every other file is replaced.

    Raises:
        UsageError: there are several, and the form holds one; or the file is full.
        StoreError: the file cannot be read or written.

    """
    data = written_attestations(signed, kind)
    earlier = b""
    if kind == "jsonl" and os.path.lexists(path):
        earlier = read_file(path, what="attestations", limit=MAX_DOCUMENT_BYTES)
        lines = split_lines(earlier)
        if lines and lines[0].number == 0 and b"\n" in lines[0].data:
            raise UsageError(f"{path!r} has one document on several lines, to which none can be added; choose -o FILE")
        if len(lines) + len(signed) > MAX_LINES:
            raise UsageError(f"{path!r} has {len(lines)} attestations; expected at most {MAX_LINES}, choose -o FILE")
        earlier = earlier if earlier.endswith(b"\n") or not earlier else earlier + b"\n"
        known = {line.data for line in lines}
        data = b"".join(line for line in data.splitlines(keepends=True) if line.strip() not in known)
    write_file(path, earlier + data, what="attestations")
    return len(split_lines(earlier + data))


def push_attestations(
    signed: Sequence[Signed], store: ImageStore, image: Descriptor, *, legacy: bool = False
) -> tuple[Descriptor, ...]:
    """Return the manifests with which the attestations hang on `image` afterwards, as bundles, or `legacy` as cosign 2.

    Raises:
        StoreError: the registry or directory does not take them.

    """
    from custody.oci.documents import read_documents  # only where there is an image
    from custody.workflows.attach import attach

    documents = [document for each in signed for document in read_documents(each.bundle())]
    return attach(store, image, documents, legacy=legacy)


def _signed(envelope: DSSEEnvelope, signer: Signer) -> Signed:
    key = signer.public_key
    if as_openpgp(key) is not None:
        raise SignatureError("an OpenPGP key cannot sign attestations: their envelope has no place for its signatures")
    message = envelope.signed_bytes
    value = signer.sign(message)
    if not key.verify(value, message):
        raise SignatureError(f"the key {short_id(key.keyid)} made a signature that is not its own")
    return Signed(envelope=envelope.with_signature("", value), key=key)
