"""Exit codes, the same for every command."""

from __future__ import annotations

__all__ = ["ACCEPTED", "CANNOT", "INTERRUPTED", "REJECTED"]

ACCEPTED = 0
"""Done; for a judging command: accepted."""

REJECTED = 1
"""Judged, and rejected."""

CANNOT = 2
"""Could not be done or judged: bad input, bad usage, a missing file."""

INTERRUPTED = 130
"""Ended by Ctrl-C, as shells number it."""
