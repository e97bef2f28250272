"""Record a step that no single command performs: `start` before it, `stop` after it.

Between the two, the materials wait in `.{step}.{keyid}.link-unfinished` in the current directory, signed so that
nobody can change them meanwhile. That file can never be evidence (D26): it is a DSSE envelope whose payload type,
`PRELIMINARY_PAYLOAD`, is no link's, and the signature covers the payload type. Renaming it makes no link.

::

    start("edit", signer=signer, materials=["src"])
    ...                                              # people work
    stop("edit", signer=signer, products=["src"])    # writes edit.776a00e2.link
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.artifacts.recording import Recording, record
from custody.encoding.fields import Fields, plain_name
from custody.encoding.instants import read_instant, write_instant
from custody.encoding.strict import MAX_DOCUMENT_BYTES
from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import CustodyError, FormatError, SignatureError, StoreError
from custody.files import read_file, write_file
from custody.keys.keyid import short_id
from custody.models.link import Link, read_link
from custody.value import Value
from custody.workflows.links import (
    FINISHED_ON,
    STARTED_ON,
    check_directory,
    check_environment,
    check_place,
    in_directory,
    link_path,
    sign_with,
    write_link,
)

if TYPE_CHECKING:
    from custody.signing.signer import Signer

__all__ = [
    "PRELIMINARY_PAYLOAD",
    "RecordOptions",
    "Started",
    "Stopped",
    "preliminary_path",
    "start",
    "stop",
]

PRELIMINARY_PAYLOAD = "application/vnd.custody.preliminary+json"
"""The payload type of a started recording: not a link's, so that no verifier ever takes one for evidence."""

_PRELIMINARY_TYPE = "preliminary"
_WHAT = "the started recording"


class RecordOptions(Value):
    """How a step is recorded.

    `directory` holds the preliminary file, `metadata_directory` gets the link at the stop; both must exist.
    `environment` is added to what the link says of itself; `stop` may add more and has the last word. `force` starts
    anew where a recording was started before.
    """

    recording: Recording = Recording()
    directory: str = "."
    metadata_directory: str = "."
    use_dsse: bool = False
    environment: Mapping[str, str] = {}
    force: bool = False


class Started(Value):
    """What `start` recorded; `path` is the preliminary file."""

    link: Link
    path: str
    warnings: tuple[str, ...] = ()


class Stopped(Value):
    """What `stop` recorded; `path` is the link."""

    link: Link
    path: str
    warnings: tuple[str, ...] = ()


_USUAL = RecordOptions()


def preliminary_path(directory: str, name: str, keyid: str) -> str:
    """Return the file in which the started recording of step `name` by the key `keyid` waits."""
    step = plain_name(name, "step name")
    short = short_id(plain_name(keyid, "key id"))
    return in_directory(directory, f".{step}.{short}.link-unfinished")


def start(
    name: str,
    *,
    signer: Signer,
    materials: Sequence[str] = (),
    options: RecordOptions = _USUAL,
) -> Started:
    """Return what was recorded; step `name` is begun and can be finished by the same key only.

    Raises:
        FormatError: the name is no plain file name.
        StoreError: it was started before and not with `force`, or the preliminary file cannot be written.
        RecordingError: a material is missing or cannot be recorded.

    """
    path = preliminary_path(options.directory, name, signer.public_key.keyid)
    check_directory(options.directory)
    environment = check_environment(options.environment)
    if os.path.lexists(path) and not options.force:
        raise StoreError(_started_before(name, path, signer))
    started = write_instant(datetime.now(UTC))
    before = record(materials, options.recording)
    link = Link(name=name, materials=before.artifacts, environment=environment)
    document = {"_type": _PRELIMINARY_TYPE, "startedOn": started, "link": link.document()}
    envelope = sign_with(DSSEEnvelope.wrap(document, PRELIMINARY_PAYLOAD), signer)
    write_file(path, envelope.write(), what=_WHAT, replace=options.force)
    return Started(link=link, path=path, warnings=before.warnings)


