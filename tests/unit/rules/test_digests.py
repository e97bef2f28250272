from __future__ import annotations

import pytest

from custody.errors import UsageError
from custody.rules.digests import DEFAULT_PINNED, MODE, Comparison, check_algorithms, short

A, B = "aa" * 32, "bb" * 32
LONG_A, LONG_B = "aa" * 64, "bb" * 64
Table = list[tuple[dict[str, str], dict[str, str], bool]]

# With sha256 pinned: two sets of digests, and whether they are the same.
SAME: Table = [
    ({"sha256": A}, {"sha256": A}, True),
    ({"sha256": A}, {"sha256": B}, False),
    ({}, {}, False),
    ({"sha256": A}, {}, False),
    ({"sha256": A}, {"sha256": A.upper()}, True),
    ({"sha256": A}, {"sha256": B.upper()}, False),
    ({"sha256": A, "sha512": LONG_A}, {"sha256": A}, True),
    ({"sha256": A, "sha512": LONG_A}, {"sha256": A, "sha512": LONG_A.upper()}, True),
    ({"sha256": A, "sha512": LONG_A}, {"sha256": A, "sha512": LONG_B}, False),
    ({"sha256": A, "sha1": "00"}, {"sha256": A, "md5": "00"}, True),
    ({"sha512": LONG_A}, {"sha512": LONG_A}, False),
    ({"SHA256": A}, {"SHA256": A}, False),
    ({"sha256": A[:-1]}, {"sha256": A[:-1]}, False),
    ({"sha256": A[:8]}, {"sha256": A[:8]}, False),
    ({"sha256": A + "00"}, {"sha256": A + "00"}, False),
    ({"sha256": LONG_A}, {"sha256": LONG_A}, False),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_d11_artifacts_are_the_same_if_every_pinned_digest_is_there_and_none_differs(
    one: dict[str, str], other: dict[str, str], same: bool
) -> None:
    comparison = Comparison()
    assert comparison.same(one, other) is same
    assert comparison.same(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "changed"),
    [
        ({"sha256": A}, {"sha256": B}, True),
        ({"sha256": A}, {"sha256": A}, False),
        ({"sha256": A}, {"sha256": A.upper()}, False),
        ({"sha256": A}, {"sha512": LONG_B}, False),
        ({}, {"sha256": A}, False),
        ({"sha256": A[:8]}, {"sha256": B[:8]}, False),
        ({"sha256": A}, {"sha256": B[:8]}, False),
    ],
)
def test_d11_only_what_can_be_compared_can_have_changed(
    one: dict[str, str], other: dict[str, str], changed: bool
) -> None:
    assert Comparison().changed(one, other) is changed
    assert Comparison().changed(other, one) is changed


def test_d11_content_cannot_be_swapped_from_one_algorithm_to_the_next() -> None:
    honest = {"sha256": A, "sha512": LONG_A}
    bridge = {"sha256": A, "sha512": LONG_B}  # the step in the middle mixes two contents
    evil = {"sha256": B, "sha512": LONG_B}
    for pinned in (frozenset({"sha256"}), frozenset({"sha512"}), frozenset({"sha256", "sha512"})):
        comparison = Comparison(pinned=pinned)
        assert not (comparison.same(honest, bridge) and comparison.same(bridge, evil))
        assert not (comparison.same({"sha256": A}, bridge) and comparison.same(bridge, {"sha512": LONG_B}))
        assert comparison.same(honest, honest)


@pytest.mark.parametrize(
    ("pinned", "digests", "same"),
    [
        ({"sha512"}, {"sha512": LONG_A}, True),
        ({"sha384"}, {"sha384": "aa" * 48}, True),
        ({"sha384"}, {"sha384": LONG_A}, False),
        ({"sha256", "sha512"}, {"sha256": A, "sha512": LONG_A}, True),
        ({"sha256", "sha512"}, {"sha256": A}, False),
        ({"sha256", MODE}, {"sha256": A, MODE: "0644"}, True),
        ({"sha256", MODE}, {"sha256": A}, False),
        ({"sha256", MODE}, {"sha256": A, MODE: "644"}, False),
    ],
)
def test_every_pinned_algorithm_must_be_there(pinned: set[str], digests: dict[str, str], same: bool) -> None:
    comparison = Comparison(pinned=frozenset(pinned))
    assert comparison.same(digests, dict(digests)) is same
    assert comparison.comparable(digests, digests) is same


def test_a_changed_mode_is_a_change_even_if_it_is_not_pinned() -> None:
    before, after = {"sha256": A, MODE: "0644"}, {"sha256": A, MODE: "0755"}
    assert Comparison().changed(before, after)
    assert Comparison().same(before, {"sha256": A})


def test_lists_of_artifacts_are_the_same_name_by_name() -> None:
    same = Comparison().same_artifacts
    assert same({"a": {"sha256": A}}, {"a": {"sha256": A.upper()}})
    assert same({}, {})
    assert not same({"a": {"sha256": A}}, {"a": {"sha256": B}})
    assert not same({"a": {"sha256": A}}, {"b": {"sha256": A}})
    assert not same({"a": {"sha256": A}}, {})


def test_algorithms_to_pin_are_known_and_hold_a_digest() -> None:
    assert check_algorithms(["sha512", "sha256", "sha256", MODE]) == {"sha256", "sha512", MODE}
    assert check_algorithms(DEFAULT_PINNED) == {"sha256"}


@pytest.mark.parametrize(
    ("algorithms", "message"),
    [
        (["sha256", "md5"], "unknown digest 'md5'; choose from mode, sha256, sha384, sha512"),
        (["SHA256"], "unknown digest 'SHA256'"),
        ([MODE], "no digest to compare"),
        ([], "no digest to compare"),
    ],
)
def test_other_algorithms_cannot_be_pinned(algorithms: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_algorithms(algorithms)


def test_digests_are_shown_in_one_line() -> None:
    assert short({"sha512": "b", "sha256": "a"}) == "sha256:a sha512:b"
    assert short({}) == short(None) == "nothing"
