"""Keys in a cloud's key management service, or in HashiCorp's Vault: the service signs, and custody checks what it did.

::

    signer = load_kms_signer("awskms", "///alias/release", Request())     # asks for the public key
    signer.sign(b"message")

The clients of the four services wait, try again and fail each in their own way. Here every question has one deadline,
and every failure is one sentence.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from custody.errors import FormatError, SignatureError, UsageError
from custody.keys.public import key_of_spki, make_key
from custody.signing.kms_services import SERVICES
from custody.signing.kms_uri import read_kms_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from securesystemslib.signer import Signer, SSlibKey

    from custody.keys.public import PublicKey
    from custody.signing.kms_services import Service
    from custody.signing.kms_uri import KMSKey
    from custody.signing.signer import Request

__all__ = ["KMSSigner", "export_kms_key", "load_kms_signer"]

_LOGGERS = ("azure", "msal", "boto3", "botocore", "google", "grpc", "hvac", "urllib3")

_SAID = 400
"""How much of what a service says goes into an error."""

_T = TypeVar("_T")


class KMSSigner:
    """A signer over a key that a service keeps; its text form shows service and key id."""

    __slots__ = ("_key", "_public_key", "_service", "_signer")

    def __init__(self, key: KMSKey, signer: Signer, public_key: PublicKey) -> None:
        """Sign with `signer`, securesystemslib's for `key`, whose public half is `public_key`."""
        self._key = key
        self._service = SERVICES[key.service]
        self._signer = signer
        self._public_key = public_key

    def __repr__(self) -> str:
        """Return the names of service and key."""
        return f"KMSSigner({self._key.service}, {self._public_key.keyid})"

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what `sign` returns."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`, which was verified.

        Raises:
            SignatureError: the service did not sign in time, refused, or signed with another key or something else.

        """
        made = _asked(self._key, "sign with", lambda: self._signer.sign(message))
        try:
            signature = bytes.fromhex(made.signature)
        except ValueError:
            signature = b""
        if not self._public_key.verify(signature, message):
            raise SignatureError(
                f"{self._service.title} made a signature that is not by key {self._public_key.keyid} over what was"
                f" given; was '{self._key.uri}' replaced meanwhile?"
            )
        return signature


def load_kms_signer(scheme: str, rest: str, request: Request) -> KMSSigner:
    """Return the signer for the key that `scheme:rest` names, having asked its service for the public key.

    Raises:
        UsageError: the URI names no key, the extra is missing, or the key is not for the scheme that is asked for.
        SignatureError: the service did not answer in time, or refused.
        FormatError: the key is weak, or of a kind that custody or securesystemslib cannot use.

    """
    key = read_kms_uri(scheme, rest)
    service = SERVICES[key.service]
    if request.secret:
        request.remark(f"the environment says who asks {service.title}; the passphrase given here is not for it")
    _require(service, scheme)
    wanted = request.scheme if key.service == "awskms" else ""  # elsewhere a key has one scheme
    signer, found = _asked(key, "give the public key of", lambda: service.open(key, wanted))
    public_key = _public_key(key, found)
    if request.scheme and public_key.scheme != request.scheme:
        raise UsageError(f"'{key.uri}' is for the scheme {public_key.scheme}, not for {request.scheme!r}")
    return KMSSigner(key, signer, public_key)


def export_kms_key(scheme: str, rest: str, request: Request) -> PublicKey:
    """Return the public half of the key that `scheme:rest` names, as its service has it; see `load_kms_signer`."""
    return load_kms_signer(scheme, rest, request).public_key


def _require(service: Service, scheme: str) -> None:
    """Import what a service needs, which is slow, outside of any deadline, and keep it from printing.

    What the clients would print, the error says. Whoever has set logging up still gets it.
    """
    import logging

    logger = logging.getLogger("securesystemslib")
    chosen = tuple(logger.handlers)
    try:
        for name in ("securesystemslib.signer", *service.modules):
            import_module(name)
    except ImportError:
        raise UsageError(f"'{scheme}:' keys need an extra: pip install 'custody[{service.extra}]'") from None
    for handler in tuple(logger.handlers):  # importing it adds one that prints what services say as it comes
        if handler not in chosen:
            logger.removeHandler(handler)
    for name in ("securesystemslib", *_LOGGERS):
        if not logging.getLogger(name).handlers:
            logging.getLogger(name).addHandler(logging.NullHandler())


def _public_key(key: KMSKey, found: SSlibKey) -> PublicKey:
    """Return the checked public key in the reference's form, whatever white space the service put into its PEM."""
    try:
        public = str(found.keyval["public"])
        read = make_key(keytype=found.keytype, scheme=found.scheme, public=public, where=key.uri)
        return key_of_spki(read.spki, key.uri, scheme=read.scheme)
    except (LookupError, UnicodeError):
        raise FormatError("the service gave no public key", where=key.uri) from None


def _asked(key: KMSKey, what: str, ask: Callable[[], _T]) -> _T:
    """Return what `ask` returns, which may take the key's number of seconds; `what` says what the service should do.

    Raises:
        SignatureError: it took longer, or failed.

    """
    from threading import Thread  # few keys are elsewhere

    answers: list[_T] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # noqa: BLE001  # carried over to who asked, and judged there
            failures.append(error)

    # A client that hangs cannot be stopped; as a daemon it does not keep the process from ending.
    thread = Thread(target=work, name=f"custody-{key.service}", daemon=True)
    thread.start()
    thread.join(key.seconds)
    if answers:
        return answers[0]
    if failures:
        raise _explained(key, what, failures[0])
    limit = "1 second" if key.seconds == 1 else f"{key.seconds:.0f} seconds"
    raise SignatureError(
        f"{SERVICES[key.service].title} did not {what} '{key.uri}' within {limit}; is it reachable?"
        " '?timeout=SECONDS' behind the URI waits longer"
    )


def _explained(key: KMSKey, what: str, error: BaseException) -> BaseException:
    if isinstance(error, FormatError):
        return error.within(key.uri)
    if not isinstance(error, Exception):
        return error
    # The clients raise dozens of kinds, also plain ones about an answer that they cannot read.
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:_SAID]
    if isinstance(error, LookupError | TypeError | AttributeError):
        said = f"the answer is not what was expected ({said})"
    told = "".join(character if character.isprintable() else "?" for character in said)
    service = SERVICES[key.service]
    return SignatureError(f"{service.title} did not {what} '{key.uri}': {told}; it takes {service.needs}")
