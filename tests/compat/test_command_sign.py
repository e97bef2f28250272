"""`in-toto-sign`: signing and checking as the reference does it, without writing where a link says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_envelope
from custody.envelopes.signers import signed_by
from custody.models.link import Link
from tests.compat.sides import chain_of_two
from tests.openpgp import GPGHome, gpg_home
from tests.simulator import Actor, actor, hashed
from tests.unit.signing.terminal import custody_on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.compat.sides import Place, Ran

OWNER, ALICE = actor("owner"), actor("alice")

LINK = Link(name="pack", products=hashed({"a": "1"}))

COMMAND = "from in_toto.in_toto_sign import main; main()"


def sign(place: Place, *arguments: str) -> Ran:
    return place.command("in-toto-sign", *arguments)


def signers(path: Path, *names: str) -> list[str]:
    """Return who of those called `names` signed the file, and whoever else did as `?`."""
    envelope = read_envelope(path.read_bytes())
    good = [name for name in names if signed_by(envelope, [actor(name).public_key])]
    return good + ["?"] * (len(envelope.signatures) - len(good))


@pytest.fixture
def layout(place: Place) -> Path:
    """Return a layout signed by `owner`, with keys of `alice` and `bob` beside it."""
    place.lay(chain_of_two())
    for name in ("alice", "bob", "owner"):
        place.key(name)
    return place.root / "root.layout"


@pytest.fixture
def link(place: Place) -> Path:
    """Return an unsigned link of the step `pack`."""
    path = place.final / "pack.link"
    path.write_bytes(Metablock.wrap(LINK.document()).write())
    for name in ("alice", "bob"):
        place.key(name)
    return path


@pytest.mark.parametrize("flag", ["-k", "--key"])
def test_signatures_of_a_layout_are_replaced_where_it_lies(place: Place, layout: Path, flag: str) -> None:
    assert sign(place, "-f", str(layout), flag, "../alice", "../bob") == (0, "", "")
    assert signers(layout, "alice", "bob", "owner") == ["alice", "bob"]


@pytest.mark.parametrize("flag", ["-a", "--append"])
def test_signatures_are_added_if_that_is_asked_for(place: Place, layout: Path, flag: str) -> None:
    assert sign(place, "-f", str(layout), "-k", "../alice", flag).code == 0
    assert signers(layout, "alice", "owner") == ["alice", "owner"]


@pytest.mark.parametrize("flag", ["-o", "--output"])
def test_the_output_goes_where_it_is_wanted(place: Place, layout: Path, flag: str) -> None:
    before = layout.read_bytes()
    assert sign(place, "-f", str(layout), "-k", "../alice", flag, "new.layout").code == 0
    assert layout.read_bytes() == before
    assert signers(place.final / "new.layout", "alice", "owner") == ["alice"]


def test_dsse_stays_dsse(place: Place, layout: Path) -> None:
    place.lay(chain_of_two(dsse=True))
    assert sign(place, "-f", str(layout), "-k", "../alice", "-a").code == 0
    assert isinstance(read_envelope(layout.read_bytes()), DSSEEnvelope)
    assert signers(layout, "alice", "owner") == ["alice", "owner"]


def test_a_link_goes_to_its_own_name_here(place: Place, link: Path) -> None:
    assert sign(place, "-f", str(link), "-k", "../alice").code == 0
    assert signers(place.final / f"pack.{ALICE.keyid:.8}.link", "alice") == ["alice"]
    assert signers(link, "alice") == []
    other = place.root / "elsewhere"
    other.mkdir()
    (other / "pack.link").write_bytes(link.read_bytes())
    assert sign(place, "-f", str(other / "pack.link"), "-k", "../bob").code == 0
    assert (place.final / f"pack.{actor('bob').keyid:.8}.link").exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/b"])
def test_a3_a_link_does_not_choose_where_it_is_written(here: Place, name: str) -> None:
    here.key("alice")
    (here.final / "a").mkdir()
    (here.final / "x.link").write_bytes(Metablock.wrap(LINK.replace(name=name).document()).write())
    ran = sign(here, "-f", "x.link", "-k", "../alice")
    assert ran.code == 2
    assert ran.err.startswith("The following error occurred while signing: step name: expected a plain name, got ")
    assert not list(here.root.glob("evil*"))
    assert not list((here.final / "a").iterdir())
    assert sign(here, "-f", "x.link", "-k", "../alice", "-o", "signed.link").code == 0


def test_checking_is_0_if_all_signed_and_1_if_one_did_not(place: Place, layout: Path) -> None:
    assert sign(place, "-f", str(layout), "--verify", "-k", "../owner.pub") == (0, "", "")
    ran = sign(place, "-f", str(layout), "--verify", "-k", "../owner.pub", "../alice.pub")
    assert ran.code == 1
    assert ran.err == f"Signature verification failed: No signature found for key '{ALICE.keyid}'\n"
    document = json.loads(layout.read_text())
    document["signed"]["readme"] = "changed"
    layout.write_text(json.dumps(document))
    ran = sign(place, "-f", str(layout), "--verify", "-k", "../owner.pub")
    assert ran.code == 1
    assert ran.err == f"Signature verification failed: Invalid signature for keyid '{OWNER.keyid}'\n"


def test_checking_writes_nothing(place: Place, link: Path) -> None:
    before = sorted(place.root.rglob("*"))
    assert sign(place, "-f", str(link), "--verify", "-k", "../alice.pub").code == 1
    assert sorted(place.root.rglob("*")) == before


def test_what_cannot_be_done_is_2(place: Place, layout: Path) -> None:
    before = layout.read_bytes()
    for arguments, says in (
        (("-f", "nowhere", "-k", "../alice"), "while loading the file 'nowhere': "),
        (("-f", "../alice", "-k", "../alice"), "while loading the file '../alice': "),
        (("-f", str(layout), "-k", "../nowhere"), "while signing: [Errno 2] No such file or directory: '../nowhere'"),
        (("-f", str(layout), "-k", "../alice.pub"), "while signing: "),
        (("-f", str(layout), "-k", "../alice", "-o", "no/such/directory"), "while signing: [Errno 2] "),
        (("-f", str(layout), "--verify", "-k", "../alice"), "while verifying signatures: "),
        (("-f", str(layout), "--verify", "-k", "../nowhere"), "while verifying signatures: [Errno 2] "),
    ):
        ran = sign(place, *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert ran.err.startswith("The following error occurred ")
        assert says in ran.err
    assert layout.read_bytes() == before


def test_arguments_that_make_no_sense_are_2(place: Place, layout: Path) -> None:
    for arguments, says in (
        (("-k", "../alice"), "-f/--file"),
        (("-f", str(layout)), "wrong arguments: specify either '--key PATH [PATH ...]' or '--gpg [KEYID [KEYID ...]]'"),
        (("-f", str(layout), "-k", "../alice", "-g"), "wrong arguments: "),
        (("-f", str(layout), "-k", "../alice", "--verify", "-a"), "conflicting arguments: don't specify any of"),
        (("-f", str(layout), "-k", "../alice", "--verify", "-o", "x"), "conflicting arguments: don't specify any of"),
        (("-f", str(layout), "--verify", "-g"), "missing arguments: specify at least one keyid for GPG"),
    ):
        ran = sign(place, *arguments)
        assert ran.code == 2, arguments
        assert says in " ".join(ran.err.split())


def test_a_link_has_one_signature(place: Place, link: Path) -> None:
    for arguments in (("-k", "../alice", "../bob"), ("-k", "../alice", "-a"), ("-g", "ab", "cd")):
        ran = sign(place, "-f", str(link), *arguments)
        assert ran.code == 2, arguments
        assert "link metadata is associated with a single functionary" in ran.err
    assert list(place.final.iterdir()) == [link]


def test_quiet_and_verbose_decide_what_is_said(place: Place, layout: Path) -> None:
    ran = sign(place, "-v", "-f", str(layout), "-k", "../alice")
    assert f"Dumping layout to '{layout}'..." in ran.err
    ran = sign(place, "-v", "-f", str(layout), "--verify", "-k", "../alice.pub")
    assert f"Signature verification passed for keyid '{ALICE.keyid}'" in ran.err
    assert sign(place, "-q", "-f", str(layout), "--verify", "-k", "../owner.pub") == (1, "", "")


@pytest.mark.parametrize("flag", ["-p", "--prompt"])
def test_an_encrypted_key_needs_its_password(tmp_path: Path, flag: str) -> None:
    key = tmp_path / "alice"
    key.write_bytes(
        Actor("alice")._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"geheim"),
        )
    )
    (tmp_path / "pack.link").write_bytes(Metablock.wrap(LINK.document()).write())
    line = ("-f", "pack.link", "-k", "alice")
    signed = tmp_path / f"pack.{ALICE.keyid:.8}.link"
    for answer, code in (("falsch", 2), ("geheim", 0)):
        session = custody_on_terminal(*line, flag, cwd=str(tmp_path), answers=[answer], command=COMMAND)
        assert session.code == code, session
        assert answer not in session.screen
        assert signed.exists() == (code == 0)
    assert signers(signed, "alice") == ["alice"]
    session = custody_on_terminal(*line, cwd=str(tmp_path), answers=[], command=COMMAND)
    assert session.code == 2
    assert "Password was not given but private key is encrypted" in session.output


@pytest.fixture(scope="module")
def keyring() -> Iterator[GPGHome]:
    with gpg_home() as home:
        home.generate("Olga")
        yield home


@pytest.mark.component("gpg")
def test_gpg_keys_sign_and_check(here: Place, keyring: GPGHome) -> None:
    here.lay(chain_of_two())
    layout = str(here.root / "root.layout")
    (olga,) = keyring.fingerprints("Olga")
    other = keyring.generate("Oleg").lower()
    home = ("--gpg-home", keyring.path)
    assert sign(here, "-f", layout, "-g", *home).code == 0
    assert sign(here, "-f", layout, "--verify", "-g", olga, *home).code == 0
    ran = sign(here, "-f", layout, "--verify", "-g", other, *home)
    assert (ran.code, ran.err) == (1, f"Signature verification failed: No signature found for key '{other}'\n")
    assert sign(here, "-f", layout, "--gpg", olga, other, *home).code == 0
    assert sign(here, "-f", layout, "--verify", "--gpg", olga, other, *home).code == 0
    assert sign(here, "-f", layout, "--verify", "-g", "no-key-id", *home).code == 2
    assert sign(here, "-f", layout, "-g", olga, "--gpg-home", str(here.root)).code == 2
    here.lay(chain_of_two(dsse=True))
    ran = sign(here, "-f", layout, "-g", *home)
    assert (ran.code, ran.err) == (2, "The following error occurred while signing: GPG Signing is not implemented\n")
    ran = sign(here, "-f", layout, "--verify", "-g", olga, *home)
    assert (ran.code, "a DSSE envelope cannot carry" in ran.err) == (2, True)


@pytest.mark.parametrize("name", ["env:alice", "hsm:alice", "file:alice", "a:b"])
def test_a_key_file_may_be_called_like_a_key_elsewhere(place: Place, layout: Path, name: str) -> None:
    (place.root / "alice").rename(place.final / name)
    assert sign(place, "-f", str(layout), "-k", name).code == 0
    assert signers(layout, "alice") == ["alice"]
    (place.final / name).unlink()
    assert sign(place, "-f", str(layout), "-k", name).code == 2


def test_the_version_names_both(here: Place) -> None:
    assert sign(here, "--version").out.startswith("in-toto-sign 3.1.0 (custody ")
