# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""The compatibility page has a test for each of its rows, and a row for each of its tests.

The tests are in `test_compatibility_*.py`. Most run on both sides, and so prove what the page says of either; each has
a twin that is accepted by the same command, and carries out what the page tells a user to do. Here: the page itself,
and what there is besides.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import custody
from custody.envelopes.reader import read_envelope
from tests.compat.sides import chain_of_two
from tests.simulator import actor, link_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.sides import Place, Reference

HERE = Path(__file__).parent
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "compatibility.md"
SOURCE = ROOT / ".reference" / "in_toto-3.1.0" / "tests"

ROW = re.compile(r"^\| ((?:[ADX]\d+)|(?:CVE|GHSA)-[a-z0-9-]+) \|(.*)\|$", re.MULTILINE)
TEST = re.compile(r"^def test_([ADX]\d+|CVE_\d+_\d+|GHSA_[a-z0-9]{4})_\w+\(", re.MULTILINE)

KNOWN = {*(f"D{n}" for n in range(1, 28)), *(f"A{n}" for n in range(1, 11))} - {"A8"}
"""The known defects and attacks, as `tests/conformance` has them; A8 only combines others."""


def rows() -> dict[str, list[str]]:
    """Return the cells of each row of the page, by the row's name."""
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in ROW.findall(PAGE.read_text())}


def short(row: str) -> str:
    """Return how tests are named that prove `row`."""
    return "_".join(row.split("-")[: 2 if row.startswith("GHSA") else 3])


def test_every_row_of_the_page_has_a_test_and_every_test_a_row() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_compatibility*.py"))

    assert set(TEST.findall(text)) == {short(row) for row in rows()}


def test_every_known_defect_and_attack_has_a_row() -> None:
    assert KNOWN - rows().keys() == set()


def test_a_row_says_what_happens_on_either_side_and_what_to_do() -> None:
    assert [name for name, cells in rows().items() if len(cells) != 3 or not all(cells)] == []


def test_a_row_stands_once() -> None:
    names = [name for name, _ in ROW.findall(PAGE.read_text())]

    assert len(names) == len(set(names))


@pytest.mark.component("reference-source")
def test_published_tests_that_the_page_names_are_published() -> None:
    published = {
        (case.name, test.name)
        for path in SOURCE.rglob("test_*.py")
        for case in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(case, ast.ClassDef)
        for test in case.body
        if isinstance(test, ast.FunctionDef)
    }
    section = PAGE.read_text(encoding="utf-8").partition("## Where the reference's own tests")[2]
    named = re.findall(r"^\| `(\w+)\.(\w+)`.* \| (\w+) \|$", section, re.MULTILINE)

    assert named
    assert {(case, test) for case, test, _ in named} - published == set()
    assert {row for *_, row in named} - rows().keys() == set()


def test_X1_a_verification_says_what_it_accepted(place: Place) -> None:
    chain = chain_of_two()
    done = "The software product passed all verification."
    ran = place.expect(chain, here=0, there=0)
    assert (done in ran.err) is place.is_here
    assert not place.is_here or all(step in ran.err for step in ("write", "build"))
    assert done in place.verify("-v").err
    assert place.verify("-q").err == ""
    chain.remove("build", "bob")
    assert done not in place.expect(chain, here=1, there=1).err


def test_X2_older_spellings_are_understood(place: Place) -> None:
    place.lay(chain_of_two())
    alice = place.key("alice")
    for name in ("a", "b"):
        (place.final / name).write_text("1")
    wanted = 0 if place.is_here else 2
    verify = ("-l", "../root.layout", "--layout-keys", "../owner.pub", "--link-dir", "../links")
    assert place.command("in-toto-verify", *verify).code == wanted
    assert place.command("in-toto-record", "start", "edit", "--key", alice).code == wanted
    assert place.command("in-toto-run", "--name", "edit", "--key", alice, "-x").code == wanted
    assert place.command("in-toto-run", "-n", "edit", "--signing-key", alice, "--materials", "a,b", "-x").code == 0
    link = json.loads((place.final / link_name("edit", actor("alice"))).read_text())
    assert set(link["signed"]["materials"]) == ({"a", "b"} if place.is_here else set())


