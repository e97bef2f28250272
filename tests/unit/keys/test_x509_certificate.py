from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from custody.errors import FormatError
from custody.keys.public import key_of_spki
from custody.keys.x509_certificate import (
    MAX_BUNDLE,
    MAX_CERT_BYTES,
    certificate_of_pem,
    certificates_of_file,
    issued,
)
from tests.simulator import AT
from tests.x509 import CLIENT, Holder, Issuer, usage

ROOT = Issuer.root(organizations=["Acme"])
ALICE = ROOT.leaf(
    organizations=["Acme"],
    dns=["alice.acme.example"],
    emails=["alice@acme.example"],
    uris=["spiffe://acme.example/alice"],
    purposes=[CLIENT],
)


def test_certificate_is_read_as_it_is() -> None:
    found = ALICE.certificate

    assert (found.subject, found.issuer) == ("CN=alice,O=Acme", "CN=root,O=Acme")
    assert found.not_before < AT < found.not_after
    assert found.names.common_names == ("alice",)
    assert found.names.organizations == ("Acme",)
    assert found.names.dns_names == ("alice.acme.example",)
    assert found.names.emails == ("alice@acme.example",)
    assert found.names.uris == ("spiffe://acme.example/alice",)
    assert (found.usage.authority, found.usage.may_sign, found.usage.may_certify) == (False, True, False)
    assert found.usage.purposes == frozenset({"1.3.6.1.5.5.7.3.2"})
    assert ROOT.certificate.usage.authority


def test_fingerprint_and_pem_are_those_of_other_tools() -> None:
    found = ALICE.certificate

    assert found.pem == ALICE.pem
    assert len(found.fingerprint) == 64
    assert certificate_of_pem(found.pem, "") == found


@pytest.mark.parametrize("kind", ["ed25519", "p256", "p384", "rsa"])
def test_key_of_a_certificate_verifies_its_holders_signatures_and_no_others(kind: str) -> None:
    alice = ROOT.leaf("alice", kind)

    assert alice.certificate.key.verify(alice.sign(b"x"), b"x")
    assert not alice.certificate.key.verify(alice.sign(b"x"), b"y")
    assert not ROOT.leaf("bob", kind).certificate.key.verify(alice.sign(b"x"), b"x")


def test_issuer_is_who_signed_and_is_named() -> None:
    same_name = Issuer.root(organizations=["Acme"], key_name="another")
    other_name = Issuer(Issuer.root("other").parsed, ROOT.key)

    assert issued(ROOT.certificate, ALICE.certificate)
    assert not issued(same_name.certificate, ALICE.certificate)
    assert not issued(other_name.certificate, ALICE.certificate)


PEM = ALICE.pem
BODY = PEM.split("\n")
WRONG = {
    "empty": ("", "expected one certificate"),
    "cut off": (PEM[:-20], "expected one certificate"),
    "two": (PEM + PEM, "expected one certificate"),
    "with text before": (f"Certificate:\n{PEM}", "expected one certificate"),
    "a key": (PEM.replace("CERTIFICATE", "PUBLIC KEY"), "expected one certificate"),
    "a trusted certificate": (PEM.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), "expected one certificate"),
    "not base64": (PEM.replace(BODY[1], BODY[1][:-1]), "base64"),
    "not DER": (PEM.replace(BODY[1], "A" * 64), "not a certificate that can be judged"),
    "too large": (PEM + " " * MAX_CERT_BYTES, f"at most {MAX_CERT_BYTES} bytes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_certificate_is_refused(name: str) -> None:
    text, problem = WRONG[name]

    with pytest.raises(FormatError, match=problem) as refused:
        certificate_of_pem(text, "cert")

    assert refused.value.where == "cert"


def test_white_space_around_a_certificate_does_not_matter() -> None:
    assert certificate_of_pem(f"\n {PEM}\r\n\t", "") == ALICE.certificate


def test_file_may_have_several_certificates_with_text_around_them() -> None:
    text = f"Certificate: of Ali\xe7e\n{PEM}more\n{ROOT.pem}"

    assert certificates_of_file(text.encode("latin-1"), "") == (ALICE.certificate, ROOT.certificate)


def test_file_without_whole_certificates_is_refused() -> None:
    for text in ("", "hello", ALICE.private_pem, PEM + PEM[:-20], ROOT.parsed.public_bytes(Encoding.DER).hex()):
        with pytest.raises(FormatError, match="expected certificates as PEM"):
            certificates_of_file(text.encode(), "")
    assert len(certificates_of_file((PEM * MAX_BUNDLE).encode(), "")) == MAX_BUNDLE
    with pytest.raises(FormatError, match=f"at most {MAX_BUNDLE}"):
        certificates_of_file((PEM * (MAX_BUNDLE + 1)).encode(), "")


def test_keys_that_no_functionary_may_have_are_refused() -> None:
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  # that is the point
    other_curve = ec.generate_private_key(ec.SECP224R1())
    for key, problem in ((short, "2048 to 16384 bits"), (other_curve, "curve secp224r1")):
        holder = ROOT.leaf(key=key)
        with pytest.raises(FormatError, match=problem):
            _ = holder.certificate


def test_key_of_a_kind_that_signs_nothing_here_is_refused() -> None:
    key = dsa.generate_private_key(2048)
    builder = (
        x509.CertificateBuilder()
        .subject_name(ROOT.parsed.subject)
        .issuer_name(ROOT.parsed.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(AT)
        .not_valid_after(AT)
    )
    with pytest.raises(FormatError, match="is not supported"):
        _ = Holder(builder.sign(ROOT.key, None), ROOT.key).certificate


def with_extension(number: int, value: bytes) -> Holder:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(f"2.5.29.{number}"), value)
    return ROOT.leaf(basic=None, usage=None, more=[(unknown, True)])


@pytest.mark.parametrize("number", [15, 17, 19, 30, 37])
def test_malformed_extension_is_refused(number: int) -> None:
    with pytest.raises(FormatError, match="not a certificate that can be judged"):
        _ = with_extension(number, b"\x30\x05nothing").certificate


def test_key_usage_says_what_a_key_may_do() -> None:
    assert ROOT.leaf(usage=usage("content_commitment")).certificate.usage.may_sign
    assert ROOT.leaf(usage=usage("key_agreement")).certificate.usage.may_sign is False
    assert ROOT.leaf(usage=None).certificate.usage.may_sign is None


def test_key_has_the_id_that_it_has_without_a_certificate() -> None:
    key = ALICE.certificate.key

    assert key == key_of_spki(key.spki, "")
