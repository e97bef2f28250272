"""custody's errors come out as the exceptions that programs written for the reference catch."""

from __future__ import annotations

import errno
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from custody.artifacts.names import NameClashError
from custody.artifacts.options import PrefixClashError
from custody.errors import (
    CustodyError,
    ExecutionError,
    FormatError,
    RecordingError,
    RejectedError,
    SignatureError,
    StoreError,
    UsageError,
)
from custody.files import read_file, write_file
from custody.verification.parameters import ParameterMissingError
from in_toto import exceptions
from in_toto._boundary.failures import Translated, from_custody
from tests.simulator import actor, link_name, two_steps

if TYPE_CHECKING:
    from pathlib import Path

CASES: dict[str, tuple[CustodyError, type[Exception], str]] = {
    "a document": (
        FormatError("unknown", where="steps[0]", remedy="remove it"),
        exceptions.FormatError,
        "steps[0]: unknown; remove it",
    ),
    "a signature": (SignatureError("bad"), exceptions.SignatureVerificationError, "bad"),
    "a parameter": (ParameterMissingError("no value", where="steps[0]"), KeyError, "'steps[0]: no value'"),
    "two names": (NameClashError("both"), exceptions.PrefixError, "both"),
    "two prefixes": (PrefixClashError("both"), exceptions.PrefixError, "both"),
    "a store": (StoreError("no regular file"), OSError, "no regular file"),
    "a command": (ExecutionError("no directory"), OSError, "no directory"),
    "a recording": (RecordingError("a pipe"), ValueError, "a pipe"),
    "a caller": (UsageError("nonsense"), ValueError, "nonsense"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_error_has_its_class_and_keeps_its_sentence(case: str) -> None:
    error, kind, text = CASES[case]
    found = from_custody(error)
    assert type(found) is kind
    assert str(found) == text
    with pytest.raises(kind) as caught, Translated():
        raise error
    assert caught.value.__cause__ is error


def test_a_path_put_before_an_error_does_not_change_its_class() -> None:
    error = ParameterMissingError("no value", where="steps[0]").within("root.layout")
    assert str(from_custody(error)) == "'root.layout: steps[0]: no value'"


def test_an_error_of_the_system_is_what_it_is_for_the_reference(tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError) as caught, Translated():
        read_file(path, what="layout", limit=10)
    assert str(caught.value) == f"[Errno 2] No such file or directory: '{path}'"
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, path)
    with pytest.raises(OSError, match="not a regular file"), Translated():
        read_file(str(tmp_path), what="layout", limit=10)


def test_a_file_that_nobody_asked_for_is_not_named(tmp_path: Path) -> None:
    path = str(tmp_path / "no" / "directory")
    with pytest.raises(FileNotFoundError) as caught, Translated():
        write_file(path, b"", what="link")
    assert str(caught.value) == f"[Errno 2] cannot write link '{path}': No such file or directory"


def test_a_cause_does_not_stand_twice_in_the_chain() -> None:
    cause = PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(PermissionError) as caught, Translated():
        raise StoreError("cannot") from cause
    assert caught.value is not cause
    bare = StoreError("cannot")
    bare.__cause__ = OSError("strange")
    assert str(from_custody(bare)) == "cannot"


def test_a_verdict_is_the_exception_for_its_first_rejection() -> None:
    chain = two_steps()
    chain.judge().require()
    chain.perform("build", "bob", materials={"evil": "1"}, products={"out": "2"})
    verdict = chain.judge()
    with pytest.raises(RejectedError) as rejected:
        verdict.require()
    found = from_custody(rejected.value)
    assert type(found) is exceptions.RuleVerificationError
    assert str(found).startswith("'DISALLOW *' matched the following artifacts: ['evil']")
    chain.files.pop(link_name("build", actor("bob")))
    with pytest.raises(RejectedError) as rejected:
        chain.judge().require()
    assert type(from_custody(rejected.value)) is exceptions.LinkNotFoundError


def test_what_is_not_of_custody_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), Translated():
        raise ZeroDivisionError
    with Translated():
        pass


def test_nothing_of_it_is_imported_before_something_goes_wrong() -> None:
    code = (
        "import sys; import in_toto._boundary.failures\n"
        "with in_toto._boundary.failures.Translated(): pass\n"
        "print([name for name in sys.modules if name.startswith(('custody', 'securesystemslib', 'in_toto.exc'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert done.stdout == "[]\n"


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(path for path in sys.path if path)}
