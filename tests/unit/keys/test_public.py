from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.errors import FormatError
from custody.keys.public import PublicKey, key_of_pem, key_of_spki, make_key, signer_among
from custody.keys.rsa import check_size

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "reference.json").read_bytes())
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
Private = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
MESSAGE = b"the message"


@cache
def private(scheme: str) -> Private:
    curves = {"256": ec.SECP256R1(), "384": ec.SECP384R1(), "521": ec.SECP521R1()}
    if scheme == "ed25519":
        return Ed25519PrivateKey.generate()
    if scheme.startswith("ecdsa"):
        return ec.generate_private_key(curves[scheme[-3:]])
    return rsa.generate_private_key(65537, 2048)


def spki_of(key: Private) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, SPKI)


def public(scheme: str) -> PublicKey:
    return key_of_spki(spki_of(private(scheme)), "", scheme=scheme)


def hash_of(scheme: str) -> hashes.HashAlgorithm:
    by_suffix: dict[str, hashes.HashAlgorithm] = {
        "256": hashes.SHA256(),
        "384": hashes.SHA384(),
        "521": hashes.SHA512(),
        "512": hashes.SHA512(),
    }
    return by_suffix[scheme[-3:]]


def sign(scheme: str, message: bytes, salt: int | None = None) -> bytes:
    key = private(scheme)
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    algorithm = hash_of(scheme)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(algorithm))
    if scheme.startswith("rsa-pkcs1v15-"):
        return key.sign(message, padding.PKCS1v15(), algorithm)
    length = algorithm.digest_size if salt is None else salt
    return key.sign(message, padding.PSS(padding.MGF1(algorithm), length), algorithm)


