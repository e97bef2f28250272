"""Record a step that no single command performs: `start` before it, `stop` after it.

Between the two, the materials wait in `.{step}.{keyid}.link-unfinished` in the current directory, signed so that
nobody can change them meanwhile. That file can never be evidence (D26): the signature covers its `_type`,
`PRELIMINARY_TYPE`, which is no link's. Renaming it makes no link.

::

    start("edit", signer=signer, materials=["src"])
    ...                                              # people work
    stop("edit", signer=signer, products=["src"])    # writes edit.776a00e2.link
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.artifacts.recording import Recorded, Recording, record
from custody.encoding.fields import Fields, plain_name
from custody.encoding.instants import read_instant, write_instant
from custody.encoding.strict import MAX_DOCUMENT_BYTES
from custody.envelopes.dsse import IN_TOTO_PAYLOAD
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.errors import CustodyError, FormatError, SignatureError, StoreError
from custody.files import read_file, write_file
from custody.keys.key import as_keyless
from custody.keys.keyid import short_id
from custody.models.link import Link, read_link
from custody.signing.signer import signing_id
from custody.value import Value
from custody.workflows.links import (
    FINISHED_ON,
    STARTED_ON,
    check_directory,
    check_environment,
    check_place,
    check_signer,
    in_directory,
    link_path,
    sign_with,
    wrapped,
    write_link,
)

if TYPE_CHECKING:
    from custody.artifacts.resolvers import Resolver
    from custody.signing.signer import Signer

__all__ = [
    "PRELIMINARY_TYPE",
    "RecordOptions",
    "Started",
    "Stopped",
    "preliminary_path",
    "start",
    "stop",
]

PRELIMINARY_TYPE = "preliminary"
"""The `_type` of a started recording: not a link's, so that no verifier ever takes one for evidence."""

_WHAT = "the started recording"


class RecordOptions(Value):
    """How a step is recorded.

    `directory` holds the preliminary file, `metadata_directory` gets the link at the stop; both must exist.
    `environment` is added to what the link says of itself; `stop` may add more and has the last word. `use_dsse` may be
    said at either. `force` starts anew where a recording was started before. `amend` returns the link to sign, given
    the one that `stop` would. `resolvers` record by URI scheme, the usual ones if None. The file `digest_cache`, if
    any, answers for materials that have not changed; `stop` never asks it.
    """

    recording: Recording = Recording()
    directory: str = "."
    metadata_directory: str = "."
    use_dsse: bool = False
    environment: Mapping[str, str] = {}
    force: bool = False
    amend: Callable[[Link], Link] | None = None
    resolvers: Mapping[str, Resolver] | None = None
    digest_cache: str = ""


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
    path = preliminary_path(options.directory, name, signing_id(signer))
    check_directory(options.directory)
    environment = check_environment(options.environment)
    if os.path.lexists(path) and not options.force:
        raise StoreError(_started_before(name, path, signer))
    started = datetime.now(UTC).replace(microsecond=0)
    before = _record_materials(materials, options)
    link = Link(name=name, materials=before.artifacts, environment=environment)
    begun = _Begun(link=link, started=started, use_dsse=options.use_dsse)
    # Identities sign nothing but DSSE, which keys of GnuPG never do.
    unsigned = wrapped(begun.document(), use_dsse=as_keyless(signer.public_key) is not None)
    envelope = sign_with(unsigned, signer)
    write_file(path, envelope.write(), what=_WHAT, replace=options.force, durable=False)
    return Started(link=link, path=path, warnings=before.warnings)


def _record_materials(materials: Sequence[str], options: RecordOptions) -> Recorded:
    if not options.digest_cache:
        return record(materials, options.recording, resolvers=options.resolvers)
    from custody.artifacts.cached import check_cache_place, record_with_cache

    check_cache_place(options.digest_cache, materials, options.recording)
    return record_with_cache(materials, options.recording, options.digest_cache, resolvers=options.resolvers)


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
    keyid = signing_id(signer)
    preliminary = preliminary_path(options.directory, name, keyid)
    path = link_path(options.metadata_directory, name, keyid)
    check_directory(options.metadata_directory)
    check_place(path)
    environment = check_environment(options.environment)
    if not os.path.lexists(preliminary):
        raise StoreError(_never_started(name, preliminary, options.directory))
    begun = _read_preliminary(preliminary, name, signer)
    check_signer(signer, use_dsse=options.use_dsse or begun.use_dsse)
    # 2. What is there now.
    after = record(products, options.recording, resolvers=options.resolvers)
    link = begun.link.replace(
        products=after.artifacts,
        environment={
            **begun.link.environment,
            **environment,
            STARTED_ON: write_instant(begun.started),
            FINISHED_ON: write_instant(datetime.now(UTC)),
        },
    )
    if options.amend is not None:
        link = options.amend(link)
    # 3. The link first: if it cannot be written, the recording can still be stopped later.
    write_link(link, path, signer, use_dsse=options.use_dsse or begun.use_dsse)
    return Stopped(link=link, path=path, warnings=after.warnings + _remove(preliminary))


class _Begun(Value):
    """What the preliminary file holds."""

    link: Link
    started: datetime
    use_dsse: bool

    def document(self) -> dict[str, object]:
        """Return what is signed."""
        return {
            "_type": PRELIMINARY_TYPE,
            "startedOn": write_instant(self.started),
            "useDSSE": self.use_dsse,
            "link": self.link.to_write(),
        }


def _read_preliminary(path: str, name: str, signer: Signer) -> _Begun:
    """Return what was begun of step `name`; `signer` signed it."""
    try:
        return _parse_preliminary(path, name, signer)
    except FormatError as error:
        raise error.within(path) from None


def _parse_preliminary(path: str, name: str, signer: Signer) -> _Begun:
    envelope = read_envelope(read_file(path, what=_WHAT, limit=MAX_DOCUMENT_BYTES))
    # Only who has the key is told that a file is something else: before that, nothing in it is looked at.
    if not signed_by(envelope, (signer.public_key,)):
        raise SignatureError(
            f"{path} is not as this key signed it: it was changed since, or made by another key;"
            " remove it and start anew"
        )
    fields = Fields(envelope.content())
    kind = fields.text("_type")
    if envelope.payload_type != IN_TOTO_PAYLOAD or kind != PRELIMINARY_TYPE:
        raise FormatError(
            f"expected a recording started by custody, got {kind!r:.80}",
            remedy="finish it with the tool that started it, or remove the file and start anew",
        )
    inner = fields.object("link")
    # Names as they were recorded: reading a link takes the `file:` off them, and the link to come is to have it.
    link = read_link({**inner, "materials": {}}).replace(materials=Fields(inner).object("materials"))
    if link.name != name:
        raise FormatError(f"expected the step {name!r}, got {link.name!r}", where="link.name")
    started = read_instant(fields.any("startedOn"), "startedOn")
    return _Begun(link=link, started=started, use_dsse=fields.any("useDSSE") is True)


def _started_before(name: str, path: str, signer: Signer) -> str:
    """Return what to tell somebody who starts a step twice."""
    try:
        since = f"at {write_instant(_read_preliminary(path, name, signer).started)}"
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
