"""A layout as the judges walk through it: every list of rules with its place and owner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from custody.keys.keyid import short_id
from custody.linting.globs import is_all
from custody.models.layout import Inspection, Step
from custody.rules.grammar import write_text
from custody.rules.variants import Allow, Disallow, ItemSide, Match, Require, Rule
from custody.value import Value

if TYPE_CHECKING:
    from custody.models.layout import Layout

__all__ = ["Names", "RuleList", "is_review", "quote", "rule_lists", "text_of"]

_REVIEW = re.compile(r"(?<!p)review|approv|sign-?off|audit", re.IGNORECASE)


class Names(Value):
    """What people call keys; a key without a name is called by the first characters of its id."""

    functionaries: Mapping[str, str] = {}

    def of(self, keyid: str) -> str:
        """Return the functionary's name, or the shortened key id."""
        return self.functionaries.get(keyid) or short_id(keyid)

    def several(self, keyids: list[str]) -> str:
        """Return names with commas between them."""
        return ", ".join(self.of(keyid) for keyid in keyids)


class RuleList(Value):
    """The rules for one side of a step or inspection, at `position` among its kind."""

    item: Step | Inspection
    position: int
    side: ItemSide

    @property
    def is_step(self) -> bool:
        """Whether it is a step's."""
        return isinstance(self.item, Step)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules."""
        products = self.side == "products"
        return self.item.expected_products if products else self.item.expected_materials

    @property
    def where(self) -> str:
        """The path in the layout."""
        kind = "steps" if self.is_step else "inspect"
        return f"{kind}[{self.position}].expected_{self.side}"

    @property
    def owner(self) -> str:
        """What sentences call the item."""
        return f"{'step' if self.is_step else 'inspection'} {quote(self.item.name)}"

    def at(self, index: int) -> str:
        """Return the path of one rule."""
        return f"{self.where}[{index}]"

    def end(self) -> int:
        """Return the index of the first rule that leaves nothing, or how many rules there are."""
        for index, rule in enumerate(self.rules):
            if isinstance(rule, Allow | Disallow) and is_all(rule.pattern):
                return index
        return len(self.rules)

    @property
    def is_closed(self) -> bool:
        """Whether what no rule mentions is refused."""
        end = self.end()
        return end < len(self.rules) and isinstance(self.rules[end], Disallow)

    def consuming(self) -> list[tuple[int, Rule]]:
        """Return the rules that may take artifacts, with their indexes, up to one that leaves nothing."""
        end = self.end()
        return [
            (index, rule)
            for index, rule in enumerate(self.rules[: end + 1])
            if not isinstance(rule, Disallow | Require)
        ]

    def matches(self) -> list[tuple[int, Match]]:
        """Return the MATCH rules with their indexes."""
        return [(i, rule) for i, rule in enumerate(self.rules) if isinstance(rule, Match)]


def rule_lists(layout: Layout) -> Iterator[RuleList]:
    """Yield every list of rules in the order of the document."""
    groups: tuple[Sequence[Step | Inspection], ...] = (layout.steps, layout.inspect)
    sides: tuple[ItemSide, ...] = ("materials", "products")
    for group in groups:
        for position, item in enumerate(group):
            for side in sides:
                yield RuleList(item=item, position=position, side=side)


def is_review(step: Step) -> bool:
    """Return whether people look at others' work here: the name says so, or several have to agree."""
    return step.threshold > 1 or _REVIEW.search(step.name) is not None


def quote(text: str) -> str:
    """Return `text` in quotes, shortened."""
    return f"{text!r}" if len(text) <= 60 else f"{text[:57]!r}..."  # noqa: PLR2004  # part of a line


def text_of(rule: Rule) -> str:
    """Return `rule` as text, shortened."""
    text = write_text(rule)
    return text if len(text) <= 100 else f"{text[:97]}..."  # noqa: PLR2004  # part of a line
