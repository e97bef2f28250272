"""Every fault of the catalogue: found by its code in a layout that has it, and not in the sound twin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from custody.keys.keyless import KeylessKey, keyless_key
from custody.keys.keyless_names import Wanted
from custody.linting.complaints import CATALOGUE, Code, Severity
from custody.linting.lint import lint
from custody.linting.lists import MAX_COMPARED
from custody.models.layout import Inspection, Layout, Step
from tests.simulator import AT, actor, rules
from tests.x509 import Issuer, constraint, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from custody.keys.public import PublicKey
    from custody.keys.x509_constraint import CertificateConstraint

    Change = Callable[[Layout], Layout]

CLONE, REVIEW, PACKAGE = 0, 1, 2
UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)
KEYS = {name: actor(name).public_key for name in ("alice", "bob", "carol", "dave", "erin")}


def ids(*names: str) -> tuple[str, ...]:
    return tuple(KEYS[name].keyid for name in names)


def held(*names: str) -> dict[str, PublicKey]:
    return {KEYS[name].keyid: KEYS[name] for name in names}


def sound() -> Layout:
    """Return a layout that nothing is wrong with."""
    return Layout(
        expires=AT + timedelta(days=180),
        keys=held("alice", "bob", "carol", "dave"),
        steps=(
            Step(
                name="clone",
                pubkeys=ids("alice"),
                expected_command=("git", "clone", "https://example.com/acme.git"),
                expected_materials=rules(["DISALLOW *"]),
                expected_products=rules(["CREATE acme/*", "DISALLOW *"]),
            ),
            Step(
                name="review",
                pubkeys=ids("bob", "carol"),
                threshold=2,
                expected_materials=rules(["MATCH acme/* WITH PRODUCTS FROM clone", "DISALLOW *"]),
                expected_products=rules(["MATCH acme/* WITH PRODUCTS FROM clone", "DISALLOW *"]),
            ),
            Step(
                name="package",
                pubkeys=ids("dave"),
                expected_command=("tar", "czf", "acme.tar.gz", "acme"),
                expected_materials=rules(
                    ["REQUIRE acme/Makefile", "MATCH acme/* WITH PRODUCTS FROM review", "DISALLOW *"]
                ),
                expected_products=rules(["CREATE acme.tar.gz", "DISALLOW *"]),
            ),
        ),
        inspect=(
            Inspection(
                name="unpack",
                run=("tar", "xzf", "acme.tar.gz"),
                expected_materials=rules(["MATCH acme.tar.gz WITH PRODUCTS FROM package", "DISALLOW *"]),
                expected_products=rules(
                    [
                        "MATCH acme.tar.gz WITH MATERIALS FROM unpack",
                        "MATCH acme/* WITH PRODUCTS FROM review",
                        "DISALLOW *",
                    ]
                ),
            ),
        ),
    )


def step(position: int, **fields: Any) -> Change:  # noqa: ANN401  # any field of a step
    def change(layout: Layout) -> Layout:
        steps = list(layout.steps)
        steps[position] = steps[position].replace(**fields)
        return layout.replace(steps=tuple(steps))

    return change


def inspection(**fields: Any) -> Change:  # noqa: ANN401  # any field of an inspection
    return lambda layout: layout.replace(inspect=(layout.inspect[0].replace(**fields),))


def materials(position: int, *texts: str) -> Change:
    return step(position, expected_materials=rules(texts))


def products(position: int, *texts: str) -> Change:
    return step(position, expected_products=rules(texts))


def layout_with(**fields: Any) -> Change:  # noqa: ANN401  # any field of a layout
    return lambda layout: layout.replace(**fields)


def both(*changes: Change) -> Change:
    def change(layout: Layout) -> Layout:
        for each in changes:
            layout = each(layout)
        return layout

    return change


def expires(**delta: int) -> Change:
    return layout_with(expires=AT + timedelta(**delta))


def second_inspection(*texts: str) -> Change:
    """Add an inspection after the first, which then has materials by the rules `texts`."""

    def change(layout: Layout) -> Layout:
        first = layout.inspect[0]
        second = first.replace(name="second", expected_products=rules(["DISALLOW *"]))
        return layout.replace(inspect=(first.replace(expected_materials=rules(texts)), second))

    return change


def one_key_twice(layout: Layout) -> Layout:
    """Give bob's key a second id, under which it may review too."""
    alias = KEYS["bob"].replace(keyid="f" * 64)
    return both(
        layout_with(keys={**layout.keys, alias.keyid: alias}), step(REVIEW, pubkeys=(*ids("bob"), alias.keyid))
    )(layout)


