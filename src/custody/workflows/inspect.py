"""Running the inspections of a layout in a directory, or in a scratch copy of it.

What counted as evidence, or was written by the verification itself, is left out of what an inspection sees: by path
and by digest, each time anew, so that nothing else can hide under such a name (A4).
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Self

from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.errors import CustodyError, StoreError, UsageError
from custody.files import read_file, write_file
from custody.models.link import Link, read_link
from custody.rules.digests import MODE
from custody.value import Value
from custody.verification.case import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from custody.models.layout import Inspection
    from custody.rules.artifacts import Artifacts, Digests
    from custody.verification.case import Evidence

__all__ = ["DEFAULT_TIMEOUT", "DirectoryInspector", "InspectionOptions"]

DEFAULT_TIMEOUT = 600.0
"""Seconds that one inspection may take; a verifier that waits for ever protects nobody."""

_MAX_OWN_BYTES = 256 * 1024 * 1024


def _in_metablock(link: Link) -> bytes:
    return Metablock.wrap(link.to_write()).write()


class InspectionOptions(Value):
    """How inspections run.

    `directory` is where; with `copy` it is copied first and the copy used. `exclude` are gitignore patterns of what
    they do not see. `timeout` is in seconds. `links_directory` is where a link of each inspection is written, unless
    empty, and `link_bytes` what is written: an unsigned envelope around the link.
    """

    directory: str = "."
    copy: bool = False
    exclude: tuple[str, ...] = ()
    timeout: float | None = DEFAULT_TIMEOUT
    links_directory: str = ""
    link_bytes: Callable[[Link], bytes] = _in_metablock


class DirectoryInspector:
    """Records a directory and runs commands in it; use it as a context manager, which removes the scratch copy."""

    def __init__(
        self,
        options: InspectionOptions,
        pinned: frozenset[str],
        progress: Callable[[str], None] | None = None,
        *,
        own: Sequence[str] = (),
    ) -> None:
        """Inspect `options.directory`, recording the `pinned` digests; `own` are files that the verifier keeps."""
        if not os.path.isdir(options.directory):
            raise UsageError(f"cannot inspect {options.directory!r}: it is no directory")
        if options.links_directory and not os.path.isdir(options.links_directory):
            raise UsageError(f"cannot write inspection links into {options.links_directory!r}: it is no directory")
        self._options = options
        self._directory = options.directory
        self._origin = os.path.realpath(options.directory)
        self._algorithms = tuple(sorted(pinned - {MODE}))
        self._modes = MODE in pinned
        self._progress = progress
        self._scratch = ""
        self._written: dict[str, bytes] = {
            os.path.realpath(path): read_file(path, what="state file", limit=_MAX_OWN_BYTES)
            for path in own
            if os.path.lexists(path)
        }

    def __enter__(self) -> Self:
        """Return itself; the scratch copy is only made for the first inspection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the scratch copy."""
        self._remove()

    def expect(self, inspections: Iterable[Inspection]) -> None:
        """Leave out the links that an earlier verification wrote of `inspections`, as these will replace them."""
        directory = self._options.links_directory
        for inspection in inspections if directory else ():
            path = _link_path(directory, inspection.name)
            data = _earlier_link(path, inspection.name)
            if data is not None:
                self._written[os.path.realpath(path)] = data

    def record(self, counted: Sequence[Evidence]) -> Artifacts:
        """Return what lies in the directory, without the evidence that counted and the links written here."""
        from custody.artifacts.recording import Recording, record

        self._prepare()
        own = self._own(counted)
        recording = Recording(
            hash_algorithms=self._algorithms,
            exclude=self._options.exclude,
            base_path=self._directory,
            modes=self._modes,
            dangling_ok=False,
        )
        recorded = record(["."], recording, skip=lambda name, digests: _is_own(own, name, digests))
        return recorded.artifacts

    def run(self, name: str, command: Sequence[str]) -> Completed:
        """Return how `command` ended, its output kept and not shown."""
        from custody.workflows.execute import execute
        from custody.workflows.execution import Execution

        self._prepare()
        if self._progress is not None:
            self._progress(f"inspection {name!r}: {' '.join(command)}")
        execution = Execution(
            record_streams=True,
            show_streams=False,
            timeout=self._options.timeout,
            directory=self._directory,
        )
        ended = execute(command, execution)
        return Completed(
            return_value=ended.exit_code,
            stdout=ended.stdout,
            stderr=ended.stderr,
            timed_out=ended.timed_out,
        )

    def keep(self, link: Link) -> None:
        """Write the link of an inspection that ran, where that is asked for."""
        directory = self._options.links_directory
        if not directory:
            return
        path = _link_path(directory, link.name)
        if os.path.lexists(path) and _earlier_link(path, link.name) is None:
            raise StoreError(
                f"{path!r} exists already and is no earlier link of the inspection {link.name!r}, so it is left as it"
                " is; choose another directory for inspection links"
            )
        data = self._options.link_bytes(link)
        write_file(path, data, what="inspection link", durable=False)
        self._written[os.path.realpath(path)] = data

    def _own(self, counted: Sequence[Evidence]) -> Mapping[str, Digests]:
        """Return by path, relative to the inspected directory, the digests of what is not to be seen."""
        digest_of = {os.path.realpath(evidence.source): evidence.digest for evidence in counted}
        digest_of |= {path: partial(_digest, data) for path, data in self._written.items()}
        prefix = self._origin.rstrip("/") + "/"
        return {
            path[len(prefix) :]: {algorithm: digest(algorithm) for algorithm in self._algorithms}
            for path, digest in digest_of.items()
            if path.startswith(prefix)
        }

    def _prepare(self) -> None:
        """Make the scratch copy, if one is wanted and not there yet."""
        if not self._options.copy or self._scratch:
            return
        import shutil  # only with a copy
        import tempfile

        self._scratch = tempfile.mkdtemp(prefix="custody-inspection-")
        self._directory = os.path.join(self._scratch, "copy")
        try:
            shutil.copytree(self._options.directory, self._directory, symlinks=True)
        except shutil.Error as error:
            _, path, reason = error.args[0][0]
            raise StoreError(f"cannot copy {self._options.directory!r} to inspect it: {path}: {reason}") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(f"cannot copy {self._options.directory!r} to inspect it: {reason}") from error

    def _remove(self) -> None:
        if self._scratch:
            import shutil

            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = ""


def _link_path(directory: str, name: str) -> str:
    return os.path.join(directory, f"{name}.link")


def _earlier_link(path: str, name: str) -> bytes | None:
    """Return what lies at `path` if it is a link that was written of the inspection `name` before, else None (A3)."""
    try:
        data = read_file(path, what="inspection link", limit=_MAX_OWN_BYTES)
        envelope = read_envelope(data)
        earlier = not envelope.signatures and read_link(envelope.content()).name == name
    except CustodyError:
        return None
    return data if earlier else None


def _digest(data: bytes, algorithm: str) -> str:
    import hashlib  # many layouts have nothing to inspect

    return hashlib.new(algorithm, data).hexdigest()


def _is_own(own: Mapping[str, Digests], name: str, digests: Digests) -> bool:
    expected = own.get(name)
    return expected is not None and all(digests.get(a) == value for a, value in expected.items())
