"""Signing layouts, links and statements, and checking whose signatures they carry.

::

    sign("root.layout", "keys/owner")                    # replaces the signatures, in place
    sign("root.layout", "keys/second-owner", append=True)
    sign("build.link", load_signer("env:BUILD_KEY"))     # writes build.<key id>.link beside it

What custody would refuse to judge it does not sign: the document is read as a layout, link or statement first. A link
has one functionary, so one signature; a layout has as many owners as you like, and a statement as many signers. A
statement is signed in DSSE, a layout or link in the older envelope unless DSSE is asked for.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.encoding.strict import MAX_DOCUMENT_BYTES
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.reader import read_envelope, read_signable
from custody.envelopes.signature import MAX_SIGNATURES
from custody.envelopes.signers import hints_any, signed_by, untimely
from custody.errors import FormatError, SignatureError, UsageError
from custody.files import read_file, write_file
from custody.keys.key import may_sign_for
from custody.keys.keyid import short_id
from custody.models.link import Link
from custody.signing.registry import load_signer
from custody.signing.signer import put_beside, signing_id
from custody.value import Value
from custody.workflows.signable import kind_of, read_document, refuse_signers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from custody.envelopes.reader import Envelope
    from custody.envelopes.signature import Signature
    from custody.keys.key import Key
    from custody.signing.signer import Signer
    from custody.workflows.signable import Signable

__all__ = [
    "BAD",
    "EXPIRED",
    "GOOD",
    "MISSING",
    "SignResult",
    "SignatureCheck",
    "check_signatures",
    "sign",
    "sign_envelope",
    "sign_file",
]

GOOD, BAD, MISSING = "good", "bad", "missing"
EXPIRED = "expired"
"""An OpenPGP signature that is good, but whose key has expired, or whose time is not now."""

_UNFINISHED = ".link-unfinished"
_MODE = 0o666


class SignResult(Value):
    """What was signed and written.

    `removed` counts earlier signatures that are no longer there, `others` those of them that other keys made.
    """

    path: str
    document: Signable
    keys: tuple[Key, ...]
    total: int
    removed: int
    others: int = 0

    @property
    def kind(self) -> str:
        """One of `layout`, `link` and `statement`."""
        return kind_of(self.document)


class SignatureCheck(Value):
    """Whether `key` signed: `GOOD`, `BAD` (a signature in its name is not its own), `EXPIRED` or `MISSING`."""

    key: Key
    state: str


def sign(
    path: str | os.PathLike[str],
    *signing_keys: Signer | str,
    append: bool = False,
    output: str | os.PathLike[str] | None = None,
    use_dsse: bool = False,
) -> SignResult:
    """Sign the layout, link or statement in `path` with every one of `signing_keys` and write it; return what was done.

    A key is a signer, a file or a URI for `load_signer`; an encrypted one needs `load_signer` and its passphrase.

    Raises:
        CustodyError: nothing was written; see `sign_file`.

    """
    signers = [load_signer(key) if isinstance(key, str) else key for key in signing_keys]
    target = None if output is None else os.fspath(output)
    return sign_file(os.fspath(path), signers, append=append, output=target, use_dsse=use_dsse)


def sign_file(
    path: str,
    signers: Sequence[Signer],
    *,
    append: bool = False,
    output: str | None = None,
    use_dsse: bool = False,
    ignore_fields: Iterable[str] = (),
) -> SignResult:
    """Sign the layout, link or statement in `path` and write it to `output`, or where it belongs, or not at all.

    Without `output` it is written over `path`, but a link beside it as `{step}.{key id}.link`. Without `append` earlier
    signatures go. `use_dsse` puts a document from the older envelope, or from none, into DSSE, where statements always
    are.
    `ignore_fields` are paths of fields of a layout that custody does not know and that may be signed all the same.

    Raises:
        StoreError: the file cannot be read or written.
        FormatError: it is no layout, link or statement that custody would accept.
        UsageError: no key, several keys or `append` for a link, `append` to a new envelope, keys that DSSE is not for.
        SignatureError: a signer made a signature that is not its own.

    """
    if not signers:
        raise UsageError(f"expected a key to sign {path!r} with, got none")
    data = read_file(path, what="document", limit=MAX_DOCUMENT_BYTES)
    try:
        _refuse_unfinished(path)
        envelope = read_signable(data)
        document = read_document(envelope, tuple(ignore_fields))
        refuse_signers(document, signers, _distinct(signers), append=append)
        base = _in_dsse(envelope, path, append=append) if use_dsse else envelope
        signed = sign_envelope(base, signers, append=append)
    except FormatError as error:
        raise error.within(path) from None
    keys = tuple(_distinct(signers))
    target = output or _default_output(path, document, signers[0])
    result = SignResult(
        path=target,
        document=document,
        keys=keys,
        total=len(signed.signatures),
        removed=len(envelope.signatures) + len(keys) - len(signed.signatures),
        others=0 if append else sum(not _is_by_any(s, keys, envelope.signed_bytes) for s in envelope.signatures),
    )
    write_file(target, signed.write(), what=f"signed {result.kind}", mode=_mode(target))
    return result


def sign_envelope(envelope: Envelope, signers: Sequence[Signer], *, append: bool = False) -> Envelope:
    """Return `envelope` signed by `signers`, without its earlier signatures.

    With `append` only those of the same keys go, so that nobody's signature stands there twice.

    Raises:
        SignatureError: a signer made a signature that is not its own.
        UsageError: that would be more signatures than an envelope may carry.

    """
    by_key = _distinct(signers)
    message = envelope.signed_bytes
    kept: tuple[Signature, ...] = ()
    if append:
        kept = tuple(s for s in envelope.signatures if not _is_by_any(s, tuple(by_key), message))
    if len(kept) + len(by_key) > MAX_SIGNATURES:
        raise UsageError(f"expected at most {MAX_SIGNATURES} signatures, it has {len(kept)} already")
    signed = envelope.replace(signatures=kept)
    for key, signer in by_key.items():
        value = signer.sign(message)
        if not key.verify(value, message):
            raise SignatureError(f"the key {short_id(key.keyid)} made a signature that is not its own")
        signed = signed.with_signature(signing_id(signer), value, put_beside(signer, value))
    _refuse_unreadable(signed)
    return signed


def _refuse_unreadable(envelope: Envelope) -> None:
    """Refuse to write more keyless signatures than anybody would read."""
    if isinstance(envelope, DSSEEnvelope) and any("bundle" in s.document for s in envelope.signatures):
        from custody.envelopes.sigstore_bundle import refuse_many  # few envelopes have one

        refuse_many(envelope.signatures, "signatures")


def check_signatures(path: str, keys: Sequence[Key]) -> tuple[SignatureCheck, ...]:
    """Return for every one of `keys` whether it signed the file `path`, in their order.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it is no signed document.
        UsageError: no key was given, and nothing is never proof.

    """
    if not keys:
        raise UsageError("expected a key to check the signatures with, got none")
    data = read_file(path, what="document", limit=MAX_DOCUMENT_BYTES)
    try:
        envelope = read_envelope(data)
        now = datetime.now(UTC)
        signed = signed_by(envelope, keys, at=now)
    except FormatError as error:
        raise error.within(path) from None
    return tuple(SignatureCheck(key=key, state=_state(envelope, key, signed, now)) for key in keys)


def _state(envelope: Envelope, key: Key, signed: Sequence[Key], now: datetime) -> str:
    if any(may_sign_for(key, other) for other in signed):
        return GOOD
    if untimely(envelope, [key], now) is not None:
        return EXPIRED
    return BAD if hints_any(envelope, [key]) else MISSING


def _refuse_unfinished(path: str) -> None:
    if path.endswith(_UNFINISHED):
        raise FormatError("a step that is still being recorded is no evidence; finish it first")


def _in_dsse(envelope: Envelope, path: str, *, append: bool) -> Envelope:
    """Return the document in DSSE; its signatures covered other bytes and stay behind."""
    if isinstance(envelope, DSSEEnvelope):
        return envelope
    if append and envelope.signatures:
        raise UsageError(
            f"{path!r} is signed in the older envelope, and those signatures mean nothing in DSSE;"
            " sign anew without appending"
        )
    return DSSEEnvelope.wrap(envelope.content())


def _distinct(signers: Sequence[Signer]) -> dict[Key, Signer]:
    """Return the signers by key, each key's material once."""
    found: dict[str, Signer] = {}
    for signer in signers:
        found.setdefault(signer.public_key.identity, signer)
    return {signer.public_key: signer for signer in found.values()}


def _is_by_any(signature: Signature, keys: Sequence[Key], message: bytes) -> bool:
    """Return whether the signature is, or says it is, by one of `keys`."""
    return any(signature.keyid in key.names or key.verify(signature.value, message) for key in keys)


def _default_output(path: str, document: Signable, signer: Signer) -> str:
    if not isinstance(document, Link):
        # Written by renaming, which would put a file in the place of a symbolic link.
        return os.path.realpath(path) if os.path.islink(path) else path
    return os.path.join(os.path.dirname(path), f"{document.name}.{short_id(signing_id(signer))}.link")


def _mode(path: str) -> int:
    """Return the mode of the file that is replaced, so that whoever could read it still can."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return _MODE
