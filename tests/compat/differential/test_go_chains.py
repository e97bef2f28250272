"""in-toto-golang and our commands verify what the other made, and judge rules alike, unless a row says why not.

Its commands name a key by an id of their own (D3): they find the owner's signature only under that id, and write the
keys of a layout anew, with `keyid_hash_algorithms`, before they check a signature in the older envelope. So the layouts
here have that field, and the owner's signature stands under the id that `in-toto-golang key id` prints. The key id of a
signature is not signed, and to us one id is as good as the other.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope
from tests.compat.differential.chains import FAR, change_signed, link_document
from tests.compat.differential.keys import KINDS, KeyPair, KeyRing
from tests.compat.differential.sides import Side

GO = Path(__file__).parents[3] / ".reference" / "bin" / "in-toto-golang"

pytestmark = pytest.mark.component("in-toto-golang")

ENVELOPES = pytest.mark.parametrize("dsse", [False, True], ids=["metablock", "dsse"])
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)

Document = dict[str, Any]


def go(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Return what came of a command of in-toto-golang."""
    return subprocess.run([GO, *arguments], cwd=directory, capture_output=True, text=True, check=False)


def go_keyid(key: KeyPair) -> str:
    """Return what in-toto-golang calls a key."""
    return go("key", "id", str(key.public), directory=key.public.parent).stdout.strip()


def go_entry(key: KeyPair) -> Document:
    """Return the key as in-toto-golang writes it into a layout."""
    printed = go("key", "layout", str(key.public), directory=key.public.parent).stdout
    entries: Document = json.loads(f"{{{printed}}}")
    return entries


def our_entry(key: KeyPair) -> Document:
    """Return the key as we write it, with the field that in-toto-golang adds when it is not there."""
    return {key.keyid: {**key.document(), "keyid_hash_algorithms": ["sha256", "sha512"]}}


def layout_of(keys: Document, *steps: Document) -> Document:
    """Return a layout in which the holders of the first of `keys` perform every step."""
    (keyid, *_) = keys
    return {
        "_type": "layout",
        "expires": FAR,
        "readme": "",
        "keys": keys,
        "steps": [
            {"_type": "step", "threshold": 1, "pubkeys": [keyid], "expected_command": []} | step for step in steps
        ],
        "inspect": [],
    }


BUILD = {"name": "build", "expected_materials": [], "expected_products": [["CREATE", "a"], ["DISALLOW", "*"]]}


def sign(document: Document, key: KeyPair, keyid: str, *, dsse: bool) -> bytes:
    """Return a file with our signature, under this id."""
    made: Envelope = DSSEEnvelope.wrap(document) if dsse else Metablock.wrap(document)
    return made.with_signature(keyid, key.signer.sign(made.signed_bytes)).write()


def unsigned(document: Document, *, dsse: bool) -> str:
    """Return a file without signatures."""
    if not dsse:
        return json.dumps({"signed": document, "signatures": []})
    payload = base64.b64encode(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).decode()
    return json.dumps({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []})


# --- what we made ---------------------------------------------------------------------------------


@ENVELOPES
@EVERY_KIND
def test_our_chain_is_accepted_by_go_and_not_once_it_is_changed(
    kind: str, *, dsse: bool, package: Side, keys: KeyRing, tmp_path: Path
) -> None:
    key, owner = keys.key(kind), keys.key(kind, 1)
    document = layout_of(our_entry(key), BUILD)
    (tmp_path / "root.layout").write_bytes(sign(document, owner, go_keyid(owner), dsse=dsse))
    words = ["-n", "build", "-p", "a", "--signing-key", str(key.private), *(["--use-dsse"] if dsse else [])]
    ran = package.run("in-toto-run", *words, "--", "sh", "-c", "printf 1 > a", directory=tmp_path)
    assert ran.exit == 0, ran.err

    verify = ["verify", "-l", "root.layout", "-k", str(owner.public)]
    assert go(*verify, directory=tmp_path).returncode == 0
    link = tmp_path / f"build.{key.keyid:.8}.link"
    genuine = link.read_bytes()
    change_signed(link)
    assert go(*verify, directory=tmp_path).returncode == 1
    link.write_bytes(genuine)
    change_signed(tmp_path / "root.layout")
    assert go(*verify, directory=tmp_path).returncode == 1


