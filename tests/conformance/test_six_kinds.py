"""One supply chain with functionaries of six kinds, each with a tampered twin that is rejected.

Their links are recorded with a token, a keyring and a Sigstore instance at hand, and judged when all of these are gone.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.signing.pkcs11_login import log_out
from tests.openpgp import GPGHome, gpg_home
from tests.sigstore_instance import SigstoreInstance
from tests.softhsm import SoftHSM
from tests.x509 import Issuer

pytestmark = [pytest.mark.component("softhsm2"), pytest.mark.component("gpg")]

Capture = pytest.CaptureFixture[str]

KINDS = ("file", "token", "openpgp", "cosign", "certificate", "keyless")
"""The kinds of functionaries; each performs the step that is called so."""

CHANGED = dict.fromkeys(
    KINDS, ("signature-invalid", "its signature names a functionary of the step but is not good")
) | {
    "certificate": ("certificate-mismatch", "or the link was changed after it was signed"),
    "keyless": ("identity-not-proven", "its bundle is not good"),
}
"""Why a link does not count that was changed after it was signed: the reason, and words of the message."""

FOREIGN = dict.fromkeys(KINDS, ("key-not-authorised", "it is signed by a key that the layout does not have")) | {
    "certificate": ("certificate-constraint-unmet", "got 'spiffe://acme.example/mallory'"),
    "keyless": ("identity-not-proven", "it is by 'mallory@example.com'"),
}
"""Why a link does not count that somebody else signed under a name of their own."""

BORROWED = CHANGED | {"keyless": FOREIGN["keyless"]}
"""Why a link does not count that somebody else signed under the functionary's name; a bundle says who it was."""

TOO_FEW = "too-few-functionaries"

NOW = datetime.now(UTC).replace(microsecond=0)
VALID: dict[str, Any] = {"begins": NOW - timedelta(days=1), "ends": NOW + timedelta(days=300)}
MEMBERS = """\
expires: 6 months
rootcas: {acme: root.pem}
functionaries:
  file: alice-file.pub
  token: alice-token.pub
  openpgp: alice-openpgp.asc
  cosign: alice-cosign.pub
  keyless: alice-keyless.json
steps:
"""
CERTIFIED = "cert_constraints: [{common_name: '*', uris: 'spiffe://acme.example/alice', roots: acme}]"


@dataclass(frozen=True)
class Workshop:
    """Where functionaries get their keys: a token, a keyring, a CA and a Sigstore instance."""

    token: SoftHSM
    keyring: GPGHome
    authority: Issuer
    sigstore: SigstoreInstance

    def signing(self, who: str, kind: str) -> list[str]:
        """Give `who` a key of the kind, and return how to sign with it."""
        makers: Mapping[str, Callable[[str], list[str]]] = {
            "file": self._file,
            "token": self._token,
            "openpgp": self._openpgp,
            "cosign": self._cosign,
            "certificate": self._certificate,
            "keyless": self._keyless,
        }
        return ["--signing-key", *makers[kind](who)]

    def _file(self, who: str) -> list[str]:
        custody("keygen", f"{who}-file")
        return [f"{who}-file"]

    def _token(self, who: str) -> list[str]:
        self.token.generate("ecdsa", f"hsm:{who}", f"{who}-token")
        return [f"hsm:{who}"]

    def _openpgp(self, who: str) -> list[str]:
        primary = self.keyring.generate(who, "ed25519", "cert")
        self.keyring.add(primary, "rsa2048")
        Path(f"{who}-openpgp.asc").write_bytes(self.keyring.gpg("--armor", "--export", primary))
        return [f"gpg:{primary}?home={self.keyring.path}"]

    def _cosign(self, who: str) -> list[str]:
        custody("keygen", "--type", "ecdsa", f"{who}-cosign")
        protect = ["--new-password-env", "COSIGN_PASSWORD"]
        custody("key", "convert", f"{who}-cosign", "--to", "private-cosign", *protect, "-o", f"{who}-cosign.key")
        Path(f"{who}-cosign").unlink()
        return [f"cosign:{who}-cosign.key"]

    def _certificate(self, who: str) -> list[str]:
        holder = self.authority.leaf(who, uris=[f"spiffe://acme.example/{who}"], **VALID)
        Path(f"{who}.pem").write_text(holder.pem)
        Path(f"{who}-certificate").write_text(holder.private_pem)
        Path(f"{who}-certificate").chmod(0o600)
        return [f"{who}-certificate", "--cert", f"{who}.pem"]

    def _keyless(self, who: str) -> list[str]:
        identity = f"{who}@example.com"
        name = ["--identity", identity, "--issuer", self.sigstore.issuer]
        custody("key", "keyless", *name, "-o", f"{who}-keyless.json")
        return [self.sigstore.uri(identity), "--use-dsse"]


