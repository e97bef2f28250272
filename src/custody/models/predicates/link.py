"""A link: what one step did; the statement's subjects are its products (in-toto.io/attestation/link/v0.3)."""

from __future__ import annotations

from collections.abc import Sequence

from custody.encoding.fields import as_list
from custody.errors import FormatError
from custody.models.predicates.shapes import list_of, obj, record, said, text
from custody.models.resource_descriptor import ResourceDescriptor, read_resource_descriptor, refuse_same_names

__all__ = ["TYPE", "check", "check_named", "read_materials"]

TYPE = "https://in-toto.io/attestation/link/v0.3"


def read_materials(value: object, where: str) -> tuple[ResourceDescriptor, ...]:
    """Return the materials of the list `value`, each with a name of its own and digests.

    Raises:
        FormatError: one of them is none, or has no name or digest.

    """
    items = enumerate(as_list(value, where))
    found = tuple(read_resource_descriptor(item, f"{where}[{i}]", digested=True) for i, item in items)
    check_named(found, where)
    return found


def check_named(descriptors: Sequence[ResourceDescriptor], where: str) -> None:
    """Refuse descriptors that have not each a name of its own."""
    for index, each in enumerate(descriptors):
        if not each.name:
            raise FormatError("missing", where=f"{where}[{index}].name")
    refuse_same_names(descriptors, where)


def _materials(value: object, where: str) -> None:
    read_materials(value, where)


check = record(
    required={"name": said},
    optional={"command": list_of(text), "materials": _materials, "byproducts": obj, "environment": obj},
)
