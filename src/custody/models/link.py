"""A link: the evidence of one step (specification 1.0, section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custody.encoding.fields import Fields, plain_name
from custody.encoding.uniform import plain
from custody.rules.artifacts import Artifacts, read_artifacts
from custody.value import Value

__all__ = ["LINK_TYPE", "Link", "read_link"]

LINK_TYPE = "link"


class Link(Value):
    """What one step did: its command, and what was there before and after.

    `byproducts` has `stdout`, `stderr` and `return-value`; `environment` is whatever the functionary says. Both
    are claims. `environment["startedOn"]` and `["finishedOn"]`, where present, are instants.
    """

    name: str
    materials: Artifacts = {}
    products: Artifacts = {}
    command: tuple[str, ...] = ()
    byproducts: Mapping[str, Any] = {}
    environment: Mapping[str, Any] = {}

    def document(self) -> dict[str, Any]:
        """Return the link as JSON data; `read_link(link.document()) == link`."""
        return {**self.to_write(), "materials": plain(self.materials), "products": plain(self.products)}

    def to_write(self) -> dict[str, Any]:
        """Return what is written as the same JSON as `document`, by `canonical_json` and `write_json`.

        Artifacts that were never taken apart are not taken apart for it.
        """
        return {
            "_type": LINK_TYPE,
            "name": self.name,
            "command": list(self.command),
            "materials": self.materials,
            "products": self.products,
            "byproducts": self.byproducts,
            "environment": self.environment,
        }

    @property
    def return_value(self) -> int | None:
        """The exit status that the functionary claims, None if it is missing or no integer (D25)."""
        value = self.byproducts.get("return-value")
        return value if type(value) is int else None


def read_link(document: object) -> Link:
    """Return the link that `document` writes; fields that are not a link's are ignored.

    Claims that nobody made, `byproducts` and `environment`, may be left out; artifacts may not.

    Raises:
        FormatError: a field is missing or wrong, an artifact's path is malformed (D7).

    """
    fields = Fields(document)
    fields.constant("_type", LINK_TYPE)
    return Link(
        name=plain_name(fields.any("name"), "name"),
        command=fields.texts("command"),
        materials=read_artifacts(fields.any("materials"), "materials"),
        products=read_artifacts(fields.any("products"), "products"),
        byproducts=plain(fields.object("byproducts", {})),
        environment=plain(fields.object("environment", {})),
    )
