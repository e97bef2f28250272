"""What is signed, where it is written, and which signatures it carries afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from custody.encoding.strict import read_json, write_json
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.envelopes.signature import MAX_SIGNATURES
from custody.envelopes.signers import signed_by
from custody.errors import CustodyError, FormatError, SignatureError, StoreError, UsageError
from custody.keys.keyid import legacy_keyid_of
from custody.keys.public import PublicKey
from custody.signing.keyfile import KeySigner, public_key_of
from custody.signing.keypair import generate
from custody.workflows.sign import BAD, GOOD, MISSING, check_signatures, sign, sign_envelope, sign_file

LAYOUT: Mapping[str, Any] = {
    "_type": "layout",
    "expires": "2099-01-01T00:00:00Z",
    "readme": "",
    "keys": {},
    "steps": [
        {
            "_type": "step",
            "name": "build",
            "pubkeys": [],
            "threshold": 1,
            "expected_command": [],
            "expected_materials": [],
            "expected_products": [["DISALLOW", "*"]],
        }
    ],
    "inspect": [],
}
LINK: Mapping[str, Any] = {
    "_type": "link",
    "name": "build",
    "command": ["make"],
    "materials": {},
    "products": {"out": {"sha256": "0" * 64}},
    "byproducts": {"return-value": 0},
    "environment": {},
}


def signer() -> KeySigner:
    key = generate()
    return KeySigner(key, public_key_of(key, "k"))


ALICE, BOB = signer(), signer()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    path = tmp_path / "root.layout"
    path.write_bytes(Metablock.wrap(LAYOUT).write())
    return path


@pytest.fixture
def link(tmp_path: Path) -> Path:
    path = tmp_path / "unsigned.link"
    path.write_bytes(Metablock.wrap(LINK).write())
    return path


def signers_of(path: Path | str, *keys: PublicKey) -> set[str]:
    envelope = read_envelope(Path(path).read_bytes())
    return {key.keyid for key in signed_by(envelope, keys or (ALICE.public_key, BOB.public_key))}


def tamper(path: Path) -> None:
    document = json.loads(path.read_bytes())
    document["signed"]["readme"] = "changed"
    path.write_bytes(write_json(document))


def test_layout_is_signed_in_place(layout: Path) -> None:
    result = sign(layout, ALICE)
    assert (result.path, result.kind, result.total, result.removed) == (str(layout), "layout", 1, 0)
    assert signers_of(layout) == {ALICE.public_key.keyid}
    tamper(layout)
    assert signers_of(layout) == set()


def test_link_is_written_beside_under_step_and_key(link: Path) -> None:
    before = link.read_bytes()
    result = sign(link, ALICE)
    expected = link.parent / f"build.{ALICE.public_key.keyid[:8]}.link"
    assert result.path == str(expected)
    assert result.kind == "link"
    assert signers_of(expected) == {ALICE.public_key.keyid}
    assert link.read_bytes() == before


def test_output_names_the_file(layout: Path, link: Path, tmp_path: Path) -> None:
    unsigned = layout.read_bytes()
    for source in (layout, link):
        target = tmp_path / f"signed-{source.name}"
        sign(source, ALICE, output=target)
        assert signers_of(target) == {ALICE.public_key.keyid}
    assert layout.read_bytes() == unsigned
    assert not list(tmp_path.glob("build.*"))


def test_several_owners_sign_at_once(layout: Path) -> None:
    assert sign(layout, ALICE, BOB).total == 2
    assert len(signers_of(layout)) == 2


def test_earlier_signatures_are_replaced_and_counted(layout: Path) -> None:
    sign(layout, ALICE)
    result = sign(layout, BOB)
    assert (result.total, result.removed) == (1, 1)
    assert signers_of(layout) == {BOB.public_key.keyid}


def test_append_keeps_the_others(layout: Path) -> None:
    sign(layout, ALICE)
    result = sign(layout, BOB, append=True)
    assert (result.total, result.removed) == (2, 0)
    assert len(signers_of(layout)) == 2


@pytest.mark.parametrize("keyid", ["", "reference", "go", "f" * 64])
def test_signing_again_replaces_the_own_signature_whatever_it_is_called(layout: Path, keyid: str) -> None:
    key = ALICE.public_key
    names = {"reference": key.keyid, "go": legacy_keyid_of(key.keytype, key.scheme, key.public)}
    unsigned = read_envelope(layout.read_bytes())
    named = unsigned.with_signature(names.get(keyid, keyid), ALICE.sign(unsigned.signed_bytes))
    layout.write_bytes(sign_envelope(named, [BOB], append=True).write())
    result = sign(layout, ALICE, append=True)
    assert (result.total, result.removed) == (2, 1)
    assert len(signers_of(layout)) == 2


def test_bad_signature_under_the_own_name_is_replaced(layout: Path) -> None:
    """Some verifiers look at the first signature of a key id only (D15)."""
    envelope = read_envelope(layout.read_bytes()).with_signature(ALICE.public_key.keyid, b"x" * 64)
    layout.write_bytes(envelope.write())
    assert sign(layout, ALICE, append=True).total == 1
    assert signers_of(layout) == {ALICE.public_key.keyid}


def test_one_key_given_twice_signs_once(layout: Path, link: Path) -> None:
    assert sign(layout, ALICE, ALICE).total == 1
    assert sign(link, ALICE, ALICE).total == 1


def test_link_has_one_signature(link: Path) -> None:
    with pytest.raises(UsageError, match="one signature; sign it without appending"):
        sign(link, ALICE, append=True)
    with pytest.raises(UsageError, match="so one key signs it"):
        sign(link, ALICE, BOB)
    assert [p.name for p in link.parent.iterdir()] == [link.name]


def test_dsse_is_chosen_and_stays(layout: Path) -> None:
    sign(layout, ALICE)
    assert sign(layout, ALICE, use_dsse=True).removed == 1
    first = read_envelope(layout.read_bytes())
    assert isinstance(first, DSSEEnvelope)
    sign(layout, BOB, append=True)
    second = read_envelope(layout.read_bytes())
    assert isinstance(second, DSSEEnvelope)
    assert second.payload == first.payload
    assert len(signers_of(layout)) == 2
    layout.write_bytes(second.replace(payload=second.payload.replace(b"2099", b"2098")).write())
    assert signers_of(layout) == set()


def test_append_does_not_carry_signatures_into_another_envelope(layout: Path) -> None:
    assert sign(layout, ALICE, use_dsse=True, append=True).total == 1  # there were none yet
    layout.write_bytes(Metablock.wrap(LAYOUT).write())
    sign(layout, ALICE)
    before = layout.read_bytes()
    with pytest.raises(UsageError, match="mean nothing in DSSE"):
        sign(layout, BOB, use_dsse=True, append=True)
    assert layout.read_bytes() == before


def test_bare_document_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    path.write_bytes(write_json(LAYOUT))
    sign(path, ALICE)
    assert signers_of(path) == {ALICE.public_key.keyid}
    path.write_bytes(write_json({**LAYOUT, "signatures": []}))
    with pytest.raises(FormatError, match="stands inside the document"):
        sign(path, ALICE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires": ""}, "expires: expected an instant"),  # D1
        ({"expires": None}, "expires: expected an instant"),
        ({"steps": []}, "steps: expected at least one step"),  # A2
        ({"version": 1}, "version: unknown field with 1; layouts have no version"),  # D2
        ({"steps": [{**LAYOUT["steps"][0], "threshold": 0}]}, r"steps\[0\].threshold: expected an integer >= 1"),
        ({"steps": [{**LAYOUT["steps"][0], "name": "../x"}]}, r"steps\[0\].name: expected a plain name"),  # A3
        ({"_type": "https://in-toto.io/Statement/v1"}, "subject: missing"),
        ({"_type": "https://in-toto.io/Statement/v2"}, "_type: expected 'https://in-toto.io/Statement/v0.1' or"),
        ({"_type": 7}, "_type: expected 'layout', 'link' or a statement's type, got 7"),
    ],
)
def test_what_would_be_rejected_is_not_signed(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(write_json({**LAYOUT, **change}))
    before = path.read_bytes()
    with pytest.raises(FormatError, match=said) as raised:
        sign(path, ALICE)
    assert str(raised.value).startswith(f"{path}: ")
    assert path.read_bytes() == before


def test_link_whose_name_leaves_the_directory_is_not_signed(tmp_path: Path) -> None:
    """A3: the name of the output comes from an untrusted document."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "x.link"
    path.write_bytes(Metablock.wrap({**LINK, "name": "../esc"}).write())
    with pytest.raises(FormatError, match="name: expected a plain name"):
        sign(path, ALICE)
    assert not list(tmp_path.glob("esc*"))


