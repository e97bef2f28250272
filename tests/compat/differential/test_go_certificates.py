"""in-toto-golang and custody verify each other's links and layouts with certificates (ITE-7), in the older envelope.

Its commands judge by the clock of this machine, and so do ours here. They write a layout anew before they check its
signature, so ours has every field that they would write.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from custody.keys.x509_constraint import CertificateConstraint
from custody.models.layout import Layout, Step, read_layout
from custody.rules.grammar import parse_text
from tests.compat.differential.keys import KeyPair, KeyRing
from tests.compat.differential.test_go_chains import go, go_keyid, sign
from tests.sigstore_instance import SigstoreInstance
from tests.x509 import CLIENT, SERVER, Holder, Issuer, constraint

pytestmark = pytest.mark.component("in-toto-golang")

NOW = datetime.now(UTC).replace(microsecond=0)
VALID: dict[str, Any] = {"begins": NOW - timedelta(days=1), "ends": NOW + timedelta(days=1)}
OVER: dict[str, Any] = {"begins": NOW - timedelta(days=2), "ends": NOW - timedelta(days=1)}
URI = "spiffe://acme.example/build"
BUILD = ("-n", "build", "-p", "a")
COMMAND = ("--", "sh", "-c", "printf 1 > a")
KINDS = pytest.mark.parametrize("kind", ["ed25519", "p256", "rsa"])


def custody(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Return what came of our command."""
    command = [sys.executable, "-m", "custody", *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, env=environment)


class Supply:
    """A step that certificates may perform, a CA with an intermediate, and an owner."""

    def __init__(self, directory: Path, owner: KeyPair, kind: str = "p256") -> None:
        """Make the CAs."""
        self.directory, self.owner = directory, owner
        self.root = Issuer.root(f"root {kind}", kind, **VALID)
        self.middle = self.root.intermediate("middle", **VALID)
        self.constraints: tuple[CertificateConstraint, ...] = (constraint(uris=(URI,)),)
        self.roots = {"aa" * 32: self.root.certificate}
        self.intermediates = {"bb" * 32: self.middle.certificate}
        self.threshold = 1
        self.said = ""

    def leaf(self, name: str = "alice", **said: Any) -> Holder:  # noqa: ANN401  # any field of Said
        """Return a functionary's certificate by the intermediate."""
        return self.middle.leaf(name, **{"uris": [URI], **VALID, **said})

    def layout(self) -> dict[str, Any]:
        """Return the layout."""
        step = Step(
            name="build",
            threshold=self.threshold,
            expected_products=tuple(parse_text(rule, "") for rule in ("CREATE a", "DISALLOW *")),
            cert_constraints=self.constraints,
        )
        return Layout(
            expires=NOW + timedelta(days=30), steps=(step,), rootcas=self.roots, intermediatecas=self.intermediates
        ).document()

    def write_layout(self, document: dict[str, Any] | None = None) -> None:
        """Sign the layout with our key under the id that in-toto-golang looks for."""
        data = sign(document or self.layout(), self.owner, go_keyid(self.owner), dsse=False)
        (self.directory / "root.layout").write_bytes(data)

    def write(self, holder: Holder, name: str = "alice") -> None:
        """Write the holder's files."""
        (self.directory / f"{name}.pem").write_text(holder.pem)
        (self.directory / f"{name}.key").write_text(holder.private_pem)
        (self.directory / f"{name}.key").chmod(0o600)

    def by_go(self, name: str = "alice") -> str:
        """Let in-toto-golang perform the step, and return the name of the link."""
        ran = go("run", *BUILD, "-k", f"{name}.key", "-c", f"{name}.pem", *COMMAND, directory=self.directory)
        assert ran.returncode == 0, ran.stderr
        return self.link()

    def by_custody(self, name: str = "alice") -> str:
        """Perform the step with custody, and return the name of the link."""
        words = ("--signing-key", f"{name}.key", "--cert", f"{name}.pem")
        ran = custody("run", *BUILD, *words, *COMMAND, directory=self.directory)
        assert ran.returncode == 0, ran.stderr
        return self.link()

    def link(self) -> str:
        """Return the name of the newest link."""
        return max(self.directory.glob("build.*.link"), key=lambda path: path.stat().st_mtime_ns).name

    def judged(self, *more: str) -> tuple[bool, bool]:
        """Return whether in-toto-golang and whether custody accepts."""
        theirs = go("verify", "-l", "root.layout", "-k", str(self.owner.public), *more, directory=self.directory)
        words = ("-l", "root.layout", "--verification-keys", str(self.owner.public))
        ours = custody("verify", *words, *more, directory=self.directory)
        assert ours.returncode in (0, 1), ours.stderr
        self.said = ours.stdout + theirs.stderr
        return theirs.returncode == 0, ours.returncode == 0


