"""Programs that keep credentials: `docker-credential-NAME get`, the registry on stdin, JSON on stdout."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import time
from typing import IO, TYPE_CHECKING

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json
from custody.errors import FormatError, StoreError
from custody.oci.messages import plain_text
from custody.oci.tokens import Credential

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_HELPER_BYTES", "MAX_HELPER_SECONDS", "ask_helper"]

MAX_HELPER_BYTES = 64 * 1024
"""What is read of a helper's answer."""

MAX_HELPER_SECONDS = 60.0
"""How long a helper may take; some ask the user."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NOT_FOUND = b"credentials not found"
_IDENTITY = "<token>"


def ask_helper(name: str, server: str, environ: Mapping[str, str]) -> Credential | None:
    """Return what the helper `name` has for `server`, None if it has nothing.

    Raises:
        StoreError: it cannot be started, fails, takes too long or answers nonsense.

    """
    if not _NAME.fullmatch(name):
        raise StoreError(f"expected the name of a credential helper, such as pass, got {plain_text(name)!r}")
    program = f"docker-credential-{name}"
    code, output = _run(program, server, environ)
    if code != 0:
        if _NOT_FOUND in output.lower():
            return None
        raise StoreError(f"{program} failed with exit code {code} for {server}; try: echo {server} | {program} get")
    try:
        fields = Fields(read_json(output, limit=MAX_HELPER_BYTES))
        username, secret = fields.text("Username", ""), fields.text("Secret", "")
    except FormatError:  # the message could quote the secret
        raise StoreError(f"{program} answered what cannot be understood for {server}") from None
    if username == _IDENTITY:
        return Credential(identity_token=secret)
    return Credential(username=username, password=secret) if username else None


def _run(program: str, server: str, environ: Mapping[str, str]) -> tuple[int, bytes]:
    """Return the exit code and the output, and leave no process behind."""
    try:
        # It stays in this session: some helpers ask the user on the terminal.
        with subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            bufsize=0,
        ) as process:
            try:
                return _talk(process, server)
            except subprocess.TimeoutExpired:
                raise StoreError(f"{program} took longer than {MAX_HELPER_SECONDS:.0f} seconds for {server}") from None
            finally:
                process.kill()  # it has ended, or must
    except OSError as error:
        raise StoreError(
            f"{program}, which keeps the credentials of {server}, cannot be started: {error.strerror or error}"
        ) from None


def _talk(process: subprocess.Popen[bytes], server: str) -> tuple[int, bytes]:
    """Return the exit code and the output of a helper that was told `server`; TimeoutExpired when it is too slow."""
    end = time.monotonic() + MAX_HELPER_SECONDS
    with contextlib.suppress(BrokenPipeError):  # it may not want to know
        _pipe(process.stdin).write(server.encode())
        _pipe(process.stdin).close()
    output = b""
    while _is_readable(_pipe(process.stdout), end - time.monotonic()):
        part = os.read(_pipe(process.stdout).fileno(), MAX_HELPER_BYTES)
        output += part
        if not part:
            return process.wait(max(end - time.monotonic(), 0)), output
        if len(output) > MAX_HELPER_BYTES:
            raise StoreError(
                f"docker's credential helper answered with more than {MAX_HELPER_BYTES} bytes for {server}"
            )
    raise subprocess.TimeoutExpired(process.args, MAX_HELPER_SECONDS)


def _is_readable(pipe: IO[bytes], seconds: float) -> bool:
    return bool(select.select([pipe], [], [], max(seconds, 0))[0])


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # pragma: no cover  # both were asked for
        raise TypeError("expected a pipe")
    return pipe
