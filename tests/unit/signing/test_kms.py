"""Keys in clouds, against servers on loopback that speak the services' protocols. No real cloud is asked."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator

import pytest

from custody.errors import CustodyError, FormatError, SignatureError, UsageError
from custody.keys.public import key_of_spki
from custody.signing.elsewhere import exported_key
from custody.signing.kms import KMSSigner
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.signing.signer import Request
from tests.kms_servers import AZURE_HOST, GCP_KEYS, VARIABLES, KMSServers, spki_of

MESSAGE = b"what is signed"

P256 = {
    "aws": "awskms:///alias/p256",
    "gcp": f"gcpkms://{GCP_KEYS}/p256/cryptoKeyVersions/1",
    "azure": f"azurekms://{AZURE_HOST}/p256",
}
SERVICES = {**P256, "vault": "hashivault://ed25519"}
TITLES = {"aws": "AWS KMS", "gcp": "Google Cloud KMS", "azure": "Azure Key Vault", "vault": "Vault"}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KMSServers]:
    with KMSServers(tmp_path_factory.mktemp("kms")) as servers:
        for kind in ("p256", "p384", "p521", "k1", "rsa", "ed25519"):
            servers.put(kind, kind)
        servers.put("versions", "p256", "p256")
        servers.put("many", *["ed25519"] * 10)
        yield servers


@pytest.fixture
def servers(started: KMSServers, monkeypatch: pytest.MonkeyPatch) -> Iterator[KMSServers]:
    for name in os.environ:
        if name.startswith(VARIABLES) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    started.asked.clear()
    yield started
    started.fault = ""


@pytest.mark.parametrize(
    ("uri", "name", "scheme"),
    [
        ("awskms:///alias/p256", "p256", "ecdsa-sha2-nistp256"),
        ("awskms:arn:aws:kms:eu-central-1:111122223333:key/p384", "p384", "ecdsa-sha2-nistp384"),
        ("awskms:rsa", "rsa", "rsassa-pss-sha256"),
        (f"gcpkms://{GCP_KEYS}/p256/cryptoKeyVersions/1", "p256", "ecdsa-sha2-nistp256"),
        (f"gcpkms:{GCP_KEYS}/p384/versions/1", "p384", "ecdsa-sha2-nistp384"),
        (f"gcpkms://{GCP_KEYS}/rsa/cryptoKeyVersions/1", "rsa", "rsassa-pss-sha256"),
        (f"azurekms://{AZURE_HOST}/p256", "p256", "ecdsa-sha2-nistp256"),
        (f"azurekms://{AZURE_HOST}/keys/p384", "p384", "ecdsa-sha2-nistp384"),
        (f"azurekms://{AZURE_HOST}/p521", "p521", "ecdsa-sha2-nistp521"),
        ("hashivault://ed25519", "ed25519", "ed25519"),
        ("hv:ed25519/1", "ed25519", "ed25519"),
    ],
)
def test_a_service_signs_with_the_key_that_it_shows(servers: KMSServers, uri: str, name: str, scheme: str) -> None:
    signer = load_signer(uri)
    expected = key_of_spki(spki_of(servers.keys[name][0]), "")
    signature = signer.sign(MESSAGE)

    assert signer.public_key == expected
    assert expected.scheme == scheme
    assert expected.verify(signature, MESSAGE)
    assert not expected.verify(signature, MESSAGE + b"!")
    assert servers.asked.count("sign") == 1


@pytest.mark.parametrize("fault", ["other-key", "other-content", "truncated", "empty"])
@pytest.mark.parametrize("service", SERVICES)
def test_a_signature_that_is_not_the_keys_own_is_never_used(servers: KMSServers, service: str, fault: str) -> None:
    signer = load_signer(SERVICES[service])
    servers.fault = fault

    with pytest.raises(SignatureError, match=r"made a signature that is not by key [0-9a-f]{64} over what was given"):
        signer.sign(MESSAGE)
    servers.fault = ""
    assert signer.public_key.verify(signer.sign(MESSAGE), MESSAGE)


@pytest.mark.parametrize("fault", ["other-key", "truncated"])
def test_an_rsa_signature_that_is_not_the_keys_own_is_never_used(servers: KMSServers, fault: str) -> None:
    signer = load_signer("awskms:rsa")
    servers.fault = fault

    with pytest.raises(SignatureError, match="AWS KMS made a signature that is not by key"):
        signer.sign(MESSAGE)


@pytest.mark.parametrize(
    ("service", "fault", "said"),
    [
        ("aws", "error", r"\(KMSInternalException\).*out of order"),
        ("aws", "denied", r"\(AccessDeniedException\).*not authorized to read Go away"),
        ("aws", "unknown", r"\(NotFoundException\).*Key 'p256' does not exist"),
        ("aws", "nonsense", "ValueError"),
        ("aws", "encrypts", "the answer is not what was expected .KeyError: 'SigningAlgorithms'"),
        ("gcp", "error", "MethodNotImplemented: 501 out of order"),
        ("gcp", "denied", "PermissionDenied: 403 the caller may not"),
        ("gcp", "unknown", "NotFound: 404 projects/p/"),
        ("gcp", "encrypts", "UnsupportedAlgorithmError: 8 is not a supported signing algorithm"),
        ("azure", "error", r"HttpResponseError: \(NotImplemented\) out of order"),
        ("azure", "denied", r"HttpResponseError: \(Forbidden\) the caller may not"),
        ("azure", "unknown", r"ResourceNotFoundError: \(KeyNotFound\) A key p256 was not found"),
        ("azure", "nonsense", "ValueError: Invalid EC key"),
        ("azure", "login", "ClientAuthenticationError: .*AADSTS7000215: wrong secret"),
        ("vault", "error", "InternalServerError: internal error"),
        ("vault", "denied", "Forbidden: permission denied"),
        ("vault", "unknown", "InvalidPath"),
        ("vault", "nonsense", "ValueError: An Ed25519 public key is 32 bytes long"),
    ],
)
def test_a_key_that_a_service_does_not_show_is_a_sentence(
    servers: KMSServers, service: str, fault: str, said: str
) -> None:
    servers.fault = fault

    with pytest.raises(SignatureError, match=said) as caught:
        load_signer(SERVICES[service])

    text = str(caught.value)
    assert text.startswith(f"{TITLES[service]} did not give the public key of '{SERVICES[service]}': ")
    assert "; it takes " in text
    assert text.isprintable()
    assert "sign" not in servers.asked


@pytest.mark.parametrize(
    ("service", "fault", "said"),
    [
        ("aws", "sign-error", r"\(KMSInternalException\)"),
        ("aws", "sign-denied", r"\(AccessDeniedException\)"),
        ("gcp", "sign-error", "MethodNotImplemented"),
        ("gcp", "sign-denied", "PermissionDenied"),
        ("azure", "sign-error", r"\(NotImplemented\)"),
        ("azure", "sign-denied", r"\(Forbidden\)"),
        ("vault", "sign-error", "internal error"),
        ("vault", "sign-denied", "permission denied"),
        ("vault", "sign-nonsense", "the answer is not what was expected .IndexError"),
    ],
)
def test_a_signature_that_a_service_refuses_is_a_sentence(
    servers: KMSServers, service: str, fault: str, said: str
) -> None:
    signer = load_signer(SERVICES[service])
    servers.fault = fault

    with pytest.raises(SignatureError, match=said) as caught:
        signer.sign(MESSAGE)

    assert str(caught.value).startswith(f"{TITLES[service]} did not sign with '{SERVICES[service]}': ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_does_not_show_the_key_in_time_is_given_up(servers: KMSServers, service: str) -> None:
    servers.fault = "read-hangs"

    with pytest.raises(SignatureError) as caught:
        load_signer(f"{SERVICES[service]}?timeout=1")

    assert str(caught.value) == (
        f"{TITLES[service]} did not give the public key of '{SERVICES[service]}' within 1 second; is it reachable?"
        " '?timeout=SECONDS' behind the URI waits longer"
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_does_not_sign_in_time_is_given_up(servers: KMSServers, service: str) -> None:
    signer = load_signer(SERVICES[service])
    assert isinstance(signer, KMSSigner)
    signer._key = signer._key.replace(seconds=1.0)
    servers.fault = "sign-hangs"

    with pytest.raises(SignatureError, match=f"{TITLES[service]} did not sign with '.*' within 1 second; is it"):
        signer.sign(MESSAGE)


@pytest.mark.parametrize("service", ["aws", "vault"])
def test_a_server_that_is_not_there_is_a_sentence(
    servers: KMSServers, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL_KMS", "VAULT_ADDR"):
        assert name in servers.environment
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with pytest.raises(SignatureError, match=f"{TITLES[service]} did not give the public key of"):
        load_signer(f"{SERVICES[service]}?timeout=20")


@pytest.mark.usefixtures("servers")
def test_without_a_region_it_says_what_aws_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(SignatureError, match=r"NoRegionError: .*AWS_DEFAULT_REGION set"):
        load_signer("awskms:p256")


@pytest.mark.parametrize(
    ("uri", "error", "problem"),
    [
        ("awskms:k1", FormatError, "awskms:k1: .*the curve secp256k1|awskms:k1: .*P-256"),
        ("awskms:p521", SignatureError, "Unsupported AWS key algorithms"),
        (
            f"azurekms://{AZURE_HOST}/rsa",
            FormatError,
            "the key is of type RSA, with which securesystemslib cannot sign",
        ),
        (
            f"azurekms://{AZURE_HOST}/k1",
            FormatError,
            "the key is of type EC on P-256K, with which .* on P-256, P-384, P-",
        ),
        (f"gcpkms://{GCP_KEYS}/ed25519/versions/1", SignatureError, "is not a supported signing algorithm"),
        ("hashivault://p256", FormatError, "the key is of type 'ecdsa-p256', with which .*; make one of type ed25519"),
        ("hashivault://rsa", FormatError, "with which securesystemslib cannot sign"),
    ],
)
@pytest.mark.usefixtures("servers")
def test_a_key_of_a_kind_that_cannot_be_used_is_refused(uri: str, error: type[CustodyError], problem: str) -> None:
    with pytest.raises(error, match=problem):
        load_signer(uri)


def test_a_key_that_only_encrypts_is_refused(servers: KMSServers) -> None:
    servers.fault = "encrypts"

    with pytest.raises(FormatError, match="hashivault://ed25519: the key is of type 'aes256-gcm96'"):
        load_signer("hashivault://ed25519")


def test_a_public_key_that_is_none_is_refused(servers: KMSServers) -> None:
    servers.fault = "nonsense"

    with pytest.raises(FormatError, match=f"{P256['gcp']}: expected one PEM block"):
        load_signer(P256["gcp"])


@pytest.mark.parametrize(
    ("uri", "name", "version"),
    [
        (f"gcpkms://{GCP_KEYS}/versions/cryptoKeyVersions/1", "versions", 1),
        (f"gcpkms://{GCP_KEYS}/versions/cryptoKeyVersions/2", "versions", 2),
        (f"azurekms://{AZURE_HOST}/versions", "versions", 2),
        (f"azurekms://{AZURE_HOST}/versions/{1:032x}", "versions", 1),
        (f"azurekms://{AZURE_HOST}/keys/versions/{2:032x}", "versions", 2),
        ("hashivault://many", "many", 10),
        ("hashivault://many/9", "many", 9),
        ("hv:many/1", "many", 1),
    ],
)
def test_the_version_that_is_named_signs_or_the_newest(servers: KMSServers, uri: str, name: str, version: int) -> None:
    signer = load_signer(uri)
    expected = key_of_spki(spki_of(servers.keys[name][version - 1]), "")

    assert signer.public_key == expected
    assert expected.verify(signer.sign(MESSAGE), MESSAGE)


@pytest.mark.usefixtures("servers")
def test_a_version_that_is_not_there_is_refused() -> None:
    with pytest.raises(FormatError, match="hashivault://many/11: the key has no version 11, only 1, 2, 3"):
        load_signer("hashivault://many/11")
    for uri in (f"gcpkms://{GCP_KEYS}/versions/versions/3", f"azurekms://{AZURE_HOST}/versions/{3:032x}"):
        with pytest.raises(SignatureError, match="not found"):
            load_signer(uri)


@pytest.mark.parametrize(
    "scheme",
    ["rsassa-pss-sha256", "rsassa-pss-sha384", "rsassa-pss-sha512", "rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha512"],
)
@pytest.mark.usefixtures("servers")
def test_a_scheme_chooses_among_those_of_an_rsa_key(scheme: str) -> None:
    signer = load_signer("awskms:rsa", scheme=scheme)

    assert signer.public_key.scheme == scheme
    assert signer.public_key.verify(signer.sign(MESSAGE), MESSAGE)


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        (P256["aws"], "Unsupported scheme 'rsassa-pss-sha512' for AWS key"),
        (f"gcpkms://{GCP_KEYS}/rsa/versions/1", "is for the scheme rsassa-pss-sha256, not for 'rsassa-pss-sha512'"),
        (P256["azure"], "is for the scheme ecdsa-sha2-nistp256, not for 'rsassa-pss-sha512'"),
        (SERVICES["vault"], "is for the scheme ed25519, not for 'rsassa-pss-sha512'"),
    ],
)
@pytest.mark.usefixtures("servers")
def test_a_scheme_that_is_not_the_keys_is_refused(uri: str, problem: str) -> None:
    with pytest.raises(CustodyError, match=problem):
        load_signer(uri, scheme="rsassa-pss-sha512")


@pytest.mark.parametrize("service", SERVICES)
def test_the_public_key_is_exported_without_signing(servers: KMSServers, service: str) -> None:
    scheme, rest = SERVICES[service].split(":", 1)
    name = "ed25519" if service == "vault" else "p256"

    assert exported_key(scheme, rest, Request()) == key_of_spki(spki_of(servers.keys[name][0]), "")
    assert "sign" not in servers.asked


@pytest.mark.usefixtures("servers")
def test_a_passphrase_is_not_what_a_service_asks_for() -> None:
    remarks: list[str] = []
    load_signer(P256["aws"], SecretSource(environment="NONE"), remark=remarks.append)

    assert remarks == ["the environment says who asks AWS KMS; the passphrase given here is not for it"]


@pytest.mark.usefixtures("servers")
def test_the_text_form_names_service_and_key() -> None:
    signer = load_signer(P256["aws"])

    assert isinstance(signer, KMSSigner)
    assert repr(signer) == f"KMSSigner(awskms, {signer.public_key.keyid})"


@pytest.mark.parametrize(
    ("module", "uri", "extra"),
    [
        ("securesystemslib.signer", P256["aws"], "awskms"),
        ("boto3", P256["aws"], "awskms"),
        ("google.cloud.kms", P256["gcp"], "gcpkms"),
        ("azure.identity", P256["azure"], "azurekms"),
        ("azure.keyvault.keys", P256["azure"], "azurekms"),
        ("hvac", SERVICES["vault"], "hashivault"),
        ("hvac", "hv:ed25519/1", "hashivault"),
    ],
)
def test_a_missing_extra_is_named(
    servers: KMSServers, module: str, uri: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UsageError) as caught:
        load_signer(uri)
    assert str(caught.value) == f"'{uri.partition(':')[0]}:' keys need an extra: pip install 'custody[{extra}]'"
    assert servers.asked == []


@pytest.mark.usefixtures("servers")
def test_whoever_set_logging_up_still_gets_what_the_clients_log(caplog: pytest.LogCaptureFixture) -> None:
    handler = logging.StreamHandler()
    logger = logging.getLogger("securesystemslib")
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.DEBUG, logger="securesystemslib"):
            load_signer(P256["aws"]).sign(MESSAGE)
        assert handler in logger.handlers
        assert "Signature response" in caplog.text
    finally:
        logger.removeHandler(handler)
