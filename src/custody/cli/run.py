r"""Run a step: record its materials, run its command, record its products, sign a link.

A link is the evidence of a step: which files were there before (materials), what
was run, and which files were there after (products). It is written to
NAME.KEYID.link, where KEYID is the first 8 digits of your key's id, and replaces
an older link of the same step and key.

The command stands after `--` and is run as it is, without a shell. Its output is
shown as it comes. If it fails, no link is written, unless you say --record-failure.

Examples:
  custody run -n build --signing-key alice.key -m src -p out -- make
  custody run -n test --signing-key alice.key -m src -s -- pytest -q
  custody run -n tag --signing-key alice.key -p release.tar.gz --no-command
  custody run -n pipe --signing-key alice.key -- sh -c 'make | tee log'
  custody run -n build --signing-key bob.key -m src \
      --verify-materials root.layout --verification-keys owner.pub -- make

Exit code: the command's own; 124 if its time was over, 128 + N if signal N ended
it, 2 if custody itself could not go on, 1 if the materials were rejected (then
nothing was run or written).

"""

from __future__ import annotations

from argparse import REMAINDER
from typing import TYPE_CHECKING

from custody.cli.exits import ACCEPTED
from custody.cli.image_options import add_registry, registry_variables, resolvers_from, say_images
from custody.cli.instead import NEVER_IN_ARGV
from custody.cli.key_options import (
    add_signing_key,
    add_verification_keys,
    secret_variables,
    signer_from,
    verification_keys_from,
)
from custody.cli.layout_options import refuse_source
from custody.cli.options import add_list
from custody.cli.output import complain, note, printable
from custody.cli.recording_options import (
    add_digest_cache,
    add_environment,
    add_loudness,
    add_recording,
    environment_from,
    recording_from,
    say_recorded,
    warn_unless_quiet,
)
from custody.errors import UsageError
from custody.workflows.execution import DEFAULT_STREAM_LIMIT, Completed, Execution
from custody.workflows.run import RunOptions, RunResult, run

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from custody.rules.artifacts import Artifacts
    from custody.signing.signer import Signer

