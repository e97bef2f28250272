"""What is asked of gpg: which keys there are, their public halves, and signatures.

gpg is always started with a list of arguments, and given nothing as a key but whole fingerprints that it listed itself
(A5). A shorter key id is looked up in that list, and refused unless it means one key only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.errors import CustodyError, UsageError
from custody.keys.openpgp_certificate import read_certificate
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from custody.keys.openpgp import OpenPGPKey

__all__ = ["MAX_GPG_SECONDS", "GPGError", "Keyring", "Listed"]

MAX_GPG_SECONDS = 300.0
"""How long gpg may take: whoever is asked for a passphrase has to find it."""

_KEYID = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{8,40})(!?)")
_PROGRAMS = ("gpg", "gpg2")
_DEFAULT_KEY_FIELD = 9
"""Where gpgconf(1) writes the value of an option."""


class GPGError(CustodyError):
    """gpg ended badly; the message has its last words."""


class Listed(Value):
    """A key or subkey that gpg lists: who it belongs to, whether it signs, and whether its secret half is here.

    `exact` is set if it was asked for by itself, and not its subkeys.
    """

    fingerprint: str
    primary: str
    signs: bool
    here: bool
    exact: bool = False


class Keyring:
    """One of GnuPG's directories, the usual one if `home` is empty."""

    __slots__ = ("_home", "_program")

    def __init__(self, home: str) -> None:
        """Refuse to go on without gpg, or where there is no such directory, with a UsageError."""
        self._home = home
        self._program = next((found for name in _PROGRAMS if (found := shutil.which(name))), "")
        if not self._program:
            raise UsageError("'gpg:' keys need GnuPG, and there is no gpg on PATH: install gnupg")
        if home and not os.path.isdir(home):
            raise UsageError(f"there is no directory {home!r}, where GnuPG's keyring should be")

    def listed(self, *, secret: bool) -> tuple[Listed, ...]:
        """Return all keys and subkeys, or those of which gpg knows a secret half."""
        action = "--list-secret-keys" if secret else "--list-keys"
        listing = self._run("--with-colons", "--fixed-list-mode", "--with-subkey-fingerprint", action)
        return tuple(_listed(listing.decode("utf-8", "replace")))

    def chosen(self, keyid: str, *, secret: bool) -> Listed:
        """Return the one key or subkey that `keyid` means, or the default key.

        Raises:
            UsageError: there is none, or several.

        """
        if keyid:
            return self._only(keyid, self.listed(secret=secret))
        listed = self.listed(secret=True)
        configured = self._configured_default()
        if _KEYID.fullmatch(configured):
            return self._only(configured, listed)
        if configured:
            raise UsageError(
                f"GnuPG's default key is configured as {configured!r:.80}; configure it by its fingerprint, or write"
                " gpg:FINGERPRINT"
            )
        able = {key.primary for key in listed if key.signs and key.here}
        first = next((key for key in listed if key.fingerprint in able), None)
        if first is None:
            raise UsageError(f"{self._place} holds no key that can sign; `gpg --quick-generate-key` makes one")
        return first

    def exported(self, fingerprint: str, remark: Callable[[str], None]) -> OpenPGPKey:
        """Return the key that gpg exports by this fingerprint of a primary key, as far as it is to be relied on."""
        try:
            data = self._run("--no-armor", "--export", "--", fingerprint)
        except GPGError as error:
            raise UsageError(f"gpg could not export {fingerprint}: {error}") from None
        key = read_certificate(data, f"gpg:{fingerprint}", at=datetime.now(UTC), remark=remark)
        if key.keyid != fingerprint:
            raise UsageError(f"gpg exported the key {key.keyid} instead of {fingerprint}")
        return key

    def signed(self, fingerprint: str, message: bytes) -> bytes:
        """Return the packet of a signature over `message` by exactly the key or subkey with this fingerprint.

        Raises:
            GPGError: it could not be made.

        """
        how = ("--digest-algo", "SHA256", "--no-textmode", "--no-armor", "--output", "-")
        return self._run("--local-user", f"{fingerprint}!", *how, "--detach-sign", message=message)

    def _run(self, *arguments: str, message: bytes = b"") -> bytes:
        home = ("--homedir", self._home) if self._home else ()
        argv = (self._program, *home, "--batch", "--no-tty", *arguments)
        try:
            done = subprocess.run(
                argv, input=message, capture_output=True, check=False, timeout=MAX_GPG_SECONDS, env=_environment()
            )
        except subprocess.TimeoutExpired:
            raise GPGError(f"it did not end within {MAX_GPG_SECONDS:.0f} seconds") from None
        except OSError as error:
            raise GPGError(f"it could not be started: {error.strerror}") from None
        if done.returncode != 0:
            raise GPGError(_last_words(done.stderr))
        return done.stdout

    def _only(self, keyid: str, listed: Sequence[Listed]) -> Listed:
        match = _KEYID.fullmatch(keyid)
        if match is None:
            raise UsageError(
                f"{keyid!r:.200} is no key id: expected a fingerprint, the 40 digits that `gpg --fingerprint` shows,"
                " without spaces"
            )
        found = [key for key in listed if key.fingerprint.endswith(match[1].lower())]
        if len(found) > 1:
            known = ", ".join(key.fingerprint for key in found)
            raise UsageError(f"{keyid!r} is the end of several fingerprints: {known}; write the one that is meant")
        if not found:
            raise UsageError(f"{self._place} holds no key {keyid!r}; `gpg --list-secret-keys` shows those that sign")
        return found[0].replace(exact=bool(match[2]))

    def _configured_default(self) -> str:
        """Return the `default-key` of gpg.conf, empty if there is none."""
        program = shutil.which("gpgconf")
        if program is None:
            return ""
        home = ("--homedir", self._home) if self._home else ()
        argv = (program, *home, "--list-options", "gpg")
        try:
            done = subprocess.run(argv, capture_output=True, check=False, timeout=MAX_GPG_SECONDS, env=_environment())
        except (OSError, subprocess.TimeoutExpired):
            return ""
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            fields = line.split(":")
            if fields[0] == "default-key" and len(fields) > _DEFAULT_KEY_FIELD:
                return fields[_DEFAULT_KEY_FIELD].removeprefix('"').strip()
        return ""

    @property
    def _place(self) -> str:
        return f"the keyring in {self._home!r}" if self._home else "GnuPG's keyring"


