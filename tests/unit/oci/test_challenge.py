from __future__ import annotations

import pytest

from custody.errors import FormatError
from custody.oci.challenge import MAX_CHALLENGE, Challenge, read_challenges

BEARER = 'Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a:pull,push"'
REALM = {"realm": "https://auth.example.com/token", "service": "registry.example.com"}


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("", ()),
        (BEARER, (Challenge(scheme="bearer", parameters={**REALM, "scope": "repository:a:pull,push"}),)),
        ('Basic realm="x"', (Challenge(scheme="basic", parameters={"realm": "x"}),)),
        ("BASIC realm=x", (Challenge(scheme="basic", parameters={"realm": "x"}),)),
        ('Basic REALM = "a \\"b\\" c"', (Challenge(scheme="basic", parameters={"realm": 'a "b" c'}),)),
        ("Negotiate", (Challenge(scheme="negotiate"),)),
        ("Negotiate YWJj==", (Challenge(scheme="negotiate"),)),
        (
            'Basic realm="x", Bearer realm="y", Negotiate',
            (
                Challenge(scheme="basic", parameters={"realm": "x"}),
                Challenge(scheme="bearer", parameters={"realm": "y"}),
                Challenge(scheme="negotiate"),
            ),
        ),
        (
            'Negotiate, Basic realm="x"',
            (Challenge(scheme="negotiate"), Challenge(scheme="basic", parameters={"realm": "x"})),
        ),
    ],
)
def test_challenges_are_read_with_their_parameters(header: str, read: tuple[Challenge, ...]) -> None:
    assert read_challenges(header) == read


@pytest.mark.parametrize(
    "header",
    [
        'Bearer realm="a", realm="b"',
        'Bearer realm="a", REALM="b"',
        'Bearer realm="open',
        'realm="x"',
        '"',
        'Bearer realm="a" service="b"',
        "B\u00e4rer x=y",
        "Basic realm=" + "x" * MAX_CHALLENGE,
    ],
)
def test_what_the_standard_does_not_allow_is_refused(header: str) -> None:
    with pytest.raises(FormatError, match="WWW-Authenticate"):
        read_challenges(header)
