"""Laws of recording, for trees and patterns that nobody thought of."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from custody.artifacts.exclude import Exclusion
from custody.artifacts.names import normal_path
from custody.artifacts.reading import Reader
from custody.artifacts.recording import Recording, record
from custody.errors import UsageError
from custody.rules.artifacts import is_well_formed

EVERYTHING = Recording(exclude=())

# A name may hold everything but these; a surrogate is no character, and a colon may make a URI.
COMPONENTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0:"), min_size=1, max_size=8
).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(COMPONENTS, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.binary(max_size=40), max_size=6)


@contextmanager
def on_disk(tree: Mapping[str, bytes]) -> Iterator[str]:
    """Write `tree`; one in which a file would have to be a directory is not tried."""
    assume(not any(f"{other}/".startswith(f"{path}/") for path in tree for other in tree if other != path))
    with tempfile.TemporaryDirectory() as directory:
        for path, data in tree.items():
            (Path(directory) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(directory) / path).write_bytes(data)
        yield directory


@given(TREES)
@example({"a\\b": b"1", "a/b": b"2"})
@example({"a\nb": b"", "x.pyc": b"", ".git/x": b"", "x.link": b"", "x~": b""})
def test_everything_is_recorded_with_the_digest_of_its_content(tree: Mapping[str, bytes]) -> None:
    with on_disk(tree) as directory:
        recorded = record(["."], EVERYTHING.replace(base_path=directory))
    assert recorded.artifacts == {path: {"sha256": hashlib.sha256(data).hexdigest()} for path, data in tree.items()}
    assert list(recorded.artifacts) == sorted(tree)
    assert all(is_well_formed(name) for name in recorded.artifacts)


@given(TREES, st.data())
def test_the_order_and_repetition_of_paths_decide_nothing(tree: Mapping[str, bytes], data: st.DataObject) -> None:
    paths = data.draw(st.permutations([*tree, *tree]))
    with on_disk(tree) as directory:
        recording = EVERYTHING.replace(base_path=directory)
        assert record(paths, recording) == record(list(tree), recording)


@given(TREES, COMPONENTS)
def test_stripping_the_common_directory_is_recording_from_it(tree: Mapping[str, bytes], parent: str) -> None:
    assume(tree)
    with on_disk({f"{parent}/{path}": data for path, data in tree.items()}) as directory:
        stripping = EVERYTHING.replace(base_path=directory, lstrip_paths=(f"{parent}/",))
        inside = EVERYTHING.replace(base_path=f"{directory}/{parent}")
        assert record([f"./{parent}"], stripping) == record(["."], inside)


@given(TREES, st.integers(min_value=0, max_value=6))
def test_files_can_be_added_to_a_reader_bit_by_bit(tree: Mapping[str, bytes], cut: int) -> None:
    paths = list(tree)
    with on_disk(tree) as directory, Reader(EVERYTHING.replace(base_path=directory)) as reader:
        reader.add(paths[:cut])
        reader.add(paths[cut:])
        assert reader.records() == {path: hashlib.sha256(data).digest() for path, data in tree.items()}


def is_plain(pattern: str) -> bool:
    return pattern.isascii() and pattern.replace("*", "").replace(".", "").isalnum() and "*" not in pattern[1:-1]


PATTERN_TEXT = st.text("ab.*~ \\!#[]?/-é\t", max_size=6)


@given(
    st.lists(PATTERN_TEXT, max_size=4),
    st.lists(st.text("ab.~ !#[]-é", min_size=1, max_size=5), min_size=1, max_size=3).map("/".join),
)
@example(["*.link*", ".git", "*.pyc", "*~"], "a.link/b")
@example(["[[]"], "[")
@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # of pathspec's own patterns
def test_fast_patterns_mean_what_pathspec_says(patterns: list[str], path: str) -> None:
    try:
        spec = GitIgnoreSpec.from_lines(patterns, backend="simple")
    except ValueError:
        assume(False)  # noqa: FBT003  # hypothesis has no other spelling
    exclusion = Exclusion(patterns)
    assert (exclusion.pattern_for(path) is not None) == spec.match_file(path)


@given(st.lists(PATTERN_TEXT, max_size=4), st.lists(st.text("ab.~ !#[]-é", min_size=1, max_size=5), max_size=4))
@example(["*.link*", ".git", "*.pyc", "*~"], ["a.link", "b"])
@example([".git"], ["git", ".gitx", "x.git"])
@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # of pathspec's own patterns
def test_names_are_spared_together_only_if_each_is(patterns: list[str], names: list[str]) -> None:
    try:
        exclusion = Exclusion(patterns)
    except UsageError:
        assume(False)  # noqa: FBT003  # hypothesis has no other spelling
    spared = not any(exclusion.covers(f"d/{name}", name) for name in names)
    assert spared or not exclusion.spares(names)
    if all(is_plain(pattern) for pattern in patterns):
        assert exclusion.spares(names) == spared


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
@example("//a")
@example("///")
def test_a_normal_path_is_well_formed_and_stays(path: str) -> None:
    normal = normal_path(path)
    assert normal_path(normal) == normal
    assert is_well_formed(normal)
