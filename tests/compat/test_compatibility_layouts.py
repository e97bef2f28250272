# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""Rows of the compatibility page: layouts, keys and signatures. What proves a row is described there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from custody.keys.document import write_key
from custody.keys.keyid import legacy_keyid_of
from tests.compat.sides import chain_of_two, new_chain
from tests.simulator import actor

if TYPE_CHECKING:
    from tests.compat.sides import Place
    from tests.simulator import Simulator


def change(chain: Simulator, **fields: object) -> None:
    """Let the layout have other `fields`; the owner signs it so."""
    chain.document_changes.append(lambda document: document.update(fields))


@pytest.mark.parametrize("expires", [None, ""])
def test_D1_a_layout_without_an_expiry_is_refused(place: Place, expires: str | None) -> None:
    chain = chain_of_two(dsse=True)
    place.expect(chain, here=0, there=0)
    change(chain, expires=expires)
    place.expect(chain, here=1, there=0, says="expires")
    chain.document_changes.append(lambda document: document.pop("expires"))
    place.expect(chain, here=1, there=0, says="expires: missing")
    change(chain, expires="2100-01-01T00:00:00Z")
    place.expect(chain, here=0, there=0)


def test_D2_a_field_that_was_added_after_signing_breaks_the_signature(place: Place) -> None:
    chain = chain_of_two()
    place.expect(chain, here=0, there=0)
    layout = place.root / "root.layout"
    document = json.loads(layout.read_text())
    document["signed"]["comment"] = "added"
    layout.write_text(json.dumps(document))
    ran = place.verify()
    assert ran.code == (1 if place.is_here else 0)
    if place.is_here:
        assert "SignatureVerificationError" in ran.err
        del document["signed"]["comment"]
        layout.write_text(json.dumps(document))
        assert place.verify().code == 0


def test_D2_a_field_that_nobody_knows_is_refused_though_the_owner_signed_it(place: Place) -> None:
    chain = chain_of_two(dsse=True)
    place.expect(chain, here=0, there=0)
    chain.document_changes.append(lambda document: document["steps"][0].update(only="on Sundays"))
    place.expect(chain, here=1, there=0, says="--ignore-field steps[0].only")
    if place.is_here:
        assert place.remedy("--ignore-field steps[0].only") == 0


def test_D2_a_genuine_metablock_of_in_toto_golang_is_read(place: Place) -> None:
    chain = chain_of_two()
    place.expect(chain, here=0, there=0)
    change(chain, rootcas={}, intermediatecas={})
    place.expect(chain, here=0, there=1, refuses="SignatureVerificationError")
    change(chain, rootcas={"ca": {"keyid": "1"}})
    place.expect(chain, here=1, there=1, says="rootcas")


def test_D3_a_key_counts_under_either_of_its_ids(place: Place) -> None:
    chain = chain_of_two()
    place.expect(chain, here=0, there=0)
    owner = chain.owner.public_key
    legacy = legacy_keyid_of(owner.keytype, owner.scheme, owner.public)
    place.lay(chain)
    layout = place.root / "root.layout"
    document = json.loads(layout.read_text())
    document["signatures"][0]["keyid"] = legacy
    layout.write_text(json.dumps(document))
    assert place.verify().code == (0 if place.is_here else 1)
    document["signatures"][0]["sig"] = "00" * 64
    layout.write_text(json.dumps(document))
    assert place.verify().code == 1


def test_D4_a_key_under_the_id_of_another_is_refused(place: Place) -> None:
    chain = chain_of_two(dsse=True)
    place.expect(chain, here=0, there=0)
    label, other, key = "ab" * 32, "cd" * 32, write_key(actor("carol").public_key)
    chain.document_changes.append(lambda document: document["keys"].update({label: {**key, "keyid": other}}))
    place.expect(chain, here=1, there=0, says=f"keys.{label}.keyid")
    add_key(chain, {**key, "keyid": label})
    place.expect(chain, here=0, there=0)
    if place.is_here:
        place.lay(chain_of_two(dsse=True))
        owner, carol = place.key("owner"), place.key("carol")
        assert place.custody(f"custody layout add-key ../root.layout {carol}.pub").code == 0
        assert place.verify().code == 1
        assert place.command("in-toto-sign", "-f", "../root.layout", "-k", owner).code == 0
        assert place.verify().code == 0


@pytest.mark.parametrize("threshold", [0, -1, True])
def test_D14_a_threshold_below_one_is_refused(place: Place, threshold: int) -> None:
    chain = chain_of_two(dsse=True)
    place.expect(chain, here=0, there=0)
    chain.document_changes.append(lambda document: document["steps"][1].update(threshold=threshold))
    place.expect(chain, here=1, there=0, says="steps[1].threshold")
    chain.document_changes.append(lambda document: document["steps"][1].update(threshold=1))
    place.expect(chain, here=0, there=0)


