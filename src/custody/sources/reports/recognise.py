"""Which format a file has, by its content alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import FormatError, UsageError
from custody.sources.reports.elements import root_name
from custody.sources.reports.junit import ROOTS
from custody.sources.reports.sbom import is_spdx_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["FORMATS", "is_xml", "recognise_json", "recognise_xml", "refuse_text"]

FORMATS = ("junit", "trivy", "grype", "spdx", "cyclonedx", "sarif", "link", "statement")
"""The formats, as `--from` names them."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_STATEMENT = "https://in-toto.io/Statement/"


def is_xml(data: bytes) -> bool:
    """Return whether `data` can only be XML."""
    return data.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"<")


def recognise_xml(data: bytes) -> str:
    """Return `junit`.

    Raises:
        FormatError: it is other XML; for formats that have a form in JSON, the message says how to get it.

    """
    name, namespace = root_name(data)
    if name in ROOTS:
        return "junit"
    if name == "bom" or "cyclonedx.org" in namespace:
        raise FormatError(
            "CycloneDX in XML cannot be a predicate, which is JSON",
            remedy="make it in JSON, or convert it: cyclonedx convert --input-file F.xml --output-file F.json",
        )
    if name.lower() == "rdf:rdf" or "spdx.org" in namespace:
        raise FormatError(
            "SPDX in RDF cannot be a predicate, which is JSON", remedy="convert it: pyspdxtools -i F.rdf -o F.spdx.json"
        )
    raise FormatError(f"expected JUnit XML (<testsuites> or <testsuite>), got <{name:.60}>")


def refuse_text(data: bytes) -> None:
    """Refuse formats that are neither XML nor JSON, and have a form in JSON.

    Raises:
        FormatError: it is one; the message says how to get the other form.

    """
    if data.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith((b"SPDXVersion:", b"spdxVersion:")):
        raise FormatError(
            "SPDX as tags and values, or in YAML, cannot be a predicate, which is JSON",
            remedy="make it in JSON (such as `syft -o spdx-json`), or convert it: pyspdxtools -i F.spdx -o F.spdx.json",
        )


def recognise_json(document: Mapping[str, Any]) -> str:
    """Return the one format of `FORMATS` that `document` looks like.

    Raises:
        UsageError: it looks like several, or like none.

    """
    found = [name for name, looks_so in _MARKS.items() if looks_so(document)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"it looks like {' and '.join(found)}; say which it is with --from")
    if "artifacts" in document and "descriptor" in document:
        raise UsageError("it looks like syft's own JSON, which no predicate holds; write `syft -o spdx-json`")
    raise UsageError(f"cannot tell which format it is; expected one of {', '.join(FORMATS)}; say it with --from")


def _is_trivy(document: Mapping[str, Any]) -> bool:
    return "SchemaVersion" in document and ("ArtifactName" in document or "Results" in document)


def _is_grype(document: Mapping[str, Any]) -> bool:
    descriptor = document.get("descriptor")
    return "matches" in document and isinstance(descriptor, dict) and descriptor.get("name") == "grype"


def _is_spdx(document: Mapping[str, Any]) -> bool:
    return "spdxVersion" in document or is_spdx_context(document.get("@context"))


def _is_cyclonedx(document: Mapping[str, Any]) -> bool:
    return document.get("bomFormat") == "CycloneDX"


def _is_sarif(document: Mapping[str, Any]) -> bool:
    return "runs" in document and ("version" in document or "sarif" in str(document.get("$schema")))


def _is_link(document: Mapping[str, Any]) -> bool:
    signed = document.get("signed")
    return document.get("_type") == "link" or (isinstance(signed, dict) and signed.get("_type") == "link")


def _is_statement(document: Mapping[str, Any]) -> bool:
    return str(document.get("_type", "")).startswith(_STATEMENT)


_MARKS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "trivy": _is_trivy,
    "grype": _is_grype,
    "spdx": _is_spdx,
    "cyclonedx": _is_cyclonedx,
    "sarif": _is_sarif,
    "link": _is_link,
    "statement": _is_statement,
}
