"""What a registry demands before it answers: the WWW-Authenticate header (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_CHALLENGE", "Challenge", "read_challenges"]

MAX_CHALLENGE = 8192
"""The longest header that is read, in characters."""

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"[\s,]*({_WORD})(?:\s+|(?=,)|\Z)(?!\s*=)")
_PARAMETER = re.compile(rf'[\s,]*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))\s*(?=,|\Z)')
_SINGLE = re.compile(r"[A-Za-z0-9._~+/-]+=*\s*(?=,|\Z)")


class Challenge(Value):
    """One way in: the scheme in lower case, and its parameters by lower-case name."""

    scheme: str
    parameters: Mapping[str, str] = {}

    def parameter(self, name: str) -> str:
        """Return a parameter, empty if it is not there."""
        return self.parameters.get(name, "")


def read_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the challenges of a header, or of several joined by commas.

    Raises:
        FormatError: it is not written as the standard says, or names a parameter twice.

    """
    if len(header) > MAX_CHALLENGE:
        raise FormatError(f"expected at most {MAX_CHALLENGE} characters, got {len(header)}", where="WWW-Authenticate")
    challenges: list[Challenge] = []
    position = 0
    while header[position:].strip(" \t,"):
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            raise FormatError(f"expected a scheme, got {header[position : position + 60]!r}", where="WWW-Authenticate")
        parameters, position = _read_parameters(header, scheme.end())
        challenges.append(Challenge(scheme=scheme[1].lower(), parameters=parameters))
    return tuple(challenges)


def _read_parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    parameters: dict[str, str] = {}
    while (found := _PARAMETER.match(header, position)) is not None:
        name = found[1].lower()
        if name in parameters:
            raise FormatError(f"the parameter {name!r:.60} appears twice", where="WWW-Authenticate")
        parameters[name] = re.sub(r"\\(.)", r"\1", found[2]) if found[3] is None else found[3]
        position = found.end()
    single = _SINGLE.match(header, position) if not parameters else None  # such as that of Negotiate
    return parameters, single.end() if single is not None and "," not in single[0] else position
