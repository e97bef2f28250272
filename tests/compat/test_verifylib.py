"""`in_toto.verifylib`: one question to custody, told with the reference's exceptions; and its parts."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from custody.errors import RejectedError
from custody.models.link import Link as CoreLink
from in_toto import settings, verifylib
from in_toto._boundary.keys import load_public_key_from_file
from in_toto._boundary.signing import Signature
from in_toto.exceptions import (
    BadReturnValueError,
    FormatError,
    LayoutExpiredError,
    LinkNotFoundError,
    RuleVerificationError,
    SignatureVerificationError,
    ThresholdVerificationError,
)
from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock, Metadata
from in_toto.verifylib import in_toto_verify
from tests.compat.sides import chain_of_two, new_chain
from tests.simulator import actor, hashed, link_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compat.sides import Place, Reference
    from tests.simulator import Simulator

PASSED = "The software product passed all verification."


class Chain:
    """A chain that lies on disk, in whose final product the test is."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.keys: dict[str, Any] = {}

    def lay(self, chain: Simulator) -> Metadata:
        """Return the layout of `chain`, with its links as files."""
        self.place.lay(chain)
        key = load_public_key_from_file(self.place.root / "owner.pub")
        self.keys = {key["keyid"]: key}
        return Metadata.load(self.place.root / "root.layout")

    def verify(self, chain: Simulator, **options: Any) -> Link:  # noqa: ANN401  # of the function under test
        return in_toto_verify(self.lay(chain), self.keys, "../links", **options)


