"""Platforms: how they are written, and which image of an index is for one."""

from __future__ import annotations

import pytest

from custody.errors import FormatError, UsageError
from custody.oci.descriptor import Platform, describe_bytes
from custody.oci.manifest import OCI_MANIFEST, Index, make_index
from custody.oci.platforms import pick, read_platform, suits


def index_of(*platforms: str) -> Index:
    entries = [
        describe_bytes(str(number).encode(), OCI_MANIFEST).replace(platform=read_platform(text) if text else None)
        for number, text in enumerate(platforms)
    ]
    return make_index(entries)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("linux/amd64", Platform(os="linux", architecture="amd64"), id="two-parts"),
        pytest.param("linux/arm64/v8", Platform(os="linux", architecture="arm64", variant="v8"), id="variant"),
        pytest.param("linux/x86_64", Platform(os="linux", architecture="amd64"), id="the-kernels-name"),
        pytest.param("linux/aarch64", Platform(os="linux", architecture="arm64"), id="the-kernels-other-name"),
    ],
)
def test_platform_is_read(text: str, expected: Platform) -> None:
    assert read_platform(text) == expected


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am\nd64", "linux/é"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected a platform such as linux/amd64"):
        read_platform(text)


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/arm", "linux/arm/v7", False),
        ("windows/amd64", "linux/amd64", False),
    ],
)
def test_a_platform_suits_its_own(found: str, wanted: str, expected: bool) -> None:
    assert suits(read_platform(found), read_platform(wanted)) is expected


def test_the_one_image_for_a_platform_is_picked() -> None:
    index = index_of("linux/amd64", "linux/arm64/v8", "")
    assert pick(index, read_platform("linux/arm64")) == index.manifests[1]
    assert pick(index, read_platform("linux/amd64")) == index.manifests[0]


def test_a_platform_that_is_missing_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(FormatError, match="nothing for the platform linux/s390x, expected one of: linux/amd64"):
        pick(index_of("linux/amd64"), read_platform("linux/s390x"))
    with pytest.raises(FormatError, match="it names no platform"):
        pick(index_of(""), read_platform("linux/s390x"))


def test_two_images_for_a_platform_are_refused() -> None:
    with pytest.raises(FormatError, match="2 entries for the platform linux/arm, expected one"):
        pick(index_of("linux/arm/v6", "linux/arm/v7"), read_platform("linux/arm"))
