"""What a case times: its data, made in an empty directory, and the commands of all sides on that data.

All tools are given the same arguments, keys, layouts and links.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.chains import Chain, write_key
from benchmarks.measuring import COMPATIBLE, CUSTODY, REFERENCE, VARIANT, CaseFailedError, Prepared, Side
from benchmarks.sides import Tools, compatible_side, custody_side, no_op, openssl, reference_side, walk
from benchmarks.trees import KIB, even_tree, files_in

__all__ = [
    "growing_recording",
    "growing_verification",
    "prepare_cached_recording",
    "prepare_recording",
    "prepare_rejection",
    "prepare_start_up",
    "prepare_tiny_run",
    "prepare_tiny_verification",
    "prepare_verification",
]

_RECORDINGS = 2
"""A tree is recorded as materials and as products: its limits do their work as often."""

_REST_SECONDS = 2.5
"""A digest cache does not trust files that changed within two seconds before it looked at them."""


def prepare_start_up(tools: Tools, directory: str) -> Prepared:
    """Return the shortest command of each tool."""
    return Prepared(
        sides=(
            custody_side(tools, directory, "--version"),
            *compatible_side(tools, directory, "in-toto-run", "--version"),
            *reference_side(tools, directory, "in-toto-run", "--version"),
            no_op(tools, directory),
        )
    )


def prepare_tiny_run(tools: Tools, directory: str) -> Prepared:
    """Return a signed run of a real command that does nothing, around one file."""
    tree = os.path.join(directory, "tree")
    even_tree(tree, directories=1, files=1, size=KIB)
    custody, *reference = _recordings(tools, directory, tree, "-p", ".", "--", "true")
    compatible = partial(compatible_side, tools, tree, "in-toto-run")
    arguments = (*_recording(directory, COMPATIBLE), "-p", ".", "--", "true") if tools.custody.scripts else ()
    return Prepared(
        sides=(custody, *compatible(*arguments), *reference, no_op(tools, directory)),
        check=partial(_check_links, directory, 1),
    )


def prepare_recording(
    tools: Tools, directory: str, *, plant: Callable[[str], None], excludes: Sequence[str] = ()
) -> Prepared:
    """Return signed recordings of the tree that `plant` makes, without a command."""
    tree = os.path.join(directory, "tree")
    plant(tree)
    names = list(files_in(tree, excludes))
    excluding = ("--exclude", *excludes) if excludes else ()
    return Prepared(
        sides=(
            *_recordings(tools, directory, tree, "-p", ".", *excluding, "-x"),
            *openssl(tools, tree, names, algorithm="sha256", times=_RECORDINGS),
            walk(tools, tree, times=_RECORDINGS, skipping=excludes),
        ),
        check=partial(_check_links, directory, len(names)),
    )


def prepare_cached_recording(tools: Tools, directory: str, *, plant: Callable[[str], None]) -> Prepared:
    """Return signed recordings of materials that have not changed: custody's with a digest cache, the others' without.

    The round that warms up makes the cache.
    """
    tree = os.path.join(directory, "tree")
    plant(tree)
    count = sum(1 for _ in files_in(tree))
    cache = os.path.join(directory, "digests")
    cached, *reference = _recordings(tools, directory, tree, "-x", only_custody=("--digest-cache", cache))
    plain = custody_side(tools, tree, "run", *_recording(directory, "without"), "-x")
    time.sleep(_REST_SECONDS)
    return Prepared(
        sides=(
            cached,
            replace(plain, label="custody, no cache", tool=VARIANT),
            *reference,
            walk(tools, tree, times=1),
        ),
        check=partial(_check_links, directory, count, products=0),
    )


def prepare_verification(tools: Tools, directory: str, *, write: Callable[[str], Chain]) -> Prepared:
    """Return verifications of the chain that `write` writes, which all accept it."""
    chain = write(directory)
    return Prepared(sides=(*_verifications(tools, chain), *_reading(tools, directory, chain)))


def prepare_tiny_verification(tools: Tools, directory: str, *, write: Callable[[str], Chain]) -> Prepared:
    """Return the same, by the in-toto-verify of custody-in-toto too."""
    chain = write(directory)
    custody, *reference = _verifications(tools, chain)
    compatible = compatible_side(tools, chain.links, "in-toto-verify", *_verifying(chain))
    return Prepared(sides=(custody, *compatible, *reference, *_reading(tools, directory, chain)))


def prepare_rejection(
    tools: Tools, directory: str, *, write: Callable[[str], Chain], words: str, alone: bool = False
) -> Prepared:
    """Return verifications that all reject the chain with these `words`; custody's `alone` where others cannot."""
    chain = write(directory)
    custody, *reference = _verifications(tools, chain, rejects_with=words)
    return Prepared(sides=(custody, *(() if alone else reference), *_reading(tools, directory, chain)))


def growing_recording(tools: Tools, directory: str, tree: str) -> tuple[Side, ...]:
    """Return the signed recordings of `tree` by both tools, without limits."""
    return _recordings(tools, directory, tree, "-p", ".", "-x")


def growing_verification(tools: Tools, chain: Chain) -> tuple[Side, ...]:
    """Return the verifications of `chain` by both tools, without limits."""
    return _verifications(tools, chain)


def _recordings(
    tools: Tools, directory: str, tree: str, *more: str, only_custody: Sequence[str] = ()
) -> tuple[Side, ...]:
    """Return the signed recordings of `tree` with `more` arguments by both tools."""
    custody = custody_side(tools, tree, "run", *_recording(directory, CUSTODY), *only_custody, *more)
    if tools.reference is None:
        return (custody,)
    return (custody, *reference_side(tools, tree, "in-toto-run", *_recording(directory, REFERENCE), *more))


def _recording(directory: str, tool: str) -> tuple[str, ...]:
    """Return the arguments that record the current directory; only where the link goes differs by tool."""
    key = os.path.join(directory, "keys", "functionary")
    if not os.path.exists(key):
        write_key(os.path.dirname(key), os.path.basename(key))
    links = os.path.join(directory, "links", tool)
    os.makedirs(links, exist_ok=True)
    return ("-n", "record", "--signing-key", key, "-d", links, "-m", ".")


def _verifications(tools: Tools, chain: Chain, *, rejects_with: str = "") -> tuple[Side, ...]:
    arguments = _verifying(chain)
    return (
        custody_side(tools, chain.links, "verify", *arguments, rejects_with=rejects_with),
        *reference_side(tools, chain.links, "in-toto-verify", *arguments, rejects_with=rejects_with),
    )


def _verifying(chain: Chain) -> tuple[str, ...]:
    return ("-l", chain.layout, "--verification-keys", chain.owner_key, "--link-dir", chain.links)


def _reading(tools: Tools, directory: str, chain: Chain) -> tuple[Side, ...]:
    """Return the limits of a verification: whoever checks an Ed25519 signature hashes all that it covers."""
    return (*openssl(tools, directory, chain.files, algorithm="sha512"), no_op(tools, directory))


def _check_links(directory: str, materials: int, *, products: int | None = None) -> None:
    """Demand that every tool recorded so many materials and products, and the same ones as custody.

    There are as many products as materials unless told otherwise.
    """
    expected = {"materials": materials, "products": materials if products is None else products}
    links = os.path.join(directory, "links")
    recorded = {tool: _recorded(os.path.join(links, tool)) for tool in os.listdir(links)}
    for tool, sides in recorded.items():
        for side, found in sides.items():
            if len(found) != expected[side]:
                raise CaseFailedError(f"{tool} recorded {len(found)} {side}, expected {expected[side]}")
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
