"""Runs the commands of a page of the documentation and compares what they print with what the page says.

How a page is written::

    `supply-chain.yaml`:            a line with nothing but a file's name; the fenced block that follows is its content

    ```console
    $ custody keygen alice          a command; it goes on in the next line after a backslash, or while `> ` follows
    private key  alice  ...         what it prints, stdout and stderr as they come; nothing if nothing stands here
    $ custody verify ...  # exits 1
    ```

Everything on a page happens in order in one shell, in a directory of its own. `...` stands for the rest of a line or
anything inside of it, and alone on a line for any number of lines. Key ids and digests differ from run to run: one on
the page stands for one of the run, the same throughout the page, and commands may name them, too. An instant stands
for any instant. A page may begin where another one ends: `<!-- after: PAGE -->`, with the path as links have it.

`python -m tests.docs.console PAGE...` writes into the pages what their commands really print.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import custody
import in_toto

__all__ = ["Command", "File", "PageError", "Shell", "read_page", "run_page", "update_page"]

LONGEST = 60.0
"""Seconds that one page may take."""

FENCE = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AFTER = re.compile(r"^<!-- after: (\S+) -->$", re.MULTILINE)
NAMED = re.compile(r"^`([^`\n]+)`:\n\n?\Z", re.MULTILINE)
EXITS = re.compile(r"\s+# exits ([0-9]+)$")
HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{12}|[0-9a-f]{8})(?![0-9A-Za-z])")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
PARTS = re.compile(f"{HEX.pattern}|{INSTANT.pattern}|" + r"\.\.\.")
PREFIXES = (8, 12)
"""The beginnings by which messages and file names call an id; they follow the whole id."""
ANY = "..."
IN_TOTO = [f"in-toto-{name}" for name in ("keygen", "match-products", "mock", "record", "run", "sign", "verify")]
MARK = "=====end-of-command"


class PageError(AssertionError):
    """A page that says something else than what happens."""


@dataclass(frozen=True)
class File:
    """A file that the page shows."""

    name: str
    content: str
    line: int


@dataclass(frozen=True)
class Command:
    """A command of the page: what it should print, how it should end, and where its output stands in the page."""

    text: str
    expected: tuple[str, ...]
    exits: int
    line: int
    begin: int
    end: int


def read_page(text: str) -> Iterator[File | Command]:
    """Yield the files and commands of a page, in order."""
    for found in FENCE.finditer(text):
        kind, body = found.groups()
        line = text.count("\n", 0, found.start()) + 1
        named = NAMED.search(text[: found.start()])
        if kind == "console":
            yield from _commands(body, line + 1)
        elif named is not None:
            yield File(name=named[1], content=body, line=line)


def _commands(body: str, first: int) -> Iterator[Command]:
    lines = body.split("\n")[:-1]
    if not lines or not lines[0].startswith("$ "):
        raise PageError(f"line {first}: a console block begins with a command after '$ '")
    starts = [index for index, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        output = start + 1
        while output < end and (lines[output - 1].endswith("\\") or lines[output].startswith("> ")):
            output += 1
        text = "\n".join([lines[start][2:], *(line.removeprefix("> ") for line in lines[start + 1 : output])])
        exits = EXITS.search(text)
        yield Command(
            text=EXITS.sub("", text),
            expected=tuple(lines[output:end]),
            exits=int(exits[1]) if exits else 0,
            line=first + start,
            begin=first + output - 1,
            end=first + end - 1,
        )


class Names:
    """Which id or digest of the run an id or digest of the page stands for; one for one."""

    def __init__(self) -> None:
        """Know none."""
        self._real: dict[str, str] = {}

    def agree(self, pairs: Sequence[tuple[str, str]]) -> bool:
        """Return whether all pairs of page and run can be so, and remember them then."""
        known = dict(self._real)
        for shown, real in pairs:
            for length in {*PREFIXES, len(shown)}:
                if known.setdefault(shown[:length], real[:length]) != real[:length]:
                    return False
        if len(set(known.values())) != len(known):
            return False
        self._real = known
        return True

    def in_run(self, text: str) -> str:
        """Return a command of the page as it is run."""
        return HEX.sub(lambda found: self._real.get(found[0], found[0]), text)

    def on_page(self, text: str) -> str:
        """Return output of the run as the page would say it."""
        shown = {real: name for name, real in self._real.items()}
        return HEX.sub(lambda found: shown.get(found[0], found[0]), text)


def is_as_shown(expected: Sequence[str], actual: Sequence[str], names: Names) -> bool:
    """Return whether the lines of the run are those of the page."""
    if not expected:
        return not actual
    if expected[0].strip() == ANY:
        return any(is_as_shown(expected[1:], actual[skip:], names) for skip in range(len(actual) + 1))
    return bool(actual) and _is_line(expected[0], actual[0], names) and is_as_shown(expected[1:], actual[1:], names)


def _is_line(expected: str, actual: str, names: Names) -> bool:
    pattern, shown, position = "", [], 0
    for part in PARTS.finditer(expected):
        pattern += re.escape(expected[position : part.start()])
        position = part.end()
        if part[0] == ANY:
            pattern += ".*"
        elif INSTANT.fullmatch(part[0]):
            pattern += INSTANT.pattern
        else:
            pattern += f"([0-9a-f]{{{len(part[0])}}})"
            shown.append(part[0])
    found = re.fullmatch(pattern + re.escape(expected[position:]), actual)
    return found is not None and names.agree(list(zip(shown, found.groups(), strict=True)))


class Shell:
    """A shell in `directory` that knows `custody`, `in-toto-*` and `python3`; its commands read nothing."""

    def __init__(self, directory: Path) -> None:
        """Start it."""
        work = directory / "work"
        work.mkdir()
        self.directory = work
        self._process = subprocess.Popen(
            ["sh"],
            cwd=work,
            env=_environment(directory / "bin"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._alarm = threading.Timer(LONGEST, self._process.kill)
        self._alarm.start()

    def __enter__(self) -> Self:
        """Return the shell itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, whatever still runs in it."""
        self._alarm.cancel()
        self._process.kill()
        self._process.communicate()

    def run(self, command: str) -> tuple[int, list[str]]:
        """Return the exit code and the lines of output of `command`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise PageError("the shell has no pipes")
        stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n{MARK} %d\\n' $?\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.startswith(MARK):
                break
            lines.append(line.removesuffix("\n"))
        else:
            raise PageError(f"the shell ended, or had no end after {LONGEST:.0f} seconds: {command}")
        # The mark begins on a line of its own: an empty line before it is ours.
        return int(line.split()[1]), lines[:-1] if lines and not lines[-1] else lines