@pytest.fixture
def on_disk(here: Place, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.chdir(here.final)
    return Chain(here)


def look(*materials: str, run: str = "true") -> Simulator:
    """Return a chain whose inspection `look` has these rules for materials."""
    chain = chain_of_two()
    chain.inspection("look", run, materials)
    return chain


@pytest.mark.parametrize("dsse", [False, True])
def test_an_accepted_chain_is_summed_up_in_a_link(on_disk: Chain, *, dsse: bool) -> None:
    chain = chain_of_two(dsse=dsse)
    summary = on_disk.verify(chain, step_name="whole")
    assert isinstance(summary, Link)
    assert summary == Link(
        name="whole", materials={}, products=hashed({"src/a.py": "1", "out": "2"}), byproducts={}, command=[]
    )
    assert on_disk.verify(chain).name == ""
    chain.perform("build", "bob", materials={"src/a.py": "0"}, products={"out": "2"})
    with pytest.raises(RuleVerificationError, match=r"'DISALLOW \*' matched the following artifacts: \['src/a.py'\]"):
        on_disk.verify(chain)


def test_the_summary_has_the_first_materials_and_the_last_products(on_disk: Chain) -> None:
    chain = new_chain()
    chain.step("first", "alice", materials={"a": "1"}, products={"b": "1"})
    chain.step("last", "bob", perform=False)
    chain.perform("last", "bob", products={"c": "1"}, command=["make"], byproducts={"return-value": 0})
    summary = on_disk.verify(chain)
    assert (summary.materials, summary.products) == (hashed({"a": "1"}), hashed({"c": "1"}))
    assert (summary.command, summary.byproducts) == (["make"], {"return-value": 0})


@pytest.mark.parametrize("dsse", [False, True])
def test_artifacts_of_a_large_summary_are_its_own_to_change(on_disk: Chain, *, dsse: bool) -> None:
    many = {f"file{number:05}": "1" for number in range(2000)}
    chain = new_chain(dsse=dsse)
    chain.step("all", "alice", materials=many, products=many)
    summary = on_disk.verify(chain)
    assert (len(summary.materials), summary.materials) == (2000, summary.products)
    summary.materials["evil"] = {"sha256": "00" * 32}
    assert "evil" not in summary.products
    assert b"evil" in Link(name="x", materials=summary.materials).signable_bytes
    assert "evil" not in on_disk.verify(chain).materials


def test_nothing_is_printed_for_programs(on_disk: Chain, capfd: pytest.CaptureFixture[str]) -> None:
    on_disk.verify(chain_of_two())
    assert capfd.readouterr() == ("", "")


def test_programs_that_log_are_told_what_is_verified(on_disk: Chain, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "in_toto"):
        on_disk.verify(chain_of_two())
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "Verifying layout metadata signatures..."
    assert messages[-1] == PASSED


def test_a_rejection_carries_the_verdict_and_its_explanation(on_disk: Chain) -> None:
    chain = chain_of_two()
    chain.perform("write", "alice", products={"src/a.py": "2"})
    with pytest.raises(RuleVerificationError) as caught:
        on_disk.verify(chain)
    cause = caught.value.__cause__
    assert isinstance(cause, RejectedError)
    assert not cause.verdict.accepted
    (note,) = caught.value.__notes__
    assert "src/a.py: differs from the products of 'write'" in note


@pytest.mark.parametrize("keys", [False, {"no-hex": {}}, {"ab": {"keyid": "ab"}}])
def test_keys_that_are_malformed_are_an_error(on_disk: Chain, keys: Any) -> None:  # noqa: ANN401  # wrong on purpose
    layout = on_disk.lay(chain_of_two())
    with pytest.raises(FormatError):
        in_toto_verify(layout, keys, "../links")


def test_without_a_key_nothing_is_verified(on_disk: Chain) -> None:
    layout = on_disk.lay(chain_of_two())
    with pytest.raises(SignatureVerificationError, match="requires at least one key"):
        in_toto_verify(layout, {}, "../links")
    with pytest.raises(SignatureVerificationError, match="requires at least one key"):
        verifylib.verify_metadata_signatures(layout, {})


def test_every_key_must_have_signed(on_disk: Chain) -> None:
    layout = on_disk.lay(chain_of_two())
    verifylib.verify_metadata_signatures(layout, on_disk.keys)
    on_disk.place.key("second")
    second = load_public_key_from_file(on_disk.place.root / "second.pub")
    keys = {**on_disk.keys, second["keyid"]: second}
    for verify in (verifylib.verify_metadata_signatures, in_toto_verify):
        with pytest.raises(SignatureVerificationError, match=f"No signature found for key '{second['keyid']}'"):
            verify(layout, keys)


def test_what_was_changed_after_signing_is_rejected_also_in_memory(on_disk: Chain) -> None:
    layout = on_disk.lay(chain_of_two())
    assert isinstance(layout, Metablock)
    in_toto_verify(layout, on_disk.keys, "../links")
    layout.signed.readme = "changed"
    with pytest.raises(SignatureVerificationError, match="Invalid signature for keyid"):
        in_toto_verify(layout, on_disk.keys, "../links")


def test_a_malformed_signature_is_none(on_disk: Chain) -> None:
    layout = on_disk.lay(chain_of_two())
    assert isinstance(layout, Metablock)
    del layout.signatures[0]["sig"]
    with pytest.raises(SignatureVerificationError):
        in_toto_verify(layout, on_disk.keys, "../links")


def test_what_is_no_layout_is_an_error(on_disk: Chain) -> None:
    chain = chain_of_two()
    chain.perform("build", "owner")
    on_disk.lay(chain)
    link = Metadata.load(f"../links/{link_name('build', chain.owner)}")
    with pytest.raises(FormatError, match="expected 'layout', got 'link'"):
        in_toto_verify(link, on_disk.keys, "../links")
    with pytest.raises(FormatError, match="expected Metadata"):
        in_toto_verify({}, on_disk.keys)  # type: ignore[arg-type]  # wrong on purpose


def test_an_expired_layout_is_rejected(on_disk: Chain) -> None:
    chain = chain_of_two()
    layout = on_disk.lay(chain).get_payload()
    assert isinstance(layout, Layout)
    verifylib.verify_layout_expiration(layout)
    chain.layout = chain.layout.replace(expires=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    layout = on_disk.lay(chain).get_payload()
    assert isinstance(layout, Layout)
    for verify in (lambda: verifylib.verify_layout_expiration(layout), lambda: on_disk.verify(chain)):
        with pytest.raises(LayoutExpiredError, match="Layout expired"):
            verify()
    layout.expires = ""
    with pytest.raises(FormatError, match="expires: expected an instant"):
        verifylib.verify_layout_expiration(layout)


def test_a2_a_layout_without_steps_proves_nothing(on_disk: Chain) -> None:
    with pytest.raises(FormatError, match="it has no steps, so it proves nothing"):
        on_disk.verify(new_chain())


@pytest.mark.parametrize("threshold", [1, 2])
def test_too_few_files_and_too_few_functionaries_are_told_apart(on_disk: Chain, threshold: int) -> None:
    chain = new_chain()
    chain.step("build", "alice", "bob", threshold=threshold, products={"a": "1"})
    on_disk.verify(chain)
    chain.perform("build", "mallory", products={"a": "1"}, file=link_name("build", actor("alice")))
    if threshold == 1:
        on_disk.verify(chain)
        chain.remove("build", "bob")
    with pytest.raises(ThresholdVerificationError) as caught:
        on_disk.verify(chain)
    assert str(caught.value) == (
        f"Step 'build' requires at least '{threshold}' links validly signed by different authorized functionaries. Only"
        f" found '{threshold - 1}'"
    )
    chain.remove("build", "alice")
    with pytest.raises(LinkNotFoundError) as missing:
        on_disk.verify(chain)
    assert str(missing.value) == (
        f"Step 'build' requires '{threshold}' link metadata file(s), found '{threshold - 1}'."
    )


def test_functionaries_who_disagree_are_too_few(on_disk: Chain) -> None:
    chain = new_chain()
    chain.step("build", "alice", "bob", threshold=2, products={"a": "1"})
    on_disk.verify(chain)
    chain.perform("build", "bob", products={"a": "2"})
    with pytest.raises(ThresholdVerificationError, match="2 functionaries to agree"):
        on_disk.verify(chain)


def test_an_inspection_has_to_return_zero(on_disk: Chain) -> None:
    on_disk.verify(look(run="test 1 = 1"))
    with pytest.raises(BadReturnValueError) as caught:
        on_disk.verify(look(run="test 1 = 2"))
    assert str(caught.value) == "Got non-zero return value '1' from command '['test', '1', '=', '2']'."


def test_rules_of_inspections_are_judged(on_disk: Chain) -> None:
    Path("out").write_text("2")
    rules = ("MATCH out WITH PRODUCTS FROM build", "DISALLOW *")
    on_disk.verify(look(*rules), persist_inspection_links=False)
    Path("evil.pyc").write_text("")
    with pytest.raises(RuleVerificationError, match=r"matched the following artifacts: \['evil.pyc'\]") as caught:
        on_disk.verify(look(*rules), persist_inspection_links=False)
    assert "Full trace for 'expected_materials' of item 'look':" in str(caught.value)


def test_no_name_for_the_directory_with_the_links_is_the_current_one(on_disk: Chain) -> None:
    layout = on_disk.lay(chain_of_two())
    with pytest.raises(LinkNotFoundError):
        in_toto_verify(layout, on_disk.keys, "")
    for path in (on_disk.place.root / "links").iterdir():
        path.rename(path.name)
    in_toto_verify(layout, on_disk.keys, "")


def test_links_of_inspections_are_kept_if_that_is_asked_for(on_disk: Chain) -> None:
    on_disk.verify(look(), persist_inspection_links=False)
    assert os.listdir() == []
    for _ in range(2):  # one's own earlier link gives way
        on_disk.verify(look("DISALLOW *"))
        assert os.listdir() == ["look.link"]
    link = Metadata.load("look.link").get_payload()
    assert isinstance(link, Link)
    assert (link.name, link.command, link.byproducts["return-value"]) == ("look", ["true"], 0)


@pytest.mark.component("reference")
def test_the_link_of_an_inspection_is_the_same_file_as_the_references(
    on_disk: Chain, start_reference: Callable[[], Reference]
) -> None:
    Path("sp ä\tce").write_text("2")
    on_disk.lay(look(run="echo something"))
    line = ("-l", "../root.layout", "--verification-keys", "../owner.pub", "--link-dir", "../links")
    assert on_disk.place.command("in-toto-verify", *line).code == 0
    ours = Path("look.link").read_bytes()
    Path("look.link").unlink()
    assert start_reference().command("in-toto-verify", *line, cwd=Path.cwd()).code == 0
    assert Path("look.link").read_bytes() == ours
    links = verifylib.run_all_inspections(
        Layout(inspect=[Inspection(name="look", run=["echo", "something"])]), persist_inspection_links=False
    )
    assert links["look"].byproducts == {"stdout": "", "stderr": "", "return-value": 0}


def test_a3_a_file_of_somebody_else_does_not_give_way(on_disk: Chain) -> None:
    Path("look.link").write_text("precious")
    with pytest.raises(OSError, match=r"'\./look.link' exists already and is no earlier link of the inspection 'look'"):
        on_disk.verify(look())
    assert Path("look.link").read_text() == "precious"
    on_disk.verify(look(), persist_inspection_links=False)


def test_the_time_out_is_the_callers_or_that_of_the_settings(on_disk: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    wait = look(run="sleep 1")
    on_disk.verify(wait, inspect_timeout=None)
    on_disk.verify(wait)
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        on_disk.verify(wait, inspect_timeout=0.2)
    assert (caught.value.cmd, caught.value.timeout) == (["sleep", "1"], 0.2)
    monkeypatch.setattr(settings, "LINK_CMD_EXEC_TIMEOUT", 0.2)
    with pytest.raises(subprocess.TimeoutExpired):
        on_disk.verify(wait)


def test_excludes_of_the_settings_hide_from_inspections_only_if_somebody_chose_them(
    on_disk: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.pyc").write_text("")
    with pytest.raises(RuleVerificationError):
        on_disk.verify(look("DISALLOW *"))
    monkeypatch.setattr(settings, "ARTIFACT_EXCLUDE_PATTERNS", ["*.pyc"])
    on_disk.verify(look("DISALLOW *"))
    monkeypatch.setattr(settings, "ARTIFACT_EXCLUDE_PATTERNS", [])
    with pytest.raises(RuleVerificationError):
        on_disk.verify(look("DISALLOW *"))


def test_the_base_path_of_the_settings_does_not_move_inspections(
    on_disk: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ARTIFACT_BASE_PATH", str(on_disk.place.root))
    on_disk.verify(look("DISALLOW *"))


def with_parameter() -> Simulator:
    chain = new_chain()
    chain.step("build", "alice", products={"app": "1"}, perform=False)
    chain.document_changes.append(
        lambda document: document["steps"][0].update(
            expected_command=["make", "{NAME}", "{print $1}"],
            expected_products=[["REQUIRE", "{NAME}"], ["ALLOW", "{NAME}"], ["DISALLOW", "*"]],
        )
    )
    chain.perform("build", "alice", products={"app": "1"}, command=["make", "app", "{print $1}"])
    return chain


@pytest.mark.parametrize("dsse", [False, True])
def test_d20_parameters_are_plain_text(on_disk: Chain, caplog: pytest.LogCaptureFixture, *, dsse: bool) -> None:
    chain = with_parameter()
    chain.dsse = dsse
    on_disk.verify(chain, substitution_parameters={"NAME": "app"})
    assert caplog.records == []  # the command is the one that is expected, with the value in it
    for wrong in ({"NAME": "*"}, {"NAME": "other"}, None):
        with pytest.raises(RuleVerificationError):
            on_disk.verify(chain, substitution_parameters=wrong)
    for missing in ({"OTHER": "app"}, {}):
        with pytest.raises(KeyError, match=r"no value was given for \{NAME\}"):
            on_disk.verify(chain, substitution_parameters=missing)


def test_parameters_are_put_into_a_layout_that_was_handed_in(on_disk: Chain) -> None:
    metadata = on_disk.lay(with_parameter())
    in_toto_verify(metadata, on_disk.keys, "../links", substitution_parameters={"NAME": "app"})
    layout = metadata.get_payload()
    assert isinstance(layout, Layout)
    assert layout.steps[0].expected_command == ["make", "app", "{print $1}"]
    assert layout.steps[0].expected_products[0] == ["REQUIRE", "app"]


def test_parameters_do_not_touch_a_layout_that_nobody_signed(on_disk: Chain) -> None:
    metadata = on_disk.lay(with_parameter())
    layout = metadata.get_payload()
    assert isinstance(layout, Layout)
    layout.readme = "changed"
    with pytest.raises(SignatureVerificationError):
        in_toto_verify(metadata, on_disk.keys, "../links", substitution_parameters={"NAME": "app"})
    assert layout.steps[0].expected_command[1] == "{NAME}"


def test_substitution_fills_in_rules_and_commands_of_all_items() -> None:
    layout = Layout(
        steps=[
            Step(
                name="s",
                expected_command=["{A}", "{B}"],
                expected_materials=[["MATCH", "{A}/[ab]", "WITH", "PRODUCTS", "FROM", "{A}"]],
                expected_products=[["CREATE", "{A}"], ["REQUIRE", "{A}"]],
            )
        ],
        inspect=[Inspection(name="i", run=["{A}"], expected_materials=[["ALLOW", "{A}"]])],
    )
    verifylib.substitute_parameters(layout, {"A": "x*"})
    step, inspection = layout.steps[0], layout.inspect[0]
    assert step.expected_command == ["x*", "{B}"]
    assert step.expected_materials == [["MATCH", "x[*]/[ab]", "WITH", "PRODUCTS", "FROM", "x*"]]
    assert step.expected_products == [["CREATE", "x[*]"], ["REQUIRE", "x*"]]
    assert (inspection.run, inspection.expected_materials) == (["x*"], [["ALLOW", "x[*]"]])
    assert inspection.expected_products == []


def test_a_rule_that_names_a_missing_parameter_is_a_key_error() -> None:
    layout = Layout(steps=[Step(name="s", expected_products=[["CREATE", "{A}"]])])
    for parameters in ({}, {"B": "x"}):
        with pytest.raises(KeyError, match=r"no value was given for \{A\}"):
            verifylib.substitute_parameters(layout, parameters)
    assert layout.steps[0].expected_products == [["CREATE", "{A}"]]
    verifylib.substitute_parameters(layout, {"A": "x"})
    verifylib.substitute_parameters(layout, {})
    assert layout.steps[0].expected_products == [["CREATE", "x"]]


@pytest.mark.parametrize("parameters", [False, {False: "x"}, {"~!#@": "x"}, {"": "x"}, {"__class__.x": "x"}, {"A": 1}])
def test_malformed_parameters_are_an_error(on_disk: Chain, parameters: Any) -> None:  # noqa: ANN401  # on purpose
    with pytest.raises(FormatError):
        verifylib.substitute_parameters(Layout(), parameters)
    with pytest.raises(FormatError):
        on_disk.verify(with_parameter(), substitution_parameters=parameters)


def sublayouts(*inspections: str) -> Simulator:
    """Return a chain whose only step is a sublayout with these inspections."""
    inner = new_chain()
    inner.step("inside", "carol", materials={"a": "1"}, products={"b": "1"})
    for name in inspections:
        inner.inspection(name, f"touch {name}")
    chain = new_chain()
    chain.step("whole", "bob", perform=False, expected_products=["ALLOW b", "DISALLOW *"])
    chain.sublayout("whole", "bob", inner)
    return chain


def test_a_sublayout_stands_for_a_link(on_disk: Chain) -> None:
    summary = on_disk.verify(sublayouts())
    assert (summary.materials, summary.products) == (hashed({"a": "1"}), hashed({"b": "1"}))


def test_a1_inspections_of_sublayouts_do_not_run(on_disk: Chain) -> None:
    chain = sublayouts("evil")
    with pytest.raises(ThresholdVerificationError) as caught:
        on_disk.verify(chain)
    assert "--sublayout-inspections" in caught.value.__notes__[0]
    layout, links = loaded(on_disk, chain)
    with pytest.raises(ThresholdVerificationError, match="it has inspections"):
        verifylib.verify_sublayouts(layout, links, "../links", 10)
    assert os.listdir() == []


def loaded(on_disk: Chain, chain: Simulator) -> tuple[Layout, dict[str, dict[str, Metadata]]]:
    """Return the layout of `chain` and its links."""
    layout = on_disk.lay(chain).get_payload()
    assert isinstance(layout, Layout)
    return layout, verifylib.load_links_for_layout(layout, "../links")


def test_the_parts_put_together_come_to_the_same(on_disk: Chain) -> None:
    layout, links = loaded(on_disk, chain_of_two())
    verified = verifylib.verify_link_signature_thresholds(layout, links)
    chain = verifylib.verify_sublayouts(layout, verified, "../links", 10)
    verifylib.verify_all_steps_command_alignment(layout, chain)
    verifylib.verify_threshold_constraints(layout, chain)
    reduced = verifylib.reduce_chain_links(chain)
    verifylib.verify_all_item_rules(layout.steps, reduced)
    summary = verifylib.get_summary_link(layout, reduced, "whole")
    assert summary == on_disk.verify(chain_of_two(), step_name="whole")
    assert verifylib.get_summary_link(Layout(), {}, "whole") == Link()


def test_sublayouts_become_links_among_the_parts(on_disk: Chain) -> None:
    layout, links = loaded(on_disk, sublayouts())
    chain = verifylib.verify_sublayouts(
        layout, verifylib.verify_link_signature_thresholds(layout, links), "../links", 10
    )
    (link,) = chain["whole"].values()
    assert (link.name, link.products) == ("whole", hashed({"b": "1"}))
    inside = on_disk.place.root / "links" / f"whole.{actor('bob').keyid:.8}"
    next(inside.iterdir()).unlink()
    with pytest.raises(LinkNotFoundError, match="Step 'inside'"):
        verifylib.verify_sublayouts(layout, links, "../links", 10)


def test_links_are_loaded_by_the_keys_in_their_names(on_disk: Chain) -> None:
    chain = chain_of_two()
    chain.perform("build", "mallory")
    _, links = loaded(on_disk, chain)
    assert {name: list(found) for name, found in links.items()} == {
        "write": [actor("alice").keyid],
        "build": [actor("bob").keyid],
    }
    chain.remove("build", "bob")
    with pytest.raises(LinkNotFoundError) as caught:
        loaded(on_disk, chain)
    assert str(caught.value) == "Step 'build' requires '1' link metadata file(s), found '0'."


def test_d13_a_malformed_link_is_left_out_with_a_warning(on_disk: Chain, caplog: pytest.LogCaptureFixture) -> None:
    chain = new_chain()
    chain.step("build", "alice", "bob")
    chain.files[link_name("build", actor("alice"))] = b"{"
    _, links = loaded(on_disk, chain)
    assert list(links["build"]) == [actor("bob").keyid]
    assert "Skipping link." in caplog.text
    chain.remove("build", "bob")
    with pytest.raises(LinkNotFoundError):
        loaded(on_disk, chain)


def test_a3_links_are_sought_in_one_directory(on_disk: Chain) -> None:
    on_disk.lay(chain_of_two())
    for name in ("../links/write", "/etc/x"):
        layout = Layout(steps=[Step(name=name, pubkeys=[actor("alice").keyid])])
        with pytest.raises(FormatError, match="expected a plain name"):
            verifylib.load_links_for_layout(layout, ".")


def metablock(name: str, *who: str, products: dict[str, Any] | None = None) -> Metablock:
    """Return a link of the step `name`, signed by each of `who`."""
    envelope = Metablock(signed=Link(name=name, products=products or {}))
    for each in who:
        signature = actor(each).sign(envelope.signed.signable_bytes).hex()
        envelope.signatures.append({"keyid": actor(each).keyid, "sig": signature})
    return envelope


def layout_of(threshold: int, *who: str) -> Layout:
    """Return a layout whose step `build` is for `who`."""
    keys = {actor(name).keyid: key_of(name) for name in who}
    return Layout(keys=keys, steps=[Step(name="build", pubkeys=list(keys), threshold=threshold)])


def key_of(name: str) -> dict[str, Any]:
    key = actor(name).public_key
    return {"keyid": key.keyid, "keytype": key.keytype, "scheme": key.scheme, "keyval": {"public": key.public}}


def dsse(payload: bytes, payload_type: str = "application/vnd.in-toto+json") -> Envelope:
    """Return an envelope that `bob` signed."""
    envelope = Envelope(payload, payload_type, {})
    signature = actor("bob").sign(envelope.pae()).hex()
    envelope.signatures[actor("bob").keyid] = Signature(actor("bob").keyid, signature)
    return envelope


LINK = json.dumps(Link(name="build").document()).encode()

NOT_COUNTED: dict[str, Callable[[], Metadata]] = {
    "not signed": lambda: metablock("build"),
    "signed by nobody of the step": lambda: metablock("build", "mallory"),
    "of another step": lambda: metablock("other", "bob"),
    "an artifact under a second name": lambda: metablock("build", "bob", products=hashed({"dir/../foo": "1"})),
    "an artifact without a digest": lambda: metablock("build", "bob", products={"foo": {}}),
    "of another type": lambda: dsse(LINK, "text/plain"),
    "no document": lambda: dsse(b"{"),
    "neither link nor layout": lambda: dsse(b'{"_type": "statement"}'),
}


def test_a_link_in_an_envelope_of_the_right_type_is_counted() -> None:
    links = {"build": {actor("bob").keyid: dsse(LINK)}}
    assert verifylib.verify_link_signature_thresholds(layout_of(1, "bob"), links) == links


@pytest.mark.parametrize("case", NOT_COUNTED)
def test_only_good_links_of_functionaries_are_counted(case: str) -> None:
    alice, bob = actor("alice").keyid, actor("bob").keyid
    good, other = metablock("build", "alice"), metablock("build", "bob")
    layout = layout_of(2, "alice", "bob")
    both = {"build": {alice: good, bob: other}}
    assert verifylib.verify_link_signature_thresholds(layout, both) == both
    links = {"build": {alice: good, bob: NOT_COUNTED[case]()}}
    with pytest.raises(ThresholdVerificationError, match="Only found '1'"):
        verifylib.verify_link_signature_thresholds(layout, links)
    layout.steps[0].threshold = 1
    assert verifylib.verify_link_signature_thresholds(layout, links) == {"build": {alice: good}}


def test_d16_one_functionary_is_counted_once() -> None:
    alice, bob = actor("alice").keyid, actor("bob").keyid
    layout = layout_of(2, "alice", "bob")
    twice = {"build": {alice: metablock("build", "alice"), bob: metablock("build", "alice")}}
    with pytest.raises(ThresholdVerificationError, match="Only found '1'"):
        verifylib.verify_link_signature_thresholds(layout, twice)
    with pytest.raises(ThresholdVerificationError, match="Only found '0'"):
        verifylib.verify_link_signature_thresholds(layout, {})


def test_links_that_should_agree_do() -> None:
    layout = layout_of(2, "alice", "bob")
    one, other = Link(name="build", materials=hashed({"a": "1"})), Link(name="build", materials=hashed({"a": "1"}))
    links = {"build": {"aaaaaaaa00": one, "bbbbbbbb00": other}}
    verifylib.verify_threshold_constraints(layout, links)
    other.materials = hashed({"a": "2"})
    with pytest.raises(ThresholdVerificationError) as caught:
        verifylib.verify_threshold_constraints(layout, links)
    assert str(caught.value) == "Links 'build.aaaaaaaa.link' and 'build.bbbbbbbb.link' have different artifacts!"
    layout.steps[0].threshold = 1
    verifylib.verify_threshold_constraints(layout, links)
    layout.steps[0].threshold = 3
    with pytest.raises(ThresholdVerificationError, match="Step 'build' not performed by enough functionaries!"):
        verifylib.verify_threshold_constraints(layout, links)


def test_commands_that_differ_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    verifylib.verify_command_alignment(["make"], ["make"])
    assert caplog.records == []
    layout = Layout(steps=[Step(name="build", expected_command=["make"])])
    links = {"build": {"a": Link(name="build", command=["make"]), "b": Link(name="build", command=["sh"])}}
    verifylib.verify_all_steps_command_alignment(layout, links)
    (record,) = caplog.records
    assert record.getMessage() == "Run command '['sh']' differs from expected command '['make']'"
    assert (record.name, record.levelname) == ("in_toto.verifylib", "WARNING")


def inspections(*runs: str) -> Layout:
    names = (f"look-{number}" for number in range(len(runs)))
    return Layout(
        inspect=[Inspection(name=name, run=run.split()) for name, run in zip(names, runs, strict=True)],
    )


def test_inspections_run_by_themselves(on_disk: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_disk.keys == {}
    monkeypatch.setattr(settings, "ARTIFACT_BASE_PATH", str(on_disk.place.root))
    layout = inspections("touch a", "touch b")
    links = verifylib.run_all_inspections(layout, persist_inspection_links=False)
    assert [(link.name, sorted(link.materials), sorted(link.products)) for link in links.values()] == [
        ("look-0", [], ["a"]),
        ("look-1", ["a"], ["a", "b"]),
    ]
    assert sorted(os.listdir()) == ["a", "b"]
    links = verifylib.run_all_inspections(layout, persist_inspection_links=True)
    assert sorted(os.listdir()) == ["a", "b", "look-0.link", "look-1.link"]
    assert Metadata.load("look-1.link").get_payload() == links["look-1"]


def test_an_inspection_by_itself_has_to_come_to_an_end(on_disk: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_disk.keys == {}
    with pytest.raises(BadReturnValueError, match="Got non-zero return value '1' from command"):
        verifylib.run_all_inspections(inspections("false", "touch a"), persist_inspection_links=True)
    with pytest.raises(subprocess.TimeoutExpired):
        verifylib.run_all_inspections(inspections("sleep 9"), persist_inspection_links=True, timeout=0.2)
    monkeypatch.setattr(settings, "LINK_CMD_EXEC_TIMEOUT", 0.2)
    with pytest.raises(subprocess.TimeoutExpired):
        verifylib.run_all_inspections(inspections("sleep 9"), persist_inspection_links=True)
    with pytest.raises(FileNotFoundError):
        verifylib.run_all_inspections(inspections("no-such-program"), persist_inspection_links=True)
    for wrong in (Inspection(name="../evil", run=["true"]), Inspection(name="look", run=[])):
        with pytest.raises(FormatError):
            verifylib.run_all_inspections(Layout(inspect=[wrong]), persist_inspection_links=True)
    assert os.listdir() == []


@pytest.mark.parametrize(("value", "kind"), [("0", "int"), (None, "int"), (1, "zero"), (-9, "zero")])
def test_a_return_value_other_than_zero_is_an_error(value: object, kind: str) -> None:
    verifylib._raise_on_bad_retval(0, "true")
    with pytest.raises(BadReturnValueError) as caught:
        verifylib._raise_on_bad_retval(value, "false")
    assert str(caught.value) == f"Got non-{kind} return value '{value}' from command 'false'."
    with pytest.raises(BadReturnValueError, match=f"value '{value}'.$"):
        verifylib._raise_on_bad_retval(value)


def test_keys_and_envelopes_may_be_of_this_package(on_disk: Chain) -> None:
    chain = chain_of_two()
    on_disk.lay(chain)
    layout = Layout.read(chain.layout.document())
    envelope = Envelope.from_signable(layout)
    owner = actor("owner")
    with pytest.raises(SignatureVerificationError):
        in_toto_verify(envelope, on_disk.keys, "../links")
    from in_toto._boundary.signing import Signature

    envelope.signatures[owner.keyid] = Signature(owner.keyid, owner.sign(envelope.pae()).hex())
    assert in_toto_verify(envelope, on_disk.keys, "../links").name == ""


def test_the_summary_of_custody_is_taken_as_it_is() -> None:
    from in_toto._boundary.judging import link_of

    link = CoreLink(name="summary", environment={"a": "b"}, command=("x",))
    assert link_of(link, "n").document() == {**link.document(), "name": "n"}
    assert json.loads(repr(link_of(None, "n")))["name"] == "n"


def test_it_works_without_securesystemslib(on_disk: Chain) -> None:
    on_disk.lay(chain_of_two())
    code = (
        "import sys; sys.modules['securesystemslib'] = None\n"
        "from in_toto.in_toto_verify import main\n"
        "sys.argv = ['in-toto-verify', '-l', '../root.layout', '--verification-keys', '../owner.pub',"
        " '--link-dir', sys.argv[1]]\n"
        "main()"
    )
    for links, status in (("../links", 0), (".", 1)):
        done = subprocess.run(
            [sys.executable, "-c", code, links],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