def custody(*words: str) -> None:
    assert main(words) == 0, words


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory with both layouts, the links of Alice, and those that Mallory made in the same way."""
    work, outside = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("outside")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.chdir(work)
        for name in [name for name in os.environ if name.startswith(("CUSTODY_", "PKCS11_"))]:
            patch.delenv(name)  # the clean environment of every test comes after this
        patch.setenv("COSIGN_PASSWORD", "secret")
        workshop = _workshop(outside, patch, stack)
        signing = {who: {kind: workshop.signing(who, kind) for kind in KINDS} for who in ("alice", "mallory")}
        custody("keygen", "owner")
        _write_layout("alice", MEMBERS + _steps())
        _write_layout("mallory", (MEMBERS + _steps()).replace("alice", "mallory"))
        _write_layout("together", MEMBERS + _one_step())
        for who, by_kind in signing.items():
            Path(who).mkdir()
            for kind, before in zip(KINDS, (None, *KINDS), strict=False):
                _perform(kind, before, who, by_kind[kind])
        for kind in KINDS:
            step = ["-n", "together", *signing["alice"][kind], "-p", "keyless.out", "-x"]
            custody("run", *step, "-d", "alice")
        shutil.copy(workshop.sigstore.trusted_root, "trusted-root.json")
    return work


def _workshop(outside: Path, patch: pytest.MonkeyPatch, stack: ExitStack) -> Workshop:
    stack.callback(log_out)
    token = SoftHSM(outside)
    for name, value in token.environment.items():
        patch.setenv(name, value)
    token.add_token("custody")
    authority = Issuer.root("acme", **VALID)
    Path("root.pem").write_text(authority.pem)
    keyring = stack.enter_context(gpg_home())
    return Workshop(token, keyring, authority, stack.enter_context(SigstoreInstance(outside / "sigstore")))


def _steps() -> str:
    """Return a chain in which every step takes what the one before it made."""
    steps = []
    for kind, before in zip(KINDS, (None, *KINDS), strict=False):
        by = CERTIFIED if kind == "certificate" else f"functionaries: [{kind}]"
        materials = f"MATCH {before}.out WITH PRODUCTS FROM {before}, " if before else ""
        steps.append(f"""\
  - name: {kind}
    {by}
    expected_materials: [{materials}DISALLOW *]
    expected_products: [CREATE {kind}.out, DISALLOW *]
""")
    return "".join(steps)


def _one_step() -> str:
    """Return a step that all six have to perform."""
    return f"""\
  - name: together
    functionaries: [{", ".join(kind for kind in KINDS if kind != "certificate")}]
    {CERTIFIED}
    threshold: 6
    expected_materials: [DISALLOW *]
    expected_products: [CREATE keyless.out, DISALLOW *]
"""


def _write_layout(name: str, source: str) -> None:
    Path(f"{name}.yaml").write_text(source)
    custody("layout", "build", f"{name}.yaml", "-o", f"{name}.layout")
    custody("sign", "-f", f"{name}.layout", "--signing-key", "owner")


def _perform(kind: str, before: str | None, who: str, signing: Sequence[str]) -> None:
    materials = ["-m", f"{before}.out"] if before else []
    command = ["sh", "-c", f"echo {kind} > {kind}.out"]
    Path(f"{kind}.out").unlink(missing_ok=True)
    custody("run", "-n", kind, *signing, *materials, "-p", f"{kind}.out", "-d", who, "--", *command)


@pytest.fixture
def chain(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Chain:
    shutil.copytree(made, tmp_path / "chain")
    monkeypatch.chdir(tmp_path / "chain")
    capsys.readouterr()
    return Chain(capsys)


class Chain:
    """A copy of what was made, in the current directory."""

    def __init__(self, capsys: Capture) -> None:
        self.capsys = capsys

    def verify(self, layout: str, who: str = "alice") -> tuple[int, dict[str, Any]]:
        """Return the exit code and the verdict on the links of `who`."""
        words = ["-l", f"{layout}.layout", "--verification-keys", "owner.pub", "--link-dir", who]
        code = main(["verify", *words, "--trusted-root", "trusted-root.json", "--format", "json"])
        verdict: dict[str, Any] = json.loads(self.capsys.readouterr().out)
        return code, verdict

    def rejected(self, step: str, why: tuple[str, str], layout: str = "alice") -> str:
        """Demand that `layout` is rejected for nothing but `why`, at `step`; return what is said of its threshold."""
        code, verdict = self.verify(layout)
        found = [finding for finding in verdict["findings"] if finding["severity"] == "rejection"]
        messages = {finding["reason"]: finding["message"] for finding in found}
        reason, words = why
        assert (code, verdict["verdict"], len(found)) == (1, "rejected", 2)
        assert {finding["subject"] for finding in found} == {f"step '{step}'"}
        assert set(messages) == {reason, TOO_FEW}
        assert words in messages[reason]
        assert {report["name"] for report in verdict["steps"] if not report["signers"]} == {step}
        too_few: str = messages[TOO_FEW]
        return too_few


def link(step: str, who: str = "alice") -> Path:
    (found,) = Path(who).glob(f"{step}.*.link")
    return found


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what is signed, and keep the signature."""
    envelope = json.loads(path.read_bytes())
    if "payload" in envelope:
        content = json.loads(base64.b64decode(envelope["payload"]))
        before = dict(content)
        change(content)
        if content != before:
            envelope["payload"] = base64.b64encode(json.dumps(content).encode()).decode()
    else:
        change(envelope["signed"])
    path.write_text(json.dumps(envelope))


