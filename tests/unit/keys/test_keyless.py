"""Identities in the place of keys: how layouts write them, and what names they have."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer._utils import compute_default_keyid

from custody.encoding.fields import Fields
from custody.errors import FormatError, UsageError
from custody.keys.document import read_key, write_key
from custody.keys.key import as_keyless, as_openpgp, may_sign_for, trusting
from custody.keys.keyless import KeylessKey, keyless_key
from custody.keys.keyless_document import keyless_key_of
from custody.keys.keyless_names import MAX_IDENTITY, Wanted, wanted
from custody.keys.trusted_root import TrustedRoot
from tests.simulator import actor

ISSUER = "https://accounts.example.com"
KEYVAL = {"identity": "alice@example.com", "issuer": ISSUER}
DOCUMENT = {"keyid": "alice", "keytype": "sigstore-oidc", "scheme": "Fulcio", "keyval": KEYVAL}


def refuse(fields: Fields) -> None:
    for where, _ in fields.unknown():
        raise FormatError("unknown field", where=where)


def read(document: dict[str, Any]) -> KeylessKey:
    key = read_key(document, "keys.alice", refuse_unknown=refuse)
    assert isinstance(key, KeylessKey)
    return key


@pytest.mark.parametrize(
    "keyval",
    [
        KEYVAL,
        {"identity_regexp": r".*@example\.com", "issuer": ISSUER},
        {"identity": "alice@example.com", "issuer_regexp": "https://.*"},
        {"identity_regexp": "(?i)alice", "issuer_regexp": "[a-z]{1,5}"},
    ],
)
def test_identity_is_written_as_it_was_read(keyval: dict[str, str]) -> None:
    document = {**DOCUMENT, "keyval": keyval}
    key = read(document)

    assert write_key(key) == document
    assert read_key(write_key(key), "", refuse_unknown=refuse) == key


def test_names_are_those_of_securesystemslib() -> None:
    key = read(DOCUMENT)

    assert key.own_id == compute_default_keyid("sigstore-oidc", "Fulcio", KEYVAL)
    assert key.names == {"alice", key.own_id}
    assert (key.keytype, key.scheme, key.listed_as) == ("sigstore-oidc", "Fulcio", "alice")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keyval": {"identity": "a@b.c"}}, "keyval.issuer: missing"),
        ({"keyval": {"issuer": ISSUER}}, "keyval.identity: missing"),
        ({"keyval": {**KEYVAL, "identity_regexp": ".*"}}, "expected 'identity' or 'identity_regexp', got both"),
        ({"keyval": {**KEYVAL, "issuer_regexp": ".*"}}, "expected 'issuer' or 'issuer_regexp', got both"),
        ({"keyval": {**KEYVAL, "identity": ""}}, "expected a name in printable characters"),
        ({"keyval": {**KEYVAL, "issuer": " "}}, "expected a name in printable characters"),
        ({"keyval": {**KEYVAL, "identity": "a\nb"}}, "expected a name in printable characters"),
        ({"keyval": {**KEYVAL, "identity": 3}}, "expected text"),
        ({"keyval": {**KEYVAL, "public": "abc"}}, "keyval.public: unknown field"),
        ({"keyval": {**KEYVAL, "private": "abc"}}, "keyval.private: unknown field"),
        ({"keyval": {"identity_regexp": "(", "issuer": ISSUER}}, "no regular expression"),
        ({"keyval": {"identity_regexp": r"(a)\1", "issuer": ISSUER}}, "no regular expression"),
        ({"keyval": {"identity_regexp": "(?=a)b", "issuer": ISSUER}}, "no regular expression"),
        ({"keyval": {"identity_regexp": "((a{999}){999}){999}", "issuer": ISSUER}}, "no regular expression"),
        ({"keyval": {"identity": "a" * (MAX_IDENTITY + 1), "issuer": ISSUER}}, f"at most {MAX_IDENTITY}"),
        ({"scheme": "ed25519"}, "expected 'Fulcio'"),
        ({"more": 1}, "more: unknown field"),
    ],
)
def test_what_is_no_identity_is_refused(change: dict[str, Any], message: str) -> None:
    read(DOCUMENT)
    with pytest.raises(FormatError, match=message):
        read({**DOCUMENT, **change})


def test_key_file_gets_its_own_id_whatever_it_calls_itself() -> None:
    assert keyless_key_of(DOCUMENT).keyid == read(DOCUMENT).own_id
    with pytest.raises(FormatError, match="is this the JSON of one identity"):
        keyless_key_of({**DOCUMENT, "more": 1})


@pytest.mark.parametrize(
    ("expression", "name", "matches"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("a", "ba", False),
        ("a|b", "b", True),
        ("a|ab", "ab", True),
        ("^a", "ab", False),
        ("a$", "ba", False),
        (".*", "", True),
        (".*", "a\nb", False),
        (".*", "a" * MAX_IDENTITY, True),
        (".*", "a" * (MAX_IDENTITY + 1), False),
        (r"\Aa\z", "a", True),
        ("(?i)A", "a", True),
    ],
)
def test_regular_expression_matches_whole_names(expression: str, name: str, matches: bool) -> None:
    assert wanted(expression, "", is_regexp=True).admits(name) is matches


def test_regular_expression_takes_no_longer_than_the_name_is_long() -> None:
    evil = wanted("(a|a?)*(a+)+(.*.*.*.*.*)b", "", is_regexp=True)

    assert not evil.admits("a" * MAX_IDENTITY)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=50), st.text(max_size=50))
def test_exact_name_means_itself_only(text: str, other: str) -> None:
    name = wanted(text, "")

    assert name.admits(text)
    assert name.admits(other) is (text == other)


def test_without_the_extra_only_regular_expressions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)

    assert read(DOCUMENT).subject.admits("alice@example.com")
    with pytest.raises(UsageError, match=r"pip install 'custody\[keyless\]'"):
        read({**DOCUMENT, "keyval": {"identity_regexp": ".*", "issuer": ISSUER}})


def test_one_identity_may_sign_for_itself_and_for_what_matches_it() -> None:
    alice = keyless_key(Wanted(text="alice@example.com"), Wanted(text=ISSUER))
    group = keyless_key(Wanted(text=r".*@example\.com", is_regexp=True), Wanted(text=ISSUER))
    elsewhere = keyless_key(Wanted(text="alice@example.com"), Wanted(text="https://example.org"))
    key = actor("alice").public_key

    assert may_sign_for(alice, alice)
    assert may_sign_for(group, alice)
    assert may_sign_for(key, key)
    assert not may_sign_for(alice, group)
    assert not may_sign_for(group, elsewhere)
    assert not may_sign_for(alice, elsewhere)
    assert not may_sign_for(alice, key)
    assert not may_sign_for(key, alice)
    assert not may_sign_for(group, group.replace(subject=Wanted(text=r"a.*", is_regexp=True)))


def test_kinds_of_keys_are_told_apart() -> None:
    alice, key = read(DOCUMENT), actor("alice").public_key
    root = TrustedRoot(lambda: b"", "root")

    assert as_keyless(alice) is alice
    assert as_keyless(key) is None
    assert as_openpgp(alice) is None
    assert trusting(key, lambda: root) is key
    assert trusting(alice, None) is alice
    assert trusting(alice, lambda: root) == alice.replace(trusted_root=root)


def test_nobody_signs_for_an_identity_with_a_key() -> None:
    signer = actor("alice")
    key = read(DOCUMENT).replace(trusted_root=TrustedRoot(lambda: b"", "root"))

    assert not key.verify(signer.sign(b"message"), b"message")
