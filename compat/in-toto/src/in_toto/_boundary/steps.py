"""Steps, as the arguments of `in_toto.runlib` describe them, carried out, started and stopped by custody.

Whatever custody refuses becomes the exception that the reference raises in its place.
"""

from __future__ import annotations

import os

from custody.value import Value
from in_toto._boundary import talk
from in_toto._boundary.failures import Translated
from in_toto._boundary.recording import Recorder, Step, StepRecording, quoted

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from custody.models.link import Link as CoreLink
    from custody.signing.signer import Signer as CoreSigner
    from custody.workflows.execution import Completed, Execution
    from in_toto.models.link import Link
    from in_toto.models.metadata import Metadata

    AnySigner = Any
    """Whatever signs like a signer of securesystemslib: `sign(payload)` and a `public_key`."""

__all__ = [
    "Signing",
    "Work",
    "carry_out",
    "execute",
    "key_address",
    "make_directory",
    "products_differing",
    "start",
    "stop",
]

_NAME = "in_toto.runlib"

_NO_LIMIT = 366 * 24 * 3600
"""Seconds after which nobody waits for a time-out any more; custody refuses longer ones."""

_EVERYTHING = 1 << 40
"""Bytes of a stream, more than fit into memory: the reference keeps all of it."""


class Work(Value):
    """The command of a step and how it is run; `timeout` is in seconds, None for no limit.

    `withheld` are environment variables that it does not get: secrets of the key that signs.
    """

    command: Sequence[str] = ()
    record_streams: bool = False
    timeout: float | None = None
    withheld: frozenset[str] = frozenset()


class Signing(Value):
    """Who signs a link, and how it is written.

    The signer is `signer`, or the GPG key `gpg_keyid`, or the default GPG key with `gpg_use_default`, or nobody.
    """

    signer: AnySigner = None
    gpg_keyid: str | None = None
    gpg_use_default: bool = False
    gpg_home: str | None = None
    directory: str = ""
    use_dsse: bool = False
    compact_json: bool = False

    @property
    def by_gpg(self) -> bool:
        """Whether a GPG key signs."""
        return not self.signer and bool(self.gpg_keyid or self.gpg_use_default)

    def resolve(self) -> AnySigner:
        """Return the signer, None if nobody is to sign.

        Raises:
            ValueError: what was given as a signer is none.

        """
        from in_toto._boundary.signing import gpg_signer, is_signer

        if self.signer:
            if not is_signer(self.signer):
                raise ValueError("signer must be a Signer instance")
            return self.signer
        return gpg_signer(self.gpg_keyid or None, self.gpg_home) if self.by_gpg else None

    def demand(self) -> AnySigner:
        """Return the signer; a ValueError if nobody is to sign."""
        if not (self.signer or self.by_gpg):
            raise ValueError("Pass either a signer, a gpg keyid or set gpg_use_default to True!")
        return self.resolve()


def execute(work: Work) -> dict[str, Any]:
    """Return the byproducts of a command that was run now.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: its time was over.

    """
    from custody.workflows.execute import execute as core_execute

    with Translated():
        completed = core_execute(work.command, _execution(work))
    return _byproducts(completed, work)


def carry_out(
    step: Step, work: Work, recorder: Recorder, signing: Signing, *, record_environment: bool = False
) -> Metadata:
    """Return the link of a step that was carried out now; it is signed and written if somebody is to sign.

    A command that failed has a link like any other.

    Raises:
        FormatError: the name is no plain file name.
        subprocess.TimeoutExpired: the command's time was over.
        PrefixError, OSError, ValueError: something cannot be recorded, run, signed or written.

    """
    talk.info(_NAME, f"Running '{step.name}'...")
    # What can be refused is refused before the command runs.
    _check_keyid(signing.gpg_keyid)
    signer = signing.resolve()
    if signer is not None:
        _check_directory(signing.directory)
        _check_envelope(signer, signing)
    link = _perform(step, work, recorder, record_environment=record_environment)
    metadata = _enveloped(link, signing)
    if signer is not None:
        _say_who_signs(signing)
        _store(metadata, signer, step.name, signing.directory)
    return metadata


