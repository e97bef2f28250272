from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from custody.keys.x509_certificate import certificate_of_pem
from custody.keys.x509_path import MAX_PATH, MAX_TRIES, Flaw, Problem, find_path
from tests.simulator import AT
from tests.x509 import ANY_PURPOSE, CLIENT, CODE, MAIL, SERVER, Holder, Issuer, private_key, usage

Said = dict[str, Any]

ROOT = Issuer.root()
MIDDLE = ROOT.intermediate("middle")
AS_PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
KINDS = ("ed25519", "p256", "rsa")


def path(leaf: Holder, *intermediates: Issuer, roots: Sequence[Issuer] = (ROOT,)) -> list[str] | str:
    """Return the subjects of the path, or the flaw and its text."""
    found = find_path(
        leaf.certificate, [root.certificate for root in roots], [each.certificate for each in intermediates], AT
    )
    if isinstance(found, Problem):
        return f"{found.flaw}: {found.text}"
    return [each.subject for each in found]


def refused(leaf: Holder, *intermediates: Issuer, roots: Sequence[Issuer] = (ROOT,)) -> str:
    found = path(leaf, *intermediates, roots=roots)
    assert isinstance(found, str), found
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_certificate_leads_to_its_root_and_to_no_other_of_that_name(kind: str) -> None:
    root, other = Issuer.root(kind=kind), Issuer.root(kind=kind, key_name="somebody else's")

    assert path(root.leaf(), roots=[root]) == ["CN=alice", "CN=root"]
    assert refused(root.leaf(), roots=[other]).startswith("untrusted: no root that counts here issued it")
    assert refused(root.leaf(), roots=[]).startswith("untrusted: ")


@pytest.mark.parametrize("kind", KINDS)
def test_certificate_leads_to_its_root_through_an_intermediate_ca(kind: str) -> None:
    root = Issuer.root(kind=kind)
    middle = root.intermediate("middle")

    assert path(middle.leaf(), middle, roots=[root]) == ["CN=alice", "CN=middle", "CN=root"]
    assert "its issuer is 'CN=middle'" in refused(middle.leaf(), roots=[root])
    assert refused(middle.leaf(), middle, roots=[Issuer.root("another")]).startswith("untrusted: ")


def test_intermediate_ca_is_no_root() -> None:
    assert refused(MIDDLE.leaf(), MIDDLE, roots=[])
    assert path(MIDDLE.leaf(), roots=[MIDDLE]) == ["CN=alice", "CN=middle"]


def test_kinds_of_keys_may_differ_along_a_path() -> None:
    root = Issuer.root(kind="rsa")
    middle = root.intermediate("middle", "p256")

    assert path(middle.leaf("alice", "ed25519"), middle, roots=[root]) == ["CN=alice", "CN=middle", "CN=root"]


DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LATE: Said = {"begins": AT - 2 * DAY, "ends": AT - SECOND}
EARLY: Said = {"begins": AT + SECOND, "ends": AT + DAY}


def test_certificate_counts_from_its_first_instant_to_its_last() -> None:
    assert (
        path(ROOT.leaf(begins=AT, ends=AT + DAY))
        == path(ROOT.leaf(begins=AT - DAY, ends=AT))
        == [
            "CN=alice",
            "CN=root",
        ]
    )
    assert refused(ROOT.leaf(**LATE)) == (
        "expired: it expired at 2029-12-31T23:59:59Z, and now is 2030-01-01T00:00:00Z"
    )
    assert refused(ROOT.leaf(**EARLY)).startswith("not-yet-valid: it is valid from 2030-01-01T00:00:01Z on")


def test_every_certificate_of_the_path_counts_in_its_time_only() -> None:
    for said, flaw in ((LATE, "expired"), (EARLY, "not-yet-valid")):
        middle = ROOT.intermediate("middle", **said)
        assert refused(middle.leaf(), middle).startswith(f"{flaw}: its CA 'CN=middle' ")
        root = Issuer.root(**said)
        assert refused(root.leaf(), roots=[root]).startswith(f"{flaw}: its CA 'CN=root' ")


