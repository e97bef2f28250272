"""What to write instead of options, orders and commands that other tools and guides have, and custody has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["NEVER_IN_ARGV", "instead_of_choice", "instead_of_command", "instead_of_option", "instead_of_order"]

NEVER_IN_ARGV = (
    "a password is not given in the command line, where everybody can read it:"
    " -P alone asks for it, --password-env NAME and --password-fd N take it from elsewhere"
)

_GPG = "write --signing-key gpg:FINGERPRINT, or gpg: for the default key"
_GPG_HOME = "write --signing-key 'gpg:FINGERPRINT?home=DIR'"
_GPG_OWNER = "write --verification-keys gpg:FINGERPRINT"
_GPG_OWNER_HOME = "write --verification-keys 'gpg:FINGERPRINT?home=DIR'"
_KIND = "leave it out; a key's file says of which type it is"
_ALWAYS = "leave it out; the result is always printed"
_STEP = "write --step-name (-n)"
_LINKS = "the link is written to --metadata-directory (-d)"

_SIGNING = {"-g": _GPG, "--gpg": _GPG, "--gpg-home": _GPG_HOME, "-t": _KIND, "--key-type": _KIND, "--key-types": _KIND}
_RECORDING = _SIGNING | {"--name": _STEP, "--links-dir": _LINKS, "--link-dir": _LINKS, "--output-dir": _LINKS}
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "custody run": _RECORDING,
    "custody record start": _RECORDING
    | {
        "-d": "give it to `custody record stop`, which writes the link",
        "--metadata-directory": "give it to `custody record stop`, which writes the link",
        "--use-dsse": "give it to `custody record stop`, which writes the link",
        "-p": "products are recorded by `custody record stop`",
        "--products": "products are recorded by `custody record stop`",
    },
    "custody record stop": _RECORDING
    | {
        "-m": "materials are recorded by `custody record start`",
        "--materials": "materials are recorded by `custody record start`",
    },
    "custody sign": _SIGNING | {"-v": _ALWAYS, "--verbose": _ALWAYS, "-q": _ALWAYS, "--quiet": _ALWAYS},
    "custody verify": {
        "-g": _GPG_OWNER,
        "--gpg": _GPG_OWNER,
        "--gpg-home": _GPG_OWNER_HOME,
        "-k": "write --verification-keys for the owners' public keys",
        "--key": "write --verification-keys for the owners' public keys",
        "--key-path": "write --verification-keys for the owners' public keys",
        "-t": _KIND,
        "--key-types": _KIND,
        "--links-dir": "write --link-dir",
    },
    "custody match-products": {"-v": _ALWAYS, "--verbose": _ALWAYS},
    "custody keygen": {
        "-n": "write the name itself, as in `custody keygen alice`",
        "--name": "write the name itself, as in `custody keygen alice`",
        "-b": "write --bits",
    },
}

_COMMANDS = {
    "help": "write `custody --help`, or `custody COMMAND --help`",
    "version": "write `custody --version`",
    "mock": "write `custody run` with any key of yours",
    "start": "write `custody record start`",
    "stop": "write `custody record stop`",
    "lint": "write `custody layout lint`",
    "build": "write `custody layout build`",
}


def instead_of_option(command: str, flag: str) -> str:
    """Return what to write instead of the option `flag` of `command`, such as `custody run`; '' if nobody knows."""
    return _OPTIONS.get(command, {}).get(flag, "")


def instead_of_order(command: str, given: Sequence[str]) -> str:
    """Return what is wrong with the order of what was given to `custody record`, whose action stands first; or ''."""
    first = given[0] if given else ""
    if command == "custody record" and first.startswith("-") and first not in {"-h", "--help"}:
        return "start or stop stands before all options, as in `custody record start -n NAME --signing-key KEY`"
    if command in {"custody record start", "custody record stop"} and first and not first.startswith("-"):
        return "the step is named with -n, as in `custody record start -n NAME --signing-key KEY`"
    return ""


def instead_of_choice(word: str, known: Collection[str]) -> str:
    """Return what to write instead of the command or value `word`, where `known` ones were expected; or ''."""
    name = word.removeprefix("in-toto-")
    if name in known:
        return f"write {name!r}"
    from difflib import get_close_matches  # only errors need it

    close = get_close_matches(name.lower(), list(known), n=1, cutoff=0.7)
    return f"write {close[0]!r}" if close else ""


def instead_of_command(word: str, known: Collection[str]) -> str:
    """Return what to write instead of the command `word`, '' if nobody knows."""
    return _COMMANDS.get(word.removeprefix("in-toto-")) or instead_of_choice(word, known)
