from __future__ import annotations

import base64
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519

from custody.errors import FormatError
from custody.keys.pem import MAX_PEM_BYTES, load_spki, spki_of_pem, write_pem
from custody.keys.public import key_of_pem, key_of_spki, make_key

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo

EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KEYS: dict[str, Private] = {"ed25519": ED, "ecdsa": EC, "rsa": RSA}


def pem_of(kind: str) -> str:
    return KEYS[kind].public_key().public_bytes(PEM, SPKI).decode()


def spki_of(kind: str) -> bytes:
    return KEYS[kind].public_key().public_bytes(DER, SPKI)


def private_pem_of(kind: str, form: serialization.PrivateFormat, password: bytes | None = None) -> str:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return KEYS[kind].private_bytes(PEM, form, encryption).decode()


def armour(der: bytes, label: str = "PUBLIC KEY") -> str:
    return f"-----BEGIN {label}-----\n{base64.b64encode(der).decode()}\n-----END {label}-----\n"


@pytest.mark.parametrize("kind", KEYS)
def test_a_public_pem_is_read_and_written_back(kind: str) -> None:
    spki = spki_of_pem(pem_of(kind), "")
    assert spki == spki_of(kind)
    assert write_pem(spki) == pem_of(kind)
    assert load_spki(spki) == KEYS[kind].public_key()


