"""Envelopes: signed links and layouts, read, signed, checked and written.

::

    metadata = Metadata.load("root.layout")
    metadata.create_signature(signer)
    metadata.dump("root.layout")

`Metablock` holds the object itself, which can be changed until it is signed. `Envelope` (DSSE) holds the bytes.
`envelope()` is custody's value of what is there at the moment.
"""

from __future__ import annotations

import os

from in_toto.models.common import FieldsOfAttrs, Signable, ValidationMixin
from in_toto.models.layout import Layout
from in_toto.models.link import Link

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, ClassVar, Self

    from custody.envelopes.dsse import DSSEEnvelope
    from custody.envelopes.metablock import Metablock as CoreMetablock
    from custody.envelopes.reader import Envelope as CoreEnvelope
    from custody.envelopes.signature import Signature as CoreSignature

__all__ = ["ENVELOPE_PAYLOAD_TYPE", "Envelope", "Metablock", "Metadata"]

ENVELOPE_PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Metadata:
    """What both kinds of envelopes do."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Metadata:
        """Return the envelope that `data` writes.

        Raises:
            InvalidMetadata: it is neither a Metablock nor a DSSE envelope with in-toto's type of payload, or both.
            FormatError: it is malformed.

        """
        if isinstance(data, dict):
            if "dsseEnvelope" in data and not {"payload", "signed"} & data.keys():
                data = _opened(data)
            if "payload" in data and "signed" not in data and data.get("payloadType") == ENVELOPE_PAYLOAD_TYPE:
                return Envelope.from_dict(data)
            if "signed" in data and "payload" not in data:
                return Metablock.from_dict(data)
        raise _invalid("expected an object with 'signed', or with 'payload' of in-toto's type, and not with both")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Metadata:
        """Return the envelope in a file.

        Raises:
            OSError: the file cannot be read.
            InvalidMetadata: it holds no envelope.
            FormatError: it is not JSON that means one thing only, or malformed.

        """
        from custody.encoding.strict import MAX_DOCUMENT_BYTES, read_json
        from custody.files import read_file
        from in_toto._boundary.failures import Translated

        with Translated():
            data = read_json(read_file(os.fspath(path), what="metadata", limit=MAX_DOCUMENT_BYTES))
        return cls.from_dict(data)

    def dump(self, path: str | os.PathLike[str]) -> None:
        """Write the envelope into a file, whole or not at all; a file that is there gives way.

        Raises:
            OSError: it cannot be written.
            FormatError: it cannot be put into JSON.

        """
        from custody.files import write_file
        from in_toto._boundary.failures import Translated

        data = self._written()
        with Translated():
            write_file(os.fspath(path), data, what="metadata")

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as JSON data."""
        raise NotImplementedError

    def create_signature(self, signer: Any) -> Any:  # noqa: ANN401  # of any library
        """Add the signature by `signer` and return it."""
        raise NotImplementedError

    def verify_signature(self, verification_key: Any) -> None:  # noqa: ANN401  # of any library
        """Return if there is a good signature by the key; any one counts, whatever key id stands beside it.

        Args:
            verification_key: A key as layouts write it, or one of `securesystemslib`.

        Raises:
            FormatError: the key is malformed.
            SignatureVerificationError: there is no signature by it, only bad ones, or the key has expired.

        """
        from datetime import UTC, datetime

        from custody.envelopes.signers import hints_any, signed_by, untimely
        from custody.errors import FormatError
        from in_toto._boundary.failures import Translated
        from in_toto._boundary.keys import public_key_of
        from in_toto._boundary.trust import trusted
        from in_toto.exceptions import SignatureVerificationError

        (key,), now = trusted((public_key_of(verification_key),)), datetime.now(UTC)
        try:
            envelope = self._core()
        except FormatError as error:
            raise SignatureVerificationError(f"Invalid signature for keyid '{key.keyid}': {error}") from error
        with Translated():
            signers = signed_by(envelope, (key,), at=now)
        if signers:
            return
        late = untimely(envelope, (key,), now)
        if late is not None:
            raise SignatureVerificationError(f"Invalid signature for keyid '{key.keyid}': {late.problem}")
        if hints_any(envelope, (key,)):
            raise SignatureVerificationError(f"Invalid signature for keyid '{key.keyid}'")
        raise SignatureVerificationError(f"No signature found for key '{key.keyid}'")

    def get_payload(self) -> Link | Layout:
        """Return the link or layout."""
        raise NotImplementedError

    def envelope(self) -> CoreEnvelope:
        """Return custody's value of what is there at the moment, with all signatures.

        Raises:
            FormatError: something has no place in an envelope.

        """
        from in_toto._boundary.failures import Translated

        with Translated():
            return self._core()

    def _core(self) -> CoreEnvelope:
        raise NotImplementedError

    def _written(self) -> bytes:
        raise NotImplementedError


