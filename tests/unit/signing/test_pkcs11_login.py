"""Logging in to a token: where the PIN comes from, what a wrong one does, and that one process logs in once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pkcs11 import exceptions
from pkcs11.constants import TokenFlag
from pkcs11.types import PROTECTED_AUTH, Slot, Token

from custody.errors import CustodyError, SignatureError, StoreError, UsageError
from custody.signing import pkcs11_login, pkcs11_pin
from custody.signing.pkcs11_login import log_out, open_token
from custody.signing.pkcs11_uri import KeyURI, read_uri
from custody.signing.registry import load_signer
from custody.signing.secret import SecretSource
from custody.signing.signer import Request
from tests.softhsm import PIN, SoftHSM, soft_hsm

pytestmark = [pytest.mark.component("softhsm2"), pytest.mark.usefixtures("hsm")]


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHSM]:
    with soft_hsm(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the tokens for which a PIN was asked, in order."""
    asked: list[str] = []

    def counted(uri: KeyURI, request: Request, token: str) -> str:
        asked.append(token)
        return pkcs11_pin.pin_of(uri, request, token)

    monkeypatch.setattr(pkcs11_login, "pin_of", counted)
    return asked


def signs(uri: str, secret: SecretSource | None = None) -> bool:
    """Return whether the key signs; a wrong or missing PIN is an error."""
    signer = load_signer(uri, secret) if secret else load_signer(uri)
    return signer.public_key.verify(signer.sign(b"message"), b"message")


def test_pin_comes_from_the_environment(hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hsm.environment["PKCS11_PIN"] == PIN
    assert signs("hsm:ed25519")
    log_out()
    monkeypatch.delenv("PKCS11_PIN")
    with pytest.raises(UsageError, match=r"the token 'custody' wants a PIN: use --password .*, set PKCS11_PIN"):
        load_signer("hsm:ed25519")
    monkeypatch.setenv("PKCS11_PIN", "")
    with pytest.raises(UsageError, match="wants a PIN"):
        load_signer("hsm:ed25519")


def test_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", PIN)
    monkeypatch.setenv("PKCS11_PIN", "wrong")
    assert signs("hsm:ed25519", SecretSource(environment="WORD"))
    log_out()
    monkeypatch.setenv("WORD", "wrong")
    monkeypatch.setenv("PKCS11_PIN", PIN)
    with pytest.raises(SignatureError, match="PIN of the token 'custody' is wrong"):
        load_signer("hsm:ed25519", SecretSource(environment="WORD"))


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}", "file://localhost{}"])
@pytest.mark.parametrize("content", [PIN, f"{PIN}\n", f"{PIN}\r\n", f"{PIN}\nsomething else\n"])
def test_pin_source_goes_before_both(form: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "wrong")
    monkeypatch.setenv("PKCS11_PIN", "wrong")
    path = tmp_path / "pin"
    path.write_text(content)
    path.chmod(0o600)
    remarks: list[str] = []
    uri = f"pkcs11:object=ed25519?pin-source={form.format(path)}"
    signer = load_signer(uri, SecretSource(environment="WORD"), remark=remarks.append)
    assert signer.public_key.verify(signer.sign(b"message"), b"message")
    assert remarks == []


def test_pin_that_others_can_read_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_text(PIN)
    path.chmod(0o644)
    remarks: list[str] = []
    load_signer(f"pkcs11:object=ed25519?pin-source={path}", remark=remarks.append)
    assert remarks == [f"other users may read the PIN in '{path}'; keep it to yourself: chmod 600 '{path}'"]


@pytest.mark.parametrize(
    ("source", "content", "error", "said"),
    [
        ("|echo 1234", None, UsageError, "a program is not run"),
        ("file://elsewhere/pin", None, UsageError, "is on another machine"),
        ("{tmp}/missing", None, StoreError, "cannot read PIN"),
        ("{tmp}/pin", b"", UsageError, "is empty"),
        ("{tmp}/pin", b"\n1234", UsageError, "is empty"),
        ("{tmp}/pin", b"\xff\xfe", UsageError, "is not UTF-8"),
        ("{tmp}/pin", b"1" * 1026, CustodyError, "1025"),
        ("{tmp}/pin", b"9999", SignatureError, "is wrong"),
    ],
)
def test_pin_source_that_gives_no_pin_is_refused(
    source: str, content: bytes | None, error: type[CustodyError], said: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "pin").write_bytes(content)
    with pytest.raises(error, match=said):
        load_signer(f"pkcs11:object=ed25519?pin-source={source.format(tmp=tmp_path)}")


