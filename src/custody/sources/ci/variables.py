"""Variables of an environment, each asked for by its name and checked."""

from __future__ import annotations

from collections.abc import Mapping

from custody.encoding.text import is_hex
from custody.errors import UsageError
from custody.sources.ci.urls import public_url

__all__ = ["MAX_VARIABLE", "Variables", "commit_id"]

MAX_VARIABLE = 4096
"""The longest value of a variable that is read, in characters: names of branches come from strangers."""

_COMMIT_SIZES = (40, 64)


class Variables:
    """The environment in which the system `title` runs a build."""

    def __init__(self, environment: Mapping[str, str], title: str) -> None:
        """Take the environment; nothing is read yet."""
        self._environment = environment
        self._title = title

    def optional(self, name: str) -> str:
        """Return the variable, '' if it is not set.

        Raises:
            UsageError: it is too long, or no text.

        """
        value = self._environment.get(name, "")
        if len(value) > MAX_VARIABLE:
            raise self.refusal(name, f"expected at most {MAX_VARIABLE} characters, got {len(value)}")
        if not value.isprintable():
            raise self.refusal(name, "expected text on one line, got control characters or bytes that are not UTF-8")
        return value

    def text(self, name: str) -> str:
        """Return the variable; a UsageError as for `optional`, and if it is not set."""
        value = self.optional(name)
        if not value:
            raise self.refusal(
                name,
                f"not set, which it always is in {self._title}; pass it on to where custody runs,"
                " or say with --ci local that nothing is known of the CI",
            )
        return value

    def url(self, name: str) -> str:
        """Return the URL in the variable without credentials; a UsageError as for `text`, and if it is no URL."""
        return public_url(self.text(name), self._where(name))

    def optional_url(self, name: str) -> str:
        """Return the URL in the variable without credentials, '' if it is not set."""
        value = self.optional(name)
        return public_url(value, self._where(name)) if value else ""

    def commit(self, name: str) -> str:
        """Return the commit in the variable; a UsageError as for `text`, and if it is no full id."""
        return self._commit(name, self.text(name))

    def optional_commit(self, name: str) -> str:
        """Return the commit in the variable, '' if it is not set."""
        value = self.optional(name)
        return self._commit(name, value) if value else ""

    def some(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that are set, under other names: `names` has the variable of each field."""
        found = {field: self.optional(name) for field, name in names.items()}
        return {field: value for field, value in found.items() if value}

    def refusal(self, name: str, problem: str) -> UsageError:
        """Return the error that `problem` is with the variable `name`."""
        return UsageError(f"{self._where(name)}: {problem}")

    def _commit(self, name: str, value: str) -> str:
        commit = commit_id(value)
        if not commit:
            raise self.refusal(name, f"expected a commit, 40 or 64 hexadecimal digits, got {value!r:.80}")
        return commit

    def _where(self, name: str) -> str:
        return f"{self._title}: the variable {name}"


def commit_id(text: str) -> str:
    """Return the full id of a commit in lower case, '' if `text` is none."""
    return text.lower() if len(text) in _COMMIT_SIZES and is_hex(text) else ""
