# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""Rows of the compatibility page: recording, and documents of the wrong kind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from custody.models.link import Link
from tests.compat.sides import new_chain
from tests.simulator import actor, hashed, link_name, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.sides import Place, Ran, Reference


def run(place: Place, *options: str) -> Ran:
    """Return how `in-toto-run` ended, as step `build` by alice."""
    return place.command("in-toto-run", "-n", "build", "--signing-key", place.key("alice"), *options)


def link_of(place: Place, step: str = "build") -> dict[str, Any]:
    """Return what the link says that was written in the final product, in either envelope."""
    document = json.loads((place.final / link_name(step, actor("alice"))).read_text())
    content: dict[str, Any] = document["signed"]
    return content


def test_D21_a_missing_path_is_reported_and_the_link_is_written(place: Place) -> None:
    ran = run(place, "-p", "out", "-x")
    assert ran.code == 0
    assert link_of(place)["products"] == {}
    assert ("'out'" in ran.err) is place.is_here
    if place.is_here:
        asked = f"custody run -n build --key {place.key('alice')} -p out -x"
        assert place.custody(asked).code == 2
        assert place.custody(f"{asked} --optional out").code == 0
        (place.final / "out").write_text("2")
        assert place.custody(asked).code == 0
    (place.final / "out").write_text("2")
    ran = run(place, "-p", "out", "-x")
    assert (ran.code, ran.err) == (0, "")
    assert link_of(place)["products"] == hashed({"out": "2"})


def test_D21_a_path_below_which_nothing_is_recorded_is_reported(place: Place) -> None:
    cache = place.final / "cache"
    cache.mkdir()
    (cache / "a.pyc").write_text("1")
    ran = run(place, "-p", "cache", "-x")
    assert ran.code == 0
    assert ("cache" in ran.err) is place.is_here
    ran = run(place, "-p", "cache", "--exclude", "*.link", "-x")
    assert (ran.code, ran.err) == (0, "")
    assert link_of(place)["products"] == hashed({"cache/a.pyc": "1"})


EXCLUDE_NOTHING = """
from in_toto.runlib import record_artifacts_as_dict
print(sorted(record_artifacts_as_dict(["."], exclude_patterns=[])))
"""


def test_D22_an_empty_list_of_excludes_leaves_the_usual_ones(place: Place) -> None:
    for name in ("a", "a.pyc"):
        (place.final / name).write_text("1")
    assert place.python(EXCLUDE_NOTHING).out == "['a']\n"
    if place.is_here:
        settings = "from in_toto import settings; settings.ARTIFACT_EXCLUDE_PATTERNS = []\n"
        assert place.python(settings + EXCLUDE_NOTHING).out == "['a', 'a.pyc']\n"
        alice = place.key("alice")
        assert place.custody(f"custody run -n build --key {alice} -p . --no-exclude -x").code == 0
        assert sorted(link_of(place)["products"]) == ["a", "a.pyc"]


def test_D22_a_backslash_in_a_name_is_no_slash(place: Place) -> None:
    (place.final / "a").mkdir()
    (place.final / "a" / "b").write_text("1")
    assert run(place, "-p", ".", "-x").code == 0
    assert link_of(place)["products"] == hashed({"a/b": "1"})
    (place.final / "a\\b").write_text("2")
    assert run(place, "-p", ".", "-x").code == 0
    recorded = {"a/b", "a\\b"} if place.is_here else {"a/b"}
    assert set(link_of(place)["products"]) == recorded


def test_D22_a_loop_of_links_records_nothing_twice(place: Place) -> None:
    (place.final / "src").mkdir()
    (place.final / "src" / "a").write_text("1")
    assert run(place, "-p", "src", "-x").code == 0
    assert set(link_of(place)["products"]) == {"src/a"}
    (place.final / "src" / "loop").symlink_to(".")
    assert run(place, "-p", "src", "-x").code == 0
    assert (len(link_of(place)["products"]) == 1) is place.is_here
    (place.final / "src" / "loop").unlink()
    (place.final / "src" / "alias").symlink_to("a")
    assert run(place, "-p", "src", "-x").code == 0
    assert set(link_of(place)["products"]) == {"src/a", "src/alias"}


def test_D22_a_name_that_is_not_utf8_is_refused_with_a_sentence(place: Place) -> None:
    bad = Path(os.fsdecode(bytes(place.final) + b"/bad\xff"))
    bad.write_text("1")
    ran = run(place, "-p", ".", "-x")
    assert ran.code == 1
    assert ("UTF-8" in ran.err) is place.is_here
    bad.rename(place.final / "good")
    assert run(place, "-p", ".", "-x").code == 0


def test_D22_output_that_is_not_utf8_is_recorded(place: Place) -> None:
    ran = run(place, "-s", "--", "printf", "a\\377b")
    assert ran.code == (0 if place.is_here else 1), ran.err
    if place.is_here:
        assert link_of(place)["byproducts"]["stdout"].startswith("a")
    assert run(place, "-s", "--", "printf", "ab").code == 0
    assert link_of(place)["byproducts"]["stdout"] == "ab"


