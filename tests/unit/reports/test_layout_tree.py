from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import digest_of
from custody.models.layout import Inspection, Layout, Step
from custody.reports.layout_tree import check_signatures, tree_document, tree_lines
from tests.simulator import actor, rules, signed
from tests.x509 import Issuer, constraint

AT = datetime(2030, 1, 1, tzinfo=UTC)
ALICE, BOB, OWNER = actor("alice"), actor("bob"), actor("owner")
LAYOUT = Layout(
    expires=AT + timedelta(days=184),
    readme="How acme is made\nand why",
    keys={who.keyid: who.public_key for who in (ALICE, BOB)},
    steps=(
        Step(
            name="clone",
            pubkeys=(ALICE.keyid,),
            expected_command=("git", "clone", "a b"),
            expected_materials=rules(["DISALLOW *"]),
            expected_products=rules(["CREATE 'a b/*'", "DISALLOW *"]),
        ),
        Step(name="review", pubkeys=(ALICE.keyid, BOB.keyid, "f" * 64), threshold=2),
    ),
    inspect=(Inspection(name="unpack", run=("tar", "xf", "a.tar")),),
)


def test_the_tree_says_who_does_what_with_what_and_until_when() -> None:
    envelope = Metablock.wrap(LAYOUT.document())
    assert list(tree_lines(LAYOUT, AT, title="root.layout", envelope=envelope)) == [
        "root.layout: a layout in a Metablock",
        "  readme      How acme is made",
        "              and why",
        "  expires     2030-07-04T00:00:00Z, in 184 days",
        f"  digest      sha256:{digest_of(envelope)}",
        "  signed by   nobody yet",
        "keys",
        f"  {ALICE.keyid}  ed25519",
        f"  {BOB.keyid}  ed25519",
        "steps",
        "  1 clone",
        f"    signed by   {ALICE.keyid[:8]} (ed25519)",
        "    command     git clone 'a b'",
        "    materials   DISALLOW *",
        "    products    CREATE 'a b/*'",
        "                DISALLOW *",
        "  2 review",
        f"    signed by   2 of {ALICE.keyid[:8]} (ed25519), {BOB.keyid[:8]} (ed25519), ffffffff (not among the keys)",
        "    command     (any)",
        "    materials   (no rules: everything is allowed)",
        "    products    (no rules: everything is allowed)",
        "inspections",
        "  1 unpack",
        "    run         tar xf a.tar",
        "    materials   (no rules: everything is allowed)",
        "    products    (no rules: everything is allowed)",
    ]


def test_a_source_has_names_and_neither_digest_nor_signatures() -> None:
    lines = list(tree_lines(LAYOUT, AT, title="s.yaml", names={ALICE.keyid: "alice"}))
    assert lines[0] == "s.yaml: the source of a layout"
    assert not any("digest" in line or "nobody yet" in line for line in lines)
    assert f"  {ALICE.keyid}  ed25519  alice" in lines
    assert f"    signed by   alice {ALICE.keyid[:8]} (ed25519)" in lines


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (timedelta(days=1), "in 1 day"),
        (timedelta(hours=3), "in less than a day"),
        (timedelta(0), "expired 0 days ago"),
        (timedelta(days=-3), "expired 3 days ago"),
    ],
)
def test_the_time_that_is_left_is_said_in_days(days: timedelta, said: str) -> None:
    lines = list(tree_lines(LAYOUT.replace(expires=AT + days), AT, title="x"))
    assert any(line.endswith(f", {said}") for line in lines)


@pytest.mark.parametrize("dsse", [False, True])
def test_a_signature_is_good_only_if_a_given_key_made_it(dsse: bool) -> None:
    envelope = signed(LAYOUT.document(), OWNER, ALICE, dsse=dsse)
    assert [s.good for s in check_signatures(envelope, (), AT)] == [None, None]
    assert [s.good for s in check_signatures(envelope, [OWNER.public_key], AT)] == [True, False]
    changed = signed(LAYOUT.replace(readme="").document(), dsse=dsse).replace(signatures=envelope.signatures)
    assert [s.good for s in check_signatures(changed, [OWNER.public_key, ALICE.public_key], AT)] == [False, False]
    told = "\n".join(tree_lines(LAYOUT, AT, title="x", envelope=envelope, keys=[OWNER.public_key]))
    assert f"  signed by   {OWNER.keyid} (good)\n              {ALICE.keyid} (NOT by a given key)" in told


