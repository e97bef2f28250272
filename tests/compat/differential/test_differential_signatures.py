"""Each side verifies what the other signed, of every kind of key, in both envelopes; and rejects it changed."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.compat.differential.chains import change_signed
from tests.compat.differential.keys import KINDS, KeyRing
from tests.compat.differential.sides import Side

pytestmark = pytest.mark.component("reference")

ORDERS = ("ours, then theirs", "theirs, then ours")
ENVELOPES = pytest.mark.parametrize("dsse", [False, True], ids=["metablock", "dsse"])
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_ORDER = pytest.mark.parametrize("order", ORDERS)

LAYOUT = """
import sys
from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.metadata import Envelope, Metablock
step = Step(name="build", threshold=1)
step.pubkeys = [sys.argv[2]]
step.add_product_rule_from_string("CREATE out")
step.add_product_rule_from_string("DISALLOW *")
step.set_expected_command_from_string("sh -c 'printf 1 > out'")
inspection = Inspection(name="look")
inspection.add_material_rule_from_string("MATCH out WITH PRODUCTS FROM build")
inspection.set_run_from_string("true")
layout = Layout(steps=[step], inspect=[inspection], readme="Überblick")
layout.add_functionary_key_from_path(sys.argv[3])
layout.expires = "2100-01-01T00:00:00Z"
envelope = Envelope.from_signable(layout) if sys.argv[1] == "True" else Metablock(signed=layout)
envelope.dump("root.layout")
"""
"""Writes a layout without signatures, for a functionary: envelope, key id, public key."""


@pytest.fixture
def pair(order: str, reference: Side, package: Side) -> tuple[Side, Side]:
    """Return who signs, and who verifies."""
    return (package, reference) if order == ORDERS[0] else (reference, package)


@EVERY_ORDER
@ENVELOPES
@EVERY_KIND
def test_link_of_one_side_verifies_on_the_other(
    kind: str, *, dsse: bool, pair: tuple[Side, Side], keys: KeyRing, tmp_path: Path
) -> None:
    signer, verifier = pair
    key, other = keys.key(kind), keys.key(kind, 1)
    words = ["-n", "build", "-p", "out", "--signing-key", str(key.private), *(["--use-dsse"] if dsse else [])]
    assert signer.run("in-toto-run", *words, "--", "sh", "-c", "printf 1 > out", directory=tmp_path).exit == 0
    link = tmp_path / f"build.{key.keyid:.8}.link"

    def verify(public: Path) -> int:
        return verifier.run("in-toto-sign", "-f", link.name, "--verify", "-k", str(public), directory=tmp_path).exit

    assert verify(key.public) == 0
    assert verify(other.public) == 1
    change_signed(link)
    assert verify(key.public) == 1


@EVERY_ORDER
@ENVELOPES
@EVERY_KIND
def test_chain_of_one_side_is_accepted_by_the_other_and_not_once_it_is_changed(
    kind: str, *, dsse: bool, pair: tuple[Side, Side], keys: KeyRing, tmp_path: Path
) -> None:
    signer, verifier = pair
    key, owner = keys.key(kind), keys.key(kind, 1)
    made = signer.script(LAYOUT, str(dsse), key.keyid, str(key.public), directory=tmp_path)
    assert made.exit == 0, made.err
    signed = signer.run("in-toto-sign", "-f", "root.layout", "-k", str(owner.private), directory=tmp_path)
    assert signed.exit == 0, signed.err
    words = ["-n", "build", "-p", "out", "--signing-key", str(key.private), *(["--use-dsse"] if dsse else [])]
    assert signer.run("in-toto-run", *words, "--", "sh", "-c", "printf 1 > out", directory=tmp_path).exit == 0

    def verify() -> tuple[int, str]:
        words = ["-l", "root.layout", "--verification-keys", str(owner.public)]
        ran = verifier.run("in-toto-verify", *words, directory=tmp_path)
        return ran.exit, ran.failure

    assert verify() == (0, "")
    (tmp_path / "out").write_text("2")
    assert verify() == (0, "")  # nothing in the layout disallows it
    change_signed(tmp_path / "root.layout")
    assert verify() == (1, "SignatureVerificationError")


@ENVELOPES
def test_both_sides_write_the_same_layout(
    *, dsse: bool, reference: Side, package: Side, keys: KeyRing, tmp_path: Path
) -> None:
    key = keys.key("ed25519")
    written = []
    for side in (reference, package):
        made = side.script(LAYOUT, str(dsse), key.keyid, str(key.public), directory=tmp_path)
        assert made.exit == 0, made.err
        side.run("in-toto-sign", "-f", "root.layout", "-k", str(key.private), directory=tmp_path)
        written.append((tmp_path / "root.layout").read_bytes())
    assert written[1] == written[0]


@EVERY_ORDER
@ENVELOPES
@pytest.mark.parametrize("kinds", list(itertools.pairwise(KINDS)), ids="-".join)
def test_signatures_of_both_sides_stand_beside_each_other(
    kinds: tuple[str, str], *, dsse: bool, pair: tuple[Side, Side], keys: KeyRing, tmp_path: Path
) -> None:
    one, two = (keys.key(kind) for kind in kinds)
    first, second = pair
    made = first.script(LAYOUT, str(dsse), one.keyid, str(one.public), directory=tmp_path)
    assert made.exit == 0, made.err
    assert first.run("in-toto-sign", "-f", "root.layout", "-k", str(one.private), directory=tmp_path).exit == 0
    assert second.run("in-toto-sign", "-f", "root.layout", "-a", "-k", str(two.private), directory=tmp_path).exit == 0

    for side in pair:
        words = ["-f", "root.layout", "--verify", "-k", str(one.public), str(two.public)]
        assert side.run("in-toto-sign", *words, directory=tmp_path).exit == 0

    assert second.run("in-toto-sign", "-f", "root.layout", "-k", str(two.private), directory=tmp_path).exit == 0
    for side in pair:
        assert side.run("in-toto-sign", *words, directory=tmp_path).exit == 1


@EVERY_ORDER
@EVERY_KIND
def test_recording_that_one_side_stopped_verifies_on_the_other(
    kind: str, *, pair: tuple[Side, Side], keys: KeyRing, tmp_path: Path
) -> None:
    signer, verifier = pair
    key = keys.key(kind)
    words = ["-n", "edit", "--signing-key", str(key.private)]
    assert signer.run("in-toto-record", "start", *words, "-m", ".", directory=tmp_path).exit == 0
    (tmp_path / "out").write_text("1")
    assert signer.run("in-toto-record", "stop", *words, "-p", ".", directory=tmp_path).exit == 0
    link = tmp_path / f"edit.{key.keyid:.8}.link"

    check = ["-f", link.name, "--verify", "-k", str(key.public)]
    assert verifier.run("in-toto-sign", *check, directory=tmp_path).exit == 0
    change_signed(link)
    assert verifier.run("in-toto-sign", *check, directory=tmp_path).exit == 1
