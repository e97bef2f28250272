"""A layout: what a project owner demands of a supply chain (specification 1.0, section 4.3).

A field that this reader does not know may be a restriction that its author relies on, so it is an error, unless the
verifier names its path as one to ignore (D2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from custody.encoding.fields import Fields, as_list, as_object, describe, path_to, plain_name
from custody.encoding.instants import read_instant, write_instant
from custody.errors import FormatError
from custody.keys.document import read_key, write_key
from custody.keys.key import as_openpgp, refuse_shared_subkeys, trusting
from custody.keys.public import PublicKey
from custody.rules.grammar import parse_rules, write_rule
from custody.rules.variants import Rule
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized

    from custody.keys.key import Key, Trust
    from custody.keys.x509_certificate import Certificate
    from custody.keys.x509_constraint import CertificateConstraint

__all__ = ["LAYOUT_TYPE", "Inspection", "Layout", "Step", "read_layout"]

_T = TypeVar("_T")

LAYOUT_TYPE = "layout"

MAX_ITEMS = 1000
"""The most steps, inspections or keys of one layout."""

_EMPTY_MEANS_NOTHING = frozenset({"certificate"})
"""What other implementations write; empty it restricts nobody."""

_EMPTY: tuple[object, ...] = (None, "", [], {})

_INSTEAD = {
    "version": "layouts have no version; leave it out",
    "signatures": "signatures stand beside 'signed', not inside it",
    "inspections": "write 'inspect'",
    "functionaries": "write 'pubkeys' with key ids, and the keys under 'keys'",
    "expected_command": "an inspection's command is 'run'",
    "run": "a step's command is 'expected_command'",
}


class Step(Value):
    """One step: who may perform it, how many must agree, and what they may use and make."""

    name: str
    pubkeys: tuple[str, ...] = ()
    threshold: int = 1
    expected_command: tuple[str, ...] = ()
    expected_materials: tuple[Rule, ...] = ()
    expected_products: tuple[Rule, ...] = ()
    cert_constraints: tuple[CertificateConstraint, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the step as JSON data."""
        constraints = [constraint.document() for constraint in self.cert_constraints]
        return {
            "_type": "step",
            "name": self.name,
            "pubkeys": list(self.pubkeys),
            "threshold": self.threshold,
            "expected_command": list(self.expected_command),
            "expected_materials": [write_rule(rule) for rule in self.expected_materials],
            "expected_products": [write_rule(rule) for rule in self.expected_products],
            **({"cert_constraints": constraints} if constraints else {}),
        }


