"""The names in X.509 certificates, and which of them a CA may give out (RFC 5280, 4.2.1.6 and 4.2.1.10).

Names are compared as they stand: nothing is decoded, and no wildcard is expanded. A CA's name constraints hold for
everything below it. Where RFC 5280 leaves a choice, more is refused: a common name that looks like a host or a mailbox
is judged like one, and a constraint of a kind that is not read here refuses everything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cryptography import x509

__all__ = ["NameConstraints", "Names", "Subtree", "forbidden_name", "read_constraints", "read_names"]

MAX_NAMES = 100
"""The most names of a certificate, and the most name constraints of a CA, of all kinds together."""

DistinguishedName = tuple[frozenset[tuple[str, str]], ...]
"""Relative names, each a set of attribute and value, in one spelling of case and white space."""

_COMMON_NAME, _ORGANIZATION, _EMAIL = "2.5.4.3", "2.5.4.10", "1.2.840.113549.1.9.1"
_HOST = r"(?:\*\.)?(?:[A-Za-z0-9_-]+\.)+[A-Za-z0-9-]+\.?"
_URI = r"[A-Za-z][A-Za-z0-9+.-]*://(?P<host>[A-Za-z0-9._-]+)(?::[0-9]*)?(?:[/?#].*)?"


class Names(Value):
    """The names of a certificate by their kinds.

    The first five are what layouts ask for. `mailboxes` are those of the subject, `directories` the subject itself and
    directory names beside it, `addresses` those of `ipaddress`; they matter to name constraints only.
    """

    common_names: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    directories: tuple[DistinguishedName, ...] = ()
    addresses: tuple[object, ...] = ()

    @property
    def personal(self) -> frozenset[str]:
        """What tells its holder from others, in one spelling: every name but the organizations."""
        kinds = {"cn": self.common_names, "dns": self.dns_names, "email": self.emails, "uri": self.uris}
        return frozenset(f"{kind}:{folded(name)}" for kind, names in kinds.items() for name in names if folded(name))


class Subtree(Value):
    """One name constraint: its kind (`dns`, `email`, `uri`, `directory`, `address` or `other`) and its base.

    The base is text, the beginning of a distinguished name, or a network of `ipaddress`.
    """

    kind: str
    base: object


class NameConstraints(Value):
    """What a CA may give out: of each kind in `permitted` only what is there, and nothing in `excluded`."""

    permitted: tuple[Subtree, ...] = ()
    excluded: tuple[Subtree, ...] = ()


def folded(text: str) -> str:
    """Return what `text` has in common with what people take for the same name."""
    if not text.isascii():
        from unicodedata import normalize

        text = normalize("NFKC", normalize("NFKC", text).casefold())
    return " ".join(text.casefold().split())


def read_names(subject: x509.Name, alternative: object, where: str) -> Names:
    """Return the names of a certificate with this subject and extension of alternative names, if it has that."""
    from cryptography import x509

    found: dict[type, list[object]] = {}
    names = list(alternative) if isinstance(alternative, x509.SubjectAlternativeName) else []
    _refuse_many(len(names) + len(subject), where)
    for name in names:
        found.setdefault(type(name), []).append(name.value)
    directories = [value for value in found.get(x509.DirectoryName, ()) if isinstance(value, x509.Name)]
    return Names(
        common_names=_attributes(subject, _COMMON_NAME),
        organizations=_attributes(subject, _ORGANIZATION),
        mailboxes=_attributes(subject, _EMAIL),
        dns_names=_texts(found.get(x509.DNSName, ())),
        emails=_texts(found.get(x509.RFC822Name, ())),
        uris=_texts(found.get(x509.UniformResourceIdentifier, ())),
        directories=tuple(_distinguished(name) for name in (subject, *directories) if len(name)),
        addresses=tuple(found.get(x509.IPAddress, ())),
    )


def read_constraints(extension: object, where: str) -> NameConstraints | None:
    """Return the name constraints of a CA; None if it has none."""
    from cryptography import x509

    if not isinstance(extension, x509.NameConstraints):
        return None
    permitted, excluded = extension.permitted_subtrees or [], extension.excluded_subtrees or []
    _refuse_many(len(permitted) + len(excluded), where)
    return NameConstraints(permitted=tuple(map(_subtree, permitted)), excluded=tuple(map(_subtree, excluded)))


def forbidden_name(constraints: NameConstraints, names: Names) -> str:
    """Return a name of `names` that `constraints` do not allow, for people; '' if they allow all of them."""
    everything = [*constraints.permitted, *constraints.excluded]
    if any(subtree.kind == "other" for subtree in everything):
        return "any name, since it constrains names of a kind that is not read here"
    for kind, name in _named(names):
        permitted = [subtree for subtree in constraints.permitted if subtree.kind == kind]
        excluded = [subtree for subtree in constraints.excluded if subtree.kind == kind]
        if permitted and not any(_CONTAINS[kind](subtree.base, name) is True for subtree in permitted):
            return _shown(kind, name)
        if any(_CONTAINS[kind](subtree.base, name) is not False for subtree in excluded):
            return _shown(kind, name)
    return ""


def _named(names: Names) -> Iterable[tuple[str, object]]:
    """Yield every name with the kind of constraint that is for it."""
    # A common name is no host by RFC 5280, but people and layouts may read it as one.
    hosts = [name for name in names.common_names if re.fullmatch(_HOST, name)]
    mailboxes = [name for name in names.common_names if "@" in name]
    yield from (("dns", name) for name in (*names.dns_names, *hosts))
    yield from (("email", name) for name in (*names.emails, *names.mailboxes, *mailboxes))
    yield from (("uri", name) for name in names.uris)
    yield from (("directory", name) for name in names.directories)
    yield from (("address", name) for name in names.addresses)


def _shown(kind: str, name: object) -> str:
    if kind != "directory" or not isinstance(name, tuple):
        return f"the {kind} name {str(name)!r:.120}"
    return "the subject, or a directory name beside it"


def _host_within(base: object, name: object) -> bool | None:
    """Return whether the host `name` is `base` or below; a wildcard above it is neither quite in nor out."""
    zone, host = str(base).casefold().rstrip("."), str(name).casefold().rstrip(".")
    if not zone or host == zone or host.endswith(zone if zone.startswith(".") else f".{zone}"):
        return True
    return None if host.startswith("*.") and f".{zone}".endswith(host[1:]) else False


def _mailbox_within(base: object, name: object) -> bool | None:
    """Return whether the mailbox `name` is `base`, or on the host `base`, or on one below `.base`."""
    wanted, mailbox = str(base), str(name)
    local, at, host = mailbox.rpartition("@")
    if not at or not local or "@" in local or '"' in local:
        return None  # quoted or malformed: nobody can say on which host it is
    if "@" not in wanted:
        return _exact_host(wanted, host)
    own_local, _, own_host = wanted.rpartition("@")
    if own_host.casefold() != host.casefold() or own_local.casefold() != local.casefold():
        return False
    return True if own_local == local else None  # whether case matters, only the host knows


def _uri_within(base: object, name: object) -> bool | None:
    """Return whether the URI's host is `base`, or below `.base`; unknown for a URI without a plain host."""
    match = re.fullmatch(_URI, str(name), re.DOTALL)
    return None if match is None else _exact_host(str(base), match["host"])


