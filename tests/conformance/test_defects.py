# ruff: noqa: N802  # tests are named for the rows of the table below
"""Known defects of other implementations, row by row: what custody does instead. This file: layouts, keys, time.

| Rows | About | Where |
|---|---|---|
| D1-D4, D14, D19, D20 | layouts, keys, time, parameters | here |
| D6-D11, D27 | patterns, paths, prefixes, digests, idle rules | `test_defects_rules.py` |
| D5, D12, D13, D15-D18, D25 | whose links count, and whether they agree | `test_defects_evidence.py` |
| D21-D23, D26 | recording, and documents of the wrong kind | `test_defects_recording.py` |
| A1-A4, A7-A10 | attacks | `test_attacks.py` |
| D24, A5, A6 | OpenPGP and GnuPG | `test_openpgp.py` |
| advisories | CVE-2021-41087 and others | `test_advisories.py` |

Every rejection has an accepting twin, which differs in the one thing that the row is about.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from custody.envelopes.reader import read_envelope
from custody.errors import FormatError, UsageError
from custody.keys.keyid import legacy_keyid_of
from custody.models.link import Link
from custody.verdict import Reason
from custody.verification.case import Demands
from custody.verification.judge import judge
from tests.simulator import AT, FakeInspector, Simulator, actor, signed, two_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Change = Callable[[dict[str, Any]], None]

HERE = Path(__file__).parent

ROWS = {*(f"D{n}" for n in range(1, 28)), *(f"A{n}" for n in range(1, 11))}


def test_every_row_has_a_test() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    tested = set(re.findall(r"^def test_([DA]\d+)_\w+\(", text, re.MULTILINE))
    assert tested == ROWS


def layout_error(chain: Simulator) -> FormatError:
    with pytest.raises(FormatError) as caught:
        chain.judge()
    return caught.value


@pytest.mark.parametrize("dsse", [False, True])
@pytest.mark.parametrize("expires", [None, "", "2030-1-31T00:00:00Z", "2030-01-31", "2030-01-31T00:00:00+00:00", 5])
def test_D1_a_layout_without_a_proper_expiry_is_refused(dsse: bool, expires: object) -> None:
    chain = two_steps(dsse=dsse)
    chain.judge().require()
    chain.document_changes.append(lambda document: document.update(expires=expires))
    assert layout_error(chain).where == "expires"


@pytest.mark.parametrize("dsse", [False, True])
def test_D1_a_layout_whose_expiry_is_missing_is_refused(dsse: bool) -> None:
    chain = two_steps(dsse=dsse)
    chain.document_changes.append(lambda document: document.pop("expires"))
    assert str(layout_error(chain)) == "expires: missing"


def test_D2_a_field_injected_after_signing_breaks_the_signature() -> None:
    chain = two_steps()
    envelope = chain.envelope()
    judge(chain.case(envelope)).require()
    injected = {**envelope.content(), "comment": "injected"}
    tampered = signed(injected).replace(signatures=envelope.signatures)
    assert judge(chain.case(tampered)).reasons == {Reason.OWNER_SIGNATURE_INVALID}


def _set(*path: str | int) -> Change:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for part in path:
            place = next(iter(place.values())) if part == "*" else place[part]
        place["restriction"] = "only on Sundays"

    return change


UNKNOWN: Mapping[str, tuple[Change, str]] = {
    "layout": (_set(), "restriction"),
    "step": (_set("steps", 0), "steps[0].restriction"),
    "inspection": (_set("inspect", 0), "inspect[0].restriction"),
    "key": (_set("keys", "*"), f"keys.{actor('alice').keyid}.restriction"),
    "keyval": (_set("keys", "*", "keyval"), f"keys.{actor('alice').keyid}.keyval.restriction"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_D2_an_unknown_field_that_the_owner_signed_is_refused_unless_ignored(case: str) -> None:
    change, path = UNKNOWN[case]
    chain = two_steps()
    chain.inspection("look", "true")
    chain.judge(FakeInspector()).require()
    chain.document_changes.append(change)
    error = layout_error(chain)
    assert error.where == path
    assert f"--ignore-field {path}" in error.remedy
    chain.demands = Demands(ignore_fields=(path,))
    verdict = chain.judge(FakeInspector()).require()
    assert Reason.FIELD_IGNORED in {finding.reason for finding in verdict.findings}


@pytest.mark.parametrize("field", ["rootcas", "intermediatecas"])
def test_D2_certificates_are_read_strictly_and_empty_ones_are_none(field: str) -> None:
    chain = two_steps()
    chain.document_changes.append(lambda document: document.update({field: {}}))
    chain.judge().require()
    chain.document_changes.append(lambda document: document.update({field: {"ca": {"keyid": "1"}}}))
    error = layout_error(chain)
    assert error.where == f"{field}.ca.keyid"


def test_D2_known_and_harmless_fields_are_no_error() -> None:
    chain = two_steps()

    def change(document: dict[str, Any]) -> None:
        key = document["keys"][actor("alice").keyid]
        key["keyid_hash_algorithms"] = ["sha256", "sha512"]
        key["keyval"]["private"] = ""

    chain.document_changes.append(change)
    chain.judge().require()


def test_D2_unknown_fields_of_a_link_are_signed_and_ignored() -> None:
    chain = two_steps()
    link = Link(name="write", products={"src/a.py": _one()}).document()
    chain.put("write", "alice", link | {"comment": "hello"})
    chain.judge().require()
    name = next(name for name in chain.files if name.startswith("write."))
    chain.files[name] = chain.files[name].replace(b"hello", b"howdy")
    assert Reason.SIGNATURE_INVALID in chain.judge().reasons


def _one() -> Mapping[str, str]:
    return {"sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"}


def test_D3_a_key_counts_under_either_of_its_two_ids() -> None:
    chain = two_steps()
    alice = actor("alice").public_key
    legacy = legacy_keyid_of(alice.keytype, alice.scheme, alice.public)
    chain.document_changes.append(lambda document: _rename_key(document, alice.keyid, legacy))
    # The link names alice by the id that the reference computes, the layout by the other one.
    verdict = chain.judge().require()
    assert verdict.steps[0].signers == (legacy,)
    # A label is not what counts: another key under the same label is another functionary.
    chain.document_changes.append(
        lambda document: document["keys"][legacy]["keyval"].update(public=actor("mallory").public_key.public)
    )
    assert Reason.KEY_NOT_AUTHORISED in chain.judge().reasons


def _rename_key(document: dict[str, Any], old: str, new: str) -> None:
    key = document["keys"].pop(old)
    document["keys"][new] = key | {"keyid": new}
    for step in document["steps"]:
        step["pubkeys"] = [new if keyid == old else keyid for keyid in step["pubkeys"]]


def test_D4_a_key_listed_under_another_id_than_its_own_is_refused() -> None:
    chain = two_steps()
    chain.judge().require()
    alice, bob = actor("alice").keyid, actor("bob").keyid
    chain.document_changes.append(lambda document: document["keys"][alice].update(keyid=bob))
    assert layout_error(chain).where == f"keys.{alice}.keyid"


@pytest.mark.parametrize("threshold", [0, -1, True, False, 1.5, "1", None])
def test_D14_a_threshold_that_is_no_positive_integer_is_refused(threshold: object) -> None:
    chain = two_steps(dsse=True)  # a Metablock cannot hold 1.5 at all
    chain.document_changes.append(lambda document: document["steps"][1].update(threshold=1))
    chain.judge().require()
    chain.document_changes.append(lambda document: document["steps"][1].update(threshold=threshold))
    assert layout_error(chain).where == "steps[1].threshold"


def test_D19_a_layout_is_expired_from_the_instant_on_that_it_names() -> None:
    chain = two_steps()
    chain.at = chain.layout.expires - timedelta(seconds=1)
    chain.judge().require()
    chain.at = chain.layout.expires
    assert chain.judge().reasons == {Reason.LAYOUT_EXPIRED}


def test_D19_the_instant_to_judge_at_is_compared_as_an_instant_whatever_its_zone() -> None:
    chain = two_steps()
    chain.layout = chain.layout.replace(expires=AT)
    west = timezone(timedelta(hours=-5))
    chain.at = (AT - timedelta(seconds=1)).astimezone(west)
    chain.judge().require()
    chain.at = AT.astimezone(west)
    assert chain.judge().reasons == {Reason.LAYOUT_EXPIRED}


def test_D19_a_time_without_a_zone_is_refused() -> None:
    chain = two_steps()
    chain.at = datetime(2030, 1, 1)  # noqa: DTZ001  # the point of the test
    with pytest.raises(UsageError, match="time zone"):
        chain.judge()


def test_D20_without_parameters_nothing_is_substituted() -> None:
    chain = Simulator()
    chain.step("{step}", "alice", products={"{x}": "1"}, expected_products=["CREATE {x}", "DISALLOW *"])
    chain.inspection("awk", "awk {print} {x.__class__}")
    inspector = FakeInspector(commands={"awk {print} {x.__class__}": lambda _: 0})
    chain.judge(inspector).require()
    chain.perform("{step}", "alice", products={"x": "1"})
    assert chain.judge(inspector).reasons == {Reason.PRODUCT_DISALLOWED}


def test_D20_with_parameters_only_their_names_are_substituted() -> None:
    chain = Simulator()
    chain.step("make", "alice", products={"app-1": "1"}, expected_products=["CREATE app-{version}", "DISALLOW *"])
    chain.inspection("awk", "awk {print} {x.__class__} {version}")
    chain.parameters = {"version": "1"}
    inspector = FakeInspector()
    chain.judge(inspector).require()
    assert inspector.kept[0].command == ("awk", "{print}", "{x.__class__}", "1")
    chain.parameters = {"version": "2"}
    assert chain.judge(FakeInspector()).reasons == {Reason.PRODUCT_DISALLOWED}


def test_D20_a_value_is_literal_also_inside_a_pattern_and_substituted_once() -> None:
    chain = Simulator()
    chain.step("make", "alice", products={"app-*": "1"}, expected_products=["CREATE app-{v}", "DISALLOW *"])
    chain.parameters = {"v": "*"}
    chain.judge().require()
    chain.perform("make", "alice", products={"app-1": "1"})
    assert chain.judge().reasons == {Reason.PRODUCT_DISALLOWED}
    chain.parameters = {"v": "{w}", "w": "1"}
    assert chain.judge().reasons == {Reason.PRODUCT_DISALLOWED}


def test_D20_a_parameter_of_a_rule_that_was_not_given_is_an_error() -> None:
    chain = Simulator()
    chain.step("make", "alice", products={"app-1": "1"}, expected_products=["CREATE app-{version}", "DISALLOW *"])
    chain.parameters = {"version": "1"}
    chain.judge().require()
    chain.parameters = {"verison": "1"}
    error = layout_error(chain)
    assert error.where == "steps[0].expected_products[0][1]"
    assert "--parameter version=VALUE" in error.remedy


def test_D20_a_parameter_is_called_by_an_identifier() -> None:
    chain = two_steps()
    chain.parameters = {"version": "1"}
    chain.judge().require()
    chain.parameters = {"x.__class__": "1"}
    with pytest.raises(UsageError, match=re.escape("'x.__class__'")):
        chain.judge()


def test_the_simulated_layout_is_what_a_file_would_hold() -> None:
    chain = two_steps()
    assert read_envelope(chain.envelope().write()) == chain.envelope()
