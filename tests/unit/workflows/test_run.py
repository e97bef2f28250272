from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from custody.artifacts.recording import Recorded, Recording
from custody.artifacts.resolvers import default_resolvers
from custody.encoding.instants import read_instant
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import ExecutionError, FormatError, RecordingError, StoreError, UsageError
from custody.models.link import read_link
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import generate
from custody.workflows.execution import Execution
from custody.workflows.run import RunOptions, perform, run
from tests.simulator import digests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from custody.rules.artifacts import Artifacts

QUIET = Execution(show_streams=False)


@pytest.fixture
def signer() -> KeySigner:
    key = generate()
    return KeySigner(key, public_key_of(key, "test"))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a").write_text("one")
    return tmp_path


def names(here: Path) -> set[str]:
    return {path.name for path in here.iterdir()}


def test_link_says_what_was_there_what_was_run_and_what_is_there(here: Path, signer: KeySigner) -> None:
    script = "printf two > src/a; printf three > src/b; echo out; echo err >&2"
    before = datetime.now(UTC).replace(microsecond=0)
    result = run(
        "build",
        ["sh", "-c", script],
        signer=signer,
        materials=["src"],
        products=["src"],
        options=RunOptions(execution=Execution(record_streams=True, show_streams=False), environment={"ci": "no"}),
    )
    assert result.path == f"build.{signer.public_key.keyid[:8]}.link"
    envelope = read_envelope((here / result.path).read_bytes())
    assert signed_by(envelope, [signer.public_key]) == (signer.public_key,)
    assert read_link(envelope.content()) == result.link
    content = json.loads((here / result.path).read_text())["signed"]
    times = [read_instant(content["environment"].pop(name), name) for name in ("startedOn", "finishedOn")]
    assert before <= times[0] <= times[1] <= datetime.now(UTC)
    assert content == {
        "_type": "link",
        "name": "build",
        "command": ["sh", "-c", script],
        "materials": {"src/a": digests("one")},
        "products": {"src/a": digests("two"), "src/b": digests("three")},
        "byproducts": {"stdout": "out\n", "stderr": "err\n", "return-value": 0},
        "environment": {"ci": "no"},
    }
    assert (result.return_value, result.timed_out, result.failed, result.warnings) == (0, False, False, ())


@pytest.mark.parametrize("use_dsse", [False, True])
def test_link_of_many_files_says_what_each_of_them_holds(here: Path, signer: KeySigner, use_dsse: bool) -> None:
    for number in range(1200):
        (here / "src" / f"{number}é").write_text(f"{number}")
    options = RunOptions(use_dsse=use_dsse, execution=QUIET)
    change = ["sh", "-c", "printf changed > src/7é"]
    result = run("build", change, signer=signer, materials=["src"], products=["src"], options=options)
    expected = {"src/a": digests("one"), **{f"src/{number}é": digests(f"{number}") for number in range(1200)}}
    assert result.link is not None
    assert (result.link.materials, len(result.link.products)) == (expected, 1201)
    assert result.link.products == {**expected, "src/7é": digests("changed")} != expected
    envelope = read_envelope((here / result.path).read_bytes())
    assert signed_by(envelope, [signer.public_key]) == (signer.public_key,)
    assert envelope.content() == result.link.document() == json.loads(json.dumps(result.link.document()))
    assert read_link(envelope.content()) == result.link


def test_performed_step_has_a_link_and_writes_none(here: Path) -> None:
    result = perform("build", ["true"], materials=["src"], options=RunOptions(execution=QUIET))
    assert result.link is not None
    assert (result.link.command, dict(result.link.materials)) == (("true",), {"src/a": digests("one")})
    assert (result.path, names(here)) == ("", {"src"})
    assert perform("build", ["false"], options=RunOptions(execution=QUIET)).link is None


def test_given_resolvers_record_materials_and_products() -> None:
    def resolve(references: Sequence[str], _: Recording) -> Recorded:
        return Recorded(artifacts={f"made:{reference}": digests(reference) for reference in references})

    options = RunOptions(resolvers={**default_resolvers(), "made": resolve})
    link = perform("build", [], materials=["made:one"], products=["made:two", "src"], options=options).link
    assert link is not None
    assert dict(link.materials) == {"made:one": digests("one")}
    assert dict(link.products) == {"made:two": digests("two"), "src/a": digests("one")}