def test_fraction_in_a_link_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(write_json({**LINK, "byproducts": {"seconds": 1.5}}))
    with pytest.raises(FormatError, match=r"x\.json: .*byproducts\.seconds: canonical JSON has no fractions"):
        sign(path, ALICE)
    assert sign(path, ALICE, use_dsse=True).total == 1  # DSSE signs bytes, where fractions are fine


def test_unknown_field_is_signed_on_request_only(tmp_path: Path) -> None:
    path = tmp_path / "x.layout"
    path.write_bytes(write_json({**LAYOUT, "comment": "hello"}))
    with pytest.raises(FormatError, match="comment: unknown field"):
        sign_file(str(path), [ALICE], ignore_fields=["other"])
    result = sign_file(str(path), [ALICE], ignore_fields=["comment"])
    assert result.kind == "layout"
    assert read_json(path.read_bytes())["signed"]["comment"] == "hello"


@pytest.mark.parametrize("payload_type", ["application/vnd.custody.preliminary+json", "text/plain", ""])
def test_other_payload_types_are_not_signed(payload_type: str, tmp_path: Path) -> None:
    path = tmp_path / "x.link"
    path.write_bytes(DSSEEnvelope.wrap(LINK, payload_type).write())
    with pytest.raises(FormatError, match="payloadType: expected a layout, a link or a statement"):
        sign(path, ALICE)


