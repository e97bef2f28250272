"""Public keys as OpenSSH writes them: one line of kind, base64 and a comment, as in `~/.ssh/id_ed25519.pub`."""

from __future__ import annotations

from custody.errors import FormatError
from custody.keys.pem import MAX_PEM_BYTES, load_spki

__all__ = ["spki_of_line", "write_line"]

_KINDS = frozenset(
    {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"},
)
_REMEDIES = {
    "-cert-v01@openssh.com": ("an OpenSSH certificate", "give the key that it is for"),
    "@openssh.com": ("an OpenSSH key in hardware", "such keys cannot sign links; make another one"),
    "ssh-dss": ("a DSA key", "make an ed25519 key with `ssh-keygen -t ed25519`"),
}


def spki_of_line(data: bytes, where: str) -> bytes:
    """Return the DER SubjectPublicKeyInfo of the one key in an OpenSSH public key file.

    Raises:
        FormatError: it is not one line with a key of a kind that signs here.

    """
    lines = [line for line in data.split(b"\n") if line.strip()] if len(data) <= MAX_PEM_BYTES else []
    if len(lines) != 1:
        raise FormatError("expected one OpenSSH public key on one line", where=where, remedy="give a file for each key")
    kind, _, rest = lines[0].strip().partition(b" ")
    _check_kind(kind.decode("ascii", "replace"), where)
    from cryptography.exceptions import UnsupportedAlgorithm  # slow imports
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_public_key(b" ".join([kind, *rest.split()[:1]]))
    except (ValueError, TypeError, NotImplementedError, UnsupportedAlgorithm) as error:
        raise FormatError(f"not an OpenSSH public key: {error}", where=where, remedy="is the file cut off?") from None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def write_line(spki: bytes) -> bytes | None:
    """Return the key as OpenSSH writes it, without a comment; None if OpenSSH has no form for it."""
    from cryptography.hazmat.primitives import serialization  # slow import

    try:
        line = load_spki(spki).public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    except ValueError:
        return None
    return line + b"\n"


def _check_kind(kind: str, where: str) -> None:
    if kind in _KINDS:
        return
    for end, (found, remedy) in _REMEDIES.items():
        if kind.endswith(end):
            raise FormatError(f"expected a public key, got {found}", where=where, remedy=remedy)
    raise FormatError(f"an OpenSSH key of the kind {kind[:40]!r} is not supported", where=where)
