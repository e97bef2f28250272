from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Self

import pytest

from custody.errors import StoreError
from custody.stores.directory import DirectoryStore
from custody.stores.memory import MemoryStore
from custody.verdict import Reason
from custody.verification.case import EvidenceSet, UnreadableError
from custody.verification.judge import judge
from custody.workflows import gather as gather_module
from custody.workflows.gather import gather
from custody.workflows.verify import verify
from tests.simulator import Simulator, actor, link_name, two_steps


def with_sublayout() -> tuple[Simulator, Simulator]:
    inner = Simulator()
    inner.step("compile", "carol", products={"out": "1"})
    inner.inspection("look", "look")
    inner.perform("look", "bob", command=["look"], byproducts={"return-value": 0})
    outer = Simulator()
    outer.step("build", "bob", perform=False)
    outer.sublayout("build", "bob", inner)
    return outer, inner


def nested(chain: Simulator) -> EvidenceSet:
    (evidence,) = gather(chain.layout, MemoryStore(chain.files))["build"]
    return evidence.nested


def test_evidence_is_fetched_for_the_steps_of_the_layout_only() -> None:
    chain = two_steps()
    chain.files["other.1234abcd.link"] = b"x"
    found = gather(chain.layout, MemoryStore(chain.files))
    assert {step: [e.source for e in evidence] for step, evidence in found.items()} == {
        "write": [link_name("write", actor("alice"))],
        "build": [link_name("build", actor("bob"))],
    }


def test_what_a_sublayout_asks_for_is_fetched_with_its_signed_inspections() -> None:
    outer, inner = with_sublayout()
    found = nested(outer)
    assert set(found) == {"compile", "look"}
    directory = link_name("build", actor("bob")).removesuffix(".link")
    assert [e.source for e in found["look"]] == [f"{directory}/{link_name('look', actor('bob'))}"]
    assert inner.files[link_name("look", actor("bob"))] == found["look"][0].read()


def test_nothing_is_fetched_for_a_sublayout_that_no_functionary_signed() -> None:
    outer, inner = with_sublayout()
    assert nested(outer)
    outer.put("build", "mallory", inner.document(), file=link_name("build", actor("bob")))
    assert nested(outer) == {}


def test_nothing_is_fetched_below_a_link_or_a_layout_that_is_none() -> None:
    outer, inner = with_sublayout()
    inner.document_changes.append(lambda document: document.update(steps=1))
    outer.put("build", "bob", inner.document())
    assert nested(outer) == {}
    outer.perform("build", "bob")
    assert nested(outer) == {}


def test_a_file_that_cannot_be_read_is_evidence_nobody_can_read_and_hides_nothing(tmp_path: Path) -> None:
    chain = Simulator()
    chain.step("build", "alice", "bob", perform=False)
    chain.perform("build", "alice")
    verification = chain.verification(tmp_path)
    os.mkfifo(tmp_path / link_name("build", actor("bob")))
    found = gather(chain.layout, DirectoryStore(str(tmp_path)))
    (trouble,) = (evidence for evidence in found["build"] if link_name("build", actor("bob")) in evidence.source)
    with pytest.raises(UnreadableError, match="not a regular file"):
        trouble.read()
    verify(verification).require()
    (tmp_path / link_name("build", actor("alice"))).unlink()
    assert verify(verification).reasons == {Reason.LINK_UNREADABLE, Reason.TOO_FEW_FUNCTIONARIES}


def test_a_file_where_a_sublayouts_directory_should_be_is_no_directory(tmp_path: Path) -> None:
    outer, _ = with_sublayout()
    verify(outer.verification(tmp_path)).require()
    directory = tmp_path / link_name("build", actor("bob")).removesuffix(".link")
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    directory.write_text("")
    verification = outer.verification(tmp_path / "elsewhere").replace(evidence=str(tmp_path))
    assert Reason.SUBLAYOUT_REJECTED in verify(verification).reasons


def test_a_directory_of_links_to_itself_ends(tmp_path: Path) -> None:
    outer, inner = with_sublayout()
    outer.verification(tmp_path)
    loop = tmp_path / link_name("build", actor("bob")).removesuffix(".link")
    for path in loop.iterdir():
        path.unlink()
    loop.rmdir()
    loop.symlink_to(tmp_path)
    assert inner.layout.steps
    verdict = judge(outer.case().replace(evidence=gather(outer.layout, DirectoryStore(str(tmp_path)))))
    assert Reason.SUBLAYOUT_REJECTED in verdict.reasons


def test_absurdly_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    outer, _ = with_sublayout()
    monkeypatch.setattr(gather_module, "MAX_FILES", 3)
    nested(outer)
    monkeypatch.setattr(gather_module, "MAX_FILES", 2)
    with pytest.raises(StoreError, match="at most 2 files"):
        nested(outer)


def test_absurdly_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    outer, _ = with_sublayout()
    total = sum(map(len, outer.files.values()))
    monkeypatch.setattr(gather_module, "MAX_TOTAL_BYTES", total)
    outer.judge().require()
    monkeypatch.setattr(gather_module, "MAX_TOTAL_BYTES", total - 1)
    with pytest.raises(StoreError, match="bytes of evidence"):
        outer.judge()
    monkeypatch.setattr(gather_module, "MAX_TOTAL_BYTES", 1)
    with pytest.raises(StoreError, match="bytes of evidence"):
        nested(outer)


def test_progress_names_each_file() -> None:
    chain = two_steps()
    seen: list[str] = []
    found = gather(chain.layout, MemoryStore(chain.files), progress=seen.append)
    assert seen == []
    for evidence in [*found["write"], *found["build"]] * 2:
        evidence.read()
    assert seen == [link_name("write", actor("alice")), link_name("build", actor("bob"))]


def test_a_file_is_read_when_it_is_judged_and_may_not_change_afterwards(tmp_path: Path) -> None:
    path = tmp_path / link_name("write", actor("alice"))
    chain = two_steps()
    chain.verification(tmp_path)
    (evidence,) = gather(chain.layout, DirectoryStore(str(tmp_path)))["write"]
    path.write_bytes(b"first")
    assert [evidence.read(), evidence.read()] == [b"first", b"first"]
    path.write_bytes(b"other")
    with pytest.raises(UnreadableError, match="changed while it was verified"):
        evidence.read()
    assert evidence.digest("sha256") == hashlib.sha256(b"first").hexdigest()
    with pytest.raises(UnreadableError, match="changed while it was verified"):
        evidence.digest("sha512")
    path.write_bytes(b"first")
    assert evidence.digest("sha512") == hashlib.sha512(b"first").hexdigest()


def test_a_file_whose_digests_nobody_wants_is_read_once() -> None:
    chain = two_steps()
    (evidence,) = gather(chain.layout, MemoryStore(chain.files), digests=())["write"]
    assert evidence.read() == chain.files[evidence.source]
    with pytest.raises(StoreError, match="once only"):
        evidence.read()


def test_a_directory_of_a_sublayout_that_cannot_be_listed_is_no_evidence() -> None:
    class Closed(MemoryStore):
        def nested(self, name: str) -> Self | None:
            raise StoreError(f"{name} is closed")

    chain = two_steps()
    (evidence,) = gather(chain.layout, Closed(chain.files))["write"]
    with pytest.raises(UnreadableError, match="is closed"):
        evidence.read()
