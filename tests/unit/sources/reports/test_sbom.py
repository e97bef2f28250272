from __future__ import annotations

from typing import Any

import pytest

from custody.errors import FormatError, UsageError
from custody.models.predicates import check_predicate, cyclonedx, spdx
from custody.sources.reports.sbom import check_cyclonedx, check_spdx
from tests.reports import changed, recorded_json

SPDX_2 = recorded_json("spdx-2.3.json")
SPDX_3 = recorded_json("spdx-3.json")
CYCLONEDX = recorded_json("cyclonedx.json")


@pytest.mark.parametrize(
    ("document", "predicate_type"),
    [
        (SPDX_2, spdx.TYPE),
        (SPDX_2, spdx.TYPE_2),
        (changed(SPDX_2, "spdxVersion", to="SPDX-2.2"), spdx.TYPE),
        (SPDX_3, spdx.TYPE),
        (SPDX_3, spdx.TYPE_3),
    ],
)
def test_spdx_document_is_of_its_type(document: dict[str, Any], predicate_type: str) -> None:
    check_spdx(document, predicate_type)
    check_predicate(predicate_type, document)


@pytest.mark.parametrize(
    ("document", "predicate_type", "wanted"),
    [
        (SPDX_2, spdx.TYPE_3, "is for SPDX 3, and the document is SPDX-2.3"),
        (SPDX_3, spdx.TYPE_2, "is for SPDX 2.3, and the document is SPDX 3"),
        (changed(SPDX_2, "spdxVersion", to="SPDX-2.2"), spdx.TYPE_2, "is for SPDX 2.3, and the document is SPDX-2.2"),
    ],
)
def test_spdx_document_is_not_of_the_type_of_another_version(
    document: dict[str, Any], predicate_type: str, wanted: str
) -> None:
    with pytest.raises(UsageError, match=wanted):
        check_spdx(document, predicate_type)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (changed(SPDX_2, "spdxVersion", to="SPDX-1.2"), "spdxVersion: expected SPDX-2.2, SPDX-2.3 or SPDX 3"),
        (changed(SPDX_2, "spdxVersion", to=2.3), "spdxVersion: expected text"),
        (changed(SPDX_2, "SPDXID"), "SPDXID: missing"),
        (changed(SPDX_2, "dataLicense", to="MIT"), "dataLicense: expected 'CC0-1.0', got 'MIT'"),
        (changed(SPDX_2, "name"), "name: missing"),
        (changed(SPDX_2, "name", to=""), "name: expected text, got ''"),
        (changed(SPDX_2, "documentNamespace"), "documentNamespace: missing"),
        (changed(SPDX_2, "creationInfo"), "creationInfo: missing"),
        (changed(SPDX_2, "creationInfo", "created", to="now"), "creationInfo.created: expected an instant"),
        (changed(SPDX_2, "creationInfo", "creators", to=[]), "creationInfo.creators: expected at least one creator"),
        (changed(SPDX_2, "packages"), "there are no packages and no files and no snippets: nothing is described"),
        (changed(SPDX_2, "packages", to=[]), "nothing is described"),
        (changed(SPDX_2, "packages", to=["greeting"]), r"packages\[0\]: expected an object"),
        (changed(SPDX_3, "@context"), "@context.*: missing"),
        (changed(SPDX_3, "@context", to="https://schema.org"), "@context: expected the context of SPDX 3"),
        (changed(SPDX_3, "@graph"), "@graph.*: missing"),
        (changed(SPDX_3, "@graph", to=[]), "@graph: expected an element of the type CreationInfo"),
        (changed(SPDX_3, "@graph", 0), "@graph: expected an element of the type CreationInfo"),
        (changed(SPDX_3, "@graph", 3), "@graph: expected an element of the type SpdxDocument"),
        (changed(SPDX_3, "@graph", 2), "there is no package, file or snippet"),
        (changed(SPDX_3, "@graph", 2, "type"), r"@graph\[2\]\['@type'\]: missing"),
    ],
)
def test_malformed_spdx_documents_are_refused(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        check_spdx(document, spdx.TYPE)


@pytest.mark.parametrize("document", [CYCLONEDX, changed(CYCLONEDX, "components", to=[])], ids=["whole", "alone"])
def test_cyclonedx_document_is_of_its_type(document: dict[str, Any]) -> None:
    check_cyclonedx(document)
    check_predicate(cyclonedx.TYPE, document)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (changed(CYCLONEDX, "bomFormat", to="SPDX"), "bomFormat: expected 'CycloneDX', got 'SPDX'"),
        (changed(CYCLONEDX, "bomFormat"), "bomFormat: missing"),
        (changed(CYCLONEDX, "specVersion"), "specVersion: missing"),
        (changed(CYCLONEDX, "specVersion", to="9"), "specVersion: expected a version of CycloneDX from 1.2, got '9'"),
        (changed(CYCLONEDX, "version", to=0), "version: expected an integer >= 1, got 0"),
        (changed(CYCLONEDX, "components", to={}), "components: expected a list"),
        (changed(CYCLONEDX, "components", 0, to=3), r"components\[0\]: expected an object"),
        (changed(CYCLONEDX, "metadata", to=[1]), "metadata: expected an object"),
        (
            changed(changed(CYCLONEDX, "components"), "metadata"),
            "there are no components and no services and no vulnerabilities",
        ),
    ],
)
def test_malformed_cyclonedx_documents_are_refused(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(FormatError, match=problem):
        check_cyclonedx(document)
