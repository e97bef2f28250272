"""A `sigstore:` URI says whose token is used and which instance signs; whatever else it says is an error."""

from __future__ import annotations

import pytest

from custody.errors import UsageError
from custody.signing.keyless_uri import KeylessURI, parse_keyless_uri


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", KeylessURI()),
        ("?identity=a%40b.c&issuer=https://i/%26", KeylessURI(identity="a@b.c", issuer="https://i/&")),
        ("?token-env=NAME", KeylessURI(token_env="NAME")),
        ("?token-fd=3", KeylessURI(token_fd=3)),
        ("?token-file=/run/a%20b", KeylessURI(token_file="/run/a b")),
        ("?ambient=false", KeylessURI(browser=True)),
        ("?ambient=true", KeylessURI()),
        ("?config=instance.json", KeylessURI(config="instance.json")),
        (
            "?trusted-root=r&fulcio=f&rekor=l&rekor-version=2&tsa=t&oidc=o",
            KeylessURI(
                parts={"trusted-root": "r", "fulcio": "f", "rekor": "l", "rekor-version": "2", "tsa": "t", "oidc": "o"}
            ),
        ),
    ],
)
def test_parameters_are_read(rest: str, expected: KeylessURI) -> None:
    assert parse_keyless_uri(rest) == expected


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("alice@example.com", "expected sigstore:"),
        ("?", "expected sigstore:"),
        ("?token=eyJ", "has no parameter 'token'"),
        ("?identity", "identity has no value"),
        ("?identity=", "identity has no value"),
        ("?identity=a&identity=b", "identity is given twice"),
        ("?token-env=A&token-fd=3", "from one place, got token-env and token-fd"),
        ("?token-fd=three", "number of a descriptor"),
        ("?token-fd=-1", "number of a descriptor"),
        ("?config=c&fulcio=f", "expected config or fulcio, got both"),
        ("?fulcio=f&rekor=l", "trusted-root is missing"),
        ("?tsa=t", "trusted-root, fulcio, rekor is missing"),
        ("?trusted-root=r&fulcio=f&rekor=l&rekor-version=3", "expected rekor-version=1 or 2"),
        ("?ambient=no", "expected ambient=true or false"),
        ("?ambient=false&token-env=A", "so token-env is of no use"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(rest: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_keyless_uri(rest)
