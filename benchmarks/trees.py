"""Trees of files to record, the same in every run."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

__all__ = [
    "EXCLUDES",
    "KIB",
    "MIB",
    "dependency_tree",
    "even_tree",
    "files_in",
    "linked_tree",
    "one_large_file",
]

KIB = 1 << 10
MIB = 1 << 20

EXCLUDES = ("*.map", "coverage", "*~")
"""What a recording of `linked_tree` leaves out."""

_SEED = 20
_FILES_A_PACKAGE = 50
_PACKAGES_A_LINK = 20
_LEFT_OUT = 5
_MEDIAN_EXPONENT, _SIGMA = 7.3, 1.4
"""Of the logarithm of a file's size: a median of 1.5 KiB and a mean of 4 KiB, as in a folder of npm packages."""


def even_tree(root: str, *, directories: int, files: int, size: int) -> None:
    """Make `root` with `directories`, each of `files` random files of `size` bytes."""
    chance = _chance()
    for number in range(directories):
        directory = os.path.join(root, f"part{number:04}")
        os.makedirs(directory)
        for file in range(files):
            _write(os.path.join(directory, f"file{file:04}.bin"), chance.randbytes(size))


def dependency_tree(root: str, *, files: int) -> None:
    """Make `root` look like a folder of installed packages: nested directories and many small files."""
    chance = _chance()
    for number in range(files // _FILES_A_PACKAGE):
        package = os.path.join(root, "node_modules", f"@scope{number % 20}", f"package-{number}")
        for directory in ("", "dist", "dist/esm", "dist/types/internal", "src"):
            os.makedirs(os.path.join(package, directory), exist_ok=True)
        for file in range(_FILES_A_PACKAGE):
            directory = ("", "dist", "dist/esm", "dist/types/internal", "src")[file % 5]
            size = min(int(chance.lognormvariate(_MEDIAN_EXPONENT, _SIGMA)), MIB)
            _write(os.path.join(package, directory, f"module-{file}.js"), chance.randbytes(size))


def linked_tree(root: str, *, files: int) -> None:
    """Make `root` such a folder with symbolic links to files and to directories, and with what `EXCLUDES` leaves out.

    A recording that leaves that out finds more than `files`, as what links lead to is found once more.
    """
    dependency_tree(root, files=files)
    modules = os.path.join(root, "node_modules")
    for directory in (".bin", "@linked"):
        os.mkdir(os.path.join(modules, directory))
    for number in range(files // _FILES_A_PACKAGE):
        package = os.path.join(f"@scope{number % 20}", f"package-{number}")
        os.symlink(os.path.join("..", package, "module-0.js"), os.path.join(modules, ".bin", f"package-{number}"))
        if number % _PACKAGES_A_LINK == 0:
            os.symlink(os.path.join("..", package), os.path.join(modules, "@linked", f"package-{number}"))
        os.mkdir(os.path.join(modules, package, "coverage"))
        for file in range(_LEFT_OUT):
            _write(os.path.join(modules, package, "coverage", f"module-{file}.html"), b"covered")
            _write(os.path.join(modules, package, "dist", f"module-{file}.js.map"), b"{}")


def one_large_file(root: str, *, mebibytes: int) -> None:
    """Make `root` with one file of so many MiB, no two of them alike."""
    block = _chance().randbytes(MIB)
    os.makedirs(root)
    with open(os.path.join(root, "image.bin"), "wb") as file:
        for number in range(mebibytes):
            file.write(number.to_bytes(8, "big"))
            file.write(block[8:])


def files_in(root: str, excludes: Sequence[str] = ()) -> Iterator[str]:
    """Yield every file below `root`, as seen from there, also behind links; not below a name that one excludes."""
    for directory, directories, names in os.walk(root, followlinks=True):
        directories[:] = [name for name in directories if not _matches(name, excludes)]
        for name in names:
            if not _matches(name, excludes):
                yield os.path.relpath(os.path.join(directory, name), root)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _chance() -> random.Random:
    """Return the same sequence of numbers each time: content to hash, nothing secret."""
    return random.Random(_SEED)  # noqa: S311


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
