"""Statements: what both versions demand, what is kept, and what is written."""

from __future__ import annotations

from typing import Any

import pytest

from custody.errors import FormatError, UsageError
from custody.models import statement as module
from custody.models.resource_descriptor import ResourceDescriptor
from custody.models.statement import STATEMENT_V01, STATEMENT_V1, is_statement, make_statement, read_statement

SHA = {"sha256": "ab" * 32}
TYPE = "https://example.com/mine/v1"


def document(**changes: object) -> dict[str, Any]:
    good = {
        "_type": STATEMENT_V1,
        "subject": [{"name": "app", "digest": SHA}],
        "predicateType": TYPE,
        "predicate": {"a": 1},
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def refused(value: dict[str, Any]) -> str:
    with pytest.raises(FormatError) as caught:
        read_statement(value)
    return str(caught.value)


@pytest.mark.parametrize("version", [STATEMENT_V1, STATEMENT_V01])
def test_both_versions_are_read(version: str) -> None:
    found = read_statement(document(_type=version))

    assert (found.type, found.predicate_type, found.predicate) == (version, TYPE, {"a": 1})
    assert [(subject.name, subject.digest) for subject in found.subject] == [("app", SHA)]


def test_unknown_fields_are_kept() -> None:
    value = document(example_more=[1], subject=[{"digest": SHA, "example_more": 2}], predicate={"example_more": 3})

    found = read_statement(value)

    assert found.document == value
    assert found.subject[0].document == {"digest": SHA, "example_more": 2}
    assert found.predicate == {"example_more": 3}


@pytest.mark.parametrize("predicate", [..., None])
def test_a_predicate_may_be_unset(predicate: object) -> None:
    assert read_statement(document(predicate=predicate)).predicate is None


def test_a_type_of_early_days_has_no_scheme() -> None:
    early = "cosign.sigstore.dev/attestation/v1"

    assert read_statement(document(predicateType=early)).predicate_type == early


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"_type": ...}, "_type: missing"),
        ({"_type": 1}, "_type: expected text, got 1"),
        ({"_type": "https://in-toto.io/Statement/v2"}, "_type: expected 'https://in-toto.io/Statement/v0.1' or"),
        ({"_type": "https://in-toto.io/Statement/v0.2"}, "_type: expected 'https://in-toto.io/Statement/v0.1' or"),
        ({"_type": "link"}, "_type: expected 'https://in-toto.io/Statement/v0.1' or"),
        ({"subject": ...}, "subject: missing"),
        ({"subject": None}, "subject: expected a list, got null"),
        ({"subject": {"name": "a", "digest": SHA}}, "subject: expected a list, got an object"),
        ({"subject": []}, "subject: expected at least one subject, got none"),
        ({"subject": ["a"]}, "subject[0]: expected an object, got 'a'"),
        ({"subject": [{"digest": SHA}, {"name": "a"}]}, "subject[1].digest: missing"),
        ({"subject": [{"uri": "pkg:oci/a", "digest": {}}]}, "subject[0].digest: missing"),
        ({"subject": [{"digest": {"sha256": "x"}}]}, "subject[0].digest.sha256: expected 64 lower-case"),
        ({"subject": [{"name": 1, "digest": SHA}]}, "subject[0].name: expected text"),
        ({"predicateType": ...}, "predicateType: missing"),
        ({"predicateType": None}, "predicateType: expected text, got null"),
        ({"predicateType": ""}, "predicateType: expected a URI such as"),
        ({"predicateType": "two words"}, "predicateType: expected a URI such as"),
        ({"predicate": "text"}, "predicate: expected an object, got 'text'"),
        ({"predicate": []}, "predicate: expected an object, got an empty list"),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(changes: dict[str, Any], said: str) -> None:
    assert refused(document(**changes)).startswith(said)


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ([{"digest": SHA}], 'subject[0].name: missing; write "_"'),
        ([{"name": "", "digest": SHA}], "subject[0].name: missing"),
        (
            [{"name": "a", "digest": SHA}, {"name": "a", "digest": SHA}],
            "subject[1].name: 'a' is the name of subject[0]",
        ),
    ],
)
def test_names_are_needed_and_unique_in_the_first_version_only(subject: list[Any], said: str) -> None:
    assert refused(document(_type=STATEMENT_V01, subject=subject)).startswith(said)
    assert read_statement(document(subject=subject)).subject


