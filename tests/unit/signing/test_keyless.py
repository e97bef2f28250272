"""`sigstore:` signs as the identity of a token, and says clearly why it cannot."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from custody.encoding.pae import pae
from custody.errors import FormatError, SignatureError, StoreError, UsageError
from custody.keys.keyless import KeylessSignature
from custody.signing import keyless
from custody.signing.keyless import MAX_SIGNING_SECONDS, KeylessSigner
from custody.signing.keyless_token import MAX_TOKEN_BYTES, TOKEN_VARIABLE
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.signing.trusted_roots import trusted_root
from tests.sigstore_instance import SigstoreInstance

ALICE = "alice@example.com"
MESSAGE = pae("application/vnd.in-toto+json", b"{}")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path / "instance") as running:
        yield running


def signer(instance: SigstoreInstance, *parameters: str) -> KeylessSigner:
    return KeylessSigner("?" + "&".join([f"config={instance.config}", *parameters]))


def subject_of(made: KeylessSigner) -> str:
    signature = made.sign(MESSAGE)
    assert made.public_key.verify(signature, MESSAGE)
    assert isinstance(signature, KeylessSignature)
    return made.public_key.subject.text


def test_registry_knows_the_scheme(instance: SigstoreInstance) -> None:
    made = load_signer(instance.uri(ALICE))

    assert isinstance(made, KeylessSigner)
    assert subject_of(made) == ALICE
    assert made.public_key.issuer.text == instance.issuer
    assert repr(made) == f"KeylessSigner({ALICE}, {instance.issuer})"


def test_scheme_of_a_key_is_refused_and_a_passphrase_remarked_upon(instance: SigstoreInstance) -> None:
    remarks: list[str] = []

    with pytest.raises(UsageError, match="leave --scheme rsassa-pss-sha256 out"):
        load_signer(instance.uri(ALICE), scheme="rsassa-pss-sha256")
    load_signer(instance.uri(ALICE), SecretSource(environment="NAME"), remark=remarks.append)
    assert len(remarks) == 1
    assert "no passphrase" in remarks[0]


def test_token_comes_from_a_variable(instance: SigstoreInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", instance.token(ALICE))

    made = signer(instance, "token-env=MY_TOKEN")
    assert subject_of(made) == ALICE
    assert made.withheld == {"MY_TOKEN"}
    with pytest.raises(UsageError, match="'OTHER_TOKEN' is not set"):
        signer(instance, "token-env=OTHER_TOKEN")


def test_token_comes_from_the_usual_variable(instance: SigstoreInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, instance.token("job@example.com"))

    made = signer(instance)
    assert subject_of(made) == "job@example.com"
    assert made.withheld == {TOKEN_VARIABLE, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"}


def test_token_comes_from_a_descriptor_and_is_read_once(instance: SigstoreInstance) -> None:
    read, write = os.pipe()
    os.write(write, instance.token(ALICE).encode() + b"\n")
    os.close(write)
    made = signer(instance, f"token-fd={read}")
    made._ends = datetime.now(UTC)

    assert subject_of(made) == ALICE
    assert made.withheld == frozenset()
    os.close(read)
    with pytest.raises(UsageError, match=r"identity token from descriptor|cannot read"):
        signer(instance, f"token-fd={read}")


def test_token_comes_from_a_file(instance: SigstoreInstance, tmp_path: Path) -> None:
    (tmp_path / "a token").write_text(f"{instance.token(ALICE)}\n", encoding="ascii")

    made = signer(instance, f"token-file={quote(str(tmp_path / 'a token'))}")
    assert subject_of(made) == ALICE
    assert made.withheld == frozenset()
    with pytest.raises(StoreError, match="cannot read identity token"):
        signer(instance, f"token-file={tmp_path / 'none'}")


def test_token_comes_from_a_job_of_github_actions(instance: SigstoreInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{instance.url}/actions/token?for=1")

    job = "https://github.com/acme/app/.github/workflows/build.yml@refs/heads/main"
    instance.job_identity = job
    assert subject_of(signer(instance)) == job

    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    with pytest.raises(SignatureError, match="this CI job was given no identity token"):
        signer(instance)


def test_without_a_token_it_says_where_one_may_come_from(
    instance: SigstoreInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "BUILDKITE", TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("id.detect_credential", lambda _audience: None)  # a cloud's machine would ask its network

    with pytest.raises(UsageError, match="no identity token here"):
        signer(instance)


def test_token_comes_from_a_browser(instance: SigstoreInstance, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    script = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"
    browser.write_text(f"#!{sys.executable}\n{script}\n", encoding="utf-8")
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    program = (
        "import sys; from custody.signing.keyless import KeylessSigner;"
        " made = KeylessSigner(sys.argv[1]); print(made.public_key.subject, sorted(made.withheld))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, f"?config={instance.config}&ambient=false"],
        env={**os.environ, "BROWSER": f"{browser} %s"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == f"{instance.browser_identity} []\n", done.stderr
    assert "GET /oidc/auth" in instance.requests


@pytest.mark.parametrize(
    "token", ["", "not a token", "a.b.c", "ü", "x" * (MAX_TOKEN_BYTES + 1), "eyJhbGciOiJub25lIn0.e30."]
)
def test_what_is_no_token_is_refused(
    token: str, instance: SigstoreInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")

    with pytest.raises((SignatureError, StoreError), match="identity token"):
        signer(instance, f"token-file={file}")
    if token and len(token) < MAX_TOKEN_BYTES:
        monkeypatch.setenv("MY_TOKEN", token)
        with pytest.raises(SignatureError, match="'MY_TOKEN' holds is no identity token") as caught:
            signer(instance, "token-env=MY_TOKEN")
        assert token not in str(caught.value) or token in "aaaa"


def test_expired_token_is_refused(instance: SigstoreInstance) -> None:
    with pytest.raises(SignatureError, match=r"no identity token that is good now.*expired"):
        instance.signer(ALICE, lasts=timedelta(minutes=-5))


def test_token_of_another_provider_is_refused_by_the_authority(instance: SigstoreInstance, tmp_path: Path) -> None:
    with SigstoreInstance(tmp_path / "other") as other:
        (tmp_path / "token").write_text(other.token(ALICE), encoding="ascii")

    with pytest.raises(SignatureError, match="the Sigstore instance cannot be used"):
        signer(instance, f"token-file={tmp_path / 'token'}")


def test_certificate_has_to_be_for_whom_the_uri_names(instance: SigstoreInstance) -> None:
    issuer = f"issuer={quote(instance.issuer, safe='')}"

    made = load_signer(instance.uri(ALICE, f"identity={ALICE}", issuer))
    assert made.public_key.verify(made.sign(MESSAGE), MESSAGE)
    with pytest.raises(SignatureError, match=r"expected a certificate for the identity 'bob@example\.com'"):
        load_signer(instance.uri(ALICE, "identity=bob@example.com"))
    with pytest.raises(SignatureError, match="expected a certificate for the issuer 'https://i'"):
        load_signer(instance.uri(ALICE, "issuer=https://i"))


def test_certificate_that_expires_is_replaced_by_one_for_the_same_identity(instance: SigstoreInstance) -> None:
    made = instance.signer(ALICE)
    count = instance.requests.count("POST /api/v2/signingCert")
    made.sign(MESSAGE)
    assert instance.requests.count("POST /api/v2/signingCert") == count

    made._ends = datetime.now(UTC)
    assert subject_of(made) == ALICE
    assert instance.requests.count("POST /api/v2/signingCert") == count + 1


def test_certificate_that_expires_is_not_replaced_by_one_for_somebody_else(
    instance: SigstoreInstance, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(instance.token(ALICE), encoding="ascii")
    made = signer(instance, f"token-file={file}")
    file.write_text(instance.token("bob@example.com"), encoding="ascii")
    made._ends = datetime.now(UTC)

    with pytest.raises(SignatureError, match=r"new certificate is for bob@example\.com, not for alice@example\.com"):
        made.sign(MESSAGE)


def test_what_nobody_would_accept_is_not_handed_out(instance: SigstoreInstance) -> None:
    made = instance.signer(ALICE)
    instance.log_ahead = timedelta(hours=1)

    with pytest.raises(SignatureError, match="nobody would accept"):
        made.sign(MESSAGE)


@pytest.mark.component("openssl")
@pytest.mark.parametrize("rekor", [1, 2])
def test_instance_may_be_named_in_parts(rekor: int, tmp_path: Path) -> None:
    with SigstoreInstance(tmp_path / "instance", rekor=rekor, tsa=True) as instance:
        (tmp_path / "token").write_text(instance.token(ALICE), encoding="ascii")
        parts = [
            f"trusted-root={instance.trusted_root}",
            f"fulcio={instance.url}",
            f"rekor={instance.url}/",
            f"rekor-version={rekor}",
            f"tsa={instance.url}/tsa",
            f"oidc={instance.issuer}",
            f"token-file={tmp_path / 'token'}",
        ]

        assert subject_of(KeylessSigner("?" + "&".join(parts))) == ALICE
        assert f"POST /api/v{rekor}/log/entries" in instance.requests
        assert "POST /tsa" in instance.requests


def test_instance_without_timestamps_and_times_of_its_log_is_of_no_use(tmp_path: Path) -> None:
    with SigstoreInstance(tmp_path / "instance", rekor=2) as instance:
        made = instance.signer(ALICE)

        with pytest.raises(SignatureError, match="promise or signed timestamp"):
            made.sign(MESSAGE)


def test_instance_whose_servers_are_gone_is_an_error(instance: SigstoreInstance) -> None:
    uri = instance.uri(ALICE).replace(str(instance.config), str(instance.directory / "gone.json"))
    gone = instance.config.read_text(encoding="utf-8").replace(instance.url, "http://127.0.0.1:1")
    (instance.directory / "gone.json").write_text(gone, encoding="utf-8")

    with pytest.raises(SignatureError, match="the Sigstore instance cannot be used"):
        load_signer(uri)


def test_instance_that_does_not_answer_is_an_error(instance: SigstoreInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    made = instance.signer(ALICE)
    instance.silent.clear()
    monkeypatch.setattr(keyless, "MAX_SIGNING_SECONDS", 0.2)

    try:
        with pytest.raises(SignatureError, match="did not answer within 0 seconds"):
            made.sign(MESSAGE)
    finally:
        instance.silent.set()
    assert MAX_SIGNING_SECONDS > 60


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSON"),
        ("[]", "expected an object"),
        ("{}", "trustedRoot"),
        ('{"trustedRoot": {}}', "expected a Sigstore client trust config"),
    ],
)
def test_file_that_describes_no_instance_is_refused(
    content: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "x")
    file = tmp_path / "instance.json"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(FormatError, match=message) as caught:
        KeylessSigner(f"?config={file}")
    assert str(file) in str(caught.value)
    with pytest.raises(StoreError, match="cannot read Sigstore client trust config"):
        KeylessSigner(f"?config={tmp_path / 'none'}")


def test_trusted_root_of_the_public_instance_comes_with_the_library() -> None:
    document = json.loads(trusted_root()._load())

    assert document["mediaType"].startswith("application/vnd.dev.sigstore.trustedroot")
    assert {"tlogs", "certificateAuthorities", "ctlogs"} <= set(document)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nothing", "JSON"),
        ("{}", "mediaType: missing"),
        ('{"mediaType": "text/plain"}', "expected a Sigstore trusted root, got 'text/plain'"),
        ('{"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"}', "in its field 'trustedRoot'"),
    ],
)
def test_file_that_is_no_trusted_root_is_refused(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "root.json"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(FormatError, match=message):
        trusted_root(str(file))
    with pytest.raises(StoreError, match="cannot read trusted root"):
        trusted_root(str(tmp_path / "none"))
