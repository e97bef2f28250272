# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""Rows of the compatibility page: inspections, what they see, when they run, and what they write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from custody.keys.document import write_key
from tests.compat.sides import chain_of_two, new_chain
from tests.simulator import Simulator, actor, link_name

if TYPE_CHECKING:
    from tests.compat.sides import Place


def with_sublayout(command: str, rule: str = "CREATE out") -> Simulator:
    """Return a chain whose only step bob performs as a sublayout that brings an inspection along."""
    inner = new_chain()
    inner.step("compile", "carol", products={"out": "1"})
    inner.inspection("look", command)
    chain = new_chain()
    chain.step("build", "bob", expected_products=[rule, "DISALLOW *"], perform=False)
    chain.sublayout("build", "bob", inner)
    return chain


def test_A1_the_inspection_of_a_sublayout_does_not_run_unasked(place: Place) -> None:
    place.expect(with_sublayout("touch ran"), here=1, there=0, says="custody verify")
    assert (place.final / "ran").exists() is place.side.is_reference
    if place.is_here:
        assert place.remedy("--sublayout-inspections") == 0
        assert (place.final / "ran").exists()


def test_A1_nor_before_the_rules_of_every_level_have_spoken(place: Place) -> None:
    place.expect(with_sublayout("touch ran", "CREATE another"), here=1, there=1)
    assert (place.final / "ran").exists() is place.side.is_reference
    if place.is_here:
        assert place.remedy("--sublayout-inspections") == 1
        assert not (place.final / "ran").exists()


def test_A1_an_inspection_that_its_sublayouts_signer_performed_counts(here: Place) -> None:
    inner = new_chain()
    inner.step("compile", "carol", products={"out": "1"})
    inner.inspection("look", "touch ran", expected_products=["MATCH out WITH PRODUCTS FROM compile", "DISALLOW *"])
    for made, code in (("1", 0), ("2", 1)):
        inner.perform("look", "bob", command=["touch", "ran"], byproducts={"return-value": 0}, products={"out": made})
        chain = new_chain()
        chain.step("build", "bob", perform=False)
        chain.sublayout("build", "bob", inner)
        here.expect(chain, here=code, there=1)
        assert not (here.final / "ran").exists()