SCHEMES = [
    "ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsassa-pss-sha256",
    "rsassa-pss-sha384",
    "rsassa-pss-sha512",
    "rsa-pkcs1v15-sha256",
    "rsa-pkcs1v15-sha384",
    "rsa-pkcs1v15-sha512",
]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_genuine_signature_verifies(scheme: str) -> None:
    assert public(scheme).scheme == scheme
    assert public(scheme).verify(sign(scheme, MESSAGE), MESSAGE)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_over_another_message_is_rejected(scheme: str) -> None:
    signature = sign(scheme, MESSAGE)
    for message in (b"", MESSAGE + b"\n", MESSAGE.upper()):
        assert not public(scheme).verify(signature, message)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_tampered_signature_is_rejected(scheme: str) -> None:
    good = sign(scheme, MESSAGE)
    tampered = [good[:-1], good + b"\0", b"\0" + good, b"", b"\0", b"x" * len(good), good[::-1], good * 2]
    tampered += [good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :] for i in (0, len(good) // 2, len(good) - 1)]
    for signature in tampered:
        assert not public(scheme).verify(signature, MESSAGE)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_by_another_key_is_rejected(scheme: str) -> None:
    for other in SCHEMES:
        if private(other) is not private(scheme):
            assert not public(scheme).verify(sign(other, MESSAGE), MESSAGE)


@pytest.mark.parametrize("vector", VECTORS["keys"], ids=lambda vector: str(vector["scheme"]))
def test_a_signature_by_the_reference_verifies_and_its_twin_does_not(vector: dict[str, str]) -> None:
    key, signature = key_of_pem(vector["pem"], ""), bytes.fromhex(vector["signature"])
    assert key.verify(signature, vector["message"].encode())
    assert not key.verify(signature, vector["message"].encode() + b".")


@pytest.mark.parametrize("salt", [0, 1, 20, 32, 222])
def test_rsa_accepts_salts_of_any_length(salt: int) -> None:
    signature = sign("rsassa-pss-sha256", MESSAGE, salt)
    assert public("rsassa-pss-sha256").verify(signature, MESSAGE)
    assert not public("rsassa-pss-sha256").verify(signature, b"other")


def test_rsa_refuses_another_padding_and_another_hash() -> None:
    key = private("rsassa-pss-sha256")
    assert isinstance(key, rsa.RSAPrivateKey)
    sha256, sha512 = hashes.SHA256(), hashes.SHA512()
    older, newer = padding.PKCS1v15(), padding.PSS(padding.MGF1(sha256), 32)
    longer = padding.PSS(padding.MGF1(sha512), 64)
    for signature in (key.sign(MESSAGE, older, sha256), key.sign(MESSAGE, longer, sha512)):
        assert not key_of_spki(spki_of(key), "").verify(signature, MESSAGE)
    for signature in (key.sign(MESSAGE, newer, sha256), key.sign(MESSAGE, older, sha512)):
        assert not key_of_spki(spki_of(key), "", scheme="rsa-pkcs1v15-sha256").verify(signature, MESSAGE)


def test_a7_a_short_rsa_key_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  # what is tested
    with pytest.raises(FormatError, match=r"^k: expected an RSA key of 2048 to 16384 bits, got 1024"):
        key_of_spki(spki_of(weak), "k")
    with pytest.raises(FormatError, match="got 1024"):
        make_key(
            keytype="rsa",
            scheme="rsassa-pss-sha256",
            public=weak.public_key().public_bytes(serialization.Encoding.PEM, SPKI).decode(),
            where="",
        )


@pytest.mark.parametrize(("bits", "good"), [(2047, False), (2048, True), (16384, True), (16385, False)])
def test_rsa_keys_have_a_smallest_and_a_largest_size(bits: int, good: bool) -> None:
    key = rsa.RSAPublicNumbers(65537, 2**bits - 1).public_key()
    if good:
        check_size(key, "")
        return
    with pytest.raises(FormatError, match="expected an RSA key of 2048 to 16384 bits"):
        check_size(key, "")


@pytest.mark.parametrize("exponent", [1, 2, 4])
def test_an_rsa_key_under_which_anybody_can_sign_is_refused(exponent: int) -> None:
    der = spki_of(private("rsassa-pss-sha256"))
    assert der.endswith(bytes.fromhex("0203010001"))
    # The same modulus with a short exponent: three lengths around it shrink by two bytes.
    body = bytearray(der[:-5] + bytes([2, 1, exponent]))
    for at in (2, 21, 26):
        body[at : at + 2] = (int.from_bytes(body[at : at + 2], "big") - 2).to_bytes(2, "big")
    with pytest.raises(FormatError, match=r"not a public key: .*\be must be"):
        key_of_spki(bytes(body), "")


ED_HEX = "393e671b200f964c49083d34a867f5d989ec1c69df7b66758fe471c8591b139c"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ED_HEX[:-1],
        ED_HEX[:-2],
        ED_HEX + "00",
        ED_HEX[:-1] + "g",
        " " + ED_HEX,
        ED_HEX[:32] + "  " + ED_HEX[34:],
        ED_HEX[:-1] + "\uff11",
        ED_HEX + ED_HEX,
    ],
)
def test_ed25519_of_another_length_or_alphabet_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match=r"^k: expected 64 hexadecimal digits"):
        make_key(keytype="ed25519", scheme="ed25519", public=text, where="k")


def test_ed25519_in_upper_case_is_the_same_key() -> None:
    lower = make_key(keytype="ed25519", scheme="ed25519", public=ED_HEX, where="")
    upper = make_key(keytype="ed25519", scheme="ed25519", public=ED_HEX.upper(), where="")
    assert lower.identity == upper.identity


P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    """Add on the curve -x² + y² = 1 + d x² y² (RFC 8032, section 5.1)."""
    (x, y), (u, v) = one, other
    k = D * x * u * y * v % P
    return (x * v + u * y) * pow(1 + k, -1, P) % P, (y * v + x * u) * pow(1 - k, -1, P) % P


