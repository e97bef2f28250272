"""Public keys attribute by attribute, in all the forms that modules give them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pkcs11.constants import Attribute, ObjectClass
from pkcs11.exceptions import AttributeSensitive, AttributeTypeInvalid
from pkcs11.mechanisms import KeyType
from pkcs11.types import Object

from custody.errors import FormatError
from custody.keys.pem import load_spki
from custody.signing.pkcs11_material import EC_PARAMETERS, ED25519_PARAMETERS, attribute, key_type, spki_of

CURVES = {"SECP256R1": ec.SECP256R1(), "SECP384R1": ec.SECP384R1(), "SECP521R1": ec.SECP521R1()}
POINT = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Thing(Object):
    """An object of a token with these attributes only."""

    def __init__(self, kind: ObjectClass, attributes: Mapping[Attribute, object]) -> None:
        self.object_class = kind
        self._attributes = attributes

    def __getitem__(self, key: Attribute) -> object:
        if key not in self._attributes:
            raise AttributeTypeInvalid
        value = self._attributes[key]
        if isinstance(value, Exception):
            raise value
        return value


def public(**attributes: object) -> Thing:
    return Thing(ObjectClass.PUBLIC_KEY, {Attribute[name]: value for name, value in attributes.items()})


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("form", ["octet string", "bit string", "bare"])
def test_point_of_a_curve_is_read_in_every_form(curve: str, form: str) -> None:
    key = ec.generate_private_key(CURVES[curve]).public_key()
    raw = key.public_bytes(*POINT)
    long = {True: b"\x81", False: b""}
    point = {
        "octet string": b"\x04" + long[len(raw) > 127] + bytes([len(raw)]) + raw,
        "bit string": b"\x03" + long[len(raw) + 1 > 127] + bytes([len(raw) + 1]) + b"\0" + raw,
        "bare": raw,
    }[form]
    thing = public(KEY_TYPE=KeyType.EC, EC_PARAMS=EC_PARAMETERS[curve], EC_POINT=point)
    assert spki_of(thing, "t") == key.public_bytes(*SPKI)


@pytest.mark.parametrize("parameters", ED25519_PARAMETERS)
@pytest.mark.parametrize("head", [b"", b"\x04\x20", b"\x03\x21\0"])
def test_ed25519_key_is_read_in_every_form(parameters: bytes, head: bytes) -> None:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    point = head + key.public_bytes_raw()
    for kind in (KeyType.EC_EDWARDS, KeyType.EC):
        thing = public(KEY_TYPE=kind, EC_PARAMS=parameters, EC_POINT=point)
        assert spki_of(thing, "t") == key.public_bytes(*SPKI)


@pytest.mark.parametrize("kind", [ObjectClass.PUBLIC_KEY, ObjectClass.PRIVATE_KEY])
def test_rsa_key_is_its_numbers(kind: ObjectClass) -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    numbers = {
        Attribute.KEY_TYPE: KeyType.RSA,
        Attribute.MODULUS: key.public_numbers().n.to_bytes(256, "big"),
        Attribute.PUBLIC_EXPONENT: b"\x01\x00\x01",
    }
    assert load_spki(spki_of(Thing(kind, numbers), "t")) == key


EC, ED = KeyType.EC, KeyType.EC_EDWARDS
P256, EDWARDS = EC_PARAMETERS["SECP256R1"], ED25519_PARAMETERS[0]


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (public(), "t: no public key that custody can use; use ed25519"),
        (public(KEY_TYPE=KeyType.DSA), "no public key that custody can use"),
        (public(KEY_TYPE=ValueError("a vendor's own")), "no public key that custody can use"),
        (public(KEY_TYPE=EC, EC_PARAMS=P256), "no public key that custody can use"),
        (public(KEY_TYPE=EC, EC_PARAMS=P256, EC_POINT=AttributeSensitive()), "no public key that custody can use"),
        (public(KEY_TYPE=EC, EC_PARAMS=b"\x06\x01\x00", EC_POINT=b"\x04"), "the curve '060100' is not supported"),
        (public(KEY_TYPE=EC, EC_POINT=b"\x04"), "the curve '' is not supported"),
        (public(KEY_TYPE=EC, EC_PARAMS=P256, EC_POINT=b"\x04\x02\x04\x00"), "t: not a point of SECP256R1"),
        (public(KEY_TYPE=EC, EC_PARAMS=P256, EC_POINT=b"\x04" + b"\x01" * 64), "t: not a point of SECP256R1"),
        (public(KEY_TYPE=ED, EC_PARAMS=EDWARDS, EC_POINT=b"x" * 33), "t: expected 32 bytes of an ed25519 key, got 33"),
        (public(KEY_TYPE=ED, EC_PARAMS=EDWARDS, EC_POINT=b"x"), "expected 32 bytes of an ed25519 key, got 1"),
        (public(KEY_TYPE=KeyType.RSA), "t: not an RSA key"),
        (public(KEY_TYPE=KeyType.RSA, MODULUS=b"\x04" * 256, PUBLIC_EXPONENT=b"\x02"), "t: not an RSA key"),
        (Thing(ObjectClass.CERTIFICATE, {Attribute.VALUE: b"0"}), "t: not a certificate"),
        (Thing(ObjectClass.CERTIFICATE, {}), "t: not a certificate"),
    ],
)
def test_what_is_no_key_is_refused(thing: Thing, said: str) -> None:
    with pytest.raises(FormatError) as error:
        spki_of(thing, "t")
    assert said in str(error.value)


def test_attribute_that_is_not_shown_is_empty() -> None:
    thing = public(ID=b"\x01", LABEL=AttributeSensitive())
    assert [attribute(thing, name) for name in (Attribute.ID, Attribute.LABEL, Attribute.VALUE)] == [b"\x01", b"", b""]
    assert key_type(thing) == -1
