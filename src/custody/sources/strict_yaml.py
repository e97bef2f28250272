"""YAML with one meaning: nodes that know their path and line, and nothing clever.

Refused: aliases and anchors (a few lines could grow without bound), tags, duplicate keys, several documents, more
than `MAX_SOURCE_BYTES`, more than `MAX_DEPTH` levels, anything but UTF-8. What YAML 1.1 reads as something else than
the text it looks like (`no`, `010`, `1.10`, `~`) is an error where text is wanted: the author has to quote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import describe
from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from yaml import Event, ScalarEvent, YAMLError

__all__ = [
    "MAX_DEPTH",
    "MAX_SOURCE_BYTES",
    "ListNode",
    "MappingNode",
    "Node",
    "ScalarNode",
    "place",
    "read_yaml",
]

MAX_SOURCE_BYTES = 1024 * 1024
"""The largest source that is read; a layout of a hundred steps has about 50 KB."""

MAX_DEPTH = 16
"""The deepest nesting that is read; sources need 5 levels."""

_TEXT = "text"
_KINDS = {
    "int": "the number",
    "float": "the number",
    "bool": "the truth value",
    "null": "nothing",
    "timestamp": "the date",
    "merge": "the merge key",
    "value": "the default key",
}
_DISPUTED_BREAK = re.compile("[\x85\u2028\u2029]")
_INTEGER = re.compile(r"0|[1-9][0-9]{0,8}")


class Node(Value):
    """A part of the document, at `path` in it and on `line` of the file, counted from 1."""

    path: str
    line: int

    @property
    def where(self) -> str:
        """The place for an error message."""
        return place(self.line, self.path)

    def error(self, problem: str, remedy: str = "") -> FormatError:
        """Return an error about this node."""
        return FormatError(problem, where=self.where, remedy=remedy)

    def found(self) -> str:
        """Return what this node is, for an error message."""
        return "nothing"

    def text(self) -> str:
        """Return the text that this node is."""
        raise self.error(f"expected text, got {self.found()}")

    def integer(self, *, minimum: int) -> int:
        """Return the decimal integer of at least `minimum` that this node is."""
        raise self.error(f"expected an integer >= {minimum}, got {self.found()}")

    def items(self) -> tuple[Node, ...]:
        """Return the items of the list that this node is."""
        raise self.error(f"expected a list, got {self.found()}", "begin each item with '- '")

    def entries(self) -> Mapping[str, Node]:
        """Return the fields of the mapping that this node is."""
        raise self.error(f"expected 'name: value' lines, got {self.found()}")


class ScalarNode(Node):
    """A single value: its text as written, and what YAML 1.1 takes it for."""

    value: str
    kind: str = _TEXT

    def found(self) -> str:
        """Return the value, and what it looks like to YAML."""
        if self.kind == _TEXT:
            return describe(self.value)
        return f"{_KINDS[self.kind]} {self.value}" if self.value else _KINDS["null"]

    def text(self) -> str:
        """Return the text; what YAML takes for something else has to be quoted."""
        if self.kind == _TEXT:
            return self.value
        remedy = f"quote it: '{self.value}'" if self.value else "write '' for empty text"
        raise self.error(f"expected text, got {self.found()}", remedy)

    def integer(self, *, minimum: int) -> int:
        """Return the integer; `010` (eight to some), `1_0` and `'1'` are refused."""
        value = int(self.value) if _INTEGER.fullmatch(self.value) else -1
        if self.kind != "int" or value < minimum:
            remedy = "write it without quotes" if self.kind == _TEXT and value >= minimum else ""
            raise self.error(f"expected an integer >= {minimum}, got {self.found()}", remedy)
        return value


class ListNode(Node):
    """A list."""

    children: tuple[Node, ...]

    def found(self) -> str:
        """Return that it is a list."""
        return "a list" if self.children else "an empty list"

    def items(self) -> tuple[Node, ...]:
        """Return the items."""
        return self.children


class MappingNode(Node):
    """Fields with their names; no name stands twice."""

    children: Mapping[str, Node]

    def found(self) -> str:
        """Return that it is a mapping, with its first name, since `a: b` often was meant as text."""
        first = next(iter(self.children), None)
        return "an empty mapping" if first is None else f"'{first:.40}: ...'"

    def entries(self) -> Mapping[str, Node]:
        """Return the fields."""
        return self.children


def place(line: int, path: str) -> str:
    """Return how errors name a place: `line 12, steps[0].name`."""
    return f"line {line}, {path}" if path else f"line {line}"


def read_yaml(data: bytes) -> Node:
    """Return the one document that `data` holds.

    Raises:
        FormatError: it is no YAML, or YAML with more than one meaning; the message has the line.

    """
    if len(data) > MAX_SOURCE_BYTES:
        raise FormatError(f"expected at most {MAX_SOURCE_BYTES} bytes of YAML, got {len(data)}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"not UTF-8: byte {error.start} is 0x{data[error.start]:02x}"
        raise FormatError(problem, where=place(line, "")) from None
    _refuse_disputed_breaks(text)
    from yaml import YAMLError  # slow import, and only sources are YAML
    from yaml.reader import ReaderError

    builder = None
    try:
        builder = _Builder(text)
        return builder.document()
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character {chr(int(error.character))!r} may not stand in YAML"
        raise FormatError(problem, where=place(line, "")) from None
    except YAMLError as error:
        raise _not_yaml(error) from None
    except (ValueError, OverflowError):
        # PyYAML hands numbers of escapes and directives to chr() and int() as they are.
        problem = "not YAML: an escape or a directive holds an impossible number"
        raise FormatError(problem, where=place(builder.line if builder else 1, "")) from None


class _Builder:
    """Builds nodes from the parser's events, so that nothing is ever constructed that was not wanted."""

    def __init__(self, text: str) -> None:
        from yaml import SafeLoader  # slow import, and only sources are YAML

        self._loader: Any = SafeLoader(text)  # its stubs leave the parser untyped

    @property
    def line(self) -> int:
        """The line that the scanner has come to."""
        return int(self._loader.line) + 1

    def document(self) -> Node:
        from yaml import events

        loader = self._loader
        loader.get_event()  # the stream's start
        if loader.check_event(events.StreamEndEvent):
            raise FormatError("expected a layout's source, got nothing", where=place(1, ""))
        loader.get_event()  # the document's start
        root = self._node("", 0)
        loader.get_event()  # the document's end
        if not loader.check_event(events.StreamEndEvent):
            line = _line(loader.peek_event())
            raise FormatError("a second document begins here", where=place(line, ""))
        return root

    def _node(self, path: str, depth: int, line: int = 0) -> Node:
        """Build the next node; the value of a field stands on the `line` of its name."""
        from yaml import events

        event = self._loader.get_event()
        line = line or _line(event)
        _refuse_clever(event, place(line, path))
        if depth > MAX_DEPTH:
            raise FormatError(f"nested more than {MAX_DEPTH} levels deep", where=place(line, ""))
        if isinstance(event, events.ScalarEvent):
            return self._scalar(event, path, line)
        if isinstance(event, events.SequenceStartEvent):
            return self._list(path, line, depth)
        return self._mapping(path, line, depth)

    def _scalar(self, event: ScalarEvent, path: str, line: int) -> ScalarNode:
        from yaml import ScalarNode as PlainNode

        tag: str = self._loader.resolve(PlainNode, event.value, event.implicit)
        kind = tag.rpartition(":")[2]
        node = ScalarNode(path=path, line=line, value=event.value, kind=_TEXT)
        if not event.value.isprintable():
            _refuse_half_characters(node)
        return node.replace(kind=kind) if kind in _KINDS else node

    def _list(self, path: str, line: int, depth: int) -> ListNode:
        from yaml import events

        children: list[Node] = []
        while not self._loader.check_event(events.SequenceEndEvent):
            children.append(self._node(f"{path}[{len(children)}]", depth + 1))
        self._loader.get_event()
        return ListNode(path=path, line=line, children=tuple(children))

    def _mapping(self, path: str, line: int, depth: int) -> MappingNode:
        from yaml import events

        children: dict[str, Node] = {}
        while not self._loader.check_event(events.MappingEndEvent):
            key = self._node(path, depth + 1)
            name = key.text()
            inner = f"{path}.{name}" if path else name
            if name in children:
                problem = f"{name!r:.80} stands here twice, first on line {children[name].line}"
                raise FormatError(problem, where=place(key.line, inner))
            children[name] = self._node(inner, depth + 1, key.line)
        self._loader.get_event()
        return MappingNode(path=path, line=line, children=children)


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _refuse_clever(event: Event, where: str) -> None:
    from yaml import events

    if isinstance(event, events.AliasEvent):
        what, mark = f"'*{event.anchor}' is an alias", "*"
    elif not isinstance(event, events.ScalarEvent | events.CollectionStartEvent):
        return
    elif event.anchor is not None:
        what, mark = f"'&{event.anchor}' is an anchor", "&"
    elif event.tag is not None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        what, mark = f"'{tag:.80}' is a tag", "!"
    else:
        return
    raise FormatError(f"{what}, and sources have none", where=where, remedy=f"quote text that begins with '{mark}'")


