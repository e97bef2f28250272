"""Print a completion script for your shell.

It needs the extra `completion`: pip install 'custody[completion]'.

Examples:
  custody completion bash > ~/.local/share/bash-completion/completions/custody
  custody completion zsh > ~/.zfunc/_custody
  custody completion fish > ~/.config/fish/completions/custody.fish
  custody completion tcsh >> ~/.cshrc

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.output import say

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["configure"]


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody completion`."""
    parser.add_argument("shell", choices=("bash", "fish", "tcsh", "zsh"), help="whose syntax to print")
    parser.set_defaults(execute=execute)


def execute(options: Namespace) -> int:
    """Print the script."""
    from custody.cli.main import build_parser
    from custody.errors import UsageError

    try:
        import shtab
    except ImportError:
        raise UsageError(
            "this installation lacks the extra 'completion'; get it with: pip install 'custody[completion]'"
        ) from None

    say(shtab.complete(build_parser(), shell=options.shell))
    return ACCEPTED
