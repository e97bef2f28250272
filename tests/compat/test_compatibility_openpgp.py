# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""Rows of the compatibility page: keys in GnuPG's keyrings, and signatures by them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from custody.envelopes.metablock import Metablock
from custody.models.link import Link
from tests.compat.sides import new_chain
from tests.simulator import hashed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.compat.sides import Place

CREATED = 1500000000


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return a keyring whose path has a space; it is short, since the agent's socket lies in it."""
    directory = Path(tempfile.mkdtemp(prefix="gpg home"))
    yield directory
    linked(directory).unlink()
    subprocess.run(["gpgconf", "--homedir", str(directory), "--kill", "gpg-agent"], check=False, capture_output=True)
    shutil.rmtree(directory, ignore_errors=True)


def gpg(home: Path, *arguments: str, data: str = "") -> str:
    """Return what gpg says."""
    command = ["gpg", "--homedir", str(home), "--batch", "--yes", "--passphrase", "", "--pinentry-mode", "loopback"]
    return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True, input=data).stdout


def make_key(
    home: Path, name: str, kind: str = "ed25519", *, at: str = "", digest: str = "", subkey: tuple[str, ...] = ()
) -> str:
    """Return the fingerprint of a new key, which has a subkey if one is asked for."""
    faked = ["--faked-system-time", at] if at else []
    faked += ["--cert-digest-algo", digest] if digest else []
    gpg(home, *faked, "--quick-generate-key", name, kind, "sign", "never")
    listed = gpg(home, "--list-keys", "--with-colons", f"={name}")
    fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    if subkey:
        gpg(home, *faked, "--quick-add-key", fingerprint, *subkey)
    return fingerprint.lower()


def linked(home: Path) -> Path:
    """Return another path of the keyring, without a space, for what cannot use the other."""
    plain = home.with_name(home.name.replace(" ", "-"))
    if not plain.exists():
        plain.symlink_to(home)
    return plain


@pytest.mark.component("gpg")
def test_D24_a_home_may_have_a_space(place: Place, home: Path) -> None:
    fingerprint = make_key(home, "space", "rsa2048")
    run = ("in-toto-run", "-n", "edit", "-x", "-g", fingerprint, "--gpg-home")
    assert place.command(*run, str(linked(home))).code == 0
    link = place.final / f"edit.{fingerprint[:8]}.link"
    link.unlink()
    assert place.command(*run, str(home)).code == (0 if place.is_here else 1)
    assert link.exists() is place.is_here


ADD_KEY = """
import json, sys
from in_toto.models.layout import Layout
layout = Layout()
key = layout.add_functionary_key_from_gpg_keyid(sys.argv[1], gpg_home=sys.argv[2])
print(json.dumps(key))
"""


def added(place: Place, home: Path, fingerprint: str) -> dict[str, Any] | None:
    """Return the key as it gets into a layout, None if it does not."""
    script = f"try:\n{_indented(ADD_KEY)}\nexcept Exception as error:\n    sys.exit(type(error).__name__)"
    ran = place.python(script, fingerprint, str(linked(home)))
    return json.loads(ran.out) if ran.code == 0 else None


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


@pytest.mark.component("gpg")
def test_D24_an_ed25519_subkey_does_not_vanish(place: Place, home: Path) -> None:
    fingerprint = make_key(home, f"subkey {place.is_here}", subkey=("ed25519", "sign"))
    key = added(place, home, fingerprint)
    assert key is not None
    assert len(key.get("subkeys", {})) == (1 if place.is_here else 0)
    if place.is_here:
        (subkey,) = key["subkeys"]
        by = ("-g", fingerprint, "--gpg-home", str(home))
        assert place.command("in-toto-run", "-n", "edit", "-x", *by).code == 0
        assert place.command("in-toto-sign", "-f", f"edit.{subkey[:8]}.link", *by, "--verify").code == 0


@pytest.mark.component("gpg")
def test_A5_a_key_id_is_no_place_for_options_of_gpg(place: Place, home: Path) -> None:
    fingerprint = make_key(home, f"injected {place.is_here}", "rsa2048")
    start = ("in-toto-record", "start", "-n", "edit", "--gpg-home", str(linked(home)), "-g")
    ran = place.command(*start, f"{fingerprint} --output INJECTED")
    assert (place.final / "INJECTED").exists() is place.side.is_reference
    if place.is_here:
        assert ran.code == 1
        assert place.command(*start, fingerprint).code == 0


