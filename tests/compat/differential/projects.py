"""Projects to record: generated trees of files, folders and links, and the arguments they are recorded with."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

__all__ = ["Project", "Recording", "SymLink", "projects", "recordings", "snapshot"]

NAMES = (
    *(
        "a",
        "b.txt",
        "C",
        "lib",
        "src",
        "with space",
        "ünïcode",
        "日本",
        "e\u0301",
        "\u00e9",
        ".hidden",
        "-dash",
        "..dots",
    ),
    *("x.pyc", "y~", "z.link", "z.link.sh", ".git", "[set]", "star*", "q?", "#hash", "!bang", "tab\there"),
    *("trail ", "quo'te", 'dou"ble', "per%cent", "colon:name", "{brace}"),
)
HARD_NAMES = ("back\\slash", "file:a", "dir:a", "line\nfeed")
CONTENTS = (b"", b"1", b"2", b"line\r\nline\n", bytes(range(256)), b"x" * 70000)
TARGETS = ("a", "src", "lib", "b.txt", "../a", "../src", "../lib", "src/a", "nowhere")
PATTERNS = (
    *("*.txt", "*.pyc", "a", "/a", "src", "src/", "src/*", "**/a", "src/**", "!a", "*", "l?b", "[ab]*", ".*", "#hash"),
    *(
        "\\#hash",
        "\\!bang",
        "with space",
        "lib/src/",
        "*~",
        "ünï*",
        "",
        " a",
        "a ",
        "**",
        "/",
        "a/b",
        "[set]",
        "\\[set]",
    ),
)
STRIPS = ("src/", "src", "lib/", "lib/src/", "a", "./", "/", "sr", "..", "with ", "no/such/", "")


@dataclass(frozen=True)
class SymLink:
    """A symbolic link to `target`."""

    target: str


Tree = Mapping[str, "bytes | SymLink | Tree"]


@dataclass(frozen=True)
class Project:
    """A tree that can be made again and again in the same place."""

    tree: Tree

    def make(self, directory: Path) -> None:
        """Make it in `directory`, where nothing else is afterwards."""
        shutil.rmtree(directory, ignore_errors=True)
        _write(self.tree, directory)

    def loops(self, directory: Path) -> bool:
        """Return whether a link in it, made in `directory`, leads back to a folder that it is in (D22).

        The reference follows such links for as long as the system lets it, which can be for ever.
        """
        return _loops(directory, ())

    def paths(self) -> list[str]:
        """Return every path in it, folders included."""
        return [path for path, _ in _walk(self.tree, "")]

    def files(self) -> dict[str, bytes | SymLink]:
        """Return its files and links."""
        return {path: each for path, each in _walk(self.tree, "") if isinstance(each, bytes | SymLink)}


def _loops(directory: Path, above: tuple[Path, ...]) -> bool:
    real = directory.resolve()
    if real in above:
        return True
    return any(_loops(each, (*above, real)) for each in directory.iterdir() if each.is_dir())


def _write(tree: Tree, directory: Path) -> None:
    directory.mkdir(parents=True)
    for name, each in tree.items():
        path = directory / name
        if isinstance(each, bytes):
            path.write_bytes(each)
        elif isinstance(each, SymLink):
            path.symlink_to(each.target)
        else:
            _write(each, path)


def _walk(tree: Tree, base: str) -> Iterator[tuple[str, bytes | SymLink | Tree]]:
    for name, each in tree.items():
        yield base + name, each
        if not isinstance(each, bytes | SymLink):
            yield from _walk(each, f"{base}{name}/")


@st.composite
def projects(draw: st.DrawFn, *, links: bool = True, hard: bool = False) -> Project:
    """Return a project of up to about ten entries; `hard` adds names that custody and the reference treat apart."""
    names = st.sampled_from([*NAMES, *(HARD_NAMES if hard else ())])
    leaves: st.SearchStrategy[bytes | SymLink] = st.sampled_from(CONTENTS)
    if links:
        leaves |= st.sampled_from(TARGETS).map(SymLink)
    entries: st.SearchStrategy[bytes | SymLink | Tree] = leaves
    for _ in range(3):
        entries = leaves | st.dictionaries(names, entries, max_size=3)
    return Project(draw(st.dictionaries(names, entries, min_size=1, max_size=5)))


@dataclass(frozen=True)
class Recording:
    """The arguments that say what is recorded."""

    materials: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    lstrip: tuple[str, ...] = ()
    base_path: str = ""
    dsse: bool = False

    @property
    def again(self) -> bool:
        """Whether prefixes are stripped and some path is within another, or the same."""
        lists = [
            [os.path.normpath(path.removeprefix("file:")) for path in each] for each in (self.materials, self.products)
        ]
        return bool(self.lstrip) and any(
            one == "." or f"{other}/".startswith(f"{one}/")
            for paths in lists
            for one, other in itertools.permutations(paths, 2)
        )

    def options(self, *, materials: bool = True, products: bool = True) -> list[str]:
        """Return them as a command line has them."""
        words = []
        for flag, values in (
            ("--materials", self.materials if materials else ()),
            ("--products", self.products if products else ()),
            ("--exclude", self.exclude),
            ("--lstrip-paths", self.lstrip),
        ):
            words += [flag, *values] if values else []
        words += ["--base-path", self.base_path] if self.base_path else []
        return [*words, "--use-dsse"] if self.dsse else words


@st.composite
def recordings(draw: st.DrawFn, project: Project) -> Recording:
    """Return how `project` is recorded: whole or in parts, with patterns, prefixes and a base."""
    known = [path for path in project.paths() if not path.startswith("-")]
    spelled = st.sampled_from([".", *known]).flatmap(
        lambda path: st.sampled_from([path, path, path, f"./{path}", f"{path}/", f"{path}//", f"file:{path}"])
    )
    paths = st.lists(spelled | st.sampled_from(["nowhere", "nowhere/at all"]), max_size=3).map(tuple)
    inside = [path for path in known if not isinstance(project.files().get(path), bytes | SymLink)]
    whole = st.just((".",))
    base_paths = st.sampled_from(["", "", ".", *inside]) | st.sampled_from(["", "", "", "nowhere"])
    return Recording(
        materials=draw(whole | paths),
        products=draw(whole | paths),
        exclude=draw(st.just(()) | st.lists(st.sampled_from(PATTERNS), max_size=3).map(tuple)),
        lstrip=draw(st.just(()) | st.lists(st.sampled_from(STRIPS), max_size=2).map(tuple)),
        base_path=draw(base_paths),
        dsse=draw(st.booleans()),
    )


def snapshot(directory: Path) -> dict[str, bytes | SymLink]:
    """Return every file and link under `directory`."""
    found: dict[str, bytes | SymLink] = {}
    for base, folders, names in os.walk(directory):
        for name in [*folders, *names]:
            path = Path(base, name)
            if path.is_symlink():
                found[str(path.relative_to(directory))] = SymLink(str(path.readlink()))
            elif path.is_file():
                found[str(path.relative_to(directory))] = path.read_bytes()
    return found
