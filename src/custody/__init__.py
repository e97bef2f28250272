"""custody records, signs and verifies software supply chains (in-toto).

::

    import custody

    custody.run("build", ["make"], signing_key="keys/bob", materials=["src"], products=["out"])
    custody.verify("root.layout", ["keys/owner.pub"], links=".", artifacts=["out/app"]).require()

Everything in `__all__` is public; each name is imported when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # known to checkers; importing it from `typing` costs more than all the rest here
if TYPE_CHECKING:
    from custody.api import build_layout, generate, load_key, record, run, sign, verify
    from custody.artifacts.recording import Recording
    from custody.envelopes.dsse import DSSEEnvelope
    from custody.envelopes.metablock import Metablock
    from custody.envelopes.reader import read_envelope
    from custody.errors import (
        CustodyError,
        ExecutionError,
        FormatError,
        RecordingError,
        RejectedError,
        SignatureError,
        StoreError,
        UsageError,
    )
    from custody.keys.public import PublicKey
    from custody.linting.lint import lint
    from custody.models.layout import Inspection, Layout, Step
    from custody.models.link import Link
    from custody.signing.registry import load_signer
    from custody.signing.signer import Signer
    from custody.verdict import Finding, Reason, Severity, Verdict
    from custody.verification.case import Demands
    from custody.workflows.execution import Execution
    from custody.workflows.inspect import InspectionOptions
    from custody.workflows.run import RunOptions, RunResult

__version__ = "0.1.0"

__all__ = [
    "CustodyError",
    "DSSEEnvelope",
    "Demands",
    "Execution",
    "ExecutionError",
    "Finding",
    "FormatError",
    "Inspection",
    "InspectionOptions",
    "Layout",
    "Link",
    "Metablock",
    "PublicKey",
    "Reason",
    "Recording",
    "RecordingError",
    "RejectedError",
    "RunOptions",
    "RunResult",
    "Severity",
    "SignatureError",
    "Signer",
    "Step",
    "StoreError",
    "UsageError",
    "Verdict",
    "__version__",
    "build_layout",
    "generate",
    "lint",
    "load_key",
    "load_signer",
    "read_envelope",
    "record",
    "run",
    "sign",
    "verify",
]

_ROOMS = {
    "custody.api": ("build_layout", "generate", "load_key", "record", "run", "sign", "verify"),
    "custody.artifacts.recording": ("Recording",),
    "custody.envelopes.dsse": ("DSSEEnvelope",),
    "custody.envelopes.metablock": ("Metablock",),
    "custody.envelopes.reader": ("read_envelope",),
    "custody.errors": (
        "CustodyError",
        "ExecutionError",
        "FormatError",
        "RecordingError",
        "RejectedError",
        "SignatureError",
        "StoreError",
        "UsageError",
    ),
    "custody.keys.public": ("PublicKey",),
    "custody.linting.lint": ("lint",),
    "custody.models.layout": ("Inspection", "Layout", "Step"),
    "custody.models.link": ("Link",),
    "custody.signing.registry": ("load_signer",),
    "custody.signing.signer": ("Signer",),
    "custody.verdict": ("Finding", "Reason", "Severity", "Verdict"),
    "custody.verification.case": ("Demands",),
    "custody.workflows.execution": ("Execution",),
    "custody.workflows.inspect": ("InspectionOptions",),
    "custody.workflows.run": ("RunOptions", "RunResult"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name from its room."""
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'custody' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(room), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, those not imported yet, too."""
    return sorted({*globals(), *__all__})
