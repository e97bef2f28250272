from __future__ import annotations

import json
from typing import Any

import pytest

from custody.errors import FormatError, UsageError
from custody.sources.reports.recognise import is_xml, recognise_json, recognise_xml, refuse_text
from tests.reports import RECORDED, recorded, recorded_json

LINK = {"_type": "link", "name": "build", "command": [], "materials": {}, "products": {}}
STATEMENT = {"_type": "https://in-toto.io/Statement/v1", "subject": []}
BY_NAME = {
    "trivy.json": "trivy",
    "grype.json": "grype",
    "grype-v5.json": "grype",
    "spdx-2.3.json": "spdx",
    "spdx-3.json": "spdx",
    "cyclonedx.json": "cyclonedx",
    "semgrep.sarif": "sarif",
}


def test_every_recorded_report_is_recognised() -> None:
    found = {
        path.name: recognise_xml(path.read_bytes())
        if path.suffix == ".xml"
        else recognise_json(recorded_json(path.name))
        for path in RECORDED.iterdir()
    }

    assert {name: kind for name, kind in found.items() if kind != "junit"} == BY_NAME
    assert {name for name, kind in found.items() if kind == "junit"} == {path.name for path in RECORDED.glob("*.xml")}


@pytest.mark.parametrize(
    ("document", "expected"),
    [(LINK, "link"), ({"signed": LINK, "signatures": []}, "link"), (STATEMENT, "statement")],
)
def test_links_and_statements_are_recognised(document: dict[str, Any], expected: str) -> None:
    assert recognise_json(document) == expected


def test_what_looks_like_two_formats_is_none_of_them() -> None:
    both = {**recorded_json("cyclonedx.json"), **recorded_json("spdx-2.3.json")}

    with pytest.raises(UsageError, match="it looks like spdx and cyclonedx; say which it is with --from"):
        recognise_json(both)


@pytest.mark.parametrize("document", [{}, {"a": 1}, {"_type": "layout"}, {"matches": []}, {"@context": 3}])
def test_what_looks_like_none_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot tell which format it is; expected one of junit, trivy"):
        recognise_json(document)


def test_json_of_syft_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="write `syft -o spdx-json`"):
        recognise_json({"artifacts": [], "descriptor": {"name": "syft"}})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('<bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>', "CycloneDX in XML .*cyclonedx convert"),
        ('<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', "SPDX in RDF .*pyspdxtools"),
        ("<html/>", "expected JUnit XML .*, got <html>"),
    ],
)
def test_other_xml_is_refused_with_what_to_do(text: str, problem: str) -> None:
    assert is_xml(text.encode())
    with pytest.raises(FormatError, match=problem):
        recognise_xml(text.encode())


@pytest.mark.parametrize("text", ["SPDXVersion: SPDX-2.3\n", "\n spdxVersion: SPDX-2.3\n", "\ufeffSPDXVersion: x"])
def test_spdx_that_is_no_json_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(FormatError, match=r"tags and values, or in YAML, .*pyspdxtools -i"):
        refuse_text(text.encode())


def test_other_text_is_left_to_the_reader_of_json() -> None:
    refuse_text(json.dumps({"spdxVersion": "SPDX-2.3"}).encode())
    assert not is_xml(b'{"a": "<b>"}')
    assert is_xml(b"\xef\xbb\xbf \n" + recorded("gotestsum.xml"))