def _listed(listing: str) -> Iterator[Listed]:
    """Yield what stands in a listing with colons (GnuPG's doc/DETAILS): a key's line, then its fingerprint's."""
    primary, kind, capabilities, place = "", "", "", ""
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] in {"sec", "ssb", "pub", "sub"}:
            kind, capabilities, place = fields[0], fields[11], fields[14]
        elif fields[0] == "fpr" and kind:
            fingerprint = fields[9].lower()
            primary = fingerprint if kind in {"sec", "pub"} else primary
            # Lower-case letters are what this key may do itself, '#' says that its secret half is elsewhere.
            yield Listed(fingerprint=fingerprint, primary=primary, signs="s" in capabilities, here=place != "#")
            kind = ""


def _environment() -> dict[str, str]:
    """Return the environment with messages in English, and the terminal on which pinentry may ask."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    if "GPG_TTY" not in environment:
        with suppress(OSError, ValueError):  # there is none, and the agent may not need one
            environment["GPG_TTY"] = os.ttyname(sys.stderr.fileno())
    return environment


def _last_words(stderr: bytes) -> str:
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = lines[-1].removeprefix("gpg: ") if lines else "it said nothing"
    if "Inappropriate ioctl" in said or "No pinentry" in said:
        return f"{said}; the agent cannot ask for the passphrase: export GPG_TTY=$(tty), or unlock the key before"
    return said
