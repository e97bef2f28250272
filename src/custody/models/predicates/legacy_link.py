"""A link in the form of in-toto 0.9, materials and products by name (in-toto.io/Link/v0.9 and in-toto.io/Link/v1).

cosign writes it under `link`. Its early forms left out `_type` and `products`; then the statement's subjects are the
products.
"""

from __future__ import annotations

from custody.models.predicates.shapes import list_of, obj, one_of, record, said, text
from custody.rules.artifacts import read_artifacts

__all__ = ["TYPE_09", "TYPE_1", "check"]

TYPE_09 = "https://in-toto.io/Link/v0.9"
TYPE_1 = "https://in-toto.io/Link/v1"


def _artifacts(value: object, where: str) -> None:
    read_artifacts(value, where)


check = record(
    required={"name": said, "materials": _artifacts},
    optional={
        "_type": one_of("link"),
        "command": list_of(text),
        "products": _artifacts,
        "byproducts": obj,
        "environment": obj,
    },
)
