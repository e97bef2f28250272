"""Rejections in the words of the reference: which of its exceptions a verdict is, and what that says.

Where several things are wrong, it is the one that the reference would have come upon first. What custody has to say
about all of them is in the exception's notes.
"""

from __future__ import annotations

import os
import re

from custody.keys.keyid import short_id
from custody.value import Value
from custody.verdict import Reason
from in_toto._boundary.accounts import Subject, rule_failure

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.rules.engine import Trace
    from custody.rules.variants import ItemSide
    from custody.verdict import Finding, InspectionReport, StepReport, Verdict

__all__ = ["Asked", "Stage", "bad_return_value", "decisive", "failure_of"]


class Stage:
    """The stages of the reference's verification, in their order."""

    SIGNATURES, EXPIRY, LINKS, THRESHOLDS, STEPS, INSPECTIONS, PASSED = range(7)


class Asked(Value):
    """What was asked about: the layout, with which keys, with links from where."""

    envelope: Envelope
    keys: tuple[Key, ...]
    links: str = "."
    parameters: Mapping[str, str] = {}
    timeout: float | None = None

    def layout(self) -> Mapping[str, Any]:
        """Return the layout with its parameters filled in; only once its signatures are known to be good."""
        from custody.verification.parameters import substitute

        return substitute(self.envelope.content(), self.parameters)


_STAGES: Mapping[Reason, int] = {
    Reason.NO_OWNER_KEYS: Stage.SIGNATURES,
    Reason.OWNER_SIGNATURE_MISSING: Stage.SIGNATURES,
    Reason.OWNER_SIGNATURE_INVALID: Stage.SIGNATURES,
    Reason.LAYOUT_EXPIRED: Stage.EXPIRY,
    Reason.LAYOUT_EMPTY: Stage.EXPIRY,
    Reason.LINK_MISSING: Stage.LINKS,
    Reason.TOO_FEW_FUNCTIONARIES: Stage.THRESHOLDS,
    Reason.FUNCTIONARIES_DISAGREE: Stage.THRESHOLDS,
    Reason.LINKS_AMBIGUOUS: Stage.THRESHOLDS,
    Reason.MATERIAL_DIFFERS: Stage.STEPS,
    Reason.PRODUCT_DIFFERS: Stage.STEPS,
    Reason.MATERIAL_DISALLOWED: Stage.STEPS,
    Reason.PRODUCT_DISALLOWED: Stage.STEPS,
    Reason.ARTIFACT_REQUIRED: Stage.STEPS,
    Reason.INSPECTION_REFUSED: Stage.INSPECTIONS,
    Reason.INSPECTION_FAILED: Stage.INSPECTIONS,
    Reason.INSPECTION_TIMED_OUT: Stage.INSPECTIONS,
}

_NAMED = re.compile(r"(step|inspection) '(.*)'", re.DOTALL)


def decisive(verdict: Verdict, asked: Asked | None = None) -> tuple[int, Finding | None]:
    """Return the stage at which the reference would have stopped, and why; if nothing is wrong, `PASSED` and None."""
    ranked = [(_stage_of(finding, asked), finding) for finding in verdict.rejections]
    return min(ranked, key=lambda pair: pair[0], default=(Stage.PASSED, None))


def failure_of(verdict: Verdict, asked: Asked | None = None) -> Exception:
    """Return the exception of the reference for a verdict that rejects, with custody's explanation as a note."""
    stage, finding = decisive(verdict, asked)
    failure = _failure(stage, finding, verdict, asked)
    lines = [*_mistaken_keys(verdict, asked), *_explanation(verdict)]
    failure.add_note("\n".join(lines))
    return failure


def bad_return_value(value: object, command: object = None) -> Exception:
    """Return the exception for a command that ended with `value`."""
    from in_toto.exceptions import BadReturnValueError

    kind = "zero" if isinstance(value, int) else "int"
    source = f" from command '{command}'" if command else ""
    return BadReturnValueError(f"Got non-{kind} return value '{value}'{source}.")


def _stage_of(finding: Finding, asked: Asked | None) -> int:
    if finding.subject.startswith("inspection "):
        return Stage.INSPECTIONS
    if finding.subject == "layout":
        return _STAGES.get(finding.reason, Stage.SIGNATURES)
    if finding.reason is Reason.TOO_FEW_FUNCTIONARIES and asked is not None:
        step = _item(finding, asked)
        if _files(step, asked) < step.get("threshold", 1):
            return Stage.LINKS
    # What is said of one piece of evidence decides nothing: the step it belongs to has a finding of its own.
    return _STAGES.get(finding.reason, Stage.PASSED)


def _failure(stage: int, finding: Finding | None, verdict: Verdict, asked: Asked | None) -> Exception:
    from in_toto import exceptions

    if finding is None:
        return exceptions.ThresholdVerificationError(verdict.summary)
    if stage == Stage.SIGNATURES:
        return exceptions.SignatureVerificationError(_about_signatures(finding, verdict, asked))
    if stage == Stage.EXPIRY:
        expired = finding.reason is Reason.LAYOUT_EXPIRED
        return exceptions.LayoutExpiredError("Layout expired") if expired else exceptions.FormatError(str(finding))
    if stage == Stage.LINKS:
        return exceptions.LinkNotFoundError(_about_files(finding, asked))
    if finding.reason is Reason.TOO_FEW_FUNCTIONARIES:
        return exceptions.ThresholdVerificationError(_about_functionaries(finding, asked))
    if finding.reason in {Reason.INSPECTION_FAILED, Reason.INSPECTION_TIMED_OUT} and asked is not None:
        return _about_command(finding, verdict, asked)
    return _broken_rule(finding, verdict) or exceptions.ThresholdVerificationError(str(finding))


