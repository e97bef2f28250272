"""Whom to trust for certificates of minutes: authorities, logs and timestamps, as a Sigstore trusted root lists them.

A verifier has one, which is a file, and nothing is asked of the network. What it lists counts for certificates that
were given while it was valid: an authority or a log that was replaced vouches for nobody any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.hashing import sha256
from custody.encoding.instants import write_instant
from custody.errors import FormatError, UsageError
from custody.keys.keyless_names import NEEDS_EXTRA

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sigstore.verify import Verifier

    from custody.keys.keyless import KeylessSignature, Proof

__all__ = ["MAX_TRUSTED_ROOT_BYTES", "TrustedRoot"]

MAX_TRUSTED_ROOT_BYTES = 4 * 1024 * 1024
"""The largest trusted root that is read."""

_MAX_REMEMBERED = 1024


class TrustedRoot:
    """A trusted root, read when the first certificate is to be checked; it remembers what it found out."""

    __slots__ = ("_document", "_load", "_proofs", "_verifiers", "name")

    def __init__(self, load: Callable[[], bytes], name: str) -> None:
        """Take the trusted root that `load` returns as JSON, and call it `name` in errors."""
        self.name = name
        self._load = load
        self._document: Any = None
        self._verifiers: dict[tuple[tuple[int, ...], ...], Verifier] = {}
        self._proofs: dict[tuple[str, str, str], Proof | str] = {}

    def __repr__(self) -> str:
        """Return where it is from."""
        return f"TrustedRoot({self.name!r})"

    def proof(self, signature: KeylessSignature, message: bytes) -> Proof | str:
        """Return who made `signature` over `message`, or why nobody can tell.

        Raises:
            UsageError: the extra that checks certificates is not installed.
            StoreError, FormatError: the trusted root cannot be read, or is none.

        """
        from custody.keys.keyless_proof import prove

        key = (sha256(signature.signature), sha256(signature.bundle), sha256(message))
        if key not in self._proofs:
            if len(self._proofs) >= _MAX_REMEMBERED:
                self._proofs.clear()
            self._proofs[key] = prove(signature, message, self)
        return self._proofs[key]

    def verifier(self, at: datetime) -> Verifier | str:
        """Return what checks bundles with the authorities and logs that were valid at `at`, or why nothing can.

        Raises:
            UsageError: the extra that checks certificates is not installed.
            StoreError, FormatError: the trusted root cannot be read, or is none.

        """
        document = self._read()
        from sigstore.errors import Error
        from sigstore.models import TrustedRoot as Root
        from sigstore.verify import Verifier

        chosen = {name: _valid(getattr(document, name), at) for name in _PARTS}
        known = tuple(chosen.values())
        if known not in self._verifiers:
            parts = {name: [getattr(document, name)[n] for n in numbers] for name, numbers in chosen.items()}
            try:
                self._verifiers[known] = Verifier(trusted_root=Root(document.model_copy(update=parts)))
            except (Error, ValueError) as error:
                return f"nothing in {self.name!r} vouches for certificates of {write_instant(at)}: {error}"
        return self._verifiers[known]

    def _read(self) -> Any:  # noqa: ANN401  # its type is known only once the extra is there
        """Return the trusted root with its parts."""
        try:
            from sigstore_models.trustroot.v1 import TrustedRoot as Document
        except ImportError:
            raise UsageError(f"checking a keyless signature {NEEDS_EXTRA}") from None
        if self._document is None:
            try:
                self._document = Document.from_json(self._load())
            except ValueError as error:
                problem = f"expected a Sigstore trusted root: {' '.join(str(error).split()):.200}"
                raise FormatError(problem, where=self.name) from None
        return self._document


_PARTS = ("tlogs", "ctlogs", "certificate_authorities", "timestamp_authorities")


def _valid(parts: Any, at: datetime) -> tuple[int, ...]:  # noqa: ANN401  # see `_read`
    """Return the positions of those parts that were valid at the instant `at`."""
    found = []
    for number, part in enumerate(parts):
        valid = getattr(part, "valid_for", None) or getattr(getattr(part, "public_key", None), "valid_for", None)
        begins, ends = getattr(valid, "start", None), getattr(valid, "end", None)
        if (begins is None or begins <= at) and (ends is None or at < ends):
            found.append(number)
    return tuple(found)
