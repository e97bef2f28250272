"""Modules and tokens: which one is meant, and what is said if it is not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from custody.errors import UsageError
from custody.signing.pkcs11_token import find_token, load_module, module_path
from custody.signing.pkcs11_uri import KeyURI
from custody.workflows.keys import read_public_key
from tests.softhsm import SoftHSM, soft_hsm

pytestmark = [pytest.mark.component("softhsm2"), pytest.mark.usefixtures("hsm")]


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftHSM]:
    with soft_hsm(tmp_path, monkeypatch) as made:
        yield made


def label_of(**on: str) -> str:
    uri = KeyURI(on={name.replace("_", "-"): value for name, value in on.items()})
    return find_token(load_module(module_path(uri)), uri).label


def facts(hsm: SoftHSM) -> dict[str, str]:
    """Return what the token `custody` says of itself, by the attributes of URIs."""
    module = load_module(hsm.module)
    token = find_token(module, KeyURI(on={"token": "custody"}))
    return {
        "token": "custody",
        "manufacturer": "SoftHSM project",
        "model": "SoftHSM v2",
        "serial": token.serial.decode(),
        "slot-id": str(token.slot.slot_id),
        "slot-description": token.slot.slot_description,
        "slot-manufacturer": "SoftHSM project",
        "library-description": "Implementation of PKCS11",
        "library-manufacturer": "SoftHSM",
        "library-version": ".".join(map(str, module.library_version)),
    }


def test_every_attribute_decides_which_token_is_meant(hsm: SoftHSM) -> None:
    for name, value in facts(hsm).items():
        assert label_of(**{name: value}) == "custody"
        other = "0" if name == "slot-id" else f"{value}x"
        with pytest.raises(UsageError, match=f"there is no token '{name}={other}'; there is 'custody' "):
            label_of(**{name: other})


@pytest.mark.parametrize("version", ["", "2", "2.0", "3"])
def test_library_version_must_agree_in_both_parts(version: str, hsm: SoftHSM) -> None:
    assert load_module(hsm.module).library_version[0] == 2
    with pytest.raises(UsageError, match="there is no token"):
        label_of(library_version=version)


def test_all_attributes_must_agree(hsm: SoftHSM) -> None:
    found = facts(hsm)
    assert label_of(**found) == "custody"
    with pytest.raises(UsageError, match="there is no token"):
        label_of(**found | {"serial": "other"})


def test_several_tokens_must_be_told_apart(hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> None:
    hsm.add_token("other")
    with pytest.raises(
        UsageError, match=r"several tokens: .*'custody' \(serial .*'other'|'other' \(serial .*'custody'"
    ):
        label_of()
    assert {label_of(token="custody"), label_of(token="other")} == {"custody", "other"}
    for token in ("custody", "other"):
        found = find_token(load_module(hsm.module), KeyURI(on={"token": token}))
        monkeypatch.setenv("PKCS11_SLOT", str(found.slot.slot_id))
        assert label_of() == token


def test_slot_is_an_id_or_else_counts_initialised_tokens(hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> None:
    hsm.add_token("other")
    by_number = {}
    for number in ("0", "1"):
        monkeypatch.setenv("PKCS11_SLOT", number)
        by_number[number] = label_of()
    assert set(by_number.values()) == {"custody", "other"}
    monkeypatch.setenv("PKCS11_SLOT", "2")  # the id of the slot of SoftHSM where the next token would be
    with pytest.raises(UsageError, match="no initialised token in slot 2, nor so many tokens; there is '"):
        label_of()


@pytest.mark.parametrize("slot", ["x", "-1", "0x1", "\u0661"])
def test_slot_that_is_no_number_is_refused(slot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKCS11_SLOT", slot)
    with pytest.raises(UsageError, match="PKCS11_SLOT: expected the number of a slot"):
        label_of()


def test_uri_that_describes_its_token_does_not_care_for_the_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKCS11_SLOT", "99")
    assert label_of(token="custody") == "custody"
    with pytest.raises(UsageError, match="PKCS11_SLOT"):
        label_of()


def test_module_without_tokens_says_so(hsm: SoftHSM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = SoftHSM(tmp_path / "empty")
    assert empty.module == hsm.module
    monkeypatch.setenv("SOFTHSM2_CONF", str(empty.configuration))
    with pytest.raises(UsageError, match="shows no initialised token; is it plugged in"):
        label_of()


def test_module_comes_from_the_uri_or_the_environment(hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> None:
    key = read_public_key("hsm:ed25519")
    monkeypatch.setenv("PKCS11_MODULE", "/nowhere/module.so")
    assert read_public_key(f"pkcs11:object=ed25519?module-path={hsm.module}") == key
    with pytest.raises(UsageError, match=r"no PKCS #11 module '/nowhere/module\.so'; is PKCS11_MODULE"):
        read_public_key("hsm:ed25519")
    monkeypatch.delenv("PKCS11_MODULE")
    with pytest.raises(UsageError, match="which PKCS #11 module drives the token"):
        read_public_key("hsm:ed25519")


@pytest.mark.parametrize("name", ["libcrypto.so.3", "libm.so.6", "no-such-library.so", "{tmp}/text.so"])
def test_what_is_no_module_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("no library")
    path = name.format(tmp=tmp_path)
    with pytest.raises(UsageError, match=r"is no PKCS #11 module that works here: "):
        load_module(path)


def test_module_that_cannot_begin_is_refused(hsm: SoftHSM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTHSM2_CONF", "/nowhere/softhsm2.conf")
    with pytest.raises(UsageError, match="is no PKCS #11 module that works here: general error"):
        load_module(hsm.module)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(UsageError, match=r"pip install 'custody\[pkcs11\]'"):
        load_module("/any.so")