def test_tampered_link_is_not_the_signers(here: Path, signer: KeySigner) -> None:
    result = run("build", ["true"], signer=signer, options=RunOptions(execution=QUIET))
    data = (here / result.path).read_bytes()
    changed = data.replace(b'"return-value": 0', b'"return-value": 1')
    assert changed != data
    assert signed_by(read_envelope(data), [signer.public_key])
    assert not signed_by(read_envelope(changed), [signer.public_key])


@pytest.mark.parametrize(("use_dsse", "kind"), [(False, "metablock"), (True, "dsse")])
def test_envelope_is_a_metablock_unless_dsse_is_asked_for(
    here: Path, signer: KeySigner, use_dsse: bool, kind: str
) -> None:
    result = run("build", ["true"], signer=signer, options=RunOptions(use_dsse=use_dsse))
    envelope = read_envelope((here / result.path).read_bytes())
    assert envelope.kind == kind
    assert signed_by(envelope, [signer.public_key])


def test_streams_that_were_not_recorded_are_empty(signer: KeySigner) -> None:
    result = run("build", ["echo", "hi"], signer=signer, options=RunOptions(execution=QUIET))
    assert result.link is not None
    assert result.link.byproducts == {"stdout": "", "stderr": "", "return-value": 0}


def test_run_without_a_command_has_no_byproducts(signer: KeySigner) -> None:
    result = run("tag", [], signer=signer, products=["src"])
    assert result.link is not None
    assert (result.link.command, dict(result.link.byproducts)) == ((), {})
    assert set(result.link.environment) == {"startedOn", "finishedOn"}
    assert dict(result.link.products) == {"src/a": digests("one")}
    assert (result.return_value, result.failed) == (None, False)


@pytest.mark.parametrize("script", ["exit 3", "kill -KILL $$"])
def test_failed_command_leaves_no_link(here: Path, signer: KeySigner, script: str) -> None:
    result = run("build", ["sh", "-c", script], signer=signer, products=["missing"])
    assert (result.link, result.path, result.failed) == (None, "", True)
    assert result.return_value in {3, -9}
    assert names(here) == {"src"}


def test_failed_command_leaves_a_link_if_that_is_asked_for(here: Path, signer: KeySigner) -> None:
    result = run(
        "build",
        ["sh", "-c", "exit 3"],
        signer=signer,
        products=["src", "missing"],
        options=RunOptions(record_failure=True),
    )
    assert result.link is not None
    assert (result.link.return_value, result.return_value) == (3, 3)
    assert dict(result.link.products) == {"src/a": digests("one")}
    assert any("missing" in warning for warning in result.warnings)
    assert names(here) == {"src", result.path}


def test_failed_command_counts_more_than_products_that_cannot_be_recorded(here: Path, signer: KeySigner) -> None:
    result = run(
        "build",
        ["sh", "-c", "mkfifo pipe; exit 3"],
        signer=signer,
        products=["pipe"],
        options=RunOptions(record_failure=True),
    )
    assert (result.link, result.return_value) == (None, 3)
    assert "no link was written: " in result.warnings[0]
    assert names(here) == {"src", "pipe"}


def test_command_that_ends_well_only_because_its_time_was_over_failed(signer: KeySigner) -> None:
    options = RunOptions(execution=Execution(timeout=0.3, grace=30), record_failure=True)
    script = 'trap "exit 0" TERM; sleep 1000 & wait'
    result = run("build", ["sh", "-c", script], signer=signer, options=options)
    assert (result.return_value, result.timed_out, result.failed) == (0, True, True)
    assert result.link is not None
    assert result.link.return_value == 124


def test_missing_product_is_an_error_and_there_is_no_link(here: Path, signer: KeySigner) -> None:
    with pytest.raises(RecordingError, match="missing"):
        run("build", ["true"], signer=signer, products=["missing"])
    assert names(here) == {"src"}


def test_missing_material_is_an_error_before_the_command_runs(here: Path, signer: KeySigner) -> None:
    with pytest.raises(RecordingError, match="missing"):
        run("build", ["touch", "ran"], signer=signer, materials=["missing"])
    assert names(here) == {"src"}


def test_fifo_in_the_materials_is_refused_without_waiting(here: Path, signer: KeySigner) -> None:
    os.mkfifo(here / "src" / "pipe")
    with pytest.raises(RecordingError, match="FIFO"):
        run("build", ["touch", "ran"], signer=signer, materials=["src"])
    assert names(here) == {"src"}


