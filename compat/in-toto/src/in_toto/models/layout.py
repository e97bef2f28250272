"""Layouts: what a project owner demands of a supply chain, put together and changed by programs.

::

    layout = Layout()
    layout.set_relative_expiration(months=6)
    key = layout.add_functionary_key_from_path("bob.pub")
    step = Step(name="build", pubkeys=[key["keyid"]])
    step.add_product_rule_from_string("CREATE app")
    layout.steps.append(step)

What is validated here is the form, so that layouts of others can be looked at and mended. Whether a verifier takes the
patterns and the keys shows when the layout is signed or verified.
"""

from __future__ import annotations

from in_toto.models.common import Document, Signable, as_fields

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from typing import Any, ClassVar, Self

    from in_toto._boundary.keys import KeyDocument

__all__ = ["SUBLAYOUT_LINK_DIR_FORMAT", "Inspection", "Layout", "Step", "SupplyChainItem"]

SUBLAYOUT_LINK_DIR_FORMAT = "{name}.{keyid:.8}"
"""The name of the directory with the links of a sublayout."""


class SupplyChainItem(Document):
    """What steps and inspections have in common.

    Attributes:
        name: The name, after which links are called.
        expected_materials: Rules for the artifacts before; see `in_toto.rulelib`.
        expected_products: Rules for the artifacts afterwards.

    """

    _FIELDS: ClassVar[tuple[str, ...]] = ("name", "expected_materials", "expected_products")

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  # public
        """Set the attributes that are given."""
        super().__init__()
        self.name: Any = kwargs.get("name")
        self.expected_materials: list[list[str]] = kwargs.get("expected_materials", [])
        self.expected_products: list[list[str]] = kwargs.get("expected_products", [])

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Return the step or inspection that `data` writes, with the fields that are not known, too.

        Raises:
            FormatError: it is malformed.

        """
        return cls._made(as_fields(data), {}, signed=False)

    @classmethod
    def read_signed(cls, data: Mapping[str, Any]) -> Self:
        """Return what `data` writes, which was signed like this: nothing is added to it."""
        return cls._made(as_fields(data), {}, signed=True)

    def add_material_rule_from_string(self, rule_string: str) -> None:
        """Add the rule that `rule_string` writes to `expected_materials`; a FormatError if it is none."""
        self.expected_materials.append(_rule_of(rule_string))

    def add_product_rule_from_string(self, rule_string: str) -> None:
        """Add the rule that `rule_string` writes to `expected_products`; a FormatError if it is none."""
        self.expected_products.append(_rule_of(rule_string))

    def _validate_expected_materials(self) -> None:
        _check_rules(self.expected_materials, "Material")

    def _validate_expected_products(self) -> None:
        _check_rules(self.expected_products, "Product")


class Step(SupplyChainItem):
    """A step of the supply chain.

    Attributes:
        pubkeys: The ids of the keys that may sign for it.
        threshold: How many of them have to agree.
        expected_command: The command and its arguments.

    """

    _TYPE: ClassVar = "step"
    _FIELDS: ClassVar[tuple[str, ...]] = (
        *("name", "expected_materials", "expected_products"),
        *("_type", "pubkeys", "expected_command", "threshold"),
    )

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  # public
        """Set the attributes that are given. A `FormatError` says what is malformed."""
        super().__init__(**kwargs)
        self._type = "step"
        self.pubkeys: list[str] = kwargs.get("pubkeys", [])
        self.expected_command: list[str] = kwargs.get("expected_command", [])
        self.threshold: int = kwargs.get("threshold", 1)
        self.validate()

    def set_expected_command_from_string(self, command_string: str) -> None:
        """Set `expected_command` to the words of a command line; a FormatError if it is none."""
        self.expected_command = _words(command_string)

    def _validate_type(self) -> None:
        if self._type != "step":
            raise _malformed("Invalid _type value for step (Should be 'step')")

    def _validate_threshold(self) -> None:
        if not isinstance(self.threshold, int):
            raise _malformed(f"Invalid threshold '{self.threshold}', value must be an int.")

    def _validate_pubkeys(self) -> None:
        from in_toto._boundary.checks import check_hex, check_list_of

        try:
            check_list_of(check_hex, self.pubkeys)
        except _format_error() as error:  # called when something was raised
            raise _malformed(f"{error}; 'pubkeys' of step '{self.name}' lists the key ids under 'keys'") from None

    def _validate_expected_command(self) -> None:
        if not isinstance(self.expected_command, list):
            raise _malformed("The expected command field is malformed!")


class Inspection(SupplyChainItem):
    """A command that whoever verifies runs.

    Attributes:
        run: The command and its arguments.

    """

    _TYPE: ClassVar = "inspection"
    _FIELDS: ClassVar[tuple[str, ...]] = ("name", "expected_materials", "expected_products", "_type", "run")

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  # public
        """Set the attributes that are given. A `FormatError` says what is malformed."""
        super().__init__(**kwargs)
        self._type = "inspection"
        self.run: list[str] = kwargs.get("run", [])
        self.validate()

    def set_run_from_string(self, command_string: str) -> None:
        """Set `run` to the words of a command line; a FormatError if it is none."""
        self.run = _words(command_string)

    def _validate_type(self) -> None:
        if self._type != "inspection":
            raise _malformed("The _type field must be set to 'inspection'!")

    def _validate_run(self) -> None:
        if not isinstance(self.run, list):
            raise _malformed("The run field is malformed!")


class Layout(Signable):
    """What a project owner demands.

    Attributes:
        steps: The steps, in order.
        inspect: The inspections, in order.
        keys: The functionaries' keys, by their ids.
        expires: Until when it holds, such as `2030-01-31T23:59:59Z`.
        readme: A description for people.

    """

    _TYPE: ClassVar = "layout"
    _FIELDS: ClassVar[tuple[str, ...]] = ("_type", "steps", "inspect", "keys", "expires", "readme")

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  # public
        """Set the attributes that are given; it expires in a month if nothing else is said.

        Raises:
            FormatError: something is malformed.

        """
        super().__init__()
        self._type = "layout"
        self.steps: list[Step] = kwargs.get("steps", [])
        self.inspect: list[Inspection] = kwargs.get("inspect", [])
        self.keys: dict[str, KeyDocument] = kwargs.get("keys", {})
        self.readme: str = kwargs.get("readme", "")
        self.expires: str = kwargs.get("expires") or ""
        if not self.expires:
            self.set_relative_expiration(months=1)
        self.validate()

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Return the layout that `data` writes, with the fields that are not known, too.

        Raises:
            FormatError: it is malformed.

        """
        fields = {
            "steps": _read_all(as_fields(data), "steps", Step.read),
            "inspect": _read_all(data, "inspect", Inspection.read),
        }
        return cls._made(data, fields, signed=False)

    @classmethod
    def read_signed(cls, data: Mapping[str, Any]) -> Self:
        """Return the layout that `data` writes, which was signed like this: nothing is added to it.

        Raises:
            FormatError: it is malformed, or says not until when it holds (D1).

        """
        if not as_fields(data).get("expires"):
            raise _malformed("Malformed date string in layout. Exception: expires: missing, so it would hold for ever")
        fields = {"steps": _read_all(data, "steps", Step.read_signed)}
        if "inspect" in data:
            fields["inspect"] = _read_all(data, "inspect", Inspection.read_signed)
        return cls._made(data, fields, signed=True)

    @property
    def type_(self) -> str:
        """The text `layout`."""
        return self._type

    def set_relative_expiration(self, days: int = 0, months: int = 0, years: int = 0) -> None:
        """Set when the layout expires, counted from now, in UTC; the 31st becomes the last day of a shorter month.

        Raises:
            FormatError: something else than integers is given.
            ValueError, OverflowError: no calendar goes that far.

        """
        from datetime import UTC, datetime, timedelta

        from custody.encoding.instants import write_instant
        from in_toto._boundary.checks import check_int

        for number in (days, months, years):
            check_int(number)
        now = datetime.now(UTC)
        year, month = divmod((now.year + years) * 12 + now.month - 1 + months, 12)
        day = min(now.day, _days_in(year, month + 1))
        self.expires = write_instant(now.replace(year=year, month=month + 1, day=day) + timedelta(days=days))

    def get_step_name_list(self) -> list[str]:
        """Return the names of the steps, in order."""
        return [step.name for step in self.steps]

    def get_step_by_name(self, step_name: str) -> Step | None:
        """Return the first step with this name, None if there is none."""
        _check_text(step_name)
        return next((step for step in self.steps if step.name == step_name), None)

    def remove_step_by_name(self, step_name: str) -> None:
        """Remove every step with this name."""
        _check_text(step_name)
        self.steps[:] = [step for step in self.steps if step.name != step_name]

    def get_inspection_name_list(self) -> list[str]:
        """Return the names of the inspections, in order."""
        return [inspection.name for inspection in self.inspect]

    def get_inspection_by_name(self, inspection_name: str) -> Inspection | None:
        """Return the first inspection with this name, None if there is none."""
        _check_text(inspection_name)
        return next((inspection for inspection in self.inspect if inspection.name == inspection_name), None)

    def remove_inspection_by_name(self, inspection_name: str) -> None:
        """Remove every inspection with this name."""
        _check_text(inspection_name)
        self.inspect[:] = [inspection for inspection in self.inspect if inspection.name != inspection_name]

    def get_functionary_key_id_list(self) -> list[str]:
        """Return the ids of the functionaries' keys."""
        return list(self.keys)

    def add_functionary_key(self, key: KeyDocument) -> KeyDocument:
        """Add a functionary's key and return it.

        Raises:
            FormatError: it is none, or a private one (A7).

        """
        from in_toto._boundary.checks import check_public_key

        check_public_key(key)
        if key["keyval"].get("private"):
            raise _malformed("expected a public key, got a private one: everybody can read a layout")
        self.keys[key["keyid"]] = key
        return key

    def add_functionary_key_from_path(self, key_path: str | os.PathLike[str]) -> KeyDocument:
        """Add the functionary's key in a PEM file and return it.

        Raises:
            FormatError: what is given is no path.
            OSError: the file cannot be read.
            ValueError: it holds no public key, or a weak one.

        """
        from in_toto._boundary.keys import load_public_key_from_file

        if not hasattr(key_path, "__fspath__"):
            _check_text(key_path)
        return self.add_functionary_key(load_public_key_from_file(key_path))

    def add_functionary_keys_from_paths(self, key_path_list: Sequence[str]) -> dict[str, KeyDocument]:
        """Add the functionaries' keys in PEM files and return them by their ids; see the method for one."""
        from in_toto._boundary.checks import check_list_of

        check_list_of(_check_text, key_path_list)
        keys = [self.add_functionary_key_from_path(path) for path in key_path_list]
        return {key["keyid"]: key for key in keys}

    def add_functionary_key_from_gpg_keyid(self, gpg_keyid: str, gpg_home: str | None = None) -> KeyDocument:
        """Add a functionary's key in GnuPG's keyring and return it; `gpg_home` is another keyring than the usual one.

        Raises:
            FormatError: the id is not hexadecimal, or the key has expired, is revoked, or cannot be relied on.
            ValueError: there is no gpg, no such key, or several.

        """
        (key,) = self.add_functionary_keys_from_gpg_keyids([gpg_keyid], gpg_home).values()
        return key

    def add_functionary_keys_from_gpg_keyids(
        self, gpg_keyid_list: Sequence[str], gpg_home: str | None = None
    ) -> dict[str, KeyDocument]:
        """Add functionaries' keys in GnuPG's keyring and return them by their ids; see the method for one."""
        from in_toto._boundary.checks import check_hex, check_list_of
        from in_toto._boundary.keys import export_gpg_keys

        check_list_of(check_hex, gpg_keyid_list)
        if gpg_home:
            _check_text(gpg_home)
        keys = export_gpg_keys(gpg_keyid_list, gpg_home)
        return {keyid: self.add_functionary_key(key) for keyid, key in keys.items()}

    def _validate_type(self) -> None:
        if self._type != "layout":
            raise _malformed("Invalid _type value for layout (Should be 'layout')")

    def _validate_expires(self) -> None:
        from custody.encoding.instants import read_instant
        from custody.errors import FormatError

        try:
            read_instant(self.expires, "expires")
        except FormatError as error:
            raise _malformed(f"Malformed date string in layout. Exception: {error}") from None

    def _validate_readme(self) -> None:
        if not isinstance(self.readme, str):
            raise _malformed(f"Invalid readme '{self.readme}', value must be a string.")

    def _validate_keys(self) -> None:
        from in_toto._boundary.checks import check_hex, check_public_key, unexpected

        keys: object = self.keys
        if not isinstance(keys, dict):
            raise unexpected(keys, "dict")
        for keyid, key in keys.items():
            check_hex(keyid)
            # A key may leave its id out where it is listed under it.
            check_public_key({"keyid": keyid, **key} if isinstance(key, dict) else key)

    def _validate_steps_and_inspections(self) -> None:
        names: set[str] = set()
        _check_items(self.steps, Step, "step", names)
        _check_items(self.inspect, Inspection, "inspection", names)


