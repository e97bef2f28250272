"""The spellings of older releases, and of guides that people follow, in the words of 3.1.0.

`modern` rewrites a command line before its parser sees it. The parsers know the flags of 3.1.0 and nothing else, so
that their abbreviations stay what they are. What follows `--` is the wrapped command's and is left alone.

>>> modern("in-toto-run", ["--name", "build", "-k", "alice", "--", "make", "-k"]).words
('--step-name', 'build', '--signing-key', 'alice', '--', 'make', '-k')
"""

from __future__ import annotations

from custody.value import Value

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Modern", "modern", "split_at_commas"]

_SIGNING_KEY = "--signing-key"
_STEP_NAME = "--step-name"
_METADATA_DIRECTORY = "--metadata-directory"
_VERIFICATION_KEYS = "--verification-keys"
_LINK_DIR = "--link-dir"

_RECORDING: Mapping[str, str] = {
    "--key": _SIGNING_KEY,
    "-k": _SIGNING_KEY,
    "--key-path": _SIGNING_KEY,
    "--name": _STEP_NAME,
    _LINK_DIR: _METADATA_DIRECTORY,
    "--links-dir": _METADATA_DIRECTORY,
}

_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "in-toto-run": _RECORDING,
    "in-toto-record": _RECORDING,
    "in-toto-verify": {
        "--key": _VERIFICATION_KEYS,
        "-k": _VERIFICATION_KEYS,
        "--layout-key": _VERIFICATION_KEYS,
        "--layout-keys": _VERIFICATION_KEYS,
        "--links-dir": _LINK_DIR,
    },
    # The name of a key stands alone, and some guides put an option before it.
    "in-toto-keygen": {"-n": "", "--name": ""},
}
"""Each command's older options with what they are called now, "" where the value alone is left."""

_ONCE: Mapping[str, frozenset[str]] = {
    _SIGNING_KEY: frozenset({_SIGNING_KEY}),
    _STEP_NAME: frozenset({_STEP_NAME, "-n"}),
    _METADATA_DIRECTORY: frozenset({_METADATA_DIRECTORY, "-d"}),
    # Of two lists of keys the first would be forgotten, and its owners would not have to have signed.
    _VERIFICATION_KEYS: frozenset({_VERIFICATION_KEYS}),
    _LINK_DIR: frozenset({_LINK_DIR}),
}
"""The options of which a command line has one, and their spellings in 3.1.0."""

_RECORD_COMMANDS = frozenset({"start", "stop"})

_WITH_ONE_VALUE = frozenset({"-n", "-d", "--gpg-home", "--base-path", *_RECORDING, *_RECORDING.values()})
"""Options of `in-toto-record` whose value may be `start` without being its command."""


class Modern(Value):
    """A command line in the words of 3.1.0.

    `directory` is where links go by an older spelling, "" if none was used: the guides that have one expect it to be
    made. `problem` says what cannot be rewritten, "" if everything can.
    """

    words: tuple[str, ...]
    directory: str = ""
    problem: str = ""


def modern(command: str, words: Sequence[str]) -> Modern:
    """Return `words`, the arguments of `command`, without any older spelling."""
    end = words.index("--") if "--" in words else len(words)
    ours, theirs = list(words[:end]), list(words[end:])
    subcommand, step = "", ""
    if command == "in-toto-record":
        ours, step = _subcommand_first(ours)
        subcommand = ours[0] if ours and ours[0] in _RECORD_COMMANDS else ""
    problem = _ambiguity(command, ours, step)
    if step:
        ours += [_STEP_NAME, step]
    ours, directory = _renamed(_OPTIONS.get(command, {}), ours, keep_directory=subcommand != "start")
    return Modern(words=(*ours, *theirs), directory=directory, problem=problem)


def split_at_commas(path: str) -> list[str]:
    """Return the paths that `path` lists with commas between them."""
    return [part for part in path.split(",") if part]


def _renamed(options: Mapping[str, str], words: list[str], *, keep_directory: bool) -> tuple[list[str], str]:
    """Return `words` with the names of today, and the directory that an older name gave."""
    result: list[str] = []
    directory = ""
    left = iter(words)
    for word in left:
        old, equals, value = word.partition("=")
        if old not in options or (equals and not old.startswith("--")):
            result.append(word)
            continue
        new = options[old]
        if new == _METADATA_DIRECTORY:
            directory = value = value if equals else next(left, "")
            result += [new, value] if keep_directory and value else [new] if not value else []
        elif equals:
            result.append(f"{new}={value}" if new else value)
        elif new:
            result.append(new)
    return result, directory


def _ambiguity(command: str, words: list[str], step: str) -> str:
    """Return what is wrong where two spellings give one option twice: nobody can know which of them is meant.

    `step` is the name of a step that stands alone, "" if none does.
    """
    options = _OPTIONS.get(command, {})
    names = [word.partition("=")[0] for word in words]
    for new, spellings in _ONCE.items():
        given = [name for name in names if options.get(name) == new or _is_one_of(name, spellings)]
        older = [name for name in given if name in options]
        if step and new == _STEP_NAME:
            given, older = [f"'{step}'", *given], [step]
        if older and len(given) > 1:
            return f"{given[0]} and {given[1]} both stand for {new}; give one of them, and a '--' before a command"
    return ""


def _is_one_of(word: str, options: frozenset[str]) -> bool:
    """Return whether a parser takes `word` for one of `options`: abbreviated, or a short one with its value in it."""
    if word.startswith("--"):
        return len(word) > len("--") and any(option.startswith(word) for option in options)
    return word[:2] in options


def _subcommand_first(words: list[str]) -> tuple[list[str], str]:
    """Return the arguments of `in-toto-record`, its command first, and the name of the step where it stands alone."""
    place = _place_of_subcommand(words)
    if place is None:
        return words, ""
    before, subcommand, after = words[:place], words[place], words[place + 1 :]
    alone = bool(after) and not after[0].startswith("-")
    return [subcommand, *before, *after[alone:]], after[0] if alone else ""


def _place_of_subcommand(words: list[str]) -> int | None:
    before = ""
    for place, word in enumerate(words):
        if word in _RECORD_COMMANDS and before not in _WITH_ONE_VALUE:
            return place
        before = word
    return None