def inspected(command: str = "true") -> Simulator:
    """Return a chain with an inspection that wants the product and nothing else."""
    chain = chain_of_two()
    chain.inspection("look", command, ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    return chain


@pytest.mark.parametrize("name", ["../evil", "a/b", "a\\b"])
def test_A3_a_name_that_leads_out_of_the_directory_is_refused(place: Place, name: str) -> None:
    (place.final / "out").write_text("2")
    (place.final / "a").mkdir()
    chain = inspected()
    place.expect(chain, here=0, there=0)
    chain.document_changes.append(lambda document: document["inspect"][0].update(name=name))
    place.expect(chain, here=1, there=0, says="inspect[0].name")
    assert (place.final / f"{name}.link").exists() is place.side.is_reference
    chain.document_changes.append(lambda document: document["inspect"][0].update(name="evil"))
    if place.is_here:
        (place.final / "look.link").unlink()
        place.expect(chain, here=0, there=0)


@pytest.mark.parametrize("name", ["Build", "BUILD"])
def test_A3_names_that_differ_in_case_only_are_refused(place: Place, name: str) -> None:
    (place.final / "out").write_text("2")
    chain = inspected()
    place.expect(chain, here=0, there=0)
    chain.document_changes.append(lambda document: document["inspect"][0].update(name=name))
    place.expect(chain, here=1, there=0, says="is the name of")


def test_A3_an_inspection_overwrites_only_its_own_earlier_link(place: Place) -> None:
    (place.final / "out").write_text("2")
    for _ in range(2):
        place.expect(inspected(), here=0, there=0)
    link = place.final / "look.link"
    assert json.loads(link.read_text())["signed"]["name"] == "look"
    link.write_text("precious")
    ran = place.verify()
    assert ran.code == (1 if place.is_here else 0)
    assert (link.read_text() == "precious") is place.is_here
    if place.is_here:
        assert "look.link" in ran.err
        link.unlink()
        assert place.verify().code == 0
        link.write_text("precious")
        assert place.remedy("--exclude '*.link'") == 0
        assert link.read_text() == "precious"


@pytest.mark.parametrize("command", ["run", "sign"])
def test_A3_a_step_never_writes_outside(place: Place, command: str) -> None:
    alice = place.key("alice")
    document = {"_type": "link", "name": "../esc", "command": [], "materials": {}, "products": {}}
    document |= {"byproducts": {}, "environment": {}}
    untrusted = place.final / "untrusted"
    untrusted.write_text(json.dumps({"signed": document, "signatures": []}))
    run = ["in-toto-run", "-x", "--signing-key", alice, "-n"]
    sign = ["in-toto-sign", "--key", alice, "-f", "untrusted"]
    ran = place.command(*(sign if command == "sign" else [*run, "../esc"]))
    written = (place.root / link_name("esc", actor("alice"))).exists()
    assert written is place.side.is_reference
    if place.is_here:
        assert ran.code == (2 if command == "sign" else 1)
        assert "name" in ran.err
        untrusted.write_text(json.dumps({"signed": {**document, "name": "esc"}, "signatures": []}))
        assert place.command(*(sign if command == "sign" else [*run, "esc"])).code == 0
        assert (place.final / link_name("esc", actor("alice"))).exists()


@pytest.mark.parametrize("hidden", ["evil.pyc", ".git/hooks/pre-commit", "x.link.sh", "a~"])
def test_A4_an_inspection_sees_every_file(place: Place, hidden: str) -> None:
    (place.final / "out").write_text("2")
    place.expect(inspected(), here=0, there=0)
    (place.final / hidden).parent.mkdir(parents=True, exist_ok=True)
    (place.final / hidden).write_text("evil")
    place.expect(inspected(), here=1, there=0, says=hidden)
    if place.is_here:
        (place.final / "look.link").unlink()
        assert place.remedy() == 1
        assert place.remedy(f"--exclude '{hidden}'") == 0
        clean = place.root / "clean"
        clean.mkdir()
        (clean / "out").write_text("2")
        assert place.remedy("--inspection-dir ../clean") == 0


SETTINGS = """
import json, sys
from in_toto import settings
from in_toto.models.metadata import Metadata
from in_toto.verifylib import in_toto_verify
settings.ARTIFACT_EXCLUDE_PATTERNS = ["*.link", "*.pyc"]
key = json.loads(sys.argv[1])
in_toto_verify(Metadata.load("../root.layout"), {key["keyid"]: key}, "../links")
"""


def test_A4_excludes_that_a_program_sets_count(place: Place) -> None:
    chain = inspected()
    key = json.dumps(write_key(chain.owner.public_key))
    place.lay(chain)
    (place.final / "out").write_text("2")
    (place.final / "evil.pyc").write_text("2")
    assert place.python(SETTINGS, key).code == 0
    (place.final / "evil").write_text("2")
    ran = place.python(SETTINGS, key)
    assert ran.code == 1
    assert "RuleVerificationError" in ran.err


def test_A4_evidence_in_the_inspected_directory_is_left_out_by_its_digest(place: Place) -> None:
    chain = inspected()
    place.lay(chain)
    (place.final / "out").write_text("2")
    for name, data in chain.files.items():
        (place.final / name).write_bytes(data)
    options = ("--layout", "../root.layout", "--verification-keys", "../owner.pub")
    assert place.command("in-toto-verify", *options).code == 0
    (place.final / "build.evil.link").write_text("evil")
    assert place.command("in-toto-verify", *options).code == (1 if place.is_here else 0)


def test_A4_only_an_earlier_link_of_the_same_inspection_is_left_out_besides(place: Place) -> None:
    (place.final / "out").write_text("2")
    for _ in range(2):
        place.expect(inspected(), here=0, there=0)
    link, other = place.final / "look.link", place.final / "other.link"
    other.write_bytes(link.read_bytes())
    ran = place.verify()
    assert ran.code == (1 if place.is_here else 0)
    assert ("other.link" in ran.err) is place.is_here
    other.replace(link)
    assert place.verify().code == 0
    if place.is_here:
        assert place.remedy() == 1  # writes no link, so this one is not about to be replaced
        assert place.remedy("--inspection-links .") == 0
        assert place.remedy("--exclude look.link") == 0
    document = json.loads(link.read_text())
    document["signed"]["name"] = "other"
    link.write_text(json.dumps(document))
    assert place.verify().code == (1 if place.is_here else 0)


def test_A9_an_inspection_does_not_run_on_materials_that_its_rules_refuse(place: Place) -> None:
    (place.final / "out").write_text("evil")
    place.expect(inspected("touch ran"), here=1, there=1)
    assert (place.final / "ran").exists() is place.side.is_reference
    if place.is_here:
        (place.final / "out").write_text("2")
        place.expect(inspected("touch ran"), here=0, there=0)
        assert (place.final / "ran").exists()


def test_A9_a_link_to_nothing_is_refused_in_an_inspected_directory(place: Place) -> None:
    (place.final / "out").write_text("2")
    place.expect(inspected(), here=0, there=0)
    (place.final / "nothing").symlink_to("nowhere")
    place.expect(inspected(), here=1, there=0, says="nothing")


def test_CVE_2023_32076_no_configuration_is_read_from_the_working_directory(place: Place) -> None:
    (place.final / "out").write_text("2")
    (place.final / ".in_totorc").write_text("[in-toto settings]\nARTIFACT_EXCLUDE_PATTERNS = *\n")
    place.expect(inspected(), here=1, there=1, says=".in_totorc")
    (place.final / ".in_totorc").unlink()
    place.expect(inspected(), here=0, there=0)
