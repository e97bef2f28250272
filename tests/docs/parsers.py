"""The commands with their options, as the parsers know them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from custody.cli.main import build_parser

__all__ = ["GROUPS", "OPTIONS"]


def _leaves(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield every command that does something, with its parser."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, inner in group.choices.items():
            yield from _leaves(inner, f"{name} {word}")


def _options(parser: argparse.ArgumentParser) -> frozenset[str]:
    """Return the options that `--help` shows."""
    shown = (action for action in parser._actions if action.help != argparse.SUPPRESS)
    return frozenset(option for action in shown for option in action.option_strings) - {"-h", "--help"}


OPTIONS = {name: _options(parser) for name, parser in _leaves(build_parser(), "custody")}
"""Every command, such as `custody layout new`, with its options."""

GROUPS = frozenset(name.rpartition(" ")[0] for name in OPTIONS)
"""`custody`, `custody layout` and the like: they do nothing by themselves."""