def test_the_document_holds_the_same_as_the_tree() -> None:
    envelope = DSSEEnvelope.wrap(LAYOUT.document())
    document = tree_document(LAYOUT, AT, title="root.layout", envelope=envelope, names={BOB.keyid: "bob"})
    steps = document["steps"]
    assert isinstance(steps, list)
    assert steps[0]["expected_products"] == ["CREATE 'a b/*'", "DISALLOW *"]
    assert document["envelope"] == "dsse"
    assert document["digest"] == f"sha256:{digest_of(envelope)}"
    assert document["days_left"] == 184
    assert document["expired"] is False
    assert document["keys"] == {
        ALICE.keyid: {"keytype": "ed25519", "scheme": "ed25519", "name": None, "own_keyid": ALICE.keyid},
        BOB.keyid: {"keytype": "ed25519", "scheme": "ed25519", "name": "bob", "own_keyid": BOB.keyid},
    }
    assert tree_document(LAYOUT, LAYOUT.expires, title="x")["expired"] is True


def test_key_under_the_id_of_another_is_shown_under_its_own() -> None:
    """An owner compares ids before signing: bob's key must not pass for alice's by its label."""
    labelled = BOB.public_key.replace(keyid=ALICE.keyid)
    layout = Layout(expires=AT, keys={ALICE.keyid: labelled}, steps=(Step(name="a", pubkeys=(ALICE.keyid,)),))
    lines = list(tree_lines(layout, AT, title="x"))
    assert f"  {ALICE.keyid}  ed25519  only a label: the id of this key is {BOB.keyid}" in lines
    assert f"    signed by   {BOB.keyid[:8]} labelled {ALICE.keyid[:8]} (ed25519)" in lines
    assert tree_document(layout, AT, title="x")["keys"] == {
        ALICE.keyid: {"keytype": "ed25519", "scheme": "ed25519", "name": None, "own_keyid": BOB.keyid}
    }


def test_ids_that_begin_alike_are_shown_whole() -> None:
    twin = f"{ALICE.keyid[:8]}{'0' * 56}"
    keys = {ALICE.keyid: ALICE.public_key, twin: BOB.public_key.replace(keyid=twin)}
    layout = Layout(expires=AT, keys=keys, steps=(Step(name="a", pubkeys=(ALICE.keyid, twin)),))
    (line,) = (line for line in tree_lines(layout, AT, title="x") if "signed by" in line)
    assert line == f"    signed by   1 of {ALICE.keyid} (ed25519), {BOB.keyid[:8]} labelled {twin} (ed25519)"


def test_the_tree_says_whose_certificates_count() -> None:
    root, middle = Issuer.root(organizations=["Acme"]), Issuer.root().intermediate("middle")
    step = LAYOUT.steps[0].replace(
        cert_constraints=(
            constraint("alice", uris=("spiffe://acme.example/build",), emails=(), roots=("acme",)),
            constraint(roots=("f" * 64, root.certificate.fingerprint)),
            constraint(),
            constraint(roots=()),
        )
    )
    layout = LAYOUT.replace(
        steps=(step, step.replace(pubkeys=(), threshold=2)),
        rootcas={"acme": root.certificate, root.certificate.fingerprint: root.certificate},
        intermediatecas={"ca": middle.certificate},
    )

    lines = list(tree_lines(layout, AT, title="root.layout", names={root.certificate.fingerprint: "named"}))

    begin = lines.index("root CAs")
    assert lines[begin : begin + 9] == [
        "root CAs",
        "  acme  CN=root,O=Acme, until 2039-12-30T00:00:00Z",
        f"    sha256      {root.certificate.fingerprint}",
        f"  {root.certificate.fingerprint}  CN=root,O=Acme, until 2039-12-30T00:00:00Z  named",
        "intermediate CAs",
        "  ca  CN=middle, until 2039-12-30T00:00:00Z",
        f"    sha256      {middle.certificate.fingerprint}",
        "steps",
        "  1 clone",
    ]
    assert lines[begin + 9 : begin + 14] == [
        f"    signed by   1 of {ALICE.keyid[:8]} (ed25519)",
        "                a certificate with common name alice; URIs spiffe://acme.example/build; no emails; under acme",
        "                a certificate with any name; under ffffffff, named",
        "                a certificate with any name; under any root",
        "                a certificate with any name; under no root",
    ]
    assert any(line.startswith("    signed by   2 of a certificate with common name alice;") for line in lines)
    document = tree_document(layout, AT, title="root.layout")
    authorities = document["intermediatecas"]
    assert authorities == {
        "ca": {
            "subject": "CN=middle",
            "sha256": middle.certificate.fingerprint,
            "not_after": "2039-12-30T00:00:00Z",
            "name": None,
        }
    }
    assert "rootcas" not in tree_document(LAYOUT, AT, title="root.layout")
