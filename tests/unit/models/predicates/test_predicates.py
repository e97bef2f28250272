"""Every type of predicate: a good one passes; without a required field, or with a wrong one, it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from custody.errors import FormatError
from custody.models.predicates import PREDICATES, check_predicate
from tests.unit.models.predicates.documents import AT, GOOD, IN_TOTO, REQUIRED, SHA

STEP = re.compile(r"([^.\[\]]+)|\[([0-9]+)\]")
ANYTHING = {
    ("https://in-toto.io/attestation/scai/v0.3", "attributes[0].conditions.f"),
    ("https://slsa.dev/provenance/v1", "buildDefinition.externalParameters.ref"),
    ("https://slsa.dev/provenance/v0.2", "invocation.parameters.CFLAGS"),
    ("https://in-toto.io/attestation/link/v0.3", "byproducts.return-value"),
    ("https://in-toto.io/Link/v1", "byproducts.return-value"),
    ("https://in-toto.io/Link/v0.9", "byproducts.return-value"),
    ("https://spdx.dev/Document", "creationInfo.created"),
    ("https://spdx.dev/Document/v2.3", "creationInfo.created"),
    ("https://spdx.dev/Document/v3", "@context"),
    ("https://openvex.dev/ns", "version"),
    ("https://openvex.dev/ns", "statements[0].products[0].@id"),
    ("https://cosign.sigstore.dev/attestation/vuln/v1", "scanner.result"),
    ("https://cosign.sigstore.dev/attestation/vuln/v1", "scanner.result.Results"),
    *(
        ("https://cosign.sigstore.dev/attestation/vuln/v1", f"invocation.{name}")
        for name in ("parameters", "uri", "event_id")
    ),
}
"""What custody does not look into."""

REQUIREMENTS = [(uri, path) for uri, paths in REQUIRED.items() for path in paths]


def steps_of(path: str) -> list[str | int]:
    return [name or int(index) for name, index in STEP.findall(path)]


def changed(uri: str, path: str, value: object) -> dict[str, Any]:
    """Return the good predicate of the type with `value` at `path`, or without that field if it is `...`."""
    document: dict[str, Any] = json.loads(json.dumps(GOOD[uri]))  # nothing in it is shared
    *steps, last = steps_of(path)
    place: Any = document
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def refused(uri: str, predicate: Mapping[str, Any] | None) -> str:
    with pytest.raises(FormatError) as caught:
        check_predicate(uri, predicate)
    return str(caught.value)


def test_every_type_of_the_table_has_a_good_predicate_here() -> None:
    assert GOOD.keys() == REQUIRED.keys() == {each.uri for each in PREDICATES}


@pytest.mark.parametrize("uri", GOOD)
def test_a_good_predicate_passes_and_is_not_changed(uri: str) -> None:
    predicate = json.loads(json.dumps(GOOD[uri]))

    check_predicate(uri, predicate)

    assert predicate == GOOD[uri]


@pytest.mark.parametrize("uri", GOOD)
def test_unknown_fields_pass(uri: str) -> None:
    check_predicate(uri, {**GOOD[uri], "example_extension": {"a": [1]}})


def shown(path: str) -> str:
    """Return `path` as error messages have it."""
    return re.sub(r"(?:^|\.)(@[a-z]+)", r"['\1']", f"predicate.{path}")


@pytest.mark.parametrize(("uri", "path"), REQUIREMENTS)
def test_a_required_field_may_not_be_missing(uri: str, path: str) -> None:
    assert refused(uri, changed(uri, path, ...)).startswith(f"{shown(path)}: missing")


@pytest.mark.parametrize(("uri", "path"), REQUIREMENTS)
def test_a_required_field_may_not_be_null(uri: str, path: str) -> None:
    assert refused(uri, changed(uri, path, None)).startswith(f"{shown(path)}: ")


def fields_of(value: object, where: str = "") -> Iterator[str]:
    """Yield the paths of all fields in `value`, except names that custody cannot be asked for in this way."""
    if isinstance(value, dict):
        for name, item in value.items():
            if "." not in name and "/" not in name:
                path = f"{where}.{name}" if where else name
                yield path
                yield from fields_of(item, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from fields_of(item, f"{where}[{index}]")


FIELDS = [(uri, path) for uri in GOOD for path in fields_of(GOOD[uri]) if (uri, path) not in ANYTHING]


@pytest.mark.parametrize(("uri", "path"), FIELDS)
def test_no_field_may_be_of_a_wrong_kind(uri: str, path: str) -> None:
    """No field that is looked at is a fraction."""
    assert refused(uri, changed(uri, path, 1.5)).startswith(f"{shown(path)}: ")


@pytest.mark.parametrize(("uri", "path"), FIELDS)
def test_lists_and_objects_are_not_taken_for_each_other(uri: str, path: str) -> None:
    good: Any = GOOD[uri]
    for step in steps_of(path):
        good = good[step]
    if isinstance(good, list | dict) and (path.rpartition(".")[2] != "severity"):
        other: object = {"0": 1} if isinstance(good, list) else [1]
        assert refused(uri, changed(uri, path, other)).startswith(f"{shown(path)}: expected ")


@pytest.mark.parametrize("uri", GOOD)
def test_what_is_optional_may_be_null_or_missing(uri: str) -> None:
    top = [path for path in fields_of(GOOD[uri]) if "." not in path and path not in REQUIRED[uri]]
    for path in top:
        check_predicate(uri, changed(uri, path, None))
        check_predicate(uri, changed(uri, path, ...))


@pytest.mark.parametrize("uri", [uri for uri in REQUIRED if REQUIRED[uri]])
def test_no_predicate_at_all_lacks_what_the_type_requires(uri: str) -> None:
    assert refused(uri, None) == refused(uri, {})
    assert "missing" in refused(uri, None)


SLSA, VSA, VULNS = "https://slsa.dev/provenance/v1", "https://slsa.dev/verification_summary/v1", f"{IN_TOTO}/vulns/v0.2"
TRACE, REFERENCE, RELEASE = (f"{IN_TOTO}/{name}/v0.1" for name in ("runtime-trace", "reference", "release"))
LINK, LEGACY, TEST = f"{IN_TOTO}/link/v0.3", "https://in-toto.io/Link/v1", f"{IN_TOTO}/test-result/v0.1"
SCAI, VEX, SPDX = f"{IN_TOTO}/scai/v0.3", "https://openvex.dev/ns", "https://spdx.dev/Document"
COSIGN = "https://cosign.sigstore.dev/attestation/vuln/v1"
NO_INSTANT = "expected an instant such as"


@pytest.mark.parametrize(
    ("uri", "path", "value", "said"),
    [
        (SLSA, "runDetails.builder.id", "", "expected text, got an empty one"),
        (SLSA, "runDetails.metadata.startedOn", "yesterday", NO_INSTANT),
        (SLSA, "runDetails.metadata.startedOn", "2030-01-31T23:59:59+02:00", NO_INSTANT),
        (SLSA, "runDetails.metadata.startedOn", "2030-02-31T23:59:59Z", "no such instant"),
        (SLSA, "runDetails.metadata.startedOn", "2030-01-31T24:00:00.5Z", "no such instant"),
        (SLSA, "buildDefinition.resolvedDependencies[0]", {"name": "a"}, "expected 'digest', 'uri' or 'content'"),
        (VSA, "verificationResult", "passed", "expected 'PASSED' or 'FAILED', got 'passed'"),
        (VSA, "verifiedLevels[0]", "SLSA_MY_OWN", "expected a level such as SLSA_BUILD_LEVEL_3"),
        (VSA, "verifiedLevels[1]", "SLSA_BUILD_LEVEL_2", "expected one level of a track"),
        (VSA, "verifiedLevels[0]", "", "expected text, got an empty one"),
        (VSA, "dependencyLevels.SLSA_BUILD_LEVEL_3", -1, "expected an integer >= 0"),
        (VSA, "dependencyLevels.SLSA_BUILD_LEVEL_3", True, "expected an integer >= 0, got true"),
        (VSA, "slsaVersion", "one", "expected a version such as 1.0"),
        (VSA, "policy.digest.sha256", "AB" * 32, "expected 64 lower-case hexadecimal digits"),
        (LINK, "materials[0].digest.sha256", "ab", "expected 64 lower-case hexadecimal digits"),
        (LEGACY, "_type", "layout", "expected 'link', got 'layout'"),
        (SCAI, "attributes", [], "expected at least 1, got an empty list"),
        (SCAI, "attributes[0].attribute", "", "expected text, got an empty one"),
        (TEST, "result", "OK", "expected 'PASSED' or 'WARNED' or 'FAILED', got 'OK'"),
        (VULNS, "scanner.result[0].severity", [], "expected at least 1"),
        (VULNS, "scanner.db.lastUpdate", "", NO_INSTANT),
        (RELEASE, "purl", "pkg:npm/@angular/http", "expected a package URL with a version"),
        (RELEASE, "purl", "pkg:pypi/urllib3", "expected a package URL with a version"),
        (RELEASE, "purl", "pkg:pypi/urllib3@", "expected a package URL with a version"),
        (RELEASE, "purl", "pkg:pypi/urllib3?x=@1", "expected a package URL with a version"),
        (RELEASE, "purl", "https://example.com/urllib3@1", "expected a package URL with a version"),
        (TRACE, "monitorLog", {}, "expected 'process', 'network' or 'fileAccess', got none of them"),
        (TRACE, "monitorLog", {"other": []}, "expected 'process', 'network' or 'fileAccess', got none of them"),
        (REFERENCE, "references", [], "expected at least 1"),
        (SPDX, "spdxVersion", "3.0", "expected a version such as SPDX-2.3"),
        (VEX, "statements[0].status", "unknown", "expected 'not_affected' or 'affected' or 'fixed'"),
        (VEX, "@context", "https://example.com/ns", "expected 'https://openvex.dev/ns' or a version of it"),
        (VEX, "timestamp", "2030-01-31 23:59:59Z", NO_INSTANT),
        (COSIGN, "metadata.scanStartedOn", "", NO_INSTANT),
    ],
)
def test_a_field_may_not_have_a_wrong_value(uri: str, path: str, value: object, said: str) -> None:
    assert refused(uri, changed(uri, path, value)).startswith(f"{shown(path)}: {said}")


@pytest.mark.parametrize(
    ("uri", "path", "value"),
    [
        (VSA, "verifiedLevels", ["FAILED"]),
        (VSA, "verifiedLevels", ["SLSA_BUILD_LEVEL_3", "SLSA_BUILD_REPRODUCED", "SLSA_SOURCE_TWO_PARTY_REVIEWED"]),
        (VSA, "verifiedLevels", ["SLSA_BUILD_LEVEL_UNEVALUATED"]),
        (VULNS, "scanner.result", []),
        (VULNS, "scanner.result[0].severity", {"method": "nvd", "score": "5.2"}),
        (RELEASE, "purl", "pkg:oci/my-image@sha256%3Afedcba09?repository_url=registry.example.com/a&tag=v1"),
        (RELEASE, "purl", "pkg:deb/debian/stunnel@5.50-3?arch=amd64#usr/bin"),
        (TRACE, "monitorLog", {"network": []}),
        (SCAI, "attributes[0].evidence", {}),
        (LINK, "materials", []),
        (VEX, "statements", []),
    ],
)
def test_a_field_may_have_every_right_value(uri: str, path: str, value: object) -> None:
    check_predicate(uri, changed(uri, path, value))


def test_two_materials_of_a_link_have_not_the_same_name() -> None:
    materials = [{"name": name, "digest": SHA} for name in ("a", "b", "a")]

    assert refused(LINK, {"name": "build", "materials": materials}) == (
        "predicate.materials[2].name: 'a' is the name of predicate.materials[0] too"
    )


@pytest.mark.parametrize("digests", [{}, None, {"sha256": 1.5}, {"sha256": "xyz"}, ["ab"], "ab"])
@pytest.mark.parametrize("side", ["materials", "products"])
def test_an_artifact_of_a_legacy_link_has_digests(side: str, digests: object) -> None:
    found = refused(LEGACY, {"name": "build", "materials": {}, side: {"src/a": digests}})

    assert found.startswith(f"predicate.{side}['src/a']")


def test_a_path_of_a_legacy_link_has_one_spelling() -> None:
    assert "expected a normalised path" in refused(LEGACY, {"name": "build", "materials": {"./a": SHA}})


def test_a_level_of_a_dependency_of_ones_own_does_not_look_like_one_of_slsa() -> None:
    found = refused(VSA, {**GOOD[VSA], "dependencyLevels": {"SLSA_MINE": 1}})

    assert found.startswith("predicate.dependencyLevels: expected a level such as")


def test_an_spdx_document_is_of_either_version() -> None:
    check_predicate(SPDX, GOOD["https://spdx.dev/Document/v3"])

    assert "spdxVersion: missing" in refused("https://spdx.dev/Document/v2.3", GOOD["https://spdx.dev/Document/v3"])
    assert "missing" in refused("https://spdx.dev/Document/v3", GOOD["https://spdx.dev/Document"])


@pytest.mark.parametrize("predicate", [None, {}, {"at": AT, "nested": {"x": [None, 1.5]}}])
def test_a_predicate_of_an_unknown_type_is_any_object(predicate: Mapping[str, Any] | None) -> None:
    check_predicate("https://example.com/mine/v1", predicate)


@pytest.mark.parametrize("uri", ["https://example.com/mine/v1", *GOOD])
@pytest.mark.parametrize("predicate", ["text", ["list"], 1, True])
def test_a_predicate_is_an_object(uri: str, predicate: object) -> None:
    assert refused(uri, cast("Mapping[str, Any]", predicate)).startswith("predicate: expected an object, got ")