def start(step: Step, recorder: Recorder, signing: Signing, *, record_environment: bool = False) -> None:
    """Record the materials of a step; signed, they wait in the current directory until it is stopped.

    Raises:
        FormatError: the name is no plain file name.
        PrefixError, OSError, ValueError: something cannot be recorded, signed or written.

    """
    from custody.workflows.record import RecordOptions
    from custody.workflows.record import start as core_start

    talk.info(_NAME, f"Start recording '{step.name}'...")
    signer = signing.demand()
    recording = StepRecording(recorder, step)
    options = RecordOptions(
        use_dsse=signing.use_dsse,
        environment=_environment(record_environment=record_environment),
        force=True,  # the reference starts anew without a word
        resolvers=recording.resolvers(),
    )
    with Translated():
        begun = core_start(step.name, signer=_core(signer), materials=quoted(step.materials), options=options)
    talk.info(_NAME, f"Storing preliminary link metadata to '{begun.path}'...")


def stop(step: Step, recorder: Recorder, signing: Signing, claims: Mapping[str, Any]) -> None:
    """Write the link of a step that was started; `claims` take the place of what it would say.

    Raises:
        FileNotFoundError, LinkNotFoundError: it was not started here by this key.
        SignatureVerificationError: what was started is not as this key signed it.
        PrefixError, OSError, ValueError: something cannot be recorded, signed or written.

    """
    from custody.signing.signer import signing_id
    from custody.workflows.record import RecordOptions, preliminary_path
    from custody.workflows.record import stop as core_stop

    talk.info(_NAME, f"Stop recording '{step.name}'...")
    _check_keyid(signing.gpg_keyid)
    signer = _core(signing.demand())
    with Translated():
        waiting = preliminary_path("", step.name, signing_id(signer))
    if not os.path.lexists(waiting):
        raise _not_started(step.name, waiting, by_gpg=signing.by_gpg)
    _check_directory(signing.directory)
    talk.info(_NAME, f"Loading preliminary link metadata '{waiting}'...")
    recording = StepRecording(recorder, step)
    recording.finish_materials({})
    options = RecordOptions(
        metadata_directory=signing.directory or ".",
        amend=lambda link: _amended(link, claims),
        resolvers=recording.resolvers(),
    )
    with Translated():
        stopped = core_stop(step.name, signer=signer, products=quoted(step.products), options=options)
    for warning in stopped.warnings:
        talk.warning(_NAME, warning)
    talk.info(_NAME, f"Storing link metadata to '{stopped.path}'...")


def products_differing(link: Link, paths: Sequence[str], recorder: Recorder) -> tuple[set[str], set[str], set[str]]:
    """Return the names of what is only in the products of `link`, of what is not in them, and of what differs."""
    if not link.products:
        return set(), set(recorder.record(paths)), set()
    from custody.models.link import Link as CoreLink
    from custody.workflows.match_products import match_products

    recording = StepRecording(recorder, Step(name=""))
    with Translated():
        match = match_products(
            CoreLink(name="", products=link.products),
            quoted(paths),
            resolvers=recording.resolvers(),
        )
    for warning in match.warnings:
        talk.warning(_NAME, warning)
    return set(match.only_in_products), set(match.not_in_products), set(match.differing)


def make_directory(directory: str) -> None:
    """Make the directory that an older spelling names for links, if there is one to make."""
    if directory:
        os.makedirs(directory, exist_ok=True)


def key_address(path: str) -> str:
    """Return where custody finds the signing key `path`: in that file if there is one, else wherever the URI says."""
    return f"file:{path}" if ":" in path and os.path.lexists(path) else path


