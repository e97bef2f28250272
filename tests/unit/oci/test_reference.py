from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.errors import UsageError
from custody.oci.digest import sha256_of
from custody.oci.reference import read_reference

DIGEST = str(sha256_of(b""))

READ = {
    "myapp": ("docker.io", "library/myapp", "latest", ""),
    "myapp:v1": ("docker.io", "library/myapp", "v1", ""),
    "shop/app": ("docker.io", "shop/app", "latest", ""),
    "docker.io/myapp": ("docker.io", "library/myapp", "latest", ""),
    "index.docker.io/myapp": ("docker.io", "library/myapp", "latest", ""),
    "localhost/app": ("localhost", "app", "latest", ""),
    "localhost:5000/app": ("localhost:5000", "app", "latest", ""),
    "127.0.0.1:5000/a/b/c:v1": ("127.0.0.1:5000", "a/b/c", "v1", ""),
    "[::1]:5000/app:v1": ("[::1]:5000", "app", "v1", ""),
    "[::1]/app:v1": ("[::1]", "app", "v1", ""),
    "registry.example.com/shop/app:1.0_x-Y": ("registry.example.com", "shop/app", "1.0_x-Y", ""),
    "Registry/app": ("Registry", "app", "latest", ""),
    "host:80/a__b/c--d/e.f:v1": ("host:80", "a__b/c--d/e.f", "v1", ""),
    f"app@{DIGEST}": ("docker.io", "library/app", "", DIGEST),
    f"example.com/app:v1@{DIGEST}": ("example.com", "app", "v1", DIGEST),
    "myapp:5000": ("docker.io", "library/myapp", "5000", ""),
}


@pytest.mark.parametrize("text", READ)
def test_a_reference_is_read_as_docker_reads_it(text: str) -> None:
    reference = read_reference(text)
    digest = str(reference.digest or "")
    assert (reference.registry, reference.repository, reference.tag, digest) == READ[text]
    assert reference.version == (digest or reference.tag)


@pytest.mark.parametrize("text", READ)
def test_a_reference_is_written_so_that_it_is_read_alike(text: str) -> None:
    reference = read_reference(text)
    assert read_reference(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a repository of lower-case letters"),
        ("App", "a repository of lower-case letters"),
        ("docker://app", "a name without a scheme"),
        ("https://example.com/app", "a name without a scheme"),
        ("example.com/", "a repository"),
        ("example.com//app", "a repository"),
        ("example.com/app/", "a repository"),
        ("example.com/../app", "a repository"),
        ("example.com/a___b", "a repository"),
        ("example.com/a..b", "a repository"),
        ("example.com/app:", "a tag"),
        ("example.com/app:-v1", "a tag"),
        ("example.com/app:" + "v" * 129, "a tag"),
        ("example.com/app:v1\n", "a tag"),
        ("example.com/app@", "a digest such as"),
        ("example.com/app@sha256:12", "a digest such as"),
        (f"example.com/app@{DIGEST}@{DIGEST}", "a digest such as"),
        ("user@example.com/app", "a digest such as"),
        ("-a.b/app", "a registry such as"),
        ("host:0/app", "a registry such as"),
        ("host:65536/app", "a registry such as"),
        ("host:/app", "a registry such as"),
        ("ho st.de/app", "a registry such as"),
        ("a" * 64, "this is the id of a local image"),
        ("example.com/" + "a" * 300, "a name of at most 255"),
        ("a" * 601, "at most 600 characters"),
    ],
)
def test_what_is_no_reference_is_refused_and_what_was_expected_is_said(text: str, expected: str) -> None:
    with pytest.raises(UsageError, match="the image reference") as caught:
        read_reference(text)
    assert expected in str(caught.value).replace("0123456789abcdef" * 4, "a" * 64)


@given(st.text(alphabet="aA0._-:/@[] ", max_size=60))
def test_any_text_is_a_reference_or_a_usage_error(text: str) -> None:
    try:
        reference = read_reference(text)
    except UsageError:
        return
    assert read_reference(str(reference)) == reference


def test_another_version_of_the_same_repository_has_only_that() -> None:
    reference = read_reference(f"example.com/app:v1@{DIGEST}")
    assert str(reference.with_tag("v2")) == "example.com/app:v2"
    assert str(reference.replace(digest=None).with_digest(sha256_of(b""))) == f"example.com/app@{DIGEST}"