@ENVELOPES
def test_signature_under_our_id_is_not_found_by_go(*, dsse: bool, keys: KeyRing, tmp_path: Path) -> None:
    owner = keys.key("ed25519")
    (tmp_path / "root.layout").write_bytes(sign(layout_of(our_entry(owner), BUILD), owner, owner.keyid, dsse=dsse))

    ran = go("verify", "-l", "root.layout", "-k", str(owner.public), directory=tmp_path)

    assert ran.returncode == 1
    assert ("accepted signatures do not match threshold" if dsse else "no signature found for key") in ran.stderr


# --- what in-toto-golang made ---------------------------------------------------------------------


def go_chain(key: KeyPair, owner: KeyPair, place: Path, *, dsse: bool, entry: Document | None = None) -> None:
    """Let in-toto-golang sign a layout and make its link."""
    (place / "root.layout").write_text(unsigned(layout_of(entry or go_entry(key), BUILD), dsse=dsse))
    signed = go("sign", "-f", "root.layout", "-k", str(owner.private), "-o", "root.layout", directory=place)
    assert signed.returncode == 0, signed.stderr
    words = ["-n", "build", "-p", "a", "-k", str(key.private), *(["--use-dsse"] if dsse else [])]
    ran = go("run", *words, "--", "sh", "-c", "printf 1 > a", directory=place)
    assert ran.returncode == 0, ran.stderr


@ENVELOPES
@EVERY_KIND
def test_chain_of_go_is_accepted_and_not_once_it_is_changed(
    kind: str, *, dsse: bool, package: Side, keys: KeyRing, tmp_path: Path
) -> None:
    key, owner = keys.key(kind if kind not in {"p384", "p521"} else "p256"), keys.key(kind, 1)
    go_chain(key, owner, tmp_path, dsse=dsse)

    verify = ["-l", "root.layout", "--verification-keys", str(owner.public)]
    ran = package.run("in-toto-verify", *verify, directory=tmp_path)
    assert ran.exit == 0, ran.err
    (link,) = tmp_path.glob("build.*.link")
    genuine = link.read_bytes()
    change_signed(link)
    assert package.run("in-toto-verify", *verify, directory=tmp_path).exit == 1
    link.write_bytes(genuine)
    change_signed(tmp_path / "root.layout")
    assert package.run("in-toto-verify", *verify, directory=tmp_path).exit == 1


@ENVELOPES
@pytest.mark.parametrize("kind", ["p384", "p521"])
def test_key_whose_scheme_go_names_wrongly_is_refused_and_accepted_once_it_is_right(
    kind: str, *, dsse: bool, package: Side, keys: KeyRing, tmp_path: Path
) -> None:
    key, owner = keys.key(kind), keys.key("ed25519")
    go_chain(key, owner, tmp_path, dsse=dsse)
    verify = ["-l", "root.layout", "--verification-keys", str(owner.public)]
    ran = package.run("in-toto-verify", *verify, directory=tmp_path)
    assert ran.exit == 1
    assert "its scheme says ecdsa-sha2-nistp256" in ran.err

    ((keyid, entry),) = go_entry(key).items()
    go_chain(key, owner, tmp_path, dsse=dsse, entry={keyid: {**entry, "scheme": key.key.scheme}})
    ran = package.run("in-toto-verify", *verify, directory=tmp_path)
    assert ran.exit == 0, ran.err


