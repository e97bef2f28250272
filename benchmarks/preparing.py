"""What a case times: its data, made in an empty directory, and the commands of all sides on that data.

Both tools are given the same arguments, keys, layouts and links.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.chains import Chain, write_key
from benchmarks.measuring import CUSTODY, REFERENCE, CaseFailedError, Prepared, Side
from benchmarks.sides import Tools, custody_side, no_op, openssl, reference_side, walk
from benchmarks.trees import KIB, even_tree, files_in

__all__ = [
    "custody_recording",
    "custody_verification",
    "prepare_recording",
    "prepare_start_up",
    "prepare_tiny_run",
    "prepare_verification",
]

_RECORDINGS = 2
"""A tree is recorded as materials and as products: its limits do their work as often."""


def prepare_start_up(tools: Tools, directory: str) -> Prepared:
    """Return the shortest command of each tool."""
    custody = custody_side(tools, directory, "--version")
    reference = reference_side(tools, directory, "in-toto-run", "--version")
    return Prepared(sides=(custody, *reference, no_op(tools, directory)))


def prepare_tiny_run(tools: Tools, directory: str) -> Prepared:
    """Return a signed run of a real command that does nothing, around one file."""
    tree = os.path.join(directory, "tree")
    even_tree(tree, directories=1, files=1, size=KIB)
    sides = _recordings(tools, directory, tree, "--", "true")
    return Prepared(sides=(*sides, no_op(tools, directory)), check=partial(_check_links, directory, 1))


def prepare_recording(tools: Tools, directory: str, *, plant: Callable[[str], None]) -> Prepared:
    """Return signed recordings of the tree that `plant` makes, without a command."""
    tree = os.path.join(directory, "tree")
    plant(tree)
    names = list(files_in(tree))
    return Prepared(
        sides=(
            *_recordings(tools, directory, tree, "-x"),
            *openssl(tools, tree, names, algorithm="sha256", times=_RECORDINGS),
            walk(tools, tree, times=_RECORDINGS),
        ),
        check=partial(_check_links, directory, len(names)),
    )


def prepare_verification(
    tools: Tools, directory: str, *, write: Callable[[str], Chain], rejects_with: str = ""
) -> Prepared:
    """Return verifications of the chain that `write` writes, which all accept it or all reject it with these words."""
    chain = write(directory)
    arguments = _verifying(chain)
    return Prepared(
        sides=(
            custody_side(tools, chain.links, "verify", *arguments, rejects_with=rejects_with),
            *reference_side(tools, chain.links, "in-toto-verify", *arguments, rejects_with=rejects_with),
            # Whoever checks an Ed25519 signature has to hash all that it covers with SHA-512.
            *openssl(tools, directory, chain.files, algorithm="sha512"),
            no_op(tools, directory),
        )
    )


def custody_recording(tools: Tools, directory: str, tree: str) -> Side:
    """Return custody's signed recording of `tree`, alone."""
    return custody_side(tools, tree, "run", *_recording(directory, CUSTODY), "-x")


def custody_verification(tools: Tools, chain: Chain) -> Side:
    """Return custody's verification of `chain`, alone."""
    return custody_side(tools, chain.links, "verify", *_verifying(chain))


def _recordings(tools: Tools, directory: str, tree: str, *command: str) -> tuple[Side, ...]:
    """Return the signed recordings of `tree` around `command` by both tools."""
    return (
        custody_side(tools, tree, "run", *_recording(directory, CUSTODY), *command),
        *reference_side(tools, tree, "in-toto-run", *_recording(directory, REFERENCE), *command),
    )


def _recording(directory: str, tool: str) -> tuple[str, ...]:
    """Return the arguments that record the current directory; only where the link goes differs by tool."""
    key = os.path.join(directory, "keys", "functionary")
    if not os.path.exists(key):
        write_key(os.path.dirname(key), os.path.basename(key))
    links = os.path.join(directory, "links", tool)
    os.makedirs(links, exist_ok=True)
    return ("-n", "record", "--signing-key", key, "-m", ".", "-p", ".", "-d", links)


def _verifying(chain: Chain) -> tuple[str, ...]:
    return ("-l", chain.layout, "--verification-keys", chain.owner_key, "--link-dir", chain.links)


def _check_links(directory: str, count: int) -> None:
    """Demand that every tool recorded `count` artifacts on both sides, and the same ones as custody."""
    links = os.path.join(directory, "links")
    recorded = {tool: _recorded(os.path.join(links, tool)) for tool in os.listdir(links)}
    for tool, sides in recorded.items():
        for side, found in sides.items():
            if len(found) != count:
                raise CaseFailedError(f"{tool} recorded {len(found)} {side}, expected {count}")
        if sides != recorded[CUSTODY]:
            raise CaseFailedError(f"{tool} recorded other artifacts than custody")


def _recorded(links: str) -> dict[str, dict[str, Any]]:
    """Return materials and products of the one link in the directory `links`."""
    names = os.listdir(links)
    if len(names) != 1:
        raise CaseFailedError(f"expected one link of {os.path.basename(links)}, found {len(names)}")
    with open(os.path.join(links, names[0]), encoding="utf-8") as file:
        signed = json.load(file)["signed"]
    return {side: signed[side] for side in ("materials", "products")}
