"""Write, check and change layouts: what a project owner demands of a supply chain.

You write a readable source, custody compiles it into a layout, and you sign that:

  custody layout new                      a commented supply-chain.yaml
  custody layout lint supply-chain.yaml   what you would regret having signed
  custody layout build supply-chain.yaml  root.layout, not signed yet
  custody sign -f root.layout --signing-key owner

`show` prints a layout as a tree. `add-key`, `remove-key`, `rotate-key` and `extend` change one whose source is not at
hand; it has to be signed again then. `custody layout ACTION --help` explains an action.

Examples:
  custody layout new
  custody layout build supply-chain.yaml -o root.layout
  custody layout show root.layout --verification-keys owner.pub
  custody layout lint root.layout --fail-on error
  custody layout add-key root.layout erin.pub --step review
  custody layout rotate-key root.layout 776a00e2 alice2.pub
  custody layout extend root.layout --expires "6 months"

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli import layout_change, layout_read, layout_write

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Mapping

__all__ = ["ACTIONS", "configure"]

ACTIONS: Mapping[str, tuple[str, Callable[[ArgumentParser], None]]] = {
    "new": ("write a commented source to start from", layout_write.configure_new),
    "build": ("compile a source into a layout to be signed", layout_write.configure_build),
    "show": ("print a layout as a readable tree", layout_read.configure_show),
    "lint": ("find what you would regret having signed", layout_read.configure_lint),
    "add-key": ("add a functionary's key", layout_change.configure_add_key),
    "remove-key": ("remove a functionary's key", layout_change.configure_remove_key),
    "rotate-key": ("give a functionary another key", layout_change.configure_rotate_key),
    "extend": ("give a layout another expiry", layout_change.configure_extend),
}
"""Every action with its one line."""


def configure(parser: ArgumentParser) -> None:
    """Add the actions of `custody layout`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (line, configure_action) in ACTIONS.items():
        action = actions.add_parser(name, help=line)
        configure_action(action)
