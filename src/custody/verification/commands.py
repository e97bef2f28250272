"""Whether functionaries ran what the layout expects, and whether it went well (specification 1.0, section 5.2, step 6).

Both are claims: a command that differs is a warning, and so is one that failed (D25), unless the verifier demands
success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.keys.keyid import short_id
from custody.verdict import Reason, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from custody.models.layout import Step
    from custody.verification.ledger import Ledger
    from custody.verification.place import Place
    from custody.verification.votes import Vote

__all__ = ["check_commands"]


def check_commands(step: Step, votes: Sequence[Vote], place: Place, ledger: Ledger) -> None:
    """Write down whose command differs from the step's, and whose failed."""
    subject = place.subject("step", step.name)
    severity = Severity.REJECTION if place.demands.require_success else Severity.WARNING
    for vote in votes:
        link, who = vote.link, short_id(vote.key.keyid)
        if step.expected_command and link.command != step.expected_command:
            # Specification 1.0, section 5.2, step 6: a difference is a warning only.
            ledger.warn(
                Reason.COMMAND_DIFFERS,
                subject,
                f"{who} ran {_words(link.command)}, expected {_words(step.expected_command)}",
            )
        if link.return_value is None:
            if link.command and place.demands.require_success:
                ledger.reject(
                    Reason.COMMAND_FAILED,
                    subject,
                    f"{who} does not say with which status {_words(link.command)} ended",
                )
        elif link.return_value != 0:
            ledger.add(
                Reason.COMMAND_FAILED,
                severity,
                subject,
                f"{who} says {_words(link.command)} ended with status {link.return_value}",
            )


def _words(command: Sequence[str]) -> str:
    import shlex  # most commands are those that the layout expects

    return f"`{shlex.join(command):.200}`" if command else "no command"