def multiple(factor: int, point: Point) -> Point:
    total = (0, 1)
    for bit in f"{factor:b}":
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def points() -> list[Point]:
    found = []
    for y in range(2, 40):
        square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
        x = pow(square, (P + 3) // 8, P)
        x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
        if (x * x - square) % P == 0:
            found.append((x, y))
    return found


def test_ed25519_points_of_small_order_and_second_spellings_are_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    small = {multiple(order, point) for point in points()}
    small = {add(one, other) for one in small for other in small}
    assert len(small) == 8
    values = {y + (x % 2 << 255) for x, y in small}
    values |= {y + sign for y in range(P, 2**255) for sign in (0, 2**255)}
    values |= {1 + 2**255, P - 1 + 2**255}  # x = 0 with a sign is a spelling of its own
    for value in values:
        with pytest.raises(FormatError, match="a weak ed25519 key"):
            make_key(keytype="ed25519", scheme="ed25519", public=value.to_bytes(32, "little").hex(), where="")


@pytest.mark.parametrize(
    ("keytype", "scheme", "material", "message"),
    [
        ("ecdsa", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256", "the key is for ecdsa-sha2-nistp256, its scheme says"),
        ("ecdsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "the key is for ecdsa-sha2-nistp521, its scheme says"),
        ("ecdsa", "ecdsa-sha2-nistp256", "rsassa-pss-sha256", "expected an ECDSA key"),
        ("ecdsa", "ecdsa-sha2-nistp256", "ed25519", "expected an ECDSA key"),
        ("rsa", "rsassa-pss-sha256", "ecdsa-sha2-nistp256", "expected an RSA key"),
        ("rsa", "rsassa-pss-sha256", "ed25519", "expected an RSA key"),
        ("ed25519", "ed25519", "ecdsa-sha2-nistp256", "expected 64 hexadecimal digits"),
        ("rsa", "ed25519", "rsassa-pss-sha256", "is not supported"),
        ("ed25519", "rsassa-pss-sha256", "ed25519", "is not supported"),
        ("rsa", "rsa-pkcs1v15-sha1", "rsassa-pss-sha256", "is not supported"),
        ("rsa", "rsa-pkcs1v15-sha256", "ecdsa-sha2-nistp256", "expected an RSA key"),
        ("ecdsa", "ecdsa-sha2-nistp224", "ecdsa-sha2-nistp256", "is not supported"),
        ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "is not supported"),
        ("", "", "ed25519", "the key type '' with scheme '' is not supported"),
        ("RSA", "rsassa-pss-sha256", "rsassa-pss-sha256", "is not supported"),
    ],
)
def test_type_scheme_and_material_must_go_together(keytype: str, scheme: str, material: str, message: str) -> None:
    pem = private(material).public_key().public_bytes(serialization.Encoding.PEM, SPKI).decode()
    with pytest.raises(FormatError, match=f"^k: .*{message}"):
        make_key(keytype=keytype, scheme=scheme, public=pem, where="k")


def test_the_old_name_of_an_ecdsa_key_type_is_accepted() -> None:
    key = public("ecdsa-sha2-nistp256")
    old = make_key(keytype=key.scheme, scheme=key.scheme, public=key.public, where="")
    assert old.identity == key.identity
    signature = sign("ecdsa-sha2-nistp256", MESSAGE)
    assert old.verify(signature, MESSAGE)
    assert not old.verify(signature, b"other")


@pytest.mark.parametrize(
    ("material", "scheme"),
    [
        ("ed25519", "rsassa-pss-sha256"),
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"),
        ("rsassa-pss-sha256", "ed25519"),
    ],
)
def test_a_scheme_that_is_not_the_keys_own_cannot_be_chosen(material: str, scheme: str) -> None:
    with pytest.raises(FormatError):
        key_of_spki(spki_of(private(material)), "", scheme=scheme)


def test_a_given_key_id_is_kept_as_a_label() -> None:
    key = make_key(keytype="ed25519", scheme="ed25519", public=ED_HEX, where="", keyid="carol")
    assert key.keyid == "carol"


def test_the_signer_is_found_whatever_the_hint_says() -> None:
    keys = [public(scheme) for scheme in SCHEMES[:4]]
    for expected in keys:
        signature = sign(expected.scheme, MESSAGE)
        for hint in (*(key.keyid for key in keys), "", "nobody"):
            assert signer_among(keys, hint, signature, MESSAGE) == expected


def test_there_is_no_signer_of_a_tampered_message() -> None:
    keys = [public(scheme) for scheme in SCHEMES[:4]]
    signature = sign("ed25519", MESSAGE)
    assert signer_among(keys, keys[0].keyid, signature, b"other") is None
    assert signer_among([], "", signature, MESSAGE) is None
    assert signer_among(keys[1:], keys[0].keyid, signature, MESSAGE) is None