def same_prefix(layout: Layout) -> Layout:
    """Let a key review whose id begins as bob's does."""
    twin = KEYS["erin"].replace(keyid=KEYS["bob"].keyid[:8] + "0" * 56)
    keys = {**layout.keys, twin.keyid: twin}
    return both(layout_with(keys=keys), step(REVIEW, pubkeys=(*ids("bob", "carol"), twin.keyid)))(layout)


ROOT = Issuer.root()
CERT_PLACE = "steps[0].cert_constraints[0]"


def certified(*constraints: CertificateConstraint, root: Issuer = ROOT, **fields: Any) -> Change:  # noqa: ANN401
    """Let certificates perform the first step, and alice do nothing but what she may elsewhere."""
    return both(
        step(CLONE, **{"cert_constraints": constraints, "pubkeys": (), **fields}),
        layout_with(rootcas={"root": root.certificate}, keys=held("bob", "carol", "dave")),
    )


BUILDER = constraint(uris=("spiffe://acme.example/build",))
NO_CA = Issuer.root(basic=x509.BasicConstraints(ca=False, path_length=None))


def keyless(identity: str = "", issuer: str = "") -> KeylessKey:
    """Return a keyless functionary by regular expressions, or by exact names."""
    subject = Wanted(text=identity or "alice@example.com", is_regexp=bool(identity))
    provider = Wanted(text=issuer or "https://accounts.example.com", is_regexp=bool(issuer))
    return keyless_key(subject, provider)


def with_keyless(identity: str = "", issuer: str = "") -> Change:
    key = keyless(identity, issuer).replace(keyid="keyless")
    return lambda layout: layout.replace(keys={**layout.keys, "keyless": key})


def packaged_by_keyless(identity: str = "", issuer: str = "", threshold: int = 1) -> Change:
    """Let a keyless functionary do the last step, in the place of who does it otherwise."""
    key = keyless(identity, issuer)
    return both(
        layout_with(keys={**held("alice", "bob", "carol"), key.keyid: key}),
        step(PACKAGE, pubkeys=(key.keyid,), threshold=threshold),
    )


