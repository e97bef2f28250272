"""Signing with keys on a real SoftHSM token, and exporting their public halves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pkcs11.constants import Attribute, ObjectClass
from pkcs11.exceptions import DeviceRemoved
from pkcs11.mechanisms import Mechanism
from pkcs11.types import SignMixin
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, SSlibKey

from custody.errors import FormatError, SignatureError, UsageError
from custody.keys.document import write_key
from custody.keys.public import PublicKey
from custody.keys.schemes import RSA_SCHEMES
from custody.signing.keypair import generate, write_pair
from custody.signing.pkcs11 import PKCS11Signer
from custody.signing.pkcs11_login import log_out, open_token
from custody.signing.pkcs11_mechanisms import Way, way_for
from custody.signing.pkcs11_uri import KeyURI, read_uri
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.signing.signer import Request
from custody.workflows.keys import read_public_key
from tests.softhsm import KINDS, PIN, SoftHSM, soft_hsm

pytestmark = [pytest.mark.component("softhsm2"), pytest.mark.usefixtures("hsm")]

MESSAGE = b"message" * 10_000

SCHEMES = {
    "ed25519": "ed25519",
    "ecdsa": "ecdsa-sha2-nistp256",
    "ecdsa-p384": "ecdsa-sha2-nistp384",
    "ecdsa-p521": "ecdsa-sha2-nistp521",
    "rsa": "rsassa-pss-sha256",
}


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHSM]:
    with soft_hsm(tmp_path, monkeypatch) as made:
        yield made


def assert_signs(uri: str, scheme: str = "") -> None:
    """Assert that the key signs, and that neither another message nor a spoilt signature verifies."""
    signer = load_signer(uri, scheme=scheme)
    signature = signer.sign(MESSAGE)
    assert isinstance(signature, bytes)
    assert signer.public_key.verify(signature, MESSAGE)
    assert not signer.public_key.verify(signature, MESSAGE + b"x")
    spoilt = signature[:-1] + bytes([signature[-1] ^ 1])
    assert not signer.public_key.verify(spoilt, MESSAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_key_of_every_kind_signs(kind: str) -> None:
    assert_signs(f"hsm:{kind}")
    signer = load_signer(f"pkcs11:token=custody;object={kind};type=private")
    assert isinstance(signer.public_key, PublicKey)
    assert signer.public_key.scheme == SCHEMES[kind]
    assert repr(signer) == f"PKCS11Signer({signer.public_key.keyid})"
    assert signer.public_key == read_public_key(f"hsm:{kind}") == read_public_key(f"pkcs11:object={kind};type=public")


@pytest.mark.parametrize("scheme", RSA_SCHEMES)
def test_rsa_key_signs_by_every_scheme(scheme: str) -> None:
    assert_signs("hsm:rsa", scheme)
    key = load_signer("hsm:rsa", scheme=scheme).public_key
    assert key.scheme == scheme == read_public_key("hsm:rsa", scheme=scheme).scheme
    other = load_signer(
        "hsm:rsa", scheme="rsassa-pss-sha256" if scheme != "rsassa-pss-sha256" else "rsa-pkcs1v15-sha256"
    )
    assert other.public_key.keyid != key.keyid
    assert other.public_key.identity == key.identity
    assert not key.verify(other.sign(MESSAGE), MESSAGE)


@pytest.mark.parametrize("scheme", RSA_SCHEMES)
def test_token_that_hashes_itself_signs_too(scheme: str, hsm: SoftHSM) -> None:
    hsm.forbid("CKM_RSA_PKCS_PSS", "CKM_RSA_PKCS")
    assert_signs("hsm:rsa", scheme)
    signer = load_signer("hsm:rsa", scheme=scheme)
    assert isinstance(signer, PKCS11Signer)
    assert signer._way.handed(MESSAGE) == MESSAGE


def test_token_that_cannot_do_a_scheme_is_refused(hsm: SoftHSM) -> None:
    hsm.forbid("CKM_ECDSA", "CKM_RSA_PKCS_PSS", "CKM_SHA256_RSA_PKCS_PSS")
    cannot = "the token 'custody' cannot make"
    with pytest.raises(UsageError, match=f"{cannot} ecdsa-sha2-nistp256 signatures: it has no CKM_ECDSA or CKM_ECDSA_"):
        load_signer("hsm:ecdsa")
    with pytest.raises(
        UsageError, match=f"{cannot} rsassa-pss-sha256 signatures: it has no CKM_RSA_PKCS_PSS or CKM_SH"
    ):
        load_signer("hsm:rsa")
    assert_signs("hsm:ed25519")
    assert_signs("hsm:rsa", "rsa-pkcs1v15-sha256")


def test_ecdsa_of_a_token_that_hashes_is_asked_for_by_its_own_mechanism() -> None:
    key = read_public_key("hsm:ecdsa-p384")
    assert isinstance(key, PublicKey)
    way = way_for(key, {Mechanism.ECDSA_SHA384}, "token")
    assert (way.mechanism, way.handed(MESSAGE), way.der) == (Mechanism.ECDSA_SHA384, MESSAGE, True)


@pytest.mark.parametrize("returned", [b"", b"x" * 63])
def test_ecdsa_signature_of_an_odd_length_is_refused(returned: bytes) -> None:
    with pytest.raises(SignatureError, match="expected two numbers of one length"):
        Way(mechanism=Mechanism.ECDSA, der=True).signature(returned)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
@pytest.mark.parametrize("scheme", ["rsassa-pss-sha256", "ed448"])
def test_scheme_of_another_kind_of_key_is_refused(kind: str, scheme: str) -> None:
    said = f"the key on the token 'custody' is for the scheme {SCHEMES[kind]}, not for '{scheme}'"
    with pytest.raises(UsageError, match=said):
        load_signer(f"hsm:{kind}", scheme=scheme)
    with pytest.raises(UsageError, match=said):
        read_public_key(f"hsm:{kind}", scheme=scheme)


@pytest.mark.component("openssl")
def test_openssl_accepts_what_a_token_signs(tmp_path: Path) -> None:
    signer = load_signer("hsm:ecdsa")
    key = signer.public_key
    signature = signer.sign(MESSAGE)
    assert isinstance(key, PublicKey)
    assert isinstance(signature, bytes)
    load_pem_public_key(key.public.encode())
    for name, content in (("key", key.public.encode()), ("message", MESSAGE), ("signature", signature)):
        (tmp_path / name).write_bytes(content)
    verify = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "signature", "message"]
    assert subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "message").write_bytes(MESSAGE + b"x")
    assert subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("kind", "scheme"), [*((kind, "") for kind in KINDS), *(("rsa", name) for name in RSA_SCHEMES)]
)
def test_reference_accepts_what_a_token_signs(kind: str, scheme: str) -> None:
    signer = load_signer(f"hsm:{kind}", scheme=scheme)
    document = write_key(signer.public_key)
    theirs = SSlibKey.from_dict(document["keyid"], {name: document[name] for name in ("keytype", "scheme", "keyval")})
    signature = signer.sign(MESSAGE)
    assert isinstance(signature, bytes)
    theirs.verify_signature(Signature(theirs.keyid, signature.hex()), MESSAGE)
    with pytest.raises(UnverifiedSignatureError):
        theirs.verify_signature(Signature(theirs.keyid, signature.hex()), MESSAGE + b"x")


@pytest.mark.component("opensc")
@pytest.mark.parametrize("kind", ["EC:prime256v1", "EC:secp384r1", "EC:edwards25519", "rsa:2048"])
def test_key_that_another_tool_made_signs(kind: str, hsm: SoftHSM) -> None:
    hsm.tool("--keypairgen", "--key-type", kind, "--id", "99", "--label", "theirs")
    assert_signs("hsm:theirs")
    assert_signs("pkcs11:id=%99")
    assert load_signer("pkcs11:id=%99").public_key == read_public_key("hsm:theirs.pub")


class TestObjects:
    """Which key is meant."""

    def test_label_and_id_decide(self, hsm: SoftHSM) -> None:
        hsm.generate("ed25519", "pkcs11:object=one;id=%01")
        key = load_signer("pkcs11:object=one").public_key
        assert key == load_signer("pkcs11:id=%01").public_key == load_signer("pkcs11:object=one;id=%01").public_key
        for wrong in ("object=two", "id=%02", "object=one;id=%02", "object=ONE", "object=on", "object="):
            with pytest.raises(UsageError, match=r"the token 'custody' holds no private key .*; there is .*'one'"):
                load_signer(f"pkcs11:{wrong}")
            with pytest.raises(UsageError, match="the token 'custody' holds no public key"):
                read_public_key(f"pkcs11:{wrong}")

    def test_error_lists_what_is_there(self, hsm: SoftHSM) -> None:
        hsm.generate("ed25519", "pkcs11:object=one;id=%01A")
        with pytest.raises(UsageError, match=r"holds no private key called 'two'; there is .*'one' \(id=%01%41\)"):
            load_signer("hsm:two")

    def test_token_without_keys_says_so(self, hsm: SoftHSM) -> None:
        hsm.add_token("empty")
        with pytest.raises(
            UsageError, match="the token 'empty' holds no private key called 'one'; it holds no private"
        ):
            load_signer("pkcs11:token=empty;object=one")

    def test_several_keys_are_none(self) -> None:
        with pytest.raises(UsageError, match=r"the token 'custody' holds more than one key: .*'ecdsa' .*; say which"):
            load_signer("pkcs11:token=custody")
        with pytest.raises(UsageError, match="holds more than one key"):
            read_public_key("pkcs11:token=custody")
        session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
        twin = next(iter(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: "ecdsa"})))
        twin.copy({Attribute.ID: b"other"})
        with pytest.raises(UsageError, match=r"more than one key called 'ecdsa': .*%6F%74%68%65%72"):
            load_signer("hsm:ecdsa")
        assert_signs("pkcs11:object=ecdsa;id=ecdsa")

    def test_public_halves_that_differ_are_none(self) -> None:
        import_public("rsa", keyid=b"other", label="ecdsa")
        with pytest.raises(UsageError, match="more than one key called 'ecdsa'"):
            read_public_key("hsm:ecdsa")
        assert_signs("hsm:ecdsa")  # whose public half has its id
        import_public("ecdsa", keyid=b"ecdsa", label="x")
        with pytest.raises(UsageError, match=r"several public keys beside 'ecdsa' \(id=.*; which is its public half"):
            load_signer("hsm:ecdsa")

    def test_the_same_public_half_twice_is_one(self) -> None:
        session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
        half = next(iter(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: "ecdsa"})))
        half.copy({Attribute.ID: b"ecdsa"})
        assert_signs("hsm:ecdsa")
        assert read_public_key("hsm:ecdsa") == load_signer("hsm:ecdsa").public_key

    def test_public_key_of_another_pair_is_found_out_when_signing(self) -> None:
        destroy(ObjectClass.PUBLIC_KEY, "ecdsa")
        import_public("ecdsa", keyid=b"ecdsa", label="ecdsa")
        signer = load_signer("hsm:ecdsa")
        with pytest.raises(SignatureError, match="does not verify: is that the public half of another key"):
            signer.sign(MESSAGE)

    def test_public_key_of_another_curve_is_no_public_half(self) -> None:
        destroy(ObjectClass.PUBLIC_KEY, "ecdsa")
        import_public("ecdsa-p384", keyid=b"ecdsa", label="ecdsa")
        with pytest.raises(UsageError, match=r"holds no public half of 'ecdsa' .*: no public key .* with the same id"):
            load_signer("hsm:ecdsa")

    def test_private_key_without_a_public_half_is_refused_unless_it_shows_it_itself(self) -> None:
        for kind in KINDS:
            destroy(ObjectClass.PUBLIC_KEY, kind)
        assert_signs("hsm:rsa")
        log_out()
        assert read_public_key("hsm:rsa") == load_signer("hsm:rsa").public_key
        with pytest.raises(UsageError, match="holds no public half of 'ed25519'"):
            load_signer("hsm:ed25519")

    def test_certificate_has_the_public_half(self, tmp_path: Path) -> None:
        der = certificate(tmp_path)
        key = read_public_key(str(tmp_path / "certified.pub"))
        session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: 0,
                Attribute.TOKEN: True,
                Attribute.PRIVATE: False,
                Attribute.SUBJECT: b"0\0",
                Attribute.ID: b"ecdsa",
                Attribute.LABEL: "certified",
                Attribute.VALUE: der,
            }
        )
        assert read_public_key("hsm:certified") == key
        assert load_signer("hsm:ecdsa").public_key != key
        destroy(ObjectClass.PUBLIC_KEY, "ecdsa")
        assert load_signer("hsm:ecdsa").public_key == key

    def test_public_key_may_be_called_like_a_file(self, hsm: SoftHSM) -> None:
        assert read_public_key("hsm:ecdsa.pub") == read_public_key("hsm:ecdsa")
        hsm.generate("ed25519", "hsm:ecdsa.pub")
        assert read_public_key("hsm:ecdsa.pub").keytype == "ed25519"
        for label in (".pub", "none.pub"):
            with pytest.raises(UsageError, match="holds no public key"):
                read_public_key(f"hsm:{label}")
        with pytest.raises(UsageError, match=r"no private key called 'rsa\.pub'"):
            load_signer("hsm:rsa.pub")

    def test_type_public_does_not_sign(self) -> None:
        with pytest.raises(UsageError, match="type=public in a pkcs11: URI names a public key, which does not sign"):
            load_signer("pkcs11:object=ecdsa;type=public")


class TestExport:
    """Public keys need no PIN, unless the token hides them."""

    def test_no_pin_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        key = load_signer("hsm:ecdsa").public_key
        log_out()
        monkeypatch.setenv("PKCS11_PIN", "wrong")
        assert read_public_key("hsm:ecdsa") == key
        monkeypatch.delenv("PKCS11_PIN")
        assert read_public_key("hsm:ecdsa") == key

    def test_hidden_key_takes_a_pin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        destroy(ObjectClass.PUBLIC_KEY, "rsa")
        log_out()
        monkeypatch.delenv("PKCS11_PIN")
        with pytest.raises(
            UsageError, match="holds no public key called 'rsa'; if the token 'custody' hides it, a PIN"
        ):
            read_public_key("hsm:rsa")
        monkeypatch.setenv("WORD", PIN)
        assert read_public_key("hsm:rsa", secret=SecretSource(environment="WORD")).keytype == "rsa"
        log_out()
        monkeypatch.setenv("PKCS11_PIN", "wrong")
        with pytest.raises(SignatureError, match="the PIN of the token 'custody' is wrong"):
            read_public_key("hsm:rsa")

    def test_missing_key_is_missing_with_a_pin_too(self) -> None:
        with pytest.raises(UsageError) as error:
            read_public_key("hsm:none")
        assert str(error.value) == "the token 'custody' holds no public key called 'none'"


class TestPrivateKey:
    """What the private key may do."""

    def test_key_that_is_not_for_signing_is_refused(self) -> None:
        change("ecdsa", Attribute.SIGN, value=False)
        with pytest.raises(UsageError, match=r"the key on the token 'custody' is not for signing \(CKA_SIGN"):
            load_signer("hsm:ecdsa")

    def test_key_that_can_be_read_is_remarked(self, hsm: SoftHSM) -> None:
        remarks: list[str] = []
        load_signer("hsm:ecdsa", remark=remarks.append)
        assert remarks == []
        hsm.generate("ed25519", "hsm:weak")
        import_private("readable")
        load_signer("hsm:readable", remark=remarks.append)
        assert len(remarks) == 1
        assert "the private key on the token 'custody' can be read out of it" in remarks[0]

    def test_weak_key_is_refused(self) -> None:
        session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
        from pkcs11.mechanisms import KeyType

        session.generate_keypair(KeyType.RSA, 1024, store=True, label="short", id=b"short")
        with pytest.raises(FormatError, match="expected an RSA key of 2048 to 16384 bits, got 1024"):
            load_signer("hsm:short")
        with pytest.raises(FormatError, match="got 1024"):
            read_public_key("hsm:short")

    def test_key_that_asks_for_its_pin_again_gets_it(self) -> None:
        import_private("careful", always_authenticate=True)
        assert_signs("hsm:careful")
        signer = load_signer("hsm:careful")
        first, second = signer.sign(b"one"), signer.sign(b"two")
        assert signer.public_key.verify(first, b"one")
        assert signer.public_key.verify(second, b"two")

    def test_token_that_goes_away_is_no_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        signer = PKCS11Signer(read_uri("object=ecdsa"), Request())

        def gone(*_: object, **__: object) -> bytes:
            raise DeviceRemoved

        monkeypatch.setattr(SignMixin, "sign", gone)
        with pytest.raises(SignatureError, match="the token 'custody' could not sign: device removed"):
            signer.sign(MESSAGE)


def destroy(kind: ObjectClass, label: str) -> None:
    """Take an object away from the token."""
    session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
    for thing in list(session.get_objects({Attribute.CLASS: kind, Attribute.LABEL: label})):
        thing.destroy()


def change(label: str, name: Attribute, *, value: object) -> None:
    """Put a private key with another value of an attribute in the place of one."""
    session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
    found = list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: label}))
    found[0][name] = value


def import_public(kind: str, *, keyid: bytes, label: str) -> None:
    """Put the public half of a new key that is elsewhere onto the token."""
    from cryptography.hazmat.primitives import serialization
    from pkcs11.util.ec import decode_ec_public_key
    from pkcs11.util.rsa import decode_rsa_public_key

    key = generate(kind).public_key()
    pkcs1 = serialization.PublicFormat.PKCS1 if kind == "rsa" else serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_bytes(serialization.Encoding.DER, pkcs1)
    template = decode_rsa_public_key(der) if kind == "rsa" else decode_ec_public_key(der)
    session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
    more = {Attribute.TOKEN: True, Attribute.PRIVATE: False, Attribute.ID: keyid, Attribute.LABEL: label}
    session.create_object(template | more)


def import_private(label: str, *, always_authenticate: bool = False) -> None:
    """Put a P-256 pair that was made elsewhere onto the token, which therefore was readable once."""
    from cryptography.hazmat.primitives import serialization
    from pkcs11.util.ec import decode_ec_private_key, decode_ec_public_key

    key = generate("ecdsa")
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
    names = {Attribute.TOKEN: True, Attribute.ID: label.encode(), Attribute.LABEL: label}
    session.create_object(decode_ec_public_key(public) | names | {Attribute.PRIVATE: False})
    readable = {Attribute.SENSITIVE: always_authenticate, Attribute.EXTRACTABLE: not always_authenticate}
    more = {Attribute.SIGN: True, Attribute.PRIVATE: True, Attribute.ALWAYS_AUTHENTICATE: always_authenticate}
    kind = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    from pkcs11.mechanisms import KeyType

    session.create_object(
        decode_ec_private_key(private) | kind | {Attribute.KEY_TYPE: KeyType.EC} | names | readable | more
    )


def certificate(directory: Path) -> bytes:
    """Return a certificate in DER, whose public key is in `certified.pub`."""
    write_pair(str(directory / "certified"), generate("ecdsa"))
    request = ["openssl", "req", "-x509", "-key", "certified", "-subj", "/CN=certified", "-outform", "DER"]
    return subprocess.run(request, cwd=directory, capture_output=True, check=True).stdout
