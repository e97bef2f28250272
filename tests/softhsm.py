"""Real PKCS #11 tokens of SoftHSM, in a directory of the test's own.

    with soft_hsm(tmp_path, monkeypatch) as hsm:     # a token "custody" with a key of each kind, called by its kind
        load_signer("hsm:ed25519")
        hsm.add_token("other")
        hsm.generate("ecdsa", "hsm:second")

Making tokens and keys takes seconds, so it is done once a process and copied.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.signing.pkcs11_login import log_out

__all__ = ["KINDS", "PIN", "SoftHSM", "soft_hsm"]

PIN, SO_PIN = "1234", "567890"
KINDS = ("ed25519", "ecdsa", "ecdsa-p384", "ecdsa-p521", "rsa")
"""The types of keys on the token `custody`, each with the label and the id of its type."""

_PLACES = ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/local/lib/softhsm")
_MODULE = next((path for place in _PLACES if os.path.exists(path := f"{place}/libsofthsm2.so")), f"{_PLACES[0]}/none")
_FLAGS = bytes.fromhex("000000008000534b0000000000000002")
"""What stands before a token's flags in its file: SoftHSM's name for them, and that a number follows."""


class SoftHSM:
    """Tokens in `directory`, and what they can be asked for."""

    def __init__(self, directory: Path) -> None:
        """Use the directory."""
        self.module = _MODULE
        self.tokens = directory / "tokens"
        self.tokens.mkdir(parents=True, exist_ok=True)
        self.configuration = directory / "softhsm2.conf"
        self._configure("ALL")

    def forbid(self, *mechanisms: str) -> None:
        """Let the tokens do everything but these mechanisms."""
        log_out()
        self._configure(",".join(["-CKM_DES_ECB", *mechanisms]))  # SoftHSM 2.6 overlooks the first one

    def _configure(self, mechanisms: str) -> None:
        self.configuration.write_text(
            f"directories.tokendir = {self.tokens}\nlog.level = ERROR\nslots.mechanisms = {mechanisms}\n"
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """What custody needs to know."""
        return {"SOFTHSM2_CONF": str(self.configuration), "PKCS11_MODULE": self.module, "PKCS11_PIN": PIN}

    def add_token(self, label: str) -> None:
        """Initialise one more token."""
        log_out()
        self._run("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", PIN)

    def generate(self, kind: str, uri: str, *more: str) -> None:
        """Make a key with `custody keygen`."""
        assert main(["keygen", "--pkcs11", uri, "-t", kind, *more]) == 0

    def tool(self, *arguments: str) -> str:
        """Return what pkcs11-tool prints, logged in to the token `custody`."""
        log_out()
        token = ("--module", self.module, "--token-label", "custody", "--login", "--pin", PIN)
        return self._run("pkcs11-tool", *token, *arguments)

    def set_flags(self, flags: int) -> None:
        """Let the token `custody`, the only one, have these flags besides its own."""
        log_out()
        (path,) = self.tokens.glob("*/token.object")
        data = path.read_bytes()
        place = data.index(_FLAGS) + len(_FLAGS)
        number = int.from_bytes(data[place : place + 8], "big") | flags
        path.write_bytes(data[:place] + number.to_bytes(8, "big") + data[place + 8 :])

    def _run(self, *argv: str) -> str:
        done = subprocess.run(argv, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def soft_hsm(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHSM]:
    """Yield a token `custody` with a key of each kind, which the environment names."""
    shutil.copytree(_template(), directory / "softhsm")
    hsm = SoftHSM(directory / "softhsm")
    for name, value in hsm.environment.items():
        monkeypatch.setenv(name, value)
    log_out()  # of what an earlier test left
    try:
        yield hsm
    finally:
        log_out()


@cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="softhsm"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    hsm = SoftHSM(path)
    hsm.add_token("custody")
    hsm._run(sys.executable, "-c", _MAKE_KEYS)
    return path


_MAKE_KEYS = f"""
from custody.cli.main import main
for kind in {KINDS!r}:
    bits = ["--bits", "2048"] if kind == "rsa" else []
    assert main(["keygen", "--pkcs11", f"pkcs11:object={{kind}};id={{kind}}", "-t", kind, *bits]) == 0
"""
