from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from custody.encoding.strict import read_json
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.errors import FormatError, StoreError
from custody.keys.openpgp import OpenPGPKey
from custody.keys.pem import write_pem
from custody.models.layout import Inspection, Layout, Step, read_layout
from custody.sources.functionaries import same_key
from custody.sources.starter import STARTER, STARTER_KEYS
from custody.sources.supply_chain import compile_source, read_source
from tests.openpgp import Maker, bound, certificate
from tests.simulator import actor, rules

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 7, 31, 8, 0, 0, 5, tzinfo=UTC)
KEYS = {name: actor(name).public_key for name in ("alice", "bob", "carol")}
PEM = {name: write_pem(key.spki) for name, key in KEYS.items()}

SOURCE = """\
readme: How acme is made
expires: 6 months
functionaries:
  alice: keys/alice.pub
  bob: file:keys/bob.pub
  carol: |
    {carol}
steps:
  - name: clone
    functionaries: [alice]
    expected_command: git clone 'https://example.com/a b.git' $HOME
    expected_materials:
      - DISALLOW *
    expected_products:
      - CREATE acme/*
      - [DISALLOW, "*"]
  - name: review
    functionaries: [bob, carol]
    threshold: 2
    expected_command: [git, log, '-3']
    expected_materials:
      - MATCH acme/* WITH PRODUCTS FROM clone
      - DISALLOW *
inspect:
  - name: unpack
    run: tar xzf acme.tar.gz
    expected_materials:
      - match 'a b' in "c d" with products from clone
      - DISALLOW *
    expected_products: []
""".replace("{carol}", PEM["carol"].replace("\n", "\n    ").rstrip())


def read(path: str) -> bytes:
    """Return the key files of a directory `/base/keys`."""
    for name, text in PEM.items():
        if path == f"/base/keys/{name}.pub":
            return text.encode()
    raise StoreError(f"cannot read key {path!r}: No such file or directory")


def compiled(text: str | bytes) -> Layout:
    data = text if isinstance(text, bytes) else text.encode()
    return compile_source(data, base_directory="/base", at=AT, read_key_file=read)


def test_a_source_becomes_the_layout_that_it_describes() -> None:
    assert compiled(SOURCE) == Layout(
        expires=datetime(2027, 1, 31, 8, 0, 0, tzinfo=UTC),
        readme="How acme is made",
        keys={key.keyid: key for key in KEYS.values()},
        steps=(
            Step(
                name="clone",
                pubkeys=(KEYS["alice"].keyid,),
                expected_command=("git", "clone", "https://example.com/a b.git", "$HOME"),
                expected_materials=rules(["DISALLOW *"]),
                expected_products=rules(["CREATE acme/*", "DISALLOW *"]),
            ),
            Step(
                name="review",
                pubkeys=(KEYS["bob"].keyid, KEYS["carol"].keyid),
                threshold=2,
                expected_command=("git", "log", "-3"),
                expected_materials=rules(["MATCH acme/* WITH PRODUCTS FROM clone", "DISALLOW *"]),
            ),
        ),
        inspect=(
            Inspection(
                name="unpack",
                run=("tar", "xzf", "acme.tar.gz"),
                expected_materials=rules(["MATCH 'a b' IN 'c d' WITH PRODUCTS FROM clone", "DISALLOW *"]),
            ),
        ),
    )


def test_building_writing_and_reading_gives_the_same_layout() -> None:
    layout = compiled(SOURCE)
    written = Metablock.wrap(layout.document()).write()
    assert read_layout(read_envelope(written).content()) == layout
    assert read_layout(read_json(written)["signed"]) == layout


def test_the_order_of_functionaries_is_the_order_of_keys() -> None:
    assert list(compiled(SOURCE).keys) == [KEYS[name].keyid for name in ("alice", "bob", "carol")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("'2027-01-31'", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T01:02:03Z", datetime(2027, 1, 31, 1, 2, 3, tzinfo=UTC)),
        ("2 weeks", datetime(2026, 8, 14, 8, 0, 0, tzinfo=UTC)),
    ],
)
def test_the_expiry_may_be_a_date_an_instant_or_a_duration(written: str, expected: datetime) -> None:
    assert compiled(SOURCE.replace("6 months", written)).expires == expected