def claim(content: dict[str, Any]) -> None:
    """Change what no rule looks at, so that nothing but the signature can tell."""
    content["environment"] = {**content["environment"], "claim": "changed"}


def signature_of(step: str, who: str = "alice") -> dict[str, Any]:
    (signature,) = json.loads(link(step, who).read_bytes())["signatures"]
    found: dict[str, Any] = signature
    return found


@pytest.mark.usefixtures("chain")
def test_layout_with_six_kinds_of_functionaries_is_sound() -> None:
    assert main(["layout", "lint", "alice.yaml"]) == 0
    assert main(["layout", "lint", "alice.layout"]) == 0


@pytest.mark.usefixtures("chain")
def test_each_functionary_is_of_its_kind() -> None:
    layout = json.loads(Path("alice.layout").read_bytes())["signed"]
    file, token, openpgp, cosign, certificate, keyless = (signature_of(kind) for kind in KINDS)
    keys = {keyid: key.get("scheme") or key["method"] for keyid, key in layout["keys"].items()}
    (primary,) = (key for key in layout["keys"].values() if "subkeys" in key)

    assert keys[file["keyid"]] == "ed25519"
    assert keys[token["keyid"]] == keys[cosign["keyid"]] == "ecdsa-sha2-nistp256"
    assert not Path("alice-token").exists()
    assert primary["subkeys"][openpgp["keyid"]]["method"] == "pgp+rsa-pkcsv1.5"
    assert Path("alice-cosign.key").read_text().startswith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")
    assert certificate["cert"] == Path("alice.pem").read_text()
    assert keys[keyless["keyid"]] == "Fulcio"
    assert len(keys) == len(KINDS) - 1  # a certificate is not in the layout


def test_chain_by_six_kinds_of_functionaries_is_accepted(chain: Chain) -> None:
    for kind in KINDS:
        rewrite(link(kind), lambda _: None)  # as the tampered twins are, so that these differ in their content only

    code, verdict = chain.verify("alice")

    assert (code, verdict["verdict"]) == (0, "accepted")
    assert [(report["name"], report["verified"], len(report["signers"])) for report in verdict["steps"]] == [
        (kind, True, 1) for kind in KINDS
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_link_that_was_changed_after_it_was_signed_is_rejected(kind: str, chain: Chain) -> None:
    rewrite(link(kind), claim)

    chain.rejected(kind, CHANGED[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_link_by_somebody_else_with_the_same_kind_of_key_is_rejected(kind: str, chain: Chain) -> None:
    link(kind).unlink()
    shutil.copy(link(kind, "mallory"), "alice")

    chain.rejected(kind, FOREIGN[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_signature_by_somebody_else_under_the_functionarys_name_is_rejected(kind: str, chain: Chain) -> None:
    envelope = json.loads(link(kind, "mallory").read_bytes())
    ours = signature_of(kind)
    envelope["signatures"][0] |= {name: ours[name] for name in ("keyid", "cert") if name in ours}
    link(kind).write_text(json.dumps(envelope))

    chain.rejected(kind, BORROWED[kind])


def test_links_of_somebody_else_are_good_where_somebody_else_is_meant(chain: Chain) -> None:
    assert chain.verify("mallory", "mallory")[0] == 0
    assert chain.verify("mallory", "alice")[0] == 1


def test_six_kinds_of_functionaries_agree(chain: Chain) -> None:
    code, verdict = chain.verify("together")

    assert (code, verdict["verdict"]) == (0, "accepted")
    assert len(verdict["steps"][0]["signers"]) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_five_of_six_do_not_suffice_whoever_is_missing(kind: str, chain: Chain) -> None:
    mine = Path("alice", link(kind).name.replace(kind, "together", 1))
    rewrite(mine, claim)

    said = chain.rejected("together", CHANGED[kind], "together")

    assert "expected links signed by 6 of its functionaries, got 5 (" in said
    mine.unlink()
    assert chain.verify("together")[0] == 1
