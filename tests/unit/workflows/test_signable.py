"""Which signatures a document may have."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.encoding.strict import write_json
from custody.envelopes.dsse import DSSEEnvelope
from custody.errors import UsageError
from custody.keys.key import Key
from custody.models.link import read_link
from custody.models.statement import make_statement, read_statement
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import generate
from custody.workflows.sign import sign
from custody.workflows.signable import kind_of, read_document
from tests.openpgp import Maker
from tests.unit.workflows.test_sign import LAYOUT, LINK

STATEMENT = make_statement([{"digest": {"sha256": "ab" * 32}}], "https://example.com/mine/v1", {"a": 1})


def signer() -> KeySigner:
    key = generate()
    return KeySigner(key, public_key_of(key, "k"))


class OpenPGPSigner:
    """A signer whose signatures no DSSE envelope has a place for."""

    public_key: Key = Maker("alice").key

    def sign(self, message: bytes) -> bytes:
        raise AssertionError(message)


class CertifiedSigner(OpenPGPSigner):
    """A signer whose certificate no DSSE envelope has a place for."""

    public_key = signer().public_key
    certificate = "alice.pem"


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    path = tmp_path / "statement.json"
    path.write_bytes(write_json(STATEMENT))
    return path


@pytest.mark.parametrize("other", [OpenPGPSigner(), CertifiedSigner()])
def test_a_statement_is_signed_with_what_dsse_has_a_place_for(other: OpenPGPSigner, statement: Path) -> None:
    before = statement.read_bytes()

    with pytest.raises(UsageError, match="which has no place for an OpenPGP signature or a certificate"):
        sign(statement, signer(), other)

    assert statement.read_bytes() == before
    result = sign(statement, signer())
    assert (result.kind, result.total, result.path) == ("statement", 1, str(statement))
    assert result.document == read_statement(STATEMENT)


def test_a_document_says_what_it_is() -> None:
    documents = {"layout": LAYOUT, "link": LINK, "statement": STATEMENT}

    for kind, document in documents.items():
        assert kind_of(read_document(DSSEEnvelope.wrap(document), ())) == kind
    assert read_document(DSSEEnvelope.wrap(LINK), ()) == read_link(LINK)