def _exact_host(base: str, host: str) -> bool:
    zone, own = base.casefold().rstrip("."), host.casefold().rstrip(".")
    return own.endswith(zone) and own != zone if zone.startswith(".") else own == zone or not zone


def _directory_within(base: object, name: object) -> bool | None:
    return isinstance(base, tuple) and isinstance(name, tuple) and name[: len(base)] == base


def _address_within(base: object, name: object) -> bool | None:
    try:
        return name in base  # type: ignore[operator]  # an address and a network
    except TypeError:
        return None


_CONTAINS: dict[str, Callable[[object, object], bool | None]] = {
    "dns": _host_within,
    "email": _mailbox_within,
    "uri": _uri_within,
    "directory": _directory_within,
    "address": _address_within,
}
"""Whether a name is within the base of a subtree; None where that cannot be told, and then it is not allowed."""


def _subtree(name: x509.GeneralName) -> Subtree:
    from cryptography import x509

    if isinstance(name, x509.DirectoryName):
        return Subtree(kind="directory", base=_distinguished(name.value))
    if isinstance(name, x509.IPAddress):
        return Subtree(kind="address", base=name.value)
    for kind, known in (("dns", x509.DNSName), ("email", x509.RFC822Name), ("uri", x509.UniformResourceIdentifier)):
        if isinstance(name, known):
            return Subtree(kind=kind, base=str(name.value))
    return Subtree(kind="other", base="")


def _distinguished(name: x509.Name) -> DistinguishedName:
    return tuple(
        frozenset((part.oid.dotted_string, folded(_text(part.value))) for part in relative) for relative in name.rdns
    )


def _attributes(subject: x509.Name, oid: str) -> tuple[str, ...]:
    return tuple(_text(part.value) for part in subject if part.oid.dotted_string == oid and part.value)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else f"#{value.hex()}"


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(value) for value in values if value)


def _refuse_many(count: int, where: str) -> None:
    if count > MAX_NAMES:
        raise FormatError(f"expected at most {MAX_NAMES} names in a certificate, got {count}", where=where)
