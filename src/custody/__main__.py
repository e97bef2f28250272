"""`python -m custody` is the `custody` command."""

from __future__ import annotations

import os
import sys

if not sys.flags.safe_path and sys.path and sys.path[0] == os.getcwd():
    # `-m` lets modules of the current directory go first, which may be a checkout that nobody trusts.
    del sys.path[0]

from custody.cli.main import entry

__all__: list[str] = []

if __name__ == "__main__":
    entry()