BAD: dict[str, tuple[str, str, str]] = {
    # what: (replace this, by that, what the error says)
    "no expiry": ("expires: 6 months\n", "", "line 1, expires: missing"),
    "an empty expiry": ("6 months", "", "line 2, expires: expected text, got nothing"),
    "an expiry that is none": ("6 months", "soon", "line 2, expires: expected an expiry, got 'soon'; write a duration"),
    "a list as expiry": ("6 months", "[1]", "line 2, expires: expected text, got a list"),
    "NaN as expiry": ("6 months", ".nan", "line 2, expires: expected an expiry, got '.nan'"),
    "an expiry no calendar has": ("6 months", "2027-02-30", "line 2, expires: no such instant"),
    "no functionaries": (
        "functionaries:\n",
        "functionaries2:\n",
        "functionaries2: a source has no such field; write 'functionaries'",
    ),
    "functionaries as a list": (
        "  alice: keys/alice.pub\n  bob: file:keys/bob.pub\n",
        "  - alice\n",
        "line 5: not YAML",
    ),
    "a missing key file": (
        "keys/alice.pub",
        "keys/none.pub",
        "line 4, functionaries.alice: cannot read key '/base/keys/none.pub'",
    ),
    "another scheme": (
        "file:keys/bob",
        "pkcs11:bob",
        "line 5, functionaries.bob: keys cannot be read from pkcs11: URIs; give a key file, file:PATH",
    ),
    "an empty URI": ("file:keys/bob.pub", "'file:'", "line 5, functionaries.bob: expected a key, got ''"),
    "the same key twice": (
        "file:keys/bob.pub",
        "keys/alice.pub",
        "line 5, functionaries.bob: 'bob' has the same key as 'alice'",
    ),
    "a key cut off": ("-----END PUBLIC KEY-----", "", "line 6, functionaries.carol: expected one PEM block"),
    "a private key": ("PUBLIC KEY", "PRIVATE KEY", "functionaries.carol: expected a public key, got a private one"),
    "a name twice": ("  bob:", "  alice:", "line 5, functionaries.alice: 'alice' stands here twice"),
    "somebody unknown": (
        "[alice]",
        "[eve]",
        "line 12, steps[0].functionaries[0]: no functionary is called 'eve'; there is alice, bob, carol",
    ),
    "somebody twice": ("[bob, carol]", "[bob, bob]", "steps[1].functionaries[1]: 'bob' is named twice"),
    "a single name": ("[alice]", "alice", "line 12, steps[0].functionaries: expected a list, got 'alice'"),
    "no name": ("- name: clone\n    f", "- f", "line 11, steps[0].name: missing"),
    "a name that is a path": ("name: clone", "name: ../clone", "line 11, steps[0].name: expected a plain name"),
    "a name that YAML takes for a truth value": (
        "name: clone",
        "name: no",
        "line 11, steps[0].name: expected text, got the truth value no; quote it: 'no'",
    ),
    "a number as a word": (
        "'-3'",
        "-3",
        "steps[1].expected_command[2]: expected text, got the number -3; quote it: '-3'",
    ),
    "two items of one name": ("name: unpack", "name: Clone", "inspect[0].name: 'Clone' is the name of steps[0] too"),
    "an octal threshold": (
        "threshold: 2",
        "threshold: 010",
        "steps[1].threshold: expected an integer >= 1, got the number 010",
    ),
    "a threshold of nobody": ("threshold: 2", "threshold: 0", "steps[1].threshold: expected an integer >= 1"),
    "a true threshold": (
        "threshold: 2",
        "threshold: true",
        "steps[1].threshold: expected an integer >= 1, got the truth value true",
    ),
    "an open quote": ("'https://example.com/a b.git'", "'https", "steps[0].expected_command: cannot split"),
    "a pattern without a rule": (
        "- CREATE acme/*",
        '- "src/**"',
        "steps[0].expected_products[0]: 'src/**' is a pattern without a rule; write ['ALLOW', 'src/*']",
    ),
    "a list with a pattern only": (
        "- CREATE acme/*",
        '- ["src/**"]',
        "steps[0].expected_products[0]: 'src/**' is a pattern without a rule",
    ),
    "an unknown rule": ("CREATE acme", "PERMIT acme", "steps[0].expected_products[0]: unknown rule 'PERMIT'"),
    "a rule as a mapping": (
        "- CREATE acme/*",
        "- CREATE: acme",
        "steps[0].expected_products[0]: expected a rule, got 'CREATE: ...'; write it in one line",
    ),
    "rules as one text": (
        "expected_products: []",
        "expected_products: DISALLOW *",
        "inspect[0].expected_products: expected a list, got 'DISALLOW *'; begin each item with '- '",
    ),
    "an ambiguous pattern": ("CREATE acme/*", "CREATE acme/[^a]", "steps[0].expected_products[0]: '[^'"),
    "an inspection without a command": ("    run: tar xzf acme.tar.gz\n", "", "inspect[0].run: missing"),
    "an inspection with an empty command": ("tar xzf acme.tar.gz", "''", "inspect[0].run: expected a command"),
    "a version": (
        "readme:",
        "version: 1\nreadme:",
        "line 1, version: a source has no such field; leave it out: layouts have no version",
    ),
    "pubkeys": (
        "    functionaries: [alice]",
        "    pubkeys: [alice]",
        "line 12, steps[0].pubkeys: a step has no such field; write 'functionaries' with the names",
    ),
    "a key": (
        "    functionaries: [alice]",
        "    key: alice",
        "steps[0].key: a step has no such field; write 'functionaries'",
    ),
    "materials": (
        "    expected_materials:\n      - DISALLOW",
        "    materials:\n      - DISALLOW",
        "steps[0].materials: a step has no such field; write 'expected_materials'",
    ),
    "products": (
        "    expected_products:\n      - C",
        "    products:\n      - C",
        "steps[0].products: a step has no such field; write 'expected_products'",
    ),
    "a command": (
        "expected_command: git",
        "command: git",
        "steps[0].command: a step has no such field; write 'expected_command'",
    ),
    "a command of an inspection": (
        "run: tar",
        "command: tar",
        "inspect[0].command: an inspection has no such field; write 'run'",
    ),
    "inspections": ("inspect:", "inspections:", "inspections: a source has no such field; write 'inspect'"),
    "a slip": (
        "expected_command: git",
        "expectedCommand: git",
        "steps[0].expectedCommand: a step has no such field; write 'expected_command'",
    ),
    "anything else": (
        "readme:",
        "colour: red\nreadme:",
        "line 1, colour: a source has no such field; it has readme, expires",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), BAD.values(), ids=BAD)
