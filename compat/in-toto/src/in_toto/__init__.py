"""The package `in_toto`, on custody's engine: what programs written for in-toto 3.1.0 import.

The modules keep the names, arguments and exceptions of that version; custody does the work. `in_toto._boundary` is
where the one becomes the other.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["__version__"]

__version__ = "3.1.0"
"""The version of the interface."""

_ATTRIBUTES = frozenset({"exceptions", "log", "settings"})


def __getattr__(name: str) -> ModuleType:
    """Return the modules that have always been there after `import in_toto`."""
    if name not in _ATTRIBUTES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return import_module(f"{__name__}.{name}")


if "logging" in sys.modules:
    # Programs ask `logging` for the logger "in_toto" and expect to get the one that is configured.
    from in_toto import log as log
