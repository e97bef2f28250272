"""Extracting links: names that stay in the directory, files that stay as they are."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from custody.errors import FormatError, StoreError
from custody.models.predicates.link_bundle import write_link_bundle
from custody.oci.documents import Document, read_documents
from custody.workflows import extract
from custody.workflows.extract import extract_links
from tests.attachments import attestation, link
from tests.simulator import actor, signed

LINK = "https://in-toto.io/attestation/link/v0.3"
BUNDLE = "urn:custody:link-bundle:v1"


def metablock(document: dict[str, Any], title: str = "", who: str = "alice") -> Document:
    (found,) = read_documents(signed(document, actor(who)).write(), title=title)
    return found


def predicated(predicate_type: str, predicate: object) -> Document:
    subject = [{"name": "app", "digest": {"sha256": "0" * 64}}]
    document = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": predicate_type}
    (found,) = read_documents(attestation({**document, "predicate": predicate}, keyids=True))
    return found


def names(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_link_gets_the_name_by_which_verifiers_look_for_it(tmp_path: Path) -> None:
    document = metablock(link("build"), title="something-else")

    paths, problems = extract_links([document], str(tmp_path / "new"))

    assert problems == ()
    assert names(tmp_path / "new") == [f"build.{actor('alice').keyid:.8}.link"]
    assert paths == (str(tmp_path / "new" / f"build.{actor('alice').keyid:.8}.link"),)
    assert Path(paths[0]).read_bytes() == document.raw


def test_links_of_a_bundle_keep_their_names_and_directories(tmp_path: Path) -> None:
    links = {"build.1.link": b"one", "build.1/inner.2.link": b"two"}

    extract_links([predicated(BUNDLE, write_link_bundle(links))], str(tmp_path))

    assert names(tmp_path) == ["build.1.link", "build.1/inner.2.link"]
    assert (tmp_path / "build.1" / "inner.2.link").read_bytes() == b"two"


OWN_TYPE = "https://example.com/in-toto-bundle/v1"


def test_bundle_of_a_type_of_its_owners_is_extracted_by_its_form(tmp_path: Path) -> None:
    paths, problems = extract_links([predicated(OWN_TYPE, write_link_bundle({"build.1.link": b"one"}))], str(tmp_path))

    assert (names(tmp_path), len(paths), problems) == (["build.1.link"], 1, ())


def test_bundle_of_a_type_of_its_owners_with_a_link_that_was_changed_is_said_to_be_wrong(tmp_path: Path) -> None:
    predicate = write_link_bundle({"build.1.link": b"one"})
    predicate["links"][0]["content"] = "dHdv"

    paths, (problem,) = extract_links([predicated(OWN_TYPE, predicate)], str(tmp_path))

    assert paths == ()
    assert "got content with another" in problem


@pytest.mark.parametrize(
    "predicate",
    [
        {"links": []},
        {"links": ["build.1.link"]},
        {"links": [{"name": "build", "digest": {}, "content": ""}]},
        {"links": [{"name": "build.1.link", "digest": {}}]},
        {**write_link_bundle({"build.1.link": b"one"}), "more": 1},
    ],
)
def test_predicate_of_another_form_is_no_bundle(tmp_path: Path, predicate: object) -> None:
    assert extract_links([predicated(OWN_TYPE, predicate)], str(tmp_path)) == ((), ())


def test_link_predicate_is_extracted_in_the_envelope_that_was_signed(tmp_path: Path) -> None:
    document = predicated(LINK, {"name": "build", "materials": []})

    extract_links([document], str(tmp_path))

    assert (tmp_path / f"build.{actor('alice').keyid:.8}.link").read_bytes() == document.raw


def test_sublayout_keeps_the_name_of_its_file(tmp_path: Path) -> None:
    extract_links([metablock({"_type": "layout"}, title="build.12345678.link")], str(tmp_path))
    assert names(tmp_path) == ["build.12345678.link"]


def test_other_predicates_have_no_links(tmp_path: Path) -> None:
    assert extract_links([predicated("https://example.com/x", {"name": "build"})], str(tmp_path)) == ((), ())
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/b", "..", "", "a\\b", "a\nb", "x" * 201])
def test_name_that_leads_elsewhere_is_a_problem_and_the_others_are_extracted(tmp_path: Path, name: str) -> None:
    bundle = predicated(BUNDLE, {"links": [{"name": f"{name}.link/x", "digest": {"sha256": "0"}, "content": ""}]})
    bad = [metablock(link(name)), predicated(LINK, {"name": name}), metablock({"_type": "layout"}, f"{name}/x.link")]

    _, problems = extract_links([*bad, bundle, metablock(link("build"))], str(tmp_path / "links"))

    assert len(problems) == 4
    assert names(tmp_path) == [f"links/build.{actor('alice').keyid:.8}.link"]


@pytest.mark.parametrize("title", ["", ".link", "evil.sh", ".hidden.link", "../x.link"])
def test_sublayout_without_the_name_of_a_link_is_a_problem(tmp_path: Path, title: str) -> None:
    _, problems = extract_links([metablock({"_type": "layout"}, title)], str(tmp_path))
    assert len(problems) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("keyid", ["../../x", "a/b"])
def test_key_id_that_leads_elsewhere_is_a_problem(tmp_path: Path, keyid: str) -> None:
    envelope = signed(link("build"))
    (document,) = read_documents(envelope.with_signature(keyid, b"sig").write())

    _, problems = extract_links([document], str(tmp_path))

    assert len(problems) == 1
    assert names(tmp_path) == []


def test_file_that_differs_stays_and_nothing_else_is_written(tmp_path: Path) -> None:
    there = tmp_path / f"build.{actor('alice').keyid:.8}.link"
    there.write_bytes(b"mine")

    with pytest.raises(StoreError, match="differs from the one that hangs on the image"):
        extract_links([metablock(link("test")), metablock(link("build"))], str(tmp_path))

    assert there.read_bytes() == b"mine"
    assert names(tmp_path) == [there.name]


def test_file_that_is_the_same_stays(tmp_path: Path) -> None:
    document = metablock(link("build"))
    first = extract_links([document], str(tmp_path))
    assert extract_links([document, document], str(tmp_path)) == first
    assert len(names(tmp_path)) == 1


def test_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "build.1").symlink_to(tmp_path / "outside")

    with pytest.raises(StoreError, match="a symbolic link is there"):
        extract_links([predicated(BUNDLE, write_link_bundle({"build.1/x.2.link": b"x"}))], str(tmp_path / "links"))
    assert list((tmp_path / "outside").iterdir()) == []


def test_two_different_links_of_one_name_are_both_there(tmp_path: Path) -> None:
    """Which of them counts is for the verifier to say, not for whoever attached last."""
    first, second = metablock(link("build")), metablock(link("build", app="0" * 64))

    extract_links([first, second, first], str(tmp_path))

    found = {(tmp_path / name).read_bytes() for name in names(tmp_path)}
    assert found == {first.raw, second.raw}
    assert all(name.startswith("build.") and len(name.split(".")[1]) == 8 for name in names(tmp_path))


def test_link_never_takes_the_place_of_another(tmp_path: Path) -> None:
    """Eight digits can be tried out: the third link's other name is that of the first."""
    second, third = metablock(link("build")), metablock(link("build", app="1" * 64))
    taken = f"build.{hashlib.sha256(third.raw).hexdigest():.8}.link"
    first = predicated(BUNDLE, write_link_bundle({taken: b"first"}))

    extract_links([first, second, third], str(tmp_path))

    assert (tmp_path / taken).read_bytes() == b"first"
    assert {(tmp_path / name).read_bytes() for name in names(tmp_path)} == {b"first", second.raw, third.raw}
    assert all(len(name.split(".")[1]) == 8 for name in names(tmp_path))


