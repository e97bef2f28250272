"""XML as a tree of elements and attributes, from expat, with everything refused by which XML attacks its readers.

Refused: a document type, and with it every declaration of an entity (so there is nothing to expand and nothing outside
to fetch), bytes that are not UTF-8, more than `MAX_XML_BYTES` bytes, `MAX_XML_ELEMENTS` elements or `MAX_XML_DEPTH`
levels. Text between tags is not kept. The packages that wrap XML readers for this purpose have seen no release for
years, and refusing the document type is all that is needed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.parsers.expat import XMLParserType

__all__ = ["MAX_XML_BYTES", "MAX_XML_DEPTH", "MAX_XML_ELEMENTS", "Element", "read_xml", "root_name"]

MAX_XML_BYTES = 64 * 1024 * 1024
"""The largest XML document that is parsed."""

MAX_XML_ELEMENTS = 500_000
"""The most elements of one XML document."""

MAX_XML_DEPTH = 32
"""The deepest nesting of XML that is parsed; reports of tests need 5 levels, and one for every suite in a suite."""

_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})

_WHOLE = True
"""What is parsed at once is parsed in linear time, which pieces are not in every version of expat."""


class Element:
    """An element with its attributes and the elements in it, and the line on which it begins."""

    __slots__ = ("attributes", "children", "line", "name")

    def __init__(self, name: str, attributes: Mapping[str, str], line: int) -> None:
        """Begin with no children."""
        self.name = name
        self.attributes = attributes
        self.line = line
        self.children: list[Element] = []

    @property
    def where(self) -> str:
        """The place of the element, for messages."""
        return f"line {self.line}: <{self.name:.60}>"


class _RootFoundError(Exception):
    """Ends the parsing of a document of which only the root is wanted."""


def read_xml(data: bytes) -> Element:
    """Return the root of the document that `data` holds.

    Raises:
        FormatError: it is no well-formed XML in UTF-8, has a document type, or is beyond a limit.

    """
    builder = _Builder(whole=True)
    builder.parse(data)
    (root,) = builder.roots  # expat refuses a document with none or several
    return root


def root_name(data: bytes) -> tuple[str, str]:
    """Return the name of the root element and its namespace, or ''; what follows is not looked at.

    Raises:
        FormatError: as `read_xml`, as far as it was read.

    """
    import contextlib

    builder = _Builder(whole=False)
    with contextlib.suppress(_RootFoundError):
        builder.parse(data)
    (root,) = builder.roots
    return root.name, root.attributes.get("xmlns", "")


class _Builder:
    """Builds the tree while expat parses."""

    def __init__(self, *, whole: bool) -> None:
        self.roots: list[Element] = []
        self._whole = whole
        self._open: list[Element] = []
        self._count = 0
        self._parser = self._new_parser()

    def parse(self, data: bytes) -> None:
        from xml.parsers.expat import ErrorString, ExpatError

        if len(data) > MAX_XML_BYTES:
            raise FormatError(f"expected at most {MAX_XML_BYTES} bytes of XML, got {len(data)}")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"not UTF-8: byte {error.start} is 0x{data[error.start]:02x}") from None
        try:
            self._parser.Parse(data, _WHOLE)
        except ExpatError as error:
            place = f"line {error.lineno} column {error.offset + 1}"
            raise FormatError(f"not XML: {ErrorString(error.code)} at {place}") from None

    def _new_parser(self) -> XMLParserType:
        from xml.parsers.expat import ParserCreate

        # The encoding is ours, so that no document chooses a codec.
        parser = ParserCreate("UTF-8")
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        return parser

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise FormatError(f"expected XML in UTF-8, got {encoding!r:.40}", remedy="convert it to UTF-8 first")

    def _doctype(self, name: str, *_: object) -> None:
        # Entities are declared in document types only: billion laughs, external entities, parameter entities.
        raise FormatError(
            f"line {self._parser.CurrentLineNumber}: there is a document type (<!DOCTYPE {name:.60}>)",
            remedy="no report has one, and it can make a reader expand entities or fetch files; remove it",
        )

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        line = self._parser.CurrentLineNumber
        element = Element(name, attributes, line)
        self._count += 1
        if self._count > MAX_XML_ELEMENTS:
            raise FormatError(f"line {line}: expected at most {MAX_XML_ELEMENTS} elements, got more")
        if len(self._open) >= MAX_XML_DEPTH:
            raise FormatError(f"line {line}: nested more than {MAX_XML_DEPTH} levels deep")
        (self._open[-1].children if self._open else self.roots).append(element)
        if not self._whole:
            raise _RootFoundError
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()
