"""How keys in clouds are named."""

from __future__ import annotations

import pytest

from custody.errors import UsageError
from custody.signing.kms_uri import DEFAULT_KMS_SECONDS, MAX_KMS_SECONDS, read_kms_uri
from custody.signing.registry import default_registry

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
GCP = "projects/p-1/locations/global/keyRings/r/cryptoKeys/k"
FORM = "cryptoKeyVersions/V"
VAULT = "release.vault.azure.net"
VERSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("uri", "service", "host", "name", "version"),
    [
        (f"awskms:///{ARN}", "awskms", "", ARN, ""),
        (f"awskms:{ARN}", "awskms", "", ARN, ""),
        ("awskms:///alias/release", "awskms", "", "alias/release", ""),
        ("awskms:mrk-1234abcd", "awskms", "", "mrk-1234abcd", ""),
        (f"gcpkms://{GCP}/cryptoKeyVersions/3", "gcpkms", "", GCP, "3"),
        (f"gcpkms://{GCP}/versions/3", "gcpkms", "", GCP, "3"),
        (f"gcpkms:{GCP}/cryptoKeyVersions/3", "gcpkms", "", GCP, "3"),
        (f"gcpkms://{GCP.replace('p-1', 'example.com:p-1')}/versions/1", "gcpkms", "", "", "1"),
        (f"azurekms://{VAULT}/k", "azurekms", VAULT, "k", ""),
        (f"azurekms://{VAULT}/k/{VERSION}", "azurekms", VAULT, "k", VERSION),
        (f"azurekms://{VAULT}/keys/k", "azurekms", VAULT, "k", ""),
        (f"azurekms://{VAULT}/keys/k/{VERSION}", "azurekms", VAULT, "k", VERSION),
        ("azurekms://a.managedhsm.azure.net/k", "azurekms", "a.managedhsm.azure.net", "k", ""),
        ("hashivault://release", "hashivault", "", "release", ""),
        ("hashivault:release", "hashivault", "", "release", ""),
        ("hashivault://re-le.ase_2/12", "hashivault", "", "re-le.ase_2", "12"),
        ("hv:release/2", "hashivault", "", "release", "2"),
    ],
)
def test_spellings_of_cosign_and_securesystemslib_mean_the_key(
    uri: str, service: str, host: str, name: str, version: str
) -> None:
    key = read_kms_uri(*uri.split(":", 1))

    assert (key.service, key.host, key.version, key.seconds) == (service, host, version, DEFAULT_KMS_SECONDS)
    assert key.uri == uri
    assert key.name == name or not name


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("awskms:", "names no key; expected awskms:///KEY"),
        ("awskms:///", "names no key; expected awskms:///KEY"),
        ("awskms:////x", "names no key; expected awskms:///KEY"),
        ("awskms:/x", "names no key; expected awskms:///KEY"),
        ("awskms:a b", "names no key; expected awskms:///KEY"),
        ("awskms://localhost:4566/x", "names a server; write awskms:///KEY with three slashes.*AWS_ENDPOINT_URL_KMS"),
        (f"awskms://{ARN}", "names a server; write awskms:///KEY"),
        ("gcpkms:", f"names no key; expected gcpkms://.*{FORM}"),
        (f"gcpkms://{GCP}", f"names no version, and each is another key; write gcpkms://.*{FORM}"),
        (f"gcpkms://{GCP}/cryptoKeyVersions/", "names no key"),
        (f"gcpkms://{GCP}/cryptoKeyVersions/1/2", "names no key"),
        (f"gcpkms://{GCP}/cryptoKeyVersions/1 2", "names no key"),
        (f"gcpkms://{GCP}/cryptoKeyVersions/1\n2", "names no key"),
        ("gcpkms://projects/p/locations/l/keyRings/r", "names no key"),
        ("azurekms:", "names no key; expected azurekms://VAULT.vault.azure.net/NAME"),
        ("azurekms://release/k", "names no key"),
        (f"azurekms://{VAULT}", "names no key"),
        (f"azurekms://{VAULT}/", "names no key"),
        (f"azurekms://{VAULT}/secrets/k/1/2", "names no key"),
        (f"azurekms://{VAULT}:8443/k", "names no key"),
        (f"azurekms://user@{VAULT}/k", "names no key"),
        (f"azurekms://{VAULT}/k#x", "names no key"),
        ("hashivault:", "names no key; expected hashivault://NAME"),
        ("hashivault://../sys/seal", "names no key"),
        ("hashivault://a/b", "names no key"),
        ("hashivault://a/0", "names no key"),
        ("hashivault://a/1/2", "names no key"),
        ("hv:", "names no key"),
    ],
)
def test_what_names_no_key_is_refused_with_how_to_write_it(uri: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        read_kms_uri(*uri.split(":", 1))


@pytest.mark.parametrize("seconds", [1, 5, int(MAX_KMS_SECONDS)])
def test_a_timeout_is_part_of_the_uri(seconds: int) -> None:
    key = read_kms_uri("awskms", f"///alias/x?timeout={seconds}")

    assert (key.seconds, key.uri) == (float(seconds), "awskms:///alias/x")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("timeout=0", "expected a timeout of 1 to 300 seconds, got 0"),
        ("timeout=301", "expected a timeout of 1 to 300 seconds, got 301"),
        ("timeout=9999999", "expected .timeout=SECONDS or nothing, got 'timeout=9999999'"),
        ("timeout=1.5", "expected .timeout=SECONDS or nothing"),
        ("timeout=", "expected .timeout=SECONDS or nothing"),
        ("", "expected .timeout=SECONDS or nothing, got ''"),
        ("region=x", "expected .timeout=SECONDS or nothing, got 'region=x'"),
        ("timeout=1&timeout=2", "expected .timeout=SECONDS or nothing"),
    ],
)
@pytest.mark.parametrize("uri", ["awskms:x", f"gcpkms:{GCP}/versions/1", f"azurekms://{VAULT}/k", "hashivault://k"])
def test_another_query_or_timeout_is_refused(uri: str, query: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        read_kms_uri(*f"{uri}?{query}".split(":", 1))


@pytest.mark.parametrize("scheme", ["awskms", "azurekms", "gcpkms", "hashivault", "hv", "AwsKMS"])
def test_the_registry_knows_the_schemes(scheme: str) -> None:
    assert default_registry().split(f"{scheme}:x") == (scheme.lower(), "x")
