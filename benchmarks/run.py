"""`python benchmarks/run.py`: custody against the reference and the physical limit, whole commands, in one run.

    python benchmarks/run.py --quick              # small data, under two minutes
    python benchmarks/run.py                      # the sizes that matter
    python benchmarks/run.py --only verify        # the cases whose name has "verify" in it

Nothing is judged here: no time is too long. A case in which a side fails, or in which both sides did not do the same
work, is reported as failed instead of timed.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

__all__: list[str] = []

if __name__ == "__main__":
    # In place of this folder, whose modules could otherwise stand in for others of the same name.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

    if find_spec("custody") is None:
        sys.exit("this Python has no custody; `make bench` installs it into .venv and measures it")

    from benchmarks.command import main

    sys.exit(main())
