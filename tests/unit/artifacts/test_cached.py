"""Tests of `custody.artifacts.cached`: where a digest cache may lie, and what it answers for."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.artifacts import cache
from custody.artifacts.cached import check_cache_place, record_with_cache
from custody.artifacts.options import Recorded, Recording
from custody.artifacts.recording import record
from custody.artifacts.resolvers import default_resolvers
from custody.errors import UsageError
from tests.unit.artifacts.caches import RESTED


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "_REST_NS", RESTED)
    (tmp_path / "src" / "in").mkdir(parents=True)
    (tmp_path / "src" / "in" / "a").write_text("a")
    (tmp_path / "alias").symlink_to(tmp_path / "src")
    return tmp_path


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("place", "paths"),
    [
        ("src/cache", ["src"]),
        ("src/in/cache", ["src"]),
        ("src/cache", ["."]),
        ("src/cache", ["file:src"]),
        ("src/cache", ["dir:src"]),
        ("src/cache", ["src/cache"]),
        ("src/cache", ["other", "./src//in/.."]),
        ("alias/cache", ["src"]),
        ("src/cache", ["alias"]),
        ("../{here}/src/cache", ["src"]),
        ("src/cache", ["/"]),
    ],
)
def test_a_cache_among_what_is_recorded_is_refused(here: Path, place: str, paths: list[str], *, there: bool) -> None:
    place = place.format(here=here.name)
    if there:
        Path(place).touch()
    with pytest.raises(UsageError, match=r"would be recorded itself, as part of .*; put it elsewhere, or exclude it"):
        check_cache_place(place, paths, Recording(exclude=()))


@pytest.mark.parametrize(
    ("place", "paths", "recording"),
    [
        ("cache", ["src"], Recording(exclude=())),
        ("src/cache", ["src/in"], Recording(exclude=())),
        ("src/cache", ["src/cach"], Recording(exclude=())),
        ("src2", ["src"], Recording(exclude=())),
        ("src/cache", [], Recording(exclude=())),
        ("src/cache", ["git:src"], Recording(exclude=())),
        ("src/cache", ["src"], Recording(exclude=("cache",))),
        ("src/in/cache", ["src"], Recording(exclude=("/src/in/",))),
        ("src/in/cache", ["dir:src"], Recording(exclude=("/in/",))),
        ("src/.git/cache", ["."], Recording()),
        ("cache", ["src"], Recording(exclude=(), base_path="src")),
    ],
)
def test_a_cache_elsewhere_or_excluded_is_fine(place: str, paths: list[str], recording: Recording) -> None:
    check_cache_place(place, paths, recording)


def test_paths_are_seen_from_the_base_path() -> None:
    with pytest.raises(UsageError, match="as part of 'in'"):
        check_cache_place("src/in/cache", ["in"], Recording(exclude=(), base_path="src"))


def test_a_place_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a file for the digest cache"):
        check_cache_place("a\0b", ["src"], Recording())


def test_other_schemes_are_recorded_without_it(here: Path) -> None:
    paths = ["src", "dir:src"]
    for content in ("a", "b"):
        (here / "src" / "in" / "a").write_text(content)
        assert record_with_cache(paths, Recording(), "cache") == record(paths)


def test_a_resolver_of_files_that_knows_no_cache_is_refused(here: Path) -> None:
    own = {**default_resolvers(), "file": lambda *_: Recorded(artifacts={})}
    with pytest.raises(UsageError, match="answers for the usual resolver of files only"):
        record_with_cache(["src"], Recording(), "cache", resolvers=own)
    assert not (here / "cache").exists()


def test_other_resolvers_are_kept() -> None:
    expected = {"my:thing": {"sha256": "00" * 32}}
    own = {**default_resolvers(), "my": lambda *_: Recorded(artifacts=expected)}
    assert record_with_cache(["my:thing"], Recording(), "cache", resolvers=own).artifacts == expected