def test_unfinished_recording_is_not_signed(tmp_path: Path) -> None:
    path = tmp_path / ".build.12345678.link-unfinished"
    path.write_bytes(Metablock.wrap(LINK).write())
    with pytest.raises(FormatError, match="finish it first"):
        sign(path, ALICE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"signed": {}, "payload": ""}',
        b'{"signed": {"_type": "layout", "_type": "link"}, "signatures": []}',
        b'{"signed": NaN, "signatures": []}',
        b'{"signatures": []}',
        b'{"signed": {}, "signatures": {}}',
        b"[" * 100_000,
        b'{"payload": "!", "payloadType": "application/vnd.in-toto+json", "signatures": []}',
        b"\xff",
        Metablock.wrap(LAYOUT).write() + b"x",
    ],
)
def test_malformed_files_are_a_sentence_and_stay(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="bad: "):
        sign(path, ALICE)
    assert path.read_bytes() == data


def test_signer_that_signs_wrongly_is_found_out(layout: Path) -> None:
    before = layout.read_bytes()
    with pytest.raises(SignatureError, match="made a signature that is not its own"):
        sign(layout, KeySigner(generate(), ALICE.public_key))
    assert layout.read_bytes() == before


def test_number_of_signatures_is_limited(layout: Path) -> None:
    envelope = read_envelope(layout.read_bytes())
    for number in range(MAX_SIGNATURES - 1):
        envelope = envelope.with_signature(f"{number:064}", b"x")
    layout.write_bytes(envelope.write())
    assert sign(layout, ALICE, append=True).total == MAX_SIGNATURES
    with pytest.raises(UsageError, match=f"at most {MAX_SIGNATURES} signatures"):
        sign(layout, BOB, append=True)


def test_nobody_is_no_signer(layout: Path) -> None:
    with pytest.raises(UsageError, match="expected a key to sign"):
        sign(layout)


def test_key_may_be_a_path(layout: Path, tmp_path: Path) -> None:
    from custody.signing.keypair import write_pair

    pair = write_pair(str(tmp_path / "carol"), generate())
    sign(layout, pair.private_path)
    assert signers_of(layout, pair.public_key) == {pair.public_key.keyid}
    with pytest.raises(StoreError, match="no-such-key"):
        sign(layout, str(tmp_path / "no-such-key"))


@pytest.mark.parametrize("target", ["missing/out", ".", "/dev/full", "/dev/null"])
def test_what_cannot_be_written_is_named(target: str, layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(layout.parent)
    before = Path(target).stat().st_mode if Path(target).exists() else None
    with pytest.raises(StoreError, match="cannot write signed layout"):
        sign(layout, ALICE, output=target)
    assert [p.name for p in layout.parent.iterdir()] == [layout.name]
    assert before is None or Path(target).stat().st_mode == before


def test_symlink_to_a_layout_stays_one(layout: Path) -> None:
    shortcut = layout.parent / "current"
    shortcut.symlink_to(layout.name)
    sign(shortcut, ALICE)
    assert shortcut.is_symlink()
    assert signers_of(layout) == {ALICE.public_key.keyid}


def test_mode_of_the_layout_stays(layout: Path) -> None:
    layout.chmod(0o640)
    sign(layout, ALICE)
    assert layout.stat().st_mode & 0o777 == 0o640


def test_checks_tell_good_bad_and_missing_apart(layout: Path) -> None:
    sign(layout, ALICE)
    keys = [ALICE.public_key, BOB.public_key]
    assert [check.state for check in check_signatures(str(layout), keys)] == [GOOD, MISSING]
    tamper(layout)
    assert [check.state for check in check_signatures(str(layout), keys)] == [BAD, MISSING]


def test_checks_answer_for_every_key_in_order(layout: Path) -> None:
    sign(layout, ALICE, BOB)
    keys = [BOB.public_key, ALICE.public_key, BOB.public_key]
    checks = check_signatures(str(layout), keys)
    assert [(check.key, check.state) for check in checks] == [(key, GOOD) for key in keys]


def test_no_key_proves_nothing(layout: Path) -> None:
    sign(layout, ALICE)
    with pytest.raises(UsageError, match="got none"):
        check_signatures(str(layout), [])


def test_unsigned_document_cannot_be_checked(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    path.write_bytes(write_json(LAYOUT))
    with pytest.raises(CustodyError, match=r"draft\.json: a bare 'layout'"):
        check_signatures(str(path), [ALICE.public_key])