def stop(
    name: str,
    *,
    signer: Signer,
    products: Sequence[str] = (),
    options: RecordOptions = _USUAL,
) -> Stopped:
    """Return the link that was written; the preliminary file is gone.

    Raises:
        StoreError: nothing was started, or the link cannot be written.
        SignatureError: the preliminary file is not as the same key signed it.
        FormatError: it is no started recording of this step.
        RecordingError: a product is missing or cannot be recorded; stop again when it is there.

    """
    # 1. What was started, before anything else is looked at.
    keyid = signer.public_key.keyid
    preliminary = preliminary_path(options.directory, name, keyid)
    path = link_path(options.metadata_directory, name, keyid)
    check_directory(options.metadata_directory)
    check_place(path)
    environment = check_environment(options.environment)
    if not os.path.lexists(preliminary):
        raise StoreError(_never_started(name, preliminary, options.directory))
    started, begun = _read_preliminary(preliminary, name, signer)
    # 2. What is there now.
    after = record(products, options.recording)
    link = begun.replace(
        products=after.artifacts,
        environment={
            **begun.environment,
            **environment,
            STARTED_ON: write_instant(started),
            FINISHED_ON: write_instant(datetime.now(UTC)),
        },
    )
    # 3. The link first: if it cannot be written, the recording can still be stopped later.
    write_link(link, path, signer, use_dsse=options.use_dsse)
    return Stopped(link=link, path=path, warnings=after.warnings + _remove(preliminary))


def _read_preliminary(path: str, name: str, signer: Signer) -> tuple[datetime, Link]:
    """Return when step `name` was started, and its link without products; `signer` signed both."""
    try:
        return _parse_preliminary(path, name, signer)
    except FormatError as error:
        raise error.within(path) from None


def _parse_preliminary(path: str, name: str, signer: Signer) -> tuple[datetime, Link]:
    envelope = read_envelope(read_file(path, what=_WHAT, limit=MAX_DOCUMENT_BYTES))
    if envelope.payload_type != PRELIMINARY_PAYLOAD:
        raise FormatError(
            f"expected a recording started by custody, got {envelope.payload_type!r:.80}",
            remedy="finish it with the tool that started it, or remove the file and start anew",
        )
    if not signed_by(envelope, (signer.public_key,)):
        raise SignatureError(
            f"{path} is not as this key signed it: it was changed since, or made by another key;"
            " remove it and start anew"
        )
    fields = Fields(envelope.content())
    fields.constant("_type", _PRELIMINARY_TYPE)
    started = read_instant(fields.any("startedOn"), "startedOn")
    link = read_link(fields.object("link"))
    if link.name != name:
        raise FormatError(f"expected the step {name!r}, got {link.name!r}", where="link.name")
    return started, link


def _started_before(name: str, path: str, signer: Signer) -> str:
    """Return what to tell somebody who starts a step twice."""
    try:
        since = f"at {write_instant(_read_preliminary(path, name, signer)[0])}"
    except CustodyError:
        since = "before, but its file cannot be used"
    return (
        f"the step {name!r} was started {since} ({path}); finish it with `custody record stop`,"
        " or drop it and start anew with --force"
    )


def _never_started(name: str, path: str, directory: str) -> str:
    """Return what to tell somebody who stops a step that was not started here with this key."""
    others = sorted(
        found
        for found in os.listdir(directory or ".")
        if found.startswith(f".{name}.") and found.endswith(".link-unfinished")
    )
    if others:
        return (
            f"the step {name!r} was not started here with this key: there is no {path};"
            f" there is {others[0]}, by another key: stop the step with the key that started it"
        )
    return (
        f"the step {name!r} was not started here with this key: there is no {path}; start it with"
        f" `custody record start --step-name {name} --signing-key KEY --materials PATH`"
    )


def _remove(path: str) -> tuple[str, ...]:
    try:
        os.unlink(path)
    except OSError as error:
        return (f"the link is written, but {path} could not be removed: {error.strerror}",)
    return ()
