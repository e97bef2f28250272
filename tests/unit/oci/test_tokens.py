from __future__ import annotations

from base64 import b64encode

import pytest

from custody.errors import StoreError
from custody.oci.challenge import read_challenges
from custody.oci.tokens import (
    DEFAULT_TOKEN_SECONDS,
    MAX_TOKEN,
    MAX_TOKEN_SECONDS,
    Credential,
    Token,
    basic,
    bearer,
    read_token,
    token_request,
)

BASE = "https://example.com"
(CHALLENGE,) = read_challenges('Bearer realm="https://auth.example.com/token?a=b",service="s v"')
ANN = Credential(username="ann", password="p\u00e4ss:1")


def test_a_name_and_a_password_are_sent_as_basic() -> None:
    assert basic(ANN) == "Basic YW5uOnDDpHNzOjE="
    with pytest.raises(StoreError, match="without a colon"):
        basic(Credential(username="a:b", password="c"))


def test_a_password_that_is_no_utf8_is_sent_as_it_is() -> None:
    password = b"p\xe4ss".decode("utf-8", "surrogateescape")  # as arguments and the environment are read
    assert basic(Credential(username="ann", password=password)) == "Basic " + b64encode(b"ann:p\xe4ss").decode()
    request = token_request(BASE, CHALLENGE, "x", Credential(identity_token=password))
    assert request.body.endswith(b"refresh_token=p%E4ss")


def test_a_token_that_cannot_stand_in_a_header_is_refused_unseen() -> None:
    assert bearer("mine") == "Bearer mine"
    for token in ("", "secret\r\nX: y", "secret\0", "s\xe4cret"):
        with pytest.raises(StoreError, match="cannot be sent") as caught:
            bearer(token)
        assert "cret" not in str(caught.value)


def test_a_token_is_asked_for_every_scope_with_what_the_realm_has() -> None:
    request = token_request(BASE, CHALLENGE, "repository:a:pull repository:b:pull", ANN)
    assert request.url == (
        "https://auth.example.com/token?a=b&service=s+v&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull"
    )
    assert (request.method, request.headers) == ("GET", {"Authorization": basic(ANN)})


def test_nobody_is_asked_for_without_a_name() -> None:
    assert token_request(BASE, CHALLENGE, "x", None).headers == {}


def test_an_identity_token_travels_in_a_body() -> None:
    request = token_request(BASE, CHALLENGE, "x y", Credential(username="ann", identity_token="a&b"))
    assert request.method == "POST"
    assert "Authorization" not in request.headers
    assert request.body == (b"service=s+v&scope=x+y&grant_type=refresh_token&client_id=custody&refresh_token=a%26b")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Bearer service=x", "has no realm"),
        ('Bearer realm="http://auth.example.com/"', "leads from https to"),
        ('Bearer realm="https://me@auth.example.com/"', "no URL"),
    ],
)
def test_a_realm_that_cannot_be_asked_is_refused(header: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        token_request(BASE, read_challenges(header)[0], "x", ANN)


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b'{"token": "t"}', Token(text="t", seconds=DEFAULT_TOKEN_SECONDS)),
        (b'{"access_token": "t", "expires_in": 600}', Token(text="t", seconds=600)),
        (b'{"token": "t", "access_token": "u", "expires_in": null}', Token(text="t", seconds=DEFAULT_TOKEN_SECONDS)),
        (b'{"token": "t", "expires_in": 1}', Token(text="t", seconds=DEFAULT_TOKEN_SECONDS)),
        (b'{"token": "t", "expires_in": 999999999}', Token(text="t", seconds=MAX_TOKEN_SECONDS)),
        (b'{"token": "' + b"t" * MAX_TOKEN + b'"}', Token(text="t" * MAX_TOKEN)),
    ],
)
def test_a_token_is_read_with_its_time(body: bytes, token: Token) -> None:
    assert read_token(body, BASE) == token


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"token": null}',
        b'{"token": "a b"}',
        b'{"token": "a\\u0000"}',
        b'{"token": "\xc3\xa4"}',
        b'{"token": "t", "expires_in": -1}',
        b'{"token": "t", "expires_in": true}',
        b'{"token": "' + b"t" * (MAX_TOKEN + 1) + b'"}',
    ],
)
def test_what_is_no_token_is_refused(body: bytes) -> None:
    with pytest.raises(StoreError, match=r"the token service example\.com gave"):
        read_token(body, BASE)


def test_a_token_is_not_shown() -> None:
    assert repr(Token(text="secret")) == "Token(seconds=60)"