class Metablock(Metadata, ValidationMixin):
    """The older envelope, which holds the object that is signed.

    Attributes:
        signed: The link or layout.
        signatures: The signatures, as they are written.
        compact_json: Whether `dump` leaves out white space.

    """

    _FIELDS: ClassVar = ("signatures", "signed")
    __attrs_attrs__ = FieldsOfAttrs()
    __hash__ = None  # type: ignore[assignment]  # what can change has no hash

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  # public
        """Put `signed` into an envelope, with `signatures` if there are any. A `FormatError` says what is malformed."""
        self.signatures: list[dict[str, Any]] = kwargs.get("signatures", [])
        self.signed: Any = kwargs.get("signed")
        self.compact_json: bool = kwargs.get("compact_json", False)
        self.validate()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the Metablock that `data` writes; a `FormatError` says what is malformed."""
        signed = data.get("signed")
        kind = signed.get("_type") if isinstance(signed, dict) else None
        if not isinstance(signed, dict) or kind not in {"link", "layout"}:
            from in_toto._boundary.checks import malformed

            raise malformed(f"Invalid Metadata format: expected a link or a layout, got {kind!r:.80}")
        signatures = data.get("signatures", [])
        return cls(signatures=signatures, signed=_read(signed, is_signed=bool(signatures)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metablock) or type(self) is not type(other):
            return NotImplemented
        return bool(self.signatures == other.signatures and self.signed == other.signed)

    def __repr__(self) -> str:
        """Return the JSON text that `dump` writes."""
        return self._written().decode("ascii")

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as JSON data."""
        return {"signatures": self.signatures, "signed": self.signed.document()}

    @property
    def type_(self) -> str:
        """The text `link` or `layout`."""
        return str(self.signed.type_)

    def get_payload(self) -> Link | Layout:
        """Return the link or layout itself: what is changed in it is changed here."""
        payload: Link | Layout = self.signed
        return payload

    def create_signature(self, signer: Any) -> Any:  # noqa: ANN401  # of any library
        """Add the signature by `signer` over what `signed` is now, and return it.

        Raises:
            SignatureVerificationError: an identity signs, for whose signatures this has no place.

        """
        from in_toto._boundary.signing import refuse_keyless

        refuse_keyless(signer)
        signature = signer.sign(self.signed.signable_bytes)
        self.signatures.append(signature.to_dict())
        return signature

    def sign_gpg(self, gpg_keyid: str | None = None, gpg_home: str | None = None) -> dict[str, str]:
        """Add the signature by a key in GnuPG's keyring, by default the default one, and return it.

        Raises:
            ValueError: there is no gpg, no such key, or it cannot sign.
            FormatError: the id is not hexadecimal, or the key has expired, is revoked, or cannot be relied on.

        """
        from in_toto._boundary.signing import gpg_signer

        signature = self.create_signature(gpg_signer(gpg_keyid, gpg_home))
        entry: dict[str, str] = signature.to_dict()
        return entry

    def _core(self) -> CoreMetablock:
        from custody.encoding.canonical import check_canonical
        from custody.encoding.text import from_hex
        from custody.envelopes.metablock import Metablock as Core
        from custody.envelopes.signature import read_signatures

        document = self.signed.document()
        check_canonical(document, "signed")
        return Core(document=document, signatures=read_signatures(self.signatures, "signatures", from_hex))

    def _written(self) -> bytes:
        from custody.encoding.strict import write_json
        from in_toto._boundary.failures import Translated

        if self.compact_json:
            import json

            return json.dumps(self.to_dict(), separators=(",", ":"), sort_keys=True).encode("ascii")
        with Translated():
            value = {"signatures": self.signatures, "signed": self.signed._to_write()}  # noqa: SLF001  # of this package
            return write_json(value, indent=1, ensure_ascii=True)

    def _validate_signed(self) -> None:
        if not isinstance(self.signed, Layout | Link):
            from in_toto._boundary.checks import unexpected

            raise unexpected(self.signed, "a Link or a Layout as 'signed'")
        self.signed.validate()

    def _validate_signatures(self) -> None:
        from in_toto._boundary.checks import check_list_of, check_signature

        check_list_of(check_signature, self.signatures)