@pytest.mark.parametrize("kind", KEYS)
def test_every_layout_of_the_same_pem_is_the_same_key(kind: str) -> None:
    pem = pem_of(kind)
    one_line = armour(spki_of(kind))
    for text in (pem.strip(), f"\n\n{pem}\n\n", pem.replace("\n", "\r\n"), one_line):
        assert spki_of_pem(text, "") == spki_of(kind)


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_not_one_whole_block_is_refused(kind: str) -> None:
    pem = pem_of(kind)
    refused = {
        "empty": "",
        "white space": " \n",
        "cut in the middle": pem[: len(pem) // 2],
        "without its end": pem.replace("-----END PUBLIC KEY-----\n", ""),
        "without its beginning": pem.replace("-----BEGIN PUBLIC KEY-----\n", ""),
        "a shortened end": pem[:-3],
        "text before": f"my key\n{pem}",
        "text after": f"{pem}my key\n",
        "two blocks": pem + pem,
        "two different blocks": pem + pem_of("ed25519" if kind != "ed25519" else "ecdsa"),
        "labels that differ": pem.replace("END PUBLIC KEY", "END RSA PUBLIC KEY"),
        "a header": pem.replace("KEY-----\n", "KEY-----\nComment: x\n\n", 1),
        "another alphabet": pem.replace("M", "*", 1),
        "NUL inside": pem.replace("M", "\0", 1),
        "NUL after": f"{pem}\0",
        "exotic white space": f"\u00a0{pem}",
        "larger than any key": pem + " " * MAX_PEM_BYTES,
    }
    for case, text in refused.items():
        with pytest.raises(FormatError, match=r"^keys\.a: expected one PEM block") as caught:
            spki_of_pem(text, "keys.a")
        assert len(str(caught.value)) < 250, case


PRIVATE_FORMS = [
    *((kind, serialization.PrivateFormat.PKCS8, password) for kind in KEYS for password in (None, b"secret")),
    *((kind, serialization.PrivateFormat.OpenSSH, None) for kind in KEYS),
    *((kind, serialization.PrivateFormat.TraditionalOpenSSL, None) for kind in ("ecdsa", "rsa")),
    ("rsa", serialization.PrivateFormat.TraditionalOpenSSL, b"secret"),
]


@pytest.mark.parametrize(("kind", "form", "password"), PRIVATE_FORMS)
def test_a_private_pem_is_refused_with_a_remedy(
    kind: str, form: serialization.PrivateFormat, password: bytes | None
) -> None:
    with pytest.raises(FormatError, match=r"expected a public key, got a private one; give the \.pub file"):
        spki_of_pem(private_pem_of(kind, form, password), "")


def test_a_private_pem_beside_a_public_one_is_refused() -> None:
    with pytest.raises(FormatError, match="private"):
        spki_of_pem(pem_of("ecdsa") + private_pem_of("ecdsa", serialization.PrivateFormat.PKCS8), "")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("CERTIFICATE", "got 'CERTIFICATE'; take the key out of it with `openssl x509"),
        ("RSA PUBLIC KEY", "got 'RSA PUBLIC KEY'; convert it with `openssl rsa"),
        ("PGP PUBLIC KEY BLOCK", "got 'PGP PUBLIC KEY BLOCK'"),
    ],
)
def test_another_label_is_refused(label: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        spki_of_pem(armour(spki_of("rsa"), label), "")
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda der: der + b"\0",
        lambda der: der[:-1],
        lambda _: b"",
        lambda _: b"\x30\x00",
        lambda der: der + der,
        lambda der: der[:1] + b"\x80" + der[2:] + b"\0\0",  # indefinite length, no DER
    ],
)
def test_der_with_anything_more_or_less_is_refused(kind: str, spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(FormatError, match="not a public key"):
        spki_of_pem(armour(spoil(spki_of(kind))), "")


def test_body_with_broken_base64_is_refused() -> None:
    with pytest.raises(FormatError, match="expected base64"):
        spki_of_pem("-----BEGIN PUBLIC KEY-----\nAAAAA\n-----END PUBLIC KEY-----", "")


def test_a_compressed_point_is_the_same_key() -> None:
    point = EC.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    one, other = key_of_pem(armour(head + point), ""), key_of_pem(pem_of("ecdsa"), "")
    assert one == other


def test_rsa_without_its_null_parameter_is_the_same_key() -> None:
    with_null, without = bytes.fromhex("300d06092a864886f70d0101010500"), bytes.fromhex("300b06092a864886f70d010101")
    der = spki_of("rsa")
    shorter = der.replace(with_null, without)
    shorter = shorter[:2] + (int.from_bytes(der[2:4], "big") - 2).to_bytes(2, "big") + shorter[4:]
    try:
        spki = spki_of_pem(armour(shorter), "")
    except FormatError:
        return
    assert spki == der


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    der = spki_of("ecdsa")
    with pytest.raises(FormatError, match="not a public key"):
        spki_of_pem(armour(der[:-1] + bytes([der[-1] ^ 1])), "")


@pytest.mark.parametrize(
    ("public", "message"),
    [
        (x25519.X25519PrivateKey.generate().public_key(), "X25519PublicKey is not supported"),
        (dsa.generate_private_key(2048).public_key(), "DSAPublicKey is not supported"),
        (ec.generate_private_key(ec.SECP256K1()).public_key(), "the curve secp256k1 is not supported"),
        (ec.generate_private_key(ec.SECP224R1()).public_key(), "the curve secp224r1 is not supported"),
    ],
)
def test_other_kinds_of_keys_are_refused(public: rsa.RSAPublicKey, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        key_of_pem(public.public_bytes(PEM, SPKI).decode(), "")


def test_bytes_that_are_no_key_are_refused() -> None:
    with pytest.raises(FormatError, match=r"^k: not a public key"):
        key_of_spki(b"junk", "k")


def test_a_pem_that_never_ends_is_refused_in_no_time() -> None:
    text = "-----BEGIN PUBLIC KEY-----" + "\n" * (MAX_PEM_BYTES - 100)
    start = time.perf_counter()
    with pytest.raises(FormatError):
        spki_of_pem(text, "")
    assert time.perf_counter() - start < 1


def test_the_layout_field_may_be_another_spelling_of_the_pem() -> None:
    trimmed = make_key(keytype="ecdsa", scheme="ecdsa-sha2-nistp256", public=pem_of("ecdsa").strip(), where="")
    assert trimmed.public == pem_of("ecdsa").strip()
    assert trimmed.canonical_public == pem_of("ecdsa")
    assert trimmed.identity == key_of_pem(pem_of("ecdsa"), "").identity
