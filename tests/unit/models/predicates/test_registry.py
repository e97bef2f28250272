"""What types of predicates are called."""

from __future__ import annotations

import pytest

from custody.errors import FormatError, UsageError
from custody.models.predicates import PREDICATES, check_statement, known_predicate, predicate_type
from custody.models.statement import make_statement, read_statement

SHA = {"sha256": "ab" * 32}
LINK = "https://in-toto.io/attestation/link/v0.3"


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
        ("link", "https://in-toto.io/Link/v1"),
        ("spdx", "https://spdx.dev/Document"),
        ("spdxjson", "https://spdx.dev/Document"),
        ("cyclonedx", "https://cyclonedx.org/bom"),
        ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
        ("openvex", "https://openvex.dev/ns"),
        ("custom", "https://cosign.sigstore.dev/attestation/v1"),
    ],
)
def test_a_short_name_means_what_it_means_to_cosign(name: str, uri: str) -> None:
    assert predicate_type(name) == uri


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("link03", LINK),
        ("link09", "https://in-toto.io/Link/v0.9"),
        ("vsa", "https://slsa.dev/verification_summary/v1"),
        ("scai", "https://in-toto.io/attestation/scai/v0.3"),
        ("test-result", "https://in-toto.io/attestation/test-result/v0.1"),
        ("vulns", "https://in-toto.io/attestation/vulns/v0.2"),
        ("vulns01", "https://in-toto.io/attestation/vulns/v0.1"),
        ("release", "https://in-toto.io/attestation/release/v0.1"),
        ("runtime-trace", "https://in-toto.io/attestation/runtime-trace/v0.1"),
        ("reference", "https://in-toto.io/attestation/reference/v0.1"),
        ("svr", "https://in-toto.io/attestation/svr/v0.2"),
        ("cosign-sign", "https://sigstore.dev/cosign/sign/v1"),
    ],
)
def test_what_cosign_has_no_name_for_has_one_here(name: str, uri: str) -> None:
    assert predicate_type(name) == uri


@pytest.mark.parametrize("uri", ["https://example.com/mine/v1", "urn:example:mine", LINK])
def test_a_uri_means_itself(uri: str) -> None:
    assert predicate_type(uri) == uri


@pytest.mark.parametrize("name", ["", "slsa", "Link", "example.com/mine", "https://exa mple.com", "1:2", "https:"])
def test_anything_else_is_an_error_that_lists_the_names(name: str) -> None:
    with pytest.raises(
        UsageError, match=r"unknown predicate type .*; write a URI, or one of .*slsaprovenance1"
    ) as caught:
        predicate_type(name)

    assert repr(name) in str(caught.value)


def test_no_name_and_no_type_stands_in_the_table_twice() -> None:
    names = [name for each in PREDICATES for name in each.names]

    assert len(names) == len(set(names))
    assert len(PREDICATES) == len({each.uri for each in PREDICATES})
    assert all(known_predicate(each.uri) is each for each in PREDICATES)
    assert known_predicate("https://example.com/mine/v1") is None


def test_a_statement_is_checked_with_its_predicate() -> None:
    statement = read_statement(make_statement([{"digest": SHA}], predicate_type("vsa"), {}))

    with pytest.raises(FormatError, match=r"^predicate\.verifier: missing$"):
        check_statement(statement)
    with pytest.raises(FormatError, match=r"^inner\.predicate\.verifier: missing$"):
        check_statement(statement, "inner")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a", "b"), ""),
        (("a", ""), "subject[1].name: missing"),
        (("a", "a"), "subject[1].name: 'a' is the name of subject[0] too"),
    ],
)
def test_the_subjects_of_a_link_have_names_of_their_own(names: tuple[str, ...], said: str) -> None:
    subjects = [{"name": name, "digest": SHA} for name in names]
    statement = read_statement(make_statement(subjects, LINK, {"name": "build"}))

    if not said:
        check_statement(statement)
        return
    with pytest.raises(FormatError) as caught:
        check_statement(statement)
    assert str(caught.value) == said
