"""Tests of `in_toto.models.metadata`: envelopes are read, signed, checked and written, tampered ones are refused."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import Key
from securesystemslib.signer._signature import Signature

from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from in_toto._boundary.keys import public_key_of
from in_toto._boundary.signing import GPGSigner
from in_toto.exceptions import FormatError, InvalidMetadata, SignatureVerificationError
from in_toto.models.layout import Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import ENVELOPE_PAYLOAD_TYPE, Envelope, Metablock, Metadata
from tests.openpgp import GPGHome, gpg_home

if TYPE_CHECKING:
    from pathlib import Path

    from custody.envelopes.reader import Envelope as CoreEnvelope


@pytest.fixture(scope="module")
def alice() -> CryptoSigner:
    return CryptoSigner.generate_ed25519()


@pytest.fixture(scope="module")
def bob() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


@pytest.fixture(params=["metablock", "dsse"])
def unsigned(request: pytest.FixtureRequest) -> Metadata:
    """Return a link in an envelope of either kind."""
    return in_envelope(Link(name="build", byproducts={"stdout": 'ü "\\\n'}), request.param)


def in_envelope(signable: Link | Layout, kind: str) -> Metadata:
    return Metablock(signed=signable) if kind == "metablock" else Envelope.from_signable(signable)


def key_of(signer: CryptoSigner) -> dict[str, Any]:
    return {**signer.public_key.to_dict(), "keyid": signer.public_key.keyid}


def signers_of(envelope: CoreEnvelope, *signers: CryptoSigner) -> set[str]:
    return {key.keyid for key in signed_by(envelope, [public_key_of(key_of(signer)) for signer in signers])}


def again(metadata: Metadata, path: Path) -> Metadata:
    """Return what is read from the file that `metadata` writes."""
    metadata.dump(path / "again")
    return Metadata.load(path / "again")


class TestSigning:
    def test_a_signature_verifies_with_its_key_and_no_other(
        self, unsigned: Metadata, alice: CryptoSigner, bob: CryptoSigner, tmp_path: Path
    ) -> None:
        signature = unsigned.create_signature(alice)
        assert signature.keyid == alice.public_key.keyid
        for metadata in (unsigned, again(unsigned, tmp_path)):
            metadata.verify_signature(key_of(alice))
            metadata.verify_signature(alice.public_key)
            with pytest.raises(SignatureVerificationError, match="No signature found for key"):
                metadata.verify_signature(key_of(bob))

    def test_a_tampered_file_does_not_verify(self, unsigned: Metadata, alice: CryptoSigner) -> None:
        unsigned.create_signature(alice)
        document = unsigned.to_dict()
        Metadata.from_dict(document).verify_signature(key_of(alice))
        if "signed" in document:
            document["signed"] = {**document["signed"], "name": "other"}
        else:
            payload = base64.b64decode(document["payload"]).replace(b"build", b"other")
            document["payload"] = base64.b64encode(payload).decode()
        with pytest.raises(SignatureVerificationError, match="Invalid signature for keyid"):
            Metadata.from_dict(document).verify_signature(key_of(alice))

    def test_what_is_changed_after_signing_does_not_verify(self, alice: CryptoSigner) -> None:
        metablock = Metablock(signed=Link(name="build"))
        metablock.create_signature(alice)
        metablock.verify_signature(key_of(alice))
        metablock.signed.name = "other"
        with pytest.raises(SignatureVerificationError):
            metablock.verify_signature(key_of(alice))

    def test_custody_reads_the_same_signatures(
        self, unsigned: Metadata, alice: CryptoSigner, bob: CryptoSigner, tmp_path: Path
    ) -> None:
        unsigned.create_signature(alice)
        unsigned.dump(tmp_path / "file")
        for envelope in (unsigned.envelope(), read_envelope((tmp_path / "file").read_bytes())):
            assert signers_of(envelope, alice, bob) == {alice.public_key.keyid}
        assert read_envelope((tmp_path / "file").read_bytes()).content() == unsigned.envelope().content()

    def test_securesystemslib_verifies_an_envelope(self, alice: CryptoSigner, bob: CryptoSigner) -> None:
        envelope = Envelope.from_signable(Link(name="build"))
        envelope.create_signature(alice)
        theirs = TheirEnvelope.from_dict(envelope.to_dict())
        assert list(theirs.verify([alice.public_key, bob.public_key], 1)) == [alice.public_key.keyid]
        theirs.payload += b" "
        with pytest.raises(VerificationError):
            theirs.verify([alice.public_key], 1)

    def test_d15_a_bad_signature_before_a_good_one_changes_nothing(self, alice: CryptoSigner) -> None:
        for kind in ("metablock", "dsse"):
            metadata = in_envelope(Link(name="build"), kind)
            metadata.create_signature(alice)
            document = metadata.to_dict()
            (good,) = document["signatures"]
            bad = {**good, "sig": "00" * 64 if kind == "metablock" else base64.b64encode(bytes(64)).decode()}
            document["signatures"] = [bad, good]
            loaded = Metadata.from_dict(document)
            loaded.verify_signature(key_of(alice))
            assert loaded.to_dict() == document
            assert len(loaded.envelope().signatures) == 2
            document["signatures"] = [bad, bad]
            with pytest.raises(SignatureVerificationError):
                Metadata.from_dict(document).verify_signature(key_of(alice))

    def test_a_wrong_key_id_beside_a_good_signature_changes_nothing(self, alice: CryptoSigner) -> None:
        metablock = Metablock(signed=Link(name="build"))
        metablock.create_signature(alice)
        metablock.signatures[0]["keyid"] = "ab" * 32
        metablock.verify_signature(key_of(alice))
        metablock.signatures[0]["sig"] = "00" * 64
        with pytest.raises(SignatureVerificationError):
            metablock.verify_signature(key_of(alice))

    @pytest.mark.parametrize("key", [None, "ab", {}, {"keyid": "ab", "keytype": "rsa"}])
    def test_a_malformed_key_is_refused(self, key: object, unsigned: Metadata) -> None:
        with pytest.raises(FormatError):
            unsigned.verify_signature(key)

    def test_a_malformed_signature_does_not_verify(self, alice: CryptoSigner) -> None:
        metablock = Metablock(signed=Link(name="build"))
        metablock.create_signature(alice)
        metablock.verify_signature(key_of(alice))
        metablock.signatures.append({"keyid": "ab", "sig": "xyz"})
        with pytest.raises(SignatureVerificationError, match="hexadecimal"):
            metablock.verify_signature(key_of(alice))
        with pytest.raises(FormatError, match="hexadecimal"):
            metablock.envelope()

    def test_d2_fields_that_nobody_knows_are_signed_and_verified(self, alice: CryptoSigner, tmp_path: Path) -> None:
        layout = Layout(expires="2030-01-31T00:00:00Z", steps=[Step(name="build")])
        document = {**layout.document(), "rootcas": {"ca": 1}}
        del document["readme"], document["steps"][0]["threshold"]
        for kind in ("metablock", "dsse"):
            metadata = in_envelope(Layout.read_signed(document), kind)
            metadata.create_signature(alice)
            loaded = again(metadata, tmp_path)
            loaded.verify_signature(key_of(alice))
            assert loaded.get_payload().document() == document
            assert loaded.envelope().content() == document
        loaded.get_payload().document()["rootcas"] = {}
        injected = Metablock(signed=Layout.read_signed(document))
        injected.create_signature(alice)
        tampered = injected.to_dict()
        tampered["signed"] = {**tampered["signed"], "injected": True}
        with pytest.raises(SignatureVerificationError):
            Metadata.from_dict(tampered).verify_signature(key_of(alice))


class TestTemplates:
    @pytest.mark.parametrize("kind", ["metablock", "dsse"])
    def test_d1_a_layout_without_an_end_gets_one_only_as_long_as_nobody_signed_it(self, kind: str) -> None:
        document = {"_type": "layout", "steps": [], "inspect": [], "keys": {}, "readme": ""}
        if kind == "metablock":
            template: dict[str, Any] = {"signed": document, "signatures": []}
        else:
            payload = base64.b64encode(json.dumps(document).encode()).decode()
            template = {"payload": payload, "payloadType": ENVELOPE_PAYLOAD_TYPE, "signatures": []}
        payload_of = Metadata.from_dict(template).get_payload()
        assert isinstance(payload_of, Layout)
        assert payload_of.expires > "2026"
        signed = {**template, "signatures": [{"keyid": "ab", "sig": "00"}]}
        with pytest.raises(FormatError, match="expires: missing"):
            Metadata.from_dict(signed).get_payload()
        assert "expires" not in document

    def test_a_template_is_signed_with_its_end(self, alice: CryptoSigner, tmp_path: Path) -> None:
        document = {"_type": "layout", "steps": [], "inspect": [], "keys": {}, "readme": ""}
        metadata = Metadata.from_dict({"signed": document, "signatures": []})
        metadata.create_signature(alice)
        loaded = again(metadata, tmp_path)
        loaded.verify_signature(key_of(alice))
        assert loaded.to_dict()["signed"]["expires"] == metadata.get_payload().document()["expires"]


class TestMetablock:
    def test_it_holds_the_object_itself(self) -> None:
        link = Link(name="build")
        metablock = Metablock(signed=link)
        assert metablock.get_payload() is link
        assert metablock.type_ == "link"
        assert metablock.signatures == []
        assert [field.name for field in type(metablock).__attrs_attrs__] == ["signatures", "signed"]

    def test_its_file_is_sorted_indented_by_one_and_ascii(self, tmp_path: Path) -> None:
        metablock = Metablock(signed=Link(name="ü", command=["a", "b"]))
        metablock.dump(tmp_path / "file")
        text = (tmp_path / "file").read_text(encoding="ascii")
        assert text == json.dumps(metablock.to_dict(), indent=1, separators=(",", ": "), sort_keys=True)
        assert repr(metablock) == text

    def test_a_compact_file_has_no_white_space(self, tmp_path: Path, alice: CryptoSigner) -> None:
        metablock = Metablock(signed=Link(name="ü"), compact_json=True)
        metablock.create_signature(alice)
        metablock.dump(tmp_path / "file")
        text = (tmp_path / "file").read_text(encoding="ascii")
        assert text == json.dumps(metablock.to_dict(), separators=(",", ":"), sort_keys=True)
        Metadata.load(tmp_path / "file").verify_signature(key_of(alice))
        (tmp_path / "file").write_text(text.replace("u00fc", "u00fd"))
        with pytest.raises(SignatureVerificationError):
            Metadata.load(tmp_path / "file").verify_signature(key_of(alice))

    def test_it_is_equal_by_its_content(self, alice: CryptoSigner) -> None:
        one, other = Metablock(signed=Link(name="a")), Metablock(signed=Link(name="a"), compact_json=True)
        assert one == other
        other.create_signature(alice)
        assert one != other
        assert one != one.to_dict()

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"signed": "a"},
            {"signed": {"_type": "link"}},
            {"signed": Link(), "signatures": "a"},
            {"signed": Link(), "signatures": ["a"]},
            {"signed": Link(), "signatures": [{"missing": "all"}]},
            {"signed": Link(), "signatures": [{"keyid": "ab", "signature": "ab"}]},
            {"signed": Link(), "signatures": [{"keyid": "ab", "other_headers": "ab"}]},
        ],
    )
    def test_what_is_malformed_is_refused(self, given: dict[str, Any]) -> None:
        with pytest.raises(FormatError):
            Metablock(**given)

    def test_what_has_become_malformed_is_refused(self) -> None:
        metablock = Metablock(signed=Link(), signatures=[{"keyid": "ab", "sig": "ab"}])
        metablock.validate()
        metablock.signed._type = "layout"
        with pytest.raises(FormatError):
            metablock.validate()


class TestEnvelope:
    def test_its_payload_is_plain_sorted_json(self, tmp_path: Path) -> None:
        link = Link(name="ü")
        envelope = Envelope.from_signable(link)
        assert envelope.payload == json.dumps(link.document(), sort_keys=True).encode()
        assert envelope.payload_type == ENVELOPE_PAYLOAD_TYPE
        assert envelope.pae().startswith(b"DSSEv1 28 application/vnd.in-toto+json ")
        assert envelope.get_payload() == link
        envelope.dump(tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == json.dumps(envelope.to_dict(), sort_keys=True).encode()

    def test_what_nobody_could_read_is_not_put_into_one(self) -> None:
        assert Envelope.from_signable(Link(name="\U0001f600")).get_payload().document()["name"] == "\U0001f600"
        with pytest.raises(FormatError, match="surrogate"):
            Envelope.from_signable(Link(name="\udcff"))

    def test_signing_again_replaces_what_the_key_signed_before(self, alice: CryptoSigner, bob: CryptoSigner) -> None:
        envelope = Envelope.from_signable(Link(name="build"))
        envelope.create_signature(alice)
        document = envelope.to_dict()
        document["signatures"] *= 2
        loaded = Envelope.from_dict(document)
        assert len(loaded.envelope().signatures) == 2
        loaded.sign(alice)
        assert len(loaded.envelope().signatures) == 1
        loaded.sign(bob)
        assert signers_of(loaded.envelope(), alice, bob) == {alice.public_key.keyid, bob.public_key.keyid}
        del loaded.signatures[alice.public_key.keyid]
        assert signers_of(loaded.envelope(), alice, bob) == {bob.public_key.keyid}

    def test_it_verifies_with_as_many_keys_as_are_demanded(self, alice: CryptoSigner, bob: CryptoSigner) -> None:
        envelope = Envelope.from_signable(Link(name="build"))
        envelope.sign(alice)
        keys = [alice.public_key, bob.public_key]
        assert envelope.verify(keys, 1) == {alice.public_key.keyid: alice.public_key}
        with pytest.raises(VerificationError, match="Found: 1, Expected 2"):
            envelope.verify(keys, 2)
        with pytest.raises(VerificationError):
            envelope.verify([alice.public_key, alice.public_key], 2)
        envelope.sign(bob)
        assert len(envelope.verify(keys, 2)) == 2
        envelope.payload += b" "
        with pytest.raises(UnverifiedSignatureError):
            envelope.verify(keys, 1)

    @pytest.mark.parametrize("threshold", [0, -1, 2])
    def test_a_threshold_that_makes_no_sense_is_refused(self, threshold: int, alice: CryptoSigner) -> None:
        envelope = Envelope.from_signable(Link(name="build"))
        envelope.sign(alice)
        with pytest.raises(ValueError, match="hreshold"):
            envelope.verify([alice.public_key], threshold)

    def test_signatures_of_securesystemslib_and_their_other_fields_are_kept(self) -> None:
        signature = Signature("ab", "00" * 64, {"cert": "mine"})
        envelope = Envelope(b"{}", ENVELOPE_PAYLOAD_TYPE, {"ab": signature})
        assert envelope.to_dict()["signatures"][0]["cert"] == "mine"
        assert Envelope.from_dict(envelope.to_dict()) == envelope
        assert Envelope.from_dict(envelope.to_dict()).signatures["ab"] == signature
        assert hash(envelope) == hash(Envelope.from_dict(envelope.to_dict()))
        assert envelope != envelope.to_dict()
        assert envelope != Envelope(b"{ }", ENVELOPE_PAYLOAD_TYPE, {"ab": signature})

    @pytest.mark.parametrize("payload", [b"[]", b"{}", b'{"_type": "statement"}'])
    def test_another_payload_is_no_metadata(self, payload: bytes) -> None:
        with pytest.raises(InvalidMetadata):
            Envelope(payload, ENVELOPE_PAYLOAD_TYPE, {}).get_payload()

    def test_a7_a_payload_with_two_meanings_is_refused(self) -> None:
        once = Envelope(b'{"_type": "link", "name": "a"}', ENVELOPE_PAYLOAD_TYPE, {})
        assert once.get_payload() == Link(name="a")
        with pytest.raises(FormatError, match="twice"):
            Envelope(b'{"_type": "link", "name": "a", "n\\u0061me": "b"}', ENVELOPE_PAYLOAD_TYPE, {}).get_payload()


class TestFiles:
    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("", FormatError),
            ("{", FormatError),
            ("[]", InvalidMetadata),
            ("{}", InvalidMetadata),
            ('{"payload": "e30=", "payloadType": "application/json", "signatures": []}', InvalidMetadata),
            ('{"payload": "e30=", "signatures": []}', InvalidMetadata),
            ('{"payload": "", "signed": {"_type": "link"}, "signatures": []}', InvalidMetadata),
            ('{"signed": {"_type": "statement"}, "signatures": []}', FormatError),
            ('{"signed": "link", "signatures": []}', FormatError),
            ('{"signed": {"_type": "link"}, "signatures": [], "signatures": []}', FormatError),
            ('{"payload": "?", "payloadType": "application/vnd.in-toto+json", "signatures": []}', FormatError),
            ('{"payload": "", "payloadType": "application/vnd.in-toto+json", "signatures": [1]}', FormatError),
        ],
    )
    def test_what_is_no_metadata_is_refused(self, text: str, error: type[Exception], tmp_path: Path) -> None:
        (tmp_path / "file").write_text(text)
        with pytest.raises(error):
            Metadata.load(tmp_path / "file")

    def test_a_file_that_cannot_be_read_is_an_error_of_the_system(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            Metadata.load(str(tmp_path / "missing"))
        with pytest.raises(OSError, match="regular file"):
            Metadata.load(str(tmp_path))

    def test_a_file_that_cannot_be_written_is_an_error_of_the_system(self, unsigned: Metadata, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            unsigned.dump(str(tmp_path / "missing" / "file"))
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(OSError, match="fifo"):
            unsigned.dump(tmp_path / "fifo")

    def test_a_file_is_replaced_whole(self, unsigned: Metadata, tmp_path: Path) -> None:
        (tmp_path / "target").write_text("precious")
        (tmp_path / "file").symlink_to("target")
        unsigned.dump(tmp_path / "file")
        assert (tmp_path / "target").read_text() == "precious"
        assert Metadata.load(tmp_path / "file").to_dict() == unsigned.to_dict()

    @pytest.mark.parametrize("method", ["to_dict", "get_payload", "envelope"])
    def test_what_both_kinds_do_is_done_by_neither_alone(self, method: str) -> None:
        with pytest.raises(NotImplementedError):
            getattr(Metadata(), method)()


@pytest.fixture(scope="module")
def home() -> Iterator[GPGHome]:
    with gpg_home("a home") as made:
        made.generate("alice", "ed25519")
        yield made


@pytest.mark.component("gpg")
class TestGPG:
    def test_a_metablock_is_signed_and_verified(self, home: GPGHome, tmp_path: Path) -> None:
        keyid = home.fingerprints("<alice@example.com>")[0]
        metablock = Metablock(signed=Link(name="build"))
        entry = metablock.sign_gpg(keyid, home.path)
        assert metablock.signatures == [entry]
        assert sorted(entry) == ["keyid", "other_headers", "signature"]
        key = Layout().add_functionary_key_from_gpg_keyid(keyid, home.path)
        loaded = again(metablock, tmp_path)
        loaded.verify_signature(key)
        assert loaded == metablock
        tampered = loaded.to_dict()
        tampered["signed"] = {**tampered["signed"], "name": "other"}
        with pytest.raises(SignatureVerificationError):
            Metadata.from_dict(tampered).verify_signature(key)

    def test_the_default_key_signs_where_none_is_named(self, home: GPGHome) -> None:
        metablock = Metablock(signed=Link(name="build"))
        assert metablock.sign_gpg(gpg_home=home.path)["keyid"] == home.fingerprints("<alice@example.com>")[0]

    def test_dsse_has_no_place_for_it(self, home: GPGHome) -> None:
        envelope = Envelope.from_signable(Link(name="build"))
        with pytest.raises(NotImplementedError):
            envelope.create_signature(GPGSigner(homedir=home.path))
        assert envelope.signatures == {}
        key = Layout().add_functionary_key_from_gpg_keyid(home.fingerprints("<alice@example.com>")[0], home.path)
        with pytest.raises(ValueError, match="cannot carry a signature by the GPG key"):
            envelope.verify_signature(key)


def test_keys_of_both_libraries_are_alike(alice: CryptoSigner) -> None:
    assert Key.from_dict(alice.public_key.keyid, alice.public_key.to_dict()) == alice.public_key
    assert public_key_of(alice.public_key) == public_key_of(key_of(alice))


@pytest.mark.parametrize("kind", ["metablock", "dsse"])
def test_artifacts_of_a_large_link_are_its_own_to_change(tmp_path: Path, alice: CryptoSigner, kind: str) -> None:
    artifacts = {f"file{number:05}": {"sha256": f"{number:064x}"} for number in range(2000)}
    made = in_envelope(Link(name="build", materials=artifacts, products=artifacts), kind)
    made.create_signature(alice)
    made.dump(tmp_path / "link")
    assert (tmp_path / "link").stat().st_size > 4 * 64 * 1024
    loaded = Metadata.load(tmp_path / "link")
    loaded.verify_signature(key_of(alice))
    link = loaded.get_payload()
    assert isinstance(link, Link)
    assert link.materials == link.products == artifacts
    link.materials["evil"] = {"sha256": "00" * 32}
    assert "evil" not in link.products
    if isinstance(loaded, Metablock):
        with pytest.raises(SignatureVerificationError):
            loaded.verify_signature(key_of(alice))
