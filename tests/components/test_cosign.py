"""cosign 2 and 3 read what custody hangs on images, and custody what they hang there: with keys, without a network.

Whatever is accepted has a twin that was changed, and is rejected on the same side.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.encoding.text import to_base64
from custody.envelopes.dsse import DSSEEnvelope
from custody.oci.descriptor import Descriptor
from custody.oci.documents import read_documents
from custody.oci.remarks import remarks_on
from custody.signing.registry import load_signer
from custody.stores.registry import open_repository
from custody.workflows.attach import attach
from tests.attachments import TYPE, link, put_image, put_index, statement
from tests.conftest import REFERENCE
from tests.fake_registry import FakeRegistry, Reply
from tests.registries import DebianRegistry, debian_registry
from tests.simulator import actor, signed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.component("docker-registry"),
    pytest.mark.component("cosign-2"),
    pytest.mark.component("cosign-3"),
]

OTHER = "https://example.com/other"
TRUSTED_ROOT = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
"""Trusts nobody. cosign 2 wants one for bundles, and would fetch one, also where only a key counts."""

FORMS = pytest.mark.parametrize("form", [[], ["--legacy"]], ids=["bundle", "legacy"])
VERSIONS = pytest.mark.parametrize("version", [2, 3])
COSIGN_FORMS = pytest.mark.parametrize(
    ("version", "form"),
    [
        (2, ["--tlog-upload=false"]),
        (2, ["--tlog-upload=false", "--new-bundle-format"]),
        (3, ["--tlog-upload=false", "--use-signing-config=false"]),
        (3, ["--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format=false"]),
    ],
    ids=["2-legacy", "2-bundle", "3-bundle", "3-legacy"],
)


class Place:
    """A repository with images, the keys of alice and bob in the forms of both, and both programs."""

    def __init__(self, registry: DebianRegistry | FakeRegistry) -> None:
        self.reference = registry.reference("shop/app:v1")
        self.store = open_repository(self.reference, options=registry.options())
        self.image = self.put("1")

    def close(self) -> None:
        """Close the connections."""
        self.store.close()

    def put(self, content: str) -> Descriptor:
        """Put another image there."""
        return put_image(self.store, f"v{content}", content.encode())

    def name(self, image: Descriptor | None = None) -> str:
        """Return the name of an image by its digest."""
        return f"{self.reference.name}@{(image or self.image).digest}"

    def cosign(self, version: int, *arguments: str, accepts: bool = True) -> str:
        """Return what cosign prints; it has to succeed, or to fail."""
        program = os.path.join(REFERENCE, f"cosign-{version}", "cosign")
        environment = {name: os.environ[name] for name in ("HOME", "PATH")}
        environment |= {"COSIGN_PASSWORD": "", "COSIGN_REPOSITORY": os.environ.get("COSIGN_REPOSITORY", "")}
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, env=environment)
        assert (done.returncode == 0) == accepts, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def cosign_verifies(
        self,
        version: int,
        image: Descriptor | None = None,
        *,
        predicate_type: str = TYPE,
        key: str = "alice",
        accepts: bool = True,
    ) -> list[dict[str, Any]]:
        """Return the statements that cosign accepted."""
        options = ("--insecure-ignore-tlog", *(("--trusted-root", "root.json") if version == 2 else ()))
        printed = self.cosign(
            version,
            "verify-attestation",
            *("--key", f"{key}.pub", "--type", predicate_type, *options, self.name(image)),
            accepts=accepts,
        )
        return [json.loads(DSSEEnvelope.read(json.loads(line)).payload) for line in printed.splitlines()]

    def attest(self, *more: str, image: Descriptor | None = None, predicate_type: str = TYPE) -> None:
        """Let custody attest."""
        arguments = ("--key", "alice", "--type", predicate_type, "--predicate", "predicate.json", *more)
        assert main(["attest", "--plain-http", self.name(image), *arguments]) == 0

    def cosign_attests(
        self, version: int, form: list[str], image: Descriptor | None = None, predicate_type: str = TYPE
    ) -> None:
        """Let cosign attest."""
        arguments = ("--type", predicate_type, "--predicate", "predicate.json", *form, self.name(image))
        self.cosign(version, "attest", "--key", "import-cosign.key", *arguments)

    def verifies(self, image: Descriptor | None = None, *, predicate_type: str = TYPE, key: str = "alice") -> int:
        """Return the exit code of custody."""
        arguments = ("--key", f"{key}.pub", "--type", predicate_type, self.name(image))
        return main(["verify-attestation", "--plain-http", *arguments])

    def attach(self, data: bytes, *more: str, image: Descriptor | None = None) -> None:
        """Let custody attach a document."""
        Path("attached.json").write_bytes(data)
        arguments = ("--attestation", "attached.json", self.name(image), *more)
        assert main(["attach", "attestation", "--plain-http", *arguments]) == 0


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("alice", "bob"):
        assert main(["keygen", "-t", "ecdsa", name]) == 0
    Path("root.json").write_text(json.dumps(TRUSTED_ROOT))
    Path("predicate.json").write_text('{"passed": 42}')


@pytest.fixture
def place(keys: None, tmp_path: Path) -> Iterator[Place]:  # noqa: ARG001  # they have to be there
    with debian_registry(tmp_path / "registry") as registry:
        made = Place(registry)
        made.cosign(2, "import-key-pair", "--key", "alice")
        yield made
        made.close()


@pytest.fixture
def place_with_api(keys: None) -> Iterator[Place]:  # noqa: ARG001  # they have to be there
    """A registry with the referrers API, from which cosign can read."""
    with FakeRegistry() as registry:
        registry.behaviour.answer = lambda seen: Reply(200) if seen.path == "/v2/" else None
        made = Place(registry)
        yield made
        made.close()


def sign(document: dict[str, Any], *names: str, keyid: str = "", payload_type: str = "") -> dict[str, Any]:
    """Return `document` in an envelope as JSON data, signed by alice, or by `names`."""
    envelope = DSSEEnvelope.wrap(document)
    envelope = envelope.replace(payload_type=payload_type or envelope.payload_type)
    for name in names or ("alice",):
        envelope = envelope.with_signature(keyid, load_signer(name).sign(envelope.signed_bytes))
    read: dict[str, Any] = json.loads(envelope.write())
    return read


def changed(data: bytes) -> bytes:
    """Return an envelope, or a bundle with one, whose payload says something else than what was signed."""
    document = json.loads(data)
    envelope = document.get("dsseEnvelope", document)
    payload = DSSEEnvelope.read(envelope).payload
    assert b"42" in payload
    envelope["payload"] = to_base64(payload.replace(b"42", b"43"))
    return json.dumps(document).encode()


@FORMS
@VERSIONS
def test_cosign_verifies_what_custody_attests(place: Place, version: int, form: list[str]) -> None:
    place.attest(*form)

    (found,) = place.cosign_verifies(version)

    assert found["predicate"] == {"passed": 42}
    assert found["subject"][0]["digest"] == {"sha256": place.image.digest.hex}
    place.cosign_verifies(version, key="bob", accepts=False)
    place.cosign_verifies(version, predicate_type=OTHER, accepts=False)


@FORMS
@VERSIONS
def test_cosign_verifies_what_custody_attests_with_the_referrers_api(
    place_with_api: Place, version: int, form: list[str]
) -> None:
    place_with_api.attest(*form)

    assert len(place_with_api.cosign_verifies(version)) == 1
    place_with_api.cosign_verifies(version, key="bob", accepts=False)
    assert place_with_api.verifies() == 0
    assert place_with_api.verifies(key="bob") == 1


@FORMS
@VERSIONS
def test_cosign_rejects_what_was_changed_or_moved_after_custody_attested(
    place: Place, version: int, form: list[str]
) -> None:
    place.attest("--no-upload", "-o", "signed.json", "--format", "bundle")
    good = Path("signed.json").read_bytes()
    tampered, other = place.put("2"), place.put("3")

    place.attach(good, *form)
    place.attach(changed(good), *form, image=tampered)
    place.attach(good, *form, image=other)

    assert len(place.cosign_verifies(version)) == 1
    place.cosign_verifies(version, tampered, accepts=False)
    place.cosign_verifies(version, other, accepts=False)
    assert (place.verifies(), place.verifies(tampered), place.verifies(other)) == (0, 1, 1)


@COSIGN_FORMS
def test_custody_verifies_what_cosign_attests(
    place: Place, capsys: pytest.CaptureFixture[str], version: int, form: list[str]
) -> None:
    place.cosign_attests(version, form)
    capsys.readouterr()

    assert place.verifies() == 0

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(DSSEEnvelope.read(json.loads(line)).payload)["predicate"] == {"passed": 42}
    assert place.verifies(key="bob") == 1
    assert place.verifies(predicate_type=OTHER) == 1


@COSIGN_FORMS
@pytest.mark.parametrize("legacy", [[], ["--legacy"]], ids=["to-bundle", "to-legacy"])
def test_custody_rejects_what_was_changed_or_moved_after_cosign_attested(
    place: Place, capsys: pytest.CaptureFixture[str], version: int, form: list[str], legacy: list[str]
) -> None:
    place.cosign_attests(version, form)
    same, tampered, other = place.put("1"), place.put("2"), place.put("3")
    capsys.readouterr()
    assert main(["download", "attestation", "--plain-http", place.name()]) == 0
    good = capsys.readouterr().out.encode()

    place.attach(good, *legacy, image=same)
    place.attach(changed(good), *legacy, image=tampered)
    place.attach(good, *legacy, image=other)

    assert (place.verifies(same), place.verifies(tampered), place.verifies(other)) == (0, 1, 1)


@VERSIONS
def test_cosign_downloads_and_shows_what_custody_attaches(place: Place, version: int) -> None:
    place.attest()
    place.attest("--legacy", predicate_type=OTHER)

    lines = [json.loads(line) for line in place.cosign(version, "download", "attestation", place.name()).splitlines()]
    shown = place.cosign(version, "tree", place.name())

    payloads = [DSSEEnvelope.read(line.get("dsseEnvelope", line)).payload for line in lines]
    assert {json.loads(payload)["predicateType"] for payload in payloads} == {TYPE, OTHER}
    chosen = place.cosign(version, "download", "attestation", "--predicate-type", OTHER, place.name())
    assert len(chosen.splitlines()) == 1
    assert f"sha256-{place.image.digest.hex}.att" in shown
    assert (TYPE in shown) == (version == 3)  # cosign 2 does not show referrers


@pytest.mark.parametrize("others", [[], ["--legacy"]], ids=["bundle", "legacy"])
def test_attestations_of_both_stand_side_by_side(
    place: Place, capsys: pytest.CaptureFixture[str], others: list[str]
) -> None:
    place.cosign_attests(2, ["--tlog-upload=false"])
    place.attest(*others, predicate_type=OTHER)
    place.cosign_attests(2, ["--tlog-upload=false"], predicate_type="https://example.com/third")
    capsys.readouterr()

    assert [place.verifies(predicate_type=each) for each in (TYPE, OTHER, "https://example.com/third")] == [0, 0, 0]
    assert main(["download", "attestation", "--plain-http", place.name()]) == 0
    assert capsys.readouterr().out.count('"payload"') == 6  # three were verified, and all are downloaded
    if others:
        for predicate_type in (TYPE, OTHER, "https://example.com/third"):
            assert len(place.cosign_verifies(2, predicate_type=predicate_type)) == 1


def test_custody_reads_the_legacy_attestations_that_a_referrer_hides_from_cosign(place: Place) -> None:
    """cosign#4573. Both are there, and cosign sees one of them."""
    place.attest("--legacy")
    assert [len(place.cosign_verifies(version)) for version in (2, 3)] == [1, 1]

    place.attest(predicate_type=OTHER)

    for version in (2, 3):
        place.cosign_verifies(version, accepts=False)
        assert len(place.cosign_verifies(version, predicate_type=OTHER)) == 1
    assert [place.verifies(), place.verifies(predicate_type=OTHER)] == [0, 0]


