"""Where a digest cache is asked, told by one that lies: only of materials, and never where something is verified."""

from __future__ import annotations

from pathlib import Path

import pytest

import custody
from custody.artifacts import cache
from custody.errors import UsageError
from custody.models.link import Link
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import generate
from custody.value import Value
from custody.workflows.execution import Execution
from custody.workflows.inspect import InspectionOptions
from custody.workflows.record import RecordOptions, start, stop
from custody.workflows.run import RunOptions, perform
from custody.workflows.verify import Verification
from tests.simulator import digests
from tests.unit.artifacts.caches import FALSE, RESTED, lie, make_tree

TRUE = digests("aaa")
LIE = {"sha256": FALSE.hex()}
OPTIONS = RunOptions(digest_cache="cache", execution=Execution(show_streams=False))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a tree, and a cache that lies about one file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "_REST_NS", RESTED)
    make_tree(tmp_path)
    perform("prepare", [], materials=["src"], options=OPTIONS)
    lie("src/a")
    return tmp_path


@pytest.fixture
def signer() -> KeySigner:
    key = generate()
    return KeySigner(key, public_key_of(key, "test"))


def linked(command: list[str], options: RunOptions = OPTIONS) -> Link:
    result = perform("step", command, materials=["src"], products=["src"], options=options)
    assert result.link is not None
    return result.link


@pytest.mark.parametrize("command", [[], ["true"]])
def test_materials_are_what_the_cache_says_and_products_what_the_files_hold(command: list[str]) -> None:
    link = linked(command)
    assert (link.materials["src/a"], link.products["src/a"]) == (LIE, TRUE)
    assert (link.materials["src/b"], link.products["src/b"]) == (digests("bbb"), digests("bbb"))


def test_without_a_cache_nothing_is_asked() -> None:
    link = linked(["true"], OPTIONS.replace(digest_cache=""))
    assert (link.materials["src/a"], link.products["src/a"]) == (TRUE, TRUE)


def test_products_of_a_command_that_failed_are_read(here: Path) -> None:
    link = linked(["false"], OPTIONS.replace(record_failure=True))
    assert (link.materials["src/a"], link.products["src/a"]) == (LIE, TRUE)
    assert (here / "cache").exists()


def test_materials_that_are_verified_are_not_looked_up(here: Path) -> None:
    seen: list[object] = []
    options = OPTIONS.replace(check_materials=seen.append)
    with pytest.raises(UsageError, match="leave out --digest-cache or --verify-materials"):
        perform("step", ["touch", "ran"], materials=["src"], options=options)
    assert (seen, (here / "ran").exists()) == ([], False)
    perform("step", ["true"], materials=["src"], options=options.replace(digest_cache=""))
    assert [materials["src/a"] for materials in seen if isinstance(materials, dict)] == [TRUE]


@pytest.mark.parametrize(("materials", "products"), [(["."], []), (["src"], ["."])])
def test_a_cache_that_would_be_recorded_is_refused_before_the_command_runs(
    here: Path, materials: list[str], products: list[str]
) -> None:
    with pytest.raises(UsageError, match=r"the digest cache 'cache' would be recorded itself, as part of '\.'"):
        perform("step", ["touch", "ran"], materials=materials, products=products, options=OPTIONS)
    assert not (here / "ran").exists()


def test_a_started_recording_asks_it_and_a_stopped_one_does_not(signer: KeySigner) -> None:
    options = RecordOptions(digest_cache="cache")
    started = start("edit", signer=signer, materials=["src"], options=options)
    assert started.link.materials["src/a"] == LIE
    lie("src/b")
    stopped = stop("edit", signer=signer, products=["src"], options=options)
    assert stopped.link.products["src/a"] == TRUE
    assert stopped.link.products["src/b"] == digests("bbb")


def test_a_started_recording_refuses_a_cache_among_its_materials(here: Path, signer: KeySigner) -> None:
    with pytest.raises(UsageError, match="would be recorded itself"):
        start("edit", signer=signer, materials=["."], options=RecordOptions(digest_cache="cache"))
    assert not [*here.glob(".edit*")]


def test_the_programming_interface_offers_it(here: Path) -> None:
    custody.generate("key")
    with custody.record(
        "edit", signing_key="key", materials=["src"], products=["src"], options=RecordOptions(digest_cache="cache")
    ):
        (here / "src" / "b").write_text("new")
    (path,) = here.glob("*.link")
    envelope = custody.read_envelope(path.read_bytes())
    assert isinstance(envelope, custody.Metablock)
    assert envelope.document["materials"] == {"src/a": LIE, "src/b": digests("bbb"), "src/in/c": digests("in/c" * 3)}
    assert envelope.document["products"] == {"src/a": TRUE, "src/b": digests("new"), "src/in/c": digests("in/c" * 3)}


@pytest.mark.parametrize("kind", [InspectionOptions, Verification])
def test_what_verifies_has_no_cache(kind: type[Value]) -> None:
    assert not [field for field in kind._fields if "cache" in field]
