"""What the models have in common: they validate themselves, and are JSON data when asked.

::

    layout.document()          # what is signed
    layout.signable_bytes      # its canonical JSON
    Layout.read(layout.document()) == layout

Fields that a class does not know are kept where a document is read, and written again: without them it would be
another document than the one that was signed (D2).
"""

from __future__ import annotations

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar, Self

__all__ = ["Signable", "ValidationMixin"]


class ValidationMixin:
    """Objects that say whether they are well-formed."""

    def validate(self) -> None:
        """Return if every `_validate_...` method of the object returns; a `FormatError` says what is wrong."""
        for name in dir(self):
            if name.startswith("_validate_"):
                getattr(self, name)()


class _Field:
    """What `attr.asdict` and `attr.has` need of a field."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class FieldsOfAttrs:
    """The fields of the class, for scripts that call `attr.asdict` on objects of this package."""

    def __get__(self, _instance: object, owner: Any) -> tuple[_Field, ...]:  # noqa: ANN401  # any class with fields
        """Return them; `attrs` is not needed for it."""
        return tuple(_Field(name) for name in owner._FIELDS)  # noqa: SLF001  # of this package


class Document(ValidationMixin):
    """An object with the fields of a document, under their names there."""

    _TYPE: ClassVar[str] = ""
    _FIELDS: ClassVar[tuple[str, ...]] = ()
    __attrs_attrs__ = FieldsOfAttrs()
    __hash__ = None  # type: ignore[assignment]  # what can change has no hash

    def __init__(self, **_kwargs: object) -> None:
        self._unknown: dict[str, Any] = {}
        self._left_out: frozenset[str] = frozenset()

    def document(self) -> dict[str, Any]:
        """Return the object as JSON data."""
        found = {name: _plain(getattr(self, name)) for name in self._FIELDS}
        for name in self._left_out:
            if found[name] == _plain(self._default(name)):
                del found[name]
        return {**found, **self._unknown}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document) or type(self) is not type(other):
            return NotImplemented
        return self.document() == other.document()

    def __repr__(self) -> str:
        """Return the object as indented JSON."""
        return _as_text(self.document())

    def _default(self, name: str) -> object:
        """Return what the field is that a document leaves out."""
        return getattr(type(self)(), name)

    @classmethod
    def _made(cls, data: Mapping[str, Any], fields: Mapping[str, Any], *, signed: bool) -> Self:
        """Return the object that `data` writes, with `fields` in place of what is objects, too.

        What the class does not know is kept. If it was `signed` like this, what `data` leaves out is left out again.
        """
        found = data.get("_type", cls._TYPE)
        if found != cls._TYPE:
            from in_toto._boundary.checks import malformed

            raise malformed(f"Invalid _type value '{found}' (Should be '{cls._TYPE}')")
        made = cls(**{name: data[name] for name in cls._FIELDS if name in data} | dict(fields))
        made._unknown = {name: value for name, value in data.items() if name not in cls._FIELDS}  # new
        if signed:
            made._left_out = frozenset(name for name in cls._FIELDS if name not in data)  # new
        return made


class Signable(Document):
    """What an envelope carries."""

    @property
    def signable_bytes(self) -> bytes:
        """The canonical JSON that the signatures of a Metablock cover.

        Raises:
            FormatError: there is none, as of fractions.

        """
        from custody.encoding.canonical import canonical_json
        from in_toto._boundary.failures import Translated

        with Translated():
            return canonical_json(self._to_write())

    def _to_write(self) -> dict[str, Any]:
        """Return what is the same JSON as `document`, if custody writes it."""
        return self.document()


def as_fields(data: object) -> dict[str, Any]:
    """Return `data` if it is an object of a document, else raise a FormatError."""
    if not isinstance(data, dict):
        from in_toto._boundary.checks import unexpected

        raise unexpected(data, "dict")
    return data


def _plain(value: object) -> object:
    """Return `value` with documents in place of objects; lists of steps are all that holds some."""
    if isinstance(value, Document):
        return value.document()
    if type(value) is list and any(isinstance(item, Document) for item in value):
        return [_plain(item) for item in value]
    return value


def _as_text(document: object) -> str:
    from custody.encoding.strict import write_json
    from in_toto._boundary.failures import Translated

    with Translated():
        return write_json(document, indent=1, ensure_ascii=True).decode("ascii")
