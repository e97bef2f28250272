"""Who vouches for identities in the place of keys: a file that the verifier names, or the public Sigstore instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custody.keys.key import Trust
    from custody.keys.trusted_root import TrustedRoot

__all__ = ["trust_in"]


def trust_in(path: str = "") -> Trust:
    """Return what returns the trusted root in the file `path`, by default the public instance's.

    Raises:
        StoreError: the file cannot be read.

    """
    found: list[TrustedRoot] = []

    def get() -> TrustedRoot:
        if not found:
            from custody.signing.trusted_roots import trusted_root  # few chains have identities in the place of keys

            found.append(trusted_root(path))
        return found[0]

    if path:
        get()  # a name that is wrong is told, even if nobody needs the file
    return get
