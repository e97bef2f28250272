"""What arguments and mutable fields must be, in the words of the reference: `expected str, got '1 (<class 'int'>)'`."""

from __future__ import annotations

from custody.encoding.text import is_hex

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "check_digests",
    "check_hex",
    "check_int",
    "check_list_of",
    "check_public_key",
    "check_signature",
    "check_text",
    "malformed",
    "unexpected",
]


def malformed(problem: str) -> Exception:
    """Return a `FormatError` that says `problem`."""
    from in_toto.exceptions import FormatError

    return FormatError(problem)


def unexpected(value: object, expected: str) -> Exception:
    """Return the error for a value that is not what was `expected`."""
    return malformed(f"expected {expected}, got '{value} ({type(value)})'")


def check_text(value: object) -> None:
    """Refuse what is no text."""
    if not isinstance(value, str):
        raise unexpected(value, "str")


def check_int(value: object) -> None:
    """Refuse what is no integer."""
    if not isinstance(value, int):
        raise unexpected(value, "int")


def check_hex(value: object) -> None:
    """Refuse what is not hexadecimal: a key id could be an option for gpg (A5)."""
    check_text(value)
    if not is_hex(str(value)):
        raise unexpected(value, "hex string")


def check_list_of(check: Callable[[object], None], value: object) -> None:
    """Refuse what is no list, and a list with something in it that `check` refuses."""
    if not isinstance(value, list):
        raise unexpected(value, "list")
    for item in value:
        check(item)


def check_digests(value: object) -> None:
    """Refuse what does not map names of algorithms to hexadecimal digits."""
    if not isinstance(value, dict):
        raise unexpected(value, "dict")
    for algorithm, digest in value.items():
        if not (isinstance(algorithm, str) and isinstance(digest, str) and is_hex(digest)):
            check_text(algorithm)
            check_hex(digest)


def check_public_key(value: object) -> None:
    """Refuse what has not the fields of a public key; whether they make a key shows when it is used."""
    if not isinstance(value, dict):
        raise unexpected(value, "dict")
    texts = ("keyid", "type", "method") if "method" in value else ("keyid", "keytype", "scheme")
    missing = [name for name in texts if not isinstance(value.get(name), str)]
    if not isinstance(value.get("keyval"), dict):
        missing.append("keyval")
    if missing:
        raise malformed(f"{unexpected(value, 'public key dict')}, without {', '.join(missing)}")


def check_signature(value: object) -> None:
    """Refuse what has not the fields of a signature, of either kind."""
    if not isinstance(value, dict):
        raise unexpected(value, "dict")
    texts = ("keyid", "signature", "other_headers") if "other_headers" in value else ("keyid", "sig")
    if not all(isinstance(value.get(name), str) for name in texts):
        raise unexpected(value, "signature dict")
