"""Looks at every file below a directory without opening any: no recorder can do less.

python -I -S stat_walk.py DIRECTORY TIMES [NAME-OF-DIRECTORIES-TO-SKIP...]
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Walk the tree as often as asked and return 0."""
    root, times, *skipped = arguments
    for _ in range(int(times)):
        _walk(root, skipped)
    return 0


def _walk(root: str, skipped: list[str]) -> None:
    pending = [root]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in skipped:
                        pending.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
