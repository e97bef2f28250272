"""A test result: what a run of tests found (in-toto.io/attestation/test-result/v0.1)."""

from __future__ import annotations

from custody.models.predicates.shapes import descriptor, list_of, one_of, record, text

__all__ = ["TYPE", "check"]

TYPE = "https://in-toto.io/attestation/test-result/v0.1"

check = record(
    required={"result": one_of("PASSED", "WARNED", "FAILED"), "configuration": list_of(descriptor)},
    optional={
        "url": text,
        "passedTests": list_of(text),
        "warnedTests": list_of(text),
        "failedTests": list_of(text),
    },
)
