"""Keys in a token, on the command line: made, exported, used for every signature, and refused before anything runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.artifacts import workers
from custody.cli.main import main
from custody.keys.schemes import RSA_SCHEMES
from custody.signing.pkcs11_login import log_out
from custody.workflows.keys import read_public_key
from tests.softhsm import KINDS, PIN, SoftHSM, soft_hsm

pytestmark = [pytest.mark.component("softhsm2"), pytest.mark.usefixtures("hsm")]

Capture = pytest.CaptureFixture[str]

SOURCE = """
expires: 6 months
functionaries: {builder: builder.pub}
steps:
  - name: build
    functionaries: [builder]
    expected_materials: [ALLOW src/*, DISALLOW *]
    expected_products: [CREATE app, DISALLOW *]
"""


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHSM]:
    work = tmp_path / "work"
    work.mkdir()
    with soft_hsm(tmp_path, monkeypatch) as made:
        monkeypatch.chdir(work)
        yield made


def layout(kind: str = "ecdsa", owner: str = "hsm:ed25519") -> None:
    """Build a layout whose functionary is a key of the token, and sign it with another one of it."""
    assert main(["key", "export", f"hsm:{kind}", "-o", "builder.pub", "--force"]) == 0
    Path("supply-chain.yaml").write_text(SOURCE)
    assert main(["layout", "build", "supply-chain.yaml", "-o", "root.layout", "--force"]) == 0
    assert main(["sign", "-f", "root.layout", "-k", owner]) == 0


def verify(*keys: str) -> int:
    return main(["verify", "-q", "-l", "root.layout", "--verification-keys", *keys])


def link() -> Path:
    (found,) = Path().glob("build.*.link")
    return found


class TestChain:
    """From a key in the token to a verdict."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("dsse", [False, True])
    def test_step_verifies_until_its_link_changes(self, kind: str, dsse: bool) -> None:
        layout(kind)
        how = ["--use-dsse"] if dsse else []
        assert main(["run", "-n", "build", "-k", f"hsm:{kind}", "-p", "app", *how, "--", "touch", "app"]) == 0
        assert verify("hsm:ed25519") == 0
        assert verify("hsm:rsa") == 1
        signatures = json.loads(link().read_bytes())
        entry = signatures["signatures"][0]
        entry["sig"] = ("0" if entry["sig"][0] != "0" else "1") + entry["sig"][1:]
        link().write_text(json.dumps(signatures))
        assert verify("hsm:ed25519") == 1

    def test_recording_in_two_parts_verifies(self) -> None:
        layout()
        assert main(["record", "start", "-n", "build", "-k", "hsm:ecdsa"]) == 0
        log_out()  # each part is a process of its own
        Path("app").touch()
        assert main(["record", "stop", "-n", "build", "-k", "pkcs11:token=custody;object=ecdsa", "-p", "app"]) == 0
        assert verify("hsm:ed25519") == 0

    def test_several_owners_of_one_token_sign_with_one_login(self, capsys: Capture) -> None:
        layout(owner="hsm:ed25519")
        assert main(["sign", "-f", "root.layout", "-k", "hsm:ed25519", "hsm:ecdsa-p384"]) == 0
        capsys.readouterr()
        check = ["sign", "-f", "root.layout", "--verify", "-k"]
        assert main([*check, "hsm:ed25519.pub", "hsm:ecdsa-p384.pub"]) == 0
        assert main([*check, "hsm:ed25519", "hsm:rsa"]) == 1

    def test_workers_that_are_forked_leave_the_token_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """They are started while this process is logged in, and end without a word to the token."""
        hired: list[int] = []
        hire = workers.Crew._hire

        def counted(crew: workers.Crew, mask: set[int | signal.Signals]) -> None:
            hired.append(os.getpid())
            hire(crew, mask)

        monkeypatch.setattr(workers.Crew, "_hire", counted)
        Path("src").mkdir()
        for number in range(3000):
            Path(f"src/{number}").write_text(str(number) * 2000)
        layout()
        before = len(hired)
        run = ["run", "-n", "build", "-k", "hsm:ecdsa", "-m", "src", "-p", "app", "--", "touch", "app"]
        assert main(run) == 0
        if workers.how_many() > 1:
            assert len(hired) > before
        assert verify("hsm:ed25519") == 0

    @pytest.mark.parametrize("scheme", RSA_SCHEMES)
    def test_scheme_decides_how_an_rsa_key_signs(self, scheme: str) -> None:
        layout()
        assert main(["sign", "-f", "root.layout", "-k", "hsm:rsa", "--scheme", scheme]) == 0
        check = ["sign", "-f", "root.layout", "--verify", "-k", "hsm:rsa"]
        assert main([*check, "--scheme", scheme]) == 0
        other = "rsassa-pss-sha256" if scheme != "rsassa-pss-sha256" else "rsa-pkcs1v15-sha256"
        assert main([*check, "--scheme", other]) == 1


class TestOffline:
    """Owners sign on a machine that is connected to nothing."""

    def test_layout_is_signed_without_any_network(self) -> None:
        alone = ["unshare", "--map-root-user", "--net"]
        if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
            pytest.skip("needs unshare, and a kernel that lets us use it, to be without a network")
        layout()
        sign = [sys.executable, "-m", "custody", "sign", "-f", "root.layout", "-k", "hsm:ecdsa-p384", "--append"]
        done = subprocess.run([*alone, *sign], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        check = ["sign", "-f", "root.layout", "--verify", "-k", "hsm:ed25519", "hsm:ecdsa-p384"]
        assert main(check) == 0
        text = Path("root.layout").read_text()
        Path("root.layout").write_text(text.replace("CREATE", "ALLOW"))
        assert main(check) == 1


class TestBefore:
    """What can be refused is refused before the command runs."""

    @pytest.mark.parametrize(
        ("uri", "variables", "said"),
        [
            ("hsm:ecdsa", {"PKCS11_PIN": "9999"}, "the PIN of the token 'custody' is wrong"),
            ("hsm:ecdsa", {"PKCS11_PIN": ""}, "the token 'custody' wants a PIN"),
            ("hsm:none", {}, "holds no private key called 'none'"),
            ("pkcs11:token=none;object=ecdsa", {}, "there is no token 'token=none'"),
            ("hsm:ecdsa", {"PKCS11_MODULE": "/nowhere.so"}, "there is no PKCS #11 module '/nowhere.so'"),
            ("hsm:ecdsa", {"PKCS11_MODULE": "libm.so.6"}, "'libm.so.6' is no PKCS #11 module that works here"),
            ("hsm:ecdsa", {"PKCS11_MODULE": ""}, "which PKCS #11 module drives the token"),
            ("hsm:ecdsa", {"PKCS11_SLOT": "99"}, "there is no initialised token in slot 99"),
            ("pkcs11:object=ecdsa?pin-value=1234", {}, "shows the PIN to everybody"),
        ],
    )
    def test_command_does_not_run(
        self, uri: str, variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert main(["run", "-n", "build", "-k", uri, "-p", "app", "--", "touch", "app"]) == 2
        assert said in capsys.readouterr().err
        assert list(Path().iterdir()) == []


class TestSecrets:
    """The PIN is for custody alone."""

    def test_command_does_not_get_the_pin(self) -> None:
        run = ["run", "-n", "build", "-k", "hsm:ecdsa", "-p", "app", "--", "sh", "-c", 'echo "<$PKCS11_PIN>" > app']
        assert main(run) == 0
        assert Path("app").read_text() == "<>\n"

    def test_command_of_another_key_keeps_its_variables(self) -> None:
        assert main(["keygen", "alice"]) == 0
        assert main(["run", "-n", "a", "-k", "alice", "--", "sh", "-c", 'echo "<$PKCS11_PIN>" > app']) == 0
        assert Path("app").read_text() == f"<{PIN}>\n"

    def test_pin_may_come_from_where_passphrases_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PKCS11_PIN")
        monkeypatch.setenv("WORD", PIN)
        run = ["run", "-n", "build", "-k", "hsm:ecdsa", "-x"]
        assert main(run) == 2
        assert main([*run, "--password-env", "WORD"]) == 0
        log_out()
        monkeypatch.setenv("WORD", "wrong")
        assert main([*run, "--password-env", "WORD"]) == 2
        Path("pin").write_text(f"{PIN}\n")
        descriptor = os.open("pin", os.O_RDONLY)
        assert main([*run, "--password-fd", str(descriptor)]) == 0
        os.close(descriptor)

    def test_source_names_no_token(self, capsys: Capture) -> None:
        """A source is shared, and a URI could name a module, which is a program that would be run."""
        for uri in ("hsm:ecdsa", "pkcs11:object=ecdsa", "pkcs11:object=ecdsa?module-path=evil.so"):
            Path("supply-chain.yaml").write_text(SOURCE.replace("builder.pub", f'"{uri}"'))
            assert main(["layout", "build", "supply-chain.yaml", "-o", "root.layout"]) == 2
            assert "keys cannot be read from" in capsys.readouterr().err


class TestKeygen:
    """`custody keygen --pkcs11`."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_is_made(self, kind: str, capsys: Capture) -> None:
        bits = ["--bits", "2048"] if kind == "rsa" else []
        assert main(["keygen", "--pkcs11", "pkcs11:token=custody;object=new", "-t", kind, *bits, "new"]) == 0
        out = capsys.readouterr().out.splitlines()
        key = read_public_key("new.pub")
        assert out == [
            "private key  pkcs11:token=custody;object=new  (in the token; nobody can read it)",
            "public key   new.pub  (give it to whoever verifies)",
            f"key id       {key.keyid}",
        ]
        assert key == read_public_key("hsm:new")
        assert [path.name for path in Path().iterdir()] == ["new.pub"]

    def test_without_a_name_nothing_is_written(self, capsys: Capture) -> None:
        assert main(["keygen", "--pkcs11", "hsm:new"]) == 0
        assert f"key id       {read_public_key('hsm:new').keyid}\n" in capsys.readouterr().out
        assert list(Path().iterdir()) == []

    @pytest.mark.parametrize("uri", ["new", "file:new", "gpg:new", ""])
    def test_another_uri_is_refused(self, uri: str, capsys: Capture) -> None:
        assert main(["keygen", "--pkcs11", uri, "new"]) == 2
        assert "--pkcs11: expected pkcs11:token=TOKEN;object=LABEL or hsm:LABEL" in capsys.readouterr().err

    def test_file_in_the_way_is_found_before_there_is_a_key(self, capsys: Capture) -> None:
        Path("new.pub").write_text("mine")
        for name in ("new", "new.pub"):
            assert main(["keygen", "--pkcs11", "hsm:new", name]) == 2
            assert "'new.pub' exists already" in capsys.readouterr().err
        assert main(["keygen", "--pkcs11", "hsm:new", "nowhere/new"]) == 2
        assert "there is no directory 'nowhere'" in capsys.readouterr().err
        assert main(["key", "show", "hsm:new"]) == 2
        assert main(["keygen", "--pkcs11", "hsm:new", "new", "--force"]) == 0
        assert read_public_key("new.pub") == read_public_key("hsm:new")

    def test_force_replaces_nothing_on_the_token(self, capsys: Capture) -> None:
        before = read_public_key("hsm:ecdsa")
        assert main(["keygen", "--pkcs11", "hsm:ecdsa", "--force"]) == 2
        assert "holds a key called 'ecdsa' already" in capsys.readouterr().err
        assert read_public_key("hsm:ecdsa") == before

    def test_public_key_that_cannot_be_written_is_told_how_to_export(
        self, monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        from custody import files
        from custody.errors import StoreError

        def full(*_: object, **__: object) -> None:
            raise StoreError("the disk is full")

        monkeypatch.setattr(files, "write_file", full)
        assert main(["keygen", "--pkcs11", "hsm:new", "new"]) == 2
        assert "the pair was made, but the disk is full; write the public key with: custody key export 'hsm:new'" in (
            capsys.readouterr().err
        )
        assert read_public_key("hsm:new").keytype == "ed25519"

    def test_name_or_token_is_needed(self, capsys: Capture) -> None:
        assert main(["keygen"]) == 2
        assert "what is the key to be called? write custody keygen NAME" in capsys.readouterr().err


class TestExport:
    """`custody key export` and whoever else takes public keys."""

    @pytest.mark.parametrize("uri", ["hsm:ecdsa", "hsm:ecdsa.pub", "pkcs11:token=custody;object=ecdsa", "HSM:ecdsa"])
    def test_public_half_is_written(self, uri: str, capsys: Capture) -> None:
        assert main(["key", "export", uri, "-o", "out.pub"]) == 0
        assert capsys.readouterr().out == "public key written to out.pub\n"
        assert main(["key", "export", uri]) == 0
        assert capsys.readouterr().out == Path("out.pub").read_text()
        assert read_public_key("out.pub") == read_public_key("hsm:ecdsa")
        assert Path("out.pub").stat().st_mode & 0o777 == 0o644

    def test_metadata_keeps_the_scheme(self) -> None:
        how = ["--to", "metadata", "--scheme", "rsa-pkcs1v15-sha512", "-o", "rsa.json"]
        assert main(["key", "export", "hsm:rsa", *how]) == 0
        assert read_public_key("rsa.json").scheme == "rsa-pkcs1v15-sha512"

    def test_signing_key_of_every_place_is_exported(self, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
        monkeypatch.setenv("WORD", "geheim")
        assert main(["keygen", "alice", "--password-env", "WORD"]) == 0
        monkeypatch.setenv("KEY", Path("alice").read_text())
        capsys.readouterr()
        for uri in ("alice", "file:alice", "env:KEY"):
            assert main(["key", "export", uri, "--password-env", "WORD"]) == 0
            assert capsys.readouterr().out == Path("alice.pub").read_text()
            assert main(["key", "export", uri]) == 2
            assert "is encrypted" in capsys.readouterr().err

    def test_nothing_is_replaced_unasked_and_the_private_key_never(self, capsys: Capture) -> None:
        assert main(["keygen", "alice"]) == 0
        private = Path("alice").read_bytes()
        for uri in ("alice", "file:alice", "./alice"):
            assert main(["key", "export", uri, "-o", "alice", "--force"]) == 2
            assert "OUT is the private key itself" in capsys.readouterr().err
        assert main(["key", "export", "hsm:ecdsa", "-o", "alice.pub"]) == 2
        assert "'alice.pub' exists already; replace it with --force" in capsys.readouterr().err
        assert main(["key", "export", "hsm:ecdsa", "-o", "alice.pub", "--force"]) == 0
        assert read_public_key("alice.pub") == read_public_key("hsm:ecdsa")
        assert Path("alice").read_bytes() == private

    def test_pin_opens_what_a_token_hides(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from pkcs11.constants import Attribute, ObjectClass

        from custody.signing.pkcs11_login import open_token
        from custody.signing.pkcs11_uri import KeyURI
        from custody.signing.signer import Request

        session = open_token(KeyURI(), Request(), login=True).token.open(rw=True)
        for half in list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: "rsa"})):
            half.destroy()
        log_out()
        monkeypatch.delenv("PKCS11_PIN")
        monkeypatch.setenv("WORD", PIN)
        assert main(["key", "export", "hsm:rsa"]) == 2
        assert main(["key", "export", "hsm:rsa", "--password-env", "WORD"]) == 0

    def test_key_show_and_convert_take_it_too(self, capsys: Capture) -> None:
        assert main(["key", "show", "--format", "json", "hsm:ecdsa"]) == 0
        [facts] = json.loads(capsys.readouterr().out)
        assert (facts["kind"], facts["keyid"]) == ("public", read_public_key("hsm:ecdsa").keyid)
        assert main(["key", "convert", "hsm:ecdsa", "--to", "pem", "-o", "out.pub"]) == 0
        assert read_public_key("out.pub") == read_public_key("hsm:ecdsa")

    def test_layout_takes_it_as_a_functionary(self, capsys: Capture) -> None:
        layout()
        assert main(["layout", "add-key", "root.layout", "hsm:rsa", "--step", "build", "--force"]) == 0
        capsys.readouterr()
        assert read_public_key("hsm:rsa").keyid in Path("root.layout").read_text()
