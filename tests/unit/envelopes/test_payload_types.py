"""Which payload types may be statements."""

from __future__ import annotations

import pytest

from custody.envelopes.payload_types import is_statement_payload_type


@pytest.mark.parametrize(
    "payload_type",
    [
        "application/vnd.in-toto+json",
        "application/vnd.in-toto.provenance+json",
        "application/vnd.in-toto.test-result+json",
        "application/vnd.in-toto.vulns_02+json",
    ],
)
def test_a_type_of_in_toto_is_one_of_statements(payload_type: str) -> None:
    assert is_statement_payload_type(payload_type)


@pytest.mark.parametrize(
    "payload_type",
    [
        "",
        "application/json",
        "application/vnd.in-toto+dsse",
        "application/vnd.in-toto.+json",
        "application/vnd.in-toto.provenance",
        "application/vnd.in-toto.provenance+json ",
        "application/vnd.in-toto.a/b+json",
        "application/vnd.in-toto.a\n+json",
        "application/vndXin-toto.a+json",
        f"application/vnd.in-toto.{'a' * 101}+json",
        "x-application/vnd.in-toto+json",
    ],
)
def test_every_other_type_is_not(payload_type: str) -> None:
    assert not is_statement_payload_type(payload_type)
