from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from custody.artifacts.recording import Recorded, Recording
from custody.artifacts.resolvers import default_resolvers
from custody.encoding.instants import read_instant
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import FormatError, RecordingError, SignatureError, StoreError
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import generate
from custody.workflows.links import read_signed_link
from custody.workflows.record import PRELIMINARY_TYPE, RecordOptions, preliminary_path, start, stop
from custody.workflows.run import run
from tests.simulator import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def new_signer() -> KeySigner:
    key = generate()
    return KeySigner(key, public_key_of(key, "test"))


@pytest.fixture
def signer() -> KeySigner:
    return new_signer()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a").write_text("one")
    return tmp_path


def names(here: Path) -> set[str]:
    return {path.name for path in here.iterdir()}


def test_link_has_the_materials_of_the_start_and_the_products_of_the_stop(here: Path, signer: KeySigner) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    options = RecordOptions(environment={"where": "desk", "who": "first"})
    started = start("edit", signer=signer, materials=["src"], options=options)
    short = signer.public_key.keyid[:8]
    assert started.path == f".edit.{short}.link-unfinished"
    assert names(here) == {"src", started.path}
    (here / "src" / "a").write_text("two")
    stopped = stop("edit", signer=signer, products=["src"], options=RecordOptions(environment={"who": "last"}))
    assert stopped.path == f"edit.{short}.link"
    assert names(here) == {"src", stopped.path}
    signed = read_signed_link(stopped.path, [signer.public_key])
    assert signed.link == stopped.link
    assert dict(signed.link.materials) == {"src/a": digests("one")}
    assert dict(signed.link.products) == {"src/a": digests("two")}
    assert (signed.link.command, dict(signed.link.byproducts)) == ((), {})
    environment = dict(signed.link.environment)
    times = [read_instant(environment.pop(name), name) for name in ("startedOn", "finishedOn")]
    assert before <= times[0] <= times[1] <= datetime.now(UTC)
    assert environment == {"where": "desk", "who": "last"}


def test_start_time_is_the_starts_not_the_stops(here: Path, signer: KeySigner) -> None:
    path = start("edit", signer=signer).path
    change_signed(here / path, signer, lambda document: document.update(startedOn="2020-02-03T04:05:06Z"))
    assert stop("edit", signer=signer).link.environment["startedOn"] == "2020-02-03T04:05:06Z"