def _about_signatures(finding: Finding, verdict: Verdict, asked: Asked | None) -> str:
    if finding.reason is Reason.NO_OWNER_KEYS:
        return "Layout signature verification requires at least one key."
    good = set(verdict.owners)
    keyid = next((key.keyid for key in asked.keys if key.keyid not in good), "") if asked is not None else ""
    if keyid and finding.reason is Reason.OWNER_SIGNATURE_MISSING:
        return f"No signature found for key '{keyid}'"
    if keyid and finding.reason is Reason.OWNER_SIGNATURE_INVALID:
        return f"Invalid signature for keyid '{keyid}'"
    return str(finding)


def _about_files(finding: Finding, asked: Asked | None) -> str:
    if asked is None:
        return str(finding)
    step = _item(finding, asked)
    return (
        f"Step '{step.get('name')}' requires '{step.get('threshold', 1)}' link metadata file(s), found"
        f" '{_files(step, asked)}'."
    )


def _about_functionaries(finding: Finding, asked: Asked | None) -> str:
    if asked is None:
        return str(finding)
    step = _item(finding, asked)
    got = re.search(r"\bgot ([0-9]+) ", finding.message)
    return (
        f"Step '{step.get('name')}' requires at least '{step.get('threshold', 1)}' links validly signed by different"
        f" authorized functionaries. Only found '{got[1] if got else 0}'"
    )


def _about_command(finding: Finding, verdict: Verdict, asked: Asked) -> Exception:
    inspection = _item(finding, asked)
    command = inspection.get("run", [])
    if finding.reason is Reason.INSPECTION_TIMED_OUT:
        from subprocess import TimeoutExpired

        return TimeoutExpired(command, asked.timeout or 0)
    name = inspection.get("name")
    ended = next((report.return_value for report in verdict.inspections if report.name == name), None)
    return bad_return_value(ended, command)


def _broken_rule(finding: Finding, verdict: Verdict) -> Exception | None:
    """Return the exception for the first rule that failed, None if it is not rules that this is about."""
    if finding.reason not in _STAGES or not finding.rule:
        return None
    reports: list[StepReport | InspectionReport] = [*verdict.steps, *verdict.inspections]
    for report in reports:
        for trace in report.traces:
            if trace.failure is not None:
                link = report.link
                known: dict[ItemSide, Collection[str]] = (
                    {trace.side: _names(trace)}
                    if link is None
                    else {"materials": link.materials.keys(), "products": link.products.keys()}
                )
                return rule_failure(trace, Subject(name=report.name, **known))
    return None


def _names(trace: Trace) -> tuple[str, ...]:
    consumed = (name for applied in trace.applied for name in applied.consumed)
    return tuple(sorted({*consumed, *trace.unconsumed}))


def _item(finding: Finding, asked: Asked) -> Mapping[str, Any]:
    """Return the step or inspection that the finding is about, as the layout writes it, whose signatures are good."""
    named = _NAMED.fullmatch(finding.subject)
    if named is None:
        return {}
    items: Iterable[Mapping[str, Any]] = asked.layout().get("steps" if named[1] == "step" else "inspect", [])
    return next((item for item in items if f"{named[1]} {item['name']!r}" == finding.subject), {})


def _files(step: Mapping[str, Any], asked: Asked) -> int:
    """Count the files that are called like links of the step by its functionaries: all that the reference reads."""
    keys = asked.layout().get("keys", {})
    found = 0
    for keyid in dict.fromkeys(step.get("pubkeys", ())):
        for each in (keyid, *(keys.get(keyid, {}).get("subkeys") or ())):
            found += os.path.exists(os.path.join(asked.links, f"{step['name']}.{each:.8}.link"))
    return found


def _explanation(verdict: Verdict) -> Iterable[str]:
    from custody.reports.verdict_text import verdict_lines

    return verdict_lines(verdict)


def _mistaken_keys(verdict: Verdict, asked: Asked | None) -> list[str]:
    """Say which of the owners' keys are functionaries' keys: guides that take one for the other are in circulation."""
    if asked is None or not verdict.reasons & {Reason.OWNER_SIGNATURE_MISSING, Reason.NO_OWNER_KEYS}:
        return []
    steps = _steps_without_trust(asked.envelope)
    lines = []
    for key in asked.keys:
        mine = [name for name, pubkeys in steps if key.names & set(pubkeys)]
        if mine and key.keyid not in verdict.owners:
            lines.append(
                f"{short_id(key.keyid)} is the key of a functionary, of step {', '.join(map(repr, mine))}. A layout is"
                " verified with the key of its owner, who signed it; those of functionaries it brings along"
            )
    if lines:
        signers = ", ".join(repr(short_id(s.keyid)) for s in asked.envelope.signatures) or "nobody"
        lines.append(
            "give the public key of the owner instead: --verification-keys OWNER.pub (the layout is signed by"
            f" {signers})"
        )
    return lines


def _steps_without_trust(envelope: Envelope) -> Sequence[tuple[str, list[str]]]:
    """Return names and keys of the steps of a layout that nobody vouches for: good for a hint, and for nothing else."""
    from custody.errors import FormatError

    try:
        steps = envelope.content().get("steps")
        return [(str(step["name"]), [str(keyid) for keyid in step["pubkeys"]]) for step in steps or ()]
    except (FormatError, TypeError, KeyError, AttributeError):
        return []
