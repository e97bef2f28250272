"""What whoever signs provenance should know of it before: what nobody verified, and what it had to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from custody.artifacts.checkout import CLEAN, MODIFIED, UNTRACKED
from custody.workflows.provenance_links import NOT_VERIFIED, UNSIGNED
from custody.workflows.provenance_predicate import MAX_DEPENDENCIES, Account

if TYPE_CHECKING:
    from custody.workflows.provenance_links import ReadLink

__all__ = ["remarks_on"]

_IMAGE = "oci:"


def remarks_on(account: Account, *, has_images: bool) -> tuple[str, ...]:
    """Return a sentence for everything in `account` that is less certain than it may look."""
    about_images = _about_images(account) if has_images else ""
    remarks = (*_about_links(account.links), _about_work_tree(account), _about_materials(account), about_images)
    return tuple(remark for remark in remarks if remark)


def _about_links(links: Sequence[ReadLink]) -> list[str]:
    unsigned = [each.file for each in links if each.signatures == UNSIGNED]
    unchecked = [each.file for each in links if each.signatures == NOT_VERIFIED]
    remarks = [f"nobody signed {', '.join(unsigned)}; the provenance says so"] if unsigned else []
    if unchecked:
        remarks.append(
            f"nothing was verified: the signatures of {', '.join(unchecked)} were not checked, and the provenance says"
            " so; give --verification-keys to check them"
        )
    remarks += [
        f"the command of {each.link.name!r} returned {each.link.return_value}, and the provenance says so"
        for each in links
        if each.link.return_value
    ]
    return remarks


def _about_work_tree(account: Account) -> str:
    commit, state = account.build.source.commit, account.work_tree
    if state in {"", CLEAN}:
        return ""
    what = {
        MODIFIED: f"files differ from commit {commit}",
        UNTRACKED: f"there are files that are not in commit {commit} and that git does not ignore",
    }
    return f"{what.get(state, f'nobody could compare the files with commit {commit}')}; the provenance says so: {state}"


def _about_materials(account: Account) -> str:
    if not account.left_out:
        return ""
    return (
        f"{account.left_out} materials are not listed, more than {MAX_DEPENDENCIES}; commit"
        f" {account.build.source.commit} stands for them, and the provenance has the digests of the links that list"
        " them"
    )


def _about_images(account: Account) -> str:
    if not account.links or any(name.startswith(_IMAGE) for name in account.links[-1].link.products):
        return ""
    return "no link has an image among its products; that this image was built here is your word alone"