def test_paths_begin_where_the_statement_stands() -> None:
    with pytest.raises(FormatError, match=r"^payload\.subject\[0\]\.digest: missing"):
        read_statement(document(subject=[{}]), "payload")


def test_there_are_not_endless_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SUBJECTS", 2)
    subjects = [{"digest": SHA}] * 3
    assert len(read_statement(document(subject=subjects[:2])).subject) == 2

    assert refused(document(subject=subjects)) == "subject: expected at most 2 subjects, got 3"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"_type": STATEMENT_V1}, True),
        ({"_type": "https://in-toto.io/Statement/v9"}, True),
        ({"_type": "link"}, False),
        ({"_type": 1}, False),
        ({}, False),
    ],
)
def test_a_statement_says_so_whatever_its_version(value: dict[str, Any], expected: bool) -> None:
    assert is_statement(value) is expected


def test_a_statement_is_written_without_anything_that_strict_readers_refuse() -> None:
    subjects: list[dict[str, Any]] = [
        {"name": "b", "uri": "pkg:oci/b", "digest": {"sha512": "c" * 128, **SHA}, "x": 1},
        {"digest": SHA},
    ]

    found = make_statement(subjects, TYPE, {"z": 1, "a": {}})

    assert found == {
        "_type": STATEMENT_V1,
        "subject": [{"name": "b", "digest": {**SHA, "sha512": "c" * 128}}, {"digest": SHA}],
        "predicateType": TYPE,
        "predicate": {"z": 1, "a": {}},
    }


def test_a_descriptor_and_its_document_are_the_same_subject() -> None:
    descriptor = ResourceDescriptor(name="a", digest=SHA)

    assert make_statement([descriptor], TYPE, None) == make_statement([{"name": "a", "digest": SHA}], TYPE, {})


def test_a_name_without_a_meaning_is_written_where_one_is_needed() -> None:
    assert make_statement([{"digest": SHA}], TYPE, None, version="v0.1")["subject"] == [{"name": "_", "digest": SHA}]


def test_what_is_given_is_not_changed() -> None:
    subjects, predicate = [{"digest": {**SHA}}], {"a": [1]}

    made = make_statement(subjects, TYPE, predicate)
    made["predicate"]["b"] = 2
    made["subject"][0]["digest"]["sha1"] = "x"

    assert (subjects, predicate) == ([{"digest": SHA}], {"a": [1]})


@pytest.mark.parametrize(
    ("subjects", "kind", "said"),
    [
        ([], TYPE, "subject: expected at least one subject"),
        ([{"name": "a"}], TYPE, "subject[0]: expected 'digest', 'uri' or 'content'"),
        ([{"uri": "pkg:oci/a"}], TYPE, "subject[0].digest: missing"),
        ([{"digest": SHA}], "", "predicateType: expected a URI"),
        ([{"digest": SHA}], "example.com/mine", "predicateType: expected a URI"),
    ],
)
def test_what_nobody_could_read_is_not_written(subjects: list[Any], kind: str, said: str) -> None:
    with pytest.raises(FormatError) as caught:
        make_statement(subjects, kind, None)
    assert str(caught.value).startswith(said)


def test_an_unknown_version_is_not_written() -> None:
    with pytest.raises(UsageError, match=r"^expected a version of v0\.1 or v1, got 'v2'$"):
        make_statement([{"digest": SHA}], TYPE, None, version="v2")
