"""Timestamps beside signatures with certificates: what was signed in time counts when the certificate is over."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from custody.cli.main import main
from custody.envelopes.metablock import Metablock
from custody.signing.certified import CertifiedSigner
from custody.signing.registry import load_signer
from custody.signing.timestamping import timestamper
from custody.workflows.links import sign_with
from tests.sigstore_instance import SigstoreInstance
from tests.x509 import Holder, Issuer

pytestmark = pytest.mark.component("openssl")

Output = pytest.CaptureFixture[str]

NOW = datetime.now(UTC).replace(microsecond=0)
LONG: dict[str, Any] = {"begins": NOW - timedelta(days=5), "ends": NOW + timedelta(days=900)}
ROOT = Issuer.root(**LONG)
LATER = (NOW + timedelta(days=20)).isoformat().replace("+00:00", "Z")
SOURCE = """\
expires: 6 months
rootcas:
  acme: root.pem
steps:
  - name: build
    expected_command: cp app.c app
    cert_constraints:
      - common_name: alice
        roots: acme
    expected_materials: [ALLOW app.c, DISALLOW *]
    expected_products: [CREATE app, DISALLOW *]
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path_factory.mktemp("instance"), tsa=True) as running:
        yield running


@pytest.fixture(autouse=True)
def here(authority: SigstoreInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("root.pem").write_text(ROOT.pem)
    Path("app.c").write_text("1\n")
    assert authority.tsa is not None
    Path("authorities.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in authority.tsa.chain[1:]))
    assert main(["keygen", "owner"]) == 0
    Path("supply-chain.yaml").write_text(SOURCE)
    assert main(["layout", "build", "supply-chain.yaml"]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", "owner"]) == 0


def write(holder: Holder) -> None:
    Path("alice.pem").write_text(holder.pem)
    Path("alice.key").write_text(holder.private_pem)
    Path("alice.key").chmod(0o600)


def leaf(begins: timedelta = timedelta(days=-1), ends: timedelta = timedelta(hours=1)) -> Holder:
    return ROOT.leaf("alice", begins=NOW + begins, ends=NOW + ends)


def run(*more: str) -> int:
    write(leaf())
    words = ["run", "-n", "build", "--signing-key", "alice.key", "--cert", "alice.pem", "-m", "app.c", "-p", "app"]
    return main([*words, *more, "--", "cp", "app.c", "app"])


def verify(*more: str, at: str = LATER, authorities: str = "authorities.pem") -> int:
    trusted = ["--timestamp-authorities", authorities] if authorities else []
    return main(["verify", "-l", "root.layout", "--verification-keys", "owner.pub", "--at", at, *trusted, *more])


def change(edit: Callable[[dict[str, Any]], None]) -> None:
    (path,) = Path().glob("build.*.link")
    document = json.loads(path.read_text())
    edit(document["signatures"][0])
    path.write_text(json.dumps(document))


def test_signature_with_a_timestamp_outlasts_its_certificate(authority: SigstoreInstance, capsys: Output) -> None:
    assert run("--timestamp-server", f"{authority.url}/tsa") == 0

    assert verify() == 0
    assert verify(authorities="") == 1
    printed = capsys.readouterr().out
    assert "[certificate-expired]" in printed
    assert "its timestamp counts only if the verifier says whose do (--timestamp-authorities)" in printed


def test_signature_without_a_timestamp_does_not_outlast_its_certificate(capsys: Output) -> None:
    assert run() == 0

    assert verify(at=NOW.isoformat().replace("+00:00", "Z")) == 0
    assert verify() == 1
    assert "[certificate-expired]" in capsys.readouterr().out


def test_signature_may_be_stamped_by_custody_sign(authority: SigstoreInstance) -> None:
    write(leaf())
    Path("draft.json").write_text(
        json.dumps({"_type": "link", "name": "build", "materials": {}, "products": {}, "byproducts": {},
                    "command": [], "environment": {}})
    )  # fmt: skip
    words = ["sign", "-f", "draft.json", "--signing-key", "alice.key", "--cert", "alice.pem"]

    assert main([*words, "--timestamp-server", f"{authority.url}/tsa"]) == 0
    (path,) = Path().glob("build.*.link")
    assert json.loads(path.read_text())["signatures"][0]["timestamp"]


def test_timestamp_of_an_authority_that_nobody_named_does_not_count(
    authority: SigstoreInstance, tmp_path: Path, capsys: Output
) -> None:
    with SigstoreInstance(tmp_path / "other", tsa=True) as other:
        assert run("--timestamp-server", f"{other.url}/tsa") == 0

    assert authority.url != other.url
    assert verify() == 1
    printed = capsys.readouterr().out
    assert "its timestamp does not count: Error while verifying certificates" in printed
    assert "ErrorStack" not in printed


def test_timestamp_of_another_signature_does_not_count(authority: SigstoreInstance, capsys: Output) -> None:
    assert run("--timestamp-server", f"{authority.url}/tsa") == 0
    (path,) = Path().glob("build.*.link")
    old = json.loads(path.read_text())["signatures"][0]["timestamp"]
    Path("app.c").write_text("2\n")
    assert run() == 0

    change(lambda entry: entry.update(timestamp=old))
    assert verify() == 1
    assert "its timestamp does not count: Mismatch between messages" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("timestamp", "problem"),
    [
        ("AAAA", "its timestamp does not count: it is no timestamp of RFC 3161"),
        ("MAMCAQA=", "its timestamp does not count: "),
        ("%", "timestamp: "),
        ("A" * 65536, "its timestamp does not count: expected at most 32768 bytes, got 49152"),
        (7, "the certificate 'CN=alice' beside its signature does not count: it expired at"),
    ],
)
def test_what_is_no_timestamp_does_not_count(timestamp: object, problem: str, capsys: Output) -> None:
    assert run() == 0
    change(lambda entry: entry.update(timestamp=timestamp))

    assert verify() == 1
    assert problem in capsys.readouterr().out


def test_certificate_that_was_over_when_it_was_stamped_does_not_count(
    authority: SigstoreInstance, capsys: Output
) -> None:
    assert run() == 0
    (path,) = Path().glob("build.*.link")
    document = json.loads(path.read_text())["signed"]
    over = leaf(timedelta(days=-3), timedelta(days=-2))
    write(over)
    plain = load_signer("alice.key")
    signer = CertifiedSigner(plain, over.certificate.key, over.certificate, timestamper(f"{authority.url}/tsa"))
    path.write_bytes(sign_with(Metablock.wrap(document), signer).write())

    assert verify() == 1
    assert "[certificate-expired]" in capsys.readouterr().out


def test_timestamp_that_is_still_to_come_does_not_count(authority: SigstoreInstance, capsys: Output) -> None:
    assert run("--timestamp-server", f"{authority.url}/tsa") == 0

    assert verify(at=(NOW - timedelta(days=2)).isoformat().replace("+00:00", "Z")) == 1
    printed = capsys.readouterr().out
    assert "[certificate-not-yet-valid]" in printed
    assert "which is still to come" in printed


def test_timestamp_server_without_a_certificate_is_a_mistake(capsys: Output) -> None:
    words = ["run", "-n", "build", "--signing-key", "owner", "--timestamp-server", "http://127.0.0.1:9", "--", "true"]

    assert main(words) == 2
    assert "--timestamp-server is for a signature with a certificate" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/tsa", "file:///etc/passwd", "127.0.0.1", "http://", ""])
def test_address_of_no_server_is_refused_before_the_command_runs(url: str, capsys: Output) -> None:
    assert run("--timestamp-server", url) == 2
    assert "expected the address of a timestamp authority" in capsys.readouterr().err
    assert not Path("app").exists()


def _serving(reply: bytes, kind: str, status: int = 200) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *args: object) -> None:
            pass

    return HTTPServer(("127.0.0.1", 0), Handler)


REPLY = "application/timestamp-reply"
REFUSED = bytes.fromhex("3005300302010230000000")[:7]


@pytest.mark.parametrize(
    ("reply", "kind", "status", "problem"),
    [
        (b"<html>", "text/html", 200, f"did not answer with {REPLY}, but with 'text/html'"),
        (b"hello", REPLY, 200, "did not answer with a timestamp: it is no timestamp of RFC 3161"),
        (b"x" * 40000, REPLY, 200, "expected at most 32768 bytes, got 32769"),
        (b"", REPLY, 503, "cannot be asked: HTTP Error 503"),
        (b"", REPLY, 302, "cannot be asked: HTTP Error 302"),
        (REFUSED, REPLY, 200, "gave no timestamp for this signature: it refused with status 2"),
    ],
)
def test_answer_that_is_no_timestamp_is_a_sentence(
    reply: bytes, kind: str, status: int, problem: str, capsys: Output
) -> None:
    with _serving(reply, kind, status) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert run("--timestamp-server", f"http://127.0.0.1:{server.server_address[1]}/tsa") == 2
        thread.join()

    assert problem in capsys.readouterr().err
    assert not list(Path().glob("*.link"))


def test_answer_to_another_question_is_refused(authority: SigstoreInstance, capsys: Output) -> None:
    assert authority.tsa is not None
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    question = TimestampRequestBuilder().data(b"another signature").hash_algorithm(HashAlgorithm.SHA256).build()
    other = authority.tsa.reply(question.as_bytes())
    with _serving(other, REPLY) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert run("--timestamp-server", f"http://127.0.0.1:{server.server_address[1]}/tsa") == 2
        thread.join()

    assert "it is about something else" in capsys.readouterr().err


def test_server_that_is_not_there_is_a_sentence(capsys: Output) -> None:
    assert run("--timestamp-server", "http://127.0.0.1:9/tsa") == 2
    assert "the timestamp authority http://127.0.0.1:9/tsa cannot be asked" in capsys.readouterr().err
