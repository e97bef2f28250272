"""Tests of `in_toto`, its settings, exceptions and messages, each program in a process of its own."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import securesystemslib.exceptions

import in_toto
from in_toto import exceptions, log, settings

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"securesystemslib", "attr", "dateutil"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
"""
"""Makes what the package does not need impossible to import."""

WORK = """
from in_toto.models.layout import Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock, Metadata
from in_toto._boundary.signing import load_signer
from in_toto.exceptions import Error, FormatError, SignatureVerificationError
from in_toto.exceptions import UnverifiedSignatureError, VerificationError
signer = load_signer("alice")
key = Layout().add_functionary_key_from_path("alice.pub")
for metadata in (Metablock(signed=Link(name="a")), Envelope.from_signable(Layout(steps=[Step(name="a")]))):
    metadata.create_signature(signer)
    metadata.dump("file")
    loaded = Metadata.load("file")
    loaded.verify_signature(key)
    other = {**key, "keyval": {"public": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"}}
    try:
        loaded.verify_signature(other)
    except SignatureVerificationError as error:
        print("refused")
try:
    Link(command="a")
except FormatError as error:
    assert isinstance(error, Error)
    print(type(error).__module__, type(error).__qualname__)
assert issubclass(VerificationError, UnverifiedSignatureError)
"""

SPEAK = "from in_toto._boundary import talk; talk.{level}('in_toto.runlib', '100% {level}')\n"


