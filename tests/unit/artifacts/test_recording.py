"""Tests of `custody.artifacts.recording`: every option in a case where it decides the outcome."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from custody.artifacts.options import PrefixClashError
from custody.artifacts.recording import DEFAULT_EXCLUDES, Recorded, Recording, record
from custody.errors import RecordingError, UsageError


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, empty and for this test only."""
    directory = tmp_path / "tree"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def names(recorded: Recorded) -> list[str]:
    return list(recorded.artifacts)


class TestPaths:
    def test_a_directory_is_recorded_file_by_file_with_digests_sorted_by_name(self, tree: Path) -> None:
        write(tree / "b" / "two", b"2")
        write(tree / "a", b"1")
        write(tree / "B", b"3")
        recorded = record(["."])
        assert recorded == Recorded(
            artifacts={
                "B": {"sha256": sha256(b"3")},
                "a": {"sha256": sha256(b"1")},
                "b/two": {"sha256": sha256(b"2")},
            }
        )
        assert names(recorded) == ["B", "a", "b/two"]

    def test_names_of_all_schemes_are_sorted_together(self, tree: Path) -> None:
        for name in ["a", "src/x", "z"]:
            write(tree / name)
        assert names(record(["z", "dir:src", "a"])) == ["a", "dir:src", "z"]

    def test_nothing_is_recorded_of_no_paths(self) -> None:
        assert record([]) == Recorded(artifacts={})

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("./a//b", "a/b"),
            ("a/b/", "a/b"),
            ("a/../a/b", "a/b"),
            ("../tree/a/b", "../tree/a/b"),
            ("file:a/b", "a/b"),
            ("file:./a/b", "a/b"),
        ],
    )
    def test_a_name_is_the_normalised_path_as_given(self, tree: Path, given: str, name: str) -> None:
        write(tree / "a" / "b")
        assert names(record([given])) == [name]

    def test_absolute_paths_stay_absolute_with_one_leading_slash(self, tree: Path) -> None:
        file = str(write(tree / "a"))
        assert names(record([file])) == [file]
        assert names(record([f"/{file}"])) == [file]
        assert names(record([str(tree)])) == [file]

    @pytest.mark.parametrize(
        ("paths", "expected"),
        [
            (["a", "./a"], ["a"]),
            (["file:a", "a"], ["a"]),
            (["src", "src/x"], ["src/x"]),
            (["src/x", "src", "src"], ["src/x"]),
            ([".", "a"], ["a", "src/x"]),
        ],
    )
    def test_spellings_and_overlaps_are_recorded_once(self, tree: Path, paths: list[str], expected: list[str]) -> None:
        write(tree / "a")
        write(tree / "src" / "x")
        recorded = record(paths, Recording(lstrip_paths=("nothing/",)))
        assert names(recorded) == expected
        assert recorded.warnings == ()

    def test_a_colon_without_a_registered_scheme_is_part_of_a_path(self, tree: Path) -> None:
        write(tree / "myapp:1.0.0", b"1")
        assert record(["myapp:1.0.0"]).artifacts == {"myapp:1.0.0": {"sha256": sha256(b"1")}}

    @pytest.mark.parametrize("scheme", ["file", "dir", "git"])
    def test_a_scheme_without_a_colon_is_a_path(self, tree: Path, scheme: str) -> None:
        write(tree / scheme)
        assert names(record([scheme])) == [scheme]

    def test_a_scheme_that_is_not_served_is_refused(self) -> None:
        with pytest.raises(UsageError, match="scheme pkg:, which is not served"):
            record(["pkg:pypi/custody"])

    def test_a_resolver_of_the_caller_is_asked(self, tree: Path) -> None:
        write(tree / "a")

        def images(references: Sequence[str], _: Recording) -> Recorded:
            return Recorded(artifacts={f"oci:{r}": {"sha256": "00"} for r in references})

        recorded = record(["oci:alpine"], resolvers={"oci": images})
        assert recorded.artifacts == {"oci:alpine": {"sha256": "00"}}

    @pytest.mark.parametrize("path", ["", "file:", "dir:", "git:", "a\0b", "\ud800"])
    def test_what_cannot_be_a_path_is_refused(self, path: str) -> None:
        with pytest.raises((UsageError, RecordingError)):
            record([path])

    def test_a_lone_string_is_not_taken_for_its_letters(self) -> None:
        with pytest.raises(UsageError, match="sequence of paths"):
            record("src")

    def test_an_empty_directory_is_a_warning(self, tree: Path) -> None:
        (tree / "out" / "deeper").mkdir(parents=True)
        recorded = record(["out"])
        assert recorded.artifacts == {}
        assert recorded.warnings == ("'out' adds nothing: there are no files in this directory",)


