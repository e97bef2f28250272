"""No file makes a command stumble: it ends with 0, 1 or 2 and a sentence, and with 2 nothing new is there.

Files are made from good ones: bytes are replaced, and so are values deep inside documents, which are then signed
properly where a command would otherwise not look inside.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custody.cli.main import main
from custody.encoding.fields import as_object
from custody.errors import FormatError
from custody.signing.registry import load_signer
from custody.workflows.links import sign_document

Files = dict[str, bytes]

EXAMPLES = 50

SOURCE = """\
readme: How it is made
expires: 2040-01-01
functionaries:
  alice: alice.pub
steps:
  - name: a
    functionaries: [alice]
    expected_command: make it
    expected_materials: [REQUIRE m, MATCH m IN x WITH PRODUCTS IN y FROM a, DISALLOW *]
    expected_products: [CREATE f, MODIFY g, DELETE h, ALLOW i, DISALLOW *]
inspect:
  - name: look
    run: ls -l
    expected_products: [MATCH f WITH PRODUCTS FROM a, DISALLOW *]
"""

KEYS = ["--verification-keys", "owner.pub"]
READERS: Mapping[str, tuple[str, list[str]]] = {
    "sign a layout": ("root.layout", ["sign", "-f", "FILE", "-k", "owner"]),
    "sign with DSSE": ("root.layout", ["sign", "-f", "FILE", "-k", "owner", "--use-dsse", "-o", "new.layout"]),
    "append a signature": ("root.layout", ["sign", "-f", "FILE", "-k", "alice", "--append"]),
    "sign a link": ("a.link", ["sign", "-f", "FILE", "-k", "alice"]),
    "check signatures": ("root.layout", ["sign", "-f", "FILE", "--verify", *KEYS]),
    "sign with a key": ("owner", ["sign", "-f", "root.layout", "-k", "FILE", "-o", "new.layout"]),
    "verify": ("root.layout", ["verify", "-l", "FILE", *KEYS, "--no-inspections", "--explain"]),
    "verify a link": ("a.link", ["verify", "-l", "root.layout", *KEYS, "--no-inspections", "--link-dir", "links"]),
    "verify with a key": ("owner.pub", ["verify", "-l", "root.layout", "--verification-keys", "FILE"]),
    "verify with a state": ("state", ["verify", "-l", "root.layout", *KEYS, "--no-inspections", "--state", "FILE"]),
    "match products": ("a.link", ["match-products", "-l", "FILE", "-p", "owner.pub"]),
    "tell of a link": ("a.link", ["provenance", "--link", "FILE", "-o", "new.json"]),
    "tell of it in SLSA 0.2": ("a.link", ["provenance", "--link", "FILE", "--slsa-version", "0.2", "-o", "new.json"]),
    "show a key": ("alice.pub", ["key", "show", "FILE"]),
    "show a private key": ("alice", ["key", "show", "FILE", "--format", "json"]),
    "convert a key": ("alice", ["key", "convert", "FILE", "--to", "private-pem", "--no-password", "-o", "new"]),
    "convert metadata": ("alice.json", ["key", "convert", "FILE", "--to", "pem", "-o", "new.pub"]),
    "build": ("supply-chain.yaml", ["layout", "build", "FILE", "-o", "new.layout"]),
    "lint a source": ("supply-chain.yaml", ["layout", "lint", "FILE", "--format", "json"]),
    "lint": ("root.layout", ["layout", "lint", "FILE"]),
    "show": ("root.layout", ["layout", "show", "FILE", *KEYS]),
    "show as JSON": ("root.layout", ["layout", "show", "FILE", "--format", "json"]),
    "add a key": ("root.layout", ["layout", "add-key", "FILE", "owner.pub", "--step", "a", "-o", "new.layout"]),
    "add this key": ("alice.json", ["layout", "add-key", "root.layout", "FILE", "-o", "new.layout"]),
    "remove a key": ("root.layout", ["layout", "remove-key", "FILE", "a", "--force", "-o", "new.layout"]),
    "rotate a key": (
        "root.layout",
        ["layout", "rotate-key", "FILE", "a", "owner.pub", "--keep-old-until", "1 week", "-o", "new.layout"],
    ),
    "extend": ("root.layout", ["layout", "extend", "FILE", "--expires", "1 month", "-o", "new.layout"]),
    "run": ("alice", ["run", "-n", "a", "-k", "FILE", "-x", "-p", "owner.pub"]),
    "look before running": (
        "root.layout",
        ["run", "-n", "a", "-k", "alice", "-x", "-m", "owner.pub", "--verify-materials", "FILE", *KEYS],
    ),
    "stop": ("unfinished", ["record", "stop", "-n", "a", "-k", "alice"]),
}


STATE = {"digest": "1" * 64, "expires": "2040-01-01T00:00:00Z", "superseded": ["2" * 64]}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """Work in a directory with one good file of every kind, and return what they hold."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("good"))
    for name in ("owner", "alice"):
        assert quietly(["keygen", name])[0] == 0
    Path("supply-chain.yaml").write_text(SOURCE)
    for arguments in (
        ["layout", "build", "supply-chain.yaml"],
        ["sign", "-f", "root.layout", "-k", "owner"],
        ["run", "-n", "a", "-k", "alice", "-x", "-m", "owner.pub", "-p", "alice.pub", "-d", "."],
        ["record", "start", "-n", "a", "-k", "alice", "-m", "owner.pub"],
        ["key", "convert", "alice.pub", "--to", "metadata", "-o", "alice.json"],
    ):
        assert quietly(arguments)[0] == 0
    assert quietly(["verify", "-l", "root.layout", *KEYS, "--no-inspections", "--state", "state"])[0] == 1
    Path("state").write_text(json.dumps({"owners": {"0" * 64: STATE}}))
    (link,) = Path().glob("a.*.link")
    link.rename("a.link")
    (unfinished,) = Path().glob(".a.*")
    unfinished.rename("unfinished")
    Path("links").mkdir()
    yield {path.name: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    os.chdir(before)


def quietly(arguments: list[str]) -> tuple[int, str]:
    """Return the exit code of a command and what it complained about."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(arguments)
    return code, said.getvalue()


def place_of(kind: str) -> str:
    """Return where a file of a kind has to lie for the command to find it."""
    short = json.loads(Path("alice.json").read_bytes())["keyid"][:8]
    places = {"unfinished": f".a.{short}.link-unfinished", "supply-chain.yaml": "tried.yaml"}
    return places.get(kind, "tried")


def tried(reader: str, content: bytes, good: Files) -> None:
    kind, arguments = READERS[reader]
    path = Path(place_of(kind))
    if reader == "verify a link":
        short = json.loads(good["alice.json"])["keyid"][:8]
        path = Path("links", f"a.{short}.link")
    path.write_bytes(content)
    before = contents()
    code, said = quietly([str(path) if word == "FILE" else word for word in arguments])
    after = contents()
    assert code in {0, 1, 2}
    assert "defect" not in said, said
    if code == 2:
        assert after == before
        assert said.count("\n") == 1
    for name in after.keys() - before.keys():
        Path(name).unlink()
    for name, data in good.items():
        if after.get(name) != data:
            Path(name).write_bytes(data)
    path.unlink(missing_ok=True)


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[float, float, bytes]]:
    """Return pieces to be replaced: where, how much, and by what."""
    piece = st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"", b'"', b"{", b"]", b"null", b"-1", b"1e999", b"\\ud800", b"\xff", b"\0", b"\r\n", b"&a "]),
        st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
    )
    ratio = st.floats(0, 1)
    return draw(st.lists(st.tuples(ratio, ratio.map(lambda r: r**6), piece), min_size=1, max_size=3))


def edited(data: bytes, pieces: list[tuple[float, float, bytes]]) -> bytes:
    for where, much, piece in pieces:
        start = int(where * len(data))
        data = data[:start] + piece + data[start + int(much * len(data)) :]
    return data


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=edits())
def test_damaged_file_is_no_traceback(
    reader: str, pieces: list[tuple[float, float, bytes]], good: dict[str, bytes]
) -> None:
    tried(reader, edited(good[READERS[reader][0]], pieces), good)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(10**30, 10**40),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
        st.sampled_from(["", ".", "..", "../x", "a/b", "*", "[", "[z-a]", "[^a]", "\\", "{x}", "MATCH", "0001-01-01"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path to every value inside of `value`."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(document: object, where: float, value: object) -> object:
    copied: object = json.loads(json.dumps(document))
    known = list(places(copied))
    path = known[min(int(where * len(known)), len(known) - 1)]
    inner: Any = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copied


SIGNED = [reader for reader, (kind, _) in READERS.items() if kind in {"root.layout", "a.link"}]


@pytest.mark.parametrize("reader", SIGNED)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1), value=JSON, use_dsse=st.booleans())
def test_signed_nonsense_is_no_traceback(
    reader: str, where: float, value: object, use_dsse: bool, good: dict[str, bytes]
) -> None:
    kind = READERS[reader][0]
    document = replaced(json.loads(good[kind])["signed"], where, value)
    signer = load_signer("owner" if kind == "root.layout" else "alice")
    try:
        envelope = sign_document(as_object(document, ""), signer, use_dsse=use_dsse)
    except FormatError:
        return  # what cannot be signed, such as a fraction, nobody can have signed
    tried(reader, envelope.write(), good)


@pytest.mark.parametrize("reader", ["convert metadata", "add this key", "verify with a state", "stop"])
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1), value=JSON)
def test_nonsense_in_json_is_no_traceback(reader: str, where: float, value: object, good: Files) -> None:
    tried(reader, json.dumps(replaced(json.loads(good[READERS[reader][0]]), where, value)).encode(), good)
