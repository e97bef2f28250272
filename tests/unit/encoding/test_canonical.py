from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from custody.encoding.canonical import canonical_json, check_canonical
from custody.errors import FormatError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "reference.json").read_bytes())


@pytest.mark.parametrize("vector", VECTORS["canonical"])
def test_the_reference_writes_the_same_bytes(vector: dict[str, Any]) -> None:
    assert canonical_json(vector["document"]).hex() == vector["hex"]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"b": 1, "a": 2}, '{"a":2,"b":1}'),
        ({"\U0001f512": 1, "\uffff": 2}, '{"\uffff":2,"\U0001f512":1}'),  # by code point, not UTF-16
        ("\n", '"\n"'),
        ("\\n", '"\\\\n"'),
        ("\\\n", '"\\\\\n"'),
        ("\x00\x1f\x7f\u2028", '"\x00\x1f\x7f\u2028"'),
        ({"\t": "\t"}, '{"\t":"\t"}'),
        ((1, [2]), "[1,[2]]"),
        (10**100, "1" + "0" * 100),
        ([True, False, None], "[true,false,null]"),
    ],
)
def test_canonical_bytes(document: object, text: str) -> None:
    assert canonical_json(document) == text.encode()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (1.0, "canonical JSON has no fractions, got 1.0"),
        ({"a": {"b": [1, 2.5]}}, "a.b[1]: canonical JSON has no fractions, got 2.5"),
        ({"a.b": 0.5}, "['a.b']: canonical JSON has no fractions"),
        ({1: "a"}, "expected text as a key, got 1"),
        ({"x": [{None: 1}]}, "x[0]: expected text as a key, got None"),
        ({"a": b"bytes"}, "a: not JSON: bytes"),
        ([{1, 2}], "[0]: not JSON: set"),
        (object(), "not JSON: object"),
        pytest.param(10**5000, "cannot be written as canonical JSON", id="5001 digits"),
        ("\ud800", "half of a surrogate pair"),
        ({"\udcff": 1}, "half of a surrogate pair"),
        ("\n\ud800", "half of a surrogate pair"),
    ],
)
def test_what_has_no_canonical_form_is_refused(document: object, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        canonical_json(document)
    assert message in str(caught.value)


def test_check_canonical_accepts_what_can_be_written() -> None:
    check_canonical({"a": [1, "x", None, True, {"b": ()}]})


def test_check_canonical_names_the_place_below_its_own() -> None:
    with pytest.raises(FormatError, match=r"^signed\.a\[0\]: canonical JSON has no fractions"):
        check_canonical({"a": [0.1]}, "signed")
