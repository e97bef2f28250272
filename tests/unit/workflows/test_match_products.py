from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from custody.artifacts.recording import Recorded, Recording, record
from custody.errors import UsageError
from custody.models.link import Link
from custody.workflows.match_products import match_products

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "a").write_text("a")
    (tmp_path / "dist" / "b").write_text("b")
    return tmp_path


USUAL = Recording()


def link_of(recording: Recording = USUAL) -> Link:
    return Link(name="build", products=record(["dist"], recording).artifacts)


def test_files_that_the_step_made_match() -> None:
    match = match_products(link_of())
    assert match.equal
    assert match.compared == 2


def test_every_kind_of_difference_is_named(here: Path) -> None:
    link = link_of()
    (here / "dist" / "a").write_text("changed")
    (here / "dist" / "b").rename(here / "dist" / "c")
    match = match_products(link)
    assert not match.equal
    assert (match.only_in_products, match.not_in_products, match.differing) == (
        ("dist/b",),
        ("dist/c",),
        ("dist/a",),
    )


def test_only_the_given_paths_are_compared(here: Path) -> None:
    link = link_of()
    (here / "other").write_text("o")
    assert not match_products(link).equal
    assert match_products(link, ["dist"]).equal
    assert match_products(link, ["dist/a"]).only_in_products == ("dist/b",)


def test_other_resolvers_may_look_at_the_paths() -> None:
    link = link_of()

    def recorded(_references: Sequence[str], _recording: Recording) -> Recorded:
        return Recorded(artifacts={**link.products, "own:x": {"sha256": "0" * 64}})

    match = match_products(link, ["own:x"], resolvers={"file": recorded, "own": recorded})
    assert match.not_in_products == ("own:x",)
    assert match_products(link, ["own:x"]).only_in_products == ("dist/a", "dist/b")


def test_missing_path_lacks_its_products() -> None:
    link = link_of()
    match = match_products(link, ["gone"])
    assert match.only_in_products == ("dist/a", "dist/b")
    assert any("gone" in warning for warning in match.warnings)


def test_files_are_hashed_as_the_link_is() -> None:
    link = link_of(Recording(hash_algorithms=("sha256", "sha512")))
    assert match_products(link).equal
    digests = {**link.products["dist/a"], "sha512": "0" * 128}
    assert match_products(link.replace(products={**link.products, "dist/a": digests})).differing == ("dist/a",)


def test_product_without_the_pinned_digest_differs() -> None:
    link = link_of(Recording(hash_algorithms=("sha512",)))
    match = match_products(link)
    assert match.differing == ("dist/a", "dist/b")
    assert match.warnings == ("the link has no sha256 for 2 of its products, which therefore count as differing",)
    assert match_products(link, pinned=["sha512"]).equal


def test_modes_are_compared_if_the_link_has_them(here: Path) -> None:
    with_modes, without = link_of(Recording(modes=True)), link_of()
    (here / "dist" / "a").chmod(0o755)
    assert match_products(with_modes).differing == ("dist/a",)
    assert match_products(without).equal


def test_nothing_on_both_sides_is_no_match() -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        match_products(Link(name="build"), ["gone"])


def test_unknown_algorithm_is_refused() -> None:
    with pytest.raises(UsageError, match="md5"):
        match_products(link_of(), pinned=["md5"])
