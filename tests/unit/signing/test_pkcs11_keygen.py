"""Keys that a token makes and keeps: the private half can be used there, and never read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pkcs11.constants import Attribute, ObjectClass, TokenFlag
from pkcs11.exceptions import AttributeSensitive

from custody.errors import SignatureError, UsageError
from custody.signing import pkcs11_keygen
from custody.signing.pkcs11_keygen import generate_on_token
from custody.signing.pkcs11_login import log_out, open_token
from custody.signing.pkcs11_material import EC_PARAMETERS
from custody.signing.pkcs11_objects import find_private
from custody.signing.pkcs11_uri import KeyURI, read_label, read_uri
from custody.signing.registry import load_signer
from custody.signing.signer import Request
from custody.workflows.keys import read_public_key
from tests.softhsm import KINDS, SoftHSM, soft_hsm

pytestmark = [pytest.mark.component("softhsm2"), pytest.mark.usefixtures("hsm")]


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHSM]:
    with soft_hsm(tmp_path, monkeypatch) as made:
        yield made


def labels(kind: ObjectClass) -> set[str]:
    opened = open_token(KeyURI(), Request(), login=True)
    return {thing[Attribute.LABEL] for thing in opened.session.get_objects({Attribute.CLASS: kind})}


@pytest.mark.parametrize("kind", KINDS)
def test_new_key_of_every_kind_signs_and_outlives_the_process(kind: str) -> None:
    key = generate_on_token(read_label("new"), Request(), kind, bits=2048 if kind == "rsa" else None)
    log_out()
    signer = load_signer("hsm:new")
    assert signer.public_key == key == read_public_key("hsm:new")
    assert key.verify(signer.sign(b"message"), b"message")
    assert not key.verify(signer.sign(b"message"), b"other")


@pytest.mark.parametrize("kind", KINDS)
def test_private_half_cannot_be_read(kind: str) -> None:
    private = find_private(open_token(KeyURI(), Request(), login=True), read_label(kind))
    for name in (Attribute.SENSITIVE, Attribute.ALWAYS_SENSITIVE, Attribute.NEVER_EXTRACTABLE, Attribute.PRIVATE):
        assert private[name] is True
    assert private[Attribute.EXTRACTABLE] is False
    secret = Attribute.PRIVATE_EXPONENT if kind == "rsa" else Attribute.VALUE
    with pytest.raises(AttributeSensitive):
        assert private[secret]


def test_private_half_is_for_signing_only() -> None:
    private = find_private(open_token(KeyURI(), Request(), login=True), read_label("rsa"))
    purposes = (Attribute.SIGN, Attribute.DECRYPT, Attribute.UNWRAP, Attribute.DERIVE)
    assert [bool(private[name]) for name in purposes] == [True, False, False, False]


def test_rsa_key_has_the_size_that_was_asked_for() -> None:
    opened = open_token(KeyURI(), Request(), login=True)
    for bits, label in ((None, "usual"), (2048, "small")):
        generate_on_token(read_label(label), Request(), "rsa", bits=bits)
        modulus = find_private(opened, read_label(label))[Attribute.MODULUS]
        assert len(modulus) * 8 == (bits or 3072)


def test_id_is_the_one_of_the_uri_or_one_by_chance() -> None:
    generate_on_token(read_uri("object=one;id=%01%02"), Request())
    opened = open_token(KeyURI(), Request(), login=True)
    assert find_private(opened, read_label("one"))[Attribute.ID] == b"\x01\x02"
    for label in ("two", "three"):
        generate_on_token(read_label(label), Request())
    ids = {find_private(opened, read_label(label))[Attribute.ID] for label in ("two", "three")}
    assert [len(keyid) for keyid in ids] == [8, 8]


@pytest.mark.parametrize("rest", ["object=ecdsa", "object=ecdsa;id=%01", "object=new;id=ecdsa"])
def test_label_or_id_that_is_taken_is_refused(rest: str) -> None:
    before = labels(ObjectClass.PRIVATE_KEY), labels(ObjectClass.PUBLIC_KEY)
    with pytest.raises(UsageError, match=r"the token 'custody' holds a key .* already; choose another name"):
        generate_on_token(read_uri(rest), Request())
    assert (labels(ObjectClass.PRIVATE_KEY), labels(ObjectClass.PUBLIC_KEY)) == before


def test_label_of_a_public_key_is_taken_too() -> None:
    session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
    for half in list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: "ecdsa"})):
        half.destroy()
    with pytest.raises(UsageError, match="holds a key called 'ecdsa' already"):
        generate_on_token(read_label("ecdsa"), Request())


@pytest.mark.parametrize(
    ("rest", "kind", "bits", "said"),
    [
        ("", "ed25519", None, "what is the new key to be called"),
        ("object=", "ed25519", None, "what is the new key to be called"),
        ("id=%01", "ed25519", None, "what is the new key to be called"),
        ("object=a;type=public", "ed25519", None, "what is the new key to be called"),
        ("object=a", "dsa", None, "no token can make a key of type 'dsa'; there are ed25519, ecdsa"),
        ("object=a", "ml-dsa-65", None, "no token can make a key of type 'ml-dsa-65'"),
        ("object=a", "ecdsa", 256, "a key of type ecdsa has one size only"),
        ("object=a", "rsa", 1024, "expected 2048 to 16384 bits for RSA, got 1024"),
        ("object=a", "rsa", 16385, "expected 2048 to 16384 bits for RSA, got 16385"),
        ("token=none;object=a", "ed25519", None, "there is no token"),
    ],
)
def test_what_makes_no_sense_is_refused(rest: str, kind: str, bits: int | None, said: str) -> None:
    before = labels(ObjectClass.PRIVATE_KEY)
    with pytest.raises(UsageError, match=said):
        generate_on_token(read_uri(rest), Request(), kind, bits=bits)
    assert labels(ObjectClass.PRIVATE_KEY) == before


def test_token_that_cannot_make_a_kind_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = dict.fromkeys(EC_PARAMETERS, b"\x06\x03\x2a\x03\x04")
    monkeypatch.setattr(pkcs11_keygen, "EC_PARAMETERS", unknown)
    with pytest.raises(UsageError, match=r"the token 'custody' cannot make a key of type ecdsa: \w+"):
        generate_on_token(read_label("new"), Request(), "ecdsa")
    assert "new" not in labels(ObjectClass.PRIVATE_KEY) | labels(ObjectClass.PUBLIC_KEY)


def test_wrong_pin_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKCS11_PIN", "9999")
    with pytest.raises(SignatureError, match="is wrong"):
        generate_on_token(read_label("new"), Request())
    monkeypatch.undo()


def test_locked_token_makes_nothing(hsm: SoftHSM) -> None:
    hsm.set_flags(TokenFlag.USER_PIN_LOCKED)
    with pytest.raises(SignatureError, match="is locked"):
        generate_on_token(read_label("new"), Request())


def test_key_that_could_be_read_is_destroyed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs11_keygen, "_hidden", lambda: {Attribute.EXTRACTABLE: True})
    with pytest.raises(SignatureError, match="made a key that can be read out of it, which was destroyed again"):
        generate_on_token(read_label("readable"), Request())
    assert "readable" not in labels(ObjectClass.PRIVATE_KEY) | labels(ObjectClass.PUBLIC_KEY)