def _environment(programs: Path) -> Mapping[str, str]:
    """Return the environment of the shell, with shims for this interpreter and these packages put into `programs`."""
    programs.mkdir()
    shims = {"custody": "-m custody ", "python3": ""}
    for name in IN_TOTO:
        module = name.replace("-", "_")
        shims[name] = f"-c 'import sys; from in_toto.{module} import main; sys.argv[0] = \"{name}\"; main()' "
    for name, arguments in shims.items():
        shim = programs / name
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments}"$@"\n')
        shim.chmod(0o755)
    packages = [str(Path(package.__file__).parents[1]) for package in (custody, in_toto) if package.__file__]
    return {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": os.pathsep.join(packages),
        "PYTHONUNBUFFERED": "1",  # what goes to stdout and stderr keeps its order, as on a terminal
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "LC_ALL": "C.UTF-8",
    }


@dataclass(frozen=True)
class Done:
    """What a command really did, in the words of the page."""

    command: Command
    code: int
    lines: Sequence[str]
    as_shown: bool


def perform(text: str, directory: Path, pages: Path) -> Iterator[Done]:
    """Yield what each command of the page does; other pages that it names are sought from `pages` on."""
    names = Names()
    with Shell(directory) as shell:
        before = AFTER.search(text)
        if before is not None:
            earlier = (pages / before[1]).read_text(encoding="utf-8")
            for done in _perform(earlier, shell, names):
                if not done.as_shown:
                    raise PageError(f"{before[1]}: {_difference(done)}")
        yield from _perform(text, shell, names)


def _perform(text: str, shell: Shell, names: Names) -> Iterator[Done]:
    for part in read_page(text):
        if isinstance(part, File):
            _write(part, shell.directory)
            continue
        code, lines = shell.run(names.in_run(part.text))
        as_shown = is_as_shown(part.expected, lines, names) and code == part.exits
        yield Done(part, code, [names.on_page(line) for line in lines], as_shown)


def run_page(text: str, directory: Path, pages: Path = Path()) -> int:
    """Return how many commands the page has, all of which did what it says.

    Raises:
        PageError: one did something else.

    """
    count = 0
    for done in perform(text, directory, pages):
        if not done.as_shown:
            raise PageError(_difference(done))
        count += 1
    return count


def update_page(text: str, directory: Path, pages: Path = Path()) -> str:
    """Return the page with what its commands really print, where it says something else."""
    page = text.split("\n")
    changes = [done for done in perform(text, directory, pages) if not done.as_shown]
    for done in reversed(changes):
        if done.code != done.command.exits:
            sys.stderr.write(f"{_difference(done)}\n")
        page[done.command.begin : done.command.end] = done.lines
    return "\n".join(page)


def _write(file: File, directory: Path) -> None:
    target = directory / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(file.content, encoding="utf-8")


def _difference(done: Done) -> str:
    command = done.command
    wanted, got = "\n".join(command.expected), "\n".join(done.lines)
    return (
        f"line {command.line}: $ {command.text}\n"
        f"--- the page says, with exit code {command.exits}:\n{wanted}\n--- it was, with {done.code}:\n{got}"
    )


def main() -> None:
    """Update the pages named on the command line."""
    import tempfile

    for name in sys.argv[1:]:
        page = Path(name)
        with tempfile.TemporaryDirectory() as directory:
            updated = update_page(page.read_text(encoding="utf-8"), Path(directory), page.parent)
            page.write_text(updated, encoding="utf-8")


if __name__ == "__main__":
    main()
