"""Signing with a real gpg, and exporting from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.errors import FormatError, SignatureError, UsageError
from custody.keys.openpgp import OpenPGPKey
from custody.signing.gpg import GPGSigner, export_key, parse_uri
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.signing.signer import signing_id
from tests.openpgp import GPGHome, gpg_home

pytestmark = pytest.mark.component("gpg")

KINDS = {"rsa": "rsa2048", "dsa": "dsa2048", "eddsa": "ed25519"}


@pytest.fixture(scope="module")
def home() -> Iterator[GPGHome]:
    """Yield a home, with a space in its name, that holds a key of each kind."""
    with gpg_home("a home") as made:
        for name, algorithm in KINDS.items():
            made.generate(name, algorithm)
        yield made


@pytest.fixture
def empty() -> Iterator[GPGHome]:
    with gpg_home() as made:
        yield made


@pytest.mark.parametrize("name", KINDS)
def test_a_key_of_every_kind_signs(name: str, home: GPGHome) -> None:
    fingerprint = home.fingerprints(f"{name}@example.com")[0]
    signer = GPGSigner(fingerprint, home.path)
    signature = signer.sign(b"content")
    assert signer.public_key.verify(signature, b"content")
    assert not signer.public_key.verify(signature, b"c0ntent")
    assert signature.keyid == signer.signing_id == signing_id(signer) == fingerprint
    assert signer.public_key.keytype == name
    assert signer.public_key == export_key(fingerprint, home.path)
    assert repr(signer) == f"GPGSigner({fingerprint})"


@pytest.mark.parametrize("change", [str, str.upper, "0x{}".format, lambda text: text[-16:], lambda text: text[-8:]])
def test_an_id_may_be_written_in_several_ways(change: object, home: GPGHome) -> None:
    fingerprint = home.fingerprints("<eddsa@example.com>")[0]
    assert callable(change)
    assert GPGSigner(change(fingerprint), home.path).public_key.keyid == fingerprint
    assert export_key(change(fingerprint), home.path).keyid == fingerprint


@pytest.mark.parametrize(
    "keyid",
    [
        "{} --output INJECTED",
        "{}\n--output\nINJECTED",
        "--output INJECTED",
        "-{}",
        "{}!!",
        "eddsa@example.com",
        "=eddsa <eddsa@example.com>",
        "0123456",
        "{}0",
        " {}",
    ],
)
@pytest.mark.parametrize("use", [GPGSigner, export_key])
def test_what_is_no_key_id_never_reaches_gpg(
    keyid: str, use: type[GPGSigner], home: GPGHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fingerprint = home.fingerprints("<eddsa@example.com>")[0]
    use(fingerprint, home.path)
    with pytest.raises(UsageError, match="is no key id"):
        use(keyid.format(fingerprint), home.path)
    assert os.listdir() == []


def test_an_id_that_means_no_key_is_refused(home: GPGHome) -> None:
    for use in (GPGSigner, export_key):
        with pytest.raises(UsageError, match="holds no key '00000000'"):
            use("00000000", home.path)


def test_an_ambiguous_id_is_refused(home: GPGHome, monkeypatch: pytest.MonkeyPatch) -> None:
    from custody.signing.gpg_keyring import Keyring

    listed = Keyring(home.path).listed(secret=True)
    twin = listed[0].replace(fingerprint="f" * 32 + listed[0].fingerprint[-8:])
    monkeypatch.setattr(Keyring, "listed", lambda _self, *, secret: (*listed, twin) if secret else listed)
    GPGSigner(listed[0].fingerprint, home.path)
    with pytest.raises(UsageError, match="is the end of several fingerprints"):
        GPGSigner(listed[0].fingerprint[-8:], home.path)


def test_of_a_key_with_subkeys_the_newest_signs_unless_one_is_named(empty: GPGHome) -> None:
    primary = empty.generate("alice", "ed25519", "sign")
    empty.gpg(
        "--faked-system-time", "20240101T000000!", "--quick-gen-key", "old@example.com", "ed25519", "sign", "never"
    )
    subkey = empty.add(primary, "rsa2048")
    empty.add(primary, "cv25519", "encr")
    for keyid, signs in ((primary, subkey), (subkey, subkey), (f"{primary}!", primary), (f"{subkey}!", subkey)):
        signer = GPGSigner(keyid, empty.path)
        assert signer.signing_id == signs
        assert signer.public_key.keyid == primary
        assert signer.sign(b"x").keyid == signs
    theirs = empty.gpg("--local-user", primary, "--detach-sign", message=b"x")
    assert bytes.fromhex(subkey) in theirs


def test_a_primary_key_for_certification_leaves_signing_to_its_subkeys(empty: GPGHome) -> None:
    primary = empty.generate("alice", "ed25519", "cert")
    with pytest.raises(FormatError, match="may sign"):
        GPGSigner(primary, empty.path)
    subkey = empty.add(primary)
    encryption = empty.add(primary, "cv25519", "encr")
    assert GPGSigner(primary, empty.path).signing_id == subkey
    with pytest.raises(UsageError, match="cannot sign here"):
        GPGSigner(f"{primary}!", empty.path)
    with pytest.raises(UsageError, match="cannot sign here"):
        GPGSigner(encryption, empty.path)
    with pytest.raises(UsageError, match="none that may sign"):
        export_key(encryption, empty.path)
    assert export_key(subkey, empty.path).keyid == primary


def test_the_default_key_is_gpgs(empty: GPGHome) -> None:
    with pytest.raises(UsageError, match="holds no key that can sign"):
        GPGSigner("", empty.path)
    empty.generate("encrypts", "rsa2048", "encr")
    first, second = empty.generate("first"), empty.generate("second")
    assert GPGSigner("", empty.path).signing_id == first
    assert bytes.fromhex(first) in empty.gpg("--detach-sign", message=b"x")
    Path(empty.path, "gpg.conf").write_text(f"default-key {second}\n")
    assert GPGSigner("", empty.path).signing_id == second
    assert export_key("", empty.path).keyid == second
    Path(empty.path, "gpg.conf").write_text("default-key second@example.com\n")
    with pytest.raises(UsageError, match=r"configured as 'second@example\.com'"):
        GPGSigner("", empty.path)


def test_a_revoked_key_neither_signs_nor_is_exported(empty: GPGHome) -> None:
    primary = empty.generate("alice")
    export_key(primary, empty.path)
    revocation = Path(empty.path, "openpgp-revocs.d", f"{primary.upper()}.rev").read_text()
    empty.gpg("--import", message=revocation.replace(":-----BEGIN", "-----BEGIN").encode())
    for use in (GPGSigner, export_key):
        with pytest.raises(FormatError, match="is revoked"):
            use(primary, empty.path)


def test_an_expired_key_neither_signs_nor_is_exported(empty: GPGHome) -> None:
    empty.gpg("--faked-system-time", "20240101T000000!", "--quick-gen-key", "old@example.com", "ed25519", "sign", "1d")
    primary = empty.fingerprints("old@example.com")[0]
    for use in (GPGSigner, export_key):
        with pytest.raises(FormatError, match="expired at 2024-01-02"):
            use(primary, empty.path)
    empty.gpg("--quick-set-expire", primary, "never")
    GPGSigner(primary, empty.path).sign(b"x")


def test_an_expired_subkey_is_left_out_with_a_remark(empty: GPGHome) -> None:
    then = ("--faked-system-time", "20240101T000000!")
    empty.gpg(*then, "--quick-gen-key", "alice@example.com", "ed25519", "sign", "never")
    primary = empty.fingerprints("alice@example.com")[0]
    empty.gpg(*then, "--quick-add-key", primary, "ed25519", "sign", "1d")
    subkey = empty.fingerprints(primary)[1]
    remarks: list[str] = []
    assert export_key(primary, empty.path, remark=remarks.append).subkeys is None
    assert remarks == [
        f"the subkey {subkey[:8]} of {primary} is left out: the key {subkey} expired at 2024-01-02T00:00:00Z"
    ]
    assert GPGSigner(primary, empty.path).signing_id == primary
    empty.gpg("--quick-set-expire", primary, "0", subkey)
    assert GPGSigner(primary, empty.path).signing_id == subkey


@pytest.mark.parametrize(("expires", "until"), [("never", "never"), ("20900101T000000", "20900101T000000")])
def test_a_key_that_vouches_for_itself_with_sha1_signs_until_it_is_renewed_as_the_remark_says(
    expires: str, until: str, empty: GPGHome
) -> None:
    empty.gpg("--cert-digest-algo", "SHA1", "--quick-gen-key", "old@example.com", "rsa2048", "sign", expires)
    primary = empty.fingerprints("old@example.com")[0]
    remarks: list[str] = []
    before = export_key(primary, empty.path, remark=remarks.append)
    signer = GPGSigner(primary, empty.path, remark=remarks.append)
    assert signer.public_key.verify(signer.sign(b"x"), b"x")
    remark, again = remarks
    assert remark == again
    assert remark.endswith(f": gpg --quick-set-expire {primary} {until}")
    empty.gpg(*remark.rpartition(": gpg ")[2].split())
    after = GPGSigner(primary, empty.path, remark=remarks.append).public_key
    assert (after, remarks) == (before, [remark, again])


def test_what_rests_on_sha1_is_a_warning_where_keys_are_read(
    empty: GPGHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GNUPGHOME", empty.path)
    empty.gpg("--cert-digest-algo", "SHA1", "--quick-gen-key", "old@example.com", "rsa2048", "sign", "never")
    old, new = empty.fingerprints("old@example.com")[0], empty.generate("new")
    for fingerprint in (old, new):
        Path("key.asc").write_bytes(empty.gpg("--armor", "--export", fingerprint))
        for key in ("key.asc", f"gpg:{fingerprint}"):
            Path("s.yaml").write_text(
                f"expires: 1 year\nfunctionaries: {{alice: '{key}'}}\n"
                "steps: [{name: build, functionaries: [alice]}]\n"
            )
            for command in (
                ["key", "show", key],
                ["layout", "build", "s.yaml", "-o", "root.layout"],
                ["sign", "-f", "root.layout", "-k", f"gpg:{fingerprint}", "-o", "signed.layout"],
                ["sign", "-f", "signed.layout", "--verify", "--verification-keys", key],
            ):
                assert main(command) == 0
                warned = f"the key {fingerprint} vouches for itself with SHA-1" in capsys.readouterr().err
                assert warned is (fingerprint == old), command


def test_options_in_gpg_conf_do_not_change_what_is_signed(empty: GPGHome) -> None:
    primary, other = empty.generate("alice"), empty.generate("bob")
    conf = Path(empty.path, "gpg.conf")
    conf.write_text("armor\ntextmode\npersonal-digest-preferences SHA512\ndigest-algo SHA512\n")
    signer = GPGSigner(primary, empty.path)
    assert signer.public_key.verify(signer.sign(b"a \r\nb\n"), b"a \r\nb\n")
    conf.write_text(f"local-user {other}\n")
    with pytest.raises(SignatureError, match="expected one signature"):
        signer.sign(b"x")


def test_a_secret_key_that_is_gone_says_so(empty: GPGHome) -> None:
    primary = empty.generate("alice")
    signer = GPGSigner(primary, empty.path)
    signer.sign(b"x")
    for path in Path(empty.path, "private-keys-v1.d").iterdir():
        path.unlink()
    with pytest.raises(SignatureError, match=f"gpg could not sign with {primary}: .*[Ss]ecret key"):
        signer.sign(b"x")
    with pytest.raises(UsageError, match=r"holds no key|cannot sign here"):
        GPGSigner(primary, empty.path)
    assert export_key(primary, empty.path).keyid == primary


def test_without_gpg_it_says_what_to_install(home: GPGHome, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = home.fingerprints("<eddsa@example.com>")[0]
    monkeypatch.setenv("PATH", "/nowhere")
    for use in (GPGSigner, export_key):
        with pytest.raises(UsageError, match="install gnupg"):
            use(fingerprint, home.path)


def test_a_home_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="there is no directory '/nowhere'"):
        GPGSigner("", "/nowhere")


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("", ("", "")),
        ("AB", ("AB", "")),
        ("AB?home=/a b", ("AB", "/a b")),
        ("?home=x%20y", ("", "x y")),
        ("AB?home=a?b=c", ("AB", "a?b=c")),
    ],
)
def test_a_uri_names_key_and_home(rest: str, expected: tuple[str, str]) -> None:
    assert parse_uri(rest) == expected


@pytest.mark.parametrize("rest", ["AB?", "AB?home", "AB?home=", "AB?homedir=x", "AB?HOME=x"])
def test_a_uri_that_asks_for_something_else_is_refused(rest: str) -> None:
    with pytest.raises(UsageError, match=r"expected gpg:FINGERPRINT\?home=DIR"):
        parse_uri(rest)


def test_the_registry_knows_gpg(home: GPGHome, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint = home.fingerprints("<eddsa@example.com>")[0]
    signer = load_signer(f"gpg:{fingerprint}?home={home.path}")
    assert isinstance(signer.public_key, OpenPGPKey)
    with pytest.raises(UsageError, match="one scheme only"):
        load_signer(f"gpg:{fingerprint}?home={home.path}", scheme="rsassa-pss-sha256")
    remarks: list[str] = []
    secret = SecretSource(environment="NEVER_READ")
    load_signer(f"gpg:{fingerprint}?home={home.path}", secret, remark=remarks.append)
    assert "GnuPG's agent asks" in remarks[0]
    monkeypatch.setenv("GNUPGHOME", home.path)
    assert load_signer(f"GPG:{fingerprint}").public_key == signer.public_key


def test_a_whole_chain_is_signed_and_verified_with_gpg(
    empty: GPGHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GNUPGHOME", empty.path)
    owner, alice = empty.generate("owner"), empty.generate("alice", "ed25519", "cert")
    laptop = empty.add(alice)
    Path("alice.asc").write_bytes(empty.gpg("--armor", "--export", alice))
    Path("app").write_text("1")
    Path("s.yaml").write_text(
        f"expires: 1 year\nfunctionaries: {{alice: alice.asc, owner: 'gpg:{owner.upper()}'}}\n"
        "steps: [{name: build, functionaries: [alice], expected_products: [CREATE app, DISALLOW *]}]\n"
    )
    assert main(["layout", "build", "s.yaml", "-o", "root.layout"]) == 0
    assert main(["sign", "-f", "root.layout", "-k", f"gpg:{owner}"]) == 0
    assert main(["record", "start", "-n", "build", "-k", f"gpg:{alice}"]) == 0
    assert main(["record", "stop", "-n", "build", "-k", f"gpg:{alice}", "-p", "app"]) == 0
    link = Path(f"build.{laptop[:8]}.link")
    assert link.exists()
    verify = ["verify", "-l", "root.layout", "--verification-keys", f"gpg:{owner}"]
    assert main(verify) == 0
    assert main(["sign", "-f", "root.layout", "--verify", "--verification-keys", f"gpg:{owner}"]) == 0
    assert main(["sign", "-f", "root.layout", "--verify", "--verification-keys", "alice.asc"]) == 1
    link.write_text(link.read_text().replace('"app"', '"apq"'))
    assert main(verify) == 1
    assert "signature-invalid" in capsys.readouterr().out
    assert main(["run", "-n", "build", "-k", f"gpg:{alice}", "--use-dsse", "--", "touch", "ran"]) == 2
    assert not Path("ran").exists()
    assert "DSSE envelope cannot carry" in capsys.readouterr().err


def test_a_source_names_whole_fingerprints_and_no_home(
    home: GPGHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GNUPGHOME", home.path)
    fingerprint = home.fingerprints("<eddsa@example.com>")[0]
    for key, code in ((fingerprint, 0), (fingerprint[-16:], 2), ("", 2), (f"{fingerprint}?home={home.path}", 2)):
        Path("s.yaml").write_text(
            f"expires: 1 year\nfunctionaries: {{alice: 'gpg:{key}'}}\n"
            "steps: [{name: build, functionaries: [alice]}]\n"
        )
        assert main(["layout", "build", "s.yaml", "-o", "root.layout"]) == code
    assert "expected 'gpg:' and a whole fingerprint" in capsys.readouterr().err


def test_keys_are_shown_and_converted(
    empty: GPGHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GNUPGHOME", empty.path)
    alice = empty.generate("alice", "ed25519", "cert")
    laptop = empty.add(alice, expires="2y")
    Path("alice.gpg").write_bytes(empty.gpg("--export", alice))
    assert main(["key", "show", "alice.gpg", f"gpg:{alice}"]) == 0
    out = capsys.readouterr().out
    assert out.count(f"key id        {alice}") == out.count(f"subkey        {laptop}") == 2
    assert main(["key", "show", "--format", "json", "alice.gpg"]) == 0
    assert f'"keyid": "{laptop}"' in capsys.readouterr().out
    assert main(["key", "convert", f"gpg:{laptop}", "--to", "metadata", "-o", "alice.json"]) == 0
    assert main(["key", "show", "alice.json"]) == 0
    assert f"key id        {alice}" in capsys.readouterr().out
    assert main(["key", "convert", "alice.gpg", "--to", "pem"]) == 2
    Path("alice.json").write_text(Path("alice.json").read_text().replace(alice, "0" * 40))
    assert main(["key", "show", "alice.json"]) == 2
