"""The table of predicate types says what the code does."""

from __future__ import annotations

from custody.models.predicates import PREDICATES
from tests.docs.test_reference import CODE, rows, sections, text_of
from tests.unit.models.predicates.documents import REQUIRED

ROWS = list(rows(sections(text_of("formats"))["Predicates"]))


def test_every_type_is_documented_with_its_short_names() -> None:
    documented = [(title, CODE.findall(uri), CODE.findall(names)) for title, uri, names, _ in ROWS]

    assert documented == [(each.title, [each.uri], list(each.names)) for each in PREDICATES]


def test_what_is_documented_as_required_is_required() -> None:
    for _, uri, _, required in ROWS:
        paths = REQUIRED[uri.strip("`")]
        documented = {path.replace("[]", "[0]") for path in CODE.findall(required)}

        assert documented <= set(paths)
        assert {path.partition(".")[0].partition("[")[0] for path in paths} == {
            path.partition(".")[0].partition("[")[0] for path in documented
        }
