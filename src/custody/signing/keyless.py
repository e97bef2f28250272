"""Signing without a key of one's own: an identity token is exchanged for a certificate that lives for minutes.

The authority that gives certificates sees the token and a new public key, the log and the timestamp authority see the
signature with a digest of what is signed. The certificate, with the identity in it, becomes public; the document does
not. The private key is forgotten.

The certificate is asked for when the signer is made, because the identity in it is the signer's name: a link's file is
called after it, and only the authority knows it for sure. If it has expired by the time of the signature, after a long
step, another one is asked for, which has to name the same identity.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from custody.encoding.fields import as_object
from custody.encoding.strict import read_json, write_json
from custody.errors import SignatureError
from custody.keys.keyless import KeylessKey, KeylessSignature, Proof, keyless_key
from custody.keys.keyless_names import Wanted
from custody.keys.keyless_proof import NOT_IN_TOTO, identity_in, is_in_toto, parted
from custody.signing.keyless_instance import instance_of
from custody.signing.keyless_token import TokenSource
from custody.signing.keyless_uri import parse_keyless_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from sigstore.dsse import Statement
    from sigstore.oidc import IdentityToken
    from sigstore.sign import Signer as Session

    from custody.signing.keyless_uri import KeylessURI

__all__ = ["MAX_SIGNING_SECONDS", "KeylessSigner"]

_T = TypeVar("_T")

MAX_SIGNING_SECONDS = 120.0
"""How long the services of an instance may take for one certificate or signature. The library itself waits for ever."""

_MARGIN = timedelta(seconds=30)
"""A certificate that is about to expire is replaced before it is used."""


class KeylessSigner:
    """A signer by the identity that a `sigstore:` URI stands for; its text form shows the identity."""

    __slots__ = ("_ends", "_instance", "_public_key", "_session", "_source", "_uri")

    _session: Session
    _public_key: KeylessKey
    _ends: datetime

    def __init__(self, rest: str) -> None:
        """Get a certificate for the identity; `rest` is what follows `sigstore:`.

        Raises:
            UsageError: the URI makes no sense, there is no identity token, or the extra is not installed.
            StoreError, FormatError: a file that it names cannot be read, or is not what it should be.
            SignatureError: the instance gives no certificate, or one for somebody else than the URI says.

        """
        self._uri = parse_keyless_uri(rest)
        self._instance = instance_of(self._uri)
        self._source = TokenSource(self._uri, self._login)
        _check_identity(self._open(), self._uri)

    def __repr__(self) -> str:
        """Return the identity."""
        return f"KeylessSigner({self._public_key.subject}, {self._public_key.issuer})"

    @property
    def public_key(self) -> KeylessKey:
        """The identity, which verifies what `sign` returns."""
        return self._public_key

    @property
    def withheld(self) -> frozenset[str]:
        """The environment variables that a command which is run must not inherit."""
        return self._source.withheld

    def sign(self, message: bytes) -> KeylessSignature:
        """Return the signature over `message` with its bundle, which was verified.

        Raises:
            SignatureError: it is no in-toto payload of a DSSE envelope, the token has expired, or a service of the
                instance does not answer as it should.

        """
        if not is_in_toto(message):
            raise SignatureError(f"{NOT_IN_TOTO}; links and layouts go into one with --use-dsse")
        bundle = self._bundle(message)
        signature = KeylessSignature(signature=bundle[0], bundle=bundle[1])
        refusal = self._public_key.refusal(signature, message)
        if refusal:
            raise SignatureError(f"the instance made a signature that nobody would accept: {refusal}")
        return signature

    def _bundle(self, message: bytes) -> tuple[bytes, bytes]:
        """Return signature and bundle; a certificate that has expired meanwhile is replaced."""
        if datetime.now(UTC) + _MARGIN > self._ends:
            who = self._public_key
            if self._open().identity != who.identity:
                raise SignatureError(f"the new certificate is for {self._public_key.subject}, not for {who.subject}")
        return self._bundle_now(message)

    def _bundle_now(self, message: bytes) -> tuple[bytes, bytes]:
        statement = _statement(message)
        if statement is None:
            found = _asked(lambda: self._session.sign_artifact(message))
            return found.signature, found.to_json().encode()
        found = _asked(lambda: self._session.sign_dsse(statement))
        document = as_object(read_json(found.to_json().encode()), "")
        del document["dsseEnvelope"]  # what is signed, a second time
        return found.signature, write_json(document, indent=None)

    def _open(self) -> KeylessKey:
        """Get a certificate, and return whom it names."""
        from sigstore.sign import Signer, SigningContext

        token = self._source.token()
        config = self._instance.config
        self._session = _asked(lambda: Signer(token, SigningContext.from_trust_config(config)))
        certificate = _asked(self._session._signing_cert)  # noqa: SLF001  # the library shows it after signing only
        self._ends = certificate.not_valid_after_utc
        found = identity_in(certificate)
        if not isinstance(found, Proof):
            raise SignatureError(f"the instance gave a certificate that nobody would accept: {found}")
        subject, issuer = Wanted(text=found.subject), Wanted(text=found.issuer)
        self._public_key = keyless_key(subject, issuer, trusted_root=self._instance.trusted_root)
        return self._public_key

    def _login(self) -> IdentityToken:
        """Ask a person in a browser, as long as they like; what runs meanwhile ends with this thread only."""
        from sigstore.oidc import Issuer

        return _outcome(lambda: Issuer(self._instance.config.signing_config.get_oidc_url()).identity_token())()


def _statement(message: bytes) -> Statement | None:
    """Return the statement that `message` covers: other tools look in the log for a statement, not for a file."""
    from sigstore.dsse import Statement
    from sigstore.errors import Error

    parts = parted(message)
    if parts is None:
        return None
    try:
        statement = Statement(parts[1])
    except Error:  # a link, a layout, or a statement with digests that the library does not know
        return None
    return statement if statement._pae() == message else None  # noqa: SLF001  # of another payload type


def _check_identity(key: KeylessKey, uri: KeylessURI) -> None:
    for what, wanted, got in (
        ("identity", uri.identity, key.subject.text),
        ("issuer", uri.issuer, key.issuer.text),
    ):
        if wanted and wanted != got:
            raise SignatureError(f"expected a certificate for the {what} {wanted!r:.200}, got one for {got!r:.200}")


def _asked(action: Callable[[], _T]) -> _T:
    """Return what `action` returns, which asks the services of an instance.

    Raises:
        SignatureError: it failed, or took too long.

    """
    found: list[Callable[[], _T]] = []
    # The library has no time-outs: a thread can be left behind where a call cannot.
    thread = threading.Thread(target=lambda: found.append(_outcome(action)), daemon=True)
    thread.start()
    thread.join(MAX_SIGNING_SECONDS)
    if not found:
        raise SignatureError(f"the Sigstore instance did not answer within {MAX_SIGNING_SECONDS:.0f} seconds")
    return found[0]()


def _outcome(action: Callable[[], _T]) -> Callable[[], _T]:
    """Return what returns what `action` did, or raises a SignatureError that says what went wrong."""
    try:
        value = action()
    except Exception as error:  # noqa: BLE001  # whatever the library raises, nothing was signed
        words = " ".join(str(error).split()) or type(error).__name__
        problem = SignatureError(f"the Sigstore instance cannot be used: {words:.300}")

        def fail() -> _T:
            raise problem

        return fail
    return lambda: value
