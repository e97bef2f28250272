"""A good predicate of every type, with all fields that are looked at, and the fields that it must have."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from custody.encoding.hashing import sha256

SHA = {"sha256": "ab" * 32}
AT = "2030-01-31T23:59:59Z"
DESCRIPTOR: Mapping[str, Any] = {"name": "a", "uri": "https://example.com/a", "digest": SHA}
LINK = b'{"signatures": [], "signed": {"_type": "link"}}'
IN_TOTO = "https://in-toto.io/attestation"

_SCAN = {"uri": "pkg:github/x/scanner@1", "version": "1", "db": {"uri": "u", "version": "v", "lastUpdate": AT}}
_FLAT = {"id": "CVE-1", "severity": [{"method": "nvd", "score": "medium"}]}
_TIMES = {"scanStartedOn": AT, "scanFinishedOn": "2030-01-31T23:59:59.52Z"}
_SPDX = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "app",
    "creationInfo": {"created": AT},
    "packages": [{}],
    "files": [{}],
    "relationships": [{}],
}
_LEGACY = {
    "_type": "link",
    "name": "build",
    "command": ["make"],
    "materials": {"src/a": SHA},
    "products": {"out/app": SHA},
    "byproducts": {"return-value": 0},
    "environment": {},
}

GOOD: Mapping[str, Mapping[str, Any]] = {
    "https://slsa.dev/provenance/v1": {
        "buildDefinition": {
            "buildType": "https://example.com/build/v1",
            "externalParameters": {"ref": "main"},
            "internalParameters": {},
            "resolvedDependencies": [DESCRIPTOR],
        },
        "runDetails": {
            "builder": {
                "id": "https://example.com/builder",
                "version": {"x": "1"},
                "builderDependencies": [DESCRIPTOR],
            },
            "metadata": {"invocationId": "1", "startedOn": AT, "finishedOn": AT},
            "byproducts": [DESCRIPTOR],
        },
    },
    "https://slsa.dev/provenance/v0.2": {
        "builder": {"id": "mailto:person@example.com"},
        "buildType": "https://example.com/Makefile",
        "invocation": {
            "configSource": {"uri": "git+https://example.com/x", "digest": {"sha1": "abc"}, "entryPoint": "build"},
            "parameters": {"CFLAGS": "-O3"},
            "environment": {},
        },
        "buildConfig": {},
        "metadata": {
            "buildInvocationId": "1",
            "buildStartedOn": AT,
            "buildFinishedOn": AT,
            "completeness": {"parameters": True, "environment": False, "materials": False},
            "reproducible": False,
        },
        "materials": [{"uri": "git+https://example.com/x", "digest": {"sha1": "abc"}}],
    },
    "https://slsa.dev/verification_summary/v1": {
        "verifier": {"id": "https://example.com/verifier", "version": {"x": "1"}},
        "timeVerified": AT,
        "resourceUri": "pkg:oci/app",
        "policy": {"uri": "https://example.com/policy", "digest": SHA},
        "inputAttestations": [{"uri": "https://example.com/1", "digest": SHA}],
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3", "SLSA_SOURCE_LEVEL_2", "EXAMPLE_REVIEWED"],
        "dependencyLevels": {"SLSA_BUILD_LEVEL_3": 5, "SLSA_BUILD_LEVEL_1": 0},
        "slsaVersion": "1.0",
    },
    f"{IN_TOTO}/link/v0.3": {
        "name": "build",
        "command": ["make"],
        "materials": [{"name": "src/a", "digest": SHA}],
        "byproducts": {"return-value": 0},
        "environment": {},
    },
    "https://in-toto.io/Link/v1": _LEGACY,
    "https://in-toto.io/Link/v0.9": _LEGACY,
    "urn:custody:link-bundle:v1": {
        "links": [
            {
                "name": "build.12345678.link",
                "digest": {"sha256": sha256(LINK)},
                "content": base64.b64encode(LINK).decode("ascii"),
            }
        ]
    },
    f"{IN_TOTO}/scai/v0.3": {
        "attributes": [{"attribute": "HARDENED", "target": DESCRIPTOR, "conditions": {"f": 1}, "evidence": DESCRIPTOR}],
        "producer": DESCRIPTOR,
    },
    f"{IN_TOTO}/test-result/v0.1": {
        "result": "PASSED",
        "configuration": [DESCRIPTOR],
        "url": "https://example.com/run/1",
        "passedTests": ["a"],
        "warnedTests": [],
        "failedTests": [],
    },
    f"{IN_TOTO}/vulns/v0.2": {"scanner": {**_SCAN, "result": [_FLAT]}, "metadata": _TIMES},
    f"{IN_TOTO}/vulns/v0.1": {"scanner": {**_SCAN, "result": [{"vulnerability": _FLAT}, _FLAT]}, "metadata": _TIMES},
    f"{IN_TOTO}/release/v0.1": {"purl": "pkg:npm/@angular/http@7.2.16", "packageId": "1234567890"},
    f"{IN_TOTO}/runtime-trace/v0.1": {
        "monitor": {"type": "https://example.com/monitor", "configSource": {}, "tracePolicy": {}},
        "monitoredProcess": {"hostID": "https://example.com", "type": "https://example.com/build", "event": "run-1"},
        "monitorLog": {"process": [{}], "network": [{}], "fileAccess": [DESCRIPTOR]},
        "metadata": {"buildStartedOn": AT, "buildFinishedOn": AT},
    },
    f"{IN_TOTO}/reference/v0.1": {
        "attester": {"id": "https://example.com/attester"},
        "references": [
            {"downloadLocation": "https://example.com/sbom", "mediaType": "application/json", "digest": SHA}
        ],
    },
    f"{IN_TOTO}/svr/v0.2": {
        "verifier": {"id": "https://example.com/verifier", "policies": [DESCRIPTOR]},
        "timeCreated": "1985-04-12T23:20:50.52Z",
        "properties": ["SLSA_BUILD_LEVEL_3"],
    },
    "https://spdx.dev/Document": _SPDX,
    "https://spdx.dev/Document/v2.3": _SPDX,
    "https://spdx.dev/Document/v3": {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [{}]},
    "https://cyclonedx.org/bom": {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {},
        "components": [{}],
        "dependencies": [{}],
        "vulnerabilities": [{}],
    },
    "https://openvex.dev/ns": {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.com/vex/1",
        "author": "somebody",
        "timestamp": "2030-01-31T23:59:59.5-06:00",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": "CVE-1"},
                "status": "fixed",
                "timestamp": AT,
                "products": [{"@id": "pkg:oci/app"}],
            },
            {"vulnerability": "CVE-2", "status": "not_affected", "products": ["pkg:oci/app"]},
        ],
    },
    "https://cosign.sigstore.dev/attestation/vuln/v1": {
        "invocation": {"parameters": [], "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {"uri": "", "version": "", "db": {"uri": "", "version": ""}, "result": {"Results": []}},
        "metadata": {"scanStartedOn": AT, "scanFinishedOn": "2030-01-31T23:59:59+02:00"},
    },
    "https://cosign.sigstore.dev/attestation/v1": {"Data": "foo\n", "Timestamp": AT},
    "https://sigstore.dev/cosign/sign/v1": {},
}

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "https://slsa.dev/provenance/v1": (
        "buildDefinition",
        "buildDefinition.buildType",
        "buildDefinition.externalParameters",
        "runDetails",
        "runDetails.builder",
        "runDetails.builder.id",
    ),
    "https://slsa.dev/provenance/v0.2": ("builder", "builder.id", "buildType"),
    "https://slsa.dev/verification_summary/v1": (
        "verifier",
        "verifier.id",
        "resourceUri",
        "policy",
        "policy.uri",
        "verificationResult",
        "verifiedLevels",
        "inputAttestations[0].digest",
    ),
    f"{IN_TOTO}/link/v0.3": ("name", "materials[0].name", "materials[0].digest"),
    "https://in-toto.io/Link/v1": ("name", "materials"),
    "https://in-toto.io/Link/v0.9": ("name", "materials"),
    "urn:custody:link-bundle:v1": ("links", "links[0].name", "links[0].digest", "links[0].content"),
    f"{IN_TOTO}/scai/v0.3": ("attributes", "attributes[0].attribute"),
    f"{IN_TOTO}/test-result/v0.1": ("result", "configuration"),
    f"{IN_TOTO}/vulns/v0.2": (
        "scanner",
        "scanner.uri",
        "scanner.db",
        "scanner.db.lastUpdate",
        "scanner.result",
        "scanner.result[0].id",
        "scanner.result[0].severity",
        "scanner.result[0].severity[0].method",
        "scanner.result[0].severity[0].score",
        "metadata",
        "metadata.scanStartedOn",
        "metadata.scanFinishedOn",
    ),
    f"{IN_TOTO}/vulns/v0.1": (
        "scanner",
        "metadata",
        "scanner.uri",
        "scanner.db.lastUpdate",
        "scanner.result",
        "scanner.result[0].vulnerability.id",
        "scanner.result[0].vulnerability.severity",
        "scanner.result[1].id",
        "metadata.scanStartedOn",
        "metadata.scanFinishedOn",
    ),
    f"{IN_TOTO}/release/v0.1": ("purl",),
    f"{IN_TOTO}/runtime-trace/v0.1": (
        "monitor",
        "monitor.type",
        "monitoredProcess",
        "monitoredProcess.hostID",
        "monitoredProcess.type",
        "monitoredProcess.event",
        "monitorLog",
    ),
    f"{IN_TOTO}/reference/v0.1": (
        "attester",
        "attester.id",
        "references",
        "references[0].downloadLocation",
        "references[0].mediaType",
    ),
    f"{IN_TOTO}/svr/v0.2": ("verifier", "verifier.id", "verifier.policies", "timeCreated", "properties"),
    "https://spdx.dev/Document": ("spdxVersion", "SPDXID", "name", "creationInfo"),
    "https://spdx.dev/Document/v2.3": ("spdxVersion", "SPDXID", "name", "creationInfo"),
    "https://spdx.dev/Document/v3": ("@context",),
    "https://cyclonedx.org/bom": ("bomFormat", "specVersion"),
    "https://openvex.dev/ns": (
        "@context",
        "@id",
        "author",
        "timestamp",
        "version",
        "statements",
        "statements[0].vulnerability",
        "statements[0].vulnerability.name",
        "statements[0].status",
    ),
    "https://cosign.sigstore.dev/attestation/vuln/v1": (
        "scanner",
        "scanner.result",
        "metadata",
        "metadata.scanStartedOn",
        "metadata.scanFinishedOn",
    ),
    "https://cosign.sigstore.dev/attestation/v1": ("Data",),
    "https://sigstore.dev/cosign/sign/v1": (),
}
