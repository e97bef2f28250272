"""The keys of functionaries: a file, a `file:` or `gpg:` URI, or the key's own text; and putting them together by id.

A file holds PEM, an OpenPGP key as `gpg --export` writes it, or the JSON of a keyless functionary. A source is shared,
so a `gpg:` URI in it names a whole fingerprint and no home: a directory of GnuPG's says what programs gpg starts.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from custody.encoding.fields import as_object
from custody.encoding.strict import read_json
from custody.errors import FormatError, StoreError, UsageError
from custody.files import read_file
from custody.keys.key import refuse_shared_subkeys
from custody.keys.openpgp_forms import MAX_CERTIFICATE_BYTES, is_openpgp
from custody.keys.pem import OPENSSH_BEGINNINGS
from custody.keys.public import key_of_pem, key_of_spki
from custody.sources.strict_yaml import ListNode
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from custody.keys.key import Key
    from custody.sources.strict_yaml import Node

    ReadKeyFile = Callable[[str], bytes]
    KeyOfFingerprint = Callable[[str], Key]

__all__ = ["KeyReader", "key_of_file", "read_functionaries", "read_key_file", "same_key"]

_PEM_BEGINS = "-----BEGIN"
_PGP_BEGINS = "-----BEGIN PGP"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_GPG = re.compile(r"gpg:(.*)", re.IGNORECASE | re.DOTALL)
_FINGERPRINT = re.compile(r"[0-9a-fA-F]{40}")


def read_key_file(path: str) -> bytes:
    """Return the bytes of the key file `path`, at most as many as any key has."""
    return read_file(path, what="key", limit=MAX_CERTIFICATE_BYTES)


def key_of_file(path: str, where: str, reader: KeyReader) -> Key:
    """Return the public key in the file `path`, under the id that the reference gives it."""
    data = reader.read(path)
    if is_openpgp(data):
        return _key_of_certificate(data, path, where, reader)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"the key file {path!r} is not text", where=where) from None
    try:
        return _identity_in(data, text) or _key_of_text(data, text, where)
    except FormatError as error:
        remedy = error.remedy
        if text.lstrip().startswith("{"):
            remedy = "keys of older tools are JSON: turn it into PEM with `custody key convert`"
        raise FormatError(f"{path}: {error.problem}", where=error.where, remedy=remedy) from None


def _key_of_text(data: bytes, text: str, where: str) -> Key:
    """Return the key in a PEM file, or in a public key file of OpenSSH."""
    if not data.lstrip().startswith(OPENSSH_BEGINNINGS):
        return key_of_pem(text, where)
    from custody.keys.openssh import spki_of_line  # few keys are of this form

    return key_of_spki(spki_of_line(data, where), where)


def _identity_in(data: bytes, text: str) -> Key | None:
    """Return the keyless functionary in a key file, None if it is no such file."""
    if not text.lstrip().startswith("{"):
        return None
    from custody.keys.keyless_document import is_keyless_document, keyless_key_of  # few functionaries are keyless

    document = as_object(read_json(data), "")
    return keyless_key_of(document) if is_keyless_document(document) else None


def _key_of_certificate(data: bytes, path: str, where: str, reader: KeyReader) -> Key:
    from custody.keys.openpgp_certificate import read_certificate  # few functionaries have such keys

    try:
        return read_certificate(data, "", at=reader.at, remark=reader.remark)
    except FormatError as error:
        raise FormatError(f"{path}: {error.problem}", where=where, remedy=error.remedy) from None


def same_key(keys: Mapping[str, Key], key: Key, where: str) -> str:
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


class KeyReader(Value):
    """Where keys come from: files from `base_directory` on, and GnuPG's keyring, if `of_fingerprint` reaches it.

    OpenPGP keys must be valid at the instant `at`; `remark` is told what their owners should know.
    """

    base_directory: str
    at: datetime
    read: ReadKeyFile = read_key_file
    of_fingerprint: KeyOfFingerprint | None = None
    remark: Callable[[str], None] = lambda _: None


def read_functionaries(node: Node, reader: KeyReader) -> dict[str, Key]:
    """Return the keys by functionary.

    Raises:
        FormatError: a key cannot be read, is no public key, or two functionaries have the same one.

    """
    if isinstance(node, ListNode):
        raise node.error("expected names with their keys, got a list", "write a line for each: 'alice: keys/alice.pub'")
    result: dict[str, Key] = {}
    keys: dict[str, Key] = {}
    for name, entry in node.entries().items():
        if not name or not name.isprintable():
            raise entry.error(f"expected a functionary's name, got {name!r:.80}")
        key = _read(name, entry, reader)
        if same_key(keys, key, entry.where):
            other = next(n for n, known in result.items() if known.identity == key.identity)
            raise entry.error(
                f"{name!r:.80} has the same key as {other!r:.80}",
                "a functionary is a key: give each one of their own, or leave one out",
            )
        result[name] = keys[key.keyid] = key
        refuse_shared_subkeys(keys.values(), entry.where)
    return result


def _read(name: str, node: Node, reader: KeyReader) -> Key:
    text = node.text()
    if _PGP_BEGINS in text:
        return _key_of_certificate(text.encode(errors="replace"), "the text", node.where, reader)
    if _PEM_BEGINS in text:
        return key_of_pem(text, node.where)
    in_keyring = _GPG.fullmatch(text)
    if in_keyring is not None:
        return _key_in_keyring(in_keyring[1], node, reader)
    path = _path(text, node)
    try:
        return key_of_file(os.path.join(reader.base_directory, path), node.where, reader)
    except StoreError as error:
        remedy = f"put the public key of {name!r:.80} there; `custody keygen` makes a pair"
        raise node.error(str(error), remedy) from None


def _key_in_keyring(fingerprint: str, node: Node, reader: KeyReader) -> Key:
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise node.error(
            f"expected 'gpg:' and a whole fingerprint, got {fingerprint!r:.80}",
            "write the 40 digits that `gpg --fingerprint` shows, without spaces",
        )
    if reader.of_fingerprint is None:
        raise node.error("keys in GnuPG's keyring cannot be reached here", "export the key into a file")
    try:
        return reader.of_fingerprint(fingerprint)
    except (FormatError, UsageError) as error:
        raise node.error(str(error)) from None


def _path(text: str, node: Node) -> str:
    scheme = _SCHEME.match(text)
    path = text
    if scheme is not None:
        if scheme[1].lower() != "file":
            raise node.error(
                f"keys cannot be read from {scheme[1]}: URIs",
                "give a key file, file:PATH, gpg:FINGERPRINT, or the key's text after '|'",
            )
        path = text[scheme.end() :].removeprefix("//")
    if not path.strip():
        raise node.error("expected a key, got ''", "give a key file, file:PATH, or the key's text")
    return path
