"""The commands with their options, as the parsers know them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from custody.cli.main import build_parser
from in_toto._boundary.spellings import _OPTIONS as OLDER

__all__ = ["GROUPS", "OPTIONS", "in_toto_options"]


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


@cache
def in_toto_options() -> frozenset[str]:
    """Return the options of the `in-toto-*` commands, older spellings included."""
    found = {spelling for spellings in OLDER.values() for spelling in spellings}
    for command in ("keygen", "match-products", "mock", "record", "run", "sign", "verify"):
        parser = import_module(f"in_toto.in_toto_{command.replace('-', '_')}").create_parser()
        found.update(option for _, leaf in _leaves(parser, command) for option in _options(leaf))
    return frozenset(found)
