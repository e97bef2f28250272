"""Tests of resolvers: what they record is what the reference records, by custody's hands."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from in_toto import settings
from in_toto.exceptions import PrefixError
from in_toto.resolver import (
    RESOLVER_FOR_URI_SCHEME,
    DirectoryResolver,
    FileResolver,
    OCIResolver,
    OSTreeResolver,
    Resolver,
)
from in_toto.runlib import record_artifacts_as_dict
from tests.attachments import layout_with_image, put_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.compat.sides import Place, Reference


def sha256(data: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, with files `a`, `src/b`, `src/sub/c.pyc`."""
    for name in ("a", "src/b", "src/sub/c.pyc"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    monkeypatch.chdir(tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture
def registry() -> Iterator[dict[str, Resolver]]:
    """Return the registered resolvers, which are none before and after."""
    assert RESOLVER_FOR_URI_SCHEME == {}
    yield RESOLVER_FOR_URI_SCHEME
    RESOLVER_FOR_URI_SCHEME.clear()


class Fixed(Resolver):
    """Takes every URI for the same content."""

    def hash_artifacts(self, uris: Iterable[str]) -> dict[str, dict[str, str]]:
        return {uri: sha256(b"fixed") for uri in uris}


class TestRegistry:
    def test_without_a_registered_resolver_there_is_none(self, registry: dict[str, Resolver]) -> None:
        with pytest.raises(KeyError):
            Resolver.for_uri("a")
        registry["file"] = Fixed()
        assert Resolver.for_uri("a") is registry["file"]

    def test_a_scheme_is_what_stands_before_a_colon(self, registry: dict[str, Resolver]) -> None:
        registry["file"], registry["image"] = FileResolver(), Fixed()
        assert Resolver.for_uri("image:x") is registry["image"]
        for uri in ("image", "other:x", "file:x"):
            assert Resolver.for_uri(uri) is registry["file"]

    def test_a_registered_resolver_serves_every_recording(self, registry: dict[str, Resolver], tree: Path) -> None:
        registry["image"] = Fixed()
        for _ in range(2):
            assert record_artifacts_as_dict(["image:x", "a"]) == {"image:x": sha256(b"fixed"), "a": sha256(b"a")}
        del registry["image"]
        (tree / "image:x").write_text("file")
        assert record_artifacts_as_dict(["image:x"]) == {"image:x": sha256(b"file")}

    def test_a_resolver_of_paths_may_be_replaced(self, registry: dict[str, Resolver], tree: Path) -> None:
        assert tree.exists()
        registry["file"] = Fixed()
        assert record_artifacts_as_dict(["nowhere"]) == {"nowhere": sha256(b"fixed")}

    def test_a_usual_resolver_that_is_registered_does_not_hide_options(
        self, registry: dict[str, Resolver], tree: Path
    ) -> None:
        assert tree.exists()
        registry["file"] = FileResolver()
        assert sorted(record_artifacts_as_dict(["src"], exclude_patterns=["b"])) == ["src/sub/c.pyc"]

    def test_a_usual_resolver_may_serve_another_scheme(self, registry: dict[str, Resolver], tree: Path) -> None:
        (tree / "src" / "vendor:a").write_text("vendor")
        registry["vendor"] = FileResolver(base_path="src")
        assert record_artifacts_as_dict(["vendor:a"]) == {"vendor:a": sha256(b"vendor")}
        del registry["vendor"]
        assert record_artifacts_as_dict(["vendor:a"]) == {}

    def test_an_interface_cannot_be_made(self) -> None:
        with pytest.raises(TypeError):
            Resolver()  # type: ignore[abstract]


class TestFiles:
    def test_a_name_keeps_the_scheme_that_was_given(self, tree: Path) -> None:
        assert tree.exists()
        recorded = FileResolver().hash_artifacts(["a", "file:a", "file:./src/"])
        assert recorded["a"] == recorded["file:a"] == sha256(b"a")
        assert sorted(recorded) == ["a", "file:a", "file:src/b", "file:src/sub/c.pyc"]

    def test_nothing_is_left_out_unless_it_is_said(self, tree: Path) -> None:
        assert tree.exists()
        assert sorted(FileResolver().hash_artifacts(["."])) == ["a", "src/b", "src/sub/c.pyc"]
        assert sorted(FileResolver(["sub", "a"]).hash_artifacts(["."])) == ["src/b"]

    def test_paths_start_at_the_base(self, tree: Path) -> None:
        assert sorted(FileResolver(base_path="src").hash_artifacts(["."])) == ["b", "sub/c.pyc"]
        assert os.path.samefile(os.getcwd(), tree)

    @pytest.mark.parametrize(("base", "error"), [("gone", FileNotFoundError), ("a", NotADirectoryError)])
    def test_a_base_that_is_no_directory_is_the_systems_error(
        self, tree: Path, base: str, error: type[OSError]
    ) -> None:
        assert tree.exists()
        with pytest.raises(error, match=base):
            FileResolver(base_path=base).hash_artifacts(["a"])
        with pytest.raises(error, match=base):
            OSTreeResolver(base).hash_artifacts(["ostree:main"])

    def test_linked_directories_are_followed_where_it_is_said(self, tree: Path) -> None:
        (tree / "link").symlink_to("src")
        assert "link/b" not in FileResolver().hash_artifacts(["."])
        assert "link/b" in FileResolver(follow_symlink_dirs=True).hash_artifacts(["."])

    def test_line_endings_are_normalised_where_it_is_said(self, tree: Path) -> None:
        (tree / "a").write_bytes(b"1\r\n2\r")
        assert FileResolver(normalize_line_endings=True).hash_artifacts(["a"]) == {"a": sha256(b"1\n2\n")}
        assert FileResolver().hash_artifacts(["a"]) == {"a": sha256(b"1\r\n2\r")}

    @pytest.mark.parametrize(("prefix", "name"), [("src/", "b"), ("src", "/b"), ("s", "rc/b"), ("x", "src/b")])
    def test_any_beginning_can_be_stripped(self, tree: Path, prefix: str, name: str) -> None:
        assert tree.exists()
        assert list(FileResolver(lstrip_paths=[prefix]).hash_artifacts(["src/b"])) == [name]
        assert list(FileResolver(lstrip_paths=[prefix]).hash_artifacts(["file:src/b"])) == [f"file:{name}"]

    def test_a_prefix_that_leaves_no_path_is_refused(self, tree: Path) -> None:
        (tree / "src" / "dir:b").write_text("")
        with pytest.raises(ValueError, match="its name would be ''"):
            FileResolver(lstrip_paths=["src/b"]).hash_artifacts(["src/b"])
        with pytest.raises(ValueError, match="its name would be 'dir:b'"):
            FileResolver(lstrip_paths=["src/"]).hash_artifacts(["src"])

    def test_two_files_of_one_name_are_a_prefix_error(self, tree: Path) -> None:
        (tree / "b").write_text("b")
        with pytest.raises(PrefixError, match="Prefix selection has resulted in non unique dictionary key 'b'"):
            FileResolver(lstrip_paths=["src/"]).hash_artifacts(["src/b", "b"])
        assert FileResolver(lstrip_paths=["src/"]).hash_artifacts(["src/b", "src/b"]) == {"b": sha256(b"src/b")}

    def test_a_prefix_that_begins_with_another_is_a_prefix_error(self) -> None:
        with pytest.raises(PrefixError, match="'src/' and 'src/sub/' triggered a left substring error"):
            FileResolver(lstrip_paths=["src/", "src/sub/"])
        FileResolver(lstrip_paths=["src/", "sub/"])

    @pytest.mark.parametrize("argument", ["exclude_patterns", "lstrip_paths"])
    @pytest.mark.parametrize("value", ["*.pyc", 7, [7], True])
    def test_lists_are_lists_of_strings(self, argument: str, value: object) -> None:
        with pytest.raises(ValueError, match=f"'{argument}' must be list of strings"):
            FileResolver(**{argument: value})  # type: ignore[arg-type]

    def test_a_base_is_a_string(self) -> None:
        with pytest.raises(ValueError, match="'base_path' must be string"):
            FileResolver(base_path=7)  # type: ignore[arg-type]

    def test_an_empty_path_is_the_directory_itself(self, tree: Path) -> None:
        assert tree.exists()
        assert FileResolver().hash_artifacts([""]) == FileResolver().hash_artifacts(["."])

    def test_what_cannot_be_recorded_is_a_value_error(self, tree: Path) -> None:
        os.mkfifo(tree / "pipe")
        with pytest.raises(ValueError, match="got a FIFO"):
            FileResolver().hash_artifacts(["."])
        assert "a" in FileResolver(["pipe"]).hash_artifacts(["."])

    def test_a_missing_path_is_a_warning(self, tree: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert tree.exists()
        assert FileResolver().hash_artifacts(["a"]) == {"a": sha256(b"a")}
        assert caplog.messages == []
        assert FileResolver().hash_artifacts(["a", "gone"]) == {"a": sha256(b"a")}
        assert caplog.messages == ["'gone' is not recorded: it does not exist"]


class TestDirectories:
    def test_the_digest_is_that_of_the_pipeline(self, tree: Path) -> None:
        commands = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum"
        done = subprocess.run(["sh", "-c", commands], cwd=tree / "src", capture_output=True, text=True, check=True)
        assert DirectoryResolver().hash_artifacts(["dir:src"]) == {"dir:src": {"sha256": done.stdout.split()[0]}}
        (tree / "src" / "b").write_text("changed")
        assert DirectoryResolver().hash_artifacts(["dir:src"]) != {"dir:src": {"sha256": done.stdout.split()[0]}}

    def test_an_empty_directory_has_the_digest_of_nothing(self, tree: Path) -> None:
        (tree / "empty").mkdir()
        assert DirectoryResolver().hash_artifacts(["dir:empty"]) == {"dir:empty": sha256(b"")}

    def test_excludes_links_and_line_endings_are_about_what_is_inside(self, tree: Path) -> None:
        plain = DirectoryResolver().hash_artifacts(["dir:src"])
        assert DirectoryResolver(["*.pyc"]).hash_artifacts(["dir:src"]) != plain
        assert DirectoryResolver(["src"]).hash_artifacts(["dir:src"]) == plain
        (tree / "src" / "link").symlink_to("sub")
        assert DirectoryResolver().hash_artifacts(["dir:src"]) == plain
        assert DirectoryResolver(follow_symlink_dirs=True).hash_artifacts(["dir:src"]) != plain
        (tree / "src" / "b").write_bytes(b"1\r")
        returned = DirectoryResolver(normalize_line_endings=True).hash_artifacts(["dir:src"])
        (tree / "src" / "b").write_bytes(b"1\n")
        assert DirectoryResolver().hash_artifacts(["dir:src"]) == returned

    def test_a_prefix_is_stripped_after_the_scheme(self, tree: Path) -> None:
        (tree / "sub").mkdir()
        assert list(DirectoryResolver(lstrip_paths=["src/"]).hash_artifacts(["dir:src/sub"])) == ["dir:sub"]
        with pytest.raises(PrefixError, match="non unique"):
            DirectoryResolver(lstrip_paths=["src/"]).hash_artifacts(["dir:src/sub", "dir:sub"])

    @pytest.mark.parametrize("path", ["gone", "a"])
    def test_what_is_no_directory_is_a_value_error(self, tree: Path, path: str) -> None:
        assert tree.exists()
        with pytest.raises(ValueError, match=f"path '{path}' is not a directory"):
            DirectoryResolver().hash_artifacts([f"dir:{path}"])


class TestOSTree:
    @pytest.fixture
    def checksum(self, tree: Path) -> str:
        """Return the checksum of the commit of the ref `main` in the repository `repo`."""
        checksum = sha256(b"commit")["sha256"]
        (tree / "repo" / "refs" / "heads").mkdir(parents=True)
        (tree / "repo" / "refs" / "heads" / "main").write_text(checksum + "\n")
        (tree / "repo" / "objects" / checksum[:2]).mkdir(parents=True)
        (tree / "repo" / "objects" / checksum[:2] / f"{checksum[2:]}.commit").write_text("commit")
        return checksum

    def test_the_digest_is_that_of_the_commit(self, checksum: str, tree: Path) -> None:
        recorded = {"ostree:main": {"sha256": checksum}}
        assert OSTreeResolver("repo").hash_artifacts(["ostree:main"]) == recorded
        assert record_artifacts_as_dict(["ostree:main"], base_path="repo") == recorded
        (tree / "repo" / "objects" / checksum[:2] / f"{checksum[2:]}.commit").write_text("changed")
        with pytest.raises(ValueError, match="it was changed"):
            OSTreeResolver("repo").hash_artifacts(["ostree:main"])

    def test_a_missing_ref_commit_or_repository_is_the_systems_error(self, checksum: str, tree: Path) -> None:
        with pytest.raises(FileNotFoundError):
            OSTreeResolver("repo").hash_artifacts(["ostree:other"])
        with pytest.raises(FileNotFoundError):
            OSTreeResolver().hash_artifacts(["ostree:main"])
        (tree / "repo" / "objects" / checksum[:2] / f"{checksum[2:]}.commit").unlink()
        with pytest.raises(FileNotFoundError):
            OSTreeResolver("repo").hash_artifacts(["ostree:main"])

    def test_a_ref_that_leads_out_of_the_repository_is_refused(self, checksum: str, tree: Path) -> None:
        (tree / "elsewhere").write_text(checksum)
        with pytest.raises(ValueError, match="expected the name of a ref"):
            OSTreeResolver("repo").hash_artifacts(["ostree:../../../elsewhere"])


class TestSettings:
    def test_settings_are_read_at_each_recording(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert tree.exists()
        assert sorted(record_artifacts_as_dict(["."])) == ["a", "src/b"]
        monkeypatch.setattr(settings, "ARTIFACT_EXCLUDE_PATTERNS", ["a"])
        assert sorted(record_artifacts_as_dict(["."])) == ["src/b", "src/sub/c.pyc"]
        monkeypatch.setattr(settings, "ARTIFACT_BASE_PATH", "src")
        assert sorted(record_artifacts_as_dict(["."])) == ["b", "sub/c.pyc"]

    def test_arguments_go_before_settings(self, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert tree.exists()
        monkeypatch.setattr(settings, "ARTIFACT_EXCLUDE_PATTERNS", ["*"])
        monkeypatch.setattr(settings, "ARTIFACT_BASE_PATH", "gone")
        assert list(record_artifacts_as_dict(["."], ["b"], "src")) == ["sub/c.pyc"]

    @pytest.mark.parametrize("value", ["*.pyc", 7, True])
    def test_a_setting_of_the_wrong_type_is_a_value_error(
        self, tree: Path, monkeypatch: pytest.MonkeyPatch, value: object
    ) -> None:
        assert tree.exists()
        monkeypatch.setattr(settings, "ARTIFACT_EXCLUDE_PATTERNS", value)
        with pytest.raises(ValueError, match="must be list of strings"):
            record_artifacts_as_dict(["."])

    def test_directories_start_here_also_where_there_is_a_base(self, tree: Path) -> None:
        assert tree.exists()
        assert list(record_artifacts_as_dict(["dir:src"], base_path="src")) == ["dir:src"]
        with pytest.raises(ValueError, match="path 'sub' is not a directory"):
            record_artifacts_as_dict(["dir:sub"], base_path="src")


_RECORD = """
import json, sys
from in_toto.runlib import record_artifacts_as_dict
paths, arguments = map(json.loads, sys.argv[1:])
print(json.dumps(record_artifacts_as_dict(paths, **arguments), sort_keys=True))
"""


@pytest.mark.component("reference")
@pytest.mark.parametrize(
    ("paths", "arguments"),
    [
        ('["."]', "{}"),
        ('["file:.", "a", "dir:src", "./src//sub/../b"]', '{"exclude_patterns": ["x"]}'),
        ('["../final/src", "src/"]', '{"lstrip_paths": ["../"]}'),
        ('["src", "dir:src"]', '{"lstrip_paths": ["sr"]}'),
        ('["."]', '{"base_path": "src", "follow_symlink_dirs": true, "normalize_line_endings": true}'),
        ('["link", "file-link", "dangling"]', '{"follow_symlink_dirs": true}'),
        ('[".", "src/sub"]', '{"exclude_patterns": ["src/*", "!src/sub", "/a b"]}'),
        ('["dir:."]', '{"exclude_patterns": ["sub/"], "normalize_line_endings": true}'),
        ('["gone", ""]', "{}"),
        ('["ostree:main"]', '{"base_path": "repo"}'),
    ],
)
def test_the_reference_records_the_same(
    here: Place, start_reference: Callable[[], Reference], paths: str, arguments: str
) -> None:
    for name, data in {
        "a b": b"1",
        "ü/é": b"2",
        "empty": b"",
        "src/b": b"1\r\n2\r",
        "src/sub/.hidden": b"3",
        "src/x.link": b"4",
        "repo/refs/heads/main": sha256(b"c")["sha256"].encode() + b"\n",
        f"repo/objects/{sha256(b'c')['sha256'][:2]}/{sha256(b'c')['sha256'][2:]}.commit": b"c",
    }.items():
        path = here.final / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for name, target in {"src/link": "../ü", "link": "src", "file-link": "a b", "dangling": "gone"}.items():
        (here.final / name).symlink_to(target)
    ours = here.python(_RECORD, paths, arguments)
    theirs = start_reference().python(_RECORD, "script", paths, arguments, cwd=here.final)
    assert (ours.code, ours.out) == (theirs.code, theirs.out) != (0, "{}\n"), ours.err


class TestOCI:
    def test_an_image_is_recorded_by_the_digest_of_its_manifest(self, tree: Path) -> None:
        store, image = layout_with_image(tree / "app")
        assert record_artifacts_as_dict(["oci:app:v1"]) == {"oci:app:v1": {"sha256": image.digest.hex}}
        other = put_image(store, "v1", b"other")
        assert record_artifacts_as_dict(["oci:app:v1"]) == {"oci:app:v1": {"sha256": other.digest.hex}}
        layer = tree / "app" / "blobs" / "sha256" / hashlib.sha256(b"other").hexdigest()
        layer.write_bytes(b"OTHER")
        with pytest.raises(ValueError, match="sent other bytes than asked for"):
            record_artifacts_as_dict(["oci:app:v1"])

    def test_an_image_that_does_not_exist_is_a_warning(self, tree: Path, caplog: pytest.LogCaptureFixture) -> None:
        layout_with_image(tree / "app")
        assert record_artifacts_as_dict(["oci:app:v2", "a"]) == {"a": sha256(b"a")}
        assert "'oci:app:v2' is not recorded: it does not exist" in caplog.text

    def test_paths_begin_at_the_base_path_and_prefixes_are_cut(self, tree: Path) -> None:
        _, image = layout_with_image(tree / "out" / "app")
        found = record_artifacts_as_dict(["oci:./app:v1"], base_path="out", lstrip_paths=["./"])
        assert found == {"oci:app:v1": {"sha256": image.digest.hex}}

    def test_a_resolver_of_ones_own_comes_first(self, tree: Path, registry: dict[str, Resolver]) -> None:
        (tree / "oci:app").touch()
        with pytest.raises(ValueError, match="every reader would take that for a URI"):
            record_artifacts_as_dict(["oci:app"])
        registry[OCIResolver.SCHEME] = Fixed()
        assert record_artifacts_as_dict(["oci:app"]) == {"oci:app": sha256(b"fixed")}
