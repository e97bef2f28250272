"""A layout as people read it: who may do what with which artifacts, and until when.

`tree_lines` yields lines for a terminal, `tree_document` plain data for programs. Neither escapes anything: what
prints them has to, since a layout's author may be anybody.
"""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from custody.encoding.instants import write_instant
from custody.envelopes.reader import digest_of
from custody.envelopes.signers import signed_by
from custody.keys.key import as_keyless
from custody.keys.keyid import keyid_of, short_id
from custody.keys.public import PublicKey
from custody.rules.grammar import write_text
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.keys.x509_constraint import CertificateConstraint
    from custody.models.layout import Inspection, Layout, Step
    from custody.rules.variants import Rule

__all__ = ["CheckedSignature", "check_signatures", "own_id", "tree_document", "tree_lines"]

_WIDTH = 12


class CheckedSignature(Value):
    """A signature of an envelope; `good` is None where no key was given to check it with."""

    keyid: str
    good: bool | None


def check_signatures(envelope: Envelope, keys: Sequence[Key], at: datetime) -> tuple[CheckedSignature, ...]:
    """Return every signature, each checked with all of `keys` as of `at`; without keys, none is checked."""
    checked = []
    for signature in envelope.signatures:
        good = None
        if keys:
            one = envelope.replace(signatures=(signature,))
            good = bool(signed_by(one, keys, at=at))
        checked.append(CheckedSignature(keyid=signature.keyid, good=good))
    return tuple(checked)


def own_id(key: Key) -> str:
    """Return the id that follows from `key` if the layout calls it otherwise, else nothing.

    The id in a layout is a label (D3). Its author may have put another key's id there, which people would recognise.
    """
    if key.keyid in key.own_ids:
        return ""
    return keyid_of(key.keytype, key.scheme, key.public) if isinstance(key, PublicKey) else min(key.own_ids)


