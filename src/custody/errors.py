"""Every error that custody raises on purpose.

::

    CustodyError
    ├── FormatError        a document is not what its specification says
    ├── SignatureError     a signature or a key cannot be used or does not verify
    ├── RecordingError     artifacts cannot be recorded truthfully
    ├── ExecutionError     a command could not be started
    ├── StoreError         evidence or a file cannot be read or written
    ├── UsageError         the caller asked for something that makes no sense
    └── RejectedError      a verdict was asked for and it is a rejection

The branches name whose fault it is: a document's author, a key holder, the machine, the caller, the chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from custody.verdict import Verdict

__all__ = [
    "CustodyError",
    "ExecutionError",
    "FormatError",
    "RecordingError",
    "RejectedError",
    "SignatureError",
    "StoreError",
    "UsageError",
]


class CustodyError(Exception):
    """The root of every error that custody raises on purpose."""


class FormatError(CustodyError):
    """A document is not what its specification says; `where` is the path inside it."""

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        """Keep the parts so that an outer reader can prefix the path."""
        self.problem = problem
        self.where = where
        self.remedy = remedy
        super().__init__(problem)

    def __str__(self) -> str:
        """Return `where: problem; remedy`, leaving out what is empty."""
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{text}; {self.remedy}" if self.remedy else text

    def within(self, outer: str) -> Self:
        """Return the same error with `outer` put before its path."""
        if not self.where:
            where = outer
        elif self.where.startswith("["):
            where = f"{outer}{self.where}"
        else:
            where = f"{outer}: {self.where}"
        return type(self)(self.problem, where=where, remedy=self.remedy)


class SignatureError(CustodyError):
    """A signature or a key cannot be used, or does not verify."""


class RecordingError(CustodyError):
    """Artifacts cannot be recorded truthfully."""


class ExecutionError(CustodyError):
    """A command could not be started."""


class StoreError(CustodyError):
    """Evidence or a file cannot be read or written."""


class UsageError(CustodyError):
    """The caller asked for something that makes no sense."""


class RejectedError(CustodyError):
    """A verdict was asked for and it is a rejection; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        """Carry the verdict whose findings are the reasons."""
        self.verdict = verdict
        super().__init__(verdict.summary)
