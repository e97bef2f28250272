"""Supply chains to verify: keys, a signed layout, and links, made by custody, the same in every run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.files import write_file
from custody.models.layout import Layout, Step
from custody.models.link import Link
from custody.rules.artifacts import Artifacts
from custody.rules.grammar import parse_text
from custody.rules.variants import Rule
from custody.signing.keypair import KeyPair, write_pair
from custody.signing.registry import load_signer
from custody.workflows.links import link_path, sign_document, write_link

__all__ = [
    "Chain",
    "artifacts",
    "write_chain",
    "write_changing_chain",
    "write_disallowed",
    "write_key",
    "write_ruled",
]

_EXPIRES = datetime(2100, 1, 1, tzinfo=UTC)
_FILES_A_DIRECTORY = 100
_ALGORITHMS = ("sha256",)

_LEFT_OUT, _MODIFIED, _ADDED = 1000, 10, 100
"""Of so many artifacts, a step that changes them does not take one, modifies one, and adds one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Where a verifier finds everything; `files` are all that it has to read."""

    layout: str
    owner_key: str
    links: str
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Performed:
    """A step of a layout, with what its one link says."""

    step: Step
    materials: Artifacts
    products: Artifacts


def write_key(directory: str, name: str) -> KeyPair:
    """Write the Ed25519 key pair of `name`, which is the same in every run and protects nothing."""
    os.makedirs(directory, exist_ok=True)
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    return write_pair(os.path.join(directory, name), private)


def artifacts(count: int, algorithms: Sequence[str] = _ALGORITHMS) -> dict[str, Mapping[str, str]]:
    """Return so many artifacts, a hundred in a directory."""
    names = (f"src/part{number // _FILES_A_DIRECTORY:05}/file{number:07}.py" for number in range(count))
    return {name: _digests(name, algorithms) for name in names}


def write_chain(directory: str, *, steps: int, count: int, dsse: bool) -> Chain:
    """Write a chain of `steps`; the first makes `count` artifacts, and each later one takes and makes all of them."""
    functionary = write_key(directory, "functionary")
    known = artifacts(count)
    performed = []
    for number in range(steps):
        first = number == 0
        before = f"MATCH * WITH PRODUCTS FROM {_step_name(number - 1)}"
        step = Step(
            name=_step_name(number),
            pubkeys=(functionary.public_key.keyid,),
            expected_materials=_rules("DISALLOW *") if first else _rules(before, "DISALLOW *"),
            expected_products=_rules("CREATE *" if first else "ALLOW *", "DISALLOW *"),
        )
        performed.append(_Performed(step=step, materials={} if first else known, products=known))
    return _write(directory, performed, functionary, dsse=dsse)


def write_changing_chain(
    directory: str, *, steps: int, count: int, dsse: bool, algorithms: Sequence[str] = _ALGORITHMS
) -> Chain:
    """Write a chain of `steps`, of which no two list the same artifacts; the first makes `count`.

    Each later one takes all but a few of those before it, modifies a tenth, and adds some.
    """
    functionary = write_key(directory, "functionary")
    made = artifacts(count, algorithms)
    performed = []
    for number in range(steps):
        first = number == 0
        before = f"MATCH * WITH PRODUCTS FROM {_step_name(number - 1)}"
        step = Step(
            name=_step_name(number),
            pubkeys=(functionary.public_key.keyid,),
            expected_materials=_rules("DISALLOW *") if first else _rules(before, "DISALLOW *"),
            expected_products=_rules("CREATE *", "MODIFY *", "ALLOW *", "DISALLOW *"),
        )
        taken = {} if first else {name: made[name] for index, name in enumerate(sorted(made)) if index % _LEFT_OUT}
        made = made if first else _changed(taken, number, count, algorithms)
        performed.append(_Performed(step=step, materials=taken, products=made))
    return _write(directory, performed, functionary, dsse=dsse)


def _changed(taken: Artifacts, number: int, count: int, algorithms: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """Return what step `number` makes of `taken`."""
    modified = [name for index, name in enumerate(taken) if index % _MODIFIED == number % _MODIFIED]
    added = [f"src/part{number:05}/new{index:07}.py" for index in range(count // _ADDED)]
    return {
        **taken,
        **{name: _digests(f"{name} of {number}", algorithms) for name in modified},
        **{name: _digests(name, algorithms) for name in added},
    }


def write_ruled(directory: str, *, rules: int, count: int) -> Chain:
    """Write a chain of one step with `rules` rules, each of which consumes its share of the `count` products.

    A third of the rules speak of a directory, a third of an ending, a third of something in the middle of a name.
    """
    functionary = write_key(directory, "functionary")
    names = [_name_for_rule(number % (rules - 1), number) for number in range(count)]
    texts = [_rule(number) for number in range(rules - 1)]
    step = Step(
        name="pack",
        pubkeys=(functionary.public_key.keyid,),
        expected_products=_rules(*texts, "DISALLOW *"),
    )
    products = {name: _digests(name) for name in names}
    return _write(directory, [_Performed(step=step, materials={}, products=products)], functionary, dsse=False)


def write_disallowed(directory: str, *, count: int) -> Chain:
    """Write a chain of one step, all of whose products are disallowed."""
    functionary = write_key(directory, "functionary")
    step = Step(
        name="pack",
        pubkeys=(functionary.public_key.keyid,),
        expected_products=_rules("DISALLOW *"),
    )
    return _write(directory, [_Performed(step=step, materials={}, products=artifacts(count))], functionary, dsse=False)


def _write(directory: str, performed: Sequence[_Performed], functionary: KeyPair, *, dsse: bool) -> Chain:
    """Write the layout, signed by an owner, and a link of every step."""
    owner = write_key(directory, "owner")
    links = os.path.join(directory, "links")
    os.makedirs(links)
    layout = Layout(
        expires=_EXPIRES,
        steps=tuple(each.step for each in performed),
        keys={functionary.public_key.keyid: functionary.public_key},
    )
    path = os.path.join(directory, "root.layout")
    signed = sign_document(layout.document(), load_signer(owner.private_path), use_dsse=dsse)
    write_file(path, signed.write(), what="the layout")
    written = tuple(_write_link(links, each, functionary, dsse=dsse) for each in performed)
    return Chain(layout=path, owner_key=owner.public_path, links=links, files=(path, *written))


def _write_link(directory: str, performed: _Performed, functionary: KeyPair, *, dsse: bool) -> str:
    """Write the link of one step and return its path."""
    name = performed.step.name
    path = link_path(directory, name, functionary.public_key.keyid)
    link = Link(name=name, materials=performed.materials, products=performed.products)
    write_link(link, path, load_signer(functionary.private_path), use_dsse=dsse)
    return path


def _step_name(number: int) -> str:
    return f"step{number:03}"


def _rules(*texts: str) -> tuple[Rule, ...]:
    return tuple(parse_text(text, "rule") for text in texts)


def _rule(number: int) -> str:
    kinds = (f"ALLOW part{number:04}/*", f"ALLOW *-{number:04}.bin", f"ALLOW *@{number:04}@*")
    return kinds[number % len(kinds)]


def _name_for_rule(rule: int, number: int) -> str:
    return f"part{rule:04}/file@{rule:04}@{number:07}-{rule:04}.bin"


def _digests(name: str, algorithms: Sequence[str] = _ALGORITHMS) -> dict[str, str]:
    return {algorithm: hashlib.new(algorithm, name.encode()).hexdigest() for algorithm in algorithms}