def test_X3_the_directory_of_links_is_made_by_the_spelling_of_guides(place: Place) -> None:
    run = ("in-toto-run", "-n", "edit", "--signing-key", place.key("alice"), "-x")
    assert place.command(*run, "-d", "made").code == 1
    assert not (place.final / "made").exists()
    assert place.command(*run, "--link-dir", "made").code == (0 if place.is_here else 2)
    assert (place.final / "made").exists() is place.is_here
    (place.final / "made").mkdir(exist_ok=True)
    assert place.command(*run, "-d", "made").code == 0


def test_X4_keygen_writes_keys_that_either_side_reads(here: Place) -> None:
    assert here.command("in-toto-keygen", "fresh").code == 0
    (here.final / "a").write_text("1")
    assert here.command("in-toto-run", "-n", "edit", "--signing-key", "fresh", "-m", "a", "-x").code == 0
    (link,) = here.final.glob("edit.*.link")
    assert here.command("in-toto-sign", "-f", link.name, "-k", "fresh.pub", "--verify").code == 0
    document = json.loads(link.read_text())
    document["signed"]["name"] = "other"
    link.write_text(json.dumps(document))
    assert here.command("in-toto-sign", "-f", link.name, "-k", "fresh.pub", "--verify").code == 1


@pytest.mark.component("reference")
def test_X4_the_reference_reads_the_keys_of_keygen(here: Place, start_reference: Callable[[], Reference]) -> None:
    there = start_reference()
    for kind in ("ed25519", "rsa", "ecdsa"):
        assert here.command("in-toto-keygen", "-t", kind, kind).code == 0
        assert there.command("in-toto-run", "-n", kind, "--signing-key", kind, "-x", cwd=here.final).code == 0
        (link,) = here.final.glob(f"{kind}.*.link")
        check = ("in-toto-sign", "-f", link.name, "-k", f"{kind}.pub", "--verify")
        assert there.command(*check, cwd=here.final).code == 0


def test_X5_what_could_grow_without_end_has_a_limit(place: Place) -> None:
    chain = chain_of_two(dsse=True)
    for depth, here in ((10, 0), (100, 1)):
        comment: object = "deep"
        for _ in range(depth):
            comment = [comment]
        name = link_name("write", actor("alice"))
        chain.put("write", "alice", {**_content(chain.files[name]), "comment": comment})
        place.expect(chain, here=here, there=0, says="")


def _content(data: bytes) -> dict[str, object]:
    return dict(read_envelope(data).content())


def test_X6_a_file_is_replaced_and_never_written_through_a_symbolic_link(place: Place) -> None:
    place.lay(chain_of_two())
    sign = ("in-toto-sign", "-f", "../root.layout", "-k", place.key("owner"), "-o")
    target, alias = place.final / "target", place.final / "alias"
    target.write_text("precious")
    alias.symlink_to("target")
    assert place.command(*sign, "alias").code == 0
    assert (target.read_text() == "precious") is place.is_here
    assert alias.is_symlink() is place.side.is_reference
    assert place.command(*sign, "/dev/null").code == (2 if place.is_here else 0)
    assert place.command(*sign, "target").code == 0
    assert "signatures" in target.read_text()


def test_X7_the_version_names_both(place: Place) -> None:
    shown = place.command("in-toto-run", "--version").out
    both = f"in-toto-run 3.1.0 (custody {custody.__version__})\n"
    assert shown == (both if place.is_here else "in-toto-run 3.1.0\n")


@pytest.mark.parametrize(
    "statement",
    [
        "import in_toto.common_args",
        "import in_toto.formats",
        "from in_toto.runlib import _subprocess_run_duplicate_streams",
    ],
)
def test_X8_names_that_were_never_documented_are_not_there(place: Place, statement: str) -> None:
    script = f"try:\n    {statement}\nexcept Exception:\n    print('absent')\nelse:\n    print('there')"
    assert place.python(script).out == ("absent\n" if place.is_here else "there\n")
    documented = "from in_toto.models.link import Link; print(Link(name='a').name)"
    assert place.python(documented).out == "a\n"


def test_X9_a_pipe_is_no_file(place: Place) -> None:
    place.expect(chain_of_two(), here=0, there=0)
    pipe = place.root / "pipe"
    os.mkfifo(pipe)
    options = ("--verification-keys", "../owner.pub", "--link-dir", "../links")
    with subprocess.Popen(["sh", "-c", 'cat ../root.layout > "$0"', str(pipe)], cwd=place.final) as writer:
        ran = place.command("in-toto-verify", "--layout", str(pipe), *options)
        writer.kill()
    assert ran.code == (1 if place.is_here else 0)
    assert not place.is_here or "not a regular file" in ran.err
