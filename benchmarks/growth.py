"""The cases of growth: custody and the reference on ten times as much of one thing, and ten times as much again."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from benchmarks.cases import Case, short
from benchmarks.chains import write_chain, write_ruled
from benchmarks.measuring import Prepared, Side
from benchmarks.preparing import growing_recording, growing_verification
from benchmarks.sides import Tools
from benchmarks.trees import KIB, even_tree

__all__ = ["full_growth", "quick_growth"]

_Sized = Callable[[Tools, str, int], tuple[Side, ...]]
"""Makes data of one size in a directory and returns the commands on it."""

_FILES_A_DIRECTORY = 50


def quick_growth() -> tuple[Case, ...]:
    """Return the growth of `--quick`."""
    return (
        _files((50, 500, 5_000)),
        _artifacts((100, 1_000, 10_000)),
        _steps((1, 10, 100), count=100),
        _rules((20, 200, 2_000), count=2_000),
    )


def full_growth() -> tuple[Case, ...]:
    """Return the growth of a full run."""
    return (
        _files((500, 5_000, 50_000)),
        _artifacts((1_000, 10_000, 100_000)),
        _steps((1, 10, 100), count=1_000),
        _rules((20, 200, 2_000), count=20_000),
    )


def _files(sizes: tuple[int, ...]) -> Case:
    def at(tools: Tools, directory: str, size: int) -> tuple[Side, ...]:
        tree = os.path.join(directory, "tree")
        even_tree(tree, directories=size // _FILES_A_DIRECTORY, files=_FILES_A_DIRECTORY, size=KIB)
        return growing_recording(tools, directory, tree)

    return _growth("files", "record N x 1 KiB", sizes, at)


def _artifacts(sizes: tuple[int, ...]) -> Case:
    def at(tools: Tools, directory: str, size: int) -> tuple[Side, ...]:
        return growing_verification(tools, write_chain(directory, steps=3, count=size, dsse=False))

    return _growth("artifacts", "verify 3 steps x N artifacts", sizes, at)


def _steps(sizes: tuple[int, ...], *, count: int) -> Case:
    def at(tools: Tools, directory: str, size: int) -> tuple[Side, ...]:
        return growing_verification(tools, write_chain(directory, steps=size, count=count, dsse=False))

    return _growth("steps", f"verify N steps x {short(count)} artifacts", sizes, at)


def _rules(sizes: tuple[int, ...], *, count: int) -> Case:
    def at(tools: Tools, directory: str, size: int) -> tuple[Side, ...]:
        return growing_verification(tools, write_ruled(directory, rules=size, count=count))

    return _growth("rules", f"verify N rules x {short(count)} artifacts", sizes, at)


def _growth(what: str, title: str, sizes: tuple[int, ...], at: _Sized) -> Case:
    def prepare(tools: Tools, directory: str) -> Prepared:
        return Prepared(sides=tuple(side for size in sizes for side in _labelled(at, tools, directory, size)))

    return Case(name=f"grow-{what}", title=title, prepare=prepare, grows=what)


def _labelled(at: _Sized, tools: Tools, directory: str, size: int) -> tuple[Side, ...]:
    """Return the sides of one size, with their data in a directory of their own."""
    own = os.path.join(directory, str(size))
    os.mkdir(own)
    return tuple(replace(side, size=size, label=f"{side.label}, {short(size)}") for side in at(tools, own, size))
