# ruff: noqa: N802  # tests are named for the rows of `test_defects.py`
"""Attacks that pass on other implementations, each rejected; the table is in `test_defects.py`.

Every rejection has an accepting twin, which differs in the one thing that the attack is about.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from custody.envelopes.reader import read_envelope
from custody.errors import CustodyError, FormatError, RecordingError
from custody.verdict import Reason
from custody.verification.case import Demands, Target
from custody.verification.judge import judge
from custody.workflows.inspect import InspectionOptions
from custody.workflows.run import run
from custody.workflows.sign import sign_file
from custody.workflows.verify import verify
from tests.simulator import FakeInspector, Simulator, actor, digests, link_name, two_steps


def with_sublayout(expected_products: str = "CREATE out") -> Simulator:
    """Return a chain whose only step bob performs as a sublayout with an inspection `attack`."""
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    inner.inspection("look", "attack")
    chain = Simulator()
    chain.step("build", "bob", expected_products=[expected_products, "DISALLOW *"], perform=False)
    chain.sublayout("build", "bob", inner)
    return chain


def test_A1_a_sublayout_instead_of_a_link_gets_no_command_run() -> None:
    chain, inspector = with_sublayout(), FakeInspector()
    assert chain.judge(inspector).reasons == {Reason.SUBLAYOUT_UNINSPECTED, Reason.TOO_FEW_FUNCTIONARIES}
    assert inspector.ran == []
    chain.demands = Demands(sublayout_inspections=True)
    chain.judge(inspector).require()
    assert inspector.ran == ["look"]


def test_A1_not_even_with_the_option_before_the_rules_of_every_level_have_spoken() -> None:
    chain, inspector = with_sublayout("CREATE another"), FakeInspector()
    chain.demands = Demands(sublayout_inspections=True)
    assert chain.judge(inspector).reasons == {Reason.PRODUCT_DISALLOWED}
    assert inspector.ran == []


def test_A1_nor_before_the_artifact_under_test_is_found() -> None:
    chain, inspector = with_sublayout(), FakeInspector()
    wanted = Target(name="out", digests=digests("1"))
    chain.demands = Demands(sublayout_inspections=True, targets=(wanted.replace(digests=digests("9")),))
    assert chain.judge(inspector).reasons == {Reason.ARTIFACT_NOT_MADE}
    assert inspector.ran == []
    chain.demands = chain.demands.replace(targets=(wanted,))
    chain.judge(inspector).require()
    assert inspector.ran == ["look"]


def test_A1_a_sublayout_that_is_outvoted_gets_no_command_run() -> None:
    chain, inspector = with_sublayout(), FakeInspector()
    chain.layout = chain.layout.replace(steps=())
    chain.step("build", "bob", "alice", "dave", threshold=2, perform=False)
    for who in ("alice", "dave"):
        chain.perform("build", who, products={"out": "2"})
    chain.demands = Demands(sublayout_inspections=True)
    chain.judge(inspector).require()
    assert inspector.ran == []
    for who in ("alice", "dave"):
        chain.perform("build", who, products={"out": "1"})
    chain.judge(inspector).require()
    assert inspector.ran == ["look"]


def presigned(changes: Mapping[str, Any] | None = None) -> Simulator:
    """Return the chain with a signed link of the sublayout's inspection."""
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    inner.inspection("look", "attack", expected_products=["MATCH out WITH PRODUCTS FROM compile", "DISALLOW *"])
    link: dict[str, Any] = {
        "who": "bob",
        "command": ["attack"],
        "byproducts": {"return-value": 0},
        "products": {"out": "1"},
    }
    link |= changes or {}
    inner.perform("look", link.pop("who"), **link)
    chain = Simulator()
    chain.step("build", "bob", perform=False)
    chain.sublayout("build", "bob", inner)
    return chain


FORGED: dict[str, dict[str, Any]] = {
    "signed by a functionary of the sublayout": {"who": "carol"},
    "signed by the owner": {"who": "owner"},
    "another command": {"command": ["attack", "--gently"]},
    "another name": {"name": "looked"},
    "failed": {"byproducts": {"return-value": 1}},
    "no status": {"byproducts": {}},
    "true is not 0": {"byproducts": {"return-value": False}},
}


