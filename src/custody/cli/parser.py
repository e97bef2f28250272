"""The argument parser of every command: its help fits the terminal, and its errors say what to write instead."""

from __future__ import annotations

import argparse
import re
import sys

from custody.cli.instead import (
    NEVER_IN_ARGV,
    instead_of_choice,
    instead_of_command,
    instead_of_option,
    instead_of_order,
)
from custody.cli.output import columns, printable

TYPE_CHECKING = False  # known to checkers; `typing` is slow to import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

__all__ = ["HelpFormatter", "Parser"]

# Patterns for complaints and help only, so that nobody else waits for them to be compiled.
_INDENTED = r"(?m)^[ \t]"
_EXPLICIT_VALUE = r"argument (\S+): ignored explicit argument "
_INVALID_CHOICE = r"(?s)argument (\S+): invalid choice: '([^']*)' \(choose from (.*)\)"
_ASKING = ("-P", "--password", "-p", "--prompt", "--new-password")


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps prose at the terminal's width, and leaves examples and lists, which are indented, as they are."""

    def __init__(self, prog: str, **options: int) -> None:
        """Take the width from the terminal without the help of `shutil`, whose import every command would pay for."""
        super().__init__(prog, **{"width": columns() - 2, **options})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        import textwrap  # only help has text to fill

        filled = [
            paragraph if re.search(_INDENTED, paragraph) else textwrap.fill(paragraph, width, break_on_hyphens=False)
            for paragraph in text.strip("\n").split("\n\n")
        ]
        return textwrap.indent("\n\n".join(filled), indent)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Name the value once, after all spellings of an option."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class Parser(argparse.ArgumentParser):
    """Complains in the name of the command that was meant, and says what to write instead.

    What stands where somebody may have put a password is not repeated.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # argparse's own
        """Make the parser of `options`: unless they say otherwise, options are written out, and help fits."""
        super().__init__(**{"formatter_class": HelpFormatter, "allow_abbrev": False, **options})

    def parse_known_args(  # type: ignore[override]  # typeshed has it in overloads for other namespaces
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Return what `args` mean; what is left over is an error here, and not of the parser around."""
        given = list(sys.argv[1:] if args is None else args)
        self._refuse_other_spellings(given)
        found, left = super().parse_known_args(given, namespace)
        if left:
            self.error(self._too_much(left, given))
        return found, left

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and exit with 2."""
        super().error(printable(_improved(message)))

    def _refuse_other_spellings(self, given: Sequence[str]) -> None:
        """Complain of other tools' options first: what else seems to be missing was meant by them."""
        disorder = instead_of_order(self.prog, given)
        if disorder:
            self.error(disorder)
        if self._lacks_dashes(given):
            return  # what follows may be a command's own options
        for word in given:
            if word == "--":
                return
            flag = word.partition("=")[0]
            remedy = "" if flag in self._option_string_actions else instead_of_option(self.prog, flag)
            if remedy:
                self.error(f"there is no option {flag}: {remedy}")

    def _too_much(self, left: Sequence[str], given: Sequence[str]) -> str:
        known = self._option_string_actions
        asking = [word for word in given if word in _ASKING and word in known and known[word].nargs == 0]
        if asking and not any(word.startswith("-") for word in left):
            return f"something follows {asking[0]}: {NEVER_IN_ARGV}"
        remedy = "; the command stands after `--`" if self._lacks_dashes(given) else ""
        return f"unknown arguments: {' '.join(left)}{remedy}"

    def _lacks_dashes(self, given: Sequence[str]) -> bool:
        return self.prog == "custody run" and "--" not in given and not {"-x", "--no-command"} & set(given)


def _improved(message: str) -> str:
    """Return the complaint of argparse without what may be secret, and with a remedy if there is one."""
    value = re.match(_EXPLICIT_VALUE, message)
    if value is not None:
        is_password = any(flag in _ASKING for flag in value[1].split("/"))
        return f"{value[1]} takes no value{f': {NEVER_IN_ARGV}' if is_password else ''}"
    choice = re.match(_INVALID_CHOICE, message)
    if choice is None:
        return message
    known = [word.strip().strip("'") for word in choice[3].split(",")]
    remedy = (instead_of_command if choice[1] == "COMMAND" else instead_of_choice)(choice[2], known)
    expected = f"{choice[1]}: expected one of {', '.join(known)}, got {choice[2]!r}"
    return f"{expected}; {remedy}" if remedy else expected
