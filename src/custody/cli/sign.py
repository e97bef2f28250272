r"""Sign a layout, a link or a statement, add a signature, or check whose signatures a file carries.

FILE holds a layout, a link or a statement, signed or not. Earlier signatures are replaced; --append keeps them
and adds yours, which is how several owners sign one layout. A link is written beside FILE as STEP.KEYID.link,
all else back to FILE; -o names another file. Statements are always signed in DSSE. What custody would refuse to
judge it does not sign either.

With --verify nothing is signed: every given public key must have a good signature on FILE. Exit code 0 if all
have, 1 if one is missing or bad, 2 if that cannot be told.

Examples:
  custody sign -f root.layout --signing-key owner
  custody sign -f root.layout --signing-key second-owner --append
  custody sign -f draft.json -k owner -o root.layout --use-dsse
  custody sign -f statement.json -k builder -o app.intoto.json
  custody sign -f root.layout --verify \
      --verification-keys owner.pub second-owner.pub

"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED, REJECTED
from custody.cli.key_options import add_signing_keys, add_verification_keys, remark, signers_from
from custody.cli.layout_options import refuse_source
from custody.cli.options import add_list
from custody.cli.output import complain, printable, say, warn
from custody.errors import UsageError
from custody.keys.keyid import short_id

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from custody.workflows.sign import SignResult

__all__ = ["configure"]


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody sign`."""
    parser.add_argument(
        "-f", "--file", required=True, metavar="FILE", help="the layout, link or statement to sign or check"
    )
    add_signing_keys(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="where the signed file goes; an existing one is replaced")
    parser.add_argument(
        "-a", "--append", action="store_true", help="keep the other signatures of a layout or statement"
    )
    parser.add_argument("--use-dsse", action="store_true", help="write a DSSE envelope instead of the older one")
    add_list(
        parser,
        "--ignore-field",
        metavar="PATH",
        help="sign a layout although custody does not know this field of it, such as steps[0].comment",
    )
    parser.add_argument(
        "--verify", action="store_true", help="check signatures instead of signing (-k names public keys)"
    )
    add_verification_keys(parser)
    parser.set_defaults(execute=_execute)


def _execute(options: Namespace) -> int:
    return _check(options) if options.verify else _sign(options)


def _sign(options: Namespace) -> int:
    from custody.workflows.sign import sign_file  # not for --help

    refuse_source(options.file)
    if options.verification_keys:
        raise UsageError("--verification-keys are for --verify; a signature is made with --signing-key")
    if options.trusted_root:
        raise UsageError("--trusted-root is for --verify; a 'sigstore:' URI names the instance that signs")
    result = sign_file(
        options.file,
        signers_from(options),
        append=options.append,
        output=options.output,
        use_dsse=options.use_dsse,
        ignore_fields=options.ignore_field,
    )
    _remark(result)
    names = ", ".join(short_id(key.keyid) for key in result.keys)
    say(f"{printable(result.path)}: {result.kind} signed by {names}; {_count(result)}")
    return ACCEPTED


def _count(result: SignResult) -> str:
    total = f"{result.total} signature{'' if result.total == 1 else 's'}"
    return f"{total}, {result.removed} earlier removed" if result.removed else total


def _remark(result: SignResult) -> None:
    """Warn of what is signed now but will not do what its author may think."""
    from datetime import UTC, datetime  # not for --help

    from custody.models.layout import Layout
    from custody.models.link import Link
    from custody.reports.layout_tree import own_id

    if result.others and not isinstance(result.document, Link):
        several = "signatures by other keys were" if result.others > 1 else "signature by another key was"
        warn(f"{result.others} {several} removed; --append keeps them")
    if not isinstance(result.document, Layout):
        return
    if result.document.expires <= datetime.now(UTC):
        expiry = result.document.expires.isoformat().replace("+00:00", "Z")
        warn(f"the layout expired at {expiry}: it is signed, and every verification will reject it")
    for keyid, key in result.document.keys.items():
        if own := own_id(key):
            warn(f"the key id {printable(keyid)} is only a label: the id of this key is {own}")
    for path in result.document.ignored:
        warn(f"signed with the unknown field {printable(path)}, which custody does not enforce")


def _check(options: Namespace) -> int:
    from custody.keys.key import trusting  # not for --help
    from custody.workflows.keys import read_public_key
    from custody.workflows.sign import GOOD, check_signatures
    from custody.workflows.trust import trust_in

    refuse_source(options.file)
    _refuse_signing_options(options)
    paths = [*options.verification_keys, *options.signing_keys]
    if not paths:
        raise UsageError("expected public keys to check with: --verification-keys PATH...")
    trust = trust_in(options.trusted_root)
    keys = [trusting(read_public_key(path, scheme=options.scheme, remark=remark), trust) for path in paths]
    failed = []
    for path, check in zip(paths, check_signatures(options.file, keys), strict=True):
        name = f"{short_id(check.key.keyid)} ({printable(path)})"
        say(f"{printable(options.file)}: {check.state} signature by {name}")
        if check.state != GOOD:
            failed.append(name)
    if not failed:
        return ACCEPTED
    complain("custody sign", f"no good signature by {', '.join(failed)}")
    return REJECTED


def _refuse_signing_options(options: Namespace) -> None:
    """An option that would be ignored is a misunderstanding: say so."""
    given = {
        "--append": options.append,
        "--output": options.output is not None,
        "--use-dsse": options.use_dsse,
        "--ignore-field": options.ignore_field,
        "--cert": options.cert is not None,
        "--password": options.password or options.password_env is not None or options.password_fd is not None,
    }
    for flag, present in given.items():
        if present:
            raise UsageError(f"{flag} is for signing; leave it out with --verify")
