"""A chain judged by the links that hang on the image it made."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.stores.images import ImageStore
from custody.stores.layout import open_layout
from tests.attachments import layout_with_image, put_image, put_index, put_referrer
from tests.registries import debian_registry

Output = pytest.CaptureFixture[str]

IMAGE = "oci:images:v1"
SOURCE = """\
expires: 6 months
functionaries:
  alice: alice.pub
  bob: bob.pub
steps:
  - name: write
    functionaries: [alice]
    expected_materials: [DISALLOW *]
    expected_products: [CREATE app.c, DISALLOW *]
  - name: package
    functionaries: [bob]
    expected_materials: [MATCH app.c WITH PRODUCTS FROM write, DISALLOW *]
    expected_products: ['CREATE oci:*', 'DISALLOW *']
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("owner", "alice", "bob", "mallory"):
        assert main(["keygen", name]) == 0
    Path("supply-chain.yaml").write_text(SOURCE)
    assert main(["layout", "build", "supply-chain.yaml"]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", "owner"]) == 0
    layout_with_image(Path("images"))


def perform(*dsse: str, bob: str = "bob", image: str = IMAGE) -> None:
    Path("links").mkdir(exist_ok=True)
    places = ["--metadata-directory", "links", *dsse]
    assert main(["run", "-n", "write", "-k", "alice", "-p", "app.c", *places, "--", "sh", "-c", "echo 1 > app.c"]) == 0
    assert main(["run", "-n", "package", "-k", bob, "-m", "app.c", "-p", image, *places, "--", "true"]) == 0


def links() -> list[str]:
    return sorted(str(path) for path in Path("links").glob("*.link"))


def attach(*more: str) -> None:
    assert main(["attach", "attestation", "--attestation", *links(), "--", IMAGE, *more]) == 0


def verify(image: str = IMAGE, *more: str) -> int:
    return main(["verify", "-l", "root.layout", "--verification-keys", "owner.pub", "--image", image, *more])


@pytest.mark.parametrize("dsse", [[], ["--use-dsse"]])
def test_chain_is_judged_by_the_links_that_hang_on_its_image(dsse: list[str], capsys: Output) -> None:
    perform(*dsse)
    attach()

    assert verify() == 0
    printed = capsys.readouterr()
    assert "artifact 'oci:images@sha256:" in printed.out
    assert "oci:images:v1 is sha256:" in printed.err


def test_image_on_which_nothing_hangs_is_rejected(capsys: Output) -> None:
    perform()

    assert verify() == 1
    printed = capsys.readouterr()
    assert "[link-missing]" in printed.out
    assert "`custody tree oci:images:v1` shows what hangs there" in printed.err
    assert verify(IMAGE, "--quiet") == 1
    assert capsys.readouterr() == ("", "")


def test_another_image_is_not_what_the_chain_made(capsys: Output) -> None:
    perform()
    store = open_layout("images")
    put_image(store, "v2", b"owned")
    assert main(["attach", "attestation", "--attestation", *links(), "--", "oci:images:v2"]) == 0

    assert verify("oci:images:v2") == 1
    assert "[artifact-not-made]" in capsys.readouterr().out


def test_links_of_somebody_else_do_not_count(capsys: Output) -> None:
    perform(bob="mallory")
    attach()

    assert verify() == 1
    assert "step 'package'" in capsys.readouterr().out


def test_bundle_of_links_counts_and_not_once_a_link_in_it_is_changed(capsys: Output) -> None:
    perform()
    assert main(["attest", IMAGE, "--bundle-links", "links", "--signing-key", "alice"]) == 0
    assert verify() == 0

    capsys.readouterr()
    (path,) = Path("links").glob("package.*.link")
    path.write_bytes(path.read_bytes().replace(b'"true"', b'"evil"'))
    layout_with_image(Path("fresh"))
    assert main(["attest", "oci:fresh:v1", "--bundle-links", "links", "--signing-key", "alice"]) == 0
    assert verify("oci:fresh:v1") == 1
    assert "step 'package'" in capsys.readouterr().out


def test_links_as_statements_count_and_not_once_they_are_changed(capsys: Output) -> None:
    perform()
    for step, who in (("write", "alice"), ("package", "bob")):
        (path,) = Path("links").glob(f"{step}.*.link")
        assert main(["attest", IMAGE, "--link", str(path), "--type", "link", "--signing-key", who]) == 0
    assert verify() == 0

    assert verify("oci:images:v1", "--layout-digest", "0" * 64) == 1
    capsys.readouterr()
    layout_with_image(Path("fresh"))
    (path,) = Path("links").glob("package.*.link")
    assert main(["attest", "oci:fresh:v1", "--link", str(path), "--type", "link", "--signing-key", "mallory"]) == 0
    assert verify("oci:fresh:v1") == 1
    assert "step 'package'" in capsys.readouterr().out


def test_statement_that_is_no_link_is_not_counted(capsys: Output) -> None:
    perform()
    (path,) = Path("links").glob("package.*.link")
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
        "predicateType": "https://example.com/x",
        "predicate": {"name": "package"},
    }
    Path("statement.json").write_text(json.dumps(document))
    assert main(["sign", "-f", "statement.json", "-k", "bob", "--use-dsse", "-o", str(path)]) == 0

    words = ["verify", "-l", "root.layout", "--verification-keys", "owner.pub", "--link-dir", "links", "-v"]
    assert main(words) == 1
    assert "predicateType: expected a link, got 'https://example.com/x'" in capsys.readouterr().out


