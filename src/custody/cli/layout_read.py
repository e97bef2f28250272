"""`custody layout show` and `custody layout lint`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, REJECTED
from custody.cli.key_options import add_verification_keys, verification_keys_from
from custody.cli.layout_options import add_at, at_from
from custody.cli.options import add_format, add_list
from custody.cli.output import complain, printable, say, say_json
from custody.keys.keyid import short_id

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence
    from datetime import datetime

    from custody.keys.key import Key
    from custody.linting.complaints import Complaint
    from custody.workflows.layout import LoadedLayout

__all__ = ["configure_lint", "configure_show"]

_SHOW = """\
Print a layout as a readable tree: until when it holds, who signed it, and for every step who may perform it, how
many have to agree, the expected command and the rules. FILE is a layout, signed or not, or a source (*.yaml).

Signatures are checked if you give the owners' keys with --verification-keys; the exit code is 1 then if one of these
keys has not signed. `digest` is what `custody verify --layout-digest` takes.

Examples:
  custody layout show root.layout
  custody layout show root.layout --verification-keys owner.pub
  custody layout show root.layout --format json | jq .steps

"""

_LINT = """\
Judge a layout before it is signed. FILE is a layout, signed or not, or a source (*.yaml), whose lines are named then.

Every complaint has a code in brackets, a sentence, and what to do. An error means that no supply chain can pass, or
anybody's can; a warning that the layout demands something else than it seems to; a note is worth knowing, and sound
layouts may have it. The exit code is 1 if something is as bad as --fail-on or worse, 2 if FILE cannot be read.

Examples:
  custody layout lint supply-chain.yaml
  custody layout lint root.layout --fail-on error
  custody layout lint root.layout --format json | jq -r .complaints[].code

"""


def configure_show(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout show`."""
    parser.description = _SHOW
    _add_file(parser)
    add_format(parser)
    add_verification_keys(parser)
    add_at(parser, "count the days to the expiry from INSTANT on")
    parser.set_defaults(execute=_show)


def configure_lint(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout lint`."""
    parser.description = _LINT
    _add_file(parser)
    add_format(parser)
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "note"),
        default="warning",
        metavar="SEVERITY",
        help="the least that makes the exit code 1: error, warning (default) or note",
    )
    add_at(parser, "judge as of INSTANT")
    parser.set_defaults(execute=_lint)


def _add_file(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a layout, or the source of one (*.yaml)")
    add_list(parser, "--ignore-field", metavar="PATH", help="ignore this unknown field, such as steps[0].comment")


def _show(options: Namespace) -> int:
    from custody.reports.layout_tree import tree_document, tree_lines  # not for --help
    from custody.workflows.layout import load_layout

    at = at_from(options)
    loaded = load_layout(options.file, at=at, ignore=options.ignore_field)
    keys = verification_keys_from(options)
    shown = {"title": options.file, "envelope": loaded.envelope, "keys": keys, "names": loaded.names}
    if options.format == "json":
        say_json(tree_document(loaded.layout, at, **shown))
    else:
        for line in tree_lines(loaded.layout, at, **shown):
            say(printable(line))
    return _signed_by_all(loaded, keys, at)


def _signed_by_all(loaded: LoadedLayout, keys: Sequence[Key], at: datetime) -> int:
    """Return whether every given key has signed, as an exit code, and name those that have not."""
    from custody.envelopes.signers import signed_by
    from custody.keys.key import may_sign_for

    good = signed_by(loaded.envelope, keys, at=at) if loaded.envelope is not None else ()
    missing = [short_id(key.keyid) for key in keys if not any(may_sign_for(key, other) for other in good)]
    if missing:
        complain("custody layout", f"not signed by {', '.join(missing)}")
    return REJECTED if missing else ACCEPTED


def _lint(options: Namespace) -> int:
    from custody.linting.complaints import Severity  # not for --help
    from custody.linting.lint import lint
    from custody.workflows.layout import load_layout

    at = at_from(options)
    loaded = load_layout(options.file, at=at, ignore=options.ignore_field)
    complaints = lint(loaded.layout, at, names=loaded.names)
    limit = Severity(options.fail_on).rank
    failed = any(complaint.severity.rank <= limit for complaint in complaints)
    if options.format == "json":
        _print_json(loaded, complaints, at, failed=failed)
    else:
        _print_text(loaded, complaints)
    return REJECTED if failed else ACCEPTED


def _print_text(loaded: LoadedLayout, complaints: Sequence[Complaint]) -> None:
    for complaint in complaints:
        say(printable(f"{complaint.severity}: {loaded.place(complaint.where)} [{complaint.code}]"))
        say(printable(f"    {complaint.sentence}"))
        say(printable(f"    -> {complaint.remedy}"))
    found = Counter(complaint.severity.value for complaint in complaints)
    told = ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in found.items())
    say(printable(f"{loaded.path}: {told or 'nothing to complain about'}"))


def _print_json(loaded: LoadedLayout, complaints: Sequence[Complaint], at: datetime, *, failed: bool) -> None:
    from custody.encoding.instants import write_instant

    document = {
        "file": loaded.path,
        "at": write_instant(at),
        "failed": failed,
        "complaints": [
            {
                "code": complaint.code.value,
                "severity": complaint.severity.value,
                "where": complaint.where,
                "line": loaded.line(complaint.where),
                "sentence": complaint.sentence,
                "remedy": complaint.remedy,
            }
            for complaint in complaints
        ],
    }
    say_json(document)
