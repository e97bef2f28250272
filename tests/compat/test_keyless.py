"""Identities in the place of keys, in the compatible commands and package; the reference knows none in its layouts."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from securesystemslib.signer import SigstoreSigner
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken

from custody.encoding.text import from_base64, to_base64
from custody.envelopes.sigstore_bundle import opened_bundle
from in_toto._boundary.keys import Key, load_public_key_from_file, public_key_of
from in_toto._boundary.signing import Signature, load_signer
from in_toto._boundary.trust import TRUSTED_ROOT_VARIABLE
from in_toto.exceptions import (
    FormatError,
    SignatureVerificationError,
    ThresholdVerificationError,
    UnverifiedSignatureError,
    VerificationError,
)
from in_toto.models.layout import Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock, Metadata
from in_toto.runlib import in_toto_run
from in_toto.verifylib import in_toto_verify, load_links_for_layout, verify_link_signature_thresholds
from tests.compat.sides import FAR
from tests.sigstore_instance import SigstoreInstance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.compat.sides import Place, Ran

ALICE, OLGA, MALLORY = "alice@example.com", "olga@example.org", "mallory@example.net"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path_factory.mktemp("instance")) as running:
        yield running


@pytest.fixture
def chain(instance: SigstoreInstance, here: Place, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.setenv(TRUSTED_ROOT_VARIABLE, str(instance.trusted_root))
    monkeypatch.chdir(here.final)
    return Chain(instance, here)


class Chain:
    """A layout that Olga signed, in whose only step Alice makes `app`; the product is the current directory."""

    def __init__(self, instance: SigstoreInstance, place: Place) -> None:
        self.instance = instance
        self.place = place
        for name, identity in (("alice", ALICE), ("olga", OLGA), ("mallory", MALLORY)):
            line = f"custody key keyless --identity {identity} --issuer {instance.issuer} -o ../{name}.json"
            assert place.custody(line).code == 0
        self.path = place.root / "root.layout"
        self.layout = Layout(expires=FAR.strftime("%Y-%m-%dT%H:%M:%SZ"))
        alice = self.layout.add_functionary_key_from_path(place.root / "alice.json")
        step = Step(name="build", pubkeys=[alice["keyid"]])
        step.add_product_rule_from_string("CREATE app")
        step.add_product_rule_from_string("DISALLOW *")
        self.layout.steps.append(step)
        (place.final / "app").write_text("the product\n", encoding="utf-8")

    @property
    def link(self) -> Path:
        """The only link."""
        (found,) = self.place.final.glob("build.*.link")
        return found

    def key(self, name: str) -> dict[str, Any]:
        """Return an identity as layouts write it."""
        return load_public_key_from_file(self.place.root / f"{name}.json")

    def sign(self, who: str = OLGA) -> Ran:
        """Write the layout and let somebody sign it."""
        Envelope.from_signable(self.layout).dump(self.path)
        return self.place.command("in-toto-sign", "-f", str(self.path), "-k", self.instance.uri(who))

    def run(self, who: str, line: str = "--use-dsse -x -p app") -> Ran:
        """Carry out the step."""
        return self.place.command("in-toto-run", "-n", "build", "--signing-key", self.uri(who), *shlex.split(line))

    def uri(self, who: str) -> str:
        """Return who signs."""
        return self.instance.uri(who)

    def verify(self) -> Ran:
        """Return what `in-toto-verify` says."""
        keys = ["--verification-keys", str(self.place.root / "olga.json")]
        return self.place.command("in-toto-verify", "-l", str(self.path), *keys)


@pytest.fixture
def made(chain: Chain) -> Chain:
    """Return the chain once everybody has signed."""
    assert chain.sign().code == 0
    assert chain.run(ALICE).code == 0
    return chain


def test_chain_is_signed_and_verified_and_a_changed_link_is_not(made: Chain) -> None:
    asked = len(made.instance.requests)
    ran = made.verify()
    assert ran.code == 0, ran.err
    assert "step 'build' verified" in ran.err
    assert len(made.instance.requests) == asked

    document = json.loads(made.link.read_text(encoding="utf-8"))
    document["payload"] = to_base64(from_base64(document["payload"], "payload").replace(b'"app"', b'"apq"'))
    made.link.write_text(json.dumps(document), encoding="utf-8")
    ran = made.verify()
    assert ran.code == 1
    assert "ThresholdVerificationError" in ran.err


def test_link_and_layout_by_somebody_else_do_not_count(made: Chain) -> None:
    path = made.link
    path.unlink()
    assert made.run(MALLORY).code == 0
    made.link.rename(path)
    ran = made.verify()
    assert ran.code == 1
    assert "identity-not-proven" in ran.err

    path.unlink()
    assert made.run(ALICE).code == 0
    assert made.verify().code == 0
    assert made.sign(MALLORY).code == 0
    ran = made.verify()
    assert ran.code == 1
    assert "SignatureVerificationError" in ran.err


def test_trusted_root_is_the_public_one_or_what_the_environment_names(
    made: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRUSTED_ROOT_VARIABLE)
    ran = made.verify()
    assert ran.code == 1
    assert "identity-not-proven" in ran.err
    monkeypatch.setenv(TRUSTED_ROOT_VARIABLE, "none.json")
    ran = made.verify()
    assert ran.code == 1
    assert "none.json" in ran.err
    monkeypatch.setenv(TRUSTED_ROOT_VARIABLE, str(made.instance.config))
    ran = made.verify()
    assert ran.code == 1
    assert "expected a Sigstore trusted root" in ran.err
    monkeypatch.setenv(TRUSTED_ROOT_VARIABLE, str(made.instance.trusted_root))
    assert made.verify().code == 0


def test_layout_may_lie_in_a_bundle_of_another_tool(made: Chain) -> None:
    document = json.loads(made.path.read_text(encoding="utf-8"))
    (entry,) = document["signatures"]
    bundle = {**entry.pop("bundle"), "dsseEnvelope": document}
    bundle.pop("messageSignature", None)
    made.path.write_text(json.dumps(bundle), encoding="utf-8")

    assert Metadata.load(made.path).to_dict()["signatures"] == opened_bundle(bundle)["signatures"]
    assert made.verify().code == 0
    document["payload"] = to_base64(from_base64(document["payload"], "payload") + b" ")
    made.path.write_text(json.dumps(bundle), encoding="utf-8")
    assert made.verify().code == 1
    made.path.write_text(json.dumps({**bundle, "payload": ""}), encoding="utf-8")
    assert made.verify().code == 1


def test_signatures_are_checked_by_the_command(made: Chain) -> None:
    def check(name: str) -> int:
        key = str(made.place.root / f"{name}.json")
        return made.place.command("in-toto-sign", "-f", str(made.path), "--verify", "-k", key).code

    assert check("olga") == 0
    assert check("mallory") == 1


def test_older_envelope_is_refused_before_the_command_runs(chain: Chain) -> None:
    ran = chain.run(ALICE, "-- sh -c 'echo > ran'")
    assert ran.code == 1
    assert "a keyless signature goes into a DSSE envelope only; add --use-dsse" in ran.err
    assert not (chain.place.final / "ran").exists()
    assert chain.run(ALICE, "--use-dsse -- sh -c 'echo > ran'").code == 0
    assert (chain.place.final / "ran").exists()


def test_layout_in_the_older_envelope_is_not_signed(chain: Chain) -> None:
    Metablock(signed=chain.layout).dump(chain.path)
    before = chain.path.read_bytes()
    ran = chain.place.command("in-toto-sign", "-f", str(chain.path), "-k", chain.uri(OLGA))
    assert ran.code == 2
    assert "sign what is in the older envelope with `custody sign --use-dsse`" in ran.err
    assert chain.path.read_bytes() == before
    with pytest.raises(SignatureVerificationError, match="DSSE"):
        Metablock(signed=chain.layout).create_signature(load_signer(chain.uri(OLGA)))
    remedy = f"custody sign -f {chain.path} --use-dsse --signing-key '{chain.uri(OLGA)}'"
    assert chain.place.custody(remedy).code == 0


def test_step_without_a_command_is_recorded_and_not_by_somebody_else(chain: Chain) -> None:
    line = ["-n", "build", "--signing-key", chain.uri(ALICE)]
    assert chain.place.command("in-toto-record", "start", *line, "--use-dsse").code == 0
    ran = chain.place.command("in-toto-record", "stop", "-n", "build", "--signing-key", chain.uri(MALLORY))
    assert ran.code == 1
    assert not list(chain.place.final.glob("build.*.link"))

    assert chain.place.command("in-toto-record", "stop", *line).code == 0
    assert len(list(chain.place.final.glob("build.*.link"))) == 1


def test_package_reads_and_writes_the_bundle_back(made: Chain) -> None:
    before = json.loads(made.link.read_text(encoding="utf-8"))
    assert "bundle" in before["signatures"][0]
    read = Metadata.load(made.link)
    assert read.to_dict() == before
    assert Envelope.from_dict(before) == read
    read.dump(made.link)
    assert json.loads(made.link.read_text(encoding="utf-8")) == before
    assert made.verify().code == 0
    read.verify_signature(made.key("alice"))
    assert isinstance(read, Envelope)
    assert list(read.verify([made.key("alice")], 1)) == [made.key("alice")["keyid"]]
    with pytest.raises(SignatureVerificationError):
        read.verify_signature(made.key("mallory"))
    with pytest.raises(VerificationError):
        read.verify([made.key("mallory")], 1)

    bundle = before["signatures"][0]["bundle"]
    for broken in ({**bundle, "verificationMaterial": {}}, {}):
        before["signatures"][0]["bundle"] = broken
        with pytest.raises(SignatureVerificationError):
            Envelope.from_dict(before).verify_signature(made.key("alice"))
    before["signatures"][0]["bundle"] = None
    with pytest.raises(FormatError, match="bundle"):
        Envelope.from_dict(before)


def test_package_signs_and_verifies_in_process(chain: Chain) -> None:
    metadata = Envelope.from_signable(chain.layout)
    metadata.create_signature(load_signer(chain.uri(OLGA)))
    alice = load_signer(chain.uri(ALICE))
    in_toto_run("build", [], ["app"], [], signer=alice, use_dsse=True)

    olga = chain.key("olga")
    assert in_toto_verify(metadata, {olga["keyid"]: olga}).name == ""
    links = load_links_for_layout(chain.layout, ".")
    assert len(verify_link_signature_thresholds(chain.layout, links)["build"]) == 1
    for found in links["build"].values():
        assert isinstance(found, Envelope)
        found.payload += b" "
    with pytest.raises(ThresholdVerificationError):
        verify_link_signature_thresholds(chain.layout, links)
    mallory = chain.key("mallory")
    with pytest.raises(SignatureVerificationError):
        in_toto_verify(metadata, {mallory["keyid"]: mallory})


def test_regular_expression_stands_for_whom_it_matches(made: Chain) -> None:
    names = ["--identity-regexp", r"[a-z]+@example\.com", "--issuer", made.instance.issuer]
    line = shlex.join(["custody", "key", "keyless", *names, "-o", "../ours.json"])
    assert made.place.custody(line).code == 0
    ours = made.key("ours")
    read = Metadata.load(made.link)
    assert isinstance(read, Envelope)
    assert list(read.verify([ours], 1)) == [ours["keyid"]]
    layout = Metadata.load(made.path)
    assert isinstance(layout, Envelope)
    with pytest.raises(VerificationError):
        layout.verify([ours], 1)


def test_key_object_verifies_its_identity_only(chain: Chain) -> None:
    metadata = Envelope.from_signable(Link(name="build"))
    signature = metadata.create_signature(load_signer(chain.uri(ALICE)))
    alice, mallory = (Key(public_key_of(chain.key(name))) for name in ("alice", "mallory"))
    alice.verify_signature(signature, metadata.pae())
    for key, what, data in (
        (mallory, signature, metadata.pae()),
        (alice, signature, metadata.pae() + b" "),
        (alice, Signature(signature.keyid, signature.signature), metadata.pae()),
        (alice, Signature(signature.keyid, signature.signature, {"bundle": None}), metadata.pae()),
    ):
        with pytest.raises(UnverifiedSignatureError):
            key.verify_signature(what, data)


def test_signer_of_securesystemslib_signs(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    config = ClientTrustConfig.from_json(chain.instance.config.read_text(encoding="utf-8"))
    monkeypatch.setattr(ClientTrustConfig, "production", staticmethod(lambda: config))  # it knows no other
    _, key = SigstoreSigner.import_(ALICE, chain.instance.issuer)
    metadata = Envelope.from_signable(Link(name="build"))
    metadata.create_signature(SigstoreSigner(IdentityToken(chain.instance.token(ALICE)), key))
    metadata.dump("build.link")
    assert Metadata.load("build.link") == metadata
    metadata.verify_signature(key)
    metadata.verify_signature(chain.key("alice"))
    metadata.payload += b" "
    with pytest.raises(SignatureVerificationError):
        metadata.verify_signature(chain.key("alice"))


def test_wrong_identity_file_is_no_key(chain: Chain) -> None:
    path = chain.place.root / "alice.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["keyval"]["issuer"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ValueError, match=r"alice\.json: keyval\.issuer: missing"):
        load_public_key_from_file(path)
    for text in ("{", "[]", '{"keytype": "rsa"}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"alice\.json"):
            load_public_key_from_file(path)