class _Core:
    """A signer that is not custody's, as custody needs it."""

    def __init__(self, signer: AnySigner) -> None:
        from in_toto._boundary.keys import public_key_of

        self._signer = signer
        self.public_key = public_key_of(signer.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`."""
        return bytes.fromhex(self._signer.sign(message).signature)


def _core(signer: AnySigner) -> CoreSigner:
    """Return what signs for custody with `signer`."""
    own: CoreSigner | None = getattr(signer, "custody", None)
    return own or _Core(signer)


def _check_keyid(keyid: str | None) -> None:
    from in_toto._boundary.checks import check_hex

    if keyid:
        check_hex(keyid)


def _check_envelope(signer: AnySigner, signing: Signing) -> None:
    from in_toto._boundary.signing import refuse_keyless

    if not signing.use_dsse:
        refuse_keyless(signer)


def _perform(step: Step, work: Work, recorder: Recorder, *, record_environment: bool) -> Link:
    """Return the link of a step that was carried out now."""
    from custody.workflows.run import RunOptions, perform

    recording = StepRecording(recorder, step, work.command)
    with Translated():
        options = RunOptions(
            execution=_execution(work),
            record_failure=True,
            check_materials=recording.finish_materials,
            resolvers=recording.resolvers(),
        )
        result = perform(
            step.name,
            work.command,
            materials=quoted(step.materials),
            products=quoted(step.products),
            options=options,
        )
    for warning in result.warnings:
        talk.warning(_NAME, warning)
    byproducts = {} if result.completed is None else _byproducts(result.completed, work)
    talk.info(_NAME, "Creating link metadata...")
    from in_toto.models.link import Link

    return Link(
        name=step.name,
        materials=recording.materials,
        products=recording.products,
        command=list(work.command),
        byproducts=byproducts,
        environment=_environment(record_environment=record_environment),
    )


def _byproducts(completed: Completed, work: Work) -> dict[str, Any]:
    """Return what a link says of a command that ended by itself."""
    if completed.timed_out:
        import subprocess

        raise subprocess.TimeoutExpired(list(work.command), work.timeout or 0)
    return {
        "stdout": _with_line_feeds(completed.stdout),
        "stderr": _with_line_feeds(completed.stderr),
        "return-value": completed.return_value,
    }


def _with_line_feeds(text: str) -> str:
    """Return `text` as a file opened for reading text shows it, which is where the reference has it from."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _execution(work: Work) -> Execution:
    from custody.workflows.execution import Execution

    limit = work.timeout
    return Execution(
        record_streams=work.record_streams,
        show_streams=work.record_streams,
        stream_limit=_EVERYTHING,
        timeout=None if limit is None or limit > _NO_LIMIT else limit,
        withheld=work.withheld,
    )


def _environment(*, record_environment: bool) -> dict[str, str]:
    return {"workdir": os.getcwd().replace("\\", "/")} if record_environment else {}


def _enveloped(link: Link, signing: Signing) -> Metadata:
    from in_toto.models.metadata import Envelope, Metablock

    talk.info(_NAME, f"Generating link metadata using {'DSSE' if signing.use_dsse else 'Metablock'}...")
    if signing.use_dsse:
        return Envelope.from_signable(link)
    return Metablock(signed=link, compact_json=signing.compact_json)


def _say_who_signs(signing: Signing) -> None:
    if signing.signer:
        talk.info(_NAME, "Signing link metadata using passed signer...")
    elif signing.gpg_keyid:
        talk.info(_NAME, "Signing link metadata using passed GPG keyid...")
    else:
        talk.info(_NAME, "Signing link metadata using default GPG key ...")


def _store(metadata: Metadata, signer: AnySigner, step_name: str, directory: str) -> None:
    """Write `metadata` with the signature of `signer` into the file that the step and the key name."""
    from custody.workflows.links import check_place, link_path

    signature = metadata.create_signature(signer)
    with Translated():
        path = link_path(directory, step_name, signature.keyid)
        check_place(path)
    talk.info(_NAME, f"Storing link metadata to '{path}'...")
    metadata.dump(path)


def _check_directory(directory: str) -> None:
    """Raise the system's own error if links cannot be written into `directory`, before anything is run for them."""
    import errno

    from in_toto.resolver._resolver import demand_directory

    demand_directory(directory)
    if directory and not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), directory)


def _amended(link: CoreLink, claims: Mapping[str, Any]) -> CoreLink:
    """Return `link` as the reference writes it, with what the caller claims in place of what was found."""
    from custody.workflows.links import FINISHED_ON, STARTED_ON

    environment = {k: v for k, v in link.environment.items() if k not in {STARTED_ON, FINISHED_ON}}
    given = {name: value for name, value in claims.items() if value}
    return link.replace(**{"environment": environment, **given})


def _not_started(name: str, path: str, *, by_gpg: bool) -> Exception:
    import errno

    if not by_gpg:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    from in_toto.exceptions import LinkNotFoundError

    return LinkNotFoundError(f"Could not find a preliminary link for step '{name}' in the current working directory.")
