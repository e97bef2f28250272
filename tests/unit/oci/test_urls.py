from __future__ import annotations

import pytest

from custody.errors import StoreError
from custody.oci.urls import MAX_URL, next_page, origin, resolve_url, with_query

BASE = "https://example.com:5000/v2/app/blobs/uploads/"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/there?a=b%2Fc", "https://example.com:5000/there?a=b%2Fc"),
        ("there", BASE + "there"),
        ("?x=y", BASE + "?x=y"),
        ("https://other.example/x", "https://other.example/x"),
        ("//other.example/x", "https://other.example/x"),
        ("https://other.example/x#part", "https://other.example/x"),
    ],
)
def test_a_location_is_read_as_seen_from_where_it_was_given(location: str, url: str) -> None:
    assert resolve_url(BASE, location) == url


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://example.com:5000/x",
        "HTTP://example.com/x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://example.com:x/",
        "https://[::1/",
        "https://[v1.x]/",
        "https://[::1%25eth0]/",
        "https://a%40b/",
        "https://a\\b/",
        "https://a;b/",
        "/a b",
        "/\r\nX: y",
        "/\u00e4",
        "/" + "x" * MAX_URL,
    ],
)
def test_what_leads_nowhere_or_into_the_clear_is_refused(location: str) -> None:
    with pytest.raises(StoreError, match=r"leads to what is no URL|leads from https to"):
        resolve_url(BASE, location)


def test_an_error_does_not_show_what_a_query_holds() -> None:
    with pytest.raises(StoreError) as caught:
        resolve_url("https://example.com/x?signature=secret", "http://example.com/y?token=secret")
    assert "secret" not in str(caught.value)


def test_what_is_in_the_clear_already_may_go_on_so_or_to_tls() -> None:
    assert resolve_url("http://a.example/x", "http://b.example/y") == "http://b.example/y"
    assert resolve_url("http://a.example/x", "https://b.example/y") == "https://b.example/y"


def test_the_port_of_an_origin_is_that_of_its_scheme_unless_said() -> None:
    assert origin("https://Example.com/x") == ("https", "example.com", 443)
    assert origin("http://example.com/x") == ("http", "example.com", 80)
    assert origin("http://[::1]:5000/x") == ("http", "::1", 5000)


def test_parameters_are_added_to_what_is_there() -> None:
    assert with_query("https://a.example/x", ("a", "b c")) == "https://a.example/x?a=b+c"
    assert with_query("https://a.example/x?s=%2F", ("a", "1"), ("b", "2")) == "https://a.example/x?s=%2F&a=1&b=2"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("", ""),
        ('</v2/app/tags/list?last=b&n=2>; rel="next"', "https://example.com:5000/v2/app/tags/list?last=b&n=2"),
        ("</next>; rel=next", "https://example.com:5000/next"),
        ('</next>; rel="next"; title="x"', "https://example.com:5000/next"),
        ('</first>; rel="first", </next?a=b,c>; rel="next"', "https://example.com:5000/next?a=b,c"),
        ('</first>; rel="first"', ""),
        ("/next; rel=next", ""),
    ],
)
def test_the_next_page_is_the_one_that_is_called_so(link: str, url: str) -> None:
    assert next_page(BASE, link) == url


@pytest.mark.parametrize("host", ["https://example.com", "https://example.com:5001", "https://other.example:5000"])
def test_the_next_page_is_nowhere_else(host: str) -> None:
    with pytest.raises(StoreError, match="is on another host"):
        next_page(BASE, f'<{host}/next>; rel="next"')
