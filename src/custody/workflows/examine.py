"""What this installation can do, and how to get what it cannot."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from typing import TYPE_CHECKING

from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Examined", "examine"]

_PKCS11_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so",
    "/usr/lib/x86_64-linux-gnu/libykcs11.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)

_NEEDED = {
    "cryptography": "keys and signatures",
    "PyYAML": "`custody layout build`",
    "pathspec": "exclude patterns",
}

_EXTRAS = {
    "awskms": ("boto3", "`awskms:` keys"),
    "azurekms": ("azure-keyvault-keys", "`azurekms:` keys"),
    "completion": ("shtab", "`custody completion`"),
    "cosign": ("PyNaCl", "cosign's key files"),
    "gcpkms": ("google-cloud-kms", "`gcpkms:` keys"),
    "gpg": ("pysequoia", "OpenPGP keys: `gpg:` and files of `gpg --export`"),
    "hashivault": ("hvac", "`hashivault:` keys"),
    "openssh": ("bcrypt", "encrypted OpenSSH keys"),
    "pkcs11": ("python-pkcs11", "keys in tokens: `pkcs11:` and `hsm:`"),
}

_PROGRAMS = {
    "git": ("`git:` artifacts and `custody demo`", "install git"),
    "gpg": ("`gpg:` keys", "install gnupg"),
}

_EPOCH_2024 = 1_704_067_200


class Examined(Value):
    """One thing that was looked at. `state` is `ok`, `absent` (something optional) or `problem`."""

    name: str
    state: str
    finding: str
    remedy: str = ""


def examine() -> tuple[Examined, ...]:
    """Return what was found, in the order in which people would ask."""
    return (
        _python(),
        *_distributions(),
        *_extras(),
        _conflict(),
        *_programs(),
        _pkcs11(),
        _clock(),
        _temporary_directory(),
    )


def _python() -> Examined:
    version = platform.python_version()
    return Examined(name="python", state="ok", finding=f"{version} at {sys.executable}")


def _distributions() -> Iterator[Examined]:
    for name, purpose in _NEEDED.items():
        version = _version(name)
        if version:
            yield Examined(name=name, state="ok", finding=f"{version}, for {purpose}")
        else:
            yield Examined(
                name=name,
                state="problem",
                finding=f"missing, needed for {purpose}",
                remedy=f"pip install {name}",
            )


def _extras() -> Iterator[Examined]:
    for extra, (distribution, purpose) in _EXTRAS.items():
        version = _version(distribution)
        name = f"[{extra}]"
        if version:
            yield Examined(name=name, state="ok", finding=f"{distribution} {version}, for {purpose}")
        else:
            remedy = f"pip install 'custody[{extra}]'"
            yield Examined(name=name, state="absent", finding=f"not installed, for {purpose}", remedy=remedy)


def _conflict() -> Examined:
    """Two distributions that install one import name break each other."""
    reference, ours = _version("in-toto"), _version("custody-in-toto")
    if reference and ours:
        return Examined(
            name="in_toto",
            state="problem",
            finding=f"both in-toto {reference} and custody-in-toto {ours} provide the package in_toto",
            remedy="uninstall one: pip uninstall in-toto, then reinstall custody-in-toto",
        )
    if reference:
        return Examined(name="in_toto", state="ok", finding=f"in-toto {reference} is installed beside custody")
    return Examined(name="in_toto", state="ok", finding="no other implementation is in the way")


def _programs() -> Iterator[Examined]:
    for program, (purpose, remedy) in _PROGRAMS.items():
        path = shutil.which(program)
        if path:
            yield Examined(name=program, state="ok", finding=f"{path}, for {purpose}")
        else:
            yield Examined(name=program, state="absent", finding=f"not on PATH, for {purpose}", remedy=remedy)


def _pkcs11() -> Examined:
    named = os.environ.get("PKCS11_MODULE", "")
    found = [path for path in (named, *_PKCS11_MODULES) if path and os.path.exists(path)]
    if named and not os.path.exists(named):
        return Examined(
            name="pkcs11",
            state="problem",
            finding=f"PKCS11_MODULE names {named}, which does not exist",
            remedy="set it to your token's module, or unset it",
        )
    if found:
        return Examined(
            name="pkcs11",
            state="ok",
            finding=f"found {', '.join(found)}, for `pkcs11:` and `hsm:` keys",
        )
    return Examined(name="pkcs11", state="absent", finding="no module of a token was found")


def _clock() -> Examined:
    now = time.time()
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    if now < _EPOCH_2024:
        return Examined(
            name="clock",
            state="problem",
            finding=f"it says {text}, which is in the past: expired layouts would pass",
            remedy="set the clock, or give the time with --at",
        )
    return Examined(name="clock", state="ok", finding=f"it says {text}; expiry is judged by it")


def _temporary_directory() -> Examined:
    import tempfile

    try:
        path = tempfile.gettempdir()
        free = shutil.disk_usage(path).free // (1024 * 1024)
    except OSError as error:
        return Examined(
            name="scratch",
            state="problem",
            finding=f"no temporary directory can be used: {error.strerror or error}",
            remedy="set TMPDIR to a directory that can be written",
        )
    return Examined(name="scratch", state="ok", finding=f"{path} with {free} MB free")


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
