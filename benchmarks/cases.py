"""Which cases there are.

A comparison times custody, the reference if it is there, and what no tool can beat: a Python that does nothing,
`openssl` hashing the same bytes, a walk that only looks. A growth case times custody and the reference at sizes ten
times apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.chains import write_chain, write_changing_chain, write_disallowed, write_ruled
from benchmarks.measuring import Prepared
from benchmarks.preparing import (
    prepare_cached_recording,
    prepare_recording,
    prepare_rejection,
    prepare_start_up,
    prepare_tiny_run,
    prepare_tiny_verification,
    prepare_verification,
)
from benchmarks.sides import Tools
from benchmarks.trees import EXCLUDES, KIB, MIB, dependency_tree, even_tree, linked_tree, one_large_file

__all__ = ["Case", "full_cases", "huge_cases", "quick_cases", "short"]

_HUGE_MIB = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One thing to measure.

    `prepare` makes its data in an empty directory, of `bytes_needed` where that is much. A `heavy` case has fewer
    rounds. Where a case has sides at growing sizes, `grows` says of what there is more and more.
    """

    name: str
    title: str
    prepare: Callable[[Tools, str], Prepared]
    heavy: bool = True
    grows: str = ""
    bytes_needed: int = 0


def quick_cases() -> tuple[Case, ...]:
    """Return the comparisons of `--quick`."""
    small = partial(even_tree, directories=50, files=100, size=KIB)
    return (
        *_small_cases(),
        _recording("record-small", "record 5k x 1 KiB", small),
        _excluding("record 2k files of packages, links, excludes", files=2_000),
        _cached("record 5k x 1 KiB again, digest cache", small),
        *_verifications(steps=3, count=10_000),
        _ruled(rules=200, count=5_000),
        _disallowed(count=5_000),
    )


def full_cases() -> tuple[Case, ...]:
    """Return the comparisons of a full run, but for the largest file."""
    small = partial(even_tree, directories=1000, files=100, size=KIB)
    return (
        *_small_cases(),
        _recording("record-small", "record 100k x 1 KiB", small),
        _recording("record-large", "record 1000 x 1 MiB", partial(even_tree, directories=10, files=100, size=MIB)),
        _recording("record-dependencies", "record 20k files of packages", partial(dependency_tree, files=20_000)),
        _excluding("record 20k files of packages, links, excludes", files=20_000),
        _cached("record 100k x 1 KiB again, digest cache", small),
        *_verifications(steps=3, count=100_000),
        *_verifications(steps=50, count=10_000),
        _ruled(rules=200, count=100_000),
        _disallowed(count=20_000),
        _disallowed_alone(count=1_000_000),
    )


def huge_cases() -> tuple[Case, ...]:
    """Return what needs gigabytes of disk, and as much memory to keep them in."""
    plant = partial(one_large_file, mebibytes=_HUGE_MIB)
    prepare = partial(prepare_recording, plant=plant)
    title = "record one file of 4 GiB"
    return (Case(name="record-huge", title=title, prepare=prepare, bytes_needed=_HUGE_MIB * MIB),)


def short(number: int) -> str:
    """Return the number as titles have it: 100k, 1M."""
    for unit, sign in ((1_000_000, "M"), (1_000, "k")):
        if number >= unit and number % unit == 0:
            return f"{number // unit}{sign}"
    return str(number)


def _small_cases() -> Iterator[Case]:
    write = partial(write_chain, steps=3, count=3, dsse=False)
    verify = partial(prepare_tiny_verification, write=write)
    yield Case(name="start-up", title="start-up (`--version`)", prepare=prepare_start_up, heavy=False)
    yield Case(name="run-tiny", title="signed run of `true`, 1 file", prepare=prepare_tiny_run, heavy=False)
    yield Case(name="verify-tiny", title="verify 3 steps x 3 artifacts", prepare=verify, heavy=False)


def _recording(name: str, title: str, plant: Callable[[str], None]) -> Case:
    return Case(name=name, title=title, prepare=partial(prepare_recording, plant=plant))


def _excluding(title: str, *, files: int) -> Case:
    plant = partial(linked_tree, files=files)
    return Case(
        name="record-excluding", title=title, prepare=partial(prepare_recording, plant=plant, excludes=EXCLUDES)
    )


def _cached(title: str, plant: Callable[[str], None]) -> Case:
    return Case(name="record-cached", title=title, prepare=partial(prepare_cached_recording, plant=plant))


def _verifications(*, steps: int, count: int) -> Iterator[Case]:
    """Yield chains whose steps list the same artifacts, byte by byte, and such as do not, in both envelopes."""
    for kind, writer in (("equal", write_chain), ("changing", write_changing_chain)):
        for envelope in ("Metablock", "DSSE"):
            write = partial(writer, steps=steps, count=count, dsse=envelope == "DSSE")
            yield Case(
                name=f"verify-{steps}-{kind}-{envelope.lower()}",
                title=f"verify {steps} steps x {short(count)} {kind} artifacts, {envelope}",
                prepare=partial(prepare_verification, write=write),
            )


def _ruled(*, rules: int, count: int) -> Case:
    write = partial(write_ruled, rules=rules, count=count)
    title = f"verify {rules} rules x {short(count)} artifacts"
    return Case(name="verify-rules", title=title, prepare=partial(prepare_verification, write=write))


def _disallowed(*, count: int) -> Case:
    write = partial(write_disallowed, count=count)
    prepare = partial(prepare_rejection, write=write, words="DISALLOW")
    return Case(name="reject", title=f"reject {short(count)} artifacts by `DISALLOW *`", prepare=prepare)


def _disallowed_alone(*, count: int) -> Case:
    """Return a rejection by custody only: the message of the reference grows with the square of the artifacts."""
    write = partial(write_disallowed, count=count)
    prepare = partial(prepare_rejection, write=write, words="DISALLOW", alone=True)
    return Case(name="reject-alone", title=f"reject {short(count)} artifacts by `DISALLOW *`", prepare=prepare)
