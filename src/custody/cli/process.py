"""What a command may do with its own process, and a library never would: collect seldom, and end at once.

Before it ends, Python takes everything apart that it holds, which the system frees anyway, and large chains keep it
busy for a while. Here, what was registered for the end is done, what was printed is written, and that is all. Only the
commands themselves end like this: a program that calls `main` goes on.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False  # known to checkers; `typing` is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

__all__ = ["collect_seldom", "run_and_end"]

_MANY = 100_000
"""New objects after which unreachable cycles are looked for: more than a small command ever makes."""


def collect_seldom() -> None:
    """Look for unreachable cycles seldom; objects that nothing refers to go at once, as ever.

    Python looks for them while it imports; for a small step that takes about as long as recording and signing it.
    """
    gc.set_threshold(_MANY)


def run_and_end(main: Callable[[], int | None]) -> NoReturn:
    """Call `main`, and end the process with what it returns, or exits with."""
    code: str | int | None
    try:
        code = main()
    except SystemExit as ended:
        code = ended.code
    if not isinstance(code, int | None) or _somebody_works():
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001  # what Python itself does first; there is no public name for it
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # nobody reads, or there is no such stream: Python knows what to do
        sys.exit(code)
    os._exit(code or 0)


def _somebody_works() -> bool:
    """Return whether there are threads besides that Python would wait for."""
    threading = sys.modules.get("threading")
    if threading is None:
        return False
    return any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())
