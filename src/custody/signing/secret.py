"""Passphrases: asked for on the terminal, in an environment variable or from a descriptor; never in argv.

::

    SecretSource(prompt=True)          # asks on the controlling terminal
    SecretSource(environment="NAME")   # the value of the variable
    SecretSource(descriptor=3)         # the first line read from the descriptor
    NO_SECRET                          # there is none

Nothing is asked or read before a key turns out to need it.
"""

from __future__ import annotations

import os

from custody.errors import UsageError

__all__ = ["MAX_PASSPHRASE_BYTES", "NO_SECRET", "PIN_VARIABLE", "SecretSource", "read_descriptor"]

PIN_VARIABLE = "PKCS11_PIN"
"""The environment variable with the PIN of a PKCS #11 token."""

MAX_PASSPHRASE_BYTES = 1023
"""The longest passphrase: OpenSSL's limit, so that its tools open the same keys."""


class SecretSource:
    """One place that passphrases come from, or none. What it gave is neither printed nor compared."""

    __slots__ = ("_descriptor", "_environment", "_prompt", "_read_before")

    def __init__(self, *, prompt: bool = False, environment: str = "", descriptor: int | None = None) -> None:
        """Choose at most one place; two are a UsageError."""
        if prompt + bool(environment) + (descriptor is not None) > 1:
            raise UsageError("a passphrase comes from one place, got several")
        self._prompt = prompt
        self._environment = environment
        self._descriptor = descriptor
        self._read_before: bytes | None = None

    def __bool__(self) -> bool:
        """Return whether there is a place to get a passphrase from."""
        return self._prompt or bool(self._environment) or self._descriptor is not None

    def __repr__(self) -> str:
        """Return the place, never what it holds."""
        return f"SecretSource(prompt={self._prompt}, environment={self._environment!r}, descriptor={self._descriptor})"

    def of(self, what: str) -> bytes:
        """Return the passphrase of the existing key `what`.

        Raises:
            UsageError: there is no source, no terminal, no such variable or descriptor, or it is empty.

        """
        if not self:
            raise UsageError(
                f"{what} is encrypted: give its passphrase with --password (asks on the terminal),"
                " --password-env NAME or --password-fd N"
            )
        return self._ask(f"Passphrase of {what}: ") if self._prompt else self._stored()

    def for_new(self, what: str) -> bytes:
        """Return a passphrase chosen for the new key `what`; at a terminal it is asked twice.

        Raises:
            UsageError: as for `of`, or the two answers differ.

        """
        if not self._prompt:
            return self._stored()
        chosen = self._ask(f"New passphrase for {what}: ")
        if self._ask("The same again: ") != chosen:
            raise UsageError("the two passphrases differ; nothing was written")
        return chosen

    def _ask(self, question: str) -> bytes:
        import getpass  # few commands ask

        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        except OSError:
            # Without a terminal getpass would read standard input and show what is typed.
            raise UsageError(
                "there is no terminal to ask for the passphrase on; use --password-env NAME or --password-fd N"
            ) from None
        try:
            return _checked(getpass.getpass(question).encode(), "the passphrase")
        except (EOFError, UnicodeError):
            raise UsageError("no passphrase was given on the terminal") from None

    def _stored(self) -> bytes:
        """Return what the variable or descriptor holds; a descriptor gives its line only once."""
        if self._read_before is None:
            if self._descriptor is None:
                self._read_before = _from_environment(self._environment)
            else:
                self._read_before = _from_descriptor(self._descriptor)
        return self._read_before


NO_SECRET = SecretSource()
"""No passphrase: an encrypted key is an error."""


def read_descriptor(descriptor: int, what: str, limit: int) -> bytes:
    """Return everything that the open `descriptor` gives, at most `limit` bytes.

    Raises:
        UsageError: it is not open for reading, or gives more.

    """
    data = bytearray()
    try:
        while chunk := os.read(descriptor, limit + 1 - len(data)):
            data += chunk
            if len(data) > limit:
                raise UsageError(f"{what}: expected at most {limit} bytes, got more")
    except (OSError, OverflowError) as error:
        raise _not_open(descriptor, what, error) from None
    return bytes(data)


def _from_environment(name: str) -> bytes:
    value = os.environ.get(name)
    if value is None:
        raise UsageError(f"the environment variable {name!r} is not set, so it holds no passphrase")
    return _checked(os.fsencode(value), f"the passphrase in the environment variable {name!r}")


def _from_descriptor(descriptor: int) -> bytes:
    """Return the first line, read byte by byte: what follows it is for whoever reads next."""
    what = f"the passphrase from descriptor {descriptor}"
    line = bytearray()
    try:
        while (byte := os.read(descriptor, 1)) not in {b"", b"\n"}:
            line += byte
            if len(line) > MAX_PASSPHRASE_BYTES + 1:
                break
    except (OSError, OverflowError) as error:
        raise _not_open(descriptor, what, error) from None
    return _checked(bytes(line).removesuffix(b"\r"), what)


def _not_open(descriptor: int, what: str, error: Exception) -> UsageError:
    reason = getattr(error, "strerror", None) or "no such descriptor"
    return UsageError(f"cannot read {what}: {reason}; open it first, as in `{descriptor}< FILE` in a shell")


def _checked(passphrase: bytes, what: str) -> bytes:
    if not passphrase:
        raise UsageError(f"{what} is empty, which protects nothing")
    if len(passphrase) > MAX_PASSPHRASE_BYTES:
        raise UsageError(f"{what} is longer than {MAX_PASSPHRASE_BYTES} bytes")
    return passphrase