class TestMissing:
    def test_d21_missing_path_is_an_error_that_names_it_and_the_option(self) -> None:
        with pytest.raises(RecordingError, match=r"'./out/gone': it does not exist.*--optional './out/gone'"):
            record(["./out/gone"])

    def test_d21_optional_path_may_be_missing_without_complaint(self, tree: Path) -> None:
        write(tree / "a")
        recorded = record(["a", "file:./out"], Recording(optional=("out",)))
        assert names(recorded) == ["a"]
        assert recorded.warnings == ()

    def test_d21_an_optional_path_that_exists_is_recorded(self, tree: Path) -> None:
        write(tree / "a")
        assert names(record(["a"], Recording(optional=("a",)))) == ["a"]

    def test_d21_other_paths_than_the_optional_ones_are_still_required(self, tree: Path) -> None:
        with pytest.raises(RecordingError, match="'b'"):
            record(["a", "b"], Recording(optional=("a",)))
        assert tree.exists()

    def test_d21_missing_ok_makes_it_a_warning(self, tree: Path) -> None:
        recorded = record(["gone"], Recording(missing_ok=True))
        assert recorded.artifacts == {}
        assert recorded.warnings == ("'gone' is not recorded: it does not exist",)
        assert tree.exists()

    def test_a_file_where_a_directory_is_expected_is_missing(self, tree: Path) -> None:
        write(tree / "a")
        with pytest.raises(RecordingError, match="does not exist"):
            record(["a/b"])

    def test_a_given_symlink_to_nothing_is_missing_and_said_to_be_one(self, tree: Path) -> None:
        (tree / "link").symlink_to("gone")
        (tree / "self").symlink_to("self")
        with pytest.raises(RecordingError, match="symbolic link to nothing"):
            record(["link"])
        with pytest.raises(RecordingError, match="symbolic link to nothing"):
            record(["self"])

    def test_missing_ok_does_not_hide_what_is_there_but_cannot_be_seen(self) -> None:
        with pytest.raises(RecordingError, match="File name too long"):
            record(["x" * 300], Recording(missing_ok=True, optional=("x" * 300,)))


class TestExclude:
    def test_the_defaults_leave_out_what_the_reference_leaves_out(self, tree: Path) -> None:
        for name in ["a.link", "x.link.sh", ".git/config", "m.pyc", "old~", "kept"]:
            write(tree / name)
        assert DEFAULT_EXCLUDES == ("*.link*", ".git", "*.pyc", "*~")
        assert names(record(["."])) == ["kept"]

    def test_d22_an_empty_exclude_records_everything(self, tree: Path) -> None:
        everything = [".git/config", "a.link", "m.pyc", "old~", "x.link.sh"]
        for name in everything:
            write(tree / name)
        assert names(record(["."], Recording(exclude=()))) == everything

    def test_a4_an_inspection_sees_what_the_defaults_would_hide(self, tree: Path) -> None:
        for name in ["evil.pyc", ".git/hooks/pre-commit", "x.link.sh", "a~"]:
            write(tree / name)
        assert len(record(["."], Recording(exclude=())).artifacts) == 4

    def test_directories_are_pruned_and_paths_start_at_the_base(self, tree: Path) -> None:
        for name in ["build/o", "src/build/o", "src/a"]:
            write(tree / name)
        assert names(record(["."], Recording(exclude=("/build",)))) == ["src/a", "src/build/o"]
        assert names(record(["src"], Recording(exclude=("build",)))) == ["src/a"]

    def test_a_later_pattern_takes_back_an_earlier_one(self, tree: Path) -> None:
        for name in ["a.log", "b.log"]:
            write(tree / name)
        assert names(record(["."], Recording(exclude=("*.log", "!a.log")))) == ["a.log"]

    def test_a_given_path_that_is_left_out_is_a_warning_with_the_pattern(self, tree: Path) -> None:
        write(tree / "out" / "m.pyc")
        recorded = record(["out/m.pyc"])
        assert recorded.artifacts == {}
        assert recorded.warnings == ("'out/m.pyc' is not recorded: the exclude pattern '*.pyc' leaves it out",)

    def test_a_path_below_a_directory_that_is_left_out_is_left_out(self, tree: Path) -> None:
        write(tree / ".git" / "config")
        recorded = record([".git/config"])
        assert recorded.artifacts == {}
        assert "'.git'" in recorded.warnings[0]

    def test_a_directory_of_which_everything_is_left_out_is_a_warning(self, tree: Path) -> None:
        write(tree / "out" / "m.pyc")
        recorded = record(["out"])
        assert recorded.artifacts == {}
        assert len(recorded.warnings) == 1
        assert "'out' adds nothing" in recorded.warnings[0]
        assert "'*.pyc' leaves out 'out/m.pyc'" in recorded.warnings[0]

    def test_a_pattern_that_is_none_is_refused(self) -> None:
        with pytest.raises(UsageError, match="gitignore patterns"):
            record(["."], Recording(exclude=("!",)))


