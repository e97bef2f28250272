"""Links as statements and back, so that the rules of a layout can judge attestations.

::

    document = link_to_statement(link)
    statement_to_link(read_statement(document)) == link

What the other form has no place for is refused, never left out in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import path_to, plain_name
from custody.encoding.uniform import plain
from custody.errors import FormatError, UsageError
from custody.models.link import LINK_TYPE, Link, read_link
from custody.models.predicates.legacy_link import TYPE_09, TYPE_1
from custody.models.predicates.link import TYPE, check_named, read_materials
from custody.models.predicates.registry import check_predicate, check_statement
from custody.models.statement import make_statement
from custody.rules.artifacts import read_artifacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from custody.models.resource_descriptor import ResourceDescriptor
    from custody.models.statement import Statement
    from custody.rules.artifacts import Artifacts

__all__ = ["LINK_TYPES", "link_to_statement", "statement_to_link"]

LINK_TYPES = (TYPE, TYPE_1, TYPE_09)
"""The predicate types whose statements are links."""

_STATEMENT = ("_type", "subject", "predicateType", "predicate")
_PREDICATE = ("name", "command", "materials", "byproducts", "environment")
_LEGACY = (*_PREDICATE, "_type", "products")
_ARTIFACT = ("name", "digest")
_NOTHING: tuple[object, ...] = (None, "", [], {})


def link_to_statement(
    link: Link,
    *,
    predicate_type: str = TYPE,
    subjects: Sequence[ResourceDescriptor] = (),
    version: str = "v1",
) -> dict[str, Any]:
    """Return the statement that says what `link` says, as JSON data.

    Its subjects are the link's products. A link in the older form lists them itself, so it may be about other
    `subjects`, such as the image that an attestation is attached to.

    Raises:
        UsageError: the type is no link's, or its subjects are always the products.
        FormatError: there is nothing that the statement could be about, or a digest is not as statements have them.

    """
    _refuse_other_types(predicate_type)
    if subjects and predicate_type == TYPE:
        raise UsageError("the subjects of this type of link are its products; choose the type 'link' for other ones")
    if not subjects and not link.products:
        raise FormatError(
            f"the link {link.name!r} has no products, and a statement about no artifact says nothing",
            where="products",
        )
    if predicate_type == TYPE:
        predicate = {**link.document(), "materials": _descriptors(link.materials)}
        del predicate["_type"], predicate["products"]
    else:
        predicate = link.document()
    check_predicate(predicate_type, predicate)
    return make_statement(subjects or _descriptors(link.products), predicate_type, predicate, version=version)


def statement_to_link(statement: Statement, *, strict: bool = True) -> Link:
    """Return the link that `statement` is.

    Unless `strict`, what a link has no place for is left out: fields of others, and subjects that are no products. The
    caller then has looked at the subjects.

    Raises:
        FormatError: it is none, or a malformed one, or has something that a link has no place for.

    """
    predicate = statement.predicate or {}
    if statement.predicate_type not in LINK_TYPES:
        raise FormatError(f"expected a link, got {statement.predicate_type!r:.120}", where="predicateType")
    check_statement(statement)
    plain_name(predicate.get("name"), "predicate.name")
    is_new = statement.predicate_type == TYPE
    if strict:
        _refuse_more(statement.document, _STATEMENT, "")
        _refuse_more(predicate, _PREDICATE if is_new else _LEGACY, "predicate")
        _refuse_more_subjects(statement.subject, "subject")
    if is_new:
        return _from_new(statement, predicate, strict=strict)
    return _from_legacy(statement, predicate, strict=strict)


def _from_new(statement: Statement, predicate: Mapping[str, Any], *, strict: bool) -> Link:
    materials = read_materials(predicate.get("materials") or [], "predicate.materials")
    if strict:
        _refuse_more_subjects(materials, "predicate.materials")
    return _link(predicate, _artifacts(materials, "predicate.materials"), _artifacts(statement.subject, "subject"))


def _from_legacy(statement: Statement, predicate: Mapping[str, Any], *, strict: bool) -> Link:
    materials = read_artifacts(predicate["materials"], "predicate.materials")
    if predicate.get("products") is None:
        check_named(statement.subject, "subject")
        return _link(predicate, materials, _artifacts(statement.subject, "subject"))
    products = read_artifacts(predicate["products"], "predicate.products")
    if strict:
        for index, subject in enumerate(statement.subject):
            if products.get(subject.name) != subject.digest:
                raise FormatError(
                    f"{subject.name or 'a subject without a name'!r:.120} is no product of the link,"
                    " which has no place for what it is about otherwise",
                    where=f"subject[{index}]",
                )
    return _link(predicate, materials, products)


def _link(predicate: Mapping[str, Any], materials: Artifacts, products: Artifacts) -> Link:
    document = {
        "_type": LINK_TYPE,
        "name": predicate["name"],
        "command": predicate.get("command") or [],
        "materials": plain(materials),
        "products": plain(products),
        "byproducts": predicate.get("byproducts") or {},
        "environment": predicate.get("environment") or {},
    }
    return read_link(document)


def _descriptors(artifacts: Artifacts) -> list[dict[str, Any]]:
    return [{"name": name, "digest": dict(digests)} for name, digests in sorted(artifacts.items())]


def _artifacts(descriptors: Iterable[ResourceDescriptor], where: str) -> Artifacts:
    return read_artifacts({each.name: dict(each.digest) for each in descriptors}, where)


def _refuse_other_types(predicate_type: str) -> None:
    if predicate_type not in LINK_TYPES:
        raise UsageError(f"expected the type of a link, {' or '.join(LINK_TYPES)}, got {predicate_type!r:.120}")


def _refuse_more_subjects(descriptors: Iterable[ResourceDescriptor], where: str) -> None:
    for index, each in enumerate(descriptors):
        _refuse_more(each.document, _ARTIFACT, f"{where}[{index}]")


def _refuse_more(document: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse a field of `document` that says something and is none of `known`."""
    for name, value in document.items():
        if name not in known and value not in _NOTHING:
            raise FormatError("a link has no place for this field, and it would be lost", where=path_to(where, name))
