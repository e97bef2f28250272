from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from custody.errors import UsageError
from custody.value import Value

ROOT = Path(__file__).parents[2]


class Point(Value):
    x: int
    y: int = 0


class Named(Point):
    name: str = "p"
    y: int = 7


class Bag(Value):
    kind: ClassVar[str] = "bag"
    items: Mapping[str, int] = {}


class Positive(Value):
    n: int

    def _validate(self) -> None:
        if self.n <= 0:
            raise UsageError("not positive")


class Other(Value):
    x: int
    y: int = 0


def test_values_with_equal_fields_are_equal_and_hash_alike() -> None:
    assert Point(x=1) == Point(x=1, y=0)
    assert hash(Point(x=1)) == hash(Point(x=1, y=0))


@pytest.mark.parametrize("other", [Point(x=2), Point(x=1, y=1), Other(x=1), (1, 0), None])
def test_values_that_differ_in_a_field_or_type_are_not_equal(other: object) -> None:
    assert Point(x=1) != other


def test_a_subclass_is_never_equal_to_its_base() -> None:
    assert Named(x=1, y=0) != Point(x=1, y=0)


def test_a_missing_field_is_a_type_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="Point needs 'x'"):
        Point()  # type: ignore[call-arg]  # what is tested


def test_an_unknown_field_is_a_type_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="Point has no field 'z'"):
        Point(x=1, z=2)  # type: ignore[call-arg]  # what is tested


def test_fields_cannot_be_given_by_position() -> None:
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[call-arg]  # what is tested


def test_a_field_cannot_be_set() -> None:
    point = Point(x=1)
    with pytest.raises(AttributeError, match=r"immutable; use replace\(x=\.\.\.\)"):
        point.x = 2  # type: ignore[misc]  # what is tested
    assert point.x == 1


def test_a_field_cannot_be_deleted() -> None:
    point = Point(x=1)
    with pytest.raises(AttributeError, match="immutable"):
        del point.x
    assert point.x == 1


def test_there_is_no_room_for_other_attributes() -> None:
    point = Point(x=1)
    assert not hasattr(point, "__dict__")
    with pytest.raises(AttributeError):
        object.__setattr__(point, "z", 1)  # around the refusing __setattr__


def test_replace_changes_only_what_it_is_given() -> None:
    point = Point(x=1, y=2)
    assert point.replace() == point
    assert point.replace(y=3) == Point(x=1, y=3)
    assert point == Point(x=1, y=2)


def test_replace_refuses_an_unknown_field() -> None:
    with pytest.raises(TypeError, match="no field 'z'"):
        Point(x=1).replace(z=1)


def test_a_subclass_inherits_fields_and_may_change_a_default() -> None:
    named = Named(x=1)
    assert (named.x, named.y, named.name) == (1, 7, "p")
    assert repr(named) == "Named(x=1, y=7, name='p')"


def test_validate_runs_for_new_and_replaced_values() -> None:
    assert Positive(n=1).n == 1
    with pytest.raises(UsageError):
        Positive(n=0)
    with pytest.raises(UsageError):
        Positive(n=1).replace(n=-1)


def test_a_class_variable_is_no_field() -> None:
    assert repr(Bag()) == "Bag(items={})"
    with pytest.raises(TypeError, match="no field 'kind'"):
        Bag(kind="x")  # type: ignore[call-arg]  # what is tested


def test_an_empty_dict_as_default_is_not_shared() -> None:
    assert Bag().items is not Bag().items


@pytest.mark.parametrize("default", [[], [1], set(), {"a": 1}])
def test_other_mutable_defaults_are_refused(default: object) -> None:
    body = {"__annotations__": {"field": "object"}, "field": default}
    metaclass: type[type] = type(Value)
    with pytest.raises(TypeError, match=r"Shared\.field has a mutable default"):
        metaclass("Shared", (Value,), body)


def test_a_value_with_a_field_that_has_no_hash_has_none() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Bag(items={"a": 1}))


@pytest.mark.parametrize("value", [Point(x=1, y=2), Named(x=1, name="n"), Bag(items={"a": 1})])
def test_copies_and_pickles_are_equal(value: Value) -> None:
    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301  # made in the same line


def test_nothing_slow_is_imported() -> None:
    code = "import sys, custody.value; print([m for m in ('dataclasses', 'inspect') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_the_type_checker_sees_the_constructor(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    source = tmp_path / "use.py"
    source.write_text(
        "from custody.value import Value\n"
        "class Point(Value):\n    x: int\n    y: int = 0\n"
        "Point(x=1)\n"
        "Point()\n"
        "Point(x='a')\n"
        "Point(x=1, z=2)\n"
        "Point(x=1).x = 3\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "--config-file=", str(source)],
        env={"MYPYPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line]
    assert lines == ["6", "7", "8", "9"], done.stdout
