"""A whole supply chain in memory: owners, functionaries, links, sublayouts and a verifier, without a file or process.

    chain = Simulator()
    chain.step("write", "alice", products={"src/a.py": b"1"}, expected_products=["CREATE src/*", "DISALLOW *"])
    chain.step("build", "bob", materials={"src/a.py": b"1"}, expected_materials=["MATCH * WITH PRODUCTS FROM write"])
    chain.judge().require()

Tests change one thing and look at the verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope
from custody.keys.ed25519 import SPKI_PREFIX
from custody.keys.key import Key
from custody.keys.public import PublicKey, key_of_spki
from custody.models.layout import Inspection, Layout, Step
from custody.models.link import Link
from custody.rules.artifacts import Artifacts
from custody.rules.grammar import parse_text
from custody.stores.memory import MemoryStore
from custody.verdict import Verdict
from custody.verification.case import Case, Completed, Demands, Evidence, EvidenceSet, Inspector
from custody.verification.judge import judge
from custody.workflows.gather import gather
from custody.workflows.inspect import InspectionOptions
from custody.workflows.verify import Verification

__all__ = [
    "AT",
    "Actor",
    "FakeInspector",
    "Simulator",
    "actor",
    "digests",
    "hashed",
    "link_name",
    "rules",
    "signed",
    "two_steps",
]

AT = datetime(2030, 1, 1, tzinfo=UTC)
"""When everything happens."""


class Actor:
    """Somebody with an Ed25519 key, the same in every run."""

    def __init__(self, name: str) -> None:
        """Make the key of `name`."""
        self.name = name
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.public_key: PublicKey = key_of_spki(SPKI_PREFIX + self._private.public_key().public_bytes_raw(), name)

    @property
    def keyid(self) -> str:
        """The key id as the reference computes it."""
        return self.public_key.keyid

    def sign(self, message: bytes) -> bytes:
        """Return a signature over `message`."""
        return self._private.sign(message)


def actor(name: str) -> Actor:
    """Return the actor called `name`."""
    return Actor(name)


def digests(content: bytes | str) -> dict[str, str]:
    """Return the digest set of `content`."""
    data = content.encode() if isinstance(content, str) else content
    return {"sha256": hashlib.sha256(data).hexdigest()}


def hashed(files: Mapping[str, bytes | str]) -> dict[str, dict[str, str]]:
    """Return files as artifacts."""
    return {name: digests(content) for name, content in files.items()}


def rules(texts: Iterable[str]) -> tuple[Any, ...]:
    """Return rules written as text."""
    return tuple(parse_text(text, "rule") for text in texts)


def signed(document: Mapping[str, Any], *actors: Actor, dsse: bool = False) -> Envelope:
    """Return `document` in an envelope with the signatures of `actors`."""
    envelope: Envelope = DSSEEnvelope.wrap(document) if dsse else Metablock.wrap(document)
    for who in actors:
        envelope = envelope.with_signature(who.keyid, who.sign(envelope.signed_bytes))
    return envelope


def link_name(step: str, who: Actor) -> str:
    """Return the file name of the link of `step` by `who`."""
    return f"{step}.{who.keyid:.8}.link"


class FakeInspector:
    """Inspects a tree in memory: `commands` maps a command to what it does with it; returns its status."""

    def __init__(
        self,
        files: Mapping[str, bytes | str] | None = None,
        commands: Mapping[str, Callable[[dict[str, bytes | str]], int]] | None = None,
    ) -> None:
        """Inspect `files`; an unknown command does nothing and returns 0."""
        self.files = dict(files or {})
        self.commands = commands or {}
        self.ran: list[str] = []
        self.counted: list[Evidence] = []
        self.kept: list[Link] = []

    def record(self, counted: Sequence[Evidence]) -> Artifacts:
        """Return the tree as artifacts."""
        self.counted = list(counted)
        return hashed(self.files)

    def run(self, name: str, command: Sequence[str]) -> Completed:
        """Run the function for `command`."""
        self.ran.append(name)
        effect = self.commands.get(" ".join(command))
        return Completed(return_value=effect(self.files) if effect is not None else 0)

    def keep(self, link: Link) -> None:
        """Remember the link."""
        self.kept.append(link)


class Simulator:
    """A layout with its links; change `layout`, `files`, `demands` ... and judge."""

    def __init__(self, *, dsse: bool = False) -> None:
        """Start with an owner and nothing else."""
        self.dsse = dsse
        self.owner = Actor("owner")
        self.owner_keys: tuple[Key, ...] = (self.owner.public_key,)
        self.layout = Layout(expires=AT + timedelta(days=30))
        self.files: dict[str, bytes] = {}
        self.parameters: dict[str, str] = {}
        self.demands = Demands()
        self.at = AT
        self.document_changes: list[Callable[[dict[str, Any]], None]] = []

    def step(
        self,
        name: str,
        *who: str,
        materials: Mapping[str, bytes | str] | None = None,
        products: Mapping[str, bytes | str] | None = None,
        expected_materials: Iterable[str] = (),
        expected_products: Iterable[str] = (),
        threshold: int = 1,
        expected_command: Sequence[str] = (),
        perform: bool = True,
    ) -> None:
        """Add a step to the layout and, unless `perform=False`, a link of it by each of `who`."""
        actors = [Actor(each) for each in who]
        step = Step(
            name=name,
            pubkeys=tuple(each.keyid for each in actors),
            threshold=threshold,
            expected_command=tuple(expected_command),
            expected_materials=rules(expected_materials),
            expected_products=rules(expected_products),
        )
        keys = {each.keyid: each.public_key for each in actors}
        self.layout = self.layout.replace(steps=(*self.layout.steps, step), keys={**self.layout.keys, **keys})
        if perform:
            for each in actors:
                self.perform(name, each.name, materials=materials, products=products)

    def inspection(
        self,
        name: str,
        run: str,
        expected_materials: Iterable[str] = (),
        expected_products: Iterable[str] = (),
    ) -> None:
        """Add an inspection to the layout."""
        inspection = Inspection(
            name=name,
            run=tuple(run.split()),
            expected_materials=rules(expected_materials),
            expected_products=rules(expected_products),
        )
        self.layout = self.layout.replace(inspect=(*self.layout.inspect, inspection))

    def perform(
        self,
        step: str,
        who: str,
        *,
        materials: Mapping[str, bytes | str] | None = None,
        products: Mapping[str, bytes | str] | None = None,
        file: str = "",
        name: str = "",
        command: Sequence[str] = (),
        byproducts: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> Link:
        """Put a link of `step` signed by `who` among the evidence, as `file` if that is given, saying it is `name`."""
        link = Link(
            name=name or step,
            materials=hashed(materials or {}),
            products=hashed(products or {}),
            command=tuple(command),
            byproducts=byproducts or {},
            environment=environment or {},
        )
        self.put(step, who, link.document(), file=file)
        return link

    def put(self, step: str, who: str, document: Mapping[str, Any], *others: str, file: str = "") -> None:
        """Put any document signed by `who` and `others` among the evidence of `step`."""
        each = Actor(who)
        envelope = signed(document, each, *map(Actor, others), dsse=self.dsse)
        self.files[file or link_name(step, each)] = envelope.write()

    def sublayout(self, step: str, who: str, inner: Simulator, *others: str) -> None:
        """Put the layout of `inner`, signed by `who`, in place of a link of `step`, with its links in its directory."""
        name = link_name(step, Actor(who))
        self.put(step, who, inner.document(), *others)
        base = name.removesuffix(".link")
        self.files |= {f"{base}/{path}": data for path, data in inner.files.items()}

    def document(self) -> dict[str, Any]:
        """Return the layout as JSON data, with `document_changes` applied."""
        document = self.layout.document()
        for change in self.document_changes:
            change(document)
        return document

    def envelope(self) -> Envelope:
        """Return the layout signed by the owner."""
        return signed(self.document(), self.owner, dsse=self.dsse)

    def remove(self, step: str, who: str) -> None:
        """Take the link of `step` by `who` away, with what belongs to it as a sublayout."""
        name = link_name(step, Actor(who))
        inside = name.removesuffix("link").removesuffix(".") + "/"
        self.files = {path: data for path, data in self.files.items() if path != name and not path.startswith(inside)}

    def evidence(self) -> EvidenceSet:
        """Return what a verifier would gather; `document_changes` may make the layout one that nobody can read."""
        return gather(self.layout, MemoryStore(self.files), at=self.at)

    def case(self, envelope: Envelope | None = None) -> Case:
        """Return what the judge is given."""
        return Case(
            layout=envelope if envelope is not None else self.envelope(),
            owner_keys=self.owner_keys,
            evidence=self.evidence(),
            at=self.at,
            parameters=self.parameters,
            demands=self.demands,
        )

    def verification(
        self, directory: Path, *, inspections: InspectionOptions | None = None, state: str = ""
    ) -> Verification:
        """Return the verification of the chain on disk: evidence goes into `directory`, which inspections see, too."""
        for name, data in self.files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return Verification(
            layout=self.envelope(),
            owner_keys=self.owner_keys,
            evidence=str(directory),
            parameters=self.parameters,
            demands=self.demands,
            inspections=inspections or InspectionOptions(directory=str(directory)),
            state=state,
            at=self.at,
        )

    def judge(self, inspector: Inspector | None = None) -> Verdict:
        """Return the verdict."""
        return judge(self.case(), inspector)


def two_steps(*, dsse: bool = False) -> Simulator:
    """Return a chain that is accepted: alice writes src/a.py, bob builds out from it, and nothing else may be there."""
    chain = Simulator(dsse=dsse)
    chain.step("write", "alice", products={"src/a.py": "1"}, expected_products=["CREATE src/*", "DISALLOW *"])
    chain.step(
        "build",
        "bob",
        materials={"src/a.py": "1"},
        products={"src/a.py": "1", "out": "2"},
        expected_materials=["MATCH src/* WITH PRODUCTS FROM write", "DISALLOW *"],
        expected_products=["CREATE out", "MATCH src/* WITH PRODUCTS FROM write", "DISALLOW *"],
    )
    return chain
