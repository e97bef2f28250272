"""A layout asks for a classical and a post-quantum signature: neither alone is enough, and neither is forged unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from custody.cli.main import main

Capture = pytest.CaptureFixture[str]

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
ENVELOPES = pytest.mark.parametrize("envelope", [[], ["--use-dsse"]], ids=["metablock", "dsse"])
VERIFY = ["verify", "-l", "root.layout", "--owner-threshold", "2", "--verification-keys"]


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, kind in (("owner", "ed25519"), ("owner-pq", "ml-dsa-65"), ("alice", "ecdsa"), ("alice-pq", "ml-dsa-65")):
        assert main(["keygen", "--type", kind, name]) == 0


def layout(*envelope: str, owners: tuple[str, ...] = ("owner", "owner-pq")) -> None:
    Path("supply-chain.yaml").write_text(SOURCE)
    assert main(["layout", "build", "supply-chain.yaml", "-o", "root.layout", "--force", *envelope]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", *owners]) == 0


def build(*keys: str, more: tuple[str, ...] = ()) -> None:
    Path("app").write_text("the product\n")
    for key in keys:
        assert main(["run", "-n", "build", "--signing-key", key, "-p", "app", "-x", *more]) == 0


def verdict(capsys: Capture, *owners: str) -> tuple[int, str]:
    capsys.readouterr()
    code = main([*VERIFY, *(owners or ("owner.pub", "owner-pq.pub"))])
    return code, "".join(capsys.readouterr())


def link_of(name: str) -> Path:
    keyid = json.loads(Path(f"{name}.json").read_text())["keyid"]
    return Path(f"build.{keyid[:8]}.link")


@ENVELOPES
def test_both_signatures_are_enough(envelope: list[str], capsys: Capture) -> None:
    layout(*envelope)
    build("alice", "alice-pq", more=tuple(envelope))
    code, text = verdict(capsys)
    assert code == 0, text


@ENVELOPES
@pytest.mark.parametrize("only", ["alice", "alice-pq"])
def test_one_signature_is_not(only: str, envelope: list[str], capsys: Capture) -> None:
    layout(*envelope)
    build(only, only, more=tuple(envelope))
    code, text = verdict(capsys)
    assert code == 1
    assert "too-few-functionaries" in text


@ENVELOPES
@pytest.mark.parametrize("forged", ["alice", "alice-pq"])
def test_a_changed_link_does_not_count(forged: str, envelope: list[str], capsys: Capture) -> None:
    layout(*envelope)
    build("alice", "alice-pq", more=tuple(envelope))
    assert main(["key", "convert", f"{forged}.pub", "--to", "metadata", "-o", f"{forged}.json"]) == 0
    path = link_of(forged)
    document = json.loads(path.read_text())
    signature = document["signatures"][0]["sig"]
    document["signatures"][0]["sig"] = ("1" if signature[0] != "1" else "2") + signature[1:]
    path.write_text(json.dumps(document))
    code, text = verdict(capsys)
    assert code == 1
    assert "too-few-functionaries" in text


@ENVELOPES
def test_who_broke_the_classical_key_still_lacks_the_other(envelope: list[str], capsys: Capture) -> None:
    """Whoever has Alice's classical key can say anything under it, also in the name of the other."""
    layout(*envelope)
    build("alice", "alice-pq", more=tuple(envelope))
    for name in ("alice", "alice-pq"):
        assert main(["key", "convert", f"{name}.pub", "--to", "metadata", "-o", f"{name}.json"]) == 0
    document = json.loads(link_of("alice").read_text())
    document["signatures"][0]["keyid"] = json.loads(Path("alice-pq.json").read_text())["keyid"]
    link_of("alice-pq").write_text(json.dumps(document))
    code, text = verdict(capsys)
    assert code == 1
    assert "too-few-functionaries" in text


@ENVELOPES
def test_layout_needs_both_owners(envelope: list[str], capsys: Capture) -> None:
    build("alice", "alice-pq", more=tuple(envelope))
    layout(*envelope)
    assert verdict(capsys)[0] == 0
    for owner in ("owner", "owner-pq"):
        layout(*envelope, owners=(owner,))
        assert verdict(capsys)[0] == 1


def test_layout_with_a_key_that_is_cut_off_is_refused(capsys: Capture) -> None:
    layout()
    build("alice", "alice-pq")
    document = json.loads(Path("root.layout").read_text())
    keys = document["signed"]["keys"]
    [listed] = [key for key in keys.values() if key["keytype"] == "ml-dsa"]
    listed["keyval"]["public"] = listed["keyval"]["public"].replace("A", "", 4)
    document["signatures"] = []
    Path("root.layout").write_text(json.dumps(document))
    assert main(["sign", "-f", "root.layout", "--signing-key", "owner", "owner-pq"]) == 2
    assert "keyval.public" in capsys.readouterr().err
