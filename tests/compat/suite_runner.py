"""Runs the tests that the reference publishes, on whichever `in_toto` this Python has, and writes down how each ended.

    python suite_runner.py OUTCOMES PLACEHOLDERS       (in the folder that has `tests`)

OUTCOMES is the file to write: `{test id: outcome}`, the outcomes being "passed", "failed" and "skipped". A test with
sub-tests fails if one of them does.

PLACEHOLDERS is JSON, `{module: [name, ...]}`: private names that test modules import. Where ours has no such name, it
gets one that fails when it is called: so the tests that use it fail, and the others in the module still run.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
import unittest

__all__ = ["main"]


def main() -> None:
    """Run every test and write the outcomes."""
    sys.path.insert(0, "")
    for module, names in json.loads(sys.argv[2]).items():
        fill(module, names)
    outcomes = os.path.abspath(sys.argv[1])  # some tests leave the folder
    suite = unittest.defaultTestLoader.discover("tests", top_level_dir=".")
    tests = [test.id() for test in flat(suite)]
    sys.argv[1:] = []
    runner = unittest.TextTestRunner(verbosity=2, resultclass=Separate)  # type: ignore[arg-type]  # it is one
    result = runner.run(suite)
    ended = dict.fromkeys(tests, "passed")
    ended |= {test.id(): "skipped" for test, _ in result.skipped}
    for test, _ in [*result.failures, *result.errors]:
        ended |= dict.fromkeys(concerned(getattr(test, "test_case", test).id(), tests), "failed")
    with open(outcomes, "w", encoding="utf-8") as file:
        json.dump(ended, file, indent=1)


def concerned(failed: str, tests: list[str]) -> list[str]:
    """Return the tests that did not pass because this failed: one of them, or what a class of them needs."""
    step, _, of = failed.partition(" (")
    if step in {"setUpClass", "setUpModule"}:
        return [test for test in tests if test.startswith(of.removesuffix(")") + ".")]
    return [failed] if failed in tests else []  # what a class leaves behind says nothing about its tests


class Separate(unittest.TextTestResult):
    """Gives every test its output back, which one before it may have failed to do."""

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802  # as in unittest
        """Begin `test`."""
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        super().startTest(test)


def fill(name: str, missing: list[str]) -> None:
    """Give the module `name`, a new one if need be, what it lacks of these names."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError:
        module = sys.modules[name] = types.ModuleType(name)
        package, _, last = name.rpartition(".")
        setattr(importlib.import_module(package), last, module)
    for each in missing:
        if not hasattr(module, each):
            setattr(module, each, placeholder(f"{name}.{each}"))


def placeholder(name: str) -> type:
    """Return a class that cannot be used."""

    def __init__(self: object, *_args: object, **_kwargs: object) -> None:  # noqa: N807  # it is that method
        raise NotImplementedError(f"{name} is private to the reference")

    return type(name, (), {"__init__": __init__})


def flat(suite: unittest.TestSuite) -> list[unittest.TestCase]:
    """Return the tests of a suite of suites."""
    found = []
    for each in suite:
        found += flat(each) if isinstance(each, unittest.TestSuite) else [each]
    return found


if __name__ == "__main__":
    main()
