"""Options that the actions of `custody layout` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from datetime import datetime

__all__ = ["add_at", "add_force", "at_from", "refuse_source"]


def add_at(parser: ArgumentParser, meaning: str) -> None:
    """Add `--at`; `at_from` reads it."""
    parser.add_argument("--at", metavar="INSTANT", help=f"{meaning} (as in 2030-01-31T00:00:00Z; default: now)")


def at_from(options: Namespace) -> datetime:
    """Return the instant of `--at`, or the present one."""
    from datetime import UTC, datetime

    from custody.encoding.instants import read_instant

    return datetime.now(UTC) if options.at is None else read_instant(options.at, "--at")


def add_force(parser: ArgumentParser, meaning: str) -> None:
    """Add `--force`."""
    parser.add_argument("--force", action="store_true", help=meaning)


def refuse_source(path: str) -> None:
    """Refuse a layout's source where a layout is expected."""
    from custody.errors import UsageError

    if path.lower().endswith((".yaml", ".yml")):
        raise UsageError(f"{path!r} is a layout's source; build it first: custody layout build {path}")
