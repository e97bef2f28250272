"""`custody attach`, `custody download` and `custody tree`, for images on disk and in a registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.models.predicates.link_bundle import write_link_bundle
from custody.oci.descriptor import Descriptor
from custody.oci.documents import read_documents
from custody.stores.images import ImageStore
from custody.stores.layout import open_layout
from custody.stores.registry import open_repository
from custody.workflows.attach import attach
from custody.workflows.download import found_on
from tests.attachments import TYPE, attestation, link, put_image, put_index, put_referrer, statement
from tests.fake_registry import FakeRegistry
from tests.simulator import actor, signed

OTHER = "https://example.com/other"


@pytest.fixture(autouse=True)
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Descriptor:
    """An image `oci:image:v1`, and in the directory files to attach to it."""
    monkeypatch.chdir(tmp_path)
    made = put_image(open_layout("image", create=True), "v1")
    Path("a.json").write_bytes(attestation(statement(made)))
    Path("b.json").write_bytes(attestation(statement(made, OTHER)))
    Path("build.1.link").write_bytes(signed(link("build"), actor("alice")).write())
    Path("test.1.link").write_bytes(signed(link("test"), actor("bob")).write())
    return made


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


def layout() -> ImageStore:
    return open_layout("image")


def hanging(image: Descriptor, store: ImageStore | None = None) -> list[str]:
    """Return the types and steps of what hangs on `image`, by place."""
    found = []
    for each in found_on(store or layout(), image.digest):
        assert each.document is not None, each.problem
        place = "att" if ".att in " in each.place else "referrer"
        found.append(f"{place} {each.document.step or each.document.predicate_type}")
    return sorted(found)


def run(*arguments: str) -> int:
    return main(list(arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--attestation", "a.json", "b.json", "oci:image:v1"],
        ["--attestation", "a.json", "--attestation", "b.json", "oci:image:v1"],
        ["oci:image:v1", "--attestation", "a.json", "b.json"],
        ["--attestation", "a.json", "b.json", "oci:image:v1", "--yes"],
    ],
)
def test_several_attestations_are_attached(image: Descriptor, arguments: list[str]) -> None:
    assert run("attach", "attestation", *arguments) == 0
    assert hanging(image) == [f"referrer {TYPE}", f"referrer {OTHER}"]


def test_digest_and_what_was_stored_how_are_printed(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("attach", "attestation", "--attestation", "a.json", "build.1.link", "oci:image:v1") == 0

    out, err = capsys.readouterr()
    assert out == f"oci:image@{image.digest}: 2 documents attached\n"
    remark = "cosign passes over it, since it is a link, no statement; other clients see "
    assert err.splitlines() == [
        f"oci:image:v1 is {image.digest}",
        f"a.json: {TYPE} as a Sigstore bundle, by a referrer",
        f"build.1.link: link build as it is, by a referrer; {remark}application/vnd.custody.link.v1+json",
    ]


def test_legacy_attaches_as_cosign_2_does(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("attach", "attestation", "--legacy", "oci:image:v1", "--attestation", "a.json", "build.1.link")
    assert run(*arguments) == 0

    assert hanging(image) == [f"att {TYPE}", "referrer build"]
    err = capsys.readouterr().err
    assert f"a.json: {TYPE} in the .att manifest\n" in err
    assert "--legacy has no place for it, so it became a referrer too" in err


def test_lines_and_bundles_are_attached(image: Descriptor) -> None:
    Path("many.intoto.jsonl").write_bytes(Path("a.json").read_bytes() + b"\n\n" + Path("b.json").read_bytes() + b"\n")
    (bundle,) = read_documents(Path("a.json").read_bytes())[0].bundles()
    Path("bundle.json").write_bytes(bundle)

    assert run("attach", "attestation", "--attestation", "many.intoto.jsonl", "bundle.json", "oci:image:v1") == 0
    assert hanging(image) == [f"referrer {TYPE}", f"referrer {OTHER}"]


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        ({"predicateType": ""}, "cosign finds it by no --type"),
        ({"more": 1}, "the field 'more', which is in no specification"),
        ({"predicate": "text"}, "its predicate is no object"),
        ({"subject": [{"digest": {"sha256": "XYZ"}}]}, "a 'sha256' that is not hexadecimal"),
        ({"subject": [{"digest": {}, "more": 1}]}, "subject[0] has the field 'more'"),
        ({"subject": "app"}, "subject: expected a list"),
    ],
)
def test_what_cosign_will_not_see_is_said(
    image: Descriptor, capsys: pytest.CaptureFixture[str], change: dict[str, Any], remark: str
) -> None:
    Path("odd.json").write_bytes(attestation(statement(image) | change))

    assert run("attach", "attestation", "--attestation", "odd.json", "oci:image:v1") == 0
    assert remark in capsys.readouterr().err
    assert len(hanging(image)) == 1


def test_payload_type_that_cosign_does_not_read_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(Path("a.json").read_text())
    document["payloadType"] = "application/vnd.in-toto.provenance+json"
    Path("odd.json").write_text(json.dumps(document))

    assert run("attach", "attestation", "--attestation", "odd.json", "oci:image:v1", "--legacy") == 0
    assert "cosign reads the payload type application/vnd.in-toto+json only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        ({"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2"}, "a bundle of an older version"),
        ({"mediaType": "application/vnd.dev.sigstore.bundle.v0.2+json"}, "a bundle of an older version"),
    ],
)
def test_bundle_that_cosign_skips_is_said(
    capsys: pytest.CaptureFixture[str], change: dict[str, Any], remark: str
) -> None:
    (bundle,) = read_documents(Path("a.json").read_bytes())[0].bundles()
    changed = json.loads(bundle) | change
    changed["dsseEnvelope"]["signatures"][0]["keyid"] = "abcd"
    Path("odd.json").write_text(json.dumps(changed))

    assert run("attach", "attestation", "--attestation", "odd.json", "oci:image:v1") == 0
    err = capsys.readouterr().err
    assert remark in err
    assert "it has a key id beside the signature" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["oci:image:v1"], "expected what to attach: --attestation FILE"),
        (["--attestation", "a.json", "b.json"], "with the image first or last, got 'b.json'"),
        (["--attestation", "oci:image:v1"], "with the image first or last, got 'oci:image:v1'"),
        (["--attestation", "missing.json", "oci:image:v1"], "cannot read the attestation 'missing.json'"),
        (["--attestation", "empty.json", "oci:image:v1"], "empty.json: expected an attestation or a link"),
        (["--attestation", "lines.jsonl", "oci:image:v1"], "lines.jsonl: line 2: not JSON"),
        (["--attestation", "unsigned.json", "oci:image:v1"], "unsigned.json: signatures: nobody signed it"),
        (
            ["--attestation", "metablock.json", "oci:image:v1"],
            "metablock.json: expected a link in a Metablock, got 'note'",
        ),
        (["a.json", "--attestation", "b.json"], "expected an image, got the file 'a.json'"),
        (["oci:image:v2", "--attestation", "b.json"], "no image is called 'v2'"),
        (["oci:image:v1", "--attestation", "b.json", "--platform", "linux/arm64"], "is for linux/amd64"),
    ],
)
def test_mistakes_are_one_sentence_and_nothing_is_attached(
    image: Descriptor, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    Path("empty.json").write_text("\n")
    Path("lines.jsonl").write_bytes(Path("a.json").read_bytes() + b'\n{"payload": }\n')
    Path("unsigned.json").write_text('{"payload": "e30=", "payloadType": "x", "signatures": []}')
    Path("metablock.json").write_text('{"signed": {"_type": "note"}, "signatures": [{"keyid": "a", "sig": "00"}]}')

    assert run("attach", "attestation", *arguments) == 2
    assert expected in capsys.readouterr().err
    assert hanging(image) == []


def test_attestation_goes_to_the_platform_that_is_asked_for(image: Descriptor) -> None:
    arm = put_image(layout(), content=b"arm")
    index = put_index(layout(), "multi", {"linux/amd64": image, "linux/arm64": arm})

    assert run("attach", "attestation", "oci:image:multi", "--attestation", "a.json", "--platform", "linux/arm64") == 0
    assert run("attach", "attestation", "oci:image:multi", "--attestation", "b.json") == 0

    assert hanging(arm) == [f"referrer {TYPE}"]
    assert hanging(index) == [f"referrer {OTHER}"]
    assert hanging(image) == []


# --- download ---------------------------------------------------------------------------------


def test_envelopes_of_both_places_are_printed_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    for legacy in ([], ["--legacy"]):
        assert run("attach", "attestation", "oci:image:v1", "--attestation", "a.json", *legacy) == 0
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "b.json", "--legacy") == 0
    capsys.readouterr()

    assert run("download", "attestation", "oci:image:v1") == 0

    out, err = capsys.readouterr()
    printed = [json.loads(line) for line in out.splitlines()]
    assert [set(each) for each in printed] == [{"payload", "payloadType", "signatures"}] * 2
    expected = [json.loads(Path(name).read_text())["payload"] for name in ("a.json", "b.json")]
    assert sorted(each["payload"] for each in printed) == sorted(expected)
    assert "nothing of this was verified" in err


@pytest.mark.parametrize(("wanted", "count"), [(TYPE, 1), ("https://example.com/third", 0), ("slsaprovenance1", 1)])
def test_predicate_type_chooses(image: Descriptor, capsys: pytest.CaptureFixture[str], wanted: str, count: int) -> None:
    slsa = attestation(statement(image, "https://slsa.dev/provenance/v1"))
    attach(layout(), image, read_documents(slsa + b"\n" + Path("a.json").read_bytes()))

    assert run("download", "attestation", "oci:image:v1", "--predicate-type", wanted) == (0 if count else 1)

    out, err = capsys.readouterr()
    assert len(out.splitlines()) == count
    assert ("no attestation of the type" in err) == (not count)


def test_unknown_short_name_of_a_type_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("download", "attestation", "oci:image:v1", "--predicate-type", "provenence") == 2
    assert "unknown predicate type 'provenence'" in capsys.readouterr().err


def test_image_without_attestations_is_1(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("download", "attestation", "oci:image:v1") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"no attestation hangs on oci:image@{image.digest}" in err


def test_broken_one_is_a_warning_beside_a_good_one_and_2_alone(
    image: Descriptor, capsys: pytest.CaptureFixture[str]
) -> None:
    put_referrer(layout(), image, b"broken\x1b[2J", "application/vnd.dsse.envelope.v1+json")
    assert run("download", "attestation", "oci:image:v1") == 2
    assert "warning: sha256:" in capsys.readouterr().err

    assert run("attach", "attestation", "oci:image:v1", "--attestation", "a.json") == 0
    assert run("download", "attestation", "oci:image:v1") == 0
    out, err = capsys.readouterr()
    assert '"payload"' in out
    assert "not JSON" in err
    assert "\x1b" not in err


def test_links_are_extracted_as_they_were_and_verify_finds_them(
    image: Descriptor, capsys: pytest.CaptureFixture[str]
) -> None:
    bundled = write_link_bundle({"clone.1.link": b"{}"})
    attach(layout(), image, read_documents(attestation(statement(image, "urn:custody:link-bundle:v1", bundled))))
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "build.1.link", "test.1.link", "a.json") == 0
    capsys.readouterr()

    assert run("download", "attestation", "oci:image:v1", "--extract-links", "links") == 0

    out, err = capsys.readouterr()
    names = [f"build.{actor('alice').keyid:.8}.link", "clone.1.link", f"test.{actor('bob').keyid:.8}.link"]
    assert sorted(path.name for path in Path("links").iterdir()) == names
    assert sorted(out.split()) == [f"links/{name}" for name in names]
    assert (Path("links") / names[0]).read_bytes() == Path("build.1.link").read_bytes()
    assert "nothing of this was verified" in err


def test_extracting_refuses_to_change_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "build.1.link") == 0
    there = Path("links") / f"build.{actor('alice').keyid:.8}.link"
    there.parent.mkdir()
    there.write_text("mine")

    assert run("download", "attestation", "oci:image:v1", "--extract-links", "links") == 2

    assert there.read_text() == "mine"
    assert "it is left as it is" in capsys.readouterr().err


def test_link_with_a_name_that_leads_elsewhere_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    Path("evil.link").write_bytes(signed(link("../../evil"), actor("alice")).write())
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "evil.link") == 0

    assert run("download", "attestation", "oci:image:v1", "--extract-links", "links") == 1

    err = capsys.readouterr().err
    assert "warning: name: expected a plain name" in err
    assert "no link hangs on" in err
    assert not list(Path().glob("**/evil.*.link"))


def test_links_are_not_printed_among_attestations(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "build.1.link", "a.json") == 0
    capsys.readouterr()

    assert run("download", "attestation", "oci:image:v1") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "1 link(s) are no attestations; --extract-links DIR" in err


def test_links_are_printed_where_nothing_else_hangs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "build.1.link") == 0
    capsys.readouterr()

    assert run("download", "attestation", "oci:image:v1") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["signed"] == json.loads(Path("build.1.link").read_bytes())["signed"]
    assert "only links hang there, 1" in err
    assert run("download", "attestation", "oci:image:v1", "--predicate-type", "link") == 1
    assert capsys.readouterr().out == ""


def test_attestations_of_a_platform_are_downloaded_with_platform(
    image: Descriptor, capsys: pytest.CaptureFixture[str]
) -> None:
    put_index(layout(), "multi", {"linux/amd64": image})
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "a.json") == 0

    assert run("download", "attestation", "oci:image:multi") == 1
    assert run("download", "attestation", "oci:image:multi", "--platform", "linux/amd64") == 0
    assert '"payload"' in capsys.readouterr().out


# --- tree -------------------------------------------------------------------------------------


def test_tree_shows_what_hangs_on_each_platform(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    index = put_index(layout(), "multi", {"linux/amd64": image})
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "a.json", "build.1.link") == 0
    assert run("attach", "attestation", "oci:image:multi", "--attestation", "b.json", "--legacy") == 0
    capsys.readouterr()

    assert run("tree", "oci:image:multi") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"oci:image@{index.digest} (index)"
    assert lines[1].startswith(f"├── attestation {OTHER} sha256:")
    assert lines[2] == f"│       sha256-{index.digest.hex}.att in the OCI layout 'image'"
    assert lines[3] == f"└── image       linux/amd64 {image.digest}"
    below = [line for line in lines[4:] if "── " in line]
    assert [line[:4] for line in lines[4:]] == ["    "] * 4
    assert {line.split()[1] for line in below} == {"attestation", "link"}
    assert {line.split()[2] for line in below} == {TYPE, "build"}


def test_tree_of_a_bare_image_says_so(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tree", "oci:image:v1") == 0
    assert capsys.readouterr().out == f"oci:image@{image.digest} (image)\n└── nothing hangs on it\n"


def test_tree_as_json_is_one_document(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("attach", "attestation", "oci:image:v1", "--attestation", "a.json") == 0
    capsys.readouterr()

    assert run("tree", "oci:image:v1", "--json") == 0

    document = json.loads(capsys.readouterr().out)
    assert document["image"] == f"oci:image@{image.digest}"
    assert document["kind"] == "image"
    assert [(each["kind"], each["text"]) for each in document["branches"]] == [("attestation", TYPE)]


def test_tree_of_a_platform_is_shown_with_platform(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    put_index(layout(), "multi", {"linux/amd64": image})
    assert run("tree", "oci:image:multi", "--platform", "linux/amd64") == 0
    assert capsys.readouterr().out.startswith(f"oci:image@{image.digest} (image)\n")


def test_tree_escapes_what_others_wrote(image: Descriptor, capsys: pytest.CaptureFixture[str]) -> None:
    attach(layout(), image, read_documents(attestation(statement(image, "https://example.com/\x1b[2J"))))
    assert run("tree", "oci:image:v1") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[2J" in out


# --- a registry -------------------------------------------------------------------------------


def test_registry_is_reached_as_the_options_say(registry: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    reference = registry.reference("shop/app:v1")
    store = open_repository(reference, options=registry.options())
    made = put_image(store, "v1")
    Path("c.json").write_bytes(attestation(statement(made)))

    assert run("attach", "attestation", str(reference), "--attestation", "c.json", "--plain-http") == 0
    assert hanging(made, store) == [f"referrer {TYPE}"]
    assert registry.asked("GET", "/referrers/")

    assert run("download", "attestation", str(reference), "--plain-http") == 0
    assert run("tree", str(reference), "--plain-http") == 0
    assert TYPE in capsys.readouterr().out
    assert run("tree", str(reference)) == 2  # TLS, which it does not speak
    store.close()


def test_cosign_repository_is_where_attestations_go_and_both_are_read(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = registry.reference("shop/app:v1")
    store = open_repository(reference, options=registry.options())
    made = put_image(store, "v1")
    for name, predicate_type in (("c.json", TYPE), ("d.json", OTHER), ("e.json", "https://example.com/third")):
        Path(name).write_bytes(attestation(statement(made, predicate_type)))
    assert run("attach", "attestation", str(reference), "--attestation", "c.json", "--plain-http") == 0

    monkeypatch.setenv("COSIGN_REPOSITORY", f"{registry.host}/elsewhere")
    assert run("attach", "attestation", str(reference), "--attestation", "d.json", "--plain-http") == 0
    assert run("attach", "attestation", str(reference), "--attestation", "e.json", "--plain-http", "--legacy") == 0
    capsys.readouterr()

    assert hanging(made, store) == [f"referrer {TYPE}"]
    elsewhere = open_repository(registry.reference("elsewhere"), options=registry.options())
    assert hanging(made, elsewhere) == ["att https://example.com/third", f"referrer {OTHER}"]
    assert run("download", "attestation", str(reference), "--plain-http") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run("tree", str(reference), "--plain-http", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["branches"]) == 3
    store.close()
    elsewhere.close()


@pytest.mark.parametrize("name", ["elsewhere:v1", "elsewhere@sha256:" + "0" * 64, "Elsewhere", "a:latest"])
def test_cosign_repository_has_to_be_a_repository(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    store = open_repository(registry.reference("shop/app"), options=registry.options())
    put_image(store, "v1")
    monkeypatch.setenv("COSIGN_REPOSITORY", f"{registry.host}/{name}")

    assert run("tree", f"{registry.host}/shop/app:v1", "--plain-http") == 2
    assert "expected" in capsys.readouterr().err
    store.close()


def test_password_for_the_image_goes_to_no_other_registry(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.behaviour.password = "secret"
    store = open_repository(registry.reference("shop/app"), options=registry.options())
    made = put_image(store, "v1")
    Path("c.json").write_bytes(attestation(statement(made)))
    store.close()
    login = ("--registry-username", "robot", "--registry-password-env", "SECRET", "--plain-http")
    monkeypatch.setenv("SECRET", "secret")
    with FakeRegistry() as other:
        monkeypatch.setenv("COSIGN_REPOSITORY", f"{other.host}/elsewhere")
        other.behaviour.password = "another"  # so that it demands one

        assert run("attach", "attestation", f"{registry.host}/shop/app:v1", "--attestation", "c.json", *login) == 2

        assert other.seen
        assert not any(seen.authorization for seen in other.seen)
    assert any(seen.authorization for seen in registry.seen)