def change_signed(path: Path, signer: KeySigner, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the preliminary file as its own key holder can: with a good signature."""
    envelope = read_envelope(path.read_bytes())
    document = dict(envelope.content())
    change(document)
    changed = Metablock.wrap(document)
    signature = signer.sign(changed.signed_bytes)
    path.write_bytes(changed.with_signature(signer.public_key.keyid, signature).write())


@pytest.mark.parametrize(("use_dsse", "kind"), [(False, "metablock"), (True, "dsse")])
def test_final_link_is_a_metablock_unless_dsse_is_asked_for(
    here: Path, signer: KeySigner, use_dsse: bool, kind: str
) -> None:
    start("edit", signer=signer)
    stopped = stop("edit", signer=signer, options=RecordOptions(use_dsse=use_dsse))
    assert read_envelope((here / stopped.path).read_bytes()).kind == kind


def test_stop_remembers_that_the_start_asked_for_dsse(here: Path, signer: KeySigner) -> None:
    start("edit", signer=signer, options=RecordOptions(use_dsse=True))
    assert read_envelope((here / stop("edit", signer=signer).path).read_bytes()).kind == "dsse"


def test_amended_link_is_the_one_that_is_signed(signer: KeySigner) -> None:
    start("edit", signer=signer)
    stopped = stop("edit", signer=signer, options=RecordOptions(amend=lambda link: link.replace(command=("vi", "a"))))
    assert read_signed_link(stopped.path, [signer.public_key]).link == stopped.link
    assert stopped.link.command == ("vi", "a")


def test_given_resolvers_record_at_start_and_stop(signer: KeySigner) -> None:
    def resolve(references: Sequence[str], _: Recording) -> Recorded:
        return Recorded(artifacts={f"made:{reference}": digests(reference) for reference in references})

    options = RecordOptions(resolvers={**default_resolvers(), "made": resolve})
    start("edit", signer=signer, materials=["made:one"], options=options)
    link = stop("edit", signer=signer, products=["made:two"], options=options).link
    assert (dict(link.materials), dict(link.products)) == ({"made:one": digests("one")}, {"made:two": digests("two")})


def test_directories_of_both_files_can_be_chosen(here: Path, signer: KeySigner) -> None:
    (here / "waiting").mkdir()
    (here / "links").mkdir()
    options = RecordOptions(directory="waiting", metadata_directory="links")
    started = start("edit", signer=signer, options=options)
    assert started.path.startswith("waiting/.edit.")
    with pytest.raises(StoreError, match="was not started here"):
        stop("edit", signer=signer)
    assert stop("edit", signer=signer, options=options).path.startswith("links/edit.")
    assert names(here / "waiting") == set()


def test_preliminary_file_renamed_to_a_link_is_no_evidence(here: Path, signer: KeySigner) -> None:
    path = here / start("edit", signer=signer, materials=["src"]).path
    link = path.rename(here / f"edit.{signer.public_key.keyid[:8]}.link")
    for keys in ([], [signer.public_key]):
        with pytest.raises(FormatError, match="expected a link, got 'a preliminary'"):
            read_signed_link(str(link), keys)


def test_preliminary_file_relabelled_as_a_link_loses_its_signature(here: Path, signer: KeySigner) -> None:
    path = here / start("edit", signer=signer).path
    document = json.loads(path.read_text())
    assert document["signed"]["_type"] == PRELIMINARY_TYPE
    document["signed"]["_type"] = "link"
    path.write_text(json.dumps(document))
    assert signed_by(read_envelope(path.read_bytes()), [signer.public_key]) == ()
    with pytest.raises(SignatureError, match="none of the given keys signed it"):
        read_signed_link(str(path), [signer.public_key])
    with pytest.raises(FormatError, match="name"):  # nor is its content a link's
        read_signed_link(str(path))


def test_tampered_preliminary_file_is_refused_and_kept(here: Path, signer: KeySigner) -> None:
    path = here / start("edit", signer=signer, materials=["src"]).path
    path.write_text(path.read_text().replace('"src/a"', '"src/b"'))
    with pytest.raises(SignatureError, match="is not as this key signed it"):
        stop("edit", signer=signer, products=["src"])
    assert names(here) == {"src", path.name}


def test_preliminary_file_of_another_key_is_refused(here: Path, signer: KeySigner) -> None:
    other = new_signer()
    path = here / start("edit", signer=other).path
    path.rename(preliminary_path(str(here), "edit", signer.public_key.keyid))
    with pytest.raises(SignatureError, match="made by another key"):
        stop("edit", signer=signer)


def test_preliminary_file_of_another_step_is_refused(here: Path, signer: KeySigner) -> None:
    path = here / start("edit", signer=signer).path
    path.rename(preliminary_path(str(here), "review", signer.public_key.keyid))
    with pytest.raises(FormatError, match=r"link\.name: expected the step 'review', got 'edit'"):
        stop("review", signer=signer)
    assert not list(here.glob("*.link"))


def test_link_in_the_place_of_a_preliminary_file_is_refused(here: Path, signer: KeySigner) -> None:
    made = here / run("edit", [], signer=signer).path
    made.rename(preliminary_path(str(here), "edit", signer.public_key.keyid))
    with pytest.raises(FormatError, match="expected a recording started by custody"):
        stop("edit", signer=signer)


def test_malformed_preliminary_file_is_an_error_with_its_name(here: Path, signer: KeySigner) -> None:
    path = here / start("edit", signer=signer).path
    for text in ("", "{", "[]", '{"payload": 3}'):
        path.write_text(text)
        with pytest.raises(FormatError, match=path.name):
            stop("edit", signer=signer)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match=r"not a regular file|Is a directory"):
        stop("edit", signer=signer)


def test_stop_without_start_says_how_to_start(here: Path, signer: KeySigner) -> None:
    with pytest.raises(StoreError, match="custody record start --step-name edit --signing-key KEY"):
        stop("edit", signer=signer)
    other = start("edit", signer=new_signer()).path
    with pytest.raises(StoreError, match=f"there is {other}, by another key"):
        stop("edit", signer=signer)
    assert names(here) == {"src", other}


def test_start_does_not_replace_an_earlier_start(here: Path, signer: KeySigner) -> None:
    path = here / start("edit", signer=signer, materials=["src"]).path
    before = path.read_bytes()
    since = json.loads(before)["signed"]["startedOn"]
    with pytest.raises(StoreError, match=f"was started at {since} .* --force"):
        start("edit", signer=signer)
    assert path.read_bytes() == before
    path.write_text("{")
    with pytest.raises(StoreError, match="its file cannot be used"):
        start("edit", signer=signer)
    start("edit", signer=signer, options=RecordOptions(force=True))
    assert dict(stop("edit", signer=signer).link.materials) == {}


def test_missing_product_leaves_the_recording_open(here: Path, signer: KeySigner) -> None:
    path = start("edit", signer=signer).path
    with pytest.raises(RecordingError, match="missing"):
        stop("edit", signer=signer, products=["missing"])
    assert names(here) == {"src", path}
    (here / "missing").write_text("there")
    assert dict(stop("edit", signer=signer, products=["missing"]).link.products) == {"missing": digests("there")}


def test_link_that_cannot_be_written_leaves_the_recording_open(here: Path, signer: KeySigner) -> None:
    path = start("edit", signer=signer).path
    (here / f"edit.{signer.public_key.keyid[:8]}.link").mkdir()
    with pytest.raises(StoreError, match="cannot write the link"):
        stop("edit", signer=signer)
    assert (here / path).exists()


def test_missing_material_starts_nothing(here: Path, signer: KeySigner) -> None:
    with pytest.raises(RecordingError, match="missing"):
        start("edit", signer=signer, materials=["missing"])
    assert names(here) == {"src"}


@pytest.mark.parametrize("name", ["../x", "a/b", ""])
def test_name_that_is_no_file_name_is_refused(here: Path, signer: KeySigner, name: str) -> None:
    for act in (start, stop):
        with pytest.raises(FormatError, match="step name: expected a"):
            act(name, signer=signer)
    assert names(here) == {"src"}


def test_missing_directories_are_refused(signer: KeySigner) -> None:
    with pytest.raises(StoreError, match="'gone'"):
        start("edit", signer=signer, options=RecordOptions(directory="gone"))
    start("edit", signer=signer)
    with pytest.raises(StoreError, match="'gone'"):
        stop("edit", signer=signer, options=RecordOptions(metadata_directory="gone"))


def test_recording_options_hold_at_start_and_stop(signer: KeySigner) -> None:
    options = RecordOptions(recording=Recording(lstrip_paths=("src/",)))
    start("edit", signer=signer, materials=["src"], options=options)
    link = stop("edit", signer=signer, products=["src"], options=options).link
    assert (set(link.materials), set(link.products)) == ({"a"}, {"a"})