def test_directory_in_the_place_of_a_link_is_a_problem_and_the_link_is_extracted(tmp_path: Path) -> None:
    good = metablock(link("build"))
    name = f"build.{actor('alice').keyid:.8}.link"
    entry = {"name": f"{name}/x.link", "digest": {"sha256": hashlib.sha256(b"x").hexdigest()}, "content": "eA=="}

    _, problems = extract_links([predicated(BUNDLE, {"links": [entry]}), good], str(tmp_path))

    assert [problem.partition(" is in ")[2] for problem in problems] == ["a directory that is called like a link"]
    assert (tmp_path / name).read_bytes() == good.raw


def test_unnamed_signer_gets_a_label_of_the_content(tmp_path: Path) -> None:
    envelope = signed(link("build"), dsse=True)
    (document,) = read_documents(envelope.with_signature("", b"sig").write())

    (path,), _ = extract_links([document], str(tmp_path))

    assert len(Path(path).name.split(".")[1]) == 8


@pytest.mark.parametrize(("limit", "most"), [("MAX_EXTRACTED", 1), ("MAX_EXTRACTED_BYTES", 600)])
def test_more_links_than_may_be_are_refused_and_none_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    links = [metablock(link("build")), metablock(link("test"))]
    assert len(links[0].raw) < 600 < sum(len(each.raw) for each in links)
    monkeypatch.setattr(extract, limit, most)

    with pytest.raises(FormatError, match="on one image, got more"):
        extract_links(links, str(tmp_path))
    assert names(tmp_path) == []
    assert extract_links(links[:1], str(tmp_path))[1] == ()
