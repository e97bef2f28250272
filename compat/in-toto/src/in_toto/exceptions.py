"""The exceptions that this package raises.

::

    Error (the root)
    ├── FormatError                      a document or an argument is malformed
    ├── UnverifiedSignatureError         a signature is not by the key
    │   └── VerificationError            it could not be checked, or too few are good
    ├── SignatureVerificationError       a signature is missing or bad
    ├── LayoutExpiredError               the layout has expired
    ├── RuleVerificationError            a rule rejects an artifact, or misses one
    ├── ThresholdVerificationError       a step has too few good links that agree
    ├── BadReturnValueError              an inspection failed
    ├── LinkNotFoundError                a step has too few links, or was not started
    ├── UnsupportedKeyTypeError          a key is of a kind that cannot be used
    ├── PrefixError                      two artifacts have one name when their prefixes are cut
    └── InvalidMetadata                  a file is no metadata at all

The first four are those of `securesystemslib` where it is installed, so that programs catch them by its names.
"""

from __future__ import annotations

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module

__all__ = [
    "BadReturnValueError",
    "Error",
    "FormatError",
    "InvalidMetadata",
    "LayoutExpiredError",
    "LinkNotFoundError",
    "PrefixError",
    "RuleVerificationError",
    "SignatureVerificationError",
    "ThresholdVerificationError",
    "UnsupportedKeyTypeError",
    "UnverifiedSignatureError",
    "VerificationError",
]


class _Own:
    """What stands for `securesystemslib.exceptions` where that is not installed."""

    class Error(Exception):
        """The root of what this package raises on purpose."""

    class FormatError(Error):
        """A document or an argument is malformed."""

    class UnverifiedSignatureError(Error):
        """A signature is not by the key."""

    class VerificationError(UnverifiedSignatureError):
        """A signature could not be checked, or too few are good."""


if TYPE_CHECKING:
    Error = _Own.Error
    FormatError = _Own.FormatError
    UnverifiedSignatureError = _Own.UnverifiedSignatureError
    VerificationError = _Own.VerificationError
else:
    try:
        from securesystemslib import exceptions as _theirs
    except ImportError:
        _theirs = _Own
        for _class in (_Own.Error, _Own.FormatError, _Own.UnverifiedSignatureError, _Own.VerificationError):
            _class.__module__, _class.__qualname__ = __name__, _class.__name__
    Error = _theirs.Error
    FormatError = _theirs.FormatError
    UnverifiedSignatureError = _theirs.UnverifiedSignatureError
    VerificationError = _theirs.VerificationError


class SignatureVerificationError(Error):
    """A signature is missing or bad."""


class LayoutExpiredError(Error):
    """The layout has expired."""


class RuleVerificationError(Error):
    """A rule rejects an artifact, or misses one."""


class ThresholdVerificationError(Error):
    """A step has too few good links that agree."""


class BadReturnValueError(Error):
    """An inspection ended with something else than 0."""


class LinkNotFoundError(Error):
    """A step has too few links, or was not started."""


class UnsupportedKeyTypeError(Error):
    """A key is of a kind that cannot be used."""


class PrefixError(Error):
    """Two artifacts have one name when their prefixes are cut."""


class InvalidMetadata(Error):  # noqa: N818  # public
    """A file is no metadata at all."""
