"""Names that a keyless functionary may have: one, or whatever a regular expression matches as a whole.

Regular expressions are RE2's, as in other tools for such identities, and so take no longer than the name is long,
whoever wrote them: a layout may be a functionary's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.errors import FormatError, UsageError
from custody.value import Value

if TYPE_CHECKING:
    from custody.encoding.fields import Fields

__all__ = ["MAX_IDENTITY", "NEEDS_EXTRA", "Wanted", "read_wanted", "wanted"]

MAX_IDENTITY = 1000
"""The longest name or regular expression, in characters."""

NEEDS_EXTRA = "needs an extra: pip install 'custody[keyless]'"

_REGEXP = "_regexp"


class Wanted(Value):
    """A name that is asked for: `text` itself or, as a regular expression, any name that it matches from end to end."""

    text: str
    is_regexp: bool = False

    def admits(self, name: str) -> bool:
        """Return whether `name` is meant.

        Raises:
            UsageError: the extra for regular expressions is not installed.

        """
        if not self.is_regexp:
            return name == self.text
        return len(name) <= MAX_IDENTITY and _compiled(self.text, "").fullmatch(name) is not None

    def field(self, name: str) -> dict[str, str]:
        """Return the field of a layout that asks for it; `read_wanted` reads it."""
        return {f"{name}{_REGEXP}" if self.is_regexp else name: self.text}

    def __str__(self) -> str:
        """Return it as people read it."""
        return f"/{self.text}/" if self.is_regexp else self.text


def wanted(text: str, where: str, *, is_regexp: bool = False) -> Wanted:
    """Return the checked name or regular expression.

    Raises:
        FormatError: it is empty, too long, not printable, or no regular expression.
        UsageError: the extra for regular expressions is not installed.

    """
    if not text.strip() or not text.isprintable():
        raise FormatError(f"expected a name in printable characters, got {text!r:.80}", where=where)
    if len(text) > MAX_IDENTITY:
        raise FormatError(f"expected at most {MAX_IDENTITY} characters, got {len(text)}", where=where)
    if is_regexp:
        _compiled(text, where)
    return Wanted(text=text, is_regexp=is_regexp)


def read_wanted(fields: Fields, name: str) -> Wanted:
    """Return what the field `name` or `name_regexp` asks for; one of them has to be there, and not both."""
    regexp = f"{name}{_REGEXP}"
    if fields.has(name) and fields.has(regexp):
        raise FormatError(f"expected {name!r} or {regexp!r}, got both", where=fields.where)
    if fields.has(regexp):
        return wanted(fields.text(regexp), fields.path(regexp), is_regexp=True)
    if not fields.has(name):
        raise FormatError("missing", where=fields.path(name), remedy=f"name one, or a pattern in {regexp!r}")
    return wanted(fields.text(name), fields.path(name))


def _compiled(text: str, where: str) -> Any:  # noqa: ANN401  # RE2 has no types
    try:
        import re2  # type: ignore[import-untyped]
    except ImportError:
        raise UsageError(f"a keyless functionary by a regular expression {NEEDS_EXTRA}") from None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        problem = f"{text!r:.80} is no regular expression of RE2's: {_reason(error)}"
        raise FormatError(problem, where=where) from None


def _reason(error: Exception) -> str:
    found = error.args[0] if error.args else ""
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)