@ENVELOPES
def test_recording_of_go_is_accepted(*, dsse: bool, package: Side, keys: KeyRing, tmp_path: Path) -> None:
    key, owner = keys.key("ed25519"), keys.key("rsa")
    (tmp_path / "root.layout").write_bytes(sign(layout_of(go_entry(key), BUILD), owner, owner.keyid, dsse=dsse))
    words = ["-n", "build", "-k", str(key.private), *(["--use-dsse"] if dsse else [])]
    assert go("record", "start", *words, directory=tmp_path).returncode == 0
    (tmp_path / "a").write_text("1")
    assert go("record", "stop", *words, "-p", "a", directory=tmp_path).returncode == 0

    verify = ["-l", "root.layout", "--verification-keys", str(owner.public)]
    ran = package.run("in-toto-verify", *verify, directory=tmp_path)
    assert ran.exit == 0, ran.err
    (link,) = tmp_path.glob("build.*.link")
    change_signed(link)
    assert package.run("in-toto-verify", *verify, directory=tmp_path).exit == 1


# --- rules ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ruled:
    """A step `write` with products, a step `build` with artifacts and rules, and what both sides make of it."""

    verdict: int
    rules: tuple[str, ...]
    materials: dict[str, str] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    go: int | None = None
    """What in-toto-golang makes of it, where that is another matter for the reason of `row`."""

    row: str = ""


