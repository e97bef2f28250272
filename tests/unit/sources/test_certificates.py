from __future__ import annotations

from collections.abc import Mapping

import pytest

from custody.errors import FormatError, StoreError
from custody.models.layout import Layout, read_layout
from custody.sources.supply_chain import Source, read_source
from tests.simulator import AT, actor
from tests.x509 import Issuer, constraint

ROOT, OTHER = Issuer.root(), Issuer.root("other", "p256")
MIDDLE = ROOT.intermediate("middle")
FILES = {
    "certs/acme.pem": ROOT.pem,
    "certs/other.pem": f"some text\n{OTHER.pem}",
    "certs/middle.pem": MIDDLE.pem,
    "certs/both.pem": ROOT.pem + OTHER.pem,
    "certs/key.pem": ROOT.private_pem,
}
SOURCE = """\
expires: 1 year
rootcas:
  acme: certs/acme.pem
  other: certs/other.pem
intermediatecas:
  builders: certs/middle.pem
steps:
  - name: build
    cert_constraints:
      - common_name: alice
        uris: spiffe://acme.example/build
        dns_names: [a.example, b.example]
        organizations: '*'
        roots: acme
      - {common_name: '*', emails: '*', roots: ['*']}
"""


def source(text: str = SOURCE, files: Mapping[str, str] = FILES) -> Source:
    def read(path: str) -> bytes:
        if path not in files:
            raise StoreError(f"cannot read key {path!r}: No such file or directory")
        return files[path].encode()

    return read_source(text.encode(), base_directory="", at=AT, read_key_file=read)


def layout(old: str = "", new: str = "") -> Layout:
    assert old in SOURCE
    return source(SOURCE.replace(old, new, 1) if old else SOURCE).layout


def refused(old: str, new: str) -> str:
    with pytest.raises(FormatError) as caught:
        layout(old, new)
    return str(caught.value)


def test_source_says_whose_certificates_count() -> None:
    found = layout()

    assert found.rootcas == {each.fingerprint: each for each in (ROOT.certificate, OTHER.certificate)}
    assert found.intermediatecas == {MIDDLE.certificate.fingerprint: MIDDLE.certificate}
    first, second = found.steps[0].cert_constraints
    assert first == constraint(
        "alice",
        uris=("spiffe://acme.example/build",),
        dns_names=("a.example", "b.example"),
        emails=(),
        roots=(ROOT.certificate.fingerprint,),
    )
    assert second == constraint(dns_names=(), organizations=(), uris=())
    assert found.steps[0].pubkeys == ()
    assert read_layout(found.document()) == found


def test_certificate_may_stand_in_the_source() -> None:
    indented = "".join(f"    {line}\n" for line in ROOT.pem.splitlines())

    assert layout("certs/acme.pem\n", f"|\n{indented}") == layout()


def test_keys_and_certificates_stand_side_by_side() -> None:
    from custody.keys.pem import write_pem

    alice = actor("alice").public_key
    text = SOURCE.replace("rootcas", "functionaries: {alice: alice.pub}\nrootcas").replace(
        "    cert_constraints", "    functionaries: [alice]\n    cert_constraints"
    )
    found = source(text, {**FILES, "alice.pub": write_pem(alice.spki)}).layout

    assert found.steps[0].pubkeys == (alice.keyid,)
    assert found.steps[0].cert_constraints == layout().steps[0].cert_constraints


def test_places_are_named_as_in_the_source() -> None:
    found = source()

    assert found.place(f"rootcas.{ROOT.certificate.fingerprint}") == "line 3, rootcas.acme"
    assert found.place(f"intermediatecas.{MIDDLE.certificate.fingerprint}") == "line 6, intermediatecas.builders"
    assert found.place("steps[0].cert_constraints[1].roots").startswith("line 15, steps[0].cert_constraints[1]")
    assert found.names[OTHER.certificate.fingerprint] == "other"


PROBLEMS = {
    "a file that is not there": ("certs/acme.pem", "gone.pem", "line 3, rootcas.acme: cannot read key 'gone.pem'"),
    "a file without a certificate": ("certs/acme.pem", "certs/key.pem", "certs/key.pem: expected certificates as PEM"),
    "a file with two": ("certs/acme.pem", "certs/both.pem", "expected one certificate, got 2"),
    "the same twice": ("certs/other.pem", "certs/acme.pem", "'other' is the same certificate as 'acme'"),
    "a root that is not there": ("roots: acme", "roots: acmee", "no root CA is called 'acmee'; there is acme, other"),
    "no roots": ("        roots: acme\n", "", "steps[0].cert_constraints[0].roots: missing"),
    "a wildcard among others": ("[a.example, b", "['*', b", "dns_names: '*' stands beside other values"),
    "a number": ("common_name: alice", "common_name: 7", "common_name: expected text, got the number 7"),
    "another tool's name": ("common_name: alice", "cn: alice", "write 'common_name'"),
    "a field of nobody's": ("common_name: alice", "serial: '1'", "a certificate constraint has no such field"),
    "an intermediate as a root": ("roots: acme", "roots: builders", "no root CA is called 'builders'"),
    "nobody at all": (
        "    cert_constraints:",
        "    functionaries: []\n    cert_constraint:",
        "write 'cert_constraints'",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_is_wrong_is_said_with_its_line(name: str) -> None:
    old, new, problem = PROBLEMS[name]

    message = refused(old, new)

    assert message.startswith("line ")
    assert problem in message


def test_step_needs_somebody() -> None:
    text = SOURCE[: SOURCE.index("    cert_constraints")]

    with pytest.raises(FormatError, match=r"steps\[0\].functionaries: missing"):
        source(text)
    with pytest.raises(FormatError, match="functionaries: missing"):
        source("expires: 1 year\nsteps: []\n")


def test_inspection_has_no_certificates() -> None:
    text = f"{SOURCE}inspect:\n  - {{name: look, run: 'true', cert_constraints: []}}\n"

    with pytest.raises(FormatError, match="the verifier runs inspections, so nobody signs them"):
        source(text)