def test_D19_an_expiry_is_written_in_utc(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import os, sys, time; os.environ['TZ'] = sys.argv[1]; time.tzset()\n"
        "from in_toto.models.layout import Layout\n"
        "layout = Layout(); layout.set_relative_expiration(days=1); print(layout.expires)"
    )
    for zone, hours in (("UTC", 0), ("XST+11", -11)):
        monkeypatch.setenv("TZ", zone)  # the script sets it, and here that has to end
        ran = place.python(script, zone)
        assert ran.code == 0, ran.err
        wanted = datetime.now(UTC) + timedelta(days=1, hours=0 if place.is_here else hours)
        written = datetime.strptime(ran.out.strip(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert abs(written - wanted) < timedelta(minutes=2)


PARAMETERS = """
import json, sys
from in_toto.models.metadata import Metadata
from in_toto.verifylib import in_toto_verify
key = json.loads(sys.argv[1])
layout = Metadata.load("../root.layout")
in_toto_verify(layout, {key["keyid"]: key}, "../links", json.loads(sys.argv[2]))
"""


def test_D20_only_parameters_that_are_given_are_put_into_text(place: Place) -> None:
    chain = new_chain()
    chain.step("make", "alice", products={"app-1": "1"}, expected_products=["CREATE app-{v}", "DISALLOW *"])
    key = json.dumps(write_key(chain.owner.public_key))
    place.lay(chain)
    assert place.python(PARAMETERS, key, '{"v": "1"}').code == 0
    chain.inspection("look", "awk {print} /dev/null")
    place.lay(chain)
    ran = place.python(PARAMETERS, key, '{"v": "1"}')
    assert ran.code == (0 if place.is_here else 1), ran.err
    if place.side.is_reference:
        assert "KeyError: 'print'" in ran.err
        return
    (place.final / "look.link").unlink()
    chain = new_chain()
    chain.step("make", "alice", products={"app-1": "1"}, expected_products=["CREATE app-{v}", "DISALLOW *"])
    chain.inspection("look", "echo {print} {v.__class__}")
    place.lay(chain)
    assert place.python(PARAMETERS, key, '{"v": "1"}').code == 0
    assert place.remedy("--parameter v=1") == 0
    assert place.remedy("--parameter v=2") == 1


def test_D20_a_parameter_that_is_left_over_in_a_rule_is_an_error(place: Place) -> None:
    chain = new_chain()
    chain.step("make", "alice", products={"app-1": "1"}, expected_products=["CREATE app-{v}", "DISALLOW *"])
    key = json.dumps(write_key(chain.owner.public_key))
    place.lay(chain)
    ran = place.python(PARAMETERS, key, '{"other": "1"}')
    assert ran.code == 1
    assert ("--parameter v=VALUE" in ran.err) is place.is_here
    assert place.python(PARAMETERS, key, '{"v": "1"}').code == 0


def test_D20_a_parameter_is_text_and_not_a_pattern(place: Place) -> None:
    chain = new_chain()
    chain.step("make", "alice", products={"app-1": "1"}, expected_products=["CREATE app-{v}", "DISALLOW *"])
    key = json.dumps(write_key(chain.owner.public_key))
    place.lay(chain)
    assert place.python(PARAMETERS, key, '{"v": "1"}').code == 0
    assert (place.python(PARAMETERS, key, '{"v": "*"}').code == 0) is place.side.is_reference


def add_key(chain: Simulator, key: dict[str, Any]) -> None:
    """Let the layout list `key`."""
    chain.document_changes.append(lambda document: document["keys"].update({key["keyid"]: key}))


def rsa_key(bits: int) -> dict[str, Any]:
    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return {"keyid": "e" * 8, "keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": pem}}


def test_A7_a_short_rsa_key_is_refused(place: Place) -> None:
    chain = chain_of_two()
    for bits, here in ((2048, 0), (1024, 1)):
        add_key(chain, rsa_key(bits))
        place.expect(chain, here=here, there=0, says="1024" if here else "")


def test_A7_private_key_material_is_refused(place: Place) -> None:
    chain = chain_of_two(dsse=True)
    alice = actor("alice").keyid
    chain.document_changes.append(lambda document: document["keys"][alice]["keyval"].update(private=""))
    place.expect(chain, here=0, there=0)
    chain.document_changes.append(lambda document: document["keys"][alice]["keyval"].update(private="00" * 32))
    place.expect(chain, here=1, there=0, says="private")


def test_A7_a_key_that_stands_twice_in_json_is_refused(place: Place) -> None:
    place.expect(chain_of_two(), here=0, there=0)
    layout = place.root / "root.layout"
    data = layout.read_text()
    layout.write_text(data.replace('"threshold": 1', '"threshold": 2, "threshold": 1', 1))
    ran = place.verify()
    assert ran.code == (1 if place.is_here else 0)
    assert not place.is_here or "appears twice" in ran.err
    if place.is_here:
        layout.write_text(data)
        assert place.verify().code == 0


def test_A7_a_file_that_is_two_envelopes_is_refused(place: Place) -> None:
    place.expect(chain_of_two(dsse=True), here=0, there=0)
    layout = place.root / "root.layout"
    both = json.loads(layout.read_text())
    layout.write_text(json.dumps({**both, "signed": {"_type": "layout"}}))
    ran = place.verify()
    assert ran.code == (1 if place.is_here else 0)
    assert not place.is_here or "both" in ran.err