class Envelope(Metadata):
    """A DSSE envelope, which holds the bytes that are signed.

    Attributes:
        payload: The bytes.
        payload_type: What they are.
        signatures: The signatures by their key ids, one for each; where several were read, the first.

    """

    def __init__(self, payload: bytes, payload_type: str, signatures: dict[str, Any]) -> None:
        """Put bytes into an envelope, with signatures if there are any."""
        self.payload = payload
        self.payload_type = payload_type
        self.signatures = signatures
        self._more: dict[str, Sequence[Any]] = {}

    @classmethod
    def from_signable(cls, signable: Signable) -> Self:
        """Return an unsigned envelope with the JSON text of a link or layout; a `FormatError` if it has none."""
        from custody.encoding.strict import read_json, write_json
        from in_toto._boundary.failures import Translated

        with Translated():
            payload = write_json(signable._to_write(), indent=None, ensure_ascii=True)  # noqa: SLF001  # of this package
            if b"\\ud" in payload:
                read_json(payload)  # halves of characters can be written, but nobody could read them
        return cls(payload, ENVELOPE_PAYLOAD_TYPE, {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the envelope that `data` writes; a `FormatError` says what is malformed."""
        from custody.envelopes.dsse import DSSEEnvelope
        from in_toto._boundary.failures import Translated
        from in_toto._boundary.signing import Signature

        with Translated():
            core = DSSEEnvelope.read(data)
        found: dict[str, list[Any]] = {}
        for signature in core.signatures:
            others = {name: value for name, value in signature.document.items() if name not in {"keyid", "sig"}}
            value = signature.value if isinstance(signature.value, bytes) else signature.value.signature
            found.setdefault(signature.keyid, []).append(Signature(signature.keyid, value.hex(), others))
        envelope = cls(core.payload, core.payload_type, {keyid: several[0] for keyid, several in found.items()})
        envelope._more = {keyid: several for keyid, several in found.items() if len(several) > 1}
        return envelope

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Envelope):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.payload, self.payload_type))

    def to_dict(self) -> dict[str, Any]:
        """Return the envelope as JSON data."""
        from custody.encoding.text import to_base64

        return {
            "payload": to_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [_dsse_entry(signature) for signature in self._all()],
        }

    def pae(self) -> bytes:
        """Return the bytes that signatures cover."""
        from custody.encoding.pae import pae

        return pae(self.payload_type, self.payload)

    def sign(self, signer: Any) -> Any:  # noqa: ANN401  # of any library
        """Add the signature by `signer` and return it; an earlier one by the same key gives way."""
        signature = signer.sign(self.pae())
        self.signatures[signature.keyid] = signature
        return signature

    def create_signature(self, signer: Any) -> Any:  # noqa: ANN401  # of any library
        """Add the signature by `signer` and return it; an earlier one by the same key gives way.

        Raises:
            NotImplementedError: it is a GPG key, for whose signatures DSSE has no place.

        """
        from in_toto._boundary.signing import GPGSigner

        if isinstance(signer, GPGSigner):
            raise NotImplementedError("GPG Signing is not implemented")
        return self.sign(signer)

    def verify_signature(self, verification_key: Any) -> None:  # noqa: ANN401  # of any library
        """Return if the key signed this and has not expired; no signature by any other key is needed.

        Raises:
            ValueError: it is a GPG key, for whose signatures DSSE has no place.
            FormatError: the key is malformed.
            SignatureVerificationError: there is no signature by it, only bad ones, or the key has expired.

        """
        from custody.keys.openpgp import OpenPGPKey
        from in_toto._boundary.keys import public_key_of

        key = public_key_of(verification_key)
        if isinstance(key, OpenPGPKey):
            problem = f"a DSSE envelope cannot carry a signature by the GPG key {key.keyid}"
            raise ValueError(problem)  # noqa: TRY004  # as in the reference
        super().verify_signature(verification_key)

    def verify(self, keys: Sequence[Any], threshold: int) -> dict[str, Any]:
        """Return those of `keys` that made good signatures, by their ids, if they are `threshold` different ones.

        Raises:
            ValueError: the threshold is less than 1, or more than there are keys.
            VerificationError: they are less.

        """
        from custody.envelopes.signers import signed_by
        from custody.keys.key import may_sign_for
        from in_toto._boundary.failures import Translated
        from in_toto._boundary.keys import public_key_of
        from in_toto._boundary.trust import trusted
        from in_toto.exceptions import VerificationError

        if threshold <= 0:
            raise ValueError("Threshold must be greater than 0")
        if len(keys) < threshold:
            raise ValueError("Number of keys can't be less than threshold")
        known = trusted(public_key_of(key) for key in keys)
        with Translated():
            signers = signed_by(self._core(), known)
        if len(signers) < threshold:
            raise VerificationError(
                f"Accepted signatures do not match threshold, Found: {len(signers)}, Expected {threshold}"
            )
        pairs = zip(known, keys, strict=True)
        return {key.keyid: given for key, given in pairs if any(may_sign_for(key, one) for one in signers)}

    def get_payload(self) -> Link | Layout:
        """Return the link or layout that the bytes write, a new one each time.

        Raises:
            InvalidMetadata: it is neither.
            FormatError: it is malformed.

        """
        from custody.encoding.strict import read_json
        from in_toto._boundary.failures import Translated

        with Translated():
            document = read_json(self.payload)
        return _read(document, is_signed=bool(self.signatures))

    def _all(self) -> Iterable[Any]:
        """Yield every signature, also those that share a key id, as long as nobody replaced them."""
        for keyid, signature in self.signatures.items():
            several = self._more.get(keyid, ())
            yield from several if several and several[0] is signature else (signature,)

    def _core(self) -> DSSEEnvelope:
        from custody.envelopes.dsse import DSSEEnvelope as Core

        return Core(
            payload=self.payload,
            payload_type=self.payload_type,
            signatures=tuple(_core_signature(signature) for signature in self._all()),
        )

    def _written(self) -> bytes:
        from custody.encoding.strict import write_json
        from in_toto._boundary.failures import Translated

        with Translated():
            return write_json(self.to_dict(), indent=None, ensure_ascii=True)


def _read(document: object, *, is_signed: bool) -> Link | Layout:
    """Return the object that a document writes; an `InvalidMetadata` if it is another one.

    What nobody has signed yet is a template: the fields that it leaves out are filled in.
    """
    kind = document.get("_type") if isinstance(document, dict) else None
    if isinstance(document, dict) and kind == "link":
        return Link.read_signed(document) if is_signed else Link.read(document)
    if isinstance(document, dict) and kind == "layout":
        return Layout.read_signed(document) if is_signed else Layout.read(document)
    raise _invalid(f"expected a link or a layout, got {kind!r:.80}")


def _opened(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return the DSSE envelope that other tools put into a Sigstore bundle, with the rest beside its signature."""
    from custody.envelopes.sigstore_bundle import opened_bundle
    from in_toto._boundary.failures import Translated

    with Translated():
        return opened_bundle(bundle)


def _invalid(problem: str) -> Exception:
    from in_toto.exceptions import InvalidMetadata

    return InvalidMetadata(problem)


def _dsse_entry(signature: Any) -> dict[str, Any]:  # noqa: ANN401  # of any library
    """Return the entry by which a DSSE envelope carries a signature."""
    return dict(_core_signature(signature).document)


def _core_signature(signature: Any) -> CoreSignature:  # noqa: ANN401  # of any library
    """Return custody's form of a signature in an envelope."""
    from custody.encoding.text import to_base64
    from custody.envelopes.signature import Signature as Core
    from in_toto._boundary.keys import dsse_value

    value = dsse_value(signature)
    sig = to_base64(value if isinstance(value, bytes) else value.signature)
    others = getattr(signature, "unrecognized_fields", {})
    return Core(keyid=signature.keyid, value=value, document={"keyid": signature.keyid, "sig": sig, **others})
