"""Keys, files and attestations in the current directory, for tests of the commands that make and judge them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from custody.cli.main import main
from custody.encoding.pae import pae
from custody.signing.keypair import generate, write_pair

__all__ = ["TYPE", "attest", "command", "envelopes", "make_keys", "message_of", "statement_in", "verify"]

TYPE = "https://example.com/TestResult/v1"


def make_keys(*names: str) -> None:
    """Make a key pair for each of `names`, a predicate and a file."""
    for name in names:
        write_pair(name, generate())
    Path("predicate.json").write_text('{"passed": 42, "builder": {"id": "https://ci.example.com"}}')
    Path("app").write_text("hello")


def command(*arguments: str) -> int:
    """Return the exit code of `custody` with `arguments`, one for wrong usage too."""
    try:
        return main(list(arguments))
    except SystemExit as end:
        return int(str(end.code))


def attest(target: str, *arguments: str, key: str = "alice", predicate: str = "predicate.json") -> int:
    """Attest `target` with a predicate of `TYPE`."""
    given = ("--predicate", predicate, "--type", TYPE) if "--type" not in arguments else ("--predicate", predicate)
    return command("attest", target, "--key", key, *given, *arguments)


def verify(target: str, *arguments: str, key: str = "alice.pub") -> int:
    """Verify what is attested about `target`."""
    given = () if "--type" in arguments else ("--type", TYPE)
    keys = ("--key", key) if key else ()
    return command("verify-attestation", target, *keys, *given, *arguments)


def envelopes(path: str | Path) -> list[dict[str, Any]]:
    """Return the lines of a file of attestations."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def statement_in(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the statement in an envelope, or in the one of a bundle."""
    inner = envelope.get("dsseEnvelope", envelope)
    found: dict[str, Any] = json.loads(base64.b64decode(inner["payload"], validate=True))
    return found


def message_of(envelope: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return what was signed, and the signature."""
    inner = envelope.get("dsseEnvelope", envelope)
    (signature,) = inner["signatures"]
    payload = base64.b64decode(inner["payload"], validate=True)
    return pae(inner["payloadType"], payload), base64.b64decode(signature["sig"], validate=True)
