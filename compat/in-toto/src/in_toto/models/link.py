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
        self._materials: Any = kwargs.get("materials", {})
        self._products: Any = kwargs.get("products", {})
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
    def materials(self) -> dict[str, dict[str, str]]:
        """The artifacts before, names to digests; what is changed in them is changed here."""
        self._materials = _taken_apart(self._materials)
        found: dict[str, dict[str, str]] = self._materials
        return found

    @materials.setter
    def materials(self, artifacts: Mapping[str, Mapping[str, str]]) -> None:
        self._materials = artifacts

    @property
    def products(self) -> dict[str, dict[str, str]]:
        """The artifacts afterwards, names to digests; what is changed in them is changed here."""
        self._products = _taken_apart(self._products)
        found: dict[str, dict[str, str]] = self._products
        return found

    @products.setter
    def products(self, artifacts: Mapping[str, Mapping[str, str]]) -> None:
        self._products = artifacts

    def _to_write(self) -> dict[str, Any]:
        """Return what is the same JSON as `document`; artifacts that nobody asked for are as they were recorded."""
        if self._left_out:
            return self.document()
        others = {name: getattr(self, name) for name in self._FIELDS if name not in {"materials", "products"}}
        return {**others, "materials": self._materials, "products": self._products, **self._unknown}

    @property
    def type_(self) -> str:
        """The text `link`."""
        return self._type

    def _validate_type(self) -> None:
        if self._type != "link":
            raise _invalid("_type", "set to 'link'", self._type)

    def _validate_materials(self) -> None:
        _check_artifacts("materials", self._materials)

    def _validate_products(self) -> None:
        _check_artifacts("products", self._products)

    def _validate_byproducts(self) -> None:
        _check_kind("byproducts", self.byproducts, dict)

    def _validate_command(self) -> None:
        _check_kind("command", self.command, list)

    def _validate_environment(self) -> None:
        _check_kind("environment", self.environment, dict)


def _check_kind(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise _invalid(name, f"of type {kind.__name__}", type(value))


def _check_artifacts(name: str, artifacts: Any) -> None:  # noqa: ANN401  # whatever somebody put there
    from in_toto._boundary.checks import check_digests

    if _are_recorded(artifacts):
        return
    _check_kind(name, artifacts, dict)
    for digests in artifacts.values():
        check_digests(digests)


def _taken_apart(artifacts: Any) -> Any:  # noqa: ANN401  # whatever somebody put there
    """Return `artifacts` as a dict if custody recorded them and nobody asked for them yet, else as they are."""
    return artifacts.plain() if _are_recorded(artifacts) else artifacts


def _are_recorded(artifacts: object) -> bool:
    """Return whether `artifacts` are as custody recorded them, so that nobody can have changed them."""
    from custody.encoding.uniform import UniformObject

    return isinstance(artifacts, UniformObject)


def _invalid(name: str, expected: str, found: object) -> Exception:
    from in_toto._boundary.checks import malformed

    return malformed(f"Invalid Link: field `{name}` must be {expected}, got: {found}")
