"""`python -m custody` is the `custody` command."""

from __future__ import annotations

import sys

from custody.cli.main import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