def test_links_may_come_from_a_directory_all_the_same(capsys: Output) -> None:
    perform()

    assert verify(IMAGE, "--link-dir", "links") == 0
    assert verify(IMAGE, "--link-dir", "") == 2
    assert "cannot look for links in ''" in capsys.readouterr().err


def test_image_of_a_platform_is_another_than_the_index(capsys: Output) -> None:
    _put_index(open_layout("images"))
    perform(image="oci:images:all")
    assert main(["attach", "attestation", "--attestation", *links(), "--", "oci:images:all"]) == 0

    assert verify("oci:images:all") == 0
    assert verify("oci:images:all", "--platform", "linux/arm64") == 1
    assert "step 'write'" in capsys.readouterr().out


def _put_index(store: ImageStore) -> None:
    images = {"linux/amd64": put_image(store, content=b"amd64"), "linux/arm64": put_image(store, content=b"arm64")}
    put_index(store, "all", images)


def test_what_cannot_be_read_hides_no_good_link(capsys: Output) -> None:
    perform()
    attach()
    store = open_layout("images")
    for data in (b"{", b'{"payload": "e30=", "payloadType": "x", "signatures": []}', b"\x00" * 100):
        put_referrer(store, store.resolve("v1"), data, "application/vnd.dev.sigstore.bundle.v0.3+json")

    assert verify() == 0
    assert capsys.readouterr().err.count("warning: sha256:") == 3


def test_quiet_verification_prints_nothing(capsys: Output) -> None:
    perform()
    attach()
    capsys.readouterr()

    assert verify(IMAGE, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_empty_name_of_an_image_is_a_mistake(capsys: Output) -> None:
    assert verify("") == 2
    assert "expected a file, a directory or an image, got ''" in capsys.readouterr().err


def test_file_is_no_image(capsys: Output) -> None:
    Path("app").write_text("1")

    assert verify("app") == 2
    assert "--image: expected an image, got the file 'app'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [["--platform", "linux/amd64"], ["--plain-http"], ["--ca-file", "x"], ["--registry-username", "x"]],
)
def test_option_about_images_without_an_image_is_a_mistake(given: list[str], capsys: Output) -> None:
    assert main(["verify", "-l", "root.layout", "--verification-keys", "owner.pub", *given]) == 2
    assert f"{given[0]} is for --image" in capsys.readouterr().err


@pytest.mark.component("docker-registry")
def test_chain_is_judged_from_a_registry_and_not_once_its_image_is_replaced(tmp_path: Path, capsys: Output) -> None:
    with debian_registry(tmp_path / "registry") as registry:
        reference = f"{registry.host}/shop/app:v1"
        assert main(["copy", IMAGE, reference, *registry.arguments]) == 0
        perform()
        words = ["--attestation", *links(), "--", reference]
        assert main(["attach", "attestation", *registry.arguments, *words]) == 0

        assert verify(reference, *registry.arguments) == 0
        put_image(open_layout("images"), "v2", b"owned")
        assert main(["copy", "oci:images:v2", reference, *registry.arguments]) == 0
        capsys.readouterr()
        assert verify(reference, *registry.arguments) == 1
        assert "step 'write'" in capsys.readouterr().out


def test_payload_of_a_bundle_is_what_was_signed() -> None:
    perform("--use-dsse")
    (path,) = Path("links").glob("package.*.link")
    envelope = json.loads(path.read_bytes())
    payload = base64.b64decode(envelope["payload"]).replace(b'"package"', b'"pACKAGE"')
    path.write_text(json.dumps({**envelope, "payload": base64.b64encode(payload).decode()}))
    attach()

    assert verify() == 1
