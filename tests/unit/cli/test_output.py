"""Output in any encoding: what it lacks is escaped, and a verdict always arrives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from custody.cli.main import main
from tests.unit.cli.chain import Chain

README = "héé 漢 \U0001f600"


@pytest.fixture(autouse=True)
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.chdir(tmp_path)
    chain = Chain(tmp_path)
    chain.layout(build_rules="ALLOW é*, ")
    chain.change(lambda layout: layout.update(readme=README))
    return chain


def custody_in(encoding: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "custody", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env=environment)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_text_is_printed_in_any_encoding(encoding: str) -> None:
    done = custody_in(encoding, "layout", "show", "root.layout")
    assert (done.returncode, done.stderr) == (0, b"")
    shown = README.encode(encoding, "backslashreplace")
    assert shown in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_in_any_encoding(encoding: str) -> None:
    done = custody_in(encoding, "layout", "show", "root.layout", "--format", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout.decode(encoding))["readme"] == README


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_json_does_not_steer_the_terminal(chain: Chain, encoding: str) -> None:
    text = "é\x9b31m\x7f\u202e\U000e0001 漢\n\x1b[2J"
    chain.change(lambda layout: layout.update(readme=text))

    done = custody_in(encoding, "layout", "show", "root.layout", "--format", "json")
    printed = done.stdout.decode(encoding)
    assert printed.replace("\n", "").isprintable()
    assert ("é" in printed) == (encoding == "utf-8")
    assert json.loads(printed)["readme"] == text


def test_verdict_arrives_where_a_name_cannot_be_printed(chain: Chain) -> None:
    chain.perform()
    arguments = ["verify", "-l", "root.layout", "--verification-keys", "keys/owner.pub", "--explain"]
    assert custody_in("ascii", *arguments).returncode == main(arguments) == 0
    Path("app").unlink()
    chain.run("build", "bob", ("app.c",), ("app.c",), ["true"])
    assert custody_in("ascii", *arguments).returncode == main(arguments)