@FORMS
def test_links_beside_attestations_do_not_disturb_cosign(place: Place, form: list[str]) -> None:
    place.attest(*form)
    for dsse in (False, True):
        place.attach(signed(link("build"), actor("alice"), dsse=dsse).write(), *form)

    for version in (2, 3):
        assert len(place.cosign_verifies(version)) == 1
        assert len(place.cosign(version, "download", "attestation", place.name()).splitlines()) == 1
    assert place.verifies() == 0


def test_foreign_bundle_beside_a_good_one_disturbs_nobody(place: Place) -> None:
    place.attest()
    place.attach(json.dumps(sign(statement(place.image), "bob")).encode())

    assert len(place.cosign_verifies(2)) == len(place.cosign_verifies(3)) == 1
    assert place.verifies() == place.verifies(key="bob") == 0


@pytest.mark.parametrize("change", ["keyid", "url-safe", "two-signatures", "indented"])
def test_envelopes_that_cosign_would_not_read_are_attached_as_it_does(place: Place, change: str) -> None:
    names = ("bob", "alice") if change == "two-signatures" else ("alice",)
    document = statement(place.image, predicate={"passed": 42, "text": "???>>>"})
    envelope = sign(document, *names, keyid="1234" if change == "keyid" else "")
    if change == "url-safe":
        envelope["payload"] = envelope["payload"].replace("+", "-").replace("/", "_")
    place.attach(json.dumps(envelope, indent=2 if change == "indented" else None).encode())
    other = place.put("2")
    moved = sign(statement(other), *names, keyid="1234" if change == "keyid" else "")
    place.attach(json.dumps(moved).encode(), "--legacy", image=other)

    for version in (2, 3):
        assert len(place.cosign_verifies(version)) == 1
        assert len(place.cosign_verifies(version, other)) == 1
    assert place.verifies() == place.verifies(other) == 0


