# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""Rows of the compatibility page: whose links count, whether they agree, sublayouts, and replays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from custody.encoding.instants import write_instant
from custody.keys.keyid import legacy_keyid_of
from custody.models.link import Link
from custody.models.link_statement import link_to_statement
from tests.compat.sides import FAR, chain_of_two, new_chain
from tests.simulator import Simulator, actor, hashed, link_name

if TYPE_CHECKING:
    from tests.compat.sides import Place

ONE, TWO = {"out": "1"}, {"out": "2"}


def several(threshold: int, *who: str, dsse: bool = False) -> Simulator:
    """Return a chain whose only step `who` may perform, and `threshold` of them must."""
    chain = new_chain(dsse=dsse)
    chain.step("build", *who, threshold=threshold, perform=False)
    return chain


def test_D5_links_of_key_ids_that_begin_alike_are_both_found(place: Place) -> None:
    chain = several(2, "alice", "bob")
    names = {actor("alice").keyid: "a" * 63 + "1", actor("bob").keyid: "a" * 63 + "2"}

    def rename(document: dict[str, Any]) -> None:
        document["keys"] = {names[k]: {**key, "keyid": names[k]} for k, key in document["keys"].items()}
        document["steps"][0]["pubkeys"] = list(names.values())

    chain.document_changes.append(rename)
    link = Link(name="build", products=hashed(ONE)).document()
    for who in ("alice", "bob"):
        chain.put("build", who, link, file=f"build.{who}.link")
    place.expect(chain, here=0, there=1, refuses="LinkNotFoundError")
    del chain.files["build.bob.link"]
    place.expect(chain, here=1, there=1)


def test_D12_functionaries_who_disagree_are_ambiguous(place: Place) -> None:
    chain = several(1, "alice", "bob")
    for who in ("alice", "bob"):
        chain.perform("build", who, products=ONE)
    place.expect(chain, here=0, there=0)
    chain.perform("build", "bob", products=TWO)
    place.expect(chain, here=1, there=0, says="build")
    chain.remove("build", "bob")
    place.expect(chain, here=0, there=0)


def test_D12_dissent_below_the_threshold_does_not_stop_a_verification(place: Place) -> None:
    chain = several(2, "alice", "bob", "carol")
    for who in ("alice", "bob", "carol"):
        chain.perform("build", who, products=ONE)
    place.expect(chain, here=0, there=0)
    chain.perform("build", "carol", products=TWO)
    place.expect(chain, here=0, there=1, refuses="have different artifacts")
    if place.is_here:
        assert place.remedy("--unanimous") == 1
        chain.perform("build", "carol", products=ONE)
        place.lay(chain)
        assert place.remedy("--unanimous") == 0


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"signed": {}, "signatures": []}'])
def test_D13_a_malformed_link_is_skipped_where_enough_are_good(place: Place, junk: bytes) -> None:
    chain = several(1, "alice", "bob")
    chain.perform("build", "alice", products=ONE)
    place.expect(chain, here=0, there=0)
    chain.files[link_name("build", actor("bob"))] = junk
    place.expect(chain, here=0, there=1)
    chain.remove("build", "alice")
    place.expect(chain, here=1, there=1)


def test_X22_a_statement_about_a_link_is_one(place: Place) -> None:
    chain = several(1, "alice", dsse=True)
    chain.perform("build", "alice", products=ONE)
    place.expect(chain, here=0, there=0)
    statement = link_to_statement(Link(name="build", products=hashed(ONE)))
    chain.put("build", "alice", statement)
    place.expect(chain, here=0, there=1)
    chain.put("build", "alice", {**statement, "predicateType": "https://example.com/Link"})
    place.expect(chain, here=1, there=1)


def test_D15_a_good_signature_counts_after_a_bad_one(place: Place) -> None:
    chain = several(1, "alice")
    chain.perform("build", "alice", products=ONE)
    place.expect(chain, here=0, there=0)
    name = link_name("build", actor("alice"))
    document = json.loads(chain.files[name])
    good = document["signatures"][0]
    for signatures, here in ([{**good, "sig": "00" * 64}, good], 0), ([{**good, "sig": "00" * 64}], 1):
        chain.files[name] = json.dumps({**document, "signatures": signatures}).encode()
        place.expect(chain, here=here, there=1)


