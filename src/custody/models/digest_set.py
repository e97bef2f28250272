"""A digest set: digests of one thing by several algorithms, and when two sets mean the same thing.

The specification of attestations lets two sets match if any accepted algorithm does. Here one algorithm is pinned:
it must be on both sides and equal, and no other algorithm on both sides may differ. Else whoever breaks the weakest
algorithm, or writes the set, would choose by which digest the rest is judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from custody.encoding.fields import as_object, as_text, describe, path_to
from custody.errors import FormatError

__all__ = ["PINNED_ALGORITHM", "DigestSet", "matches", "read_digest_set"]

DigestSet = Mapping[str, str]
"""Algorithm name to digest."""

PINNED_ALGORITHM = "sha256"
"""The algorithm that is pinned unless the caller says otherwise."""

_SIZES = {
    "md5": (32,),
    "sha1": (40,),
    "ripemd160": (40,),
    "sha224": (56,),
    "sha3_224": (56,),
    "sha512_224": (56,),
    "sha256": (64,),
    "sha3_256": (64,),
    "sha512_256": (64,),
    "sm3": (64,),
    "dirHash": (64,),
    "sha384": (96,),
    "sha3_384": (96,),
    "sha512": (128,),
    "sha3_512": (128,),
    "gitBlob": (40, 64),
    "gitCommit": (40, 64),
    "gitTag": (40, 64),
    "gitTree": (40, 64),
    "blake2b": (),
    "blake2s": (),
    "gost": (),
    "shake128": (),
    "shake256": (),
}
"""Hexadecimal digits of a digest; git has them by SHA-1 and by SHA-256, and some algorithms as many as one likes."""

_LOWER_HEX = re.compile("[0-9a-f]+")


def read_digest_set(value: object, where: str) -> DigestSet:
    """Return the digests that `value` lists, at least one.

    Those of algorithms that the specification names are lower-case hexadecimal digits, as many as there must be. Those
    of others are text that is not empty.

    Raises:
        FormatError: it is none.

    """
    digests = as_object(value, where)
    if not digests:
        raise FormatError("expected at least one digest, got none", where=where)
    for algorithm, digest in digests.items():
        path = path_to(where, algorithm)
        if not algorithm:
            raise FormatError("expected the name of an algorithm, got ''", where=path)
        if not as_text(digest, path):
            raise FormatError("expected a digest, got ''", where=path)
        if not _is_whole(algorithm, digest):
            sizes = " or ".join(map(str, _SIZES[algorithm]))
            digits = f"{sizes} lower-case hexadecimal digits".lstrip()
            raise FormatError(f"expected {digits}, got {describe(digest)}", where=path)
    return dict(digests)


def matches(subject: DigestSet, wanted: DigestSet, pinned: str = PINNED_ALGORITHM) -> bool:
    """Return whether both have the `pinned` digest, well formed and equal, and no other common one differs."""
    digest = subject.get(pinned)
    if not digest or not _is_whole(pinned, digest) or wanted.get(pinned) != digest:
        return False
    return all(wanted.get(algorithm, other) == other for algorithm, other in subject.items())


def _is_whole(algorithm: str, digest: str) -> bool:
    sizes = _SIZES.get(algorithm)
    if sizes is None:
        return True
    return (not sizes or len(digest) in sizes) and _LOWER_HEX.fullmatch(digest) is not None
