"""Who vouches for identities in the place of keys: the public Sigstore instance, or what the environment names.

The commands of the reference have no option for it, and its functions no argument. Nothing is asked of the network.
"""

from __future__ import annotations

import os

from custody.keys.key import as_keyless, trusting
from in_toto._boundary.failures import Translated

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable

    from custody.keys.key import Key

__all__ = ["TRUSTED_ROOT_VARIABLE", "trusted", "trusted_root"]

TRUSTED_ROOT_VARIABLE = "CUSTODY_TRUSTED_ROOT"
"""The environment variable that names the file with the trusted root, like `custody verify --trusted-root`."""


def trusted_root() -> str:
    """Return the file with the trusted root, "" for the public instance's."""
    return os.environ.get(TRUSTED_ROOT_VARIABLE, "")


def trusted(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return `keys`; identities among them count as the trusted root has it, which only then is read.

    Raises:
        OSError: the file with the trusted root cannot be read.
        FormatError: it holds something else.

    """
    given = tuple(keys)
    if all(as_keyless(key) is None for key in given):
        return given
    from custody.workflows.trust import trust_in  # few chains have identities in the place of keys

    with Translated():
        trust = trust_in(trusted_root())
        return tuple(trusting(key, trust) for key in given)