class TestBasePath:
    def test_paths_start_at_the_base_and_nothing_changes_directory(self, tree: Path) -> None:
        write(tree / "project" / "src" / "a", b"1")
        recording = Recording(base_path="project")
        assert record(["src"], recording).artifacts == {"src/a": {"sha256": sha256(b"1")}}
        assert names(record(["."], recording)) == ["src/a"]
        assert Path.cwd() == tree

    def test_d22_the_current_directory_stays_after_an_error(self, tree: Path) -> None:
        (tree / "project").mkdir()
        with pytest.raises(RecordingError, match="'gone' in 'project'"):
            record(["gone"], Recording(base_path="project"))
        assert Path.cwd() == tree

    @pytest.mark.parametrize("base", ["gone", "file", "a\0b"])
    def test_a_base_that_is_no_directory_is_refused(self, tree: Path, base: str) -> None:
        write(tree / "file")
        with pytest.raises(UsageError, match="base_path: expected an existing directory"):
            record([], Recording(base_path=base))


class TestStripping:
    def test_the_first_prefix_that_fits_is_removed(self, tree: Path) -> None:
        for name in ["build/a", "src/b", "c"]:
            write(tree / name)
        stripped = record(["."], Recording(lstrip_paths=("src/", "build/")))
        assert names(stripped) == ["a", "b", "c"]

    def test_only_one_prefix_is_removed(self, tree: Path) -> None:
        write(tree / "a" / "b" / "c")
        assert names(record(["."], Recording(lstrip_paths=("a/", "b/")))) == ["b/c"]

    def test_an_absolute_prefix_makes_names_relative(self, tree: Path) -> None:
        write(tree / "a")
        assert names(record([str(tree)], Recording(lstrip_paths=(f"{tree}/",)))) == ["a"]

    @pytest.mark.parametrize("pair", [("a", "a/b"), ("a/b", "a"), ("a", "a"), ("", "a")])
    def test_two_prefixes_that_fit_the_same_path_are_refused(self, pair: tuple[str, str]) -> None:
        with pytest.raises(PrefixClashError, match="both fit the same paths"):
            Recording(lstrip_paths=pair)

    def test_a_collision_is_an_error_that_names_both_files(self, tree: Path) -> None:
        write(tree / "build" / "a")
        write(tree / "src" / "a")
        with pytest.raises(RecordingError, match=r"'(build|src)/a' and '(src|build)/a'.*'a'"):
            record(["."], Recording(lstrip_paths=("src/", "build/")))

    @pytest.mark.parametrize(("prefix", "left"), [("src", "'/a'"), ("src/a", "''"), ("sr", None), ("s", None)])
    def test_nothing_but_a_relative_path_may_be_left(self, tree: Path, prefix: str, left: str | None) -> None:
        write(tree / "src" / "a")
        if left is None:
            assert len(record(["src"], Recording(lstrip_paths=(prefix,))).artifacts) == 1
            return
        with pytest.raises(RecordingError, match=f"leaves {left}"):
            record(["src"], Recording(lstrip_paths=(prefix,)))

    def test_no_malformed_name_is_left(self, tree: Path) -> None:
        write(tree / "x." / "a")
        with pytest.raises(RecordingError, match=r"leaves '\./a'"):
            record(["."], Recording(lstrip_paths=("x",)))


