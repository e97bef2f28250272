from __future__ import annotations

from datetime import timedelta

import pytest

from custody.errors import UsageError
from custody.verification.case import Demands

DIGEST = "ab" * 32


@pytest.mark.parametrize("digest", [DIGEST, f"sha256:{DIGEST}", DIGEST.upper(), f"SHA256:{DIGEST.upper()}"])
def test_the_layout_that_is_meant_is_named_by_its_digits(digest: str) -> None:
    assert Demands(layout_digest=digest).wanted_digest == DIGEST


@pytest.mark.parametrize("digest", ["sha256:", "ab", DIGEST[:-1], f"{DIGEST}0", "g" * 64, f"sha512:{DIGEST}", " "])
def test_a_digest_that_is_none_is_refused_and_not_taken_for_no_demand(digest: str) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        Demands(layout_digest=digest)
    assert Demands().wanted_digest == ""


@pytest.mark.parametrize("threshold", [0, -1])
def test_an_owner_threshold_below_one_is_refused(threshold: int) -> None:
    assert Demands(owner_threshold=1).owner_threshold == 1
    with pytest.raises(UsageError, match="owner threshold"):
        Demands(owner_threshold=threshold)


def test_a_negative_age_is_refused() -> None:
    assert Demands(max_age=timedelta(0)).max_age == timedelta(0)
    with pytest.raises(UsageError, match="maximum age"):
        Demands(max_age=timedelta(seconds=-1))


@pytest.mark.parametrize("pinned", [set(), {"mode"}, {"md5"}, {"sha256", "crc32"}])
def test_digests_that_prove_nothing_cannot_be_pinned(pinned: set[str]) -> None:
    assert Demands(pinned=frozenset({"sha256", "mode"})).pinned == {"sha256", "mode"}
    with pytest.raises(UsageError):
        Demands(pinned=frozenset(pinned))
