"""Printing for people: results on stdout, everything else on stderr, colour on a terminal only."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # known to checkers; `typing` is slow to import
if TYPE_CHECKING:
    from typing import TextIO

__all__ = [
    "colour",
    "columns",
    "complain",
    "note",
    "open_closed_streams",
    "print_what_can_be_printed",
    "printable",
    "say",
    "say_json",
    "warn",
]

_USUAL_COLUMNS = 80
_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


def open_closed_streams() -> None:
    """Give the process a stdout and stderr where its parent closed them: what is printed goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # until the process ends


def say(text: str = "") -> None:
    """Print a line of the result on stdout."""
    sys.stdout.write(f"{text}\n")


def say_json(document: object) -> None:
    """Print `document` as JSON on stdout; what steers a terminal, or what its encoding lacks, is escaped."""
    from custody.encoding.strict import write_json  # not for text

    text = write_json(document, indent=2).decode()
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    is_unicode = encoding.startswith("utf")
    if not text.replace("\n", "").isprintable() or not (is_unicode or text.isascii()):
        text = "".join(
            c if c == "\n" or (c.isprintable() and (is_unicode or c.isascii())) else _escaped_in_json(c) for c in text
        )
    say(text)


def _escaped_in_json(character: str) -> str:
    """Return what means `character` in a string of JSON, where alone it can stand."""
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def note(text: str) -> None:
    """Print a line of progress or remark on stderr, if anybody can still read it."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:  # nobody is left to tell; what is still buffered must not change the exit code at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def warn(text: str) -> None:
    """Print a warning on stderr."""
    note(f"{colour('warning:', 'yellow', sys.stderr)} {text}")


def complain(command: str, text: str) -> None:
    """Print why `command` failed on stderr."""
    note(f"{colour(f'{command}:', 'red', sys.stderr)} {text}")


def colour(text: str, name: str, stream: TextIO) -> str:
    """Return `text` in a colour if `stream` is a terminal and nobody set `NO_COLOR` or `TERM=dumb`."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\033[{_CODES[name]}m{text}\033[0m"


def columns() -> int:
    """Return the width of the terminal as `shutil.get_terminal_size` does."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL_COLUMNS  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return _USUAL_COLUMNS


def print_what_can_be_printed() -> None:
    r"""Make stdout print what its encoding lacks as `\xe9`, as stderr does: a name must not swallow a verdict."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None and sys.stdout.errors == "strict":
        reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """Return `text` with control characters escaped: what others wrote must not steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
