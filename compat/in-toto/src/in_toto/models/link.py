"""Links: what was done in one step, and the names of their files."""

from __future__ import annotations

from in_toto.models.common import Signable, as_fields

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar, Self

__all__ = [
    "FILENAME_FORMAT",
    "FILENAME_FORMAT_SHORT",
    "UNFINISHED_FILENAME_FORMAT",
    "UNFINISHED_FILENAME_FORMAT_GLOB",
    "Link",
]

FILENAME_FORMAT = "{step_name}.{keyid:.8}.link"
FILENAME_FORMAT_SHORT = "{step_name}.link"
UNFINISHED_FILENAME_FORMAT = ".{step_name}.{keyid:.8}.link-unfinished"
UNFINISHED_FILENAME_FORMAT_GLOB = ".{step_name}.{pattern}.link-unfinished"


class Link(Signable):
    """What was done in one step.

    Attributes:
        name: The name of the step or inspection in the layout.
        command: The command and its arguments.
        materials: The artifacts before, names to digests, each by algorithm.
        products: The artifacts afterwards.
        byproducts: `stdout`, `stderr` and `return-value` of the command.
        environment: Whatever else is to be known.

    """

    _TYPE: ClassVar = "link"
    _FIELDS: ClassVar[tuple[str, ...]] = (
        *("_type", "name", "materials", "products"),
        *("byproducts", "command", "environment"),
    )

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  # public
        """Set the attributes that are given; others are empty. A `FormatError` says what is malformed."""
        super().__init__()
        self._type = "link"
        self.name: Any = kwargs.get("name")
        self.materials: dict[str, dict[str, str]] = kwargs.get("materials", {})
        self.products: dict[str, dict[str, str]] = kwargs.get("products", {})
        self.byproducts: dict[str, Any] = kwargs.get("byproducts", {})
        self.command: list[str] = kwargs.get("command", [])
        self.environment: dict[str, Any] = kwargs.get("environment", {})
        self.validate()

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Return the link that `data` writes, with the fields that are not known, too.

        Raises:
            FormatError: it is malformed.

        """
        return cls._made(as_fields(data), {}, signed=False)

    @classmethod
    def read_signed(cls, data: Mapping[str, Any]) -> Self:
        """Return the link that `data` writes, which was signed like this: nothing is added to it."""
        return cls._made(as_fields(data), {}, signed=True)

    @property
    def type_(self) -> str:
        """The text `link`."""
        return self._type

    def _validate_type(self) -> None:
        if self._type != "link":
            raise _invalid("_type", "set to 'link'", self._type)

    def _validate_materials(self) -> None:
        self._check_artifacts("materials")

    def _validate_products(self) -> None:
        self._check_artifacts("products")

    def _validate_byproducts(self) -> None:
        self._check_kind("byproducts", dict)

    def _validate_command(self) -> None:
        self._check_kind("command", list)

    def _validate_environment(self) -> None:
        self._check_kind("environment", dict)

    def _check_kind(self, name: str, kind: type) -> None:
        value = getattr(self, name)
        if not isinstance(value, kind):
            raise _invalid(name, f"of type {kind.__name__}", type(value))

    def _check_artifacts(self, name: str) -> None:
        from in_toto._boundary.checks import check_digests

        self._check_kind(name, dict)
        for digests in getattr(self, name).values():
            check_digests(digests)


def _invalid(name: str, expected: str, found: object) -> Exception:
    from in_toto._boundary.checks import malformed

    return malformed(f"Invalid Link: field `{name}` must be {expected}, got: {found}")