def test_a_mistake_is_named_with_its_line_path_and_remedy(old: str, new: str, message: str) -> None:
    assert old in SOURCE
    compiled(SOURCE)
    with pytest.raises(FormatError) as error:
        compiled(SOURCE.replace(old, new, 2 if old == "PUBLIC KEY" else 1))
    assert message in str(error.value)
    assert error.value.where.startswith("line ")


def test_a_key_file_is_read_with_a_limit_and_its_kind_is_checked(tmp_path: Path) -> None:
    text = "expires: 1 day\nfunctionaries: {alice: alice.pub}\nsteps: []\n"
    for data, problem in {
        b"\xff": "is not text",
        b"{}": "custody key convert",
        b"x" * (1024 * 1024 + 1): "expected at most 1048576 bytes",
        certificate(Maker("alice"))[:-1]: "not an OpenPGP public key",
    }.items():
        (tmp_path / "alice.pub").write_bytes(data)
        with pytest.raises(FormatError, match=rf"line 2, functionaries.alice: .*{problem}"):
            compile_source(text.encode(), base_directory=str(tmp_path), at=AT)
    for data, keyid in (
        (PEM["alice"].encode(), KEYS["alice"].keyid),
        (certificate(Maker("alice")), Maker("alice").key.keyid),
    ):
        (tmp_path / "alice.pub").write_bytes(data)
        layout = compile_source(text.encode(), base_directory=str(tmp_path), at=AT)
        assert list(layout.keys) == [keyid]


