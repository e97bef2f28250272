"""Options that several commands share. Every list option takes several values after one flag, and repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup

__all__ = ["add_format", "add_list"]


def add_list(
    parser: ArgumentParser | _ArgumentGroup,
    *flags: str,
    metavar: str,
    help: str,  # noqa: A002  # argparse's word
    dest: str | None = None,
) -> None:
    """Add an option whose values add up: `-m a b -m c` gives `[a, b, c]`, and `[]` if it is never given."""
    parser.add_argument(*flags, nargs="+", action="extend", default=[], metavar=metavar, help=help, dest=dest)


def add_format(parser: ArgumentParser | _ArgumentGroup) -> None:
    """Add `--format`: how the result is printed."""
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", metavar="FORMAT", help="text (default) or json"
    )