@pytest.fixture
def supply(keys: KeyRing, tmp_path: Path) -> Supply:
    return Supply(tmp_path, keys.key("ed25519"))


@KINDS
@pytest.mark.parametrize("maker", ["go", "custody"])
def test_link_with_a_certificate_is_accepted_by_both_and_not_once_it_is_changed(
    maker: str, kind: str, keys: KeyRing, tmp_path: Path
) -> None:
    supply = Supply(tmp_path, keys.key("ed25519"), kind)
    supply.write_layout()
    supply.write(supply.leaf(purposes=[CLIENT, SERVER]))
    link = tmp_path / (supply.by_go() if maker == "go" else supply.by_custody())

    assert supply.judged() == (True, True), supply.said
    document = json.loads(link.read_text())
    document["signed"]["command"] = ["true"]
    link.write_text(json.dumps(document))
    assert supply.judged() == (False, False)


def test_timestamp_beside_a_signature_is_nothing_to_in_toto_golang(supply: Supply, tmp_path: Path) -> None:
    supply.write_layout()
    supply.write(supply.leaf())
    with SigstoreInstance(tmp_path / "instance", tsa=True) as authority:
        words = ("--signing-key", "alice.key", "--cert", "alice.pem", "--timestamp-server", f"{authority.url}/tsa")
        assert custody("run", *BUILD, *words, *COMMAND, directory=tmp_path).returncode == 0
    link = tmp_path / supply.link()

    assert "timestamp" in json.loads(link.read_text())["signatures"][0]
    assert supply.judged() == (True, True), supply.said
    link.write_text(link.read_text().replace("printf 1", "printf 2"))
    assert supply.judged() == (False, False)


def test_links_of_both_are_alike(supply: Supply) -> None:
    supply.write(supply.leaf())
    by_go = supply.by_go()
    theirs = json.loads((supply.directory / by_go).read_text())["signatures"][0]
    by_custody = supply.by_custody()
    ours = json.loads((supply.directory / by_custody).read_text())["signatures"][0]

    assert by_go == by_custody
    assert (ours["keyid"], ours["cert"]) == (theirs["keyid"], theirs["cert"])


def test_layout_that_in_toto_golang_signed_is_accepted(supply: Supply) -> None:
    printed = {}
    for name, ca in (("root", supply.root), ("middle", supply.middle)):
        (supply.directory / f"{name}.pem").write_text(ca.pem)
        entry = go("key", "layout", f"{name}.pem", directory=supply.directory).stdout
        printed[name] = json.loads(f"{{{entry}}}")
    document = supply.layout() | {"rootcas": printed["root"], "intermediatecas": printed["middle"]}
    (supply.directory / "root.layout").write_text(json.dumps({"signed": document, "signatures": []}))
    made = go(
        "sign", "-f", "root.layout", "-k", str(supply.owner.private), "-o", "root.layout", directory=supply.directory
    )
    assert made.returncode == 0, made.stderr
    supply.write(supply.leaf())
    supply.by_go()

    assert supply.judged() == (True, True), supply.said
    assert read_layout(document).rootcas.keys() == printed["root"].keys()
    (supply.directory / "root.layout").write_bytes((supply.directory / "root.layout").read_bytes().replace(b"2", b"3"))
    assert supply.judged() == (False, False)


