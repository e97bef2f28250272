"""Links and where they lie: `{step}.{the key id's first 8 digits}.link`, signed and written whole or not at all.

Everything that can be wrong with a link's name, directory or environment is found before a command runs, because a
command that ran for hours cannot be run again for a slash in a name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from custody.encoding.fields import plain_name
from custody.errors import FormatError, SignatureError, StoreError, UsageError
from custody.files import read_file, write_file
from custody.keys.key import as_keyless, as_openpgp
from custody.keys.keyid import short_id
from custody.models.link import LINK_TYPE, Link, read_link
from custody.signing.signer import has_certificate, put_beside, signing_id
from custody.value import Value
from custody.workflows.execute import is_unicode

if TYPE_CHECKING:
    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.signing.signer import Signer

__all__ = [
    "FINISHED_ON",
    "STARTED_ON",
    "SignedLink",
    "check_directory",
    "check_environment",
    "check_place",
    "check_signer",
    "in_directory",
    "link_in",
    "link_path",
    "read_signed_link",
    "sign_document",
    "sign_with",
    "wrapped",
    "write_link",
]

STARTED_ON = "startedOn"
FINISHED_ON = "finishedOn"

_RESERVED = frozenset({STARTED_ON, FINISHED_ON})


class SignedLink(Value):
    """A link with those of the given keys that signed it; empty if no keys were given."""

    link: Link
    signers: tuple[Key, ...] = ()


def link_path(directory: str, name: str, keyid: str) -> str:
    """Return the file in which the link of step `name` by the key `keyid` lies.

    Raises:
        FormatError: one of them is no plain file name.

    """
    step = plain_name(name, "step name")
    return in_directory(directory, f"{step}.{short_id(plain_name(keyid, 'key id'))}.link")


def in_directory(directory: str, file: str) -> str:
    """Return the path of `file` in `directory`, without a `./` before it."""
    return file if directory in {"", "."} else os.path.join(directory, file)


def check_place(path: str) -> None:
    """Demand that a link can take the place of what lies at `path`, if anything, else raise a StoreError."""
    if os.path.lexists(path) and not os.path.islink(path) and not os.path.isfile(path):
        raise StoreError(f"cannot write the link {path!r}: it exists and is not a regular file; remove it first")


def check_signer(signer: Signer, *, use_dsse: bool) -> None:
    """Demand that the envelope can carry what `signer` will make, else raise a SignatureError."""
    if use_dsse and as_openpgp(signer.public_key) is not None:
        from custody.envelopes.dsse import NO_OPENPGP_IN_DSSE

        raise SignatureError(NO_OPENPGP_IN_DSSE)
    if not use_dsse and as_keyless(signer.public_key) is not None:
        from custody.envelopes.metablock import KEYLESS_NEEDS_DSSE

        raise SignatureError(KEYLESS_NEEDS_DSSE)
    if use_dsse and has_certificate(signer):
        from custody.envelopes.dsse import NO_CERTIFICATE_IN_DSSE

        raise SignatureError(NO_CERTIFICATE_IN_DSSE)


def check_directory(directory: str) -> None:
    """Demand that links can be written into `directory`, else raise a StoreError."""
    if not os.path.isdir(directory):
        raise StoreError(f"cannot write links into {directory!r}: there is no such directory; make it first")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise StoreError(f"cannot write links into {directory!r}: the directory is not writable")


def check_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of what the caller adds to a link's environment; a UsageError if a link cannot hold it."""
    for name, value in environment.items():
        if name in _RESERVED:
            raise UsageError(f"environment: {name!r} is recorded by custody itself")
        if not is_unicode(name) or not is_unicode(value):
            raise UsageError(f"environment: the value of {name!r} is not UTF-8, which links are")
    return dict(environment)


def sign_with(envelope: Envelope, signer: Signer) -> Envelope:
    """Return `envelope` with the signature of `signer` added."""
    signature = signer.sign(envelope.signed_bytes)
    return envelope.with_signature(signing_id(signer), signature, put_beside(signer, signature))


def sign_document(document: Mapping[str, object], signer: Signer, *, use_dsse: bool) -> Envelope:
    """Return `document` in an envelope with the signature of `signer`."""
    return sign_with(wrapped(document, use_dsse=use_dsse), signer)


def write_link(link: Link, path: str, signer: Signer, *, use_dsse: bool) -> None:
    """Make `path` hold `link`, signed, in place of an older link of the same step and key."""
    envelope = sign_document(link.to_write(), signer, use_dsse=use_dsse)
    # What the step made is not on the disk yet either: after a power cut both have to be made again.
    write_file(path, envelope.write(), what="the link", durable=False)


def read_signed_link(path: str, keys: Sequence[Key] = ()) -> SignedLink:
    """Return the link in the file `path`; given `keys`, at least one of them signed it.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it holds no link.
        SignatureError: none of `keys` signed it.

    """
    from datetime import UTC, datetime

    from custody.encoding.strict import MAX_DOCUMENT_BYTES
    from custody.envelopes.reader import read_envelope  # who only writes does without
    from custody.envelopes.signers import signed_by

    try:
        envelope = read_envelope(read_file(path, what="the link", limit=MAX_DOCUMENT_BYTES))
        signers = signed_by(envelope, keys, at=datetime.now(UTC))
        if keys and not signers:
            raise SignatureError(f"{path}: none of the given keys signed it")
        return SignedLink(link=link_in(envelope), signers=signers)
    except FormatError as error:
        raise error.within(path) from None


def wrapped(document: Mapping[str, object], *, use_dsse: bool) -> Envelope:
    """Return `document` in an envelope without signatures; each kind is imported by who wants it."""
    if use_dsse:
        from custody.envelopes.dsse import DSSEEnvelope

        return DSSEEnvelope.wrap(document)
    from custody.envelopes.metablock import Metablock

    return Metablock.wrap(document)


def link_in(envelope: Envelope) -> Link:
    """Return the link that `envelope` carries; a FormatError if it carries something else."""
    from custody.envelopes.dsse import IN_TOTO_PAYLOAD

    if envelope.payload_type != IN_TOTO_PAYLOAD:
        raise FormatError(
            f"expected a link ({IN_TOTO_PAYLOAD}), got {envelope.payload_type!r:.80}",
            where="payloadType",
        )
    document = envelope.content()
    kind = document.get("_type")
    if kind != LINK_TYPE:
        what = f"a {kind}" if isinstance(kind, str) else "a document without _type"
        raise FormatError(
            f"expected a link, got {what!r:.80}",
            remedy="a link's file is called STEP.KEYID.link",
        )
    return read_link(document)
