"""Certificates on the command line: a real chain by the clock of this machine, from a source to a verdict."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.errors import UsageError
from custody.keys.keyid import legacy_keyid_of
from custody.signing.certified import certify
from tests.openpgp import Maker
from tests.x509 import MAIL, Holder, Issuer

Output = pytest.CaptureFixture[str]

NOW = datetime.now(UTC).replace(microsecond=0)
VALID: dict[str, Any] = {"begins": NOW - timedelta(days=1), "ends": NOW + timedelta(days=300)}
OVER: dict[str, Any] = {"begins": NOW - timedelta(days=2), "ends": NOW - timedelta(days=1)}
URI = "spiffe://acme.example/build"
ROOT = Issuer.root(**VALID)
MIDDLE = ROOT.intermediate("middle", **VALID)
SOURCE = """\
expires: 6 months
rootcas:
  acme: root.pem
intermediatecas:
  builders: middle.pem
steps:
  - name: build
    expected_command: cp app.c app
    cert_constraints:
      - common_name: '*'
        uris: spiffe://acme.example/build
        roots: acme
    expected_materials: [ALLOW app.c, DISALLOW *]
    expected_products: [CREATE app, DISALLOW *]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("root.pem").write_text(ROOT.pem)
    Path("middle.pem").write_text(MIDDLE.pem)
    Path("app.c").write_text("1\n")
    write("alice", leaf("alice"))
    assert main(["keygen", "owner"]) == 0
    return tmp_path


def leaf(name: str = "alice", **said: Any) -> Holder:  # noqa: ANN401  # any field of Said
    return MIDDLE.leaf(name, **{"uris": [URI], **VALID, **said})


def write(name: str, holder: Holder, *more: Holder) -> None:
    Path(f"{name}.pem").write_text("".join(each.pem for each in (holder, *more)))
    Path(f"{name}.key").write_text(holder.private_pem)
    Path(f"{name}.key").chmod(0o600)


