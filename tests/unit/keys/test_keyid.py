from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.keys.keyid import keyid_of, legacy_keyid_of
from custody.keys.public import key_of_pem, make_key

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "reference.json").read_bytes())
Key = dict[str, str]


def name(key: Key) -> str:
    return key["scheme"]


@pytest.mark.parametrize("key", VECTORS["keys"], ids=name)
def test_a_key_file_gets_the_id_and_the_fields_of_the_reference(key: Key) -> None:
    found = key_of_pem(key["pem"], "")
    assert (found.keyid, found.keytype, found.scheme, found.public) == (
        *(key["keyid"], key["keytype"], key["scheme"], key["public"]),
    )
    assert found.keyid == keyid_of(key["keytype"], key["scheme"], key["public"])


@pytest.mark.parametrize("key", VECTORS["go_keys"], ids=name)
def test_the_legacy_id_is_that_of_the_go_implementation(key: Key) -> None:
    assert legacy_keyid_of(key["keytype"], key["scheme"], key["public"]) == key["keyid"]
    assert legacy_keyid_of(key["keytype"], key["scheme"], key["public"] + "\n") == key["keyid"]


@pytest.mark.parametrize("key", VECTORS["go_keys"], ids=name)
def test_d3_a_key_has_the_same_names_whoever_wrote_it(key: Key) -> None:
    def named(public: str) -> frozenset[str]:
        read = make_key(keytype=key["keytype"], scheme=key["scheme"], public=public, where="")
        return read.replace(keyid="label").names

    reference = key["public"] if key["keytype"] == "ed25519" else key["public"] + "\n"
    both = {key["keyid"], keyid_of(key["keytype"], key["scheme"], reference), "label"}
    assert both <= named(key["public"])
    assert both <= named(reference)
    if key["keytype"] != "ed25519":
        assert both <= named("\r\n" + reference.replace("\n", "\r\n"))


def test_d3_names_of_different_keys_are_different() -> None:
    names = [key_of_pem(key["pem"], "").names for key in VECTORS["keys"]]
    assert len(frozenset().union(*names)) == sum(map(len, names))


def test_d3_the_same_material_under_another_scheme_has_other_names() -> None:
    key = key_of_pem(next(k["pem"] for k in VECTORS["keys"] if k["keytype"] == "rsa"), "")
    other = make_key(keytype="rsa", scheme="rsassa-pss-sha512", public=key.public, where="")
    assert not key.names & other.names
    assert key.identity == other.identity