def test_functionaries_share_no_subkey(tmp_path: Path) -> None:
    alice, bob, laptop = Maker("alice"), Maker("bob"), Maker("laptop")
    text = "expires: 1 day\nfunctionaries:\n  alice: alice.gpg\n  bob: bob.gpg\nsteps: []\n"
    (tmp_path / "alice.gpg").write_bytes(certificate(alice, subkeys=[bound(alice, laptop)]))
    (tmp_path / "bob.gpg").write_bytes(certificate(bob))
    assert len(compile_source(text.encode(), base_directory=str(tmp_path), at=AT).keys) == 2
    (tmp_path / "bob.gpg").write_bytes(certificate(bob, subkeys=[bound(bob, laptop)]))
    with pytest.raises(FormatError, match=r"line 4, functionaries\.bob: keys .* share a subkey"):
        compile_source(text.encode(), base_directory=str(tmp_path), at=AT)


def test_the_keyring_is_reached_only_by_who_may() -> None:
    fingerprint = Maker("alice").key.keyid
    text = f"expires: 1 day\nfunctionaries: {{alice: 'gpg:{fingerprint}'}}\nsteps: []\n".encode()

    def of_fingerprint(asked: str) -> OpenPGPKey:
        assert asked == fingerprint
        return Maker("alice").key

    source = read_source(text, base_directory="", at=AT, key_of_fingerprint=of_fingerprint)
    assert source.layout.keys == {fingerprint: Maker("alice").key}
    with pytest.raises(FormatError, match="cannot be reached here; export the key into a file"):
        read_source(text, base_directory="", at=AT)


def test_key_files_are_sought_from_the_directory_of_the_source() -> None:
    asked: list[str] = []

    def remember(path: str) -> bytes:
        asked.append(path)
        return PEM[path.rpartition("/")[2].removesuffix(".pub")].encode()

    text = SOURCE.replace("keys/alice.pub", "/elsewhere/alice.pub").replace("file:keys", "file:///other")
    compile_source(text.encode(), base_directory="/base", at=AT, read_key_file=remember)
    assert asked == ["/elsewhere/alice.pub", "/other/bob.pub"]


def test_an_id_that_names_another_key_is_a_collision() -> None:
    mislabelled = KEYS["bob"].replace(keyid=KEYS["alice"].keyid)
    with pytest.raises(FormatError, match="already names another key"):
        same_key({mislabelled.keyid: mislabelled}, KEYS["alice"], "keys")
    assert same_key({KEYS["alice"].keyid: KEYS["alice"]}, KEYS["alice"], "keys") == KEYS["alice"].keyid
    assert same_key({}, KEYS["alice"], "keys") == ""


def test_a_source_knows_where_everything_of_the_layout_stands() -> None:
    source = read_source(SOURCE.encode(), base_directory="/base", at=AT, read_key_file=read)
    assert source.place("expires") == "line 2, expires"
    assert source.place("steps[0].pubkeys") == "line 12, steps[0].functionaries"
    assert source.place("steps[0].pubkeys[0]") == "line 12, steps[0].functionaries[0]"
    assert source.place(f"keys.{KEYS['bob'].keyid}") == "line 5, functionaries.bob"
    assert source.place("steps[0].threshold") == "line 11, steps[0].threshold"
    assert source.line("steps[0].expected_products[1]") == 18
    assert source.names == {key.keyid: name for name, key in KEYS.items()}


def test_the_starter_builds_as_it_is_and_nothing_is_wrong_with_it() -> None:
    from custody.linting.lint import lint

    def anybody(path: str) -> bytes:
        return write_pem(actor(path).public_key.spki).encode()

    layout = compile_source(STARTER.encode(), base_directory="", at=AT, read_key_file=anybody)
    assert [actor(path).keyid for path in STARTER_KEYS] == list(layout.keys)
    assert lint(layout, AT) == ()