def run(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Return how a new interpreter ends that runs `code`."""
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    return subprocess.run(
        [sys.executable, "-I", "-c", path + code], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


def said(code: str, cwd: Path) -> list[str]:
    """Return the lines on stderr of a program that ends well."""
    ran = run(code, cwd)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr.splitlines()


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with the key of alice."""
    from custody.cli.main import main

    monkeypatch.chdir(tmp_path)
    assert main(["keygen", "alice"]) == 0
    return tmp_path


class TestDependencies:
    def test_everything_works_without_what_is_optional(self, keys: Path) -> None:
        ran = run(WITHOUT + WORK, keys)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split() == ["refused", "refused", "in_toto.exceptions", "FormatError"]

    def test_exceptions_are_those_of_securesystemslib_where_it_is_installed(self, keys: Path) -> None:
        ran = run(WORK, keys)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split() == ["refused", "refused", "securesystemslib.exceptions", "FormatError"]
        assert issubclass(exceptions.FormatError, securesystemslib.exceptions.FormatError)
        assert issubclass(exceptions.LayoutExpiredError, securesystemslib.exceptions.Error)

    def test_signing_a_link_imports_nothing_slow(self, keys: Path) -> None:
        code = """
from in_toto._boundary.signing import load_signer
from in_toto.models.link import Link
from in_toto.models.metadata import Metablock
metablock = Metablock(signed=Link(name="a"))
metablock.create_signature(load_signer("alice"))
metablock.dump("file")
slow = {"logging", "dataclasses", "pathlib", "subprocess", "securesystemslib", "argparse", "datetime"}
print(*sorted(slow & set(sys.modules)))
"""
        before = run("print(*sys.modules)", keys).stdout.split()
        ran = run(code, keys)
        assert ran.returncode == 0, ran.stderr
        assert set(ran.stdout.split()) <= set(before)


class TestPackage:
    def test_it_has_the_version_of_its_interface(self) -> None:
        assert in_toto.__version__ == "3.1.0"

    def test_modules_are_there_after_importing_the_package(self, tmp_path: Path) -> None:
        code = """
import in_toto
assert in_toto.settings.LINK_CMD_EXEC_TIMEOUT == 10
assert in_toto.exceptions.LinkNotFoundError
assert in_toto.log.LOGGER.name == "in_toto"
try:
    in_toto.nothing
except AttributeError as error:
    print(error)
"""
        assert run(code, tmp_path).stdout == "module 'in_toto' has no attribute 'nothing'\n"

    def test_settings_are_those_of_the_reference(self) -> None:
        assert settings.DEBUG is False
        assert settings.ARTIFACT_EXCLUDE_PATTERNS == ["*.link*", ".git", "*.pyc", "*~"]
        assert settings.ARTIFACT_BASE_PATH is None
        assert settings.LINK_CMD_EXEC_TIMEOUT == 10


class TestMessages:
    def test_warnings_and_errors_are_shown_as_they_are(self, tmp_path: Path) -> None:
        code = "".join(SPEAK.format(level=level) for level in ("info", "warning", "error"))
        assert said(code, tmp_path) == ["100% warning", "100% error"]
        assert said(f"import logging\n{code}", tmp_path) == ["100% warning", "100% error"]

    @pytest.mark.parametrize("first", ["", "import logging\n"])
    @pytest.mark.parametrize(
        ("options", "shown"),
        [
            ("", ["100% warning", "100% error"]),
            ("verbose=True", ["100% info", "100% warning", "100% error"]),
            ("quiet=True", []),
            ("verbose=True, quiet=True", ["100% info", "100% warning", "100% error"]),
        ],
    )
    def test_the_options_of_a_command_say_how_much_is_shown(
        self, first: str, options: str, shown: list[str], tmp_path: Path
    ) -> None:
        code = f"{first}from in_toto._boundary import talk; talk.set_level({options})\n"
        speak = "".join(SPEAK.format(level=level) for level in ("info", "warning", "error"))
        assert said(code + speak, tmp_path) == shown

    def test_nothing_is_imported_for_what_nobody_sees(self, tmp_path: Path) -> None:
        seen = "print('logging' in sys.modules)"
        assert run(SPEAK.format(level="info") + seen, tmp_path).stdout == "False\n"
        assert run(SPEAK.format(level="warning") + seen, tmp_path).stdout == "True\n"

    @pytest.mark.parametrize("order", ["import in_toto, logging\n", "import logging, in_toto\n"])
    def test_a_program_gets_the_configured_logger(self, order: str, tmp_path: Path) -> None:
        code = f"{order}logger = logging.getLogger('in_toto')\n{SPEAK.format(level='warning')}"
        code += "logger.setLevelVerboseOrQuiet(True, False)\n" + SPEAK.format(level="info")
        assert said(code, tmp_path) == ["100% warning", "100% info"]

    def test_when_debugging_everything_is_shown_and_where_it_comes_from(self, tmp_path: Path) -> None:
        (tmp_path / "speaker.py").write_text("from in_toto._boundary import talk\n\ntalk.info('in_toto.a', 'here')\n")
        code = "import in_toto.settings; in_toto.settings.DEBUG = True; sys.path.insert(0, '.'); import speaker\n"
        assert said(code, tmp_path) == ["in_toto.a:3:INFO:here"]
        assert said(code.replace("True", "False"), tmp_path) == []

    def test_when_debugging_an_error_brings_its_traceback(self, tmp_path: Path) -> None:
        code = "import in_toto.settings; in_toto.settings.DEBUG = {}\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    "
        shown = said(code.format("True") + SPEAK.format(level="error"), tmp_path)
        assert shown[0].endswith("ERROR:100% error")
        assert shown[-1] == "ZeroDivisionError: division by zero"
        assert said(code.format("False") + SPEAK.format(level="error"), tmp_path) == ["100% error"]

    def test_messages_go_to_where_stderr_is_at_the_time(self, tmp_path: Path) -> None:
        code = (
            "import contextlib, io\nfrom in_toto import log\nwith contextlib.redirect_stderr(io.StringIO()) as text:\n"
        )
        code += "    log.LOGGER.warning('one')\nlog.LOGGER.warning('two')\nassert text.getvalue() == 'one\\n'"
        assert said(code, tmp_path) == ["two"]

    def test_the_level_of_a_logger_is_set_by_two_options(self) -> None:
        logger = log.InTotoLogger("test")
        for verbose, quiet, level in (
            (False, False, logging.NOTSET),
            (True, False, logging.INFO),
            (False, True, log.InTotoLogger.QUIET),
            (True, True, logging.INFO),
        ):
            logger.setLevelVerboseOrQuiet(verbose, quiet)
            assert logger.level == level
        assert log.InTotoLogger.QUIET > logging.CRITICAL

    def test_an_error_of_the_logger_brings_its_traceback_only_when_debugging(self, tmp_path: Path) -> None:
        code = "from in_toto import log\nlog.LOGGER.setLevel({})\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n"
        code += "    log.LOGGER.error('no')"
        assert said(code.format(10), tmp_path)[-1] == "ZeroDivisionError: division by zero"
        assert said(code.format(20), tmp_path) == ["no"]