def test_wrong_pin_says_that_tries_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKCS11_PIN", "9999")
    with pytest.raises(SignatureError) as error:
        load_signer("hsm:ed25519")
    assert str(error.value) == (
        "the PIN of the token 'custody' is wrong; a few more wrong ones in a row, and it locks itself"
    )
    monkeypatch.setenv("PKCS11_PIN", PIN)
    assert signs("hsm:ed25519")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (TokenFlag.USER_PIN_FINAL_TRY, "; one try is left before it locks itself"),
        (TokenFlag.USER_PIN_LOCKED, ", and that was the last try: it is locked now"),
        (TokenFlag(0), ""),
    ],
)
def test_wrong_pin_says_what_the_token_says(flags: TokenFlag, said: str) -> None:
    error = pkcs11_login._refusal(exceptions.PinIncorrect(), PretendedToken(flags))
    assert str(error).startswith(f"the PIN of the token 'pretended' is wrong{said}")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.PinLenRange(), "the PIN of the token 'pretended' is wrong"),
        (exceptions.PinInvalid(), "the PIN of the token 'pretended' is wrong"),
        (exceptions.PinLocked(), "the token 'pretended' is locked: too many wrong PINs were entered"),
        (exceptions.PinExpired(), "the PIN of the token 'pretended' has expired; set a new one"),
        (exceptions.DeviceRemoved(), "the token 'pretended' does not let us log in: device removed"),
    ],
)
def test_every_refusal_says_why(error: exceptions.PKCS11Error, said: str) -> None:
    assert str(pkcs11_login._refusal(error, PretendedToken(TokenFlag(0)))).startswith(said)


def test_locked_token_is_refused_without_a_try(hsm: SoftHSM, logins: list[str]) -> None:
    hsm.set_flags(TokenFlag.USER_PIN_LOCKED)
    with pytest.raises(SignatureError, match="the token 'custody' is locked: too many wrong PINs were entered"):
        load_signer("hsm:ed25519")
    assert logins == []


def test_last_try_is_announced(hsm: SoftHSM) -> None:
    hsm.set_flags(TokenFlag.USER_PIN_FINAL_TRY)
    remarks: list[str] = []
    load_signer("hsm:ed25519", remark=remarks.append)
    assert remarks == ["the token 'custody' locks itself if the PIN is wrong once more"]


def test_token_without_a_user_pin_is_refused() -> None:
    token = PretendedToken(TokenFlag.LOGIN_REQUIRED)
    with pytest.raises(UsageError, match="has no user PIN yet"):
        pkcs11_login._credential(token, KeyURI(), Request())


def test_token_without_a_login_asks_for_no_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PKCS11_PIN")
    assert pkcs11_login._credential(PretendedToken(TokenFlag(0)), KeyURI(), Request()) is None


def test_token_with_keys_of_its_own_asks_itself_unless_a_pin_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    token = PretendedToken(
        TokenFlag.LOGIN_REQUIRED | TokenFlag.USER_PIN_INITIALIZED | TokenFlag.PROTECTED_AUTHENTICATION_PATH
    )
    remarks: list[str] = []
    request = Request(remark=remarks.append)
    monkeypatch.delenv("PKCS11_PIN")
    assert pkcs11_login._credential(token, KeyURI(), request) is PROTECTED_AUTH
    assert remarks == ["enter the PIN of the token 'pretended' at its own keys"]
    monkeypatch.setenv("PKCS11_PIN", PIN)
    assert pkcs11_login._credential(token, KeyURI(), request) == PIN


def test_process_logs_in_once_for_all_keys_of_a_token(hsm: SoftHSM, logins: list[str]) -> None:
    hsm.add_token("other")
    hsm.generate("ed25519", "pkcs11:token=other;object=a")
    log_out()
    logins.clear()
    assert all(signs(f"pkcs11:token=custody;object={kind}") for kind in ("ed25519", "ecdsa", "rsa"))
    assert logins == ["the token 'custody'"]
    assert signs("pkcs11:token=other;object=a")
    assert signs("pkcs11:token=custody;object=ed25519")
    assert logins == ["the token 'custody'", "the token 'other'"]


def test_login_by_other_code_of_the_process_is_used() -> None:
    uri = read_uri("token=custody")
    open_token(uri, Request(), login=False).token.open(user_pin=PIN)
    assert signs("hsm:ed25519")


def test_signer_does_not_outlive_the_login() -> None:
    signer = load_signer("hsm:ed25519")
    log_out()
    with pytest.raises(SignatureError, match="not logged in to the token 'custody'"):
        signer.sign(b"message")
    assert signs("hsm:ed25519")
    with pytest.raises(SignatureError, match="not logged in"):
        signer.sign(b"message")


def test_forked_process_leaves_the_session_alone_and_may_log_in_itself() -> None:
    signer = load_signer("hsm:ed25519")
    child = os.fork()
    if child == 0:
        os._exit(_in_child(signer.sign))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert signer.public_key.verify(signer.sign(b"message"), b"message")


def _in_child(sign: object) -> int:
    """Return 0 if the parent's signer refuses, and a new one signs; an exception never leaves a forked test."""
    try:
        assert callable(sign)
        try:
            sign(b"message")
        except SignatureError as error:
            return 0 if "forked" in str(error) and signs("hsm:ed25519") else 1
    except BaseException:  # noqa: BLE001  # the parent's test must not go on in the child
        return 2
    return 3


def test_pin_is_not_shown() -> None:
    load_signer("hsm:ed25519")
    opened = open_token(KeyURI(), Request(), login=True)
    assert opened.pin == PIN
    assert repr(opened) == "Opened('custody')"


class PretendedSlot(Slot):
    """The slot of a pretended token."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def get_token(self) -> Token:
        return self._token


class PretendedToken(Token):
    """A token with flags that SoftHSM's never have; nothing can be done with it."""

    def __init__(self, flags: TokenFlag) -> None:
        self._flags = flags

    @property
    def label(self) -> str:
        return "pretended"

    @property
    def flags(self) -> TokenFlag:
        return self._flags

    @property
    def slot(self) -> Slot:
        return PretendedSlot(self)
