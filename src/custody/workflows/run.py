"""Run a step: record its materials, run its command, record its products, and sign what happened as a link.

::

    result = run("build", ["make"], signer=signer, materials=["src"], products=["out"])
    result.path          # 'build.776a00e2.link'

What can be refused is refused before the command runs. A command that fails leaves no link, unless `record_failure`
asks for one: a link is evidence that a step was done (specification 1.0, sections 4.4 and 5.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.artifacts.recording import Recorded, Recording, record
from custody.encoding.fields import plain_name
from custody.encoding.instants import write_instant
from custody.encoding.uniform import UniformObject
from custody.errors import RecordingError, UsageError
from custody.models.link import Link
from custody.rules.artifacts import Artifacts, Digests
from custody.signing.signer import signing_id
from custody.value import Value
from custody.workflows.execute import check_command, execute
from custody.workflows.execution import Completed, Execution
from custody.workflows.links import (
    FINISHED_ON,
    STARTED_ON,
    check_directory,
    check_environment,
    check_place,
    check_signer,
    link_path,
    write_link,
)

if TYPE_CHECKING:
    from custody.artifacts.resolvers import Resolver
    from custody.signing.signer import Signer

__all__ = ["RunOptions", "RunResult", "perform", "run"]


class RunOptions(Value):
    """How a step is run.

    `metadata_directory` gets the link and must exist. `environment` is added to what the link says of itself.
    `check_materials` is called with the recorded materials before the command runs, and stops the run by raising
    (specification 1.0, section 5.3.5). `resolvers` record by URI scheme, the usual ones if None. The file
    `digest_cache`, if any, answers for materials that have not changed; it goes with no `check_materials`.
    """

    recording: Recording = Recording()
    execution: Execution = Execution()
    metadata_directory: str = "."
    use_dsse: bool = False
    record_failure: bool = False
    environment: Mapping[str, str] = {}
    check_materials: Callable[[Artifacts], None] | None = None
    resolvers: Mapping[str, Resolver] | None = None
    digest_cache: str = ""


class RunResult(Value):
    """What came of a run. Without a link, because the command failed, `link` is None and `path` is empty.

    `completed` is None if there was no command.
    """

    link: Link | None = None
    path: str = ""
    completed: Completed | None = None
    warnings: tuple[str, ...] = ()

    @property
    def return_value(self) -> int | None:
        """How the command ended, negative for a signal; None if there was no command."""
        return self.completed.return_value if self.completed else None

    @property
    def timed_out(self) -> bool:
        """Whether the command was ended because its time was over."""
        return self.completed is not None and self.completed.timed_out

    @property
    def failed(self) -> bool:
        """Whether there was a command and it failed."""
        return self.completed is not None and self.completed.failed

    def with_warnings(self, *warnings: str) -> RunResult:
        """Return a copy with `warnings` added."""
        return self.replace(warnings=self.warnings + warnings)


_USUAL = RunOptions()


def run(
    name: str,
    command: Sequence[str],
    *,
    signer: Signer,
    materials: Sequence[str] = (),
    products: Sequence[str] = (),
    options: RunOptions = _USUAL,
) -> RunResult:
    """Return what came of step `name`; an empty `command` only records what is there.

    Raises:
        FormatError: the name is no plain file name.
        StoreError: the link cannot be written.
        RecordingError: a material or product is missing or cannot be recorded. Where the command failed, that counts
            and the missing product is a warning.
        ExecutionError: the command could not be started.
        UsageError: an option makes no sense.

    """
    # 1. What can be refused is refused before anything is touched.
    path = link_path(options.metadata_directory, name, signing_id(signer))
    check_signer(signer, use_dsse=options.use_dsse)
    check_directory(options.metadata_directory)
    check_place(path)
    # 2. The step.
    result = perform(name, command, materials=materials, products=products, options=options)
    if result.link is None:
        return result
    # 3. The link.
    write_link(result.link, path, signer, use_dsse=options.use_dsse)
    return result.replace(path=path)


def perform(
    name: str,
    command: Sequence[str],
    *,
    materials: Sequence[str] = (),
    products: Sequence[str] = (),
    options: RunOptions = _USUAL,
) -> RunResult:
    """Return what came of step `name`; its link is not signed, and written nowhere.

    Raises:
        FormatError: the name is no plain file name.
        RecordingError, ExecutionError, UsageError: as `run`.

    """
    plain_name(name, "step name")
    environment = check_environment(options.environment)
    argv = check_command(command) if command else ()
    # What was there, what was done, what is there now.
    started = datetime.now(UTC)
    before = _record_materials(materials, products, options)
    if options.check_materials is not None:
        options.check_materials(before.artifacts)
    completed = execute(argv, options.execution) if argv else None
    result = RunResult(completed=completed, warnings=before.warnings + _warnings_of(completed))
    if result.failed and not options.record_failure:
        return result
    try:
        after = _record_products(products, options, result)
    except RecordingError as error:
        if not result.failed:
            raise
        return result.with_warnings(f"no link was written: {error}")
    link = Link(
        name=name,
        command=argv,
        materials=before.artifacts,
        products=_sharing(before.artifacts, after.artifacts),
        byproducts=_byproducts(completed),
        environment={**environment, **_instants(started, completed)},
    )
    return result.with_warnings(*after.warnings).replace(link=link)


def _record_materials(materials: Sequence[str], products: Sequence[str], options: RunOptions) -> Recorded:
    """Return the materials; what a digest cache says of them is not enough to verify them."""
    if not options.digest_cache:
        return record(materials, options.recording, resolvers=options.resolvers)
    from custody.artifacts.cached import check_cache_place, record_with_cache

    if options.check_materials is not None:
        raise UsageError(
            "materials are verified by what the files hold, not by what a digest cache remembers of them; leave out"
            " --digest-cache or --verify-materials"
        )
    check_cache_place(options.digest_cache, (*materials, *products), options.recording)
    return record_with_cache(materials, options.recording, options.digest_cache, resolvers=options.resolvers)


def _record_products(products: Sequence[str], options: RunOptions, result: RunResult) -> Recorded:
    """Return the products; a failed command may have left out some of them, and its failure is what counts.

    Each is read, whatever a digest cache knows: the command could have made a file look as it was before.
    """
    recording = options.recording.replace(missing_ok=True) if result.failed else options.recording
    return record(products, recording, resolvers=options.resolvers)


def _sharing(materials: Artifacts, products: Artifacts) -> Artifacts:
    """Return `products` with what `materials` have, too, where it is equal: most is what the step left alone."""
    if isinstance(products, UniformObject):
        return products.sharing(materials)
    shared: dict[str, Digests] = {}
    for name, digests in products.items():
        before = materials.get(name)
        shared[name] = before if before is not None and before == digests else digests
    return shared


def _warnings_of(completed: Completed | None) -> tuple[str, ...]:
    return completed.warnings if completed else ()


def _byproducts(completed: Completed | None) -> dict[str, object]:
    if completed is None:
        return {}
    return {
        "stdout": completed.stdout,
        "stderr": completed.stderr,
        "return-value": completed.claimed_value,
    }


def _instants(started: datetime, completed: Completed | None) -> dict[str, str]:
    """Return when the step ran, as the functionary's clock has it: nobody else vouches for it."""
    first = completed.started if completed else started
    last = completed.finished if completed else datetime.now(UTC)
    return {STARTED_ON: write_instant(first), FINISHED_ON: write_instant(last)}
