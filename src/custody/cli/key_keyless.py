"""`custody key keyless`: an identity in the place of a key, as layouts and verifiers take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.output import printable, say, warn

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Mapping

__all__ = ["configure_keyless", "print_keyless"]

_DESCRIPTION = r"""Write the JSON of a keyless functionary or owner: an identity, and who vouches for it.

Whoever signs with 'sigstore:' gets a certificate for a few minutes that names both. They are compared as they are, or
with --identity-regexp and --issuer-regexp by a regular expression of RE2's, which has to match the whole name. The file
goes wherever a public key goes: into a layout's source, to `custody layout add-key`, to --verification-keys.

Examples:
  custody key keyless --identity alice@example.com \
      --issuer https://accounts.google.com -o alice.json
  custody key keyless -o builder.json \
      --identity https://github.com/acme/app/.github/workflows/build.yml@refs/heads/main \
      --issuer https://token.actions.githubusercontent.com
  custody key keyless --identity-regexp '.*@example\.com' \
      --issuer https://accounts.google.com -o anybody-of-ours.json
"""


def configure_keyless(actions: _SubParsersAction[ArgumentParser]) -> None:
    """Add the arguments of `custody key keyless`."""
    parser = actions.add_parser(
        "keyless", help="write a functionary that is an identity, not a key", description=_DESCRIPTION
    )
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--identity", metavar="NAME", help="an e-mail address, or the URI of a CI job")
    subject.add_argument("--identity-regexp", metavar="RE", help="a regular expression for the whole of it instead")
    issuer = parser.add_mutually_exclusive_group(required=True)
    issuer.add_argument("--issuer", metavar="URL", help="the identity provider that vouches for it")
    issuer.add_argument("--issuer-regexp", metavar="RE", help="a regular expression for the whole of it instead")
    parser.add_argument("-o", "--output", metavar="OUT", help="the file to write (default: terminal)")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    parser.set_defaults(execute=_execute)


def print_keyless(facts: Mapping[str, object]) -> None:
    """Print what `custody key show` has to say about an identity."""
    say(f"  keyless, {facts['keytype']}")
    say(f"  scheme        {facts['scheme']}")
    say(f"  key id        {facts['keyid']}")
    for name in ("identity", "identity_regexp", "issuer", "issuer_regexp"):
        if name in facts:
            say(f"  {name.replace('_', ' '):<15} {printable(str(facts[name]))}")


def _execute(options: Namespace) -> int:
    from custody.files import write_file  # not for --help
    from custody.keys.keyless import keyless_key
    from custody.keys.keyless_names import wanted
    from custody.linting.keyless import loose_names
    from custody.workflows.keys import written

    subject = wanted(
        options.identity_regexp if options.identity is None else options.identity,
        "--identity" if options.identity_regexp is None else "--identity-regexp",
        is_regexp=options.identity is None,
    )
    issuer = wanted(
        options.issuer_regexp if options.issuer is None else options.issuer,
        "--issuer" if options.issuer_regexp is None else "--issuer-regexp",
        is_regexp=options.issuer is None,
    )
    key = keyless_key(subject, issuer)
    for loose in loose_names(key):
        warn(printable(f"{loose.sentence}; {loose.remedy}"))
    document = written(key, "metadata")
    if options.output is None:
        say(document.decode().rstrip("\n"))
        return ACCEPTED
    write_file(options.output, document, what="keyless functionary", replace=options.force)
    say(f"{printable(options.output)}: {key.keyid}")
    return ACCEPTED
