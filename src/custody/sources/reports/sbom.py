"""Bills of materials: SPDX 2 and 3 and CycloneDX, all of them in JSON, which are predicates as they are.

A document that describes nothing is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.encoding.fields import Fields, as_list, as_object, as_text, describe
from custody.errors import FormatError, UsageError
from custody.models.predicates import spdx
from custody.sources.reports.times import as_utc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["check_cyclonedx", "check_spdx", "is_spdx_context"]

_SPDX_2_VERSIONS = ("SPDX-2.2", "SPDX-2.3")
_SPDX_3_CONTEXT = re.compile(r"https?://spdx\.org/rdf/3\.[0-9.]+/spdx-context\.jsonld")
_CYCLONEDX_VERSION = re.compile(r"1\.[2-9]")
_SPDX_2_CONTENT = ("packages", "files", "snippets")
_CYCLONEDX_CONTENT = ("components", "services", "vulnerabilities")
_NOTHING = "nothing is described in it, so nothing can be attested"


def check_spdx(document: Mapping[str, Any], predicate_type: str) -> None:
    """Demand that `document` is SPDX of the version that `predicate_type` is for.

    Raises:
        FormatError: a field that SPDX requires is missing or wrong, or the document describes nothing.
        UsageError: it is of another version.

    """
    version = "2" if "spdxVersion" in document else "3"
    if version == "2":
        _check_spdx_2(document)
    else:
        _check_spdx_3(document)
    said = document.get("spdxVersion", "SPDX 3")
    if (predicate_type == spdx.TYPE_2 and said != "SPDX-2.3") or (predicate_type == spdx.TYPE_3 and version != "3"):
        wanted = "SPDX 2.3" if predicate_type == spdx.TYPE_2 else "SPDX 3"
        raise UsageError(
            f"{predicate_type} is for {wanted}, and the document is {said}; write --to spdx for any version"
        )


def check_cyclonedx(document: Mapping[str, Any]) -> None:
    """Demand that `document` is a CycloneDX bill of materials.

    Raises:
        FormatError: a field that CycloneDX requires is missing or wrong, or the document describes nothing.

    """
    fields = Fields(document)
    fields.constant("bomFormat", "CycloneDX")
    version = fields.text("specVersion")
    if not _CYCLONEDX_VERSION.fullmatch(version):
        raise FormatError(f"expected a version of CycloneDX from 1.2, got {describe(version)}", where="specVersion")
    fields.integer("version", 1, minimum=1)
    metadata = as_object(fields.any("metadata", None) or {}, "metadata")
    _check_lists(fields, _CYCLONEDX_CONTENT, described=bool(metadata.get("component")))


def is_spdx_context(value: object) -> bool:
    """Return whether the `@context` of a JSON-LD document is that of SPDX 3."""
    values = value if isinstance(value, list) else [value]
    return any(isinstance(each, str) and _SPDX_3_CONTEXT.fullmatch(each) is not None for each in values)


def _check_spdx_2(document: Mapping[str, Any]) -> None:
    fields = Fields(document)
    version = fields.text("spdxVersion")
    if version not in _SPDX_2_VERSIONS:
        raise FormatError(f"expected SPDX-2.2, SPDX-2.3 or SPDX 3, got {describe(version)}", where="spdxVersion")
    fields.constant("SPDXID", "SPDXRef-DOCUMENT")
    fields.constant("dataLicense", "CC0-1.0")
    for name in ("name", "documentNamespace"):
        if not fields.text(name):
            raise FormatError("expected text, got ''", where=name)
    creation = Fields(fields.any("creationInfo"), "creationInfo")
    as_utc(creation.any("created"), "creationInfo.created")
    if not creation.texts("creators"):
        raise FormatError("expected at least one creator, got an empty list", where="creationInfo.creators")
    _check_lists(fields, _SPDX_2_CONTENT, described=False)


def _check_spdx_3(document: Mapping[str, Any]) -> None:
    fields = Fields(document)
    if not is_spdx_context(fields.any("@context")):
        raise FormatError("expected the context of SPDX 3, got something else", where="@context")
    graph = as_list(fields.any("@graph"), "@graph")
    types = [_type(item, f"@graph[{index}]") for index, item in enumerate(graph)]
    for needed in ("CreationInfo", "SpdxDocument"):
        if needed not in types:
            raise FormatError(f"expected an element of the type {needed}, got none", where="@graph")
    if not any(name.endswith(("Package", "File", "Snippet")) for name in types):
        raise FormatError(f"there is no package, file or snippet: {_NOTHING}", where="@graph")


def _type(item: object, where: str) -> str:
    fields = Fields(item, where)
    return as_text(fields.any("type" if fields.has("type") else "@type"), where)


def _check_lists(fields: Fields, names: tuple[str, ...], *, described: bool) -> None:
    for name in names:
        found = fields.any(name, None)
        if found is None:
            continue
        for index, item in enumerate(as_list(found, name)):
            as_object(item, f"{name}[{index}]")
            described = True
    if not described:
        raise FormatError(f"there are no {' and no '.join(names)}: {_NOTHING}")