class Functionary:
    """Somebody with an OpenPGP key, who writes whatever headers they like."""

    def __init__(self) -> None:
        """Make the key."""
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._private.public_key().public_numbers()
        self.n, self.e = f"{numbers.n:0512x}", "010001"
        packet = bytes([4, *CREATED.to_bytes(4), 1, 8, 0]) + bytes.fromhex(self.n) + bytes([0, 17, 1, 0, 1])
        self.keyid = hashlib.sha1(b"\x99" + len(packet).to_bytes(2) + packet).hexdigest()  # noqa: S324  # OpenPGP's

    def document(self) -> dict[str, Any]:
        """Return the key as layouts have it."""
        return {
            "method": "pgp+rsa-pkcsv1.5",
            "type": "rsa",
            "hashes": ["pgp+SHA2"],
            "creation_time": CREATED,
            "keyid": self.keyid,
            "keyval": {"private": "", "public": {"e": self.e, "n": self.n}},
        }

    def headers(self, *, kind: int = 0, number: int = 8) -> bytes:
        """Return headers of a signature of this `kind`, that claim the hash with this `number`."""
        created = b"\x05\x02" + (CREATED + 1).to_bytes(4)
        issuer = b"\x16\x21\x04" + bytes.fromhex(self.keyid)
        subpackets = created + issuer
        return bytes([4, kind, 1, number]) + len(subpackets).to_bytes(2) + subpackets

    def sign(self, content: bytes, headers: bytes) -> dict[str, str]:
        """Return the signature, as a Metablock has it."""
        digest = hashlib.sha256(content + headers + b"\x04\xff" + len(headers).to_bytes(4)).digest()
        signature = self._private.sign(digest, PKCS1v15(), Prehashed(hashes.SHA256()))
        return {"keyid": self.keyid, "other_headers": headers.hex(), "signature": signature.hex()}


HEADERS = {
    "of a key certification": {"kind": 0x10},
    "of a text document": {"kind": 0x01},
    "that claim SHA-512": {"number": 10},
    "that are empty": None,
}


@pytest.mark.parametrize("case", HEADERS)
def test_A6_headers_of_a_signature_have_to_be_those_of_a_document(place: Place, case: str) -> None:
    bob, options = Functionary(), HEADERS[case]
    chain = new_chain()
    chain.step("build", "bob", perform=False)

    def change(document: dict[str, Any]) -> None:
        document["keys"] = {bob.keyid: bob.document()}
        document["steps"][0]["pubkeys"] = [bob.keyid]

    chain.document_changes.append(change)
    link = Metablock.wrap(Link(name="build", products=hashed({"out": "1"})).document())
    for headers, here in ((bob.headers(), 0), (b"" if options is None else bob.headers(**options), 1)):
        signature = bob.sign(link.signed_bytes, headers)
        document = {**json.loads(link.write()), "signatures": [signature]}
        chain.files[f"build.{bob.keyid[:8]}.link"] = json.dumps(document).encode()
        place.expect(chain, here=here, there=0, says="ThresholdVerificationError" if here else "")


@pytest.mark.component("gpg")
def test_A6_a_link_with_other_headers_can_be_signed_again(here: Place, home: Path) -> None:
    fingerprint = make_key(home, "again", "rsa2048")
    by = ("-g", fingerprint, "--gpg-home", str(home))
    assert here.command("in-toto-run", "-n", "edit", "-x", *by).code == 0
    link = here.final / f"edit.{fingerprint[:8]}.link"
    check = ("in-toto-sign", "-f", link.name, *by, "--verify")
    assert here.command(*check).code == 0
    document = json.loads(link.read_text())
    document["signatures"][0]["other_headers"] = "0410" + document["signatures"][0]["other_headers"][4:]
    link.write_text(json.dumps(document))
    assert here.command(*check).code == 1
    assert here.command("in-toto-sign", "-f", link.name, *by).code == 0
    assert here.command(*check).code == 0


