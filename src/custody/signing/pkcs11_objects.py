"""Finding the one key on a token that a URI means, and its public half.

Labels are no ids: nothing keeps two keys from having the same. If several keys are meant, none is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.errors import SignatureError, UsageError
from custody.signing.pkcs11_material import attribute, key_type, spki_of
from custody.signing.pkcs11_token import said
from custody.signing.pkcs11_uri import shown_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pkcs11.constants import Attribute, ObjectClass
    from pkcs11.types import Object

    from custody.signing.pkcs11_login import Opened
    from custody.signing.pkcs11_uri import KeyURI

__all__ = ["find_private", "find_public", "is_taken", "public_half"]

_MOST_LISTED = 20
"""As many keys as an error message lists."""

_PUBLIC_SUFFIX = ".pub"


def find_private(opened: Opened, uri: KeyURI) -> Object:
    """Return the private key that `uri` means.

    Raises:
        UsageError: there is none, or several.

    """
    from pkcs11.constants import ObjectClass

    found = _objects(opened, ObjectClass.PRIVATE_KEY, uri)
    if len(found) > 1:
        raise _several(opened, uri, found)
    if not found:
        raise _no_such(opened, uri, ObjectClass.PRIVATE_KEY)
    return found[0]


def find_public(opened: Opened, uri: KeyURI) -> bytes | None:
    """Return the key in the public keys that `uri` means, else in such certificates; None if there are none.

    A label may be that of the private key with `.pub` behind it, as files with public keys are called.

    Raises:
        UsageError: there are several different ones.
        FormatError: it is of a kind that is not supported.

    """
    from pkcs11.constants import ObjectClass

    for meant in _spellings(uri):
        for kind in (ObjectClass.PUBLIC_KEY, ObjectClass.CERTIFICATE):
            found = _objects(opened, kind, meant)
            material = {spki_of(thing, opened.name) for thing in found}
            if len(material) > 1:
                raise _several(opened, meant, found)
            if material:
                return material.pop()
    if opened.is_logged_in():  # a private key may be there all the same
        for meant in _spellings(uri):
            if _objects(opened, ObjectClass.PRIVATE_KEY, meant):
                return public_half(opened, find_private(opened, meant))
    return None


def public_half(opened: Opened, private: Object) -> bytes:
    """Return the public half of a private key: out of itself, or of what has its id, or of what has its label.

    Raises:
        UsageError: there is none on the token, or there are several different ones.
        FormatError: it is of a kind that is not supported.

    """
    from pkcs11.constants import Attribute, ObjectClass

    if attribute(private, Attribute.MODULUS) and attribute(private, Attribute.PUBLIC_EXPONENT):
        return spki_of(private, opened.name)
    name = Attribute.ID if attribute(private, Attribute.ID) else Attribute.LABEL
    wanted = _wanted(private, name)
    for kind in (ObjectClass.PUBLIC_KEY, ObjectClass.CERTIFICATE):
        found = [thing for thing in _search(opened, {Attribute.CLASS: kind, **wanted}) if _go_together(private, thing)]
        material = {spki_of(thing, opened.name) for thing in found}
        if len(material) > 1:
            raise UsageError(
                f"{opened.name} holds several public keys beside {_called(private)}; which is its public half? give"
                " each pair an id of its own"
            )
        if material:
            return material.pop()
    raise UsageError(
        f"{opened.name} holds no public half of {_called(private)}: no public key or certificate with the same"
        f" {'id' if name == Attribute.ID else 'label'}; put it there, as with `pkcs11-tool --write-object`"
    )


def is_taken(opened: Opened, uri: KeyURI) -> bool:
    """Return whether a key on the token has the label of `uri`, or its id, already."""
    from pkcs11.constants import ObjectClass

    names = [uri.replace(keyid=None), uri.replace(label=None)] if uri.keyid and uri.label else [uri]
    kinds = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)
    return any(_objects(opened, kind, name) for kind in kinds for name in names)


def _spellings(uri: KeyURI) -> tuple[KeyURI, ...]:
    if uri.label is None or not uri.label.removesuffix(_PUBLIC_SUFFIX) or not uri.label.endswith(_PUBLIC_SUFFIX):
        return (uri,)
    return uri, uri.replace(label=uri.label.removesuffix(_PUBLIC_SUFFIX))


def _objects(opened: Opened, kind: ObjectClass, uri: KeyURI) -> list[Object]:
    from pkcs11.constants import Attribute

    wanted: dict[Attribute, object] = {Attribute.CLASS: kind}
    if uri.label is not None:
        wanted[Attribute.LABEL] = uri.label
    if uri.keyid is not None:
        wanted[Attribute.ID] = uri.keyid
    return _search(opened, wanted)


def _search(opened: Opened, wanted: dict[Attribute, object]) -> list[Object]:
    from pkcs11.exceptions import PKCS11Error

    try:
        return list(opened.session.get_objects(wanted))
    except PKCS11Error as error:
        raise SignatureError(f"{opened.name} cannot be searched: {said(error)}") from None


def _wanted(private: Object, name: Attribute) -> dict[Attribute, object]:
    from pkcs11.constants import Attribute

    value = attribute(private, name) if name == Attribute.ID else _label(private)
    return {name: value}


def _go_together(private: Object, other: Object) -> bool:
    """Return whether the two can be halves of one key: of one kind, and on one curve, as far as both say so."""
    from pkcs11.constants import Attribute, ObjectClass

    if other.object_class == ObjectClass.CERTIFICATE:
        return True
    own, others = attribute(private, Attribute.EC_PARAMS), attribute(other, Attribute.EC_PARAMS)
    return key_type(private) == key_type(other) and (not own or own == others)


def _label(thing: Object) -> str:
    from pkcs11.constants import Attribute
    from pkcs11.exceptions import PKCS11Error

    try:
        return str(thing[Attribute.LABEL])
    except (PKCS11Error, UnicodeDecodeError):
        return ""


def _called(thing: Object) -> str:
    from pkcs11.constants import Attribute

    return f"{_label(thing)!r:.80} ({shown_id(attribute(thing, Attribute.ID))})"


def _no_such(opened: Opened, uri: KeyURI, kind: ObjectClass) -> UsageError:
    from pkcs11.constants import Attribute

    others = _search(opened, {Attribute.CLASS: kind})
    there = f"there is {_list_of(others)}" if others else "it holds no private keys"
    return UsageError(f"{opened.name} holds no private {uri.shown}; {there}")


def _several(opened: Opened, uri: KeyURI, found: Sequence[Object]) -> UsageError:
    return UsageError(
        f"{opened.name} holds more than one {uri.shown}: {_list_of(found)}; say which, by object=LABEL, by id, or both"
    )


def _list_of(things: Sequence[Object]) -> str:
    names = sorted(_called(thing) for thing in things)
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more
