"""Layouts and links with ML-DSA-65 keys: the compatible commands and the reference sign and verify the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.compat.sides import Place

SOURCE = """\
expires: 6 months
functionaries:
  alice: alice.pub
  alice-pq: alice-pq.pub
steps:
  - name: build
    functionaries: [alice, alice-pq]
    threshold: 2
    expected_materials: [DISALLOW *]
    expected_products: [CREATE app, DISALLOW *]
"""
KEYS = {"owner": "ml-dsa-65", "alice": "ed25519", "alice-pq": "ml-dsa-65"}
VERIFY = "--layout root.layout --verification-keys owner.pub"


def prepared(place: Place, envelope: str) -> None:
    """Make keys and a signed layout in the final product."""
    for name, kind in KEYS.items():
        assert place.custody(f"custody keygen --type {kind} {name}").code == 0
    (place.final / "supply-chain.yaml").write_text(SOURCE)
    (place.final / "app").write_text("the product\n")
    assert place.custody(f"custody layout build supply-chain.yaml -o root.layout {envelope}").code == 0
    assert place.custody("custody sign -f root.layout --signing-key owner").code == 0


@pytest.mark.parametrize("envelope", ["", "--use-dsse"], ids=["metablock", "dsse"])
@pytest.mark.parametrize("signs", ["custody", "in-toto-run"])
def test_both_sides_accept_both_signatures_and_no_changed_one(signs: str, envelope: str, place: Place) -> None:
    prepared(place, envelope)
    for key in ("alice", "alice-pq"):
        line = f"-n build --signing-key {key} -p app -x {envelope}"
        if signs == "custody":
            ran = place.custody(f"custody run {line}")
        else:
            ran = place.command("in-toto-run", *line.split())
        assert ran.code == 0, ran.err
    ran = place.command("in-toto-verify", *VERIFY.split())
    assert ran.code == 0, ran.err
    assert place.custody(f"custody verify {VERIFY}").code == 0

    links = sorted(place.final.glob("build.*.link"))
    assert len(links) == 2
    for link in links:
        before = link.read_text()
        document = json.loads(before)
        signature = document["signatures"][0]["sig"]
        document["signatures"][0]["sig"] = ("1" if signature[0] != "1" else "2") + signature[1:]
        link.write_text(json.dumps(document))
        assert place.command("in-toto-verify", *VERIFY.split()).code == 1
        assert place.custody(f"custody verify {VERIFY}").code == 1
        link.write_text(before)
    assert place.custody(f"custody verify {VERIFY}").code == 0