def test_expired_intermediate_does_not_hide_its_successor() -> None:
    old, new = ROOT.intermediate("middle", **LATE), ROOT.intermediate("middle")

    assert path(old.leaf(), old, new) == path(old.leaf(), new, old) == ["CN=alice", "CN=middle", "CN=root"]


NOT_A_CA = x509.BasicConstraints(ca=False, path_length=None)
BAD_INTERMEDIATES: dict[str, tuple[Said, str]] = {
    "no CA": ({"basic": NOT_A_CA}, "untrusted: its CA 'CN=middle' is no CA"),
    "silent on being a CA": ({"basic": None}, "untrusted: its CA 'CN=middle' is no CA"),
    "for other signatures": ({"usage": usage("digital_signature")}, "usage-wrong: its CA 'CN=middle' may not certify"),
    "silent on its usage": ({"usage": None}, "usage-wrong: its CA 'CN=middle' may not certify"),
    "for mail": ({"purposes": [MAIL]}, "usage-wrong: its CA 'CN=middle' may not certify for"),
    "with something unknown": (
        {"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]},
        "untrusted: 'CN=middle' has a critical extension that is not read here: 1.2.3.4",
    ),
}


@pytest.mark.parametrize("name", BAD_INTERMEDIATES)
def test_intermediate_that_may_not_certify_leads_nowhere(name: str) -> None:
    said, problem = BAD_INTERMEDIATES[name]
    middle = ROOT.intermediate("middle", **said)

    assert refused(middle.leaf(), middle).startswith(problem)


def test_leaf_is_no_ca_for_others() -> None:
    mallory = ROOT.leaf("mallory", usage=usage("digital_signature", "key_cert_sign"))
    forged = Issuer(mallory.parsed, mallory.key).leaf("alice")

    assert refused(forged, Issuer(mallory.parsed, mallory.key)).startswith("untrusted: its CA 'CN=mallory' is no CA")


def test_root_that_is_no_ca_or_may_not_certify_is_none() -> None:
    for said, problem in (
        ({"basic": NOT_A_CA}, "is no CA"),
        ({"basic": None}, "is no CA"),
        ({"usage": usage("crl_sign")}, "may not certify"),
    ):
        root = Issuer.root(**said)
        assert problem in refused(root.leaf(), roots=[root])
    silent = Issuer.root(usage=None)
    assert path(silent.leaf(), roots=[silent]) == ["CN=alice", "CN=root"]


def test_certificate_among_the_roots_does_not_vouch_for_itself() -> None:
    alice = Issuer.root("alice", basic=NOT_A_CA, usage=usage("digital_signature"))

    assert refused(alice, roots=[alice]).startswith("untrusted: no root that counts here issued it")


@pytest.mark.parametrize("purposes", [None, [CODE], [CLIENT], [CLIENT, SERVER], [MAIL, CODE], [ANY_PURPOSE]])
def test_certificate_for_signing_counts(purposes: Sequence[x509.ObjectIdentifier] | None) -> None:
    assert path(ROOT.leaf(purposes=purposes)) == ["CN=alice", "CN=root"]


WRONG_USAGE: dict[str, tuple[Said, str]] = {
    "for servers only": ({"purposes": [SERVER]}, "got 1.3.6.1.5.5.7.3.1; issue it with extendedKeyUsage"),
    "for mail": ({"purposes": [MAIL]}, "expected an extended key usage of codeSigning or clientAuth"),
    "silent on its usage": ({"usage": None}, "expected the key usage digitalSignature, and it has no key usage"),
    "for encryption": ({"usage": usage("key_encipherment")}, "and its key usage is another"),
    "a CA's": ({"basic": x509.BasicConstraints(ca=True, path_length=None)}, "it is a CA's"),
}


@pytest.mark.parametrize("name", WRONG_USAGE)
def test_certificate_for_something_else_does_not_count(name: str) -> None:
    said, problem = WRONG_USAGE[name]

    found = refused(ROOT.leaf(**said))

    assert found.startswith("usage-wrong: ")
    assert problem in found


def test_key_usage_for_documents_counts_too() -> None:
    assert path(ROOT.leaf(usage=usage("content_commitment"))) == ["CN=alice", "CN=root"]


def test_purposes_must_agree_along_the_path() -> None:
    middle = ROOT.intermediate("middle", purposes=[CLIENT])

    assert path(middle.leaf(purposes=[CLIENT, SERVER]), middle) == ["CN=alice", "CN=middle", "CN=root"]
    assert refused(middle.leaf(purposes=[CODE]), middle).startswith("usage-wrong: its CA 'CN=middle'")


def test_critical_extension_that_is_not_read_refuses() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")

    assert path(ROOT.leaf(more=[(unknown, False)])) == ["CN=alice", "CN=root"]
    assert "critical extension that is not read here: 1.2.3.4" in refused(ROOT.leaf(more=[(unknown, True)]))


@pytest.mark.parametrize("critical", [True, False])
def test_critical_names_count_as_others_do(critical: bool) -> None:
    leaf = ROOT.leaf(uris=["spiffe://acme.example/build"], critical_names=critical)

    assert path(leaf) == ["CN=alice", "CN=root"]


def test_path_length_limits_the_cas_below() -> None:
    root = Issuer.root(basic=x509.BasicConstraints(ca=True, path_length=1))
    upper = root.intermediate("upper")
    lower = upper.intermediate("lower")

    assert path(upper.leaf(), upper, roots=[root]) == ["CN=alice", "CN=upper", "CN=root"]
    assert refused(lower.leaf(), upper, lower, roots=[root]) == (
        "untrusted: its CA 'CN=root' may have 1 CA(s) below it (pathlen), and there are 2"
    )


def test_path_length_of_an_intermediate_counts_too() -> None:
    upper = ROOT.intermediate("upper", basic=x509.BasicConstraints(ca=True, path_length=0))
    lower = upper.intermediate("lower")

    assert path(upper.leaf(), upper) == ["CN=alice", "CN=upper", "CN=root"]
    assert "CA 'CN=upper' may have 0 CA(s) below it" in refused(lower.leaf(), upper, lower)


def test_path_has_at_most_so_many_certificates() -> None:
    cas = [ROOT]
    while len(cas) < MAX_PATH - 1:
        cas.append(cas[-1].intermediate(f"ca {len(cas)}"))
    longest = cas[-1].leaf()
    longer = cas[-1].intermediate("one more")

    found = path(longest, *cas[1:])

    assert len(found) == MAX_PATH
    assert f"more than {MAX_PATH} certificates" in refused(longer.leaf(), *cas[1:], longer)


def test_cas_of_one_name_are_not_tried_without_end() -> None:
    cas = [Issuer.root("twin", key_name=f"twin {number}") for number in range(MAX_TRIES + 1)]

    assert path(cas[MAX_TRIES - 1].leaf(), roots=cas) == ["CN=alice", "CN=twin"]
    assert f"more than {MAX_TRIES} CAs" in refused(cas[MAX_TRIES].leaf(), roots=cas)


def test_cas_that_certify_each_other_are_no_way() -> None:
    one, other = Issuer.root("one"), Issuer.root("other")
    ring = [Issuer(one.intermediate("other").parsed, other.key), Issuer(other.intermediate("one").parsed, one.key)]

    assert refused(one.leaf(), *ring).startswith("untrusted: ")


@pytest.mark.component("openssl")
@pytest.mark.parametrize(("digest", "counts"), [("sha256", True), ("sha384", True), ("sha1", False), ("sha224", False)])
def test_signature_counts_only_if_nobody_can_forge_one(digest: str, counts: bool, tmp_path: Path) -> None:
    root = Issuer.root(kind="rsa")
    (tmp_path / "ca.pem").write_text(root.pem)
    (tmp_path / "ca.key").write_text(root.private_pem)
    (tmp_path / "alice.key").write_text(private_key("alice", "rsa").private_bytes(*AS_PEM).decode())
    (tmp_path / "extensions").write_text("keyUsage=digitalSignature\n")
    for words in (
        "req -new -key alice.key -subj /CN=alice -out request",
        f"x509 -req -in request -CA ca.pem -CAkey ca.key -{digest} -days 9999 -extfile extensions -out alice.pem",
    ):
        subprocess.run(["openssl", *words.split()], cwd=tmp_path, capture_output=True, check=True)
    alice = certificate_of_pem((tmp_path / "alice.pem").read_text(), "alice")

    found = find_path(alice, [root.certificate], [], AT)

    assert isinstance(found, tuple) is counts, found
    assert counts or (isinstance(found, Problem) and "of a kind that can be forged" in found.text)


CONSTRAINED = x509.NameConstraints([x509.UniformResourceIdentifier("acme.example")], None)


def test_ca_gives_out_only_names_that_it_may() -> None:
    middle = ROOT.intermediate("middle", constraints=CONSTRAINED)

    assert path(middle.leaf(uris=["spiffe://acme.example/build"]), middle) == ["CN=alice", "CN=middle", "CN=root"]
    assert refused(middle.leaf(uris=["spiffe://other.example/build"]), middle) == (
        "untrusted: its CA 'CN=middle' may not give out the uri name 'spiffe://other.example/build' (nameConstraints)"
    )


def test_constraints_on_names_hold_for_everything_below() -> None:
    upper = ROOT.intermediate("upper", constraints=CONSTRAINED)
    lower = upper.intermediate("lower")

    assert path(lower.leaf(uris=["spiffe://acme.example/build"]), upper, lower)[-1] == "CN=root"
    assert "CN=upper' may not give out" in refused(lower.leaf(uris=["spiffe://other.example/x"]), upper, lower)


def test_changed_certificate_leads_nowhere() -> None:
    der = ROOT.leaf().certificate.der
    changed = ROOT.leaf().certificate.replace(der=der[:-1] + bytes([der[-1] ^ 1]))

    found = find_path(changed, [ROOT.certificate], [], AT)

    assert isinstance(found, Problem)
    assert found.flaw is Flaw.UNTRUSTED


# --- the same by somebody else's rules --------------------------------------------------------------

JUDGED: dict[str, tuple[list[Said], Said, bool]] = {
    "a leaf": ([], {}, True),
    "through an intermediate": ([{}], {}, True),
    "expired": ([], LATE, False),
    "not yet valid": ([], EARLY, False),
    "through an expired CA": ([LATE], {}, False),
    "through no CA": ([{"basic": NOT_A_CA}], {}, False),
    "through a CA that may not certify": ([{"usage": usage("digital_signature")}], {}, False),
    "a path too long": ([{"basic": x509.BasicConstraints(ca=True, path_length=0)}, {}], {}, False),
    "a critical name": ([], {"uris": ["spiffe://acme.example/build"]}, True),
    "an allowed URI": ([{"constraints": CONSTRAINED}], {"uris": ["spiffe://acme.example/build"]}, True),
    "a forbidden URI": ([{"constraints": CONSTRAINED}], {"uris": ["spiffe://other.example/build"]}, False),
    "an unknown critical extension": (
        [],
        {"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]},
        False,
    ),
}


@pytest.mark.component("openssl")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", JUDGED)
def test_openssl_judges_the_same(name: str, kind: str, tmp_path: Path) -> None:
    cas, said, good = JUDGED[name]
    issuer = root = Issuer.root(kind=kind)
    intermediates = []
    for number, each in enumerate(cas):
        issuer = issuer.intermediate(f"ca {number}", **each)
        intermediates.append(issuer)
    leaf = issuer.leaf(**said)
    for file, holders in (("root", [root]), ("between", [*intermediates, root]), ("leaf", [leaf])):
        (tmp_path / file).write_text("".join(holder.pem for holder in holders))

    words = ["-CAfile", "root", "-untrusted", "between", "-attime", str(int(AT.timestamp())), "leaf"]
    theirs = subprocess.run(["openssl", "verify", *words], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (theirs.returncode == 0) is good, theirs.stderr
    assert isinstance(path(leaf, *intermediates, roots=[root]), list) is good
