"""Which cases there are.

A comparison times custody, the reference if it is there, and what no tool can beat: a Python that does nothing,
`openssl` hashing the same bytes, a walk that only looks. A growth case times custody alone, at sizes ten times apart.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.chains import write_chain, write_disallowed, write_ruled
from benchmarks.measuring import Prepared, Side
from benchmarks.preparing import (
    custody_recording,
    custody_verification,
    prepare_recording,
    prepare_start_up,
    prepare_tiny_run,
    prepare_verification,
)
from benchmarks.sides import Tools
from benchmarks.trees import KIB, MIB, dependency_tree, even_tree, one_large_file

__all__ = ["Case", "full_cases", "huge_cases", "quick_cases"]

_SizedSide = Callable[[Tools, str, int], Side]
"""Makes data of one size in a directory and returns custody's command for it."""

_FILES_A_DIRECTORY = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing to measure.

    `prepare` makes its data in an empty directory. A `heavy` case has fewer rounds. Where a case `grows`, its sides
    are custody at growing sizes, and each is compared with the one before.
    """

    name: str
    title: str
    prepare: Callable[[Tools, str], Prepared]
    heavy: bool = True
    grows: bool = False


def quick_cases() -> tuple[Case, ...]:
    """Return the cases of `--quick`."""
    return (
        *_small_cases(),
        _recording("record-small", "record 5k x 1 KiB", partial(even_tree, directories=50, files=100, size=KIB)),
        *_verifications(steps=3, count=10_000),
        _ruled(rules=200, count=5_000),
        _disallowed(count=5_000),
        _growth_of_files((50, 500, 5_000)),
        _growth_of_artifacts((100, 1_000, 10_000)),
        _growth_of_steps((1, 10, 100), count=100),
        _growth_of_rules((20, 200, 2_000), count=2_000),
    )


def full_cases() -> tuple[Case, ...]:
    """Return the cases of a full run."""
    return (
        *_small_cases(),
        _recording("record-small", "record 100k x 1 KiB", partial(even_tree, directories=1000, files=100, size=KIB)),
        _recording("record-large", "record 1000 x 1 MiB", partial(even_tree, directories=10, files=100, size=MIB)),
        _recording("record-dependencies", "record 20k files of packages", partial(dependency_tree, files=20_000)),
        *_verifications(steps=3, count=100_000),
        *_verifications(steps=50, count=10_000),
        _ruled(rules=200, count=100_000),
        _disallowed(count=20_000),
        _growth_of_files((500, 5_000, 50_000)),
        _growth_of_artifacts((1_000, 10_000, 100_000)),
        _growth_of_steps((1, 10, 100), count=1_000),
        _growth_of_rules((20, 200, 2_000), count=20_000),
    )


def huge_cases() -> tuple[Case, ...]:
    """Return what `--huge` adds: it needs 4 GiB of disk."""
    return (_recording("record-huge", "record one file of 4 GiB", partial(one_large_file, mebibytes=4096)),)


# --- comparisons ----------------------------------------------------------------------------------


def _small_cases() -> Iterator[Case]:
    write = partial(write_chain, steps=3, count=3, dsse=False)
    verify = partial(prepare_verification, write=write)
    yield Case(name="start-up", title="start-up (`--version`)", prepare=prepare_start_up, heavy=False)
    yield Case(name="run-tiny", title="signed run of `true`, 1 file", prepare=prepare_tiny_run, heavy=False)
    yield Case(name="verify-tiny", title="verify 3 steps x 3 artifacts", prepare=verify, heavy=False)


def _recording(name: str, title: str, plant: Callable[[str], None]) -> Case:
    return Case(name=name, title=title, prepare=partial(prepare_recording, plant=plant))


def _verifications(*, steps: int, count: int) -> Iterator[Case]:
    for envelope in ("Metablock", "DSSE"):
        write = partial(write_chain, steps=steps, count=count, dsse=envelope == "DSSE")
        yield Case(
            name=f"verify-{steps}-steps-{envelope.lower()}",
            title=f"verify {steps} steps x {_short(count)} artifacts, {envelope}",
            prepare=partial(prepare_verification, write=write),
        )


def _ruled(*, rules: int, count: int) -> Case:
    write = partial(write_ruled, rules=rules, count=count)
    title = f"verify {rules} rules x {_short(count)} artifacts"
    return Case(name="verify-rules", title=title, prepare=partial(prepare_verification, write=write))


def _disallowed(*, count: int) -> Case:
    write = partial(write_disallowed, count=count)
    prepare = partial(prepare_verification, write=write, rejects_with="DISALLOW")
    return Case(name="verify-disallow", title=f"reject {_short(count)} artifacts by `DISALLOW *`", prepare=prepare)


# --- growth ---------------------------------------------------------------------------------------


def _growth_of_files(sizes: tuple[int, ...]) -> Case:
    def at(tools: Tools, directory: str, size: int) -> Side:
        tree = os.path.join(directory, "tree")
        even_tree(tree, directories=size // _FILES_A_DIRECTORY, files=_FILES_A_DIRECTORY, size=KIB)
        return custody_recording(tools, directory, tree)

    return _growth("grow-files", "record N x 1 KiB", sizes, at)


def _growth_of_artifacts(sizes: tuple[int, ...]) -> Case:
    def at(tools: Tools, directory: str, size: int) -> Side:
        return custody_verification(tools, write_chain(directory, steps=3, count=size, dsse=False))

    return _growth("grow-artifacts", "verify 3 steps x N artifacts", sizes, at)


def _growth_of_steps(sizes: tuple[int, ...], *, count: int) -> Case:
    def at(tools: Tools, directory: str, size: int) -> Side:
        return custody_verification(tools, write_chain(directory, steps=size, count=count, dsse=False))

    return _growth("grow-steps", f"verify N steps x {_short(count)} artifacts", sizes, at)


def _growth_of_rules(sizes: tuple[int, ...], *, count: int) -> Case:
    def at(tools: Tools, directory: str, size: int) -> Side:
        return custody_verification(tools, write_ruled(directory, rules=size, count=count))

    return _growth("grow-rules", f"verify N rules x {_short(count)} artifacts", sizes, at)


def _growth(name: str, title: str, sizes: tuple[int, ...], at: _SizedSide) -> Case:
    def prepare(tools: Tools, directory: str) -> Prepared:
        return Prepared(sides=tuple(_labelled(at, tools, directory, size) for size in sizes))

    return Case(name=name, title=title, prepare=prepare, grows=True)


def _labelled(at: _SizedSide, tools: Tools, directory: str, size: int) -> Side:
    """Return the side of one size, with its data in a directory of its own and its size as label."""
    own = os.path.join(directory, str(size))
    os.mkdir(own)
    return replace(at(tools, own, size), label=_short(size))


def _short(number: int) -> str:
    thousands, rest = divmod(number, 1000)
    return f"{thousands}k" if thousands and not rest else str(number)
