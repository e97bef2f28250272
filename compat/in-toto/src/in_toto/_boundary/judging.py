"""A question about a supply chain, put to custody: converted once, judged there, and told as the reference tells it."""

from __future__ import annotations

import os

from custody.value import Value
from custody.verdict import Reason
from in_toto._boundary import talk
from in_toto._boundary.failures import Translated
from in_toto._boundary.rejections import Asked, Stage, decisive, failure_of

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.models.link import Link as CoreLink
    from custody.rules.engine import Trace
    from custody.stores.protocol import EvidenceStore
    from custody.verdict import InspectionReport, StepReport, Verdict
    from custody.workflows.inspect import InspectionOptions
    from in_toto.models.link import Link

__all__ = [
    "Question",
    "answer",
    "differing_commands",
    "inspection_options",
    "keys_of",
    "link_of",
    "link_of_inspection",
    "told",
    "without_command_warnings",
]

_VERIFYLIB = "in_toto.verifylib"


class Question(Value):
    """Whether the chain of the layout in `envelope` is as its owners demand, at the instant `at`.

    `links` is the directory with the links. `inspects` says whether inspections run, `keeps` whether links of them are
    written here; each may take `timeout` seconds.
    """

    envelope: Envelope
    keys: tuple[Key, ...]
    at: datetime
    links: str = "."
    parameters: Mapping[str, str] = {}
    inspects: bool = True
    keeps: bool = True
    timeout: float | None = None

    @property
    def asked(self) -> Asked:
        """What the words of a rejection depend on."""
        return Asked(
            envelope=self.envelope,
            keys=self.keys,
            links=self.links,
            parameters=self.parameters,
            timeout=self.timeout,
        )


def keys_of(keys: object) -> tuple[Key, ...]:
    """Return the keys of a dictionary of public keys by their ids; a `FormatError` says what is malformed."""
    from in_toto._boundary.checks import check_hex, unexpected
    from in_toto._boundary.keys import public_key_of

    if not isinstance(keys, dict):
        raise unexpected(keys, "dict")
    for keyid in keys:
        check_hex(keyid)
    return tuple(public_key_of(key) for key in keys.values())


def answer(question: Question) -> Verdict:
    """Return custody's verdict.

    Raises:
        FormatError: the layout is none, or has something in it that verifiers disagree about; or the file
            with the trusted root is something else.
        OSError: an inspection cannot be started, its link cannot be written, or the trusted root cannot be read.
        ValueError: an identity signed, and the extra that checks this is not installed.

    """
    from custody.workflows.verify import Verification, verify
    from in_toto._boundary.trust import trusted_root

    inspections = inspection_options(keeps=question.keeps, timeout=question.timeout)
    verification = Verification(
        layout=question.envelope,
        owner_keys=question.keys,
        evidence=_store(question.links),
        parameters=question.parameters,
        inspections=inspections if question.inspects else None,
        at=question.at,
        trusted_root=trusted_root(),
    )
    with Translated():
        return verify(verification)


def told(question: Question, verdict: Verdict) -> Verdict:
    """Return the verdict, having said what was verified, if it accepts, else raise the reference's exception for it."""
    _narrate(question, verdict)
    if verdict.accepted:
        return verdict
    from custody.errors import RejectedError

    raise failure_of(verdict, question.asked) from RejectedError(verdict)


def inspection_options(*, keeps: bool, timeout: float | None) -> InspectionOptions:
    """Return how inspections run: here, on everything but what a program excluded by the settings (A4)."""
    from custody.artifacts.options import DEFAULT_EXCLUDES
    from custody.workflows.inspect import InspectionOptions
    from in_toto import settings

    chosen = tuple(settings.ARTIFACT_EXCLUDE_PATTERNS or ())
    return InspectionOptions(
        exclude=() if chosen == DEFAULT_EXCLUDES else chosen,
        timeout=timeout,
        links_directory="." if keeps else "",
        link_bytes=_kept,
    )