def tree_lines(
    layout: Layout,
    at: datetime,
    *,
    title: str,
    envelope: Envelope | None = None,
    keys: Sequence[Key] = (),
    names: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Yield the layout line by line.

    `envelope` is what it came in, `keys` those to check signatures with, `names` what its source calls key ids.
    """
    called = names or {}
    yield f"{title}: {_kind(envelope)}"
    yield from _field("readme", layout.readme.split("\n") if layout.readme else ())
    yield from _field("expires", [f"{write_instant(layout.expires)}, {_left(layout, at)}"])
    if envelope is not None:
        yield from _field("digest", [f"sha256:{digest_of(envelope)}"])
        signatures = check_signatures(envelope, keys, at)
        yield from _field("signed by", [_signature_text(s) for s in signatures] or ["nobody yet"])
    yield from _field("ignored", layout.ignored)
    yield "keys"
    for keyid, key in layout.keys.items():
        name = f"  {called[keyid]}" if keyid in called else ""
        own = own_id(key)
        yield f"  {keyid}  {key.scheme}{name}{f'  only a label: the id of this key is {own}' if own else ''}"
        keyless = as_keyless(key)
        if keyless is not None:
            yield f"    {keyless.subject}, vouched for by {keyless.issuer}"
    yield from _authority_lines(layout, called)
    yield "steps"
    key_texts = _key_texts(layout, called)
    for number, step in enumerate(layout.steps, 1):
        yield from _step_lines(number, step, key_texts, called)
    if layout.inspect:
        yield "inspections"
    for number, inspection in enumerate(layout.inspect, 1):
        yield f"  {number} {inspection.name}"
        yield from _field("run", [shlex.join(inspection.run)], 4)
        yield from _rule_lines(inspection)


def tree_document(
    layout: Layout,
    at: datetime,
    *,
    title: str,
    envelope: Envelope | None = None,
    keys: Sequence[Key] = (),
    names: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Return the same as plain data, rules as text; a key that `names` does not know has the name null."""
    called = names or {}
    signatures = check_signatures(envelope, keys, at) if envelope is not None else ()
    return {
        "file": title,
        "envelope": envelope.kind if envelope is not None else None,
        "digest": f"sha256:{digest_of(envelope)}" if envelope is not None else None,
        "signatures": [{"keyid": s.keyid, "verified": s.good} for s in signatures],
        "readme": layout.readme,
        "expires": write_instant(layout.expires),
        "expired": at >= layout.expires,
        "days_left": (layout.expires - at).days,
        "ignored": list(layout.ignored),
        "keys": {
            keyid: {
                "keytype": key.keytype,
                "scheme": key.scheme,
                "name": called.get(keyid),
                "own_keyid": own_id(key) or keyid,
                **(keyless.keyval if (keyless := as_keyless(key)) is not None else {}),
            }
            for keyid, key in layout.keys.items()
        },
        **_authorities(layout, called),
        "steps": [_with_texts(step.document(), step) for step in layout.steps],
        "inspect": [_with_texts(item.document(), item) for item in layout.inspect],
    }


def _with_texts(document: dict[str, object], item: Step | Inspection) -> dict[str, object]:
    texts = {
        "expected_materials": [write_text(rule) for rule in item.expected_materials],
        "expected_products": [write_text(rule) for rule in item.expected_products],
    }
    return {name: value for name, value in document.items() if name != "_type"} | texts


def _kind(envelope: Envelope | None) -> str:
    if envelope is None:
        return "the source of a layout"
    names = {"metablock": "Metablock", "dsse": "DSSE envelope"}
    return f"a layout in a {names.get(envelope.kind, envelope.kind)}"


def _left(layout: Layout, at: datetime) -> str:
    left = layout.expires - at
    if at >= layout.expires:
        return f"expired {_days((at - layout.expires).days)} ago"
    return f"in {_days(left.days)}" if left.days else "in less than a day"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _signature_text(signature: CheckedSignature) -> str:
    state = {None: "not checked", True: "good", False: "NOT by a given key"}[signature.good]
    return f"{signature.keyid or 'a key without a name'} ({state})"


def _authorities(layout: Layout, called: Mapping[str, str]) -> dict[str, object]:
    """Return the CAs as plain data, nothing where there are none."""
    return {
        kind: {
            keyid: {
                "subject": certificate.subject,
                "sha256": certificate.fingerprint,
                "not_after": write_instant(certificate.not_after),
                "name": called.get(keyid),
            }
            for keyid, certificate in authorities.items()
        }
        for kind, authorities in (("rootcas", layout.rootcas), ("intermediatecas", layout.intermediatecas))
        if authorities
    }


def _authority_lines(layout: Layout, called: Mapping[str, str]) -> Iterator[str]:
    for title, authorities in (("root CAs", layout.rootcas), ("intermediate CAs", layout.intermediatecas)):
        if authorities:
            yield title
        for keyid, certificate in authorities.items():
            name = f"  {called[keyid]}" if keyid in called else ""
            yield f"  {keyid}  {certificate.subject}, until {write_instant(certificate.not_after)}{name}"
            if keyid != certificate.fingerprint:
                yield from _field("sha256", [certificate.fingerprint], 4)


def _constraint_text(constraint: CertificateConstraint, called: Mapping[str, str]) -> str:
    """Return a constraint in one line: the names that a certificate must have, and the roots."""
    roots = ", ".join(called.get(keyid, short_id(keyid)) for keyid in constraint.roots)
    kinds = {
        "common name": (constraint.common_name,) if constraint.common_name else (),
        "DNS names": constraint.dns_names,
        "emails": constraint.emails,
        "organizations": constraint.organizations,
        "URIs": constraint.uris,
    }
    wanted = [f"{kind} {', '.join(values)}" for kind, values in kinds.items() if values not in ((), ("*",))]
    banned = [kind for kind, values in kinds.items() if not values]
    text = "; ".join([*wanted, *([f"no {', '.join(banned)}"] if banned else [])]) or "any name"
    return f"a certificate with {text}; under {'any root' if constraint.any_root else roots or 'no root'}"


def _step_lines(number: int, step: Step, keys: Mapping[str, str], called: Mapping[str, str]) -> Iterator[str]:
    yield f"  {number} {step.name}"
    several = step.threshold > 1 or len(step.pubkeys) + len(step.cert_constraints) > 1
    count = f"{step.threshold} of " if several else ""
    names = ", ".join(keys.get(keyid, f"{short_id(keyid)} (not among the keys)") for keyid in step.pubkeys)
    certificates = [_constraint_text(constraint, called) for constraint in step.cert_constraints]
    first, *others = [*([names] if names else []), *certificates] or ["nobody"]
    yield from _field("signed by", [f"{count}{first}", *others], 4)
    yield from _field("command", [shlex.join(step.expected_command) or "(any)"], 4)
    yield from _rule_lines(step)


def _key_texts(layout: Layout, called: Mapping[str, str]) -> dict[str, str]:
    """Return how each key is named beside the steps that it may sign for."""
    short = Counter(short_id(keyid) for keyid in layout.keys)
    texts = {}
    for keyid, key in layout.keys.items():
        # Somebody may have searched for a key whose id begins like another's.
        shown = short_id(keyid) if short[short_id(keyid)] == 1 else keyid
        own, name = own_id(key), called.get(keyid)
        labelled = f"{short_id(own)} labelled {shown}" if own else shown
        texts[keyid] = f"{f'{name} ' if name else ''}{labelled} ({key.keytype})"
    parts = {
        subkey: f"subkey {short_id(subkey)} of {texts[keyid]}"
        for subkey, keyid in layout.subkeys.items()
        if subkey not in texts
    }
    return parts | texts


def _rule_lines(item: Step | Inspection) -> Iterator[str]:
    yield from _field("materials", _texts(item.expected_materials), 4)
    yield from _field("products", _texts(item.expected_products), 4)


def _texts(rules: Iterable[Rule]) -> list[str]:
    return [write_text(rule) for rule in rules] or ["(no rules: everything is allowed)"]


def _field(name: str, values: Iterable[str], indent: int = 2) -> Iterator[str]:
    """Yield the values below each other, the name before the first."""
    for value in values:
        yield f"{' ' * indent}{name:{_WIDTH}}{value}"
        name = ""
