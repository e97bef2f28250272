"""Writing uniform objects: the members of large ones, `"NAME": {"KEY": "TEXT"}`, are joined, not encoded one by one.

Most of a link are its artifacts, which are such objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from custody.value import Value

__all__ = ["MANY_MEMBERS", "Members", "uniform_members"]

MANY_MEMBERS = 100
"""From so many members on it pays to look whether they are uniform."""

_AT_ONCE = 1024
"""Members that are written together: all of them would be in memory a second time."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Members(Value):
    """The members of an object by name, in order: names and texts."""

    key: str
    names: list[str]
    texts: list[str]

    def are_unescaped(self) -> bool:
        """Return whether nothing in them is a quote or a backslash, which JSON escapes in every form."""
        return not any('"' in text or "\\" in text for text in self._columns())

    def are_printable(self) -> bool:
        """Return whether nothing in them is a control character, or anything else that cannot be printed."""
        return all(text.isprintable() for text in self._columns())

    def are_ascii(self) -> bool:
        """Return whether nothing in them is beyond ASCII."""
        return all(text.isascii() for text in self._columns())

    def parts(self, start: str, middle: str, between: str, end: str) -> Iterator[str]:
        """Yield the parts of a text: `start`, names and texts, and `end`.

        `middle` stands between name and text, `between` from member to member.
        """
        for at in range(0, len(self.names), _AT_ONCE):
            pairs = zip(self.names[at : at + _AT_ONCE], self.texts[at : at + _AT_ONCE], strict=True)
            yield start + between.join(map(middle.join, pairs))
            start = between
        yield end

    def _columns(self) -> Iterator[str]:
        """Yield all names and all texts, many together."""
        for column in (self.names, self.texts):
            for at in range(0, len(column), _AT_ONCE):
                yield "".join(column[at : at + _AT_ONCE])


def uniform_members(document: Mapping[str, Any]) -> Members | None:
    """Return the members of `document` if they are many and uniform, None if they have to be looked at one by one."""
    if len(document) < MANY_MEMBERS or set(map(type, document)) != {str}:
        return None
    names = sorted(document)
    members = [document[name] for name in names]
    if set(map(type, members)) != {dict} or set(map(len, members)) != {1}:
        return None
    (key,) = members[0]
    try:
        texts = [member[key] for member in members]
    except KeyError:
        return None
    if not isinstance(key, str) or not _PLAIN_KEY.fullmatch(key) or set(map(type, texts)) != {str}:
        return None
    return Members(key=key, names=names, texts=texts)
