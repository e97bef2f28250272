"""The chapter on hardware security modules in the guide to build steps, with SoftHSM for the hardware.

Its line that signs has no step name, like the others of that guide. Its line that verifies works as it is written: the
keys that it names are those of the layout's owners.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.signing.pkcs11_login import log_out
from in_toto._boundary.keys import load_public_key_from_file
from in_toto._boundary.signing import load_signer
from tests.compat.guides.stage import NO_STEP_NAME, PASSED, Stage
from tests.softhsm import SoftHSM, soft_hsm

pytestmark = pytest.mark.component("softhsm2")

CONFIGURE = r"""
# Configure HSM
export PKCS11_MODULE="/usr/lib/softhsm/libsofthsm2.so"
export PKCS11_SLOT="0"
export PKCS11_PIN="1234"
"""

BUILD = r"""
# Generate link using HSM key
in-toto-run \
  --key-path hsm:builder-key-id \
  --links-dir links/ \
  --materials "src/" \
  --products "build-output/" \
  -- ./build.sh
"""

VERIFY = r"""
# Verify signatures from HSM keys
in-toto-verify \
  --layout layout.json \
  --links-dir links/ \
  --key hsm:builder-key.pub hsm:tester-key.pub
"""

NAMED = BUILD.replace("in-toto-run ", "in-toto-run --step-name build ")

OF_CUSTODY = {
    "in-toto-run": NAMED,
    "custody": """
        mkdir -p links
        custody run --step-name build --key-path hsm:builder-key-id -d links/ -m src/ -p build-output/ -- ./build.sh
    """,
}

LAYOUT = """
expires: 6 months
functionaries: {builder: builder-key-id.pub}
steps:
  - name: build
    functionaries: [builder]
    expected_materials: [ALLOW src/*, DISALLOW *]
    expected_products: [REQUIRE build-output/app, CREATE build-output/*, DISALLOW *]
inspect:
  - name: look
    run: "true"
    expected_materials: [MATCH build-output/* WITH PRODUCTS FROM build, DISALLOW build-output/*]
"""


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHSM]:
    """Yield the module of the guide; only its own lines say how to reach it."""
    with soft_hsm(tmp_path, monkeypatch) as made:
        for label in ("builder-key-id", "builder-key", "tester-key"):
            made.generate("ecdsa", f"hsm:{label}")
        yield made


@pytest.fixture
def project(stage: Stage, hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Return a stage with the project and a layout that both owners signed with the module."""
    stage.write(
        {"src/main.py": "print(1)\n", "build.sh": "#!/bin/sh\nmkdir -p build-output; cat src/* > build-output/app\n"}
    )
    (stage.work / "build.sh").chmod(0o755)
    stage.stand_in("custody", 'exec python -m custody "$@"')
    monkeypatch.chdir(stage.work)
    assert main(["key", "export", "hsm:builder-key-id", "-o", "builder-key-id.pub"]) == 0
    stage.build_layout(LAYOUT, "hsm:builder-key", "layout.json")
    assert main(["sign", "-f", "layout.json", "-k", "hsm:tester-key", "--append"]) == 0
    for name in hsm.environment:
        if name.startswith("PKCS11_"):
            monkeypatch.delenv(name)
    return stage


def test_a_line_without_a_step_name_is_told_that_it_needs_one(project: Stage) -> None:
    project.fails(CONFIGURE + BUILD, code=2, says=[NO_STEP_NAME])
    assert not (project.work / "links").exists()


@pytest.mark.parametrize("command", OF_CUSTODY)
@pytest.mark.parametrize("tampered", [False, True])
def test_a_chain_signed_by_the_module_verifies_until_its_product_changes(
    project: Stage, command: str, *, tampered: bool
) -> None:
    project.succeeds(CONFIGURE + OF_CUSTODY[command])
    (link,) = (project.work / "links").glob("build.*.link")
    if tampered:
        project.succeeds("echo evil >> build-output/app")
        project.fails(CONFIGURE + VERIFY, code=1, says=["build-output/app"])
        return
    assert PASSED in project.succeeds(CONFIGURE + VERIFY).err
    text = link.read_text()

    link.write_text(text.replace("build-output/app", "build-output/evil"))
    project.fails(CONFIGURE + VERIFY, code=1, says=["ignature"])


def test_both_owners_must_have_signed(project: Stage) -> None:
    project.succeeds(CONFIGURE + NAMED)
    project.succeeds(f"{CONFIGURE}\nin-toto-sign -f layout.json -k hsm:builder-key")
    project.fails(CONFIGURE + VERIFY, code=1, says=["ignature"])
    project.succeeds(f"{CONFIGURE}\nin-toto-sign -f layout.json -a -k hsm:tester-key")
    assert PASSED in project.succeeds(CONFIGURE + VERIFY).err


def test_a_recording_is_signed_by_the_module_too(project: Stage) -> None:
    record = "in-toto-record --key hsm:builder-key-id --links-dir links/"
    project.succeeds(f"{CONFIGURE}\n{record} start build --materials src/")
    project.succeeds(f"{CONFIGURE}\n./build.sh\n{record} stop build --products build-output/")
    assert PASSED in project.succeeds(CONFIGURE + VERIFY).err


def test_signatures_of_the_module_are_checked_by_its_public_keys(project: Stage) -> None:
    check = "in-toto-sign -f layout.json --verify -k"
    project.succeeds(f"{CONFIGURE}\n{check} hsm:builder-key.pub hsm:tester-key")
    project.fails(f"{CONFIGURE}\n{check} hsm:builder-key-id", code=1, says=["ignature"])


@pytest.mark.parametrize(
    ("written", "instead", "says"),
    [
        ('PKCS11_PIN="1234"', 'PKCS11_PIN="4321"', "the PIN of the token 'custody' is wrong"),
        ('PKCS11_PIN="1234"', "PKCS11_PIN=", "the token 'custody' wants a PIN"),
        ('PKCS11_SLOT="0"', 'PKCS11_SLOT="7"', "no initialised token in slot 7"),
        ("libsofthsm2.so", "none.so", "there is no PKCS #11 module '/usr/lib/softhsm/none.so'"),
        ("builder-key-id", "nobody", "the token 'custody' holds no private key called 'nobody'"),
    ],
)
def test_what_is_wrong_with_the_module_is_said_before_anything_runs(
    project: Stage, written: str, instead: str, says: str
) -> None:
    lines = CONFIGURE + NAMED
    assert written in lines
    project.fails(lines.replace(written, instead), code=1, says=[says])
    assert not (project.work / "build-output").exists()


def test_a_key_that_is_not_in_the_module_verifies_nothing(project: Stage) -> None:
    project.succeeds(CONFIGURE + NAMED)
    lines = CONFIGURE + VERIFY.replace("tester-key", "nobody")
    project.fails(lines, code=1, says=["the token 'custody' holds no public key called 'nobody.pub'"])


def test_the_command_does_not_get_the_pin(project: Stage) -> None:
    project.write({"build.sh": '#!/bin/sh\nmkdir -p build-output; echo "<$PKCS11_PIN>" > build-output/app\n'})
    project.succeeds(CONFIGURE + NAMED)
    assert (project.work / "build-output" / "app").read_text() == "<>\n"
    project.keys("alice")
    project.succeeds(CONFIGURE + NAMED.replace("hsm:builder-key-id", "alice"))
    assert (project.work / "build-output" / "app").read_text() == "<1234>\n"


def test_a_password_is_the_pin(project: Stage) -> None:
    without_pin = CONFIGURE.replace('export PKCS11_PIN="1234"', "")
    project.fails(f"{without_pin}\n{NAMED}", code=1, says=["wants a PIN"])
    project.succeeds(f"{without_pin}\n{NAMED.replace('--key-path', '-P 1234 --key-path')}")


def test_a_password_may_be_given_for_each_key_of_one_token(hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the second one it is not needed, since the process is logged in."""
    assert hsm.tokens.is_dir()
    monkeypatch.delenv("PKCS11_PIN")
    for label in ("builder-key", "tester-key"):
        signer = load_signer(f"hsm:{label}", b"1234")
        signer.public_key.verify_signature(signer.sign(b"message"), b"message")
    log_out()
    with pytest.raises(ValueError, match="the PIN of the token 'custody' is wrong"):
        load_signer("hsm:builder-key", b"4321")


def test_a_public_key_is_loaded_from_the_module(hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hsm.tokens.is_dir()
    key = load_public_key_from_file("hsm:builder-key.pub")
    assert key["scheme"] == "ecdsa-sha2-nistp256"
    assert key == load_public_key_from_file("pkcs11:object=builder-key")
    with pytest.raises(ValueError, match="holds no public key called 'nobody'"):
        load_public_key_from_file("hsm:nobody")
    monkeypatch.setenv("PKCS11_MODULE", "/nowhere.so")
    with pytest.raises(ValueError, match="there is no PKCS #11 module"):
        load_public_key_from_file("hsm:builder-key")
