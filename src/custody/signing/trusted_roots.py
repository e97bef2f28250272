"""Where trusted roots come from: a file, or the one of the public Sigstore instance that the `sigstore` library brings.

Neither asks the network. The library's is as new as its release: when the public instance replaces its logs, a newer
release or a file has to say so.
"""

from __future__ import annotations

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json
from custody.errors import FormatError, StoreError, UsageError
from custody.files import read_file
from custody.keys.keyless_names import NEEDS_EXTRA
from custody.keys.trusted_root import MAX_TRUSTED_ROOT_BYTES, TrustedRoot

__all__ = ["PUBLIC", "trusted_root"]

PUBLIC = "the public instance's trusted root"

_PACKAGE = "sigstore._store"
_DIRECTORY = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"


def trusted_root(path: str = "") -> TrustedRoot:
    """Return the trusted root in the file `path`, or the public instance's; that one is read when it is needed.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it holds something else.

    """
    if not path:
        return TrustedRoot(_public, PUBLIC)
    data = read_file(path, what="trusted root", limit=MAX_TRUSTED_ROOT_BYTES)
    try:
        kind = Fields(read_json(data)).text("mediaType")
    except FormatError as error:
        raise error.within(path) from None
    if ".trustedroot" not in kind:
        raise FormatError(
            f"expected a Sigstore trusted root, got {kind!r:.80}",
            where=f"{path}: mediaType",
            remedy="a client trust config has one in its field 'trustedRoot'" if "trustconfig" in kind else "",
        )
    return TrustedRoot(lambda: data, path)


def _public() -> bytes:
    """Return the trusted root of the public instance as the library has it, not as it may have fetched it once."""
    from importlib.resources import files

    try:
        return files(_PACKAGE).joinpath(_DIRECTORY, "trusted_root.json").read_bytes()
    except ModuleNotFoundError:
        raise UsageError(f"checking a keyless signature {NEEDS_EXTRA}") from None
    except OSError as error:
        problem = f"cannot read {PUBLIC}: this release of the sigstore library keeps it elsewhere ({error})"
        raise StoreError(f"{problem}; give one with --trusted-root FILE") from None
