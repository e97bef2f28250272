"""The law of the digest cache: whatever happens to a tree, what is recorded with it is what is recorded without."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from custody.artifacts import cache
from custody.artifacts.cached import record_with_cache
from custody.artifacts.options import Recording
from custody.artifacts.recording import record
from tests.unit.artifacts.caches import OLD, RESTED, tick

PATHS = ("a", "d/a", "e/a")
RECORDINGS = (Recording(), Recording(modes=True), Recording(hash_algorithms=("sha512", "sha384")))

writes = st.tuples(st.just("write"), st.sampled_from(PATHS), st.sampled_from([b"one", b"two", b"longer"]))
others = st.tuples(
    st.sampled_from(["remove", "rename", "link", "symlink", "mode", "swap"]),
    st.sampled_from(PATHS),
    st.sampled_from(PATHS),
)
rounds = st.lists(st.lists(st.one_of(writes, others), max_size=3), min_size=1, max_size=5)


def edit(root: Path, kind: str, path: Path, value: bytes | Path) -> None:
    """Do one thing to the tree; what cannot be done is not."""
    if isinstance(value, bytes):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(value)
        os.utime(path, ns=(OLD, OLD))  # which alone would never show a change, then
    elif kind == "swap":
        for one, other in (("d", "swap"), ("e", "d"), ("swap", "e")):
            (root / one).rename(root / other)
    elif kind == "remove":
        path.unlink()
    elif kind == "rename":
        path.rename(value)
    elif kind == "mode":
        path.chmod(path.stat().st_mode ^ 0o100)
    elif kind == "link":
        value.hardlink_to(path)
    elif path != value:
        value.symlink_to(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("rested", [True, False])
@given(rounds=rounds, recording=st.sampled_from(RECORDINGS))
@example(rounds=[[], [("write", "a", b"two")], [("write", "a", b"one")]], recording=RECORDINGS[0])
@example(rounds=[[], [("swap", "a", "a")]], recording=RECORDINGS[0])
@example(rounds=[[], [("mode", "d/a", "a")]], recording=RECORDINGS[1])
def test_the_cache_changes_nothing_that_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
    rounds: list[list[tuple[str, str, bytes | str]]],
    recording: Recording,
    *,
    rested: bool,
) -> None:
    """Once with files that count as rested, and do rest; once with files that change at any time."""
    if rested:
        monkeypatch.setattr(cache, "_REST_NS", RESTED)
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        root.mkdir()
        for path in PATHS:
            edit(root, "write", root / path, path[:1].encode() * 3)
        how = recording.replace(base_path=str(root))
        for edits in rounds:
            if rested:
                tick(root)
            for kind, path, value in edits:
                with suppress(OSError):
                    edit(root, kind, root / path, value if isinstance(value, bytes) else root / value)
            found = record_with_cache(["."], how, str(Path(directory) / "cache"))
            assert found.artifacts == record(["."], how).artifacts
