"""A base for values: frozen, keyword-only, slotted, equal by their fields.

Declare fields as annotations; a field with a default may be left out::

    class Point(Value):
        x: int
        y: int = 0

    Point(x=1) == Point(x=1, y=0)

It is what `dataclass(frozen=True, kw_only=True, slots=True)` gives, without importing `dataclasses`
and without generating code at import, which every short command would pay for. Checkers see it
through `typing.dataclass_transform`. A subclass may define `_validate`, which runs after the fields
are set. `ClassVar` annotations are no fields. An empty dict as a default is a new one each time;
other mutable defaults are refused when the class is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> object:
        """Leave the decorated class as it is; only checkers need the real one."""
        return lambda decorated: decorated


__all__ = ["Value"]


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _ValueType(type):
    """Turns the annotations of a class into slots and its assignments into defaults."""

    _fields: tuple[str, ...]
    _defaults: Mapping[str, object]

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _ValueType:
        inherited = [base for base in bases if isinstance(base, _ValueType)]
        known = [field for base in inherited for field in base._fields]
        declared = _declared(namespace)
        defaults = {key: value for base in inherited for key, value in base._defaults.items()}  # noqa: SLF001  # its own kind
        for field in declared:
            if field in namespace:
                defaults[field] = _checked_default(f"{name}.{field}", namespace.pop(field))
        new = [field for field in declared if field not in known]
        namespace["__slots__"] = tuple(new)
        created = super().__new__(mcs, name, bases, namespace)
        created._fields = (*known, *new)
        created._defaults = defaults
        return created


def _declared(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of the annotated fields; annotations are text, as modules here postpone them."""
    annotations: Mapping[str, str] = namespace.get("__annotations__", {})
    return [
        field for field, kind in annotations.items() if not str(kind).removeprefix("typing.").startswith("ClassVar")
    ]


def _checked_default(name: str, default: object) -> object:
    if isinstance(default, list | set) or (isinstance(default, dict) and default):
        raise TypeError(f"{name} has a mutable default, which all values would share")
    return default


class Value(metaclass=_ValueType):
    """An immutable record; see the module's docstring."""

    def __init__(self, **given: Any) -> None:
        """Set every field from `given` or its default; a missing or unknown one is a TypeError."""
        cls = type(self)
        put = object.__setattr__
        for field in cls._fields:
            if field in given:
                put(self, field, given.pop(field))
            elif field in cls._defaults:
                default = cls._defaults[field]
                put(self, field, {} if isinstance(default, dict) else default)
            else:
                raise TypeError(f"{cls.__name__} needs {field!r}")
        if given:
            raise TypeError(f"{cls.__name__} has no field {min(given)!r}")
        self._validate()

    def _validate(self) -> None:
        """Refuse what makes no sense; the base refuses nothing."""

    def _state(self) -> tuple[object, ...]:
        return tuple(getattr(self, field) for field in type(self)._fields)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with `changes`; `v.replace() == v`."""
        return type(self)(**dict(zip(type(self)._fields, self._state(), strict=True)) | changes)

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle by making the value anew, since its attributes cannot be set."""
        return _rebuild, (type(self), dict(zip(type(self)._fields, self._state(), strict=True)))

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: values do not change."""
        raise AttributeError(f"{type(self).__name__} is immutable; use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        """Refuse: values do not change."""
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        """Compare type and fields."""
        if type(self) is not type(other):
            return NotImplemented
        return self._state() == other._state()

    def __hash__(self) -> int:
        """Hash type and fields; a field that cannot be hashed makes this a TypeError."""
        return hash((type(self), self._state()))

    def __repr__(self) -> str:
        """Return `Name(field=value, ...)`."""
        fields = zip(type(self)._fields, self._state(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in fields)})"


def _rebuild(cls: type[Value], state: Mapping[str, object]) -> Value:
    return cls(**state)
