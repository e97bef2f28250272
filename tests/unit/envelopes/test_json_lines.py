"""Files with one attestation or many."""

from __future__ import annotations

import json

import pytest

from custody.envelopes.json_lines import MAX_LINES, split_lines, write_lines
from custody.errors import FormatError

ONE = json.dumps({"a": [1, {"b": 2}]}).encode()


def test_one_document_is_one_line_or_several() -> None:
    indented = json.dumps(json.loads(ONE), indent=2).encode()

    assert [(line.data, line.number) for line in split_lines(ONE + b"\n")] == [(ONE, 0)]
    assert [(line.data, line.number) for line in split_lines(indented)] == [(indented, 0)]


def test_lines_have_their_numbers_and_empty_ones_are_nothing() -> None:
    data = b"\n%b\r\n  \n%b\n{}" % (ONE, ONE)

    assert [(line.data, line.number) for line in split_lines(data)] == [(ONE, 2), (ONE, 4), (b"{}", 5)]


def test_line_that_is_no_document_spoils_no_other() -> None:
    assert [line.data for line in split_lines(b"hello\n%b\n{" % ONE)] == [b"hello", ONE, b"{"]


@pytest.mark.parametrize(("before", "behind"), [(b"[", b"]"), (b'{"payload":', b"}"), (b"[0,", b",0]")])
@pytest.mark.parametrize("name", [b"payload", b"dsseEnvelope"])
def test_lines_around_an_envelope_do_not_hide_it(name: bytes, before: bytes, behind: bytes) -> None:
    envelope = b'{"%b": ""}' % name

    assert [line.data for line in split_lines(b"%b\n%b\n%b\n" % (before, envelope, behind))][1] == envelope


def test_signature_on_a_line_of_its_own_is_part_of_an_indented_envelope() -> None:
    data = b'{\n  "payload": "",\n  "signatures": [\n    {"keyid": "", "sig": ""}\n  ]\n}'

    assert [(line.data, line.number) for line in split_lines(data)] == [(data, 0)]


def test_nothing_is_no_line() -> None:
    assert split_lines(b"") == split_lines(b"\n \n") == ()


def test_lines_are_limited() -> None:
    assert len(split_lines(b"{}\n" * MAX_LINES)) == MAX_LINES
    with pytest.raises(FormatError, match="at most"):
        split_lines(b"{}\n" * (MAX_LINES + 1))


def test_empty_lines_without_end_cost_nothing() -> None:
    assert len(split_lines(b"\n" * 1_000_000 + ONE)) == 1


def test_line_break_is_no_part_of_a_line() -> None:
    with pytest.raises(FormatError, match="line break"):
        write_lines([b"{\n}"])
