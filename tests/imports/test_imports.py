"""What each command imports: start-up is nearly all that a small step costs, and nearly all of that is imports.

Beside this file is a list for every command. The modules of custody and of its compatible package are exactly the
listed ones, so that whoever adds one to the path of a command sees it. Others may be fewer, as versions of Python and
of cryptography differ, and never more; private ones are left out. After a change that is meant,
`UPDATE_IMPORTS=1 pytest tests/imports` writes the lists anew, and adds to what is listed of others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.cli.chain import Chain

LISTS = Path(__file__).parent
OWN = ("custody", "in_toto")
UPDATES = "UPDATE_IMPORTS" in os.environ

SLOW = {
    *("asyncio", "ast", "concurrent.futures", "copy", "dataclasses", "email", "glob", "importlib.metadata", "inspect"),
    *("logging", "multiprocessing", "pathlib", "pickle", "platform", "random", "shutil", "socket", "tempfile"),
    *("textwrap", "urllib", "cryptography.x509", "pathspec", "pysequoia", "securesystemslib", "shtab", "yaml"),
    *("cryptography.hazmat.primitives.serialization", "pkcs11"),
}
"""What nothing on the path of a pipeline's commands is worth."""

_PROGRAM = """\
import sys
sys.path[:0] = {path!r}
before = set(sys.modules)
from {module} import main
sys.argv = {argv!r}
try:
    code = main()
except SystemExit as end:
    code = end.code
with open({report!r}, "w", encoding="utf-8") as file:
    file.write("\\n".join(sys.modules.keys() - before))
sys.exit(code)
"""


class Case(NamedTuple):
    """A command line; `before` are those of the same command that come first."""

    argv: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()


def _case(line: str, *before: str) -> Case:
    return Case(tuple(line.split()), tuple(tuple(earlier.split()) for earlier in before))


_KEY = "--signing-key keys/alice"
_VERIFY = "-l root.layout --verification-keys keys/owner.pub"
_START = f"start -n pack {_KEY} -m app"

FAST = {
    "custody": _case("custody --version"),
    "custody-run": _case(f"custody run -n pack {_KEY} -m app -p app -- true"),
    "custody-record-start": _case(f"custody record {_START}"),
    "custody-record-stop": _case(f"custody record stop -n pack {_KEY} -p app", f"custody record {_START}"),
    "custody-sign": _case("custody sign -f root.layout --signing-key keys/second"),
    "custody-verify": _case(f"custody verify {_VERIFY}"),
    "custody-match-products": _case("custody match-products -l {link} --verification-keys keys/bob.pub -p app app.c"),
    "in-toto-run-version": _case("in-toto-run --version"),
    "in-toto-run": _case(f"in-toto-run -n pack {_KEY} -m app -p app -- true"),
    "in-toto-record-start": _case(f"in-toto-record {_START}"),
    "in-toto-record-stop": _case(f"in-toto-record stop -n pack {_KEY} -p app", f"in-toto-record {_START}"),
    "in-toto-sign": _case("in-toto-sign -f root.layout -k keys/second"),
    "in-toto-verify": _case(f"in-toto-verify {_VERIFY}"),
    "in-toto-match-products": _case("in-toto-match-products -l {link} -p app app.c"),
}
"""What pipelines run again and again."""

OTHERS = {
    "custody-help": _case("custody --help"),
    "custody-run-help": _case("custody run --help"),
    "custody-verify-help": _case("custody verify --help"),
    "custody-key-show": _case("custody key show keys/alice.pub"),
    "custody-layout-show": _case("custody layout show root.layout"),
    "custody-layout-lint": _case("custody layout lint root.layout"),
    "in-toto-mock": _case("in-toto-mock -n pack -- true"),
}


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, in which a chain is complete."""
    monkeypatch.chdir(tmp_path)
    chain = Chain(tmp_path)
    chain.layout()
    chain.perform()
    return tmp_path


@pytest.mark.parametrize("name", [*FAST, *OTHERS])
def test_a_command_imports_what_is_listed(name: str, finished: Path) -> None:
    case = (FAST | OTHERS)[name]
    for earlier in case.before:
        _imports_of(earlier, finished)
    found = _imports_of(case.argv, finished)
    if UPDATES:
        _write_list(name, found)
    listed = _listed(name)
    assert _own(found) == _own(listed), f"see {LISTS / name}.txt"
    assert found - listed == set(), f"see {LISTS / name}.txt"


@pytest.mark.parametrize("name", FAST)
def test_nothing_that_is_listed_is_slow(name: str) -> None:
    assert {module for module in _listed(name) for slow in SLOW if f"{module}.".startswith(f"{slow}.")} == set()


def test_every_list_is_of_a_command() -> None:
    assert {path.stem for path in LISTS.glob("*.txt")} == {*FAST, *OTHERS}


def test_an_import_that_is_not_listed_is_found(finished: Path) -> None:
    (finished / "in_toto_run_and_more.py").write_text("import colorsys\nfrom in_toto.in_toto_run import main\n")
    found = _imports_of(("in-toto-run-and-more", "--version"), finished, module="in_toto_run_and_more")
    assert found - _listed("in-toto-run-version") == {"colorsys", "in_toto_run_and_more"}


def _imports_of(argv: Sequence[str], directory: Path, module: str = "") -> set[str]:
    """Return what a command imports in an interpreter of its own, run without what `site` would import before it."""
    link = next(directory.glob("build.*.link")).name
    report = directory.parent / f"{directory.name}-imports"
    program = _PROGRAM.format(
        path=[str(directory), *sys.path],
        module=module or _module(argv[0]),
        argv=[word.format(link=link) for word in argv],
        report=str(report),
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name for name in report.read_text().split() if not any(part.startswith("_") for part in name.split("."))}


def _module(command: str) -> str:
    return "custody.cli.main" if command == "custody" else f"in_toto.{command.replace('-', '_')}"


def _own(modules: set[str]) -> set[str]:
    return {module for module in modules if module.partition(".")[0] in OWN}


def _listed(name: str) -> set[str]:
    return set((LISTS / f"{name}.txt").read_text(encoding="utf-8").split())


def _write_list(name: str, found: set[str]) -> None:
    path = LISTS / f"{name}.txt"
    before = _listed(name) if path.exists() else set()
    path.write_text("\n".join(sorted((before - _own(before)) | found)) + "\n", encoding="utf-8")
