"""Keyless functionaries whose regular expressions mean more people, or fewer, than their author may think."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.keys.key import as_keyless
from custody.linting.complaints import Code, Complaint
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custody.keys.keyless import KeylessKey
    from custody.keys.keyless_names import Wanted
    from custody.linting.items import Names
    from custody.models.layout import Layout

__all__ = ["Loose", "judge_keyless", "loose_names"]

_STRANGERS = {
    "identity": ("q7x@host-a.invalid", "https://host-b.invalid/z9/x@refs/tags/1", "w"),
    "issuer": ("https://host-a.invalid", "https://host-b.invalid/oidc/z9"),
}
"""Names that nobody means: what matches all of them matches anybody."""

_BARE_DOT = re.compile(r"(?<!\\)\.(?=[A-Za-z])")
"""A dot before a letter, as in host names, that stands for any character."""

_CLASS = re.compile(r"\[[^]]*\]")


class Loose(Value):
    """What is wrong with one of the names of a keyless functionary: its field, a sentence and what to do."""

    code: Code
    field: str
    sentence: str
    remedy: str


def judge_keyless(layout: Layout, names: Names) -> Iterator[Complaint]:
    """Yield what is wrong with identities in the place of keys."""
    for keyid, key in layout.keys.items():
        keyless = as_keyless(key)
        for loose in loose_names(keyless) if keyless is not None else ():
            yield Complaint(
                code=loose.code,
                where=f"keys.{keyid}.keyval.{loose.field}",
                sentence=f"{names.of(keyid)}: {loose.sentence}",
                remedy=loose.remedy,
            )


def loose_names(key: KeylessKey) -> Iterator[Loose]:
    """Yield what is wrong with the regular expressions of `key`; there is nothing to say about exact names."""
    for name, wanted in (("identity", key.subject), ("issuer", key.issuer)):
        if wanted.is_regexp:
            yield from _loose(name, wanted)


def _loose(name: str, wanted: Wanted) -> Iterator[Loose]:
    field = f"{name}_regexp"
    text = wanted.text
    if all(wanted.admits(stranger) for stranger in _STRANGERS[name]):
        who = "everybody" if name == "identity" else "every identity provider"
        yield Loose(
            code=Code.KEYLESS_ANYBODY,
            field=field,
            sentence=f"the {name} {text!r:.80} matches {who}",
            remedy=f"write down which {name} is meant",
        )
    elif text.lstrip("^(").startswith(("@", "/", r"\.")):
        yield Loose(
            code=Code.KEYLESS_PARTIAL,
            field=field,
            sentence=f"the {name} {text!r:.80} has to match the whole name, and looks like the end of one",
            remedy="begin it with what may stand before, such as [^@]*",
        )
    if _BARE_DOT.search(_CLASS.sub("[]", text)):
        yield Loose(
            code=Code.KEYLESS_DOT,
            field=field,
            sentence=f"a dot in the {name} {text!r:.80} stands for any character, so other names match, too",
            remedy=r"write \. for a dot",
        )
