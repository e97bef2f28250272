"""What a judgement says: accepted or not, every finding with its reason, and how each artifact came through.

A verdict is never a boolean: `bool(verdict)` raises, `verdict.require()` returns it or raises `RejectedError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NoReturn, Self

from custody.errors import RejectedError
from custody.models.link import Link
from custody.rules.artifacts import Digests
from custody.rules.engine import Trace
from custody.value import Value

__all__ = [
    "ArtifactFinding",
    "Binding",
    "Finding",
    "InspectionReport",
    "Outcome",
    "Reason",
    "Severity",
    "StepReport",
    "Verdict",
]


class Severity(StrEnum):
    """How much a finding weighs."""

    REJECTION = "rejection"
    WARNING = "warning"
    NOTE = "note"


class Reason(StrEnum):
    """Why; the values are stable and may be matched by programs."""

    # the layout
    NO_OWNER_KEYS = "no-owner-keys"
    OWNER_SIGNATURE_MISSING = "owner-signature-missing"
    OWNER_SIGNATURE_INVALID = "owner-signature-invalid"
    PAYLOAD_TYPE_WRONG = "payload-type-wrong"
    LAYOUT_EXPIRED = "layout-expired"
    LAYOUT_EMPTY = "layout-empty"
    LAYOUT_DIGEST_DIFFERS = "layout-digest-differs"
    LAYOUT_SUPERSEDED = "layout-superseded"
    FIELD_IGNORED = "field-ignored"
    KEY_SHARED = "key-shared"
    KEY_MISSING = "key-missing"
    # evidence of a step
    LINK_MISSING = "link-missing"
    LINK_MALFORMED = "link-malformed"
    LINK_UNREADABLE = "link-unreadable"
    LINK_NAME_DIFFERS = "link-name-differs"
    LINK_TOO_OLD = "link-too-old"
    SIGNATURE_MISSING = "signature-missing"
    SIGNATURE_INVALID = "signature-invalid"
    SIGNATURE_UNTIMELY = "signature-untimely"
    IDENTITY_NOT_PROVEN = "identity-not-proven"
    IDENTITY_PROVEN = "identity-proven"
    KEY_EXPIRED = "key-expired"
    KEY_NOT_AUTHORISED = "key-not-authorised"
    CERTIFICATE_MALFORMED = "certificate-malformed"
    CERTIFICATE_MISMATCH = "certificate-mismatch"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid"
    CERTIFICATE_USAGE_WRONG = "certificate-usage-wrong"
    CERTIFICATE_UNTRUSTED = "certificate-untrusted"
    CERTIFICATE_CONSTRAINT_UNMET = "certificate-constraint-unmet"
    CERTIFICATE_USED = "certificate-used"
    TOO_FEW_FUNCTIONARIES = "too-few-functionaries"
    FUNCTIONARIES_DISAGREE = "functionaries-disagree"
    LINKS_AMBIGUOUS = "links-ambiguous"
    DISSENT = "dissent"
    COMMAND_DIFFERS = "command-differs"
    COMMAND_FAILED = "command-failed"
    # sublayouts
    SUBLAYOUT_USED = "sublayout-used"
    SUBLAYOUT_UNEXPECTED = "sublayout-unexpected"
    SUBLAYOUT_REPEATED = "sublayout-repeated"
    SUBLAYOUT_TOO_DEEP = "sublayout-too-deep"
    SUBLAYOUT_REJECTED = "sublayout-rejected"
    SUBLAYOUT_UNINSPECTED = "sublayout-uninspected"
    # artifacts
    MATERIAL_DIFFERS = "material-differs"
    PRODUCT_DIFFERS = "product-differs"
    MATERIAL_DISALLOWED = "material-disallowed"
    PRODUCT_DISALLOWED = "product-disallowed"
    ARTIFACT_REQUIRED = "artifact-required"
    RULE_IDLE = "rule-idle"
    DIGEST_MISSING = "digest-missing"
    ARTIFACT_NOT_MADE = "artifact-not-made"
    ARTIFACT_UNRULED = "artifact-unruled"
    # inspections
    INSPECTION_REFUSED = "inspection-refused"
    INSPECTION_FAILED = "inspection-failed"
    INSPECTION_TIMED_OUT = "inspection-timed-out"
    # attestations
    NO_KEYS = "no-keys"
    ATTESTATION_MISSING = "attestation-missing"
    ATTESTATION_MALFORMED = "attestation-malformed"
    ATTESTATION_UNREADABLE = "attestation-unreadable"
    TOO_MANY_ATTESTATIONS = "too-many-attestations"
    TOO_FEW_SIGNERS = "too-few-signers"
    SUBJECT_DIFFERS = "subject-differs"
    COVERED_BY_OTHER = "covered-by-other"
    PREDICATE_TYPE_DIFFERS = "predicate-type-differs"
    PREDICATE_MALFORMED = "predicate-malformed"
    FIELD_DIFFERS = "field-differs"


class ArtifactFinding(Value):
    """One artifact of a finding: what was expected, what was found, and where that was last seen."""

    name: str
    expected: Digests | None = None
    found: Digests | None = None
    explanation: str = ""
    last_seen: str = ""


class Finding(Value):
    """One thing that was noticed: its reason, how much it weighs, and what it is about.

    `subject` is the layout, a step or an inspection, such as `step 'build'`; `evidence` the file it came from;
    `rule` the rule that failed, as text. `artifacts` are all that are concerned; where a rule failed, each is explained
    when somebody looks at it, so that `len(finding.artifacts)` and the first few cost little.
    """

    reason: Reason
    severity: Severity
    subject: str
    message: str
    evidence: str = ""
    rule: str = ""
    artifacts: Sequence[ArtifactFinding] = ()

    @property
    def rejects(self) -> bool:
        """Whether this finding alone rejects."""
        return self.severity is Severity.REJECTION

    def escalated(self) -> Finding:
        """Return the finding as a rejection."""
        return self.replace(severity=Severity.REJECTION)

    def __str__(self) -> str:
        """Return the subject and the message."""
        return f"{self.subject}: {self.message}"


class StepReport(Value):
    """How a step came through. `signers` are key ids; `link` is the one that functionaries agreed on."""

    name: str
    verified: bool
    signers: tuple[str, ...] = ()
    link: Link | None = None
    traces: tuple[Trace, ...] = ()
    sublayout: Verdict | None = None


class InspectionReport(Value):
    """How an inspection came through; `return_value` is None if it did not run."""

    name: str
    verified: bool
    return_value: int | None = None
    link: Link | None = None
    traces: tuple[Trace, ...] = ()
    presigned: bool = False


class Binding(Value):
    """An artifact under test that the chain made: the product of `step` called `product`."""

    target: str
    step: str
    product: str
    rule: str


class Outcome(Value):
    """What every verdict has: whether it accepts, as of which instant, and everything that was found."""

    accepted: bool
    at: datetime
    findings: tuple[Finding, ...] = ()

    def __bool__(self) -> NoReturn:
        """Refuse: `if verdict:` would be true for a rejection, too."""
        raise TypeError("a verdict is not a boolean; use verdict.accepted")

    @property
    def rejections(self) -> tuple[Finding, ...]:
        """The findings that reject."""
        return tuple(finding for finding in self.findings if finding.rejects)

    @property
    def reasons(self) -> frozenset[Reason]:
        """The reasons of all rejections."""
        return frozenset(finding.reason for finding in self.rejections)


class Verdict(Outcome):
    """The verdict on a supply chain.

    `layout_digest` is the SHA-256 of the layout's signed bytes, `owners` the key ids whose signatures on it are
    good, `summary_link` what the chain did as a whole (specification 1.0, section 5.2).
    """

    layout_digest: str = ""
    layout_expires: datetime | None = None
    owners: tuple[str, ...] = ()
    steps: tuple[StepReport, ...] = ()
    inspections: tuple[InspectionReport, ...] = ()
    bindings: tuple[Binding, ...] = ()
    summary_link: Link | None = None

    def _validate(self) -> None:
        """An accepted verdict with a rejection in it, or without a verified step, would be a lie."""
        sound = self.steps and all(step.verified for step in self.steps)
        if self.accepted and (not sound or any(finding.rejects for finding in self.findings)):
            raise ValueError("a verdict without verified steps, or with a rejection, is no acceptance")

    @property
    def summary(self) -> str:
        """The verdict in one sentence."""
        if self.accepted:
            return "accepted"
        rejections = self.rejections
        if not rejections:
            return "rejected: nothing was verified"
        others = len(rejections) - 1
        more = f" (and {others} more finding{'s' if others > 1 else ''})" if others else ""
        return f"rejected: {rejections[0]}{more}"

    def require(self) -> Self:
        """Return the verdict if it accepts.

        Raises:
            RejectedError: it does not; the error carries the verdict.

        """
        if not self.accepted:
            raise RejectedError(self)
        return self