@pytest.mark.parametrize("case", FORGED)
def test_A1_an_inspection_signed_beforehand_counts_only_by_the_sublayouts_signer(case: str) -> None:
    inspector = FakeInspector()
    verdict = presigned().judge(inspector).require()
    assert verdict.steps[0].sublayout is not None
    assert verdict.steps[0].sublayout.inspections[0].presigned
    assert Reason.SUBLAYOUT_UNINSPECTED in presigned(FORGED[case]).judge(inspector).reasons
    assert inspector.ran == []


def test_A1_the_rules_of_an_inspection_signed_beforehand_are_applied() -> None:
    presigned({"products": {"out": "1"}}).judge().require()
    assert Reason.SUBLAYOUT_REJECTED in presigned({"products": {"out": "2"}}).judge().reasons


@pytest.mark.parametrize("level", ["layout", "sublayout"])
def test_A2_a_layout_without_steps_proves_nothing(level: str) -> None:
    empty, full = Simulator(), two_steps()
    chains = []
    for inner in (empty, full):
        outer = Simulator()
        outer.step("build", "bob", perform=False)
        outer.sublayout("build", "bob", inner)
        chains.append(inner if level == "layout" else outer)
    assert chains[0].judge().reasons & {Reason.LAYOUT_EMPTY, Reason.SUBLAYOUT_REJECTED}
    chains[1].judge().require()


BAD_NAMES = ["../evil", "a/b", "/abs", "..", ".", "", "a\\b", "a\nb", "a\0b", "x" * 300]


@pytest.mark.parametrize("items", ["steps", "inspect"])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_A3_a_name_that_is_no_plain_file_name_is_refused(items: str, name: str) -> None:
    chain = two_steps()
    chain.inspection("look", "true")
    chain.judge(FakeInspector()).require()
    chain.document_changes.append(lambda document: document[items][0].update(name=name))
    with pytest.raises(FormatError) as caught:
        chain.judge()
    assert caught.value.where == f"{items}[0].name"


@pytest.mark.parametrize("name", ["build", "Build", "BUILD"])
def test_A3_names_that_some_file_systems_take_for_the_same_are_refused(name: str) -> None:
    chain = two_steps()
    chain.inspection("look", "true")
    chain.judge(FakeInspector()).require()
    chain.document_changes.append(lambda document: document["inspect"][0].update(name=name))
    with pytest.raises(FormatError, match="is the name of"):
        chain.judge()


def test_A3_a_step_that_is_run_or_signed_never_writes_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    with pytest.raises(FormatError):
        run("../esc", [], signer=actor("alice"))
    document = {"_type": "link", "name": "../esc", "command": [], "materials": {}, "products": {}}
    Path("untrusted").write_text(json.dumps(document))
    with pytest.raises(FormatError):
        sign_file("untrusted", [actor("alice")])
    assert os.listdir(tmp_path) == ["work"]
    Path("trusted").write_text(json.dumps(document | {"name": "esc"}))
    assert sign_file("trusted", [actor("alice")]).path == link_name("esc", actor("alice"))


def inspected() -> Simulator:
    chain = two_steps()
    chain.inspection("look", "true", ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    return chain


def test_A3_an_inspection_writes_its_link_only_where_asked_and_over_nothing_else(tmp_path: Path) -> None:
    inside, links = tmp_path / "inside", tmp_path / "links"
    for directory in (inside, links):
        directory.mkdir()
    (inside / "out").write_text("2")
    verification = inspected().verification(inside)
    before = sorted(os.listdir(inside))
    verify(verification).require()
    assert sorted(os.listdir(inside)) == before
    asked = inspected().verification(
        inside, inspections=InspectionOptions(directory=str(inside), links_directory=str(links))
    )
    verify(asked).require()
    verify(asked).require()  # its own earlier link may go
    assert os.listdir(links) == ["look.link"]
    (links / "look.link").write_text("precious")
    with pytest.raises(CustodyError, match="no earlier link of the inspection"):
        verify(asked)
    assert (links / "look.link").read_text() == "precious"


@pytest.mark.parametrize(
    "hidden", ["evil.pyc", ".git/hooks/pre-commit", "x.link.sh", "a~", "look.link", "build.evil.link"]
)
def test_A4_an_inspection_sees_every_file(tmp_path: Path, hidden: str) -> None:
    (tmp_path / "out").write_text("2")
    verification = inspected().verification(tmp_path)
    verify(verification).require()
    (tmp_path / hidden).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / hidden).write_text("evil")
    verdict = verify(verification)
    assert verdict.reasons == {Reason.MATERIAL_DISALLOWED}
    assert [artifact.name for artifact in verdict.rejections[0].artifacts] == [hidden]
    excluding = InspectionOptions(directory=str(tmp_path), exclude=(hidden,))
    verify(inspected().verification(tmp_path, inspections=excluding)).require()


