"""Where a judgement writes down what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.verdict import Finding, Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Ledger"]


class Ledger:
    """Findings about one subject after another, in the order in which they were made."""

    __slots__ = ("findings",)

    def __init__(self) -> None:
        """Start empty."""
        self.findings: list[Finding] = []

    def rejects(self) -> bool:
        """Whether a rejection was written."""
        return any(finding.rejects for finding in self.findings)

    def add(self, reason: Reason, severity: Severity, subject: str, message: str) -> None:
        """Write down one finding."""
        self.findings.append(Finding(reason=reason, severity=severity, subject=subject, message=message))

    def reject(self, reason: Reason, subject: str, message: str) -> None:
        """Write down a plain rejection."""
        self.add(reason, Severity.REJECTION, subject, message)

    def warn(self, reason: Reason, subject: str, message: str) -> None:
        """Write down a plain warning."""
        self.add(reason, Severity.WARNING, subject, message)

    def note(self, reason: Reason, subject: str, message: str) -> None:
        """Write down a plain note."""
        self.add(reason, Severity.NOTE, subject, message)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Write down findings that were made elsewhere, as they are."""
        self.findings.extend(findings)