FAULTS: list[tuple[Code, str, Change]] = [
    (Code.CERT_ANYBODY, CERT_PLACE, certified(constraint())),
    (Code.CERT_ANYBODY, CERT_PLACE, certified(constraint("", emails=()))),
    (Code.CERT_NO_ROOT, f"{CERT_PLACE}.roots", certified(constraint("alice", roots=()))),
    (Code.CERT_NO_ROOT, f"{CERT_PLACE}.roots", certified(constraint("alice", roots=("gone",)))),
    (Code.CERT_NO_ROOT, f"{CERT_PLACE}.roots", both(certified(BUILDER), layout_with(rootcas={}))),
    (Code.CERT_UNKNOWN_ROOT, f"{CERT_PLACE}.roots", certified(constraint("alice", roots=("root", "gone")))),
    (Code.CERT_LITERAL_STAR, CERT_PLACE, certified(constraint(uris=("spiffe://acme.example/*",)))),
    (Code.CERT_LITERAL_STAR, CERT_PLACE, certified(constraint("build-*"))),
    (
        Code.CERT_BESIDE_KEY,
        "steps[1].threshold",
        both(certified(BUILDER), step(REVIEW, cert_constraints=(constraint("erin"),))),
    ),
    (Code.THRESHOLD_TOO_HIGH, "steps[0].threshold", certified(BUILDER, threshold=2)),
    (Code.THRESHOLD_TOO_HIGH, "steps[0].threshold", certified(BUILDER, BUILDER, threshold=2)),
    (Code.CA_UNUSED, "rootcas.root", layout_with(rootcas={"root": ROOT.certificate})),
    (Code.CA_UNUSABLE, "rootcas.root", certified(BUILDER, root=NO_CA)),
    (Code.CA_UNUSABLE, "rootcas.root", certified(BUILDER, root=Issuer.root(usage=usage("crl_sign")))),
    (Code.CA_UNUSABLE, "rootcas.root", certified(BUILDER, root=Issuer.root(ends=AT - timedelta(days=1)))),
    (Code.CA_UNUSABLE, "rootcas.root", certified(BUILDER, root=Issuer.root(more=[UNKNOWN]))),
    (
        Code.CA_UNUSABLE,
        "intermediatecas.ca",
        both(
            certified(BUILDER),
            layout_with(intermediatecas={"ca": ROOT.intermediate("middle", usage=None).certificate}),
        ),
    ),
    (Code.CA_EXPIRES, "rootcas.root", certified(BUILDER, root=Issuer.root(ends=AT + timedelta(days=1)))),
    (Code.NO_STEPS, "steps", layout_with(steps=())),
    (Code.NO_PUBKEYS, "steps[0].pubkeys", step(CLONE, pubkeys=())),
    (Code.UNKNOWN_PUBKEY, "steps[0].pubkeys[1]", step(CLONE, pubkeys=(*ids("alice"), "0" * 64))),
    (Code.DUPLICATE_PUBKEY, "steps[0].pubkeys[1]", step(CLONE, pubkeys=ids("alice", "alice"))),
    (Code.THRESHOLD_TOO_HIGH, "steps[0].threshold", step(CLONE, threshold=2)),
    (Code.THRESHOLD_TOO_HIGH, "steps[1].threshold", step(REVIEW, pubkeys=(*ids("bob"), "0" * 64))),
    (Code.THRESHOLD_TOO_HIGH, "steps[1].threshold", one_key_twice),
    (Code.THRESHOLD_ONE_ACTOR, "steps[1].threshold", one_key_twice),
    (Code.KEY_TWICE, f"keys.{'f' * 64}", one_key_twice),
    (Code.FOREIGN_KEY_ID, f"keys.{'f' * 64}", one_key_twice),
    (Code.KEY_ID_PREFIX, "steps[1].pubkeys", same_prefix),
    (
        Code.UNUSED_KEY,
        f"keys.{KEYS['erin'].keyid}",
        layout_with(keys=held("alice", "bob", "carol", "dave", "erin")),
    ),
    (Code.REVIEWS_OWN_WORK, "steps[1].pubkeys", step(REVIEW, pubkeys=ids("alice", "bob", "carol"))),
    (
        # One person alone is named a reviewer of what the same person made two steps before.
        Code.REVIEWS_OWN_WORK,
        "steps[2].pubkeys",
        step(PACKAGE, name="sign-off", pubkeys=ids("alice")),
    ),
    (Code.SAME_KEY_FOLLOWS, "steps[2].pubkeys", step(PACKAGE, pubkeys=ids("bob"))),
    (Code.NO_RULES, "steps[0].expected_materials", materials(CLONE)),
    (Code.NO_RULES, "steps[2].expected_products", products(PACKAGE)),
    (Code.NO_RULES, "inspect[0].expected_products", inspection(expected_products=())),
    (Code.OPEN_RULES, "steps[2].expected_products", products(PACKAGE, "CREATE acme.tar.gz")),
    (Code.OPEN_RULES, "steps[2].expected_products", products(PACKAGE, "CREATE acme.tar.gz", "DISALLOW tmp/*")),
    (
        Code.OPEN_RULES,
        "inspect[0].expected_materials",
        inspection(expected_materials=rules(["MATCH acme.tar.gz WITH PRODUCTS FROM package"])),
    ),
    (Code.ALLOWS_EVERYTHING, "steps[2].expected_products[1]", products(PACKAGE, "CREATE acme.tar.gz", "ALLOW *")),
    (Code.ALLOWS_EVERYTHING, "steps[0].expected_products[0]", products(CLONE, "ALLOW **", "DISALLOW *")),
    (
        Code.UNREACHABLE_RULE,
        "steps[0].expected_products[1]",
        products(CLONE, "ALLOW acme/*", "CREATE acme/src/*", "DISALLOW *"),
    ),
    (
        Code.UNREACHABLE_RULE,
        "steps[2].expected_products[2]",
        products(PACKAGE, "CREATE acme.tar.gz", "DISALLOW *", "ALLOW acme.log"),
    ),
    (
        Code.SHADOWED_DISALLOW,
        "steps[0].expected_products[1]",
        products(CLONE, "ALLOW acme/*", "DISALLOW acme/secret", "DISALLOW *"),
    ),
    (
        Code.SHADOWED_DISALLOW,
        "steps[0].expected_products[1]",
        products(CLONE, "ALLOW *.py", "DISALLOW test/*.py", "DISALLOW *"),
    ),
    (
        Code.DUPLICATE_RULE,
        "steps[2].expected_products[1]",
        products(PACKAGE, "CREATE acme.tar.gz", "CREATE acme.tar.gz", "DISALLOW *"),
    ),
    (Code.NEVER_CONSUMES, "steps[0].expected_materials[0]", materials(CLONE, "CREATE acme/*", "DISALLOW *")),
    (
        Code.NEVER_CONSUMES,
        "steps[2].expected_products[1]",
        products(PACKAGE, "CREATE acme.tar.gz", "DELETE acme/*", "DISALLOW *"),
    ),
    (
        Code.REQUIRE_TOO_LATE,
        "steps[2].expected_products[1]",
        products(PACKAGE, "ALLOW acme.*", "REQUIRE acme.tar.gz", "DISALLOW *"),
    ),
    (
        Code.REQUIRE_TOO_LATE,
        "steps[2].expected_products[2]",
        products(PACKAGE, "CREATE acme.tar.gz", "DISALLOW *", "REQUIRE acme.tar.gz"),
    ),
    (
        Code.REQUIRE_AFTER_RULE,
        "steps[2].expected_products[1]",
        products(PACKAGE, "CREATE acme.tar.gz", "REQUIRE acme.tar.gz", "DISALLOW *"),
    ),
    (
        Code.REQUIRE_WILDCARD,
        "steps[2].expected_products[0]",
        products(PACKAGE, "REQUIRE *.gz", "CREATE acme.tar.gz", "DISALLOW *"),
    ),
    (
        Code.LONG_LIST,
        "steps[0].expected_products",
        products(CLONE, *(f"CREATE acme/{n}" for n in range(MAX_COMPARED)), "DISALLOW *"),
    ),
    (Code.NO_SOURCE, "steps[2].expected_materials", materials(PACKAGE, "ALLOW acme/*", "DISALLOW *")),
    (Code.NO_SOURCE, "steps[2].expected_materials", materials(PACKAGE, "ALLOW *")),
    (
        Code.NO_SOURCE,
        "steps[2].expected_materials",
        materials(PACKAGE, "MATCH acme/* WITH MATERIALS FROM package", "DISALLOW *"),
    ),
    (
        Code.UNTIED_MATERIAL,
        "steps[2].expected_materials[1]",
        materials(PACKAGE, "MATCH acme/* WITH PRODUCTS FROM review", "ALLOW Makefile", "DISALLOW *"),
    ),
    (
        Code.INSPECTION_UNTIED,
        "inspect[0]",
        inspection(
            expected_materials=rules(["ALLOW acme.tar.gz", "DISALLOW *"]), expected_products=rules(["DISALLOW *"])
        ),
    ),
    (
        Code.MATCH_MISSING,
        "steps[2].expected_materials[0]",
        materials(PACKAGE, "MATCH acme/* WITH PRODUCTS FROM audit", "DISALLOW *"),
    ),
    (
        Code.MATCH_MISSING,
        "inspect[0].expected_materials[0]",
        inspection(expected_materials=rules(["MATCH * WITH PRODUCTS FROM audit", "DISALLOW *"])),
    ),
    (
        Code.MATCH_INSPECTION,
        "steps[2].expected_materials[0]",
        materials(PACKAGE, "MATCH acme/* WITH PRODUCTS FROM unpack", "DISALLOW *"),
    ),
    (
        Code.MATCH_INSPECTION,
        "inspect[0].expected_materials[0]",
        second_inspection("MATCH * WITH PRODUCTS FROM second", "DISALLOW *"),
    ),
    (
        Code.MATCH_LATER,
        "steps[1].expected_materials[0]",
        materials(REVIEW, "MATCH acme.tar.gz WITH PRODUCTS FROM package", "DISALLOW *"),
    ),
    (
        Code.MATCH_SELF,
        "steps[2].expected_products[0]",
        products(PACKAGE, "MATCH acme.tar.gz WITH PRODUCTS FROM package", "DISALLOW *"),
    ),
    (
        Code.MATCH_SELF,
        "steps[2].expected_materials[1]",
        materials(
            PACKAGE,
            "MATCH acme/* WITH PRODUCTS FROM review",
            "MATCH Makefile WITH PRODUCTS FROM package",
            "DISALLOW *",
        ),
    ),
    (
        Code.MATCH_SELF,
        "inspect[0].expected_materials[0]",
        inspection(expected_materials=rules(["MATCH * WITH MATERIALS FROM unpack", "DISALLOW *"])),
    ),
    (
        Code.MATCH_NOTHING,
        "steps[2].expected_materials[0]",
        materials(PACKAGE, "MATCH src/* WITH PRODUCTS FROM review", "DISALLOW *"),
    ),
    (
        Code.MATCH_NOTHING,
        "steps[2].expected_materials[0]",
        materials(PACKAGE, "MATCH acme/* WITH PRODUCTS IN src FROM review", "DISALLOW *"),
    ),
    (
        Code.MATCH_NOTHING,
        "steps[2].expected_materials[0]",
        materials(PACKAGE, "MATCH acme/* WITH MATERIALS FROM clone", "DISALLOW *"),
    ),
    (
        Code.MATCH_BYPASSED,
        "steps[2].expected_materials[0]",
        materials(PACKAGE, "MATCH acme/* WITH PRODUCTS FROM review", "ALLOW acme/*", "DISALLOW *"),
    ),
    (
        Code.UNCONSUMED_PRODUCTS,
        "steps[1].expected_products",
        both(
            products(REVIEW, "CREATE report.txt", "DISALLOW *"),
            materials(PACKAGE, "MATCH acme/* WITH PRODUCTS FROM clone", "DISALLOW *"),
            inspection(expected_products=rules(["MATCH acme/* WITH PRODUCTS FROM clone", "DISALLOW *"])),
        ),
    ),
    (Code.NO_ARTIFACT, "steps[2].expected_products", products(PACKAGE, "DISALLOW *")),
    (Code.NO_ARTIFACT, "steps[2].expected_products", products(PACKAGE)),
    (Code.STAR_CROSSES, "steps[2].expected_products[0]", products(PACKAGE, "CREATE dist/*.whl", "DISALLOW *")),
    (Code.DOUBLE_STAR, "steps[0].expected_products[0]", products(CLONE, "CREATE acme/**", "DISALLOW *")),
    (Code.DOUBLE_STAR, "steps[0].expected_products[0]", products(CLONE, "DISALLOW **/*.pyc", "DISALLOW *")),
    (
        Code.BRACKET_SET,
        "steps[0].expected_products[0]",
        products(CLONE, "CREATE acme/pages/[slug].tsx", "DISALLOW *"),
    ),
    (Code.BRACKET_SET, "steps[0].expected_products[0]", products(CLONE, "CREATE acme/[id]", "DISALLOW *")),
    *(
        (Code.UNMATCHABLE_PATTERN, "steps[0].expected_products[0]", products(CLONE, f"{rule}", "DISALLOW *"))
        for rule in (
            "REQUIRE ./README",
            "REQUIRE acme/",
            "MATCH ../x IN acme WITH PRODUCTS FROM clone",
        )
    ),
    (Code.EXPIRED, "expires", expires(seconds=0)),
    (Code.EXPIRED, "expires", expires(days=-400)),
    (Code.EXPIRES_SOON, "expires", expires(days=13)),
    (Code.EXPIRES_LATE, "expires", expires(days=733)),
    (Code.NO_COMMAND, "steps[2].expected_command", step(PACKAGE, expected_command=())),
    (Code.SHELL_COMMAND, "inspect[0].run", inspection(run=("sh", "-c", "tar xzf *.gz"))),
    (Code.SHELL_COMMAND, "inspect[0].run", inspection(run=("/bin/bash", "-ec", "tar xzf *.gz"))),
    (Code.SHELL_OPERATOR, "inspect[0].run", inspection(run=("tar", "xzf", "a.gz", "&&", "rm", "a.gz"))),
    (Code.SHELL_OPERATOR, "steps[2].expected_command", step(PACKAGE, expected_command=("tar", "xf", "$NAME"))),
    (Code.KEYLESS_ANYBODY, "keys.keyless.keyval.identity_regexp", with_keyless(identity=".*")),
    (Code.KEYLESS_ANYBODY, "keys.keyless.keyval.identity_regexp", with_keyless(identity="^(.+|x)$")),
    (Code.KEYLESS_ANYBODY, "keys.keyless.keyval.issuer_regexp", with_keyless(issuer="https://.*")),
    (Code.KEYLESS_PARTIAL, "keys.keyless.keyval.identity_regexp", with_keyless(identity=r"@example\.com")),
    (Code.KEYLESS_PARTIAL, "keys.keyless.keyval.identity_regexp", with_keyless(identity="^/acme/.*")),
    (Code.KEYLESS_DOT, "keys.keyless.keyval.identity_regexp", with_keyless(identity=".*@example.com")),
    (Code.KEYLESS_DOT, "keys.keyless.keyval.issuer_regexp", with_keyless(issuer="https://[a-z]+.example")),
]


