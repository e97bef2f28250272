"""The readable source of a layout, `supply-chain.yaml`, compiled into a `Layout`.

::

    expires: 6 months
    functionaries:
      alice: keys/alice.pub
    steps:
      - name: clone
        functionaries: [alice]
        expected_command: git clone https://example.com/acme.git
        expected_materials: [DISALLOW *]
        expected_products: [CREATE acme/*, DISALLOW *]

What the specification calls `pubkeys` are the names of functionaries here; everything else has the specification's
own name. Rules are text, or lists as in JSON. Every error has the path and the line.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from custody.encoding.fields import plain_name
from custody.errors import FormatError
from custody.models.layout import Inspection, Layout, Step, read_layout
from custody.rules.grammar import parse_rule, parse_text
from custody.sources.expiry import read_expiry
from custody.sources.functionaries import KeyReader, read_functionaries, read_key_file
from custody.sources.instead import instead_of
from custody.sources.strict_yaml import ListNode, MappingNode, ScalarNode, place, read_yaml
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from custody.keys.key import Key
    from custody.keys.x509_certificate import Certificate
    from custody.keys.x509_constraint import CertificateConstraint
    from custody.rules.variants import Rule
    from custody.sources.strict_yaml import Node

__all__ = ["Source", "compile_source", "read_source"]

_SOURCE = ("readme", "expires", "functionaries", "rootcas", "intermediatecas", "steps", "inspect")
_STEP = (
    "name",
    "functionaries",
    "cert_constraints",
    "threshold",
    "expected_command",
    "expected_materials",
    "expected_products",
)
_INSPECTION = ("name", "run", "expected_materials", "expected_products")


class Source(Value):
    """A compiled source: the layout, the functionaries' names, and where everything stands."""

    layout: Layout
    names: Mapping[str, str]
    lines: Mapping[str, int]

    def place(self, path: str) -> str:
        """Return where a path of the layout stands in the source: `line 12, steps[0].functionaries`."""
        written, line = self._written(path), self.line(path)
        return place(line, written) if line else written

    def line(self, path: str) -> int | None:
        """Return the line on which a path of the layout stands, or the part around it."""
        return _line(self.lines, self._written(path)) or None

    def _written(self, path: str) -> str:
        """Return the path in the source, which names functionaries where the layout has key ids."""
        head, _, rest = path.partition(".")
        if head in {"keys", "rootcas", "intermediatecas"} and rest:
            return f"{'functionaries' if head == 'keys' else head}.{self.names.get(rest, rest)}"
        return path.replace(".pubkeys", ".functionaries")


def compile_source(
    text: bytes,
    *,
    base_directory: str,
    at: datetime,
    read_key_file: Callable[[str], bytes] = read_key_file,
) -> Layout:
    """Return the layout that the source `text` describes; `read_layout(layout.document()) == layout`.

    Key files are sought from `base_directory` on; a duration such as `6 months` begins at `at`.

    Raises:
        FormatError: something is missing, wrong, unknown or ambiguous; the message has path and line.

    """
    source = read_source(text, base_directory=base_directory, at=at, read_key_file=read_key_file)
    return source.layout


def read_source(
    text: bytes,
    *,
    base_directory: str,
    at: datetime,
    read_key_file: Callable[[str], bytes] = read_key_file,
    key_of_fingerprint: Callable[[str], Key] | None = None,
    remark: Callable[[str], None] = lambda _: None,
) -> Source:
    """Return what `compile_source` does, together with the names and lines of the source.

    `key_of_fingerprint` reaches keys in GnuPG's keyring. `remark` is told what the owners of keys should know.
    """
    root = read_yaml(text)
    who = () if "rootcas" in root.entries() else ("functionaries",)  # certificates may be enough
    fields = _fields(root, "source", _SOURCE, required=("expires", *who, "steps"))
    reader = KeyReader(
        base_directory=base_directory,
        at=at,
        read=read_key_file,
        of_fingerprint=key_of_fingerprint,
        remark=remark,
    )
    keys = read_functionaries(fields["functionaries"], reader) if "functionaries" in fields else {}
    roots, between = (_authorities(fields, name, reader) for name in ("rootcas", "intermediatecas"))
    layout = Layout(
        expires=_expires(fields["expires"], at),
        readme=fields["readme"].text() if "readme" in fields else "",
        keys={key.keyid: key for key in keys.values()},
        steps=tuple(_step(node, keys, roots) for node in fields["steps"].items()),
        inspect=tuple(_inspection(node) for node in _items(fields, "inspect")),
        rootcas={certificate.fingerprint: certificate for certificate in roots.values()},
        intermediatecas={certificate.fingerprint: certificate for certificate in between.values()},
    )
    authorities = {ca.fingerprint: name for name, ca in (*between.items(), *roots.items())}
    lines = dict(_lines(root))
    return Source(
        layout=_checked(layout, lines),
        names={**authorities, **{key.keyid: name for name, key in keys.items()}},
        lines=lines,
    )


