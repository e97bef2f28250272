"""Demands on fields of a JSON document, `EXPR=VALUE`: `predicate.runDetails.builder.id=https://example.com/builder`.

::

    expression = name *( "." name | "[" number "]" | "[*]" | "[" quoted "]" )  ; or "[" quoted "]" first
    name       = letters, digits, "_" and "-"
    quoted     = a JSON string, for a name with other characters in it
    value      = true | false | null | a JSON number | a JSON string | any other text, as it is

`[*]` is any item of a list: one that is equal is enough. Values are compared as JSON values: the number `1` is equal to
`1.0`, and neither to the text `"1"` nor to `true`. What is missing is equal to nothing, not even to null.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import describe
from custody.encoding.strict import read_json
from custody.errors import FormatError, UsageError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MAX_FIELD_DEMANDS", "MAX_FIELD_TEXT", "FieldDemand", "read_field_demand", "read_field_demands"]

MAX_FIELD_DEMANDS = 100
"""The most demands on fields at once."""

MAX_FIELD_TEXT = 10_000
"""The longest demand on a field, in characters."""

_ANY = "[*]"
_PART = re.compile(
    r"""(?P<dot>\.?)(?P<name>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]{1,9})\]|(?P<any>\[\*\])|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]""",
    re.DOTALL,
)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SHOWN = 5


class FieldDemand(Value):
    """A field that has to have a value; `text` is the demand as it was written, `path` its parts.

    A part is a name, an index of a list or, as None, any item of one.
    """

    text: str
    path: tuple[str | int | None, ...]
    value: str | float | bool | None

    def problem(self, document: Mapping[str, Any]) -> str:
        """Return why `document` does not meet the demand, '' if it does."""
        found: list[object] = []
        for value in _at(document, self.path):
            if _equal(value, self.value):
                return ""
            if len(found) < _SHOWN:
                found.append(value)
        got = " and ".join(_shown(value) for value in found) if found else "nothing there"
        hint = _other_kind(found, self.value)
        return f"{self.expression} is expected to be {_shown(self.value)}, got {got}{hint}"

    @property
    def expression(self) -> str:
        """The part before the value, as it was written."""
        return self.text[: _split(self.text)[1]]


def read_field_demands(texts: tuple[str, ...], where: str = "--field") -> tuple[FieldDemand, ...]:
    """Return the demands that `texts` write.

    Raises:
        UsageError: one is no demand, or there are too many.

    """
    if len(texts) > MAX_FIELD_DEMANDS:
        raise UsageError(f"{where}: expected at most {MAX_FIELD_DEMANDS}, got {len(texts)}")
    return tuple(read_field_demand(text, where) for text in texts)


def read_field_demand(text: str, where: str = "--field") -> FieldDemand:
    """Return the demand that `text` writes, `EXPR=VALUE`.

    Raises:
        UsageError: it is none.

    """
    if len(text) > MAX_FIELD_TEXT:
        raise UsageError(f"{where}: expected at most {MAX_FIELD_TEXT} characters, got {len(text)}")
    path, end = _split(text)
    if not path or text[end : end + 1] != "=":
        place = f"at {text[end : end + 20]!r}" if text[end:] else "at its end"
        raise UsageError(
            f"{where}: expected EXPR=VALUE, such as predicate.runDetails.builder.id=https://example.com/builder, got"
            f' {text!r:.120}, which is none {place}; a name with other characters is written ["like.this"]'
        )
    return FieldDemand(text=text, path=path, value=_value(text[end + 1 :], where))


def _split(text: str) -> tuple[tuple[str | int | None, ...], int]:
    """Return the path that `text` begins with, and where it ends."""
    path: list[str | int | None] = []
    end = 0
    while found := _PART.match(text, end):
        if found["name"] is not None:
            if bool(found["dot"]) == (not path):  # a dot stands between parts, and nowhere else
                break
            path.append(found["name"])
        elif found["index"] is not None:
            path.append(int(found["index"]))
        elif found["any"] is not None:
            path.append(None)
        else:
            try:
                path.append(read_json(found["quoted"].encode("utf-8", "surrogatepass")))
            except FormatError:
                break
        end = found.end()
    return tuple(path), end


def _value(text: str, where: str) -> str | float | bool | None:
    if text in {"true", "false", "null"} or _NUMBER.fullmatch(text) or text.startswith('"'):
        try:
            value: str | float | bool | None = read_json(text.encode("utf-8", "surrogatepass"))
        except FormatError as error:
            raise UsageError(f"{where}: {text!r:.80} is no JSON value: {error}") from None
        return value
    if text.startswith(("{", "[")):
        raise UsageError(
            f"{where}: expected a text, a number, true, false or null, got {text!r:.80}; demand the fields inside one"
            " by one, or write a text that begins like this as a JSON string"
        )
    return text


def _at(value: object, path: tuple[str | int | None, ...]) -> Iterator[object]:
    """Yield what stands at `path` in `value`, several values below `[*]`."""
    if not path:
        yield value
        return
    part, rest = path[0], path[1:]
    if isinstance(part, str):
        if isinstance(value, dict) and part in value:
            yield from _at(value[part], rest)
    elif isinstance(value, list):
        items = value if part is None else value[part : part + 1]
        for item in items:
            yield from _at(item, rest)


def _equal(found: object, wanted: object) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool):  # in Python, True == 1
        return found is wanted
    return type(found) in {str, int, float, type(None)} and found == wanted


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value!r:.100}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"the number {value!r:.40}"
    return describe(value)


def _other_kind(found: list[object], wanted: object) -> str:
    """Return what to write if a text looks like the number, or the truth value, that was demanded."""
    if isinstance(wanted, str):
        return ""
    meant = "null" if wanted is None else str(wanted).lower() if isinstance(wanted, bool) else None
    for value in found:
        if isinstance(value, str) and (value == meant or (meant is None and _NUMBER.fullmatch(value))):
            return f"; write it as a JSON string to mean the text: '\"{value:.60}\"'"
    return ""