class Inspection(Value):
    """A command that the verifier runs, with rules for what was there before and after."""

    name: str
    run: tuple[str, ...]
    expected_materials: tuple[Rule, ...] = ()
    expected_products: tuple[Rule, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the inspection as JSON data."""
        return {
            "_type": "inspection",
            "name": self.name,
            "run": list(self.run),
            "expected_materials": [write_rule(rule) for rule in self.expected_materials],
            "expected_products": [write_rule(rule) for rule in self.expected_products],
        }


class Layout(Value):
    """The owner's demands.

    `ignored` are paths of unknown fields that the verifier chose to ignore. `subkeys` follows from `keys`: the id of
    the key that each OpenPGP subkey belongs to. `rootcas` and `intermediatecas` are what the certificate constraints of
    steps build on, by their ids.
    """

    expires: datetime
    steps: tuple[Step, ...] = ()
    inspect: tuple[Inspection, ...] = ()
    keys: Mapping[str, Key] = {}
    readme: str = ""
    rootcas: Mapping[str, Certificate] = {}
    intermediatecas: Mapping[str, Certificate] = {}
    ignored: tuple[str, ...] = ()
    subkeys: Mapping[str, str] = {}

    def _validate(self) -> None:
        found = {name: keyid for keyid, key in self.keys.items() if as_openpgp(key) is not None for name in key.names}
        object.__setattr__(self, "subkeys", found)

    def document(self) -> dict[str, Any]:
        """Return the layout as JSON data; `read_layout(layout.document()) == layout` if nothing was ignored."""
        return {
            "_type": LAYOUT_TYPE,
            "expires": write_instant(self.expires),
            "readme": self.readme,
            "keys": {keyid: write_key(key) for keyid, key in self.keys.items()},
            **self._authorities(),
            "steps": [step.document() for step in self.steps],
            "inspect": [inspection.document() for inspection in self.inspect],
        }

    def _authorities(self) -> dict[str, Any]:
        """Return the CAs as JSON data; nothing where there are none, so that most layouts are as they always were."""
        given = {"rootcas": self.rootcas, "intermediatecas": self.intermediatecas}
        if not any(given.values()):
            return {}
        from custody.models.certificates import write_authorities  # few layouts have some

        return {name: write_authorities(authorities) for name, authorities in given.items() if authorities}

    def roots_of(self, constraint: CertificateConstraint) -> tuple[Certificate, ...]:
        """Return the root certificates to which a path may lead; an id without a certificate is left out."""
        if constraint.any_root:
            return tuple(self.rootcas.values())
        return tuple(self.rootcas[keyid] for keyid in constraint.roots if keyid in self.rootcas)

    def step(self, name: str) -> Step | None:
        """Return the step called `name`, or None."""
        return next((step for step in self.steps if step.name == name), None)

    def key(self, keyid: str) -> Key | None:
        """Return the key that a step may list as `keyid`, None if the layout does not hold it.

        The id of an OpenPGP subkey means its primary key, with that subkey's signatures only.
        """
        if keyid in self.keys:
            return self.keys[keyid]
        key = self.keys.get(self.subkeys.get(keyid, ""))
        openpgp = None if key is None else as_openpgp(key)
        return None if openpgp is None else openpgp.replace(only=keyid)

    def trusting(self, trust: Trust | None) -> Layout:
        """Return the layout; the identities that it has in the place of keys then count as a trusted root has them."""
        if trust is None or all(isinstance(key, PublicKey) for key in self.keys.values()):
            return self
        return self.replace(keys={keyid: trusting(key, trust) for keyid, key in self.keys.items()})

    def keys_of(self, step: Step) -> tuple[Key, ...]:
        """Return the keys that may sign for `step`; a key id without a key is left out."""
        found = (self.key(keyid) for keyid in dict.fromkeys(step.pubkeys))
        return tuple(key for key in found if key is not None)


class _UnknownFields:
    """Decides about fields that the reader does not know, and remembers those it was told to ignore."""

    def __init__(self, ignore: Iterable[str]) -> None:
        self._ignore = frozenset(ignore)
        self.ignored: list[str] = []

    def refuse(self, fields: Fields) -> None:
        for path, value in fields.unknown():
            name = path.rpartition(".")[2]  # other names than these are quoted in a path, if they have dots
            if name in _EMPTY_MEANS_NOTHING and value in _EMPTY:
                continue
            if path in self._ignore:
                self.ignored.append(path)
                continue
            default = f"remove it, or accept the risk with --ignore-field {path}"
            if name == "certificate":
                default = (
                    "a key in 'keys' counts by itself, whatever its certificate says; ask for certificates with the"
                    f" step's cert_constraints, and leave this out, or accept the risk with --ignore-field {path}"
                )
            raise FormatError(f"unknown field with {describe(value)}", where=path, remedy=_INSTEAD.get(name, default))


def read_layout(document: object, *, ignore: Iterable[str] = ()) -> Layout:
    """Return the layout that `document` writes.

    `ignore` are paths of unknown fields, such as `steps[0].comment`, that do not matter to the caller.

    Raises:
        FormatError: a field is missing, wrong or unknown; the message has its path and what to write instead.

    """
    unknown = _UnknownFields(ignore)
    fields = Fields(document)
    fields.constant("_type", LAYOUT_TYPE)
    layout = Layout(
        expires=read_instant(fields.any("expires"), "expires"),
        readme=fields.text("readme", ""),
        keys=_read_keys(fields.any("keys"), unknown),
        steps=_read_items(fields.any("steps"), "steps", lambda v, w: _read_step(v, w, unknown)),
        inspect=_read_items(fields.any("inspect", []), "inspect", lambda v, w: _read_inspection(v, w, unknown)),
        rootcas=_read_authorities(fields, "rootcas", unknown),
        intermediatecas=_read_authorities(fields, "intermediatecas", unknown),
    )
    unknown.refuse(fields)
    _refuse_same_names(layout)
    return layout.replace(ignored=tuple(unknown.ignored))


def _read_keys(value: object, unknown: _UnknownFields) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    entries = as_object(value, "keys")
    _refuse_many(entries, "keys")
    for keyid, entry in entries.items():
        where = path_to("keys", keyid)
        keys[keyid] = read_key(entry, where, refuse_unknown=unknown.refuse, listed_as=keyid)
    refuse_shared_subkeys(keys.values(), "keys")
    return keys


def _read_authorities(fields: Fields, name: str, unknown: _UnknownFields) -> dict[str, Certificate]:
    value = fields.any(name, None)
    if value in _EMPTY:
        return {}
    from custody.models.certificates import read_authorities  # few layouts have some

    return read_authorities(value, fields.path(name), unknown.refuse)


def _read_cert_constraints(fields: Fields, unknown: _UnknownFields) -> tuple[CertificateConstraint, ...]:
    value = fields.any("cert_constraints", None)
    if value in _EMPTY:
        return ()
    from custody.models.certificates import read_cert_constraints

    return read_cert_constraints(value, fields.path("cert_constraints"), unknown.refuse)


def _read_step(value: object, where: str, unknown: _UnknownFields) -> Step:
    fields = Fields(value, where)
    if fields.any("_type", "step") != "step":
        fields.constant("_type", "step")
    step = Step(
        name=plain_name(fields.any("name"), fields.path("name")),
        pubkeys=_read_pubkeys(fields),
        threshold=fields.integer("threshold", 1, minimum=1),
        expected_command=fields.texts("expected_command", []),
        expected_materials=parse_rules(fields.any("expected_materials", []), fields.path("expected_materials")),
        expected_products=parse_rules(fields.any("expected_products", []), fields.path("expected_products")),
        cert_constraints=_read_cert_constraints(fields, unknown),
    )
    unknown.refuse(fields)
    return step


def _read_pubkeys(fields: Fields) -> tuple[str, ...]:
    pubkeys = fields.texts("pubkeys")  # may be empty where certificates are enough
    _refuse_many(pubkeys, fields.path("pubkeys"))
    return pubkeys


def _read_inspection(value: object, where: str, unknown: _UnknownFields) -> Inspection:
    fields = Fields(value, where)
    if fields.any("_type", "inspection") != "inspection":
        fields.constant("_type", "inspection")
    name = plain_name(fields.any("name"), fields.path("name"))
    run = fields.texts("run", []) if fields.has("run") else ()
    rules = [
        parse_rules(fields.any(side, []), fields.path(side)) for side in ("expected_materials", "expected_products")
    ]
    unknown.refuse(fields)
    if not run:
        raise FormatError("missing: an inspection without a command inspects nothing", where=fields.path("run"))
    return Inspection(name=name, run=run, expected_materials=rules[0], expected_products=rules[1])


def _read_items(value: object, where: str, read: Callable[[object, str], _T]) -> tuple[_T, ...]:
    entries = as_list(value, where)
    _refuse_many(entries, where)
    return tuple(read(entry, f"{where}[{i}]") for i, entry in enumerate(entries))


def _refuse_many(entries: Sized, where: str) -> None:
    if len(entries) > MAX_ITEMS:
        raise FormatError(f"expected at most {MAX_ITEMS}, got {len(entries)}", where=where)


def _refuse_same_names(layout: Layout) -> None:
    """Names become file names: two that differ by case only are one file on some systems (A3)."""
    seen: dict[str, str] = {}
    names = [(f"steps[{i}]", step.name) for i, step in enumerate(layout.steps)]
    names += [(f"inspect[{i}]", inspection.name) for i, inspection in enumerate(layout.inspect)]
    for place, name in names:
        earlier = seen.setdefault(_folded(name), place)
        if earlier != place:
            raise FormatError(
                f"{name!r} is the name of {earlier} too",
                where=f"{place}.name",
                remedy="give every step and inspection a name of its own (case does not tell them apart)",
            )


def _folded(name: str) -> str:
    """Return what `name` has in common with the names that some file systems take for the same."""
    if name.isascii():
        return name.lower()
    from unicodedata import normalize

    return normalize("NFC", normalize("NFC", name).casefold())