class TestDigests:
    def test_every_algorithm_is_recorded(self, tree: Path) -> None:
        write(tree / "a", b"content")
        algorithms = ("sha256", "sha384", "sha512")
        recorded = record(["a"], Recording(hash_algorithms=algorithms))
        assert recorded.artifacts["a"] == {name: hashlib.new(name, b"content").hexdigest() for name in algorithms}

    @pytest.mark.parametrize("algorithms", [(), ("md5",), ("sha256", "SHA512"), ("mode",)])
    def test_d11_no_or_unknown_algorithms_are_refused(self, algorithms: tuple[str, ...]) -> None:
        with pytest.raises(UsageError, match="hash_algorithms"):
            Recording(hash_algorithms=algorithms)

    @pytest.mark.parametrize("field", ["hash_algorithms", "exclude", "lstrip_paths", "optional"])
    def test_a_string_is_not_taken_for_a_list(self, field: str) -> None:
        with pytest.raises(UsageError, match=f"{field}: expected a tuple"):
            Recording(**{field: "sha256"})  # type: ignore[arg-type]  # what this is about

    def test_line_endings_are_normalised_on_request_only(self, tree: Path) -> None:
        write(tree / "a", b"1\r\n2\r3\n\r\r\n\r")
        assert record(["a"]).artifacts["a"]["sha256"] == sha256(b"1\r\n2\r3\n\r\r\n\r")
        normalized = record(["a"], Recording(normalize_line_endings=True))
        assert normalized.artifacts["a"]["sha256"] == sha256(b"1\n2\n3\n\n\n\n")

    def test_modes_are_recorded_on_request_only(self, tree: Path) -> None:
        write(tree / "a").chmod(0o4755)
        write(tree / "b").chmod(0o600)
        assert "mode" not in record(["a"]).artifacts["a"]
        artifacts = record(["."], Recording(modes=True)).artifacts
        assert (artifacts["a"]["mode"], artifacts["b"]["mode"]) == ("4755", "0600")

    def test_ghsa_wqrg_a_changed_mode_is_a_changed_artifact(self, tree: Path) -> None:
        file = write(tree / "a")
        file.chmod(0o644)
        before = record(["a"], Recording(modes=True)).artifacts
        file.chmod(0o755)
        after = record(["a"], Recording(modes=True)).artifacts
        assert before != after
        assert before["a"]["sha256"] == after["a"]["sha256"]

    def test_skip_leaves_out_by_name_and_digest(self, tree: Path) -> None:
        for name in ["a", "b"]:
            write(tree / name, b"same")
        write(tree / "c", b"other")

        def skip(name: str, digests: Mapping[str, str]) -> bool:
            return name != "b" and digests["sha256"] == sha256(b"same")

        assert names(record(["."], skip=skip)) == ["b", "c"]


class TestNames:
    def test_d22_backslash_is_an_ordinary_character(self, tree: Path) -> None:
        write(tree / "a\\b", b"1")
        write(tree / "a" / "b", b"2")
        artifacts = record(["."]).artifacts
        assert artifacts == {"a/b": {"sha256": sha256(b"2")}, "a\\b": {"sha256": sha256(b"1")}}

    def test_d22_names_that_are_not_utf8_are_refused_with_their_directory(self, tree: Path) -> None:
        (tree / "sub").mkdir()
        write(tree / "sub" / os.fsdecode(b"caf\xe9.txt"))
        with pytest.raises(RecordingError, match=r"'caf\\xe9\.txt' in 'sub'.*UTF-8"):
            record(["."])
        assert record(["."], Recording(exclude=("*.txt",))).artifacts == {}

    def test_line_feeds_spaces_and_unicode_stay(self, tree: Path) -> None:
        for name in ["a\nb", " c ", "é", "e\u0301", "日本"]:
            write(tree / name)
        assert names(record(["."])) == sorted(["a\nb", " c ", "é", "e\u0301", "日本"])

    @pytest.mark.parametrize("name", ["dir:src", "git:.", "file:a", "oci:alpine"])
    def test_d7_a_file_whose_name_reads_as_a_uri_is_refused(self, tree: Path, name: str) -> None:
        write(tree / name)
        with pytest.raises(RecordingError, match="would take that for a"):
            record(["."])
        with pytest.raises(RecordingError, match="would take that for a"):
            record([f"./{name}"])

    def test_d7_stripping_cannot_make_a_uri(self, tree: Path) -> None:
        write(tree / "x" / "dir:src")
        assert names(record(["x"])) == ["x/dir:src"]
        with pytest.raises(RecordingError, match="would take that for a"):
            record(["x"], Recording(lstrip_paths=("x/",)))

    def test_d7_recorded_names_are_never_malformed(self, tree: Path) -> None:
        write(tree / "dir" / "foo")
        assert names(record(["dir/../dir//foo/", "./dir", "dir/."])) == ["dir/foo"]