def _refuse_disputed_breaks(text: str) -> None:
    """Refuse characters that end a line, and so a comment, in YAML 1.1 but not in 1.2."""
    found = _DISPUTED_BREAK.search(text)
    if found is not None:
        raise FormatError(
            f"the character {found[0]!r} ends a line for some readers of YAML and not for others",
            where=place(text.count("\n", 0, found.start()) + 1, ""),
            remedy="write it as an escape in double quotes",
        )


def _refuse_half_characters(node: ScalarNode) -> None:
    r"""Refuse what an escape such as `"\ud800"` or `"\0"` can write, but no file name or command can hold."""
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in node.value):
        raise node.error("the text holds a NUL or half of a surrogate pair, which is no character")


_BEGINNINGS = {"an alias": "*", "an anchor": "&", "a tag": "!", "a directive": "%"}


def _not_yaml(error: YAMLError) -> FormatError:
    """Return PyYAML's complaint as ours, with the line, and a remedy for what happens most."""
    from yaml import MarkedYAMLError

    if not isinstance(error, MarkedYAMLError):
        return FormatError(f"not YAML: {error}")
    mark = error.problem_mark or error.context_mark
    context, problem = error.context or "", error.problem or ""
    return FormatError(
        f"not YAML: {context}{': ' if context else ''}{problem}",
        where=place(mark.line + 1, "") if mark is not None else "",
        remedy=_remedy(context, problem),
    )


def _remedy(context: str, problem: str) -> str:
    for what, character in _BEGINNINGS.items():
        if context.endswith(what):
            return f"quote text that begins with '{character}'"
    if "mapping values" in problem:
        return "quote text that holds ': '"
    if "'\\t'" in problem:
        return "indent with spaces"
    if "cannot start any token" in problem:
        return "quote text that begins with a special character"
    return ""
