"""Runs commands of whichever `in_toto` package this Python has, one after another, on request.

    python -I reference_worker.py [PACKAGE-FOLDER...]

Each line of the input is a request, each line of the output its answer, both JSON:

    {"command": "in-toto-run", "argv": ["-n", "build", ...], "directory": "/somewhere"}
    {"script": "print(...)", "argv": [...], "directory": "/somewhere"}
    -> {"exit": 0, "out": "...", "err": "..."}

The modules are imported once and every request is answered by a fork of this process: it costs milliseconds in place
of a start, and nothing that a request leaves behind (settings, log levels, a changed directory) reaches the next one.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import traceback
from typing import Any

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "in-toto-match-products": "in_toto.in_toto_match_products",
    "in-toto-mock": "in_toto.in_toto_mock",
    "in-toto-record": "in_toto.in_toto_record",
    "in-toto-run": "in_toto.in_toto_run",
    "in-toto-sign": "in_toto.in_toto_sign",
    "in-toto-verify": "in_toto.in_toto_verify",
}
SECONDS = 60


def main() -> None:
    """Answer requests until there are no more."""
    sys.path[:0] = sys.argv[1:]
    for module in [*COMMANDS.values(), "in_toto.verifylib", "in_toto.models.layout"]:
        with contextlib.suppress(ImportError):  # the request that needs it will say so
            importlib.import_module(module)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for line in requests:
        answers.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
        answers.flush()


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return how a fork of this process ended that did what is requested, and what it printed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            become(request, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read().decode(errors="surrogateescape"))
    return {"exit": os.waitstatus_to_exitcode(status), "out": printed[0], "err": printed[1]}


def become(request: dict[str, Any], out: int, err: int) -> None:
    """Do what is requested, in its directory, with nothing to read, and end."""
    signal.alarm(SECONDS)
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.chdir(request["directory"])
        sys.argv[1:] = request["argv"]
        perform(request)
        code = 0
    except SystemExit as end:
        code = exit_code(end)
    except BaseException:  # noqa: BLE001  # whatever it is, the interpreter prints it and ends
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def exit_code(end: SystemExit) -> int:
    """Return the exit code that the interpreter makes of `end`."""
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return 1


def perform(request: dict[str, Any]) -> None:
    """Run the command or the script."""
    if "command" in request:
        sys.argv[0] = request["command"]
        importlib.import_module(COMMANDS[request["command"]]).main()
    else:
        exec(request["script"], {"__name__": "__main__"})  # noqa: S102  # a test's own program


if __name__ == "__main__":
    main()