def test_D22_a_pipe_is_refused_without_waiting(here: Place) -> None:
    os.mkfifo(here.final / "pipe")
    ran = run(here, "-p", ".", "-x")
    assert ran.code == 1
    assert "pipe" in ran.err
    assert run(here, "-p", ".", "--exclude", "pipe", "-x").code == 0


RESOLVERS = """
from in_toto.resolver import RESOLVER_FOR_URI_SCHEME, Resolver
from in_toto.runlib import record_artifacts_as_dict

class Own(Resolver):
    def hash_artifacts(self, uris):
        return {uri: {"sha256": "0" * 64} for uri in uris}

RESOLVER_FOR_URI_SCHEME["own"] = Own()
record_artifacts_as_dict(["own:one"])
record_artifacts_as_dict(["a"])
print(sorted(record_artifacts_as_dict(["own:one"])))
"""


def test_D22_a_registered_resolver_stays(place: Place) -> None:
    (place.final / "a").write_text("1")
    assert place.python(RESOLVERS.replace('record_artifacts_as_dict(["a"])', "")).code in {0, 1}
    ran = place.python(RESOLVERS)
    assert ran.out == ("['own:one']\n" if place.is_here else "[]\n")


CWD = """
import os
from in_toto.runlib import record_artifacts_as_dict
before = os.getcwd()
for base_path in ("base", "missing"):
    try:
        record_artifacts_as_dict(["a"], base_path=base_path, lstrip_paths=["a"] * 2)
    except Exception:
        pass
    print(os.getcwd() == before)
    os.chdir(before)
"""


def test_D22_the_working_directory_stays(place: Place) -> None:
    (place.final / "base").mkdir()
    os.mkfifo(place.final / "base" / "a")
    assert place.python(CWD.replace('("base", "missing")', '("missing",)')).out == "True\n"
    if place.is_here:
        assert place.python(CWD).out == "True\nTrue\n"


def test_D23_products_are_matched_in_either_envelope(place: Place) -> None:
    (place.final / "out").write_text("1")
    assert run(place, "-p", "out", "--use-dsse", "-x").code == 0
    match = ["in-toto-match-products", "-l", link_name("build", actor("alice")), "-p", "out"]
    ran = place.command(*match)
    assert ran.code == (0 if place.is_here else 1)
    assert ("AttributeError" in ran.err) is place.side.is_reference
    (place.final / "out").write_text("2")
    assert place.command(*match).code == 1


def test_D23_a_link_is_no_layout(place: Place) -> None:
    chain = new_chain()
    chain.step("build", "alice", products={"out": "1"})
    place.expect(chain, here=0, there=0)
    (place.root / "root.layout").write_bytes(signed(Link(name="build").document(), chain.owner).write())
    ran = place.verify()
    assert ran.code == 1
    assert ("AttributeError" in ran.err) is place.side.is_reference
    assert ("expected 'layout'" in ran.err) is place.is_here


@pytest.mark.parametrize("dsse", [[], ["--use-dsse"]])
def test_D26_a_started_recording_is_no_evidence(place: Place, dsse: list[str]) -> None:
    chain = new_chain(dsse=bool(dsse))
    chain.step("edit", "alice", perform=False)
    place.lay(chain)
    common = ["-n", "edit", "--signing-key", place.key("alice")]
    assert place.command("in-toto-record", "start", *common, *dsse).code == 0
    name = link_name("edit", actor("alice"))
    evidence = place.root / "links" / name
    evidence.write_bytes((place.final / f".{name}-unfinished").read_bytes())
    assert place.verify().code == (1 if place.is_here else 0)
    ran = place.command("in-toto-record", "stop", *common, "-d", "../links")
    assert ran.code == 0, ran.err
    assert place.verify().code == 0


@pytest.mark.component("reference")
def test_D26_a_recording_is_finished_by_the_side_that_started_it(
    here: Place, start_reference: Callable[[], Reference]
) -> None:
    common = ["-n", "edit", "--signing-key", here.key("alice")]
    there = start_reference()
    assert there.command("in-toto-record", "start", *common, cwd=here.final).code == 0
    ran = here.command("in-toto-record", "stop", *common)
    assert ran.code == 1
    assert "in-toto-record" in ran.err
    assert there.command("in-toto-record", "stop", *common, cwd=here.final).code == 0
    assert here.command("in-toto-record", "start", *common).code == 0
    assert there.command("in-toto-record", "stop", *common, cwd=here.final).code == 1
    assert here.command("in-toto-record", "stop", *common).code == 0


@pytest.mark.parametrize("status", [0, 7])
def test_D25_the_link_of_a_failed_command_is_written(place: Place, status: int) -> None:
    assert run(place, "--", "sh", "-c", f"exit {status}").code == status
    assert link_of(place)["byproducts"]["return-value"] == status
    if place.is_here:
        (place.final / link_name("build", actor("alice"))).unlink()
        line = f"custody run -n build --key {place.key('alice')} -- sh -c 'exit {status}'"
        assert place.custody(line).code == status
        assert (place.final / link_name("build", actor("alice"))).exists() is (status == 0)
