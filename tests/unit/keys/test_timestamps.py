"""Whose timestamps count: tokens by certificates of every kind, made by openssl as any of their holders could."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from custody.errors import UsageError
from custody.keys.timestamps import MAX_TIMESTAMP_BYTES, TimestampAuthorities
from tests.x509 import CODE, Holder, Issuer, private_key

pytestmark = pytest.mark.component("openssl")

NOW = datetime.now(UTC).replace(microsecond=0)
SIGNATURE = b"what is stamped"
LASTING: dict[str, Any] = {"begins": NOW - timedelta(days=5), "ends": NOW + timedelta(days=5)}
PURPOSE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
ROOT = Issuer.root(kind="p256", **LASTING)
OTHER_ROOT = Issuer.root(kind="p256", key_name="of somebody else", **LASTING)
STAMPING: dict[str, Any] = {"more": [(PURPOSE, True)], **LASTING}
AUTHORITY = ROOT.leaf("authority", **STAMPING)
SHA256 = "0609608648016503040201"
TOKEN_TYPE = "1.2.840.113549.1.9.16.1.4"


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = len(body).to_bytes(2, "big")
    return bytes([tag]) + (b"\x82" + length if len(body) > 127 else length[1:]) + body


def token(holder: Holder, directory: Path, *others: Holder, at: datetime = NOW, status: int = 0) -> bytes:
    """Return the timestamp of `SIGNATURE` that `holder` signs, with the certificates of `others` besides."""
    hashed = der(0x30, der(0x30, bytes.fromhex(SHA256)), der(4, hashlib.sha256(SIGNATURE).digest()))
    when = der(0x18, f"{at:%Y%m%d%H%M%SZ}".encode())
    (directory / "info").write_bytes(der(0x30, der(2, b"\1"), bytes.fromhex("06032a0304"), hashed, der(2, b"\7"), when))
    (directory / "signer.pem").write_text(holder.pem)
    (directory / "key.pem").write_text(holder.private_pem)
    (directory / "others.pem").write_text("".join(other.pem for other in others))
    argv = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-econtent_type", TOKEN_TYPE, "-md", "sha256"]
    argv += ["-in", "info", "-signer", "signer.pem", "-inkey", "key.pem", "-outform", "DER"]
    argv += ["-certfile", "others.pem"] if others else []
    signed = subprocess.run(argv, cwd=directory, check=True, capture_output=True).stdout
    return der(0x30, der(0x30, der(2, bytes([status]))), signed)


def claimed(holder: Holder) -> Holder:
    """Return what bears issuer and number of the certificate of `holder`, and a purpose that this has not."""
    key = private_key("mallory's own", "p256")
    builder = x509.CertificateBuilder(
        issuer_name=holder.parsed.issuer,
        subject_name=holder.parsed.subject,
        public_key=key.public_key(),
        serial_number=holder.parsed.serial_number,
        not_valid_before=LASTING["begins"],
        not_valid_after=LASTING["ends"],
    )
    return Holder(builder.add_extension(PURPOSE, critical=True).sign(key, hashes.SHA256()), key)


def judged(data: bytes, signature: bytes = SIGNATURE, root: Issuer = ROOT) -> datetime | str:
    return TimestampAuthorities(roots=(root.certificate,)).instant(data, signature)


def test_authority_says_when_a_signature_existed(tmp_path: Path) -> None:
    data = token(AUTHORITY, tmp_path)

    assert judged(data) == NOW
    assert judged(data, b"something else") == "Mismatch between messages"
    assert isinstance(judged(data, root=OTHER_ROOT), str)
    assert isinstance(judged(data[:-1] + bytes([data[-1] ^ 1])), str)


def test_authority_of_the_past_counts_for_the_past_only(tmp_path: Path) -> None:
    authority = ROOT.leaf("authority", **STAMPING | {"ends": NOW - timedelta(days=2)})

    then = NOW - timedelta(days=3)
    assert judged(token(authority, tmp_path, at=then)) == then
    assert isinstance(judged(token(authority, tmp_path)), str)
    assert isinstance(judged(token(authority, tmp_path, at=NOW - timedelta(days=6))), str)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({}, id="no-purpose"),
        pytest.param({"purposes": [CODE]}, id="another-purpose"),
        pytest.param({"more": [(PURPOSE, False)]}, id="a-purpose-that-may-be-passed-over"),
        pytest.param(
            {"more": [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING, CODE]), True)]}, id="two-purposes"
        ),
    ],
)
def test_certificate_for_something_else_is_no_authority(said: dict[str, Any], tmp_path: Path) -> None:
    holder = ROOT.leaf("mallory", **LASTING, **said)

    assert isinstance(judged(token(holder, tmp_path)), str)
    assert isinstance(judged(token(holder, tmp_path, AUTHORITY)), str), "another one's certificate lies beside it"
    assert isinstance(judged(token(holder, tmp_path, claimed(holder))), str), "one that nobody issued lies beside it"


def test_refusal_with_a_timestamp_in_it_is_none(tmp_path: Path) -> None:
    assert judged(token(AUTHORITY, tmp_path, status=2)) == "PKIStatus is not GRANTED"


def test_what_is_no_timestamp_is_no_error() -> None:
    assert judged(b"") == judged(b"\x30\x00") == "it is no timestamp of RFC 3161"
    assert judged(b"\0" * (MAX_TIMESTAMP_BYTES + 1)) == (
        f"expected at most {MAX_TIMESTAMP_BYTES} bytes, got {MAX_TIMESTAMP_BYTES + 1}"
    )


def test_somebody_has_to_be_believed() -> None:
    with pytest.raises(UsageError, match="got none"):
        TimestampAuthorities(roots=())