def build(source: str = SOURCE) -> None:
    Path("supply-chain.yaml").write_text(source)
    assert main(["layout", "build", "supply-chain.yaml", "--force"]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", "owner"]) == 0


def run(name: str = "alice", *more: str, cert: Sequence[str] | None = None) -> int:
    words = ["run", "-n", "build", "--signing-key", f"{name}.key", "-m", "app.c", "-p", "app"]
    certificates = ["--cert", f"{name}.pem"] if cert is None else cert
    return main([*words, *certificates, *more, "--", "cp", "app.c", "app"])


def verify(*more: str) -> int:
    return main(["verify", "-l", "root.layout", "--verification-keys", "owner.pub", *more])


def link() -> dict[str, Any]:
    (path,) = Path().glob("build.*.link")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_chain_by_certificate_is_accepted_and_not_by_another_name(capsys: Output) -> None:
    build()
    assert run() == 0
    assert verify("-v") == 0
    assert f"counts by the certificate of '{URI}', under the root 'CN=root'" in capsys.readouterr().out

    next(Path().glob("build.*.link")).unlink()
    write("bob", leaf("bob", uris=["spiffe://acme.example/test"]))
    assert run("bob") == 0
    assert verify() == 1
    printed = capsys.readouterr().out
    assert "[certificate-constraint-unmet]" in printed
    assert f"uris: expected '{URI}', got 'spiffe://acme.example/test'" in printed


@pytest.mark.parametrize("option", ["--cert", "-c"])
def test_certificate_stands_beside_the_signature_under_the_id_that_go_looks_for(option: str) -> None:
    key = leaf("alice").certificate.key

    assert run(cert=[option, "alice.pem"]) == 0

    (signature,) = link()["signatures"]
    assert signature["cert"] == Path("alice.pem").read_text()
    assert signature["keyid"] == legacy_keyid_of(key.keytype, key.scheme, key.public)
    assert Path(f"build.{signature['keyid']:.8}.link").exists()


def test_without_the_option_there_is_no_certificate(capsys: Output) -> None:
    build()
    assert run(cert=[]) == 0
    assert "cert" not in link()["signatures"][0]
    assert verify() == 1
    assert "no certificate stands beside its signature" in capsys.readouterr().out


def test_first_certificate_of_a_chain_is_taken_and_the_others_are_remarked(capsys: Output) -> None:
    holder = leaf("alice")
    write("alice", holder, MIDDLE)

    assert run() == 0

    assert link()["signatures"][0]["cert"] == holder.pem
    assert "only the first certificate of 'alice.pem' stands in the link" in capsys.readouterr().err


def test_recording_ends_in_a_link_with_a_certificate() -> None:
    build()
    for words in (["start", "-m", "app.c"], ["stop", "-p", "app"]):
        Path("app").write_text("1\n")
        assert main(["record", *words, "-n", "build", "--signing-key", "alice.key", "--cert", "alice.pem"]) == 0
    assert link()["signatures"][0]["cert"] == Path("alice.pem").read_text()
    assert verify() == 0


def test_link_is_signed_with_a_certificate_and_checked() -> None:
    build()
    assert run(cert=[]) == 0
    (path,) = Path().glob("build.*.link")
    assert main(["sign", "-f", str(path), "--signing-key", "alice.key", "--cert", "alice.pem", "-o", str(path)]) == 0
    assert verify() == 0


REFUSED: dict[str, tuple[Holder, str]] = {
    "expired": (leaf(**OVER), "no link would count by the certificate 'mallory.pem': it expired at"),
    "for mail": (leaf(purposes=[MAIL]), "expected an extended key usage of codeSigning or clientAuth"),
    "without usage": (leaf(usage=None), "expected the key usage digitalSignature"),
    "a CA's": (MIDDLE, "it is a CA's"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_certificate_that_can_never_count_is_refused_before_the_command_runs(name: str, capsys: Output) -> None:
    holder, problem = REFUSED[name]
    write("mallory", holder)

    assert run("mallory") == 2

    assert problem in capsys.readouterr().err
    assert not Path("app").exists()


def test_certificate_for_another_key_is_refused(capsys: Output) -> None:
    write("bob", leaf("bob"))

    assert run("alice", cert=["--cert", "bob.pem"]) == 2

    assert "the certificate 'bob.pem' is for another key" in capsys.readouterr().err
    assert not Path("app").exists()


@pytest.mark.parametrize(
    ("cert", "problem"),
    [
        ("gone.pem", "cannot read certificate 'gone.pem'"),
        ("alice.key", "alice.key: expected certificates as PEM"),
        ("", "--cert: expected a file, got an empty name"),
    ],
)
def test_what_is_no_certificate_is_refused(cert: str, problem: str, capsys: Output) -> None:
    assert run(cert=["--cert", cert]) == 2
    assert problem in capsys.readouterr().err


def test_certificate_does_not_go_into_dsse(capsys: Output) -> None:
    assert run("alice", "--use-dsse") == 2
    assert "a DSSE envelope has no place for the certificate" in capsys.readouterr().err
    assert not Path("app").exists()


def test_certificate_wants_the_usual_scheme_of_rsa(capsys: Output) -> None:
    root = Issuer.root("rsa", "rsa", **VALID)
    write("rita", root.leaf("rita", **VALID))

    assert run("rita", "--scheme", "rsassa-pss-sha512") == 2
    assert "have the scheme rsassa-pss-sha256, not rsassa-pss-sha512" in capsys.readouterr().err
    assert run("rita", "--scheme", "rsassa-pss-sha256") == 0


def test_one_certificate_is_for_one_key(capsys: Output) -> None:
    build()
    two = ["--signing-key", "alice.key", "owner"]
    assert main(["sign", "-f", "root.layout", *two, "--cert", "alice.pem"]) == 2
    assert "--cert is for one signing key" in capsys.readouterr().err
    one = ["--signing-key", "alice.key", "--append"]
    assert main(["sign", "-f", "root.layout", *one, "--cert", "alice.pem"]) == 0
    assert [("cert" in s) for s in json.loads(Path("root.layout").read_text())["signatures"]] == [False, True]


def test_certificate_is_not_for_checking(capsys: Output) -> None:
    build()
    assert main(["sign", "-f", "root.layout", "--verify", "-k", "owner.pub", "--cert", "alice.pem"]) == 2
    assert "--cert is for signing; leave it out with --verify" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--intermediate-certs", "-i"])
def test_intermediate_may_be_the_verifiers(option: str) -> None:
    build(SOURCE.replace("intermediatecas:\n  builders: middle.pem\n", ""))
    assert run() == 0
    assert verify() == 1
    assert verify(option, "middle.pem") == 0
    Path("both.pem").write_text(Issuer.root("other", **VALID).pem + MIDDLE.pem)
    assert verify(option, "both.pem") == 0
    assert verify(option, "root.pem") == 1
    assert verify(option, "owner.pub") == 2


def test_looking_before_running_knows_the_certificate(capsys: Output) -> None:
    build()
    look = ["--verify-materials", "root.layout", "--verification-keys", "owner.pub"]
    write("bob", leaf("bob", uris=[]))

    assert run("bob", *look) == 1
    assert "[certificate-constraint-unmet]" in capsys.readouterr().err
    assert run("alice", *look, cert=[]) == 1
    assert "[key-not-authorised]" in capsys.readouterr().err
    assert not Path("app").exists()
    assert run("alice", *look) == 0


def test_key_and_certificate_in_variables_are_kept_from_the_command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_KEY", leaf("alice").private_pem)
    words = ["run", "-n", "build", "--signing-key", "env:SECRET_KEY", "--cert", "alice.pem"]

    assert main([*words, "--", "sh", "-c", "echo ${SECRET_KEY:-nothing}"]) == 0

    assert capfd.readouterr().out == "nothing\n"


def test_layout_with_certificates_is_shown_and_linted(capsys: Output) -> None:
    build()
    capsys.readouterr()
    assert main(["layout", "show", "supply-chain.yaml"]) == 0
    printed = capsys.readouterr().out
    assert (
        "a certificate with URIs spiffe://acme.example/build; no DNS names, emails, organizations; under acme"
        in printed
    )
    assert main(["layout", "lint", "supply-chain.yaml"]) == 0
    Path("supply-chain.yaml").write_text(SOURCE.replace("uris: spiffe://acme.example/build", "uris: '*'"))
    assert main(["layout", "lint", "supply-chain.yaml"]) == 1
    assert "cert-anybody" in capsys.readouterr().out


@pytest.mark.parametrize(("threshold", "uris", "code"), [(1, URI, 0), (2, URI, 2), (2, "'*'", 0)])
def test_key_is_removed_where_certificates_are_enough(threshold: int, uris: str, code: int) -> None:
    source = SOURCE.replace(f"uris: {URI}", f"uris: {uris}").replace(
        "    cert_constraints", f"    functionaries: [owner]\n    threshold: {threshold}\n    cert_constraints"
    )
    Path("supply-chain.yaml").write_text(f"functionaries: {{owner: owner.pub}}\n{source}")
    assert main(["layout", "build", "supply-chain.yaml"]) == 0
    (keyid,) = json.loads(Path("root.layout").read_text())["signed"]["keys"]

    assert main(["layout", "remove-key", "root.layout", keyid]) == code


def test_openpgp_key_has_no_certificate() -> None:
    class Signer:
        public_key = Maker("alice").key

        def sign(self, message: bytes) -> bytes:
            return message

    with pytest.raises(UsageError, match="does not go with a pgp"):
        certify(Signer(), "alice.pem", at=NOW, remark=print)