@pytest.mark.parametrize("name", ["../x", "a/b", "", "..", "a\nb", "x" * 300, "a\0b", "\udcff"])
def test_name_that_is_no_file_name_is_refused_before_the_command_runs(here: Path, signer: KeySigner, name: str) -> None:
    with pytest.raises(FormatError, match="step name: expected a"):
        run(name, ["touch", "ran"], signer=signer)
    assert names(here) == {"src"}
    assert set(here.parent.glob("*.link")) == set()


@pytest.mark.parametrize("directory", ["gone", "src/a", "/proc/self/fd/99/x"])
def test_directory_that_cannot_hold_links_is_refused_before_the_command_runs(
    here: Path, signer: KeySigner, directory: str
) -> None:
    with pytest.raises(StoreError, match="cannot write links into"):
        run("x", ["touch", "ran"], signer=signer, options=RunOptions(metadata_directory=directory))
    assert names(here) == {"src"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_without_write_permission_is_refused_before_the_command_runs(here: Path, signer: KeySigner) -> None:
    (here / "locked").mkdir(mode=0o500)
    with pytest.raises(StoreError, match="not writable"):
        run("x", ["touch", "ran"], signer=signer, options=RunOptions(metadata_directory="locked"))
    assert names(here) == {"src", "locked"}


def test_link_goes_into_the_metadata_directory(here: Path, signer: KeySigner) -> None:
    (here / "links").mkdir()
    result = run("x", [], signer=signer, options=RunOptions(metadata_directory="links"))
    assert result.path == f"links/x.{signer.public_key.keyid[:8]}.link"
    assert names(here / "links") == {os.path.basename(result.path)}


def test_link_replaces_the_older_one_whole(here: Path, signer: KeySigner) -> None:
    first = run("x", ["echo", "first"], signer=signer)
    second = run("x", ["echo", "second"], signer=signer)
    assert first.path == second.path
    link = read_link(read_envelope((here / second.path).read_bytes()).content())
    assert link.command == ("echo", "second")
    assert names(here) == {"src", second.path}


def test_link_that_cannot_be_written_leaves_nothing_behind(here: Path, signer: KeySigner) -> None:
    path = here / f"x.{signer.public_key.keyid[:8]}.link"
    path.mkdir()
    with pytest.raises(StoreError, match="cannot write the link"):
        run("x", ["true"], signer=signer)
    assert names(here) == {"src", path.name}
    assert names(path) == set()


@pytest.mark.parametrize("accepts", [True, False])
def test_materials_are_checked_before_the_command_runs(here: Path, signer: KeySigner, accepts: bool) -> None:
    seen: list[Artifacts] = []

    def check(materials: Artifacts) -> None:
        seen.append(dict(materials))
        if not accepts:
            raise FormatError("not what the step before made")

    options = RunOptions(check_materials=check)
    if accepts:
        run("x", ["touch", "ran"], signer=signer, materials=["src"], options=options)
    else:
        with pytest.raises(FormatError, match="not what the step before made"):
            run("x", ["touch", "ran"], signer=signer, materials=["src"], options=options)
    assert seen == [{"src/a": digests("one")}]
    assert (here / "ran").exists() == accepts


def test_recording_options_hold_before_and_after(signer: KeySigner) -> None:
    options = RunOptions(recording=Recording(lstrip_paths=("src/",), hash_algorithms=("sha512",)))
    result = run("x", [], signer=signer, materials=["src"], products=["src"], options=options)
    assert result.link is not None
    assert set(result.link.materials) == set(result.link.products) == {"a"}
    assert set(result.link.products["a"]) == {"sha512"}


def test_command_that_cannot_be_started_leaves_nothing(here: Path, signer: KeySigner) -> None:
    with pytest.raises(ExecutionError):
        run("x", ["no-such-program-anywhere"], signer=signer, options=RunOptions(record_failure=True))
    assert names(here) == {"src"}


@pytest.mark.parametrize("environment", [{"startedOn": "now"}, {"x": "\udcff"}, {"\udcff": "x"}])
def test_environment_that_no_link_can_hold_is_refused_before_the_command_runs(
    here: Path, signer: KeySigner, environment: dict[str, str]
) -> None:
    with pytest.raises(UsageError, match="environment: "):
        run("x", ["touch", "ran"], signer=signer, options=RunOptions(environment=environment))
    assert names(here) == {"src"}


def test_link_is_plain_json_for_other_tools(here: Path, signer: KeySigner) -> None:
    result = run("x", ["printf", "\\377é"], signer=signer)
    document = json.loads((here / result.path).read_text(encoding="utf-8"))
    assert document["signed"]["command"] == ["printf", "\\377é"]