def found(layout: Layout, at: datetime = AT) -> set[tuple[Code, str]]:
    return {(complaint.code, complaint.where) for complaint in lint(layout, at)}


def test_nothing_is_wrong_with_a_sound_layout() -> None:
    assert lint(sound(), AT) == ()


@pytest.mark.parametrize(("code", "where", "change"), FAULTS, ids=[f"{n}-{row[0]}" for n, row in enumerate(FAULTS)])
def test_each_fault_is_found_by_its_code_at_its_place(code: Code, where: str, change: Change) -> None:
    assert (code, where) in found(change(sound()))


def test_every_code_of_the_catalogue_has_a_fault_in_the_table() -> None:
    assert {row[0] for row in FAULTS} == set(Code) == set(CATALOGUE)


HARMLESS: dict[str, Change] = {
    "a step for certificates only": certified(BUILDER),
    "an exact identity": packaged_by_keyless(),
    "a careful regular expression": packaged_by_keyless(
        identity=r"[a-z]+@example\.com", issuer=r"https://(accounts|login)\.example\.com"
    ),
    "several people of one regular expression": packaged_by_keyless(identity=r"[a-z]+@example\.com", threshold=3),
    "a step for certificates of two people": certified(constraint("a"), constraint("b"), threshold=2),
    "a step for certificates of an organization": certified(constraint(organizations=("Acme",)), threshold=3),
    "a root without a key usage": certified(BUILDER, root=Issuer.root(usage=None)),
    "a host name with a wildcard": certified(constraint(dns_names=("*.acme.example",))),
    "a step for keys and for certificates": both(
        certified(BUILDER, pubkeys=ids("alice")), layout_with(keys=held("alice", "bob", "carol", "dave"))
    ),
    "a step that takes no materials": materials(REVIEW, "DISALLOW *"),
    "products that are the own materials, unchanged": products(
        REVIEW, "MATCH acme/* WITH MATERIALS FROM review", "DISALLOW *"
    ),
    "a copy in another directory of the same step": products(
        CLONE, "CREATE acme/*", "MATCH * IN copy WITH PRODUCTS IN acme FROM clone", "DISALLOW *"
    ),
    "REQUIRE of a file that a MODIFY of all may leave": products(
        CLONE, "CREATE acme/*", "MODIFY *", "REQUIRE NOTES", "DISALLOW *"
    ),
    "a set that is meant": products(CLONE, "CREATE acme/[0-9]", "CREATE acme/x.[ch]", "CREATE acme/[!x]", "DISALLOW *"),
    "a name with brackets, escaped": products(CLONE, "CREATE acme/[[]slug].tsx", "CREATE acme/[*]", "DISALLOW *"),
    "a REQUIRE with brackets in the name": products(CLONE, "REQUIRE acme/[slug].tsx", "CREATE acme/*", "DISALLOW *"),
    "a star in a DISALLOW": products(CLONE, "DISALLOW *.pyc", "CREATE acme/*", "DISALLOW *"),
    "a DISALLOW of what a later ALLOW would take": products(
        CLONE, "DISALLOW acme/secret", "ALLOW acme/*", "DISALLOW *"
    ),
    "an ALLOW beside an earlier one": products(
        CLONE, "ALLOW acme/a*", "DISALLOW acme/b", "CREATE acme/*", "DISALLOW *"
    ),
    "paths outside the directory": products(CLONE, "CREATE acme/*", "CREATE ../sib/*", "CREATE /abs/*", "DISALLOW *"),
    "a name with a scheme": products(CLONE, "CREATE acme/*", "CREATE git:commit", "DISALLOW *"),
    "the last day but fourteen": expires(days=14),
    "two years": expires(days=730),
    "a step called preview that follows its maker": both(
        step(PACKAGE, name="preview"),
        inspection(expected_materials=rules(["MATCH * WITH PRODUCTS FROM preview", "DISALLOW *"])),
    ),
    "a dollar sign inside a word": step(PACKAGE, expected_command=("awk", "{print $1}")),
    "a shell script that is no one-liner": inspection(run=("sh", "unpack.sh")),
    "a shell's one-liner with operators as an expected command": step(PACKAGE, expected_command=("sh", "-c", "a && b")),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_sound_layouts_do_is_no_complaint(change: Change) -> None:
    assert lint(change(sound()), AT) == ()


def test_a_threshold_that_is_met_is_no_complaint() -> None:
    enough = both(layout_with(keys=held(*KEYS)), step(REVIEW, pubkeys=ids("bob", "carol", "erin"), threshold=3))
    assert lint(enough(sound()), AT) == ()
    assert (Code.THRESHOLD_TOO_HIGH, "steps[1].threshold") in found(step(REVIEW, threshold=4)(enough(sound())))


def test_the_legacy_id_of_a_key_is_not_foreign() -> None:
    from custody.keys.keyid import legacy_keyid_of

    key = KEYS["alice"]
    legacy = key.replace(keyid=legacy_keyid_of(key.keytype, key.scheme, key.public))
    layout = step(CLONE, pubkeys=(legacy.keyid,))(sound())
    layout = layout.replace(keys={legacy.keyid: legacy, **held("bob", "carol", "dave")})
    assert lint(layout, AT) == ()


def test_the_worst_comes_first_and_then_the_order_of_the_document() -> None:
    bad = both(products(CLONE, "CREATE a/*.py"), step(PACKAGE, expected_command=()), step(CLONE, pubkeys=()))(sound())
    complaints = lint(bad, AT)
    ranks = [complaint.severity.rank for complaint in complaints]
    assert ranks == sorted(ranks)
    assert complaints[0].code is Code.NO_PUBKEYS
    warnings = [c.where for c in complaints if c.severity is Severity.WARNING]
    assert warnings[0].startswith("keys.")
    assert warnings[1:] == sorted(warnings[1:])


def test_complaints_call_functionaries_by_their_names_where_they_have_some() -> None:
    bad = step(REVIEW, pubkeys=ids("alice", "bob", "carol"))(sound())
    names = {KEYS["alice"].keyid: "alice"}
    (named,) = (c for c in lint(bad, AT, names=names) if c.code is Code.REVIEWS_OWN_WORK)
    (short,) = (c for c in lint(bad, AT) if c.code is Code.REVIEWS_OWN_WORK)
    assert named.sentence.startswith("alice may sign")
    assert short.sentence.startswith(f"{KEYS['alice'].keyid[:8]} may sign")


def test_every_complaint_has_a_sentence_and_a_remedy() -> None:
    for _, _, change in FAULTS:
        for complaint in lint(change(sound()), AT):
            assert complaint.severity is CATALOGUE[complaint.code].severity
            assert complaint.sentence
            assert complaint.remedy
            assert complaint.sentence[-1] not in ".;"


def test_the_catalogue_explains_every_code() -> None:
    texts: Iterable[str] = (entry.meaning for entry in CATALOGUE.values())
    assert all(texts)
    assert all(code.value == code.name.lower().replace("_", "-") for code in Code)
