"""The protocol without a socket: what is asked, and what is made of the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

import pytest

from custody.errors import StoreError, UsageError
from custody.oci.descriptor import describe_bytes
from custody.oci.digest import read_digest, sha256_of
from custody.oci.manifest import (
    EMPTY_DESCRIPTOR,
    MAX_MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
    make_index,
    make_manifest,
)
from custody.oci.messages import Exchange, Remote, Request, Response, failure, plain_text
from custody.oci.protocol import check_name, get_blob, get_manifest, has, list_tags, mount_blob, put_blob, put_manifest
from custody.oci.referrers import fallback_tag, list_referrers, push_manifest

T = TypeVar("T")
AT = Remote(base="https://example.com", registry="example.com", repository="shop/app")
BASE = "https://example.com/v2/shop/app"
BLOB = describe_bytes(b"blob", "application/x")
IMAGE = make_manifest(EMPTY_DESCRIPTOR, [BLOB])
ANSWER = Response(url=BASE, status=200, headers={"content-type": OCI_MANIFEST}, body=IMAGE.raw)
MISSING = Response(url=BASE, status=404)


def drive(exchange: Exchange[T], answers: Sequence[Response]) -> tuple[T, list[Request]]:
    """Return the result and what was asked; every answer is used."""
    asked: list[Request] = []
    left = list(answers)
    try:
        asked.append(next(exchange))
        while True:
            asked.append(exchange.send(left.pop(0)))
    except StopIteration as end:
        assert left == []
        return end.value, asked


def test_a_manifest_is_asked_for_in_every_type_that_is_read() -> None:
    found, (request,) = drive(get_manifest(AT, "v1"), [ANSWER])
    assert found == IMAGE
    assert (request.method, request.url, request.scope) == (
        "GET",
        f"{BASE}/manifests/v1",
        "repository:shop/app:pull",
    )
    assert OCI_MANIFEST in request.headers["Accept"]
    assert "docker.distribution.manifest.list.v2" in request.headers["Accept"]


def test_a_manifest_that_is_missing_is_none() -> None:
    assert drive(get_manifest(AT, "v1"), [MISSING])[0] is None


@pytest.mark.parametrize("name", ["sha256:12", "../v1", "", "v1/../../other"])
def test_a_name_that_is_none_is_never_asked_for(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)
    with pytest.raises(UsageError):
        drive(get_manifest(AT, name), [])


def test_manifests_and_blobs_are_looked_for_where_they_are() -> None:
    assert drive(has(AT, BLOB), [ANSWER])[1][0].url == f"{BASE}/blobs/{BLOB.digest}"
    assert drive(has(AT, IMAGE.descriptor), [ANSWER])[1][0].url == f"{BASE}/manifests/{IMAGE.digest}"
    assert drive(has(AT, BLOB), [MISSING])[0] is False
    with pytest.raises(
        StoreError, match=r"cannot look for sha256:.* in example.com/shop/app: the registry answered 500"
    ):
        drive(has(AT, BLOB), [MISSING.replace(status=500)])


def test_a_blob_is_a_stream_of_the_announced_length() -> None:
    there, (request,) = drive(get_blob(AT, BLOB), [ANSWER.replace(headers={"content-length": "4"})])
    assert there
    assert request.stream
    assert drive(get_blob(AT, BLOB), [MISSING])[0] is False
    for length in ("5", "04", "-4", "4, 4", "x"):
        with pytest.raises(StoreError, match="expected 4 bytes, the registry announces"):
            drive(get_blob(AT, BLOB), [ANSWER.replace(headers={"content-length": length})])


def test_a_blob_is_put_where_the_upload_was_begun() -> None:
    begun = Response(url=f"{BASE}/blobs/uploads/", status=202, headers={"location": "/up/1?s=a"})
    _, (post, put) = drive(put_blob(AT, BLOB, [b"blob"]), [begun, Response(url="", status=201)])
    assert (post.method, post.url) == ("POST", f"{BASE}/blobs/uploads/")
    assert put.url == f"https://example.com/up/1?s=a&digest=sha256%3A{BLOB.digest.hex}"
    assert (put.method, put.length, put.repeatable) == ("PUT", 4, False)
    for answers in ([MISSING], [begun, MISSING], [begun.replace(headers={})]):
        with pytest.raises(StoreError, match="cannot"):
            drive(put_blob(AT, BLOB, [b"blob"]), answers)


def test_a_mount_names_both_repositories() -> None:
    taken, (request,) = drive(mount_blob(AT, BLOB, "shop/base"), [Response(url="", status=201)])
    assert taken
    assert request.url.endswith(f"?mount=sha256%3A{BLOB.digest.hex}&from=shop%2Fbase")
    assert request.scope == "repository:shop/app:pull,push repository:shop/base:pull"
    assert not drive(mount_blob(AT, BLOB, "shop/base"), [Response(url="", status=202)])[0]
    with pytest.raises(StoreError, match="cannot mount"):
        drive(mount_blob(AT, BLOB, "shop/base"), [MISSING])


def test_a_manifest_is_put_with_its_type_and_condition() -> None:
    created = Response(url="", status=201)
    _, (request,) = drive(put_manifest(AT, IMAGE, "v1", match='"x"'), [created])
    assert request.headers == {"Content-Type": OCI_MANIFEST, "If-Match": '"x"'}
    assert request.body == IMAGE.raw
    assert drive(put_manifest(AT, IMAGE, "v1", match='"x"'), [created.replace(status=412)])[0] is None
    with pytest.raises(StoreError, match="answered 412"):
        drive(put_manifest(AT, IMAGE, "v1"), [created.replace(status=412)])


def test_tags_are_asked_for_a_thousand_at_a_time() -> None:
    answer = Response(url=f"{BASE}/tags/list", status=200, body=b'{"name": "x", "tags": ["b", "a"]}')
    tags, (request,) = drive(list_tags(AT), [answer])
    assert tags == ("a", "b")
    assert request.url == f"{BASE}/tags/list?n=1000"
    assert drive(list_tags(AT), [MISSING])[0] is None


def test_an_unfinished_list_of_tags_is_no_list() -> None:
    page = Response(url=BASE, status=200, headers={"link": '</next>; rel="next"'}, body=b'{"tags": ["a"]}')
    with pytest.raises(StoreError, match="answered 404"):
        drive(list_tags(AT), [page, MISSING])


class TestReferrers:
    SUBJECT = IMAGE.digest
    REFERRER = make_manifest(EMPTY_DESCRIPTOR, [], artifact_type="a/b", subject=IMAGE.descriptor)

    def listed(self, *referrers: Manifest) -> Response:
        index = make_index([each.referrer for each in referrers])
        return Response(url=BASE, status=200, headers={"content-type": OCI_INDEX}, body=index.raw)

    def test_the_api_is_asked_first_and_believed(self) -> None:
        found, (request,) = drive(list_referrers(AT, self.SUBJECT, "a/b"), [self.listed(self.REFERRER)])
        assert [each.digest for each in found] == [self.REFERRER.digest]
        assert request.url == f"{BASE}/referrers/{self.SUBJECT}?artifactType=a%2Fb"
        assert drive(list_referrers(AT, self.SUBJECT, "c/d"), [self.listed(self.REFERRER)])[0] == ()

    def test_without_the_api_the_tag_is_read(self) -> None:
        found, (_, request) = drive(list_referrers(AT, self.SUBJECT), [MISSING, self.listed(self.REFERRER)])
        assert [each.digest for each in found] == [self.REFERRER.digest]
        assert request.url == f"{BASE}/manifests/sha256-{self.SUBJECT.hex}"
        assert drive(list_referrers(AT, self.SUBJECT), [MISSING, MISSING])[0] == ()

    def test_an_entry_whose_manifest_is_gone_keeps_what_is_known(self) -> None:
        index = make_index([self.REFERRER.descriptor])
        answer = Response(url=BASE, status=200, headers={"content-type": OCI_INDEX}, body=index.raw)
        found, _ = drive(list_referrers(AT, self.SUBJECT), [answer, MISSING])
        assert [each.digest for each in found] == [self.REFERRER.digest]
        assert drive(list_referrers(AT, self.SUBJECT, "a/b"), [answer, MISSING])[0] == ()

    def test_an_entry_whose_manifest_is_broken_hides_no_other(self) -> None:
        other = make_manifest(EMPTY_DESCRIPTOR, [], artifact_type="c/d", subject=IMAGE.descriptor)
        index = make_index([other.descriptor, self.REFERRER.descriptor])
        listed = Response(url=BASE, status=200, headers={"content-type": OCI_INDEX}, body=index.raw)
        whole = Response(url=BASE, status=200, headers={"content-type": OCI_MANIFEST}, body=self.REFERRER.raw)
        for answer in (whole.replace(body=b'{"schemaVersion": 1}'), whole, MISSING.replace(status=500)):
            found, _ = drive(list_referrers(AT, self.SUBJECT), [listed, answer, whole])
            assert [each.digest for each in found] == [other.digest, self.REFERRER.digest]
            assert [each.artifact_type for each in found] == ["", "a/b"]

    def test_a_page_that_fails_is_no_end(self) -> None:
        first = self.listed(self.REFERRER)
        first = first.replace(headers={**first.headers, "link": "</next>; rel=next"})
        with pytest.raises(StoreError, match="answered 404"):
            drive(list_referrers(AT, self.SUBJECT), [first, MISSING])

    @pytest.mark.parametrize("body", [b"{}", IMAGE.raw, b'{"schemaVersion": 2, "manifests": [{}]}'])
    def test_a_list_that_is_none_is_refused(self, body: bytes) -> None:
        answer = Response(url=BASE, status=200, headers={"content-type": OCI_INDEX}, body=body)
        with pytest.raises(StoreError, match="cannot list what refers to"):
            drive(list_referrers(AT, self.SUBJECT), [answer])

    def test_a_registry_that_keeps_the_list_itself_is_left_to_it(self) -> None:
        created = Response(url="", status=201, headers={"oci-subject": str(self.SUBJECT)})
        _, asked = drive(push_manifest(AT, self.REFERRER, "v1"), [created])
        assert len(asked) == 1

    def test_another_registry_gets_the_list_with_every_push(self) -> None:
        created = Response(url="", status=201)
        answers = [created, MISSING, created, self.listed(self.REFERRER)]
        _, asked = drive(push_manifest(AT, self.REFERRER, str(self.REFERRER.digest)), answers)
        assert [request.method for request in asked] == ["PUT", "GET", "PUT", "GET"]
        (entry,) = json.loads(asked[2].body)["manifests"]
        assert entry["artifactType"] == "a/b"
        assert asked[2].url == f"{BASE}/manifests/{fallback_tag(self.SUBJECT)}"

    def test_the_etag_of_the_list_is_the_condition_unless_it_is_weak(self) -> None:
        created = Response(url="", status=201)
        for etag, match in (('"x"', '"x"'), ('W/"x"', None)):
            empty = self.listed()
            empty = empty.replace(headers={**empty.headers, "etag": etag})
            answers = [created, empty, created, self.listed(self.REFERRER)]
            _, asked = drive(push_manifest(AT, self.REFERRER, "v1"), answers)
            assert asked[2].headers.get("If-Match") == match

    def test_a_list_that_is_full_is_left_as_it_is(self) -> None:
        entry = BLOB.write()
        body = json.dumps({"schemaVersion": 2, "manifests": [entry] * MAX_MANIFESTS}).encode()
        full = Response(url=BASE, status=200, headers={"content-type": OCI_INDEX}, body=body)
        with pytest.raises(StoreError, match=f"there are {MAX_MANIFESTS}"):
            drive(push_manifest(AT, self.REFERRER, "v1"), [Response(url="", status=201), full])

    def test_the_tag_of_a_long_digest_is_cut(self) -> None:
        assert fallback_tag(read_digest("sha512:" + "ab" * 64)) == "sha512-" + "ab" * 32
        assert fallback_tag(sha256_of(b"")) == f"sha256-{sha256_of(b'').hex}"


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "remedy"), [(401, "docker login"), (403, "ask for access"), (429, "try again later"), (500, "")]
    )
    def test_it_says_what_was_answered_and_what_to_do(self, status: int, remedy: str) -> None:
        body = b'{"errors": [{"code": "DENIED", "message": "no"}, {}]}'
        text = str(failure(Response(url="", status=status, body=body), "do it"))
        assert text.startswith(f"cannot do it: the registry answered {status} (DENIED: no)")
        assert remedy in text

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b'{"errors": []}', b'{"errors": [{"code": 1}]}', b"[" * 999]
    )
    def test_an_answer_that_says_nothing_is_left_out(self, body: bytes) -> None:
        assert str(failure(Response(url="", status=500, body=body), "do it")) == (
            "cannot do it: the registry answered 500"
        )

    def test_text_of_others_is_cut_and_harmless(self) -> None:
        assert plain_text("a\x1b[2J\r\n\u202eb") == "a?[2J???b"
        assert len(plain_text("x" * 1000)) == 200
