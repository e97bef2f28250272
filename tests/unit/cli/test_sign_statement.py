"""`custody sign` of statements: they go into DSSE, are read strictly before, and take as many signatures as layouts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custody.cli.main import main
from custody.encoding.strict import read_json, write_json
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.models.statement import make_statement
from custody.signing.keypair import generate, write_pair
from custody.workflows.keys import read_public_key
from tests.sigstore_instance import SigstoreInstance
from tests.unit.models.predicates.documents import GOOD, SHA

Capture = pytest.CaptureFixture[str]

TYPE = "https://slsa.dev/provenance/v1"
STATEMENT = make_statement([{"name": "app", "digest": SHA}], TYPE, GOOD[TYPE])
OLDER = make_statement([{"name": "app", "digest": SHA}], "https://example.com/mine/v1", {"a": 1.5}, version="v0.1")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("alice", "bob"):
        write_pair(name, generate())
    write(STATEMENT)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path_factory.mktemp("instance")) as running:
        yield running


def write(document: dict[str, Any], name: str = "statement.json") -> None:
    Path(name).write_bytes(write_json(document))


def sign(*arguments: str, file: str = "statement.json") -> int:
    return main(["sign", "-f", file, *arguments])


def verified(*names: str, file: str = "statement.json") -> int:
    return main(["sign", "-f", file, "--verify", "--verification-keys", *(f"{name}.pub" for name in names)])


def envelope(file: str = "statement.json") -> DSSEEnvelope:
    found = read_envelope(Path(file).read_bytes())
    assert isinstance(found, DSSEEnvelope)
    return found


def tamper(file: str = "statement.json") -> None:
    found = envelope(file)
    other = {**found.content(), "predicateType": "https://example.com/other/v1"}
    Path(file).write_bytes(found.replace(payload=write_json(other)).write())


def keyid(name: str) -> str:
    return read_public_key(f"{name}.pub").keyid[:8]


@pytest.mark.parametrize("more", [[], ["--use-dsse"]])
@pytest.mark.parametrize("document", [STATEMENT, OLDER])
def test_a_statement_is_signed_in_dsse(document: dict[str, Any], more: list[str], capsys: Capture) -> None:
    write(document)

    assert sign("-k", "alice", *more) == 0

    assert capsys.readouterr().out == f"statement.json: statement signed by {keyid('alice')}; 1 signature\n"
    assert envelope().content() == document
    assert envelope().payload_type == "application/vnd.in-toto+json"
    assert verified("alice") == 0
    tamper()
    assert verified("alice") == 1


def test_another_file_takes_the_envelope() -> None:
    before = Path("statement.json").read_bytes()

    assert sign("-k", "alice", "-o", "app.intoto.json") == 0

    assert Path("statement.json").read_bytes() == before
    assert verified("alice", file="app.intoto.json") == 0


def test_several_sign_at_once_or_one_after_the_other(capsys: Capture) -> None:
    assert sign("-k", "alice", "bob") == 0
    assert verified("alice", "bob") == 0
    write(STATEMENT)
    assert sign("-k", "alice") == sign("-k", "bob", "--append") == 0
    capsys.readouterr()

    assert verified("alice", "bob") == 0
    assert capsys.readouterr().out.count("good signature by") == 2
    tamper()
    assert verified("alice", "bob") == 1
    assert "good" not in capsys.readouterr().out


def test_signatures_that_go_are_spoken_of(capsys: Capture) -> None:
    assert sign("-k", "alice") == sign("-k", "bob") == 0

    said = capsys.readouterr()
    assert said.out.endswith("; 1 signature, 1 earlier removed\n")
    assert "1 signature by another key was removed; --append keeps them" in said.err
    assert verified("bob") == 0
    assert verified("alice") == 1


def test_what_was_signed_once_is_handed_on_byte_for_byte() -> None:
    payload = json.dumps(STATEMENT, indent=3).encode()
    Path("statement.json").write_bytes(DSSEEnvelope(payload=payload).write())

    assert sign("-k", "alice") == 0

    assert envelope().payload == payload
    assert verified("alice") == 0


def test_a_payload_type_that_names_the_predicate_is_kept() -> None:
    kind = "application/vnd.in-toto.provenance+json"
    Path("statement.json").write_bytes(DSSEEnvelope.wrap(STATEMENT, kind).write())

    assert sign("-k", "alice") == 0

    assert envelope().payload_type == kind
    assert verified("alice") == 0
    Path("statement.json").write_bytes(envelope().replace(payload_type="application/vnd.in-toto+json").write())
    assert verified("alice") == 1


def test_such_a_payload_type_is_for_statements_only(capsys: Capture) -> None:
    link = {"_type": "link", "name": "a", "command": [], "materials": {}, "products": {}}
    Path("statement.json").write_bytes(DSSEEnvelope.wrap(link, "application/vnd.in-toto.link+json").write())

    assert sign("-k", "alice") == 2
    assert "payloadType: expected a layout, a link or a statement (application/vnd.in-toto+json)" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({**STATEMENT, "subject": []}, "subject: expected at least one subject"),
        ({**STATEMENT, "subject": [{"digest": {"sha256": "AB" * 32}}]}, "subject[0].digest.sha256: expected 64 lower-"),
        ({**STATEMENT, "predicate": {}}, "predicate.buildDefinition: missing"),
        ({**STATEMENT, "predicate": None}, "predicate.buildDefinition: missing"),
        ({**STATEMENT, "predicate": "text"}, "predicate: expected an object"),
        (
            {**STATEMENT, "_type": "https://in-toto.io/Statement/v3"},
            "_type: expected 'https://in-toto.io/Statement/v0.1",
        ),
        (
            {**STATEMENT, "predicateType": "https://in-toto.io/attestation/link/v0.3", "predicate": {"name": "a"}}
            | {"subject": [{"digest": SHA}]},
            "subject[0].name: missing",
        ),
    ],
)
def test_what_would_be_refused_is_not_signed(document: dict[str, Any], said: str, capsys: Capture) -> None:
    write(document)
    before = Path("statement.json").read_bytes()

    assert sign("-k", "alice") == 2

    assert f"statement.json: {said}" in capsys.readouterr().err
    assert Path("statement.json").read_bytes() == before


def test_a_key_that_stands_twice_is_not_signed(capsys: Capture) -> None:
    text = json.dumps(STATEMENT)
    Path("statement.json").write_text(text[:-1] + ', "predicateType": "https://example.com/other/v1"}')

    assert sign("-k", "alice") == 2
    assert "predicateType" in capsys.readouterr().err


def test_unknown_fields_are_signed_with_the_rest() -> None:
    more = {**STATEMENT, "example_more": {"a": 1}}
    write(more)

    assert sign("-k", "alice") == 0
    assert envelope().content() == more


@pytest.mark.parametrize("more", [[], ["--use-dsse"]])
def test_a_statement_is_not_signed_in_the_older_envelope(more: list[str], capsys: Capture) -> None:
    Path("statement.json").write_bytes(Metablock.wrap(STATEMENT).write())

    assert sign("-k", "alice", *more) == 2
    assert "statement.json: a statement in the older envelope, where nobody looks for one" in capsys.readouterr().err


def test_fields_are_ignored_in_layouts_only(capsys: Capture) -> None:
    assert sign("-k", "alice", "--ignore-field", "predicate.x") == 2
    assert "--ignore-field is for layouts" in capsys.readouterr().err


def test_identities_sign_statements(instance: SigstoreInstance, capsys: Capture) -> None:
    for name in ("alice@example.com", "mallory@example.net"):
        names = ["--identity", name, "--issuer", instance.issuer]
        assert main(["key", "keyless", *names, "-o", f"{name[:5]}.json"]) == 0
    check = ["sign", "-f", "statement.json", "--verify", "--trusted-root", str(instance.trusted_root)]

    assert sign("-k", instance.uri("alice@example.com")) == 0
    assert sign("-k", "bob", "--append") == 0

    assert "statement.json: statement signed by" in capsys.readouterr().out
    assert main([*check, "--verification-keys", "alice.json", "bob.pub"]) == 0
    assert main([*check, "--verification-keys", "mallo.json"]) == 1
    tamper()
    assert main([*check, "--verification-keys", "alice.json"]) == 1


def test_a_signed_statement_is_no_layout(capsys: Capture) -> None:
    assert sign("-k", "alice") == 0

    assert main(["verify", "-l", "statement.json", "--verification-keys", "alice.pub"]) in {1, 2}
    assert "_type" in capsys.readouterr().err


def test_a_bare_statement_has_no_signatures_inside(capsys: Capture) -> None:
    write({**STATEMENT, "signatures": []})

    assert sign("-k", "alice") == 2
    assert "'signatures' stands inside the document" in capsys.readouterr().err
    assert read_json(Path("statement.json").read_bytes())["signatures"] == []
