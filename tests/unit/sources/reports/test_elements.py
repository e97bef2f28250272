from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.sources.reports import elements
from custody.sources.reports.elements import MAX_XML_DEPTH, read_xml, root_name

LAUGHS = """\
<?xml version="1.0"?>
<!DOCTYPE lolz [
  <!ENTITY lol "lol">
  <!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
  <!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">
]>
<testsuites name="&lol3;"/>
"""
EXTERNAL = '<!DOCTYPE testsuites [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuites>&x;</testsuites>'
PARAMETER = '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/evil.dtd"> %p;]><testsuites/>'
BARE = '<!DOCTYPE testsuites SYSTEM "http://127.0.0.1:9/a.dtd"><testsuites/>'


def test_elements_have_names_attributes_lines_and_children() -> None:
    root = read_xml(b'<?xml version="1.0" encoding="utf-8"?>\n<a x="1">\n<b y="&lt;&#xA;">text</b><c/></a>')

    assert (root.name, root.attributes, root.line) == ("a", {"x": "1"}, 2)
    assert [(child.name, child.attributes, child.line) for child in root.children] == [
        ("b", {"y": "<\n"}, 3),
        ("c", {}, 3),
    ]


def test_byte_order_mark_is_no_content() -> None:
    assert read_xml(b"\xef\xbb\xbf<a/>").name == "a"


@pytest.mark.parametrize("text", [LAUGHS, EXTERNAL, PARAMETER, BARE], ids=["laughs", "external", "parameter", "bare"])
@pytest.mark.parametrize("read", [read_xml, root_name])
def test_document_types_are_refused(text: str, read: object) -> None:
    assert callable(read)
    with pytest.raises(FormatError, match="there is a document type"):
        read(text.encode())


def test_document_type_after_comments_is_refused() -> None:
    with pytest.raises(FormatError, match="document type"):
        read_xml(b"<!-- a -->\n<?pi x?>\n<!DOCTYPE a><a/>")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not XML: no element found"),
        (b"<a>", "not XML: no element found at line 1 column 4"),
        (b"<a></b>", "not XML: mismatched tag"),
        (b"<a/><b/>", "not XML: junk after document element"),
        (b"<a x='1' x='2'/>", "not XML: duplicate attribute"),
        (b"<a>&unknown;</a>", "not XML: undefined entity"),
        (b"<a>&#xD800;</a>", "not XML: reference to invalid character number"),
        (b"<a>&#0;</a>", "not XML: reference to invalid character number"),
        (b"<a>\xff</a>", "not UTF-8: byte 3 is 0xff"),
        ("<a/>".encode("utf-16"), "not UTF-8"),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "expected XML in UTF-8, got 'utf-7'"),
        (b'<?xml version="1.0" encoding="rot13"?><a/>', "expected XML in UTF-8, got 'rot13'"),
    ],
)
def test_what_is_no_xml_in_utf8_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        read_xml(data)


def test_depth_is_limited() -> None:
    def nested(levels: int) -> bytes:
        return b"<a>" * levels + b"</a>" * levels

    assert read_xml(nested(MAX_XML_DEPTH)).name == "a"
    with pytest.raises(FormatError, match="nested more than 32 levels deep"):
        read_xml(nested(MAX_XML_DEPTH + 1))


def test_count_of_elements_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MAX_XML_ELEMENTS", 10)

    assert len(read_xml(b"<a>" + b"<b/>" * 9 + b"</a>").children) == 9
    with pytest.raises(FormatError, match="expected at most 10 elements, got more"):
        read_xml(b"<a>" + b"<b/>" * 10 + b"</a>")


def test_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MAX_XML_BYTES", 4)

    assert read_xml(b"<a/>").name == "a"
    with pytest.raises(FormatError, match="expected at most 4 bytes of XML, got 5"):
        read_xml(b"<ab/>")


def test_root_is_told_without_reading_on() -> None:
    assert root_name(b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><never closed') == (
        "bom",
        "http://cyclonedx.org/schema/bom/1.6",
    )