def link_of(link: CoreLink | None, name: str) -> Link:
    """Return custody's link as one of this package, called `name`."""
    from in_toto.models.link import Link

    if link is None:
        return Link(name=name)
    document = link.document()
    del document["_type"]
    # Custody's artifacts are never changed, and links may share them; those of this package may be.
    own = {
        side: {artifact: dict(digests) for artifact, digests in document[side].items()}
        for side in ("materials", "products")
    }
    return Link(**{**document, **own, "name": name})


def link_of_inspection(link: CoreLink) -> Link:
    """Return the link of an inspection without what it printed, as the reference makes it."""
    return link_of(link.replace(byproducts={**link.byproducts, "stdout": "", "stderr": ""}), link.name)


def _kept(link: CoreLink) -> bytes:
    """Return the file for the link of an inspection, byte for byte as the reference writes it."""
    from in_toto.models.metadata import Metablock

    return repr(Metablock(signed=link_of_inspection(link))).encode()


def _narrate(question: Question, verdict: Verdict) -> None:
    """Say what was verified, up to where it ended, and which commands are not those that the layout expects."""
    last, _ = decisive(verdict, question.asked)
    if last > Stage.THRESHOLDS:
        _warn_of_commands(question, verdict)
    if not talk.enabled(talk.INFO):
        return
    for number, lines in enumerate(_stages(question, verdict)):
        if number > last:
            break
        for line in lines:
            talk.info(_VERIFYLIB, line)


def _stages(question: Question, verdict: Verdict) -> Iterable[Iterable[str]]:
    yield ["Verifying layout metadata signatures..."]
    yield ["Extracting layout from metadata...", "Verifying layout expiration..."]
    substituted = ["Performing parameter substitution..."] if question.parameters else []
    yield [*substituted, "Reading link metadata files..."]
    yield ["Verifying link metadata signatures...", "Verifying sublayouts..."]
    yield [
        "Verifying alignment of reported commands...",
        "Verifying threshold constraints...",
        "Verifying Step rules...",
        *_rule_lines(verdict.steps),
    ]
    yield [
        "Executing Inspection commands...",
        *(f"Executing command for inspection '{report.name}'..." for report in verdict.inspections),
        "Verifying Inspection rules...",
        *_rule_lines(verdict.inspections),
    ]


def _rule_lines(reports: Iterable[StepReport | InspectionReport]) -> Iterable[str]:
    for report in reports:
        for trace in report.traces:
            yield f"Verifying {trace.side.removesuffix('s')} rules for '{report.name}'..."
            yield from _rules(trace)


def _rules(trace: Trace) -> Iterable[str]:
    from custody.rules.grammar import write_rule

    return (f"Verifying '{' '.join(write_rule(applied.rule))}'..." for applied in trace.applied)


def _warn_of_commands(question: Question, verdict: Verdict) -> None:
    """Warn where the command of a step's link is not the expected one."""
    steps = question.asked.layout()["steps"]
    expected = {step["name"]: step.get("expected_command", []) for step in steps}
    for report in verdict.steps:
        if report.link is not None and list(report.link.command) != expected[report.name]:
            talk.warning(_VERIFYLIB, differing_commands(list(report.link.command), expected[report.name]))


def differing_commands(command: object, expected: object) -> str:
    """Return the reference's warning about a command."""
    return f"Run command '{command}' differs from expected command '{expected}'"


def without_command_warnings(verdict: Verdict) -> Verdict:
    """Return the verdict without what `told` said already: whoever signed further links is still named."""
    said = {
        f"step {report.name!r}": tuple(f"{keyid:.8} ran " for keyid in report.signers[:1]) for report in verdict.steps
    }
    return verdict.replace(
        findings=tuple(
            finding
            for finding in verdict.findings
            if finding.reason is not Reason.COMMAND_DIFFERS
            or not finding.message.startswith(said.get(finding.subject, ()))
        )
    )


def _store(directory: str) -> str | EvidenceStore:
    """Return where links are, "" being here; a directory that is not there has none."""
    if os.path.isdir(directory or "."):
        return directory or "."
    from custody.stores.memory import MemoryStore

    return MemoryStore({})