def test_X20_a_key_in_a_layout_has_its_creation_time(place: Place) -> None:
    bob = Functionary()
    for left_out, here in (((), 0), (("creation_time",), 1)):
        chain = new_chain()
        chain.step("build", "bob", perform=False)
        key = {name: value for name, value in bob.document().items() if name not in left_out}

        def change(document: dict[str, Any], key: dict[str, Any] = key) -> None:
            document["keys"] = {bob.keyid: key}
            document["steps"][0]["pubkeys"] = [bob.keyid]

        chain.document_changes.append(change)
        link = Metablock.wrap(Link(name="build", products=hashed({"out": "1"})).document())
        signed = {**json.loads(link.write()), "signatures": [bob.sign(link.signed_bytes, bob.headers())]}
        chain.files[f"build.{bob.keyid[:8]}.link"] = json.dumps(signed).encode()
        place.expect(chain, here=here, there=0, says="creation_time: missing" if here else "")


ADD_AGAIN = """
import json, sys
from in_toto.models.layout import Layout
with open(sys.argv[1]) as file:
    layout = Layout.read(json.load(file))
layout.add_functionary_key_from_gpg_keyid(sys.argv[2], gpg_home=sys.argv[3])
print(json.dumps(layout.keys))
"""


@pytest.mark.component("gpg")
def test_X20_a_key_without_its_creation_time_can_be_put_into_the_layout_again(here: Place, home: Path) -> None:
    fingerprint = make_key(home, "again with its time", "rsa2048")
    whole = added(here, home, fingerprint)
    assert whole is not None
    partial = {name: value for name, value in whole.items() if name != "creation_time"}
    document = {"_type": "layout", "steps": [], "inspect": [], "readme": "", "expires": "2090-01-01T00:00:00Z"}
    (here.final / "old.json").write_text(json.dumps({**document, "keys": {fingerprint: partial}}))
    ran = here.python(ADD_AGAIN, "old.json", fingerprint, str(linked(home)))
    assert json.loads(ran.out) == {fingerprint: whole} != {fingerprint: partial}


@pytest.mark.component("gpg")
def test_GHSA_jjgp_a_revoked_key_does_not_get_into_a_layout(place: Place, home: Path) -> None:
    fingerprint = make_key(home, f"revoked {place.is_here}", "rsa2048")
    assert added(place, home, fingerprint) is not None
    revocation = (home / "openpgp-revocs.d" / f"{fingerprint.upper()}.rev").read_text()
    gpg(home, "--import", data=revocation.replace(":-----BEGIN", "-----BEGIN"))
    assert (added(place, home, fingerprint) is None) is place.is_here


@pytest.mark.component("gpg")
def test_GHSA_jjgp_a_key_from_the_future_does_not_get_into_a_layout(place: Place, home: Path) -> None:
    for at, future in (("20200101T000000", False), ("20900101T000000", True)):
        fingerprint = make_key(home, f"future {future} {place.is_here}", "rsa2048", at=at)
        assert (added(place, home, fingerprint) is None) is (future and place.is_here)


@pytest.mark.component("gpg")
def test_GHSA_jjgp_a_subkey_for_encryption_is_none_that_signs(place: Place, home: Path) -> None:
    for usage, there in (("sign", 1), ("encrypt", 1)):
        fingerprint = make_key(home, f"{usage} {place.is_here}", "rsa2048", subkey=("rsa2048", usage))
        key = added(place, home, fingerprint)
        assert key is not None
        assert len(key.get("subkeys", {})) == (there if place.side.is_reference else int(usage == "sign"))


@pytest.mark.component("gpg")
def test_X10_a_key_that_vouches_for_itself_by_sha1_is_used_with_a_warning(place: Place, home: Path) -> None:
    fingerprint = make_key(home, f"sha1 {place.is_here}", "rsa2048", digest="SHA1")
    run = ("in-toto-run", "-n", "edit", "-x", "-g", fingerprint, "--gpg-home", str(linked(home)))
    renewal = f"gpg --quick-set-expire {fingerprint} never"
    ran = place.command(*run)
    assert ran.code == 0
    assert (renewal in ran.err) is place.is_here
    assert added(place, home, fingerprint) is not None
    gpg(home, *renewal.split()[1:])
    ran = place.command(*run)
    assert (ran.code, renewal in ran.err) == (0, False)