ACCEPT, REJECT = 0, 1
A, B = {"a": "1"}, {"b": "2"}
RULES = {
    "create consumes what is new": Ruled(ACCEPT, ("CREATE a", "DISALLOW *"), products=A),
    "create leaves what was there": Ruled(REJECT, ("CREATE a", "DISALLOW *"), A, A),
    "delete in products leaves everything": Ruled(REJECT, ("DELETE *", "DISALLOW *"), A, A),
    "modify consumes what changed": Ruled(ACCEPT, ("MODIFY a", "DISALLOW *"), A, {"a": "2"}),
    "modify leaves what did not change": Ruled(REJECT, ("MODIFY a", "DISALLOW *"), A, A),
    "allow consumes": Ruled(ACCEPT, ("ALLOW a", "DISALLOW *"), products=A),
    "allow of another leaves": Ruled(REJECT, ("ALLOW b", "DISALLOW *"), products=A),
    "disallow of another": Ruled(ACCEPT, ("DISALLOW b",), products=A),
    "nothing is left implicitly": Ruled(ACCEPT, (), products=A),
    "require finds": Ruled(ACCEPT, ("REQUIRE a",), products=A),
    "require misses": Ruled(REJECT, ("REQUIRE b",), products=A),
    "require is literal": Ruled(REJECT, ("REQUIRE *",), products=A),
    "require after it was consumed": Ruled(REJECT, ("ALLOW *", "REQUIRE a"), products=A),
    "keywords in any case": Ruled(ACCEPT, ("create a", "Disallow *"), products=A),
    "star crosses slashes": Ruled(ACCEPT, ("CREATE *", "DISALLOW *"), products={"lib/.a/b": "1"}),
    "question mark is one character": Ruled(REJECT, ("CREATE ?", "DISALLOW *"), products={"ab": "1"}),
    "a set": Ruled(ACCEPT, ("CREATE [ab]", "DISALLOW *"), products=A | B),
    "a range": Ruled(REJECT, ("CREATE [b-c]", "DISALLOW *"), products=A | B),
    "case of names matters": Ruled(REJECT, ("CREATE A", "DISALLOW *"), products=A),
    "match finds": Ruled(ACCEPT, ("MATCH * WITH PRODUCTS FROM write", "DISALLOW *"), A, A, written=A),
    "match of other content": Ruled(
        REJECT, ("MATCH * WITH PRODUCTS FROM write", "DISALLOW *"), A, A, written={"a": "x"}
    ),
    "match of another name": Ruled(
        REJECT, ("MATCH * WITH PRODUCTS FROM write", "DISALLOW *"), A, A, written={"c": "1"}
    ),
    "match with materials": Ruled(REJECT, ("MATCH * WITH MATERIALS FROM write", "DISALLOW *"), A, A, written=A),
    "match in a source": Ruled(
        ACCEPT, ("MATCH a IN lib WITH PRODUCTS FROM write", "DISALLOW *"), products={"lib/a": "1"}, written=A
    ),
    "match in a source with a slash": Ruled(
        REJECT,
        ("MATCH a IN lib/ WITH PRODUCTS FROM write", "DISALLOW *"),
        products={"lib/a": "1"},
        written=A,
        go=ACCEPT,
        row="D7",
    ),
    "match in a destination": Ruled(
        ACCEPT, ("MATCH a WITH PRODUCTS IN lib FROM write", "DISALLOW *"), products=A, written={"lib/a": "1"}
    ),
    "match in both": Ruled(
        ACCEPT,
        ("MATCH * IN src WITH PRODUCTS IN lib FROM write", "DISALLOW *"),
        products={"src/a": "1"},
        written={"lib/a": "1"},
    ),
    "a prefix is no pattern": Ruled(
        REJECT, ("MATCH * IN l* WITH PRODUCTS FROM write", "DISALLOW *"), products={"lib/a": "1"}, written=A
    ),
    "match from a step that is not there": Ruled(
        REJECT, ("MATCH * WITH PRODUCTS FROM nowhere", "DISALLOW *"), products=A, written=A
    ),
    "IN . is the whole": Ruled(
        ACCEPT, ("MATCH * IN . WITH PRODUCTS IN . FROM write", "DISALLOW *"), products=A, written=A, row="D9"
    ),
    "an exclamation mark in a set": Ruled(ACCEPT, ("CREATE [!b]", "DISALLOW *"), products=A),
    "a caret in a set": Ruled(REJECT, ("DISALLOW [^a]",), products=A, go=REJECT, row="D6"),
    "a caret in a set that nothing matches": Ruled(REJECT, ("DISALLOW [^a]",), products=B, go=ACCEPT, row="D6"),
    "a backslash": Ruled(REJECT, ("CREATE \\a", "DISALLOW *"), products=A, go=ACCEPT, row="D6"),
    "a set without an end": Ruled(REJECT, ("DISALLOW [a",), products={"[a": "1"}, go=ACCEPT, row="D6"),
    "outside of the source prefix": Ruled(
        REJECT,
        ("MATCH * IN lib WITH PRODUCTS FROM write", "DISALLOW *"),
        products=A,
        written=A,
        go=ACCEPT,
        row="D8",
    ),
    "a path that could be shorter": Ruled(
        REJECT, ("CREATE a", "DISALLOW *"), products={"lib/../a": "1"}, go=ACCEPT, row="D7"
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rules_are_judged_as_by_go_unless_a_row_says_why_not(
    name: str, package: Side, keys: KeyRing, tmp_path: Path
) -> None:
    case, key, owner = RULES[name], keys.key("ed25519"), keys.key("ed25519", 1)
    assert case.row or case.go is None
    free = {"name": "write", "expected_materials": [], "expected_products": []}
    ruled = {"name": "build", "expected_materials": [], "expected_products": [rule.split() for rule in case.rules]}
    layout = layout_of(our_entry(key), free, ruled)
    (tmp_path / "root.layout").write_bytes(sign(layout, owner, go_keyid(owner), dsse=False))
    for link in (
        link_document("write", {}, case.written, []),
        link_document("build", case.materials, case.products, []),
    ):
        file = tmp_path / f"{link['name']}.{key.keyid:.8}.link"
        file.write_bytes(sign(link, key, key.keyid, dsse=False))

    theirs = go("verify", "-l", "root.layout", "-k", str(owner.public), directory=tmp_path)
    ours = package.run(
        "in-toto-verify", "-l", "root.layout", "--verification-keys", str(owner.public), directory=tmp_path
    )

    assert theirs.returncode == (case.verdict if case.go is None else case.go), theirs.stderr
    assert ours.exit == case.verdict, ours.err