def test_A4_evidence_is_left_out_by_its_digest_too(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("2")
    chain = inspected()
    verification = chain.verification(tmp_path)
    verify(verification).require()
    bob = link_name("build", actor("bob"))
    chain.layout = chain.layout.replace(inspect=())
    chain.inspection("look", f"cp out {bob}", ["ALLOW *"], ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    verdict = verify(chain.verification(tmp_path))
    assert verdict.reasons == {Reason.PRODUCT_DISALLOWED}
    assert [artifact.name for artifact in verdict.rejections[0].artifacts] == [bob]


def test_A4_the_evidence_of_sublayouts_is_left_out_as_well(tmp_path: Path) -> None:
    chain = presigned()
    chain.inspection("top", "true", ["DISALLOW *"])
    verification = chain.verification(tmp_path)
    verify(verification).require()
    name = next(name for name in chain.files if "/" in name)
    (tmp_path / name).with_name("evil").write_text("1")
    assert verify(verification).reasons == {Reason.MATERIAL_DISALLOWED}


DOUBLE_KEYS = [b'"threshold":2,"threshold":1', b'"threshold":2,"thr\\u0065shold":1']


@pytest.mark.parametrize("double", DOUBLE_KEYS)
def test_A7_a_document_with_a_key_twice_is_refused(double: bytes) -> None:
    chain = two_steps()
    data = chain.envelope().write()
    read_envelope(data)
    with pytest.raises(FormatError, match="appears twice"):
        read_envelope(data.replace(b'"threshold": 1', double, 1))


def test_A7_a_document_with_a_key_twice_inside_a_payload_is_refused() -> None:
    chain = two_steps(dsse=True)
    envelope = chain.envelope()
    judge(chain.case(envelope)).require()
    payload = envelope.payload.replace(b'"threshold":1', b'"threshold":2,"threshold":1').replace(
        b'"threshold": 1', b'"threshold": 2, "threshold": 1'
    )
    assert payload != envelope.payload
    double = envelope.replace(payload=payload, signatures=())
    double = double.with_signature(chain.owner.keyid, chain.owner.sign(double.signed_bytes))
    with pytest.raises(FormatError, match="appears twice"):
        judge(chain.case(double))


def test_A7_a_file_that_is_two_envelopes_is_refused() -> None:
    chain = two_steps()
    both = json.loads(chain.envelope().write()) | json.loads(two_steps(dsse=True).envelope().write())
    with pytest.raises(FormatError, match="both 'signed' and 'payload'"):
        read_envelope(json.dumps(both).encode())
    del both["payload"]
    judge(chain.case(read_envelope(chain.envelope().write()))).require()


def test_A7_private_key_material_in_a_layout_is_refused() -> None:
    chain = two_steps()
    alice = actor("alice").keyid
    chain.document_changes.append(lambda document: document["keys"][alice]["keyval"].update(private=""))
    chain.judge().require()
    chain.document_changes.append(lambda document: document["keys"][alice]["keyval"].update(private="00" * 32))
    with pytest.raises(FormatError) as caught:
        chain.judge()
    assert caught.value.where == f"keys.{alice}.keyval.private"


@pytest.mark.parametrize("bits", [1024, 2048])
def test_A7_an_rsa_key_of_1024_bits_is_refused(bits: int) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    public = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    key = {"keyid": "eve", "keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": pem}}
    chain = two_steps()
    chain.document_changes.append(lambda document: document["keys"].update(eve=key))
    if bits >= 2048:
        chain.judge().require()
        return
    with pytest.raises(FormatError, match="got 1024") as caught:
        chain.judge()
    assert caught.value.where == "keys.eve.keyval.public"


def test_A8_the_rows_named_there_have_their_tests() -> None:
    rows = ("D1", "D2", "D10", "D13", "D16", "D17")
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_defects*.py"))
    assert all(f"def test_{row}_" in text for row in rows)


def test_A9_an_inspection_does_not_run_on_materials_that_its_rules_refuse() -> None:
    chain = inspected()
    inspector = FakeInspector({"out": "evil"})
    assert chain.judge(inspector).reasons == {Reason.MATERIAL_DIFFERS}
    assert inspector.ran == []
    inspector = FakeInspector({"out": "2"})
    chain.judge(inspector).require()
    assert inspector.ran == ["look"]


def test_A9_the_first_inspection_that_fails_ends_it() -> None:
    chain = two_steps()
    chain.inspection("first", "first")
    chain.inspection("second", "second")
    inspector = FakeInspector(commands={"first": lambda _: 1})
    assert chain.judge(inspector).reasons == {Reason.INSPECTION_FAILED}
    assert inspector.ran == ["first"]
    inspector = FakeInspector()
    chain.judge(inspector).require()
    assert inspector.ran == ["first", "second"]


def test_A10_a_file_that_an_early_step_lists_is_not_what_the_chain_made() -> None:
    chain = two_steps()
    wanted = Target(name="out", digests=digests("2"))
    chain.demands = Demands(targets=(wanted,))
    (binding,) = chain.judge().require().bindings
    assert (binding.step, binding.product, binding.rule) == ("build", "out", "CREATE out")
    # Alice's rules end without DISALLOW, and she lists the file that she wants to pass for the product.
    chain = Simulator()
    chain.step("write", "alice", products={"src/a.py": "1", "out": "evil"}, expected_products=["CREATE src/*"])
    chain.step("build", "bob", products={"out": "2"}, expected_products=["CREATE out", "DISALLOW *"])
    evil = Target(name="out", digests=digests("evil"))
    chain.demands = Demands(targets=(evil,))
    verdict = chain.judge()
    assert verdict.reasons == {Reason.ARTIFACT_NOT_MADE}
    assert "'write'" in verdict.rejections[0].message
    chain.demands = Demands(targets=(evil,), product_of="write")
    assert chain.judge().reasons == {Reason.ARTIFACT_UNRULED}
    chain.demands = Demands(targets=(Target(name="a.py", digests=digests("1")),), product_of="write")
    chain.judge().require()


def test_A10_a_product_that_only_the_implicit_allow_lets_pass_binds_nothing() -> None:
    target = Target(name="out", digests=digests("1"))
    for rule, reasons in ((["CREATE out"], set()), ([], {Reason.ARTIFACT_UNRULED})):
        chain = Simulator()
        chain.step("build", "bob", products={"out": "1"}, expected_products=rule)
        chain.demands = Demands(targets=(target,))
        assert chain.judge().reasons == reasons


def test_A10_a_dissenting_link_binds_nothing() -> None:
    chain = Simulator()
    chain.step("build", "a", "b", "c", threshold=2, products={"out": "1"}, expected_products=["CREATE out"])
    chain.perform("build", "c", products={"out": "evil"})
    chain.demands = Demands(targets=(Target(name="out", digests=digests("1")),))
    chain.judge().require()
    chain.demands = Demands(targets=(Target(name="out", digests=digests("evil")),))
    assert chain.judge().reasons == {Reason.ARTIFACT_NOT_MADE}


def test_A10_a_sublayout_as_last_step_binds_by_the_rules_of_the_step_it_stands_for() -> None:
    for rule, reasons in (("CREATE out", set()), ("ALLOW other", {Reason.ARTIFACT_UNRULED})):
        inner = Simulator()
        inner.step("compile", "carol", products={"out": "1"}, expected_products=["CREATE *"])
        chain = Simulator()
        chain.step("build", "bob", expected_products=[rule], perform=False)
        chain.sublayout("build", "bob", inner)
        chain.demands = Demands(targets=(Target(name="out", digests=digests("1")),))
        assert chain.judge().reasons == reasons


def test_an_inspection_of_a_pipe_is_an_error_and_no_hang(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("2")
    verification = inspected().verification(tmp_path)
    verify(verification).require()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecordingError, match="pipe"):
        verify(verification)