def test_D16_one_key_under_two_ids_is_one_functionary(place: Place) -> None:
    chain = several(2, "alice", "bob", dsse=True)
    alice = actor("alice").public_key
    legacy = legacy_keyid_of(alice.keytype, alice.scheme, alice.public)

    def double(document: dict[str, Any]) -> None:
        document["keys"][legacy] = {**document["keys"][alice.keyid], "keyid": legacy}
        document["steps"][0]["pubkeys"].append(legacy)

    chain.document_changes.append(double)
    chain.perform("build", "alice", products=ONE)
    file = link_name("build", actor("alice"))
    twice = json.loads(chain.files[file])
    twice["signatures"] = [{**twice["signatures"][0], "keyid": legacy}]
    chain.files[f"build.{legacy[:8]}.link"] = json.dumps(twice).encode()
    place.expect(chain, here=1, there=0, says="ThresholdVerificationError")
    chain.perform("build", "bob", products=ONE)
    place.expect(chain, here=0, there=0)


def test_D17_a_link_of_another_step_is_no_evidence(place: Place) -> None:
    chain = chain_of_two()
    place.expect(chain, here=0, there=0)
    chain.perform("write", "alice", products={"src/a.py": "1"}, name="written")
    place.expect(chain, here=1, there=0, says="written")
    if place.is_here:
        source = place.final / "src" / "a.py"
        source.parent.mkdir()
        source.write_text("1")
        (place.root / "links" / link_name("write", actor("alice"))).unlink()
        ran = place.command(
            "in-toto-run", "-n", "write", "--signing-key", place.key("alice"), "-p", "src", "-x", "-d", "../links"
        )
        assert ran.code == 0, ran.err
        assert place.verify().code == 0


def sublayouts() -> tuple[Simulator, Simulator]:
    """Return a chain with two steps by bob, of which the first is a sublayout, and that sublayout."""
    inner = new_chain()
    inner.step("compile", "carol", products=ONE)
    outer = new_chain()
    outer.step("build", "bob", perform=False)
    outer.step("pack", "bob", products=ONE)
    outer.sublayout("build", "bob", inner)
    return outer, inner


def test_D17_a_sublayout_counts_once(place: Place) -> None:
    outer, inner = sublayouts()
    place.expect(outer, here=0, there=0)
    if place.is_here:
        assert place.remedy("--sublayouts build") == 0
        assert place.remedy("--sublayouts pack") == 1
    outer.sublayout("pack", "bob", inner)
    place.expect(outer, here=1, there=0, says="pack")
    inner.layout = inner.layout.replace(readme="another one, for packing")
    outer.sublayout("pack", "bob", inner)
    place.expect(outer, here=0, there=0)


def test_D18_a_bad_sublayout_is_a_bad_link_and_no_more(place: Place) -> None:
    bad = new_chain()
    bad.step("compile", "carol", perform=False)
    chain = several(1, "alice", "bob")
    chain.perform("build", "alice", products=ONE)
    place.expect(chain, here=0, there=0)
    chain.sublayout("build", "bob", bad)
    place.expect(chain, here=0, there=1, refuses="LinkNotFoundError")
    chain.remove("build", "alice")
    place.expect(chain, here=1, there=1)


def test_D25_a_step_that_failed_passes_unless_success_is_demanded(place: Place) -> None:
    chain = several(1, "alice")
    for value, strict in ((0, 0), (1, 1)):
        chain.perform("build", "alice", products=ONE, command=["make"], byproducts={"return-value": value})
        place.expect(chain, here=0, there=0)
        if place.is_here:
            assert place.remedy() == 0
            assert place.remedy("--require-success") == strict


def test_A2_a_layout_without_steps_proves_nothing(place: Place) -> None:
    place.expect(new_chain(), here=1, there=0, says="steps")
    full, outer = new_chain(), several(1, "bob")
    outer.sublayout("build", "bob", full)
    place.expect(outer, here=1, there=0, says="ThresholdVerificationError")
    full.step("compile", "carol", products=ONE)
    outer.sublayout("build", "bob", full)
    place.expect(outer, here=0, there=0)