def _fields(node: Node, inside: str, known: tuple[str, ...], *, required: tuple[str, ...]) -> Mapping[str, Node]:
    """Return the fields of `node`; an unknown or a missing one is an error."""
    fields = node.entries()
    for name, field in fields.items():
        if name not in known:
            remedy = instead_of(name, inside=inside, known=known)
            article = "an" if inside == "inspection" else "a"
            raise field.error(f"{article} {inside} has no such field", remedy)
    for name in required:
        if name not in fields:
            path = f"{node.path}.{name}" if node.path else name
            raise FormatError("missing", where=place(node.line, path))
    return fields


def _items(fields: Mapping[str, Node], name: str) -> tuple[Node, ...]:
    return fields[name].items() if name in fields else ()


def _expires(node: Node, at: datetime) -> datetime:
    # A date is no text to YAML, but it is written as one here: take it as it stands.
    text = node.value if isinstance(node, ScalarNode) and node.value else node.text()
    return read_expiry(text, at=at, where=node.where)


def _authorities(fields: Mapping[str, Node], name: str, reader: KeyReader) -> dict[str, Certificate]:
    if name not in fields:
        return {}
    from custody.sources.certificates import read_authorities  # few sources have some

    return read_authorities(fields[name], reader)


def _step(node: Node, keys: Mapping[str, Key], roots: Mapping[str, Certificate]) -> Step:
    who = () if "cert_constraints" in node.entries() else ("functionaries",)
    fields = _fields(node, "step", _STEP, required=("name", *who))
    threshold = fields["threshold"].integer(minimum=1) if "threshold" in fields else 1
    return Step(
        name=plain_name(fields["name"].text(), fields["name"].where),
        pubkeys=_pubkeys(fields["functionaries"], keys) if "functionaries" in fields else (),
        cert_constraints=tuple(_constraint(each, roots) for each in _items(fields, "cert_constraints")),
        threshold=threshold,
        expected_command=_command(fields, "expected_command"),
        expected_materials=_rules(fields, "expected_materials"),
        expected_products=_rules(fields, "expected_products"),
    )


def _constraint(node: Node, roots: Mapping[str, Certificate]) -> CertificateConstraint:
    from custody.sources.certificates import CONSTRAINT, read_constraint  # few sources have some

    return read_constraint(_fields(node, "certificate constraint", CONSTRAINT, required=("roots",)), roots)


def _inspection(node: Node) -> Inspection:
    fields = _fields(node, "inspection", _INSPECTION, required=("name", "run"))
    run = _command(fields, "run")
    if not run:
        raise fields["run"].error("expected a command: without one, an inspection inspects nothing")
    return Inspection(
        name=plain_name(fields["name"].text(), fields["name"].where),
        run=run,
        expected_materials=_rules(fields, "expected_materials"),
        expected_products=_rules(fields, "expected_products"),
    )


def _pubkeys(node: Node, keys: Mapping[str, Key]) -> tuple[str, ...]:
    """Return the key ids of the functionaries that `node` names, each once."""
    found: list[str] = []
    for item in node.items():
        name = item.text()
        if name not in keys:
            known = ", ".join(keys) or "nobody"
            problem = f"no functionary is called {name!r:.80}; there is {known:.400}"
            raise item.error(problem, "define the name with its key under 'functionaries'")
        if keys[name].keyid in found:
            raise item.error(f"{name!r:.80} is named twice, and counts once", "leave one out")
        found.append(keys[name].keyid)
    return tuple(found)


def _command(fields: Mapping[str, Node], name: str) -> tuple[str, ...]:
    """Return the words of a command, given as a list or split as a shell would, expanding nothing."""
    if name not in fields:
        return ()
    node = fields[name]
    if isinstance(node, ListNode):
        return tuple(item.text() for item in node.items())
    text = node.text()
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        problem = f"cannot split {text!r:.80} into words: {error}"
        raise node.error(problem, "write the command as a list of words") from None


def _rules(fields: Mapping[str, Node], name: str) -> tuple[Rule, ...]:
    return tuple(_rule(node) for node in _items(fields, name))


def _rule(node: Node) -> Rule:
    if isinstance(node, ListNode):
        return parse_rule([item.text() for item in node.items()], node.where)
    if isinstance(node, MappingNode):
        raise node.error(f"expected a rule, got {node.found()}", "write it in one line, as in 'CREATE src/*'")
    return parse_text(node.text(), node.where)


def _checked(layout: Layout, lines: Mapping[str, int]) -> Layout:
    """Return the layout as a verifier reads it; what only the whole shows, such as equal names, ends here."""
    try:
        return read_layout(layout.document())
    except FormatError as error:
        line = _line(lines, error.where)
        where = place(line, error.where) if line else error.where
        raise FormatError(error.problem, where=where, remedy=error.remedy) from None


def _lines(node: Node) -> Iterator[tuple[str, int]]:
    yield node.path, node.line
    children: tuple[Node, ...] = ()
    if isinstance(node, ListNode):
        children = node.children
    elif isinstance(node, MappingNode):
        children = tuple(node.children.values())
    for child in children:
        yield from _lines(child)


def _line(lines: Mapping[str, int], path: str) -> int:
    """Return the line of `path`, or of the innermost part of the document around it."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 0)
