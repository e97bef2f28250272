"""How artifacts are recorded, and what comes back."""

from __future__ import annotations

from custody.errors import UsageError
from custody.rules.artifacts import DIGEST_SIZES, Artifacts
from custody.value import Value

__all__ = ["DEFAULT_EXCLUDES", "Artifacts", "PrefixClashError", "Recorded", "Recording"]

DEFAULT_EXCLUDES: tuple[str, ...] = ("*.link*", ".git", "*.pyc", "*~")
"""What the reference implementation leaves out when nothing else is said."""

_LISTS = ("hash_algorithms", "exclude", "lstrip_paths", "optional")


class PrefixClashError(UsageError):
    """Two of the prefixes to strip fit the same paths."""


class Recording(Value):
    """How artifacts are recorded.

    `hash_algorithms` are sha256, sha384, sha512. `exclude` has gitignore patterns, `()` records
    everything. `base_path` is the directory that relative paths start from ("" is the current one).
    The first of `lstrip_paths` that fits is removed from a name. `normalize_line_endings` makes
    CRLF and CR into LF before hashing. `modes` adds `mode`, four octal digits such as "0755". A
    path in `optional` may be missing without complaint; with `missing_ok` every path may, with a
    warning. Without `dangling_ok` a symbolic link to nothing is refused rather than left out with a warning.
    """

    hash_algorithms: tuple[str, ...] = ("sha256",)
    exclude: tuple[str, ...] = DEFAULT_EXCLUDES
    base_path: str = ""
    lstrip_paths: tuple[str, ...] = ()
    follow_symlink_dirs: bool = True
    normalize_line_endings: bool = False
    modes: bool = False
    optional: tuple[str, ...] = ()
    missing_ok: bool = False
    dangling_ok: bool = True

    def _validate(self) -> None:
        for field in _LISTS:
            given = getattr(self, field)
            # A lone string is a sequence too: exclude="*.o" would leave out "*", everything.
            if not isinstance(given, tuple) or not all(isinstance(item, str) for item in given):
                raise UsageError(f"{field}: expected a tuple of strings, got {given!r:.200}")
        _check_algorithms(self.hash_algorithms)
        _check_prefixes(self.lstrip_paths)


class Recorded(Value):
    """What was recorded: `artifacts` sorted by name, and what the caller should know about it.

    Many artifacts are no dict but a `custody.encoding.written.WrittenObject`.
    """

    artifacts: Artifacts
    warnings: tuple[str, ...] = ()


def _check_algorithms(algorithms: tuple[str, ...]) -> None:
    """Refuse an empty choice and what is not known."""
    known = ", ".join(DIGEST_SIZES)
    if not algorithms:
        raise UsageError(f"hash_algorithms: expected at least one of {known}, got none")
    for algorithm in algorithms:
        if algorithm not in DIGEST_SIZES:
            raise UsageError(f"hash_algorithms: expected some of {known}, got {algorithm!r}")


def _check_prefixes(prefixes: tuple[str, ...]) -> None:
    """Refuse two prefixes of which one begins with the other: their order would decide."""
    for place, prefix in enumerate(prefixes):
        for other in prefixes[place + 1 :]:
            if prefix.startswith(other) or other.startswith(prefix):
                raise PrefixClashError(
                    f"lstrip_paths: {prefix!r} and {other!r} both fit the same paths; give one of them"
                )
