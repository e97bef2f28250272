"""The keys of functionaries: a file, a `file:` URI, or the key's own text; and putting them together by id."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from custody.errors import FormatError, StoreError
from custody.files import read_file
from custody.keys.pem import MAX_PEM_BYTES
from custody.keys.public import key_of_pem
from custody.sources.strict_yaml import ListNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custody.keys.public import PublicKey
    from custody.sources.strict_yaml import Node

    ReadKeyFile = Callable[[str], bytes]

__all__ = ["key_of_file", "read_functionaries", "read_key_file", "same_key"]

_PEM_BEGINS = "-----BEGIN"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


def read_key_file(path: str) -> bytes:
    """Return the bytes of the key file `path`, at most as many as any key has."""
    return read_file(path, what="key", limit=MAX_PEM_BYTES)


def key_of_file(path: str, where: str, *, read: ReadKeyFile = read_key_file) -> PublicKey:
    """Return the public key in the file `path`, under the id that the reference gives it."""
    data = read(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"the key file {path!r} is not text", where=where) from None
    try:
        return key_of_pem(text, where)
    except FormatError as error:
        remedy = error.remedy
        if text.lstrip().startswith("{"):
            remedy = "keys of older tools are JSON: turn it into PEM with `custody key convert`"
        raise FormatError(f"{path}: {error.problem}", where=error.where, remedy=remedy) from None


def same_key(keys: Mapping[str, PublicKey], key: PublicKey, where: str) -> str:
    """Return the id under which `keys` holds the material of `key`, or '' if it does not.

    Raises:
        FormatError: the id of `key` is taken by other material, so the id would name two keys (D3).

    """
    taken = keys.get(key.keyid)
    if taken is not None and taken.identity != key.identity:
        raise FormatError(
            f"the key id {key.keyid} already names another key in this layout",
            where=where,
            remedy="one of the two is mislabelled: remove the other key first",
        )
    return next((k for k, known in keys.items() if known.identity == key.identity), "")


def read_functionaries(node: Node, *, base_directory: str, read: ReadKeyFile) -> dict[str, PublicKey]:
    """Return the keys by functionary.

    Raises:
        FormatError: a key cannot be read, is no public key, or two functionaries have the same one.

    """
    if isinstance(node, ListNode):
        raise node.error("expected names with their keys, got a list", "write a line for each: 'alice: keys/alice.pub'")
    result: dict[str, PublicKey] = {}
    keys: dict[str, PublicKey] = {}
    for name, entry in node.entries().items():
        if not name or not name.isprintable():
            raise entry.error(f"expected a functionary's name, got {name!r:.80}")
        key = _read(name, entry, base_directory, read)
        if same_key(keys, key, entry.where):
            other = next(n for n, known in result.items() if known.identity == key.identity)
            raise entry.error(
                f"{name!r:.80} has the same key as {other!r:.80}",
                "a functionary is a key: give each one of their own, or leave one out",
            )
        result[name] = keys[key.keyid] = key
    return result


def _read(name: str, node: Node, base_directory: str, read: ReadKeyFile) -> PublicKey:
    text = node.text()
    if _PEM_BEGINS in text:
        return key_of_pem(text, node.where)
    path = _path(text, node)
    try:
        return key_of_file(os.path.join(base_directory, path), node.where, read=read)
    except StoreError as error:
        remedy = f"put the public key of {name!r:.80} there; `custody keygen` makes a pair"
        raise node.error(str(error), remedy) from None


def _path(text: str, node: Node) -> str:
    scheme = _SCHEME.match(text)
    path = text
    if scheme is not None:
        if scheme[1].lower() != "file":
            raise node.error(
                f"keys cannot be read from {scheme[1]}: URIs",
                "give a PEM file, file:PATH, or the key's text after '|'",
            )
        path = text[scheme.end() :].removeprefix("//")
    if not path.strip():
        raise node.error("expected a key, got ''", "give a PEM file, file:PATH, or the key's text")
    return path
