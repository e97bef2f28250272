"""custody's errors as the exceptions that programs written for the reference catch.

=====================  ==================================================================
custody                in_toto
=====================  ==================================================================
`FormatError`          `FormatError`
`SignatureError`       `SignatureVerificationError`
`RejectedError`        what `rejections` makes of the verdict
names that clash       `PrefixError`
a missing parameter    `KeyError`
a cause that is one    `OSError`, the subclass that belongs to its number
`StoreError`           `OSError`
`ExecutionError`       `OSError`
everything else        `ValueError`
=====================  ==================================================================

The sentence is custody's, except that an operating system's error keeps its own words where it names the same file.
"""

from __future__ import annotations

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from types import TracebackType

    from custody.errors import CustodyError

__all__ = ["Translated", "from_custody"]


class Translated:
    """A block out of which come the reference's exceptions instead of custody's; `with Translated(): ...`."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Raise what stands for `error`, if it is one of custody's."""
        if error is None:
            return
        from custody.errors import CustodyError

        if isinstance(error, CustodyError):
            raise from_custody(error) from error


def from_custody(error: CustodyError) -> Exception:
    """Return the exception that the reference would raise, or the nearest one; raise it `from error`."""
    from custody import errors

    if isinstance(error, errors.RejectedError):
        from in_toto._boundary.rejections import failure_of

        return failure_of(error.verdict)
    if isinstance(error, errors.FormatError | errors.SignatureError):
        from custody.verification.parameters import ParameterMissingError
        from in_toto import exceptions

        if isinstance(error, ParameterMissingError):
            return KeyError(f"{error.where}: {error.problem}")
        if isinstance(error, errors.FormatError):
            return exceptions.FormatError(str(error))
        return exceptions.SignatureVerificationError(str(error))
    if isinstance(error.__cause__, OSError):
        return _of_the_system(error.__cause__, str(error))
    if _is_about_prefixes(error):
        from in_toto import exceptions

        return exceptions.PrefixError(str(error))
    if isinstance(error, errors.StoreError | errors.ExecutionError):
        return OSError(str(error))
    return ValueError(str(error))


def _of_the_system(cause: OSError, text: str) -> OSError:
    """Return `cause` anew; with `text` where it names a file that the caller never heard of, such as a temporary one.

    Never `cause` itself: raised from the error that it caused, it would stand on both sides of the chain.
    """
    if cause.errno is None:
        return OSError(text)
    if cause.filename is not None and repr(cause.filename) in text:
        return OSError(cause.errno, cause.strerror, cause.filename)
    return OSError(cause.errno, text)


def _is_about_prefixes(error: CustodyError) -> bool:
    from custody.artifacts.names import NameClashError
    from custody.artifacts.options import PrefixClashError

    return isinstance(error, NameClashError | PrefixClashError)