def _format_error() -> type[Exception]:
    from in_toto.exceptions import FormatError  # imports `logging` where securesystemslib is installed

    return FormatError


def _malformed(problem: str) -> Exception:
    from in_toto._boundary.checks import malformed

    return malformed(problem)


def _check_text(value: object) -> None:
    from in_toto._boundary.checks import check_text

    check_text(value)


def _words(command: str) -> list[str]:
    """Return the words of a command line, split as a shell does."""
    import shlex

    _check_text(command)
    try:
        return shlex.split(command)
    except ValueError as error:
        raise _malformed(f"cannot split '{command:.160}': {error}") from None


def _rule_of(text: str) -> list[str]:
    from in_toto.rulelib import unpack_rule

    rule = _words(text)
    unpack_rule(rule)
    return rule


def _check_rules(rules: object, kind: str) -> None:
    from in_toto.rulelib import unpack_rule

    if not isinstance(rules, list):
        raise _malformed(f"{kind} rules should be a list!")
    for rule in rules:
        unpack_rule(rule)


def _check_items(items: object, kind: type[SupplyChainItem], noun: str, names: set[str]) -> None:
    """Refuse a list with something else in it, and names that were there before."""
    if not isinstance(items, list):
        raise _malformed(f"The {noun}s should be a list!")
    for item in items:
        if not isinstance(item, kind):
            raise _malformed(f"The list of {noun}s should only contain {noun}s!")
        item.validate()
        if item.name in names:
            raise _malformed(f"There is already a step or inspection with name '{item.name}'. Names must be unique.")
        names.add(item.name)


def _read_all(data: Mapping[str, Any], name: str, read: Any) -> list[Any]:  # noqa: ANN401  # of either class
    from in_toto._boundary.checks import unexpected

    entries = data.get(name)
    if not isinstance(entries, list):
        raise unexpected(entries, f"a list of {'steps' if name == 'steps' else 'inspections'}")
    return [read(entry) for entry in entries]


def _days_in(year: int, month: int) -> int:
    """Return how many days a month of the calendar has."""
    from calendar import monthrange

    return monthrange(year, month)[1]