ODD: dict[str, tuple[dict[str, Any], str]] = {
    "usual": ({}, ""),
    "unknown field": ({"more": 1}, ""),
    "unknown field of a subject": ({"subject": [{"digest": {"sha256": "0" * 64}, "more": 1}]}, ""),
    "predicate": ({"predicate": "text"}, ""),
    "no predicate": ({"predicate": None}, ""),
    "no predicate type": ({"predicateType": ""}, ""),
    "digest": ({"subject": [{"digest": {"sha256": "0" * 64, "gitCommit": "HEAD"}}]}, ""),
    "payload type": ({}, "application/vnd.in-toto.provenance+json"),
    "no statement": ({"_type": "https://example.com/Note"}, ""),
    "version 0.1": ({"_type": "https://in-toto.io/Statement/v0.1"}, ""),
}


READ = {"usual", "no predicate", "no statement", "version 0.1"}


@pytest.mark.parametrize("legacy", [False, True], ids=["bundle", "legacy"])
@pytest.mark.parametrize("kind", ODD)
def test_remarks_say_exactly_what_cosign_does_not_read(place: Place, kind: str, legacy: bool) -> None:
    change, payload_type = ODD[kind]
    document = statement(place.image)
    more = {"subject": [*document["subject"], *change["subject"]]} if "subject" in change else change
    (attestation,) = read_documents(json.dumps(sign(document | more, payload_type=payload_type)).encode())
    attach(place.store, place.image, [attestation], legacy=legacy)

    remarks = remarks_on(attestation, legacy=legacy)

    assert bool(remarks) == (kind not in (READ if not legacy else READ | {"digest"}))
    for version in (2, 3):
        readable = not remarks or (version == 2 and remarks[0].startswith("cosign 3 skips it"))
        assert len(place.cosign_verifies(version, accepts=readable)) == readable


