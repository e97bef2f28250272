from __future__ import annotations

import json
from typing import Any

import pytest

from custody.encoding.text import to_base64
from custody.envelopes.dsse import IN_TOTO_PAYLOAD, DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope, read_envelope, read_signable
from custody.envelopes.signature import MAX_SIGNATURES
from custody.errors import FormatError, SignatureError
from custody.keys.openpgp import OpenPGPSignature

LINK = {"_type": "link", "name": "build", "extra": {"x": [1, "é"]}}
PAYLOAD = json.dumps(LINK).encode()


def metablock(**changes: object) -> dict[str, Any]:
    fields = {"signed": LINK, "signatures": [{"keyid": "a", "sig": "00ff"}], **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def dsse(**changes: object) -> dict[str, Any]:
    fields = {
        "payload": to_base64(PAYLOAD),
        "payloadType": IN_TOTO_PAYLOAD,
        "signatures": [{"keyid": "a", "sig": "AP8="}],
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def read(document: object) -> Envelope:
    return read_envelope(json.dumps(document).encode())


def test_a_metablock_is_recognised() -> None:
    envelope = read(metablock())
    assert isinstance(envelope, Metablock)
    assert envelope.kind == "metablock"
    assert envelope.content() == LINK
    assert envelope.payload_type == IN_TOTO_PAYLOAD
    assert envelope.signed_bytes == envelope.payload == '{"_type":"link","extra":{"x":[1,"é"]},"name":"build"}'.encode()
    assert [(s.keyid, s.value) for s in envelope.signatures] == [("a", b"\0\xff")]


def test_a_dsse_envelope_is_recognised_and_keeps_its_bytes() -> None:
    envelope = read(dsse())
    assert isinstance(envelope, DSSEEnvelope)
    assert envelope.kind == "dsse"
    assert envelope.content() == LINK
    assert envelope.payload == PAYLOAD
    assert envelope.signed_bytes == b"DSSEv1 28 %b %d %b" % (IN_TOTO_PAYLOAD.encode(), len(PAYLOAD), PAYLOAD)
    assert [(s.keyid, s.value) for s in envelope.signatures] == [("a", b"\0\xff")]


@pytest.mark.parametrize("document", [metablock(), dsse(), metablock(signatures=[]), dsse(signatures=[])])
def test_an_envelope_is_written_and_read_back(document: dict[str, Any]) -> None:
    envelope = read(document)
    assert read_envelope(envelope.write()) == envelope


@pytest.mark.parametrize("kind", [Metablock, DSSEEnvelope])
def test_a_new_envelope_grows_by_signatures(kind: type[Metablock | DSSEEnvelope]) -> None:
    empty = kind.wrap(LINK)
    assert empty.signatures == ()
    assert empty.content() == LINK
    signed = empty.with_signature("a", b"\0\xff").with_signature("b", b"\1")
    assert [(s.keyid, s.value) for s in signed.signatures] == [("a", b"\0\xff"), ("b", b"\1")]
    assert signed.signed_bytes == empty.signed_bytes
    assert read_envelope(signed.write()) == signed
    assert empty.signatures == ()


def test_files_have_the_form_of_the_reference() -> None:
    assert Metablock.wrap({"b": 1}).with_signature("k", b"\xff").write() == (
        b'{\n "signatures": [\n  {\n   "keyid": "k",\n   "sig": "ff"\n  }\n ],\n "signed": {\n  "b": 1\n }\n}'
    )
    assert DSSEEnvelope.wrap({"b": 1}).with_signature("k", b"\xff").write() == (
        b'{"payload": "eyJiIjogMX0=", "payloadType": "application/vnd.in-toto+json",'
        b' "signatures": [{"keyid": "k", "sig": "/w=="}]}'
    )


def test_a_payload_type_of_its_own_is_kept() -> None:
    envelope = DSSEEnvelope.wrap(LINK, "application/vnd.custody.preliminary+json")
    again = read_envelope(envelope.write())
    assert again.payload_type == "application/vnd.custody.preliminary+json"
    assert again.signed_bytes != DSSEEnvelope.wrap(LINK).signed_bytes


@pytest.mark.parametrize("spelling", ["AP_-", "AP/+"])
def test_url_safe_base64_is_read_and_left_as_it_was(spelling: str) -> None:
    envelope = read(dsse(signatures=[{"sig": spelling}]))
    assert envelope.signatures[0].value == b"\0\xff\xfe"
    assert json.loads(envelope.write())["signatures"] == [{"sig": spelling}]


def test_a_signature_without_a_key_id_has_no_hint() -> None:
    assert [s.keyid for s in read(metablock(signatures=[{"sig": "00"}])).signatures] == [""]
    assert [s.keyid for s in read(dsse(signatures=[{"sig": "AA=="}])).signatures] == [""]


def test_unknown_fields_beside_the_content_are_tolerated() -> None:
    assert read(metablock(comment="x")) == read(metablock())
    assert read(dsse(comment="x")) == read(dsse())


@pytest.mark.parametrize("document", [metablock(), dsse()])
def test_fields_of_a_signature_are_kept(document: dict[str, Any]) -> None:
    entry = {**document["signatures"][0], "cert": "-----BEGIN", "n": 1.5}
    envelope = read({**document, "signatures": [entry]})
    assert envelope.signatures[0].document == entry
    assert json.loads(envelope.write())["signatures"] == [entry]


def test_an_openpgp_signature_is_kept_as_it_was() -> None:
    entry = {"keyid": "ab" * 20, "other_headers": "04000108", "signature": "00FF", "short_keyid": "ab" * 8}
    envelope = read(metablock(signatures=[entry]))
    expected = OpenPGPSignature(keyid="ab" * 20, other_headers=b"\x04\0\x01\x08", signature=b"\0\xff")
    assert envelope.signatures[0].value == expected
    assert json.loads(envelope.write())["signatures"] == [entry]
    assert isinstance(read(metablock()).signatures[0].value, bytes)


@pytest.mark.parametrize("change", [{"signature": "x"}, {"other_headers": "x"}, {"other_headers": None}])
def test_an_openpgp_signature_that_is_not_hexadecimal_is_refused(change: dict[str, object]) -> None:
    entry = {"keyid": "ab" * 20, "other_headers": "04000108", "signature": "00FF"}
    read(metablock(signatures=[entry]))
    with pytest.raises(FormatError, match=rf"signatures\[0\]\.{next(iter(change))}"):
        read(metablock(signatures=[{**entry, **change}]))


def test_dsse_carries_no_openpgp_signature() -> None:
    entry = {"keyid": "ab" * 20, "other_headers": "04000108", "signature": "00FF"}
    read(metablock(signatures=[entry]))
    with pytest.raises(FormatError, match=r"signatures\[0\]: an OpenPGP signature, which DSSE has no place for"):
        read(dsse(signatures=[entry]))
    signature = OpenPGPSignature(keyid="ab" * 20, other_headers=b"x", signature=b"y")
    signed = Metablock.wrap({}).with_signature("ignored", signature)
    assert read_envelope(signed.write()) == signed
    assert signed.signatures[0].keyid == "ab" * 20
    with pytest.raises(SignatureError, match="leave DSSE out"):
        DSSEEnvelope.wrap({}).with_signature("ignored", signature)


def test_a7_a_file_with_both_signed_and_payload_is_refused() -> None:
    with pytest.raises(FormatError, match="both 'signed' and 'payload': which one was meant"):
        read(metablock() | dsse())
    for data in (read_signable, read_envelope):
        with pytest.raises(FormatError, match="both"):
            data(json.dumps({"signed": None, "payload": None}).encode())


def test_a7_a_key_that_stands_twice_is_refused() -> None:
    data = json.dumps(metablock()).encode()
    with pytest.raises(FormatError, match="the key 'signed' appears twice"):
        read_envelope(data[:-1] + b', "sign\\u0065d": {}}')


@pytest.mark.parametrize("kind", ["link", "layout", "https://in-toto.io/Statement/v1"])
def test_a_bare_document_is_refused_with_a_remedy(kind: str) -> None:
    with pytest.raises(FormatError, match="without an envelope, so nobody signed it; sign it with `custody sign`"):
        read({"_type": kind})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected an object, got an empty list"),
        (None, "expected an object, got null"),
        ({}, "expected an envelope with 'signed' or 'payload', got neither"),
        ({"signatures": []}, "expected an envelope"),
        (metablock(signatures=...), "signatures: missing"),
        (metablock(signatures=None), "signatures: expected a list, got null"),
        (metablock(signatures={}), "signatures: expected a list, got an empty object"),
        (metablock(signatures=["00"]), "signatures[0]: expected an object, got '00'"),
        (metablock(signatures=[{}]), "signatures[0].sig: missing"),
        (metablock(signatures=[{"sig": None}]), "signatures[0].sig: expected text, got null"),
        (metablock(signatures=[{"sig": ""}]), "signatures[0].sig: expected an even number of hexadecimal"),
        (metablock(signatures=[{"sig": "00"}, {"sig": "0"}]), "signatures[1].sig: expected an even"),
        (metablock(signatures=[{"sig": "AP8="}]), "signatures[0].sig: expected an even"),
        (metablock(signatures=[{"keyid": 1, "sig": "00"}]), "signatures[0].keyid: expected text, got 1"),
        (metablock(signatures=[{"other_headers": ""}]), "signatures[0].signature: missing"),
        (metablock(signatures=[{"other_headers": "", "signature": "zz"}]), "signatures[0].signature: expected an even"),
        (metablock(signed=[]), "signed: expected an object, got an empty list"),
        (metablock(signed=None), "signed: expected an object, got null"),
        (metablock(signed={"a": [0, 0.5]}), "signed.a[1]: canonical JSON has no fractions, got 0.5"),
        (dsse(signatures=...), "signatures: missing"),
        (dsse(signatures=[{"sig": "A"}]), "signatures[0].sig: expected base64"),
        (dsse(payload=None), "payload: expected text, got null"),
        (dsse(payload="{}"), "payload: expected base64"),
        (dsse(payload={"_type": "link"}), "payload: expected text, got an object"),
        (dsse(payloadType=...), "payloadType: missing"),
        (dsse(payloadType=3), "payloadType: expected text, got 3"),
    ],
)
def test_what_is_missing_or_wrong_is_refused_with_its_path(document: object, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(document)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("make", "sig"), [(metablock, "00"), (dsse, "AA==")])
def test_more_signatures_than_anybody_needs_are_refused(make: Any, sig: str) -> None:  # noqa: ANN401  # one of two makers
    assert len(read(make(signatures=[{"sig": sig}] * MAX_SIGNATURES)).signatures) == MAX_SIGNATURES
    with pytest.raises(FormatError, match=r"^signatures: expected at most 256, got 257"):
        read(make(signatures=[{"sig": sig}] * (MAX_SIGNATURES + 1)))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "payload: not JSON"),
        (b"\xff", "payload: not UTF-8"),
        (b"[]", "payload: expected an object, got an empty list"),
        (b'{"a": 1, "a": 2}', "payload: the key 'a' appears twice"),
        (b'{"a": NaN}', "payload: NaN is not JSON"),
        (b"{} ", None),
    ],
)
def test_a_payload_is_read_strictly_when_it_is_asked_for(payload: bytes, message: str | None) -> None:
    envelope = read(dsse(payload=to_base64(payload)))
    if message is None:
        assert envelope.content() == {}
        return
    with pytest.raises(FormatError) as caught:
        envelope.content()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("document", [metablock(), dsse()])
def test_an_envelope_is_signable_as_it_is(document: dict[str, Any]) -> None:
    assert read_signable(json.dumps(document).encode()) == read(document)


def test_a_bare_document_is_signable_in_a_metablock() -> None:
    assert read_signable(json.dumps(LINK).encode()) == Metablock.wrap(LINK)


def test_signatures_inside_a_bare_document_are_refused_with_a_remedy() -> None:
    with pytest.raises(FormatError, match=r"^signatures: 'signatures' stands inside the document.*; write \{"):
        read_signable(json.dumps({**LINK, "signatures": []}).encode())


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"signatures": []}', b"junk", b""])
def test_what_is_neither_envelope_nor_document_is_not_signable(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_signable(data)
