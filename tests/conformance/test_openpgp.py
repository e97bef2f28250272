# ruff: noqa: N802  # tests are named for the rows of the table in test_defects.py
"""OpenPGP keys in a chain: whose signatures count, how often, and until when. Rows D16, D24, A5-A7 and GHSA-jjgp.

Every rejection has an accepting twin, which differs in the one thing that the row is about.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope
from custody.errors import FormatError, UsageError
from custody.keys.key import Key
from custody.keys.openpgp_certificate import read_certificate
from custody.linting.complaints import Code
from custody.linting.lint import lint
from custody.models.link import Link
from custody.reports.layout_tree import tree_lines
from custody.signing.registry import load_signer
from custody.verdict import Reason, Verdict
from custody.verification.case import Demands
from custody.verification.judge import judge
from custody.workflows.layout import LoadedLayout, add_key, remove_key
from custody.workflows.sign import BAD, EXPIRED, GOOD, MISSING, check_signatures
from tests.openpgp import (
    ENCRYPT,
    MESSAGE,
    VECTORS,
    Maker,
    bound,
    certificate,
    gpg_home,
    read_openpgp,
    seconds,
    signature_of,
    subpacket,
)
from tests.simulator import AT, Simulator, actor, hashed, signed

ALICE, LAPTOP, PHONE, BOB = Maker("alice"), Maker("laptop"), Maker("phone"), Maker("bob")
FAMILY = ALICE.with_subkeys(LAPTOP, PHONE)


def chain(*keys: Key, threshold: int = 1, pubkeys: Sequence[str] = ()) -> Simulator:
    """Return a chain whose only step these keys may sign."""
    simulator = Simulator()
    simulator.step("build", "bob", perform=False, expected_products=["CREATE app", "DISALLOW *"])
    step = simulator.layout.steps[0].replace(
        pubkeys=tuple(pubkeys) or tuple(k.keyid for k in keys), threshold=threshold
    )
    simulator.layout = simulator.layout.replace(keys={key.keyid: key for key in keys}, steps=(step,))
    return simulator


def link(*makers: Maker, **said: Any) -> Envelope:  # noqa: ANN401  # see `Maker.headers`  # see `Maker.headers`
    """Return a link that they signed."""
    envelope: Envelope = Metablock.wrap(Link(name="build", products=hashed({"app": "1"})).document())
    for maker in makers:
        envelope = envelope.with_signature("", maker.sign(envelope.signed_bytes, **said))
    return envelope


def verdict(simulator: Simulator, *links: Envelope) -> Verdict:
    simulator.files = {f"build.{index:08}.link": each.write() for index, each in enumerate(links)}
    return simulator.judge()


def plain_link(name: str) -> Envelope:
    return signed(Link(name="build", products=hashed({"app": "1"})).document(), actor(name))


def test_a_link_counts_by_whichever_subkey_and_a_changed_one_does_not() -> None:
    for maker in (ALICE, LAPTOP, PHONE):
        good = verdict(chain(FAMILY), link(maker))
        good.require()
        assert good.steps[0].signers == (ALICE.key.keyid,)
        changed = json.loads(link(maker).write())
        changed["signed"]["products"] = hashed({"app": "2"})
        simulator = chain(FAMILY)
        simulator.files = {"build.00000000.link": json.dumps(changed).encode()}
        assert Reason.SIGNATURE_INVALID in simulator.judge().reasons
    assert verdict(chain(FAMILY), link(BOB)).reasons >= {Reason.KEY_NOT_AUTHORISED}


@pytest.mark.parametrize("name", [name for name, entry in VECTORS["keys"].items() if entry["key"] is not None])
def test_links_that_the_reference_signed_with_gpg_are_evidence(name: str) -> None:
    entry = VECTORS["keys"][name]
    key = read_openpgp(entry["key"])
    simulator = chain(key)
    simulator.at = AT.replace(year=2026, month=12)
    simulator.files = {"build.00000000.link": entry["link"].encode()}
    simulator.layout = simulator.layout.replace(expires=AT.replace(year=2027))
    simulator.judge().require()
    simulator.files = {"build.00000000.link": entry["link"].replace('"app"', '"apq"').encode()}
    assert Reason.SIGNATURE_INVALID in simulator.judge().reasons


def test_D16_subkeys_of_one_key_are_one_vote() -> None:
    verdict(chain(FAMILY, BOB.key, threshold=2), link(LAPTOP), link(BOB)).require()
    twice = verdict(chain(FAMILY, BOB.key, threshold=2), link(LAPTOP), link(PHONE), link(ALICE))
    assert twice.reasons == {Reason.TOO_FEW_FUNCTIONARIES}
    ids = [LAPTOP.key.keyid, PHONE.key.keyid, ALICE.key.keyid]
    assert verdict(chain(FAMILY, threshold=2, pubkeys=ids), link(LAPTOP), link(PHONE)).reasons == {
        Reason.TOO_FEW_FUNCTIONARIES
    }


def test_D16_openpgp_and_plain_keys_of_one_material_are_one_vote() -> None:
    plain, other = actor("alice").public_key, actor("bob").public_key
    verdict(chain(FAMILY, other, threshold=2), link(ALICE), plain_link("bob")).require()
    same = verdict(chain(FAMILY, plain, threshold=2), link(ALICE), plain_link("alice"))
    assert same.reasons == {Reason.TOO_FEW_FUNCTIONARIES}
    twin = Maker("alice", seconds(2024))
    assert verdict(chain(FAMILY, twin.key, threshold=2), link(ALICE), link(twin)).reasons == {
        Reason.TOO_FEW_FUNCTIONARIES
    }


def test_D16_a_subkey_of_one_functionary_is_no_key_of_another() -> None:
    verdict(chain(FAMILY, BOB.key, threshold=2), link(LAPTOP), link(BOB)).require()
    for shared in (BOB.with_subkeys(LAPTOP), LAPTOP.key, actor("laptop").public_key):
        with pytest.raises(FormatError, match="share a subkey, so one holder could sign for both"):
            verdict(chain(FAMILY, shared, threshold=2), link(LAPTOP), link(ALICE))


def test_a_step_may_list_a_subkey_alone() -> None:
    only = chain(FAMILY, pubkeys=[LAPTOP.key.keyid])
    verdict(only, link(LAPTOP)).require()
    for other in (ALICE, PHONE):
        assert Reason.KEY_NOT_AUTHORISED in verdict(only, link(other)).reasons
    assert Reason.KEY_MISSING not in {finding.reason for finding in verdict(only, link(LAPTOP)).findings}


HEADERS: dict[str, dict[str, Any]] = {
    "type 0x10": {"kind": 0x10},
    "a claim of SHA-512": {"hash_number": 10},
    "another algorithm": {"algorithm": 1},
    "something critical": {"more": subpacket(99, b"", critical=True)},
}


@pytest.mark.parametrize("name", HEADERS)
def test_A6_headers_that_do_not_fit_make_a_signature_bad(name: str) -> None:
    verdict(chain(FAMILY), link(ALICE)).require()
    assert verdict(chain(FAMILY), link(ALICE, **HEADERS[name])).reasons >= {Reason.SIGNATURE_INVALID}


def test_A6_an_empty_header_makes_a_signature_bad() -> None:
    key, entry = read_openpgp(VECTORS["keys"]["rsa"]["key"]), VECTORS["keys"]["rsa"]["signatures"][0]
    assert key.verify(signature_of(entry), MESSAGE)
    assert not key.verify(signature_of({**entry, "other_headers": ""}), MESSAGE)
    envelope = Metablock.wrap(Link(name="build", products=hashed({"app": "1"})).document())
    empty = envelope.with_signature("", ALICE.sign(envelope.signed_bytes, b""))
    simulator = chain(FAMILY)
    verdict(simulator, link(ALICE)).require()
    assert not verdict(simulator, empty).accepted


WEAK: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "RSA-1024": (lambda key: key["keyval"]["public"].update(n="c1" * 128), "expected an RSA key of 2048"),
    "a private key": (lambda key: key["keyval"].update(private="ab"), "expected no private key"),
    "another id": (lambda key: key.update(creation_time=5), "the key's fingerprint is"),
}


@pytest.mark.parametrize("name", WEAK)
def test_A7_weak_and_private_openpgp_keys_are_refused(name: str) -> None:
    change, said = WEAK[name]
    key = read_openpgp(VECTORS["keys"]["rsa"]["key"])
    simulator = chain(FAMILY, key)
    verdict(simulator, link(ALICE)).require()
    simulator.document_changes.append(lambda document: change(document["keys"][key.keyid]))
    with pytest.raises(FormatError, match=said):
        simulator.judge()


@pytest.mark.parametrize("attempt", ["{} --output INJECTED", "--output INJECTED", "{}\n--output INJECTED"])
@pytest.mark.component("gpg")
def test_A5_nothing_but_a_key_id_reaches_gpg(attempt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with gpg_home() as home:
        fingerprint = home.generate("alice")
        load_signer(f"gpg:{fingerprint}?home={home.path}")
        with pytest.raises(UsageError, match="is no key id"):
            load_signer(f"gpg:{attempt.format(fingerprint)}?home={home.path}")
    assert os.listdir() == []


@pytest.mark.component("gpg")
def test_D24_a_home_with_a_space_and_subkeys_on_a_curve_work() -> None:
    with gpg_home("a home") as home:
        primary = home.generate("alice", "ed25519", "cert")
        subkey = home.add(primary)
        signer = load_signer(f"gpg:{primary}?home={home.path}")
        envelope = Metablock.wrap(Link(name="build", products=hashed({"app": "1"})).document())
        good = envelope.with_signature("", signer.sign(envelope.signed_bytes))
    assert good.signatures[0].keyid == subkey
    verdict(chain(signer.public_key), good).require()
    assert not verdict(chain(FAMILY), good).accepted


def test_ghsa_jjgp_whrp_gq8m_only_keys_that_may_sign_now_are_imported() -> None:
    at = AT.replace(year=2026)
    good = read_certificate(certificate(ALICE, subkeys=[bound(ALICE, LAPTOP)]), "", at=at)
    assert good == ALICE.with_subkeys(LAPTOP)
    encrypts = read_certificate(certificate(ALICE, subkeys=[bound(ALICE, LAPTOP, purpose=ENCRYPT)]), "", at=at)
    assert encrypts.subkeys is None
    verdict(chain(good), link(LAPTOP)).require()
    assert not verdict(chain(encrypts), link(LAPTOP)).accepted
    revoked = certificate(ALICE, before=ALICE.signed_packet(ALICE.hashed, kind=0x20))
    unborn = Maker("late", seconds(2027))
    for data in (revoked, certificate(unborn, created=seconds(2027))):
        with pytest.raises(FormatError, match=r"is revoked|still to come"):
            read_certificate(data, "", at=at)


def lasting(until: int) -> Key:
    return FAMILY.replace(validity=until - ALICE.key.created)


def test_an_expired_key_does_not_count_any_more() -> None:
    last = int(AT.timestamp())
    verdict(chain(lasting(last + 1)), link(LAPTOP)).require()
    late = verdict(chain(lasting(last)), link(LAPTOP))
    assert late.reasons == {Reason.KEY_EXPIRED, Reason.TOO_FEW_FUNCTIONARIES}
    assert "expired at 2030-01-01T00:00:00Z" in late.rejections[0].message


def test_an_expired_functionary_does_not_hide_enough_others() -> None:
    both = verdict(chain(lasting(seconds(2029)), BOB.key), link(ALICE), link(BOB))
    both.require()
    assert Reason.KEY_EXPIRED in {finding.reason for finding in both.findings}


def test_a_signature_of_the_future_does_not_count_yet() -> None:
    now = int(AT.timestamp())
    verdict(chain(FAMILY), link(ALICE, created=now + 300)).require()
    assert verdict(chain(FAMILY), link(ALICE, created=now + 301)).reasons == {
        Reason.SIGNATURE_UNTIMELY,
        Reason.TOO_FEW_FUNCTIONARIES,
    }


def owned(simulator: Simulator, *makers: Maker) -> Envelope:
    envelope: Envelope = Metablock.wrap(simulator.document())
    for maker in makers:
        envelope = envelope.with_signature("", maker.sign(envelope.signed_bytes))
    return envelope


def test_an_owner_may_have_an_openpgp_key() -> None:
    simulator = chain(BOB.key)
    simulator.files = {"build.00000000.link": link(BOB).write()}
    simulator.owner_keys = (FAMILY,)
    judge(simulator.case(owned(simulator, LAPTOP))).require()
    assert judge(simulator.case(owned(simulator, BOB))).reasons == {Reason.OWNER_SIGNATURE_MISSING}
    forged = owned(simulator, LAPTOP).replace(document={**simulator.document(), "readme": "changed"})
    assert judge(simulator.case(forged)).reasons == {Reason.OWNER_SIGNATURE_INVALID}


def test_an_owner_whose_key_has_expired_owns_nothing() -> None:
    simulator = chain(BOB.key)
    simulator.files = {"build.00000000.link": link(BOB).write()}
    simulator.owner_keys = (lasting(int(AT.timestamp()) + 1),)
    judge(simulator.case(owned(simulator, LAPTOP))).require()
    simulator.at += timedelta(seconds=1)
    assert judge(simulator.case(owned(simulator, LAPTOP))).reasons == {Reason.KEY_EXPIRED}


def test_owners_are_counted_by_their_keys_and_share_none() -> None:
    simulator = chain(BOB.key)
    simulator.files = {"build.00000000.link": link(BOB).write()}
    simulator.demands = Demands(owner_threshold=2)
    simulator.owner_keys = (FAMILY, BOB.key)
    judge(simulator.case(owned(simulator, LAPTOP, BOB))).require()
    assert not judge(simulator.case(owned(simulator, LAPTOP, PHONE))).accepted
    simulator.owner_keys = (FAMILY, PHONE.key)
    with pytest.raises(UsageError, match=r"the owner keys: keys .* share a subkey"):
        judge(simulator.case(owned(simulator, LAPTOP, PHONE)))


def test_a_layout_shows_subkeys_and_signatures_as_they_count() -> None:
    simulator = chain(FAMILY, pubkeys=[LAPTOP.key.keyid])
    envelope = owned(simulator, BOB)
    lines = "\n".join(tree_lines(simulator.layout, AT, title="x", envelope=envelope, keys=[BOB.key]))
    assert f"{BOB.key.keyid} (good)" in lines
    assert f"subkey {LAPTOP.key.keyid[:8]} of {ALICE.key.keyid[:8]} (eddsa)" in lines
    old = "\n".join(tree_lines(simulator.layout, AT, title="x", envelope=envelope, keys=[BOB.key.replace(validity=1)]))
    assert f"{BOB.key.keyid} (NOT by a given key)" in old


def test_the_linter_knows_subkeys() -> None:
    def codes(*pubkeys: str, threshold: int = 1) -> set[Code]:
        return {found.code for found in lint(chain(FAMILY, pubkeys=pubkeys, threshold=threshold).layout, AT)}

    about_keys = {Code.UNKNOWN_PUBKEY, Code.UNUSED_KEY, Code.THRESHOLD_ONE_ACTOR, Code.FOREIGN_KEY_ID, Code.KEY_TWICE}
    assert not codes(LAPTOP.key.keyid) & about_keys
    assert codes(BOB.key.keyid) & about_keys == {Code.UNKNOWN_PUBKEY, Code.UNUSED_KEY}
    both = codes(LAPTOP.key.keyid, PHONE.key.keyid, threshold=2)
    assert both >= {Code.THRESHOLD_ONE_ACTOR, Code.THRESHOLD_TOO_HIGH}


def test_a_key_leaves_a_layout_with_its_subkeys() -> None:
    simulator = chain(FAMILY, BOB.key, pubkeys=[LAPTOP.key.keyid, BOB.key.keyid])
    loaded = LoadedLayout(path="x", layout=simulator.layout, envelope=owned(simulator, BOB))
    after = remove_key(loaded, ALICE.key.keyid[:8]).after
    assert (list(after.keys), after.steps[0].pubkeys) == ([BOB.key.keyid], (BOB.key.keyid,))
    with pytest.raises(FormatError, match="share a subkey"):
        add_key(loaded, LAPTOP.key)
    assert add_key(loaded, Maker("carol").key).after.keys.keys() > simulator.layout.keys.keys()


def test_checking_a_file_tells_an_expired_key_from_a_bad_signature(tmp_path: Path) -> None:
    path = tmp_path / "build.link"
    path.write_bytes(link(LAPTOP).write())
    old = FAMILY.replace(validity=1)
    assert [check.state for check in check_signatures(str(path), [FAMILY, BOB.key])] == [GOOD, MISSING]
    assert [check.state for check in check_signatures(str(path), [old])] == [EXPIRED]
    path.write_bytes(path.read_bytes().replace(b'"app"', b'"apq"'))
    assert [check.state for check in check_signatures(str(path), [FAMILY, old])] == [BAD, BAD]