@FORMS
@VERSIONS
def test_attestations_are_found_in_cosign_repository(
    place: Place, monkeypatch: pytest.MonkeyPatch, version: int, form: list[str]
) -> None:
    monkeypatch.setenv("COSIGN_REPOSITORY", f"{place.reference.registry}/attestations")
    place.attest(*form)

    assert place.verifies() == 0
    sees = bool(form) or version == 3  # cosign 2 looks for bundles beside the image
    assert len(place.cosign_verifies(version, accepts=sees)) == sees
    monkeypatch.delenv("COSIGN_REPOSITORY")
    place.cosign_verifies(version, accepts=False)
    assert place.verifies() == 1


@COSIGN_FORMS
def test_custody_finds_what_cosign_puts_into_cosign_repository(
    place: Place, monkeypatch: pytest.MonkeyPatch, version: int, form: list[str]
) -> None:
    monkeypatch.setenv("COSIGN_REPOSITORY", f"{place.reference.registry}/attestations")
    place.cosign_attests(version, form)

    assert place.verifies() == 0
    assert place.verifies(key="bob") == 1


@VERSIONS
def test_cosign_attaches_what_custody_signs(place: Place, version: int) -> None:
    place.attest("--no-upload", "-o", "signed.json", "--format", "envelope")
    place.cosign(version, "attach", "attestation", "--attestation", "signed.json", place.name())

    assert place.verifies() == 0
    assert place.verifies(key="bob") == 1
    assert len(place.cosign_verifies(version)) == 1


@FORMS
@VERSIONS
def test_index_and_its_platforms_have_attestations_of_their_own(place: Place, version: int, form: list[str]) -> None:
    index = put_index(place.store, "multi", {"linux/amd64": place.image})
    place.attest(*form, image=index)

    assert len(place.cosign_verifies(version, index)) == 1
    assert place.verifies(index) == 0
    place.cosign_verifies(version, accepts=False)
    assert place.verifies() == 1
