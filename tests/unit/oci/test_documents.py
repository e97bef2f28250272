"""Documents that can be attached: what they say they are, and how they become bundles."""

from __future__ import annotations

import json
from typing import Any

import pytest

from custody.encoding.text import to_base64
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import FormatError
from custody.oci import documents
from custody.oci.documents import envelope_line, read_document, read_documents
from tests.attachments import attestation, link
from tests.simulator import actor, signed

STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [],
    "predicateType": "https://example.com/x",
    "predicate": {},
}


def test_claims_are_what_the_payload_says() -> None:
    found = read_document(attestation(STATEMENT))
    assert (found.kind, found.predicate_type, found.is_link, found.is_bundle) == (
        STATEMENT["_type"],
        STATEMENT["predicateType"],
        False,
        False,
    )


@pytest.mark.parametrize("dsse", [False, True])
@pytest.mark.parametrize("kind", ["link", "layout"])
def test_links_and_sublayouts_are_links_in_either_envelope(kind: str, dsse: bool) -> None:
    found = read_document(signed(link("build") | {"_type": kind}, actor("alice"), dsse=dsse).write(), title="a.link")
    assert (found.is_link, found.step, found.title) == (True, "build", "a.link")


@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_claims_of_another_type_are_none(value: object) -> None:
    found = read_document(attestation({"_type": value, "predicateType": value, "name": value}))
    assert (found.kind, found.predicate_type, found.step) == ("", "", "")


def test_bundle_of_each_signature_verifies_by_its_key() -> None:
    alice, bob = actor("alice"), actor("bob")
    found = read_document(attestation(STATEMENT, alice, bob, keyids=True))

    made = [read_envelope(bundle) for bundle in found.bundles()]

    assert [signed_by(each, [alice.public_key, bob.public_key]) for each in made] == [
        (alice.public_key,),
        (bob.public_key,),
    ]
    assert {each.payload for each in made} == {found.envelope.payload}


def test_bundle_stays_as_it_is() -> None:
    (bundle,) = read_document(attestation(STATEMENT)).bundles()
    indented = json.dumps(json.loads(bundle), indent=3).encode()

    found = read_document(indented)

    assert found.is_bundle
    assert found.bundles() == (indented,)


def test_envelope_line_reads_back_and_is_one_line() -> None:
    envelope = DSSEEnvelope.wrap(STATEMENT).with_signature("id", b"\xfb\xff")
    line = envelope_line(envelope)
    assert read_envelope(line) == envelope
    assert b"\n" not in line
    assert to_base64(b"\xfb\xff").encode() in line


def test_same_document_makes_the_same_bytes() -> None:
    data = attestation(STATEMENT)
    spaced = json.dumps(json.loads(data), indent=4).encode()
    assert read_document(data).bundles() == read_document(spaced).bundles()
    assert envelope_line(read_document(data).dsse) == envelope_line(read_document(spaced).dsse)


def test_document_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = attestation(STATEMENT)
    monkeypatch.setattr(documents, "MAX_ATTESTATION_BYTES", len(data))
    assert read_documents(data)
    monkeypatch.setattr(documents, "MAX_ATTESTATION_BYTES", len(data) - 1)
    with pytest.raises(FormatError, match=f"expected at most {len(data) - 1} bytes"):
        read_documents(data)