__all__ = ["configure"]


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of `custody run`."""
    parser.usage = "custody run -n NAME --signing-key URI [-m PATH ...] [-p PATH ...]\n    [options] -- COMMAND ..."
    parser.add_argument("-n", "--step-name", metavar="NAME", required=True, help="the step's name in the layout")
    add_signing_key(parser)
    add_list(
        parser, "-m", "--materials", metavar="PATH", help="files, directories or images (oci:...) the step starts from"
    )
    add_list(parser, "-p", "--products", metavar="PATH", help="files, directories or images (oci:...) the step makes")
    parser.add_argument(
        "-d",
        "--metadata-directory",
        metavar="DIR",
        default=".",
        help="write the link there instead of here",
    )
    parser.add_argument("--use-dsse", action="store_true", help="write a DSSE envelope instead of the older one")
    add_environment(parser)
    add_loudness(parser)
    _add_materials_check(parser)
    _add_execution(parser)
    add_digest_cache(add_recording(parser))
    add_registry(parser)
    parser.set_defaults(execute=_execute)


def _add_materials_check(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("looking before running")
    group.add_argument(
        "--verify-materials",
        metavar="LAYOUT",
        help="run the command only if the materials are what the layout's earlier steps made",
    )
    add_verification_keys(group)
    group.add_argument(
        "--owner-threshold", type=int, metavar="K", help="K of the owner keys must have signed LAYOUT (default: all)"
    )
    group.add_argument("--link-dir", metavar="DIR", help="where the earlier links are (default: here)")


def _add_execution(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("how the command is run")
    group.add_argument("-x", "--no-command", action="store_true", help="run nothing, only record what is there")
    group.add_argument(
        "-s",
        "--record-streams",
        action="store_true",
        help="put the command's stdout and stderr into the link; they are shown all the same",
    )
    group.add_argument(
        "--stream-limit",
        metavar="BYTES",
        type=int,
        default=DEFAULT_STREAM_LIMIT,
        help="keep so many bytes of each stream in the link (default: 1 MiB); all of it is shown",
    )
    group.add_argument(
        "--run-timeout",
        metavar="SECONDS",
        type=float,
        help="end the command and all it started after so long (default: never)",
    )
    group.add_argument(
        "--run-dir",
        metavar="DIR",
        default="",
        help="run the command there; paths to record are still seen from here",
    )
    group.add_argument("--record-failure", action="store_true", help="write a link even if the command fails")
    # Takes the `--` with it: without one, half of a command line could be taken for options of ours.
    group.add_argument("argv", nargs=REMAINDER, metavar="-- COMMAND", help="what to run, always after `--`")


def _execute(options: Namespace) -> int:
    command = _command(options)
    signer = signer_from(options)
    result = run(
        options.step_name,
        command,
        options=_options(options, signer),
        signer=signer,
        materials=options.materials,
        products=options.products,
    )
    warn_unless_quiet(options, result.warnings)
    if result.completed is not None and result.failed:
        _complain(result.completed, result.path)
    if result.link is not None:
        _report(options, result)
    return result.completed.exit_code if result.completed else ACCEPTED


def _command(options: Namespace) -> list[str]:
    """Return the words after `--`, none if and only if the user wants no command."""
    words: list[str] = options.argv
    if words and words[0] != "--" and options.password:
        raise UsageError(f"something follows --password: {NEVER_IN_ARGV}")
    if words and words[0] != "--":
        raise UsageError(f"expected `--` before the command, got {words[0]!r:.80}; write `... -- COMMAND ...`")
    command = words[1:]
    if options.no_command and command:
        raise UsageError(
            f"--no-command runs nothing, but there is a command: {command[0]!r:.80}; leave out one of them"
        )
    if not options.no_command and not command:
        raise UsageError(
            "there is no command to run; put it after `--`, at the end,"
            " or say --no-command to only record what is there"
        )
    return command


def _options(options: Namespace, signer: Signer) -> RunOptions:
    """Return how the step is run."""
    return RunOptions(
        recording=recording_from(options),
        execution=Execution(
            record_streams=options.record_streams,
            stream_limit=options.stream_limit,
            timeout=options.run_timeout,
            directory=options.run_dir,
            withheld=secret_variables(options, signer) | registry_variables(options),
        ),
        metadata_directory=options.metadata_directory,
        use_dsse=options.use_dsse,
        record_failure=options.record_failure,
        environment=environment_from(options),
        check_materials=_materials_check(options, signer),
        resolvers=resolvers_from(options),
        digest_cache=options.digest_cache,
    )


def _materials_check(options: Namespace, signer: Signer) -> Callable[[Artifacts], None] | None:
    """Return what looks at the materials before the command runs (specification 1.0, section 5.3.5)."""
    if not options.verify_materials:
        if options.verification_keys:
            raise UsageError("--verification-keys belong to --verify-materials LAYOUT, which is not there")
        if options.trusted_root:
            raise UsageError("--trusted-root belongs to --verify-materials LAYOUT, which is not there")
        if options.owner_threshold is not None:
            raise UsageError("--owner-threshold belongs to --verify-materials LAYOUT, which is not there")
        if options.link_dir is not None:
            raise UsageError(
                "--link-dir is where --verify-materials LAYOUT finds earlier links, and it is not there;"
                " the link is written to --metadata-directory (-d)"
            )
        return None
    from custody.reports.verdict_text import finding_lines
    from custody.verdict import Severity
    from custody.verification.case import Demands
    from custody.workflows.verify import Verification, verify_materials

    refuse_source(options.verify_materials)
    verification = Verification(
        layout=options.verify_materials,
        owner_keys=verification_keys_from(options),
        evidence="." if options.link_dir is None else options.link_dir,
        demands=Demands(owner_threshold=options.owner_threshold),
        trusted_root=options.trusted_root,
    )

    certificate = getattr(signer, "certificate", None)

    def check(materials: Artifacts) -> None:
        verdict = verify_materials(verification, options.step_name, materials, signer.public_key, certificate)
        for finding in verdict.findings:
            if finding.severity is Severity.NOTE and not options.verbose:
                continue
            for line in finding_lines(finding):
                note(printable(line))
        verdict.require()

    return check


def _complain(completed: Completed, path: str) -> None:
    """Say how the command failed, and whether there is a link all the same."""
    if completed.timed_out:
        how = "was ended because its time was over"
    elif completed.return_value < 0:
        how = f"was ended by signal {-completed.return_value}"
    else:
        how = f"failed with exit code {completed.return_value}"
    link = "its link says so" if path else "no link was written (--record-failure writes one)"
    complain("custody run", f"the command {how}; {link}")


def _report(options: Namespace, result: RunResult) -> None:
    if result.link is None:
        return
    say_images(options, result.link.materials, result.link.products)
    if options.verbose:
        say_recorded(options, "materials", result.link.materials)
        say_recorded(options, "products", result.link.products)
        note(f"wrote {printable(result.path)}")
