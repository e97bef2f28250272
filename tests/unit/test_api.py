"""The public Python API: what `import custody` offers, and that it does a whole chain."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import custody
from custody import _ROOMS


def test_every_public_name_comes_from_its_room() -> None:
    listed = {name for names in _ROOMS.values() for name in names}
    assert listed | {"__version__"} == set(custody.__all__)
    for room, names in _ROOMS.items():
        for name in names:
            assert getattr(custody, name) is getattr(import_module(room), name)
            assert name in dir(custody)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        custody.nothing  # noqa: B018  # the access is the test


def test_importing_custody_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import custody; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"__future__", "custody"}


SOURCE = """\
expires: 1 month
functionaries: {alice: alice.pub}
steps:
  - {name: edit, functionaries: [alice], expected_materials: [DISALLOW *], expected_products: [CREATE a, DISALLOW *]}
  - name: copy
    functionaries: [alice]
    expected_materials: [MATCH a WITH PRODUCTS FROM edit, DISALLOW *]
    expected_products: [CREATE b, MATCH a WITH PRODUCTS FROM edit, DISALLOW *]
"""


def test_the_verbs_carry_a_chain_and_catch_tampering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("owner", "alice"):
        custody.generate(name)
    Path("chain.yaml").write_text(SOURCE)
    layout = custody.build_layout("chain.yaml", "root.layout")
    assert [step.name for step in layout.steps] == ["edit", "copy"]
    custody.sign("root.layout", "owner")
    with custody.record("edit", signing_key="alice", products=["a"]):
        Path("a").write_text("1")
    custody.run(
        "copy", ["cp", "a", "b"], signing_key=custody.load_signer("alice"), materials=["a"], products=["a", "b"]
    )

    verdict = custody.verify("root.layout", ["owner.pub"], artifacts=["b"]).require()
    assert [step.name for step in verdict.steps] == ["edit", "copy"]

    Path("b").write_text("2")
    with pytest.raises(custody.RejectedError) as caught:
        custody.verify("root.layout", [custody.load_key("owner.pub")], artifacts=["b"]).require()
    assert caught.value.verdict.reasons == {custody.Reason.ARTIFACT_NOT_MADE}


def test_a_recording_that_fails_leaves_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    custody.generate("alice")
    with pytest.raises(ZeroDivisionError), custody.record("edit", signing_key="alice", products=["a"]):
        Path("a").write_text(str(1 // 0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alice", "alice.pub"]