def test_GHSA_6q78_an_older_link_of_the_same_step_is_accepted_unless_the_product_is_named(place: Place) -> None:
    chain = chain_of_two()
    (place.final / "out").write_text("2")
    source = {"src/a.py": "1"}
    for made, named, aged in (("old", 1, 1), ("2", 0, 0)):
        age = timedelta(days=40 if aged else 1)
        finished = {"finishedOn": write_instant((datetime.now(UTC) - age).replace(microsecond=0))}
        chain.perform("write", "alice", products=source, environment=finished)
        chain.perform("build", "bob", materials=source, products={**source, "out": made}, environment=finished)
        place.expect(chain, here=0, there=0)
        if place.is_here:
            assert place.remedy("--artifact out") == named
            assert place.remedy("--max-age '30 days'") == aged


def test_GHSA_73jv_an_older_layout_is_accepted_unless_the_newest_is_remembered(place: Place) -> None:
    old, new = chain_of_two(), chain_of_two()
    new.layout = new.layout.replace(readme="the new one", expires=FAR + timedelta(days=1))
    for chain, remembered in ((old, 0), (new, 0), (old, 1), (new, 0)):
        place.expect(chain, here=0, there=0)
        if place.is_here:
            assert place.remedy("--state ../seen.json") == remembered
    if place.is_here:
        digest = place.custody("custody layout show ../root.layout").out.partition("sha256:")[2][:64]
        assert place.remedy(f"--layout-digest {digest}") == 0
        place.lay(old)
        assert place.remedy(f"--layout-digest {digest}") == 1


def test_GHSA_p86f_tampered_material_is_found_before_a_command_runs_on_it(place: Place) -> None:
    chain = chain_of_two()
    chain.remove("build", "bob")
    place.lay(chain)
    bob = place.key("bob")
    source = place.final / "src" / "a.py"
    source.parent.mkdir()
    source.write_text("tampered")
    run = "-m src -p src out -d ../links -- touch out"
    assert place.command("in-toto-run", "-n", "build", "--signing-key", bob, *run.split()).code == 0
    (place.final / "out").unlink()
    if place.is_here:
        asked = f"custody run -n build --key {bob} --verify-materials ../root.layout --link-dir ../links"
        asked += f" --verification-keys ../owner.pub {run}"
        assert place.custody(asked).code == 1
        assert not (place.final / "out").exists()
        source.write_text("1")
        assert place.custody(asked).code == 0
        assert (place.final / "out").exists()


def test_GHSA_wqrg_a_changed_mode_is_not_seen_unless_modes_are_recorded_and_judged(place: Place) -> None:
    chain = new_chain()
    chain.step("write", "alice", perform=False)
    chain.step("build", "bob", expected_materials=["MATCH * WITH PRODUCTS FROM write", "DISALLOW *"], perform=False)
    place.lay(chain)
    out = place.final / "out"
    out.write_text("1")
    for bits in (0o755, 0o777):
        out.chmod(0o755)
        _record(place, "write", "alice", "-p out")
        out.chmod(bits)
        _record(place, "build", "bob", "-m out")
        assert place.verify().code == 0
    if not place.is_here:
        return
    assert place.remedy("--hash sha256 mode") == 1
    for bits, here in ((0o755, 0), (0o777, 1)):
        out.chmod(0o755)
        _record(place, "write", "alice", "-p out", "--modes")
        out.chmod(bits)
        _record(place, "build", "bob", "-m out", "--modes")
        assert place.verify().code == here
        assert place.remedy("--hash sha256 mode") == here


def _record(place: Place, step: str, who: str, options: str, modes: str = "") -> None:
    """Record with `in-toto-run`, or with `custody run` where it is to record modes."""
    line = f"-n {step} --signing-key {place.key(who)} -d ../links {options} -x {modes}"
    ran = place.custody(f"custody run {line}") if modes else place.command("in-toto-run", *line.split())
    assert ran.code == 0, ran.err


def test_A10_what_an_early_step_lists_is_not_the_product(place: Place) -> None:
    chain = new_chain()
    chain.step("write", "alice", products={"out": "evil"}, expected_products=["ALLOW *"])
    chain.step("build", "bob", products={"out": "2"}, expected_products=["CREATE out", "DISALLOW *"])
    for content, here in (("2", 0), ("evil", 1)):
        (place.final / "out").write_text(content)
        place.expect(chain, here=0, there=0)
        if place.is_here:
            assert place.remedy("--artifact out") == here