def test_intermediate_may_come_from_the_verifier(supply: Supply) -> None:
    supply.intermediates = {}
    supply.write_layout()
    supply.write(supply.leaf())
    supply.by_go()
    (supply.directory / "middle.pem").write_text(supply.middle.pem)

    assert supply.judged("-i", "middle.pem") == (True, True), supply.said
    assert supply.judged() == (False, False)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "expired": (OVER, "expired at"),
    "another name": ({"uris": ["spiffe://acme.example/test"]}, "uris: expected"),
    "another name more": ({"uris": [URI, "spiffe://acme.example/test"]}, "uris: expected"),
    "no name": ({"uris": []}, "uris: expected"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name: str, supply: Supply) -> None:
    said, message = REFUSED[name]
    supply.write_layout()
    supply.write(supply.leaf(**said))
    supply.by_go()

    assert supply.judged() == (False, False)
    assert message in supply.said


def test_both_refuse_another_root(supply: Supply) -> None:
    supply.write_layout()
    other = Issuer.root("other", "p256", **VALID)
    supply.write(other.leaf(uris=[URI], **VALID))
    supply.by_go()

    assert supply.judged() == (False, False)
    assert "no root that counts here issued it" in supply.said


CONSTRAINTS: dict[str, tuple[CertificateConstraint, dict[str, Any], bool]] = {
    "everything exact": (
        constraint(
            "alice", uris=(URI,), dns_names=("a.example", "b.example"), emails=("a@b.example",), organizations=("A",)
        ),
        {"dns": ["b.example", "a.example"], "emails": ["a@b.example"], "organizations": ["A"]},
        True,
    ),
    "anything": (constraint(), {"dns": ["b.example"]}, True),
    "nothing of a kind": (constraint(emails=()), {}, True),
    "nothing of a kind, and there is one": (constraint(emails=()), {"emails": ["a@b.example"]}, False),
    "a wildcard that is none": (constraint(uris=("spiffe://acme.example/*",)), {}, False),
    "one too few": (constraint(dns_names=("a.example", "b.example")), {"dns": ["a.example"]}, False),
    "another case": (constraint("Alice"), {}, False),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_both_compare_names_alike(name: str, supply: Supply) -> None:
    wanted, said, good = CONSTRAINTS[name]
    supply.constraints = (wanted,)
    supply.write_layout()
    supply.write(supply.leaf(**said))
    supply.by_go()

    assert supply.judged() == (good, good), supply.said


# --- where custody is stricter, and where it does what was meant ------------------------------------


def test_root_of_another_constraint_counts_for_go_only_if_it_may_be_any(supply: Supply) -> None:
    """in-toto-golang compares the named roots with all of the layout's, not with the one that the path leads to."""
    other = Issuer.root("other", "p256", **VALID)
    ids = ("aa" * 32, "cc" * 32)
    supply.roots = {ids[0]: supply.root.certificate, ids[1]: other.certificate}
    supply.constraints = (constraint(uris=(URI,), roots=(ids[0],)),)
    supply.write_layout()
    supply.write(supply.leaf())
    supply.by_go()
    assert supply.judged() == (False, True), supply.said

    supply.constraints = (constraint(uris=(URI,), roots=ids),)
    supply.write_layout()
    assert supply.judged() == (True, True), supply.said


STRICTER: dict[str, dict[str, Any]] = {
    "for servers only": {"purposes": [SERVER]},
    "silent on its usage": {"usage": None},
}


@pytest.mark.parametrize("name", STRICTER)
def test_certificate_for_something_else_counts_for_go_only(name: str, supply: Supply) -> None:
    supply.write_layout()
    supply.write(supply.leaf(**STRICTER[name]))
    supply.by_go()

    assert supply.judged() == (True, False), supply.said


def test_one_person_with_two_certificates_counts_twice_for_go_only(supply: Supply) -> None:
    supply.threshold = 2
    supply.write_layout()
    for name in ("alice", "alice again"):
        supply.write(supply.leaf(name), name.replace(" ", "-"))
        supply.by_go(name.replace(" ", "-"))

    assert supply.judged() == (True, False), supply.said
    assert "signed by 2 of its functionaries, got 1" in supply.said
