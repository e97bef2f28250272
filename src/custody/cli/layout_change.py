"""`custody layout add-key`, `remove-key`, `rotate-key`, `extend`: changes to a layout whose source is not at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.key_options import remark
from custody.cli.layout_options import add_at, add_force, at_from
from custody.cli.options import add_list
from custody.cli.output import note, printable, say
from custody.keys.keyid import short_id

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from custody.workflows.layout import Change, LoadedLayout
    from custody.workflows.rotation import Rotation

__all__ = ["configure_add_key", "configure_extend", "configure_remove_key", "configure_rotate_key"]

_AGAIN = "The layout's signatures are dropped, since they were given for something else: sign it again."

_KEY_FORMS = "a PEM or OpenPGP file, JSON as layouts list keys, or gpg:FINGERPRINT"

_ADD = f"""\
Add the public key KEY to a layout, and with --step to those that may sign for these steps.

{_AGAIN}

Examples:
  custody layout add-key root.layout erin.pub --step review
  custody layout add-key root.layout erin.pub --step build test -o next.layout

"""

_REMOVE = f"""\
Remove a key from a layout: from every step, or with --step from these alone. KEYID is the key's id or the beginning of
it. A key whose loss would leave a step with too few functionaries is not removed without --force.

{_AGAIN}

Examples:
  custody layout remove-key root.layout 776a00e2
  custody layout remove-key root.layout 776a00e2 --step review

"""

_ROTATE = f"""\
Give a functionary another key: NEW takes the place of OLD in the layout and in every step. Links that were signed with
OLD do not count any more.

With --keep-old-until NEW stands beside OLD, and the links of both count. The layout then expires at DATE, if it does
not before. This is refused for a step that wants several signatures, since the holder of both keys would give two.

{_AGAIN}

Examples:
  custody layout rotate-key root.layout 776a00e2 alice2.pub
  custody layout rotate-key root.layout 776a00e2 alice2.pub \\
      --keep-old-until "30 days"

"""

_EXTEND = f"""\
Give a layout another expiry: a duration from now on (days, weeks, months, years), a date, or an instant, in UTC.

{_AGAIN}

Examples:
  custody layout extend root.layout --expires "6 months"
  custody layout extend root.layout --expires 2030-01-31 -o next.layout

"""


def configure_add_key(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout add-key`."""
    parser.description = _ADD
    _add_file(parser)
    parser.add_argument(
        "key",
        metavar="KEY",
        help=f"the public key: {_KEY_FORMS}",
    )
    add_list(parser, "--step", metavar="NAME", help="steps that the key may sign for")
    _add_output(parser)
    parser.set_defaults(execute=_add_key)


def configure_remove_key(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout remove-key`."""
    parser.description = _REMOVE
    _add_file(parser)
    parser.add_argument("keyid", metavar="KEYID", help="the key's id, or its beginning")
    add_list(parser, "--step", metavar="NAME", help="take only these steps from the key, and keep it in the layout")
    _add_output(parser, ", and remove the key even if a step cannot be performed then")
    parser.set_defaults(execute=_remove_key)


def configure_rotate_key(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout rotate-key`."""
    parser.description = _ROTATE
    _add_file(parser)
    parser.add_argument("old", metavar="OLD", help="the id of the key to be replaced, or its beginning")
    parser.add_argument("new", metavar="NEW", help=f"the new public key: {_KEY_FORMS}")
    parser.add_argument(
        "--keep-old-until", metavar="DATE", help="let OLD count beside NEW, until '30 days' from now, or 2030-01-31"
    )
    add_at(parser, "durations begin at INSTANT")
    _add_output(parser)
    parser.set_defaults(execute=_rotate_key)


def configure_extend(parser: ArgumentParser) -> None:
    """Add the arguments of `custody layout extend`."""
    parser.description = _EXTEND
    _add_file(parser)
    parser.add_argument("--expires", required=True, metavar="WHEN", help="such as '6 months' or 2030-01-31")
    add_at(parser, "durations begin at INSTANT")
    _add_output(parser)
    parser.set_defaults(execute=_extend)


def _add_file(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the layout, signed or not")


def _add_output(parser: ArgumentParser, more: str = "") -> None:
    parser.add_argument("-o", "--output", default="", metavar="OUT", help="write here instead of into FILE")
    add_force(parser, f"replace OUT even if it is signed or no layout{more}")


def _add_key(options: Namespace) -> int:
    from custody.workflows.keys import read_public_key  # not for --help
    from custody.workflows.layout import add_key

    key = read_public_key(options.key, remark=remark)
    return _save(add_key(_load(options), key, options.step), options)


def _remove_key(options: Namespace) -> int:
    from custody.workflows.layout import remove_key  # not for --help

    return _save(remove_key(_load(options), options.keyid, options.step, force=options.force), options)


def _rotate_key(options: Namespace) -> int:
    from custody.sources.expiry import read_expiry  # not for --help
    from custody.workflows.keys import read_public_key
    from custody.workflows.rotation import rotate_key

    at, until = at_from(options), options.keep_old_until
    keep_until = None if until is None else read_expiry(until, at=at, where="--keep-old-until")
    new = read_public_key(options.new, remark=remark)
    rotation = rotate_key(_load(options), options.old, new, keep_until=keep_until, at=at)
    code = _save(rotation, options)
    if rotation.steps and not rotation.is_empty:
        note(printable(_meaning(rotation)))
    return code


def _meaning(rotation: Rotation) -> str:
    """Return what a rotation means for links."""
    old = short_id(rotation.old)
    if rotation.keeps_old:
        return f"Until it expires, links by {old} count, too. Before you extend it, take {old} out with remove-key."
    return f"Links by {old} count no more: these steps have to be performed again."


def _extend(options: Namespace) -> int:
    from custody.sources.expiry import read_expiry  # not for --help
    from custody.workflows.layout import extend

    at = at_from(options)
    expires = read_expiry(options.expires, at=at, where="--expires")
    return _save(extend(_load(options), expires, at=at), options)


def _load(options: Namespace) -> LoadedLayout:
    from custody.workflows.layout import load_built

    return load_built(options.file)


def _save(change: Change, options: Namespace) -> int:
    from custody.workflows.layout import save_change

    path = printable(save_change(change, options.output, replace=options.force))
    if change.is_empty:
        say(printable(f"{path}: nothing to change, {change.said}"))
        return ACCEPTED
    say(printable(f"{path}: {change.said}"))
    envelope = change.before.envelope
    hints = [short_id(s.keyid) or "a key without a name" for s in envelope.signatures] if envelope is not None else []
    who = f" again, as before by {', '.join(hints)}" if hints else ""
    note(printable(f"It has to be signed{who}: custody sign -f {path} --signing-key owner"))
    return ACCEPTED
