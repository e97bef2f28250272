"""The table of predicate types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from custody.encoding.fields import path_to
from custody.errors import UsageError
from custody.models.predicates import (
    cosign,
    cyclonedx,
    legacy_link,
    link,
    link_bundle,
    openvex,
    reference,
    release,
    runtime_trace,
    scai,
    slsa_provenance,
    slsa_provenance_02,
    spdx,
    svr,
    test_result,
    vsa,
    vulns,
)
from custody.models.predicates.shapes import Shape, obj
from custody.models.resource_descriptor import is_uri
from custody.value import Value

if TYPE_CHECKING:
    from custody.models.statement import Statement

__all__ = ["PREDICATES", "Predicate", "check_predicate", "check_statement", "known_predicate", "predicate_type"]


class Predicate(Value):
    """A type of predicate: its URI, the short names that mean it, what it is, and what refuses a wrong one."""

    uri: str
    names: tuple[str, ...]
    title: str
    check: Shape


_Row = tuple[str, tuple[str, ...], str, Shape]

_ROWS: tuple[_Row, ...] = (
    (slsa_provenance.TYPE, ("slsaprovenance1",), "SLSA provenance 1", slsa_provenance.check),
    (
        slsa_provenance_02.TYPE,
        ("slsaprovenance", "slsaprovenance02"),
        "SLSA provenance 0.2",
        slsa_provenance_02.check,
    ),
    (vsa.TYPE, ("vsa",), "verification summary", vsa.check),
    (link.TYPE, ("link03",), "link 0.3", link.check),
    (legacy_link.TYPE_1, ("link",), "link as cosign writes it", legacy_link.check),
    (legacy_link.TYPE_09, ("link09",), "link 0.9", legacy_link.check),
    (link_bundle.LINK_BUNDLE, ("link-bundle",), "the links of a chain", link_bundle.check_link_bundle),
    (scai.TYPE, ("scai",), "attributes (SCAI)", scai.check),
    (test_result.TYPE, ("test-result",), "test result", test_result.check),
    (vulns.TYPE_02, ("vulns", "vulns02"), "vulnerabilities 0.2", vulns.check_02),
    (vulns.TYPE_01, ("vulns01",), "vulnerabilities 0.1", vulns.check_01),
    (release.TYPE, ("release",), "release", release.check),
    (runtime_trace.TYPE, ("runtime-trace",), "runtime trace", runtime_trace.check),
    (reference.TYPE, ("reference",), "reference", reference.check),
    (svr.TYPE, ("svr",), "simple verification result", svr.check),
    (spdx.TYPE, ("spdx", "spdxjson"), "SPDX", spdx.check),
    (spdx.TYPE_2, ("spdx2",), "SPDX 2", spdx.check_2),
    (spdx.TYPE_3, ("spdx3",), "SPDX 3", spdx.check_3),
    (cyclonedx.TYPE, ("cyclonedx",), "CycloneDX", cyclonedx.check),
    (openvex.TYPE, ("openvex",), "OpenVEX", openvex.check),
    (cosign.VULN, ("vuln",), "scan as cosign has it", cosign.check_vuln),
    (cosign.CUSTOM, ("custom",), "any text as cosign has it", cosign.check_custom),
    (cosign.SIGN, ("cosign-sign",), "signature of an image by cosign 3", cosign.check_sign),
)

PREDICATES = tuple(Predicate(uri=uri, names=names, title=title, check=check) for uri, names, title, check in _ROWS)
"""All types that custody knows."""

_BY_URI: Mapping[str, Predicate] = {each.uri: each for each in PREDICATES}
_BY_NAME: Mapping[str, str] = {name: each.uri for each in PREDICATES for name in each.names}


def predicate_type(name: str) -> str:
    """Return the URI of the type that `name` means: a short name, or a URI, which is itself.

    Raises:
        UsageError: it is neither.

    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if is_uri(name):
        return name
    known = ", ".join(sorted(_BY_NAME))
    raise UsageError(f"unknown predicate type {name!r:.80}; write a URI, or one of {known}")


def known_predicate(uri: str) -> Predicate | None:
    """Return what the table has about the type `uri`, or None."""
    return _BY_URI.get(uri)


def check_predicate(predicate_type: str, predicate: Mapping[str, Any] | None, where: str = "predicate") -> None:
    """Refuse a predicate that its type does not allow; one of an unknown type is any object, None is an empty one.

    Raises:
        FormatError: a field that the type requires is missing or wrong; the message has its path.

    """
    known = known_predicate(predicate_type)
    check = obj if known is None else known.check
    check({} if predicate is None else predicate, where)


def check_statement(statement: Statement, where: str = "") -> None:
    """Refuse a statement whose predicate, or whose subjects, its type does not allow.

    Raises:
        FormatError: as `check_predicate`; or a link's subjects have not each a name of its own.

    """
    check_predicate(statement.predicate_type, statement.predicate, path_to(where, "predicate"))
    if statement.predicate_type == link.TYPE:
        link.check_named(statement.subject, path_to(where, "subject"))
