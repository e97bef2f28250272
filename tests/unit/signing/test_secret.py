"""Passphrases come from one place, are read when they are needed, and never show."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from custody.errors import UsageError
from custody.signing.secret import MAX_PASSPHRASE_BYTES, NO_SECRET, SecretSource, read_descriptor


@pytest.fixture
def descriptor(tmp_path: Path) -> Callable[[bytes], int]:
    """Return a function that gives an open descriptor with some bytes behind it."""

    def opened(data: bytes) -> int:
        path = tmp_path / "secret"
        path.write_bytes(data)
        return os.open(path, os.O_RDONLY)

    return opened


def test_environment_variable_gives_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSPHRASE", "gehe\u00efm")
    assert SecretSource(environment="PASSPHRASE").of("'key'") == "gehe\u00efm".encode()


@pytest.mark.parametrize(("value", "said"), [(None, "not set"), ("", "empty"), ("x" * 1024, "longer than 1023")])
def test_environment_variable_without_a_usable_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str | None, said: str
) -> None:
    if value is not None:
        monkeypatch.setenv("PASSPHRASE", value)
    with pytest.raises(UsageError, match=said):
        SecretSource(environment="PASSPHRASE").of("'key'")


@pytest.mark.parametrize(
    ("data", "passphrase"),
    [(b"word\nnext\n", b"word"), (b"word", b"word"), (b"word\r\n", b"word"), (b" a b \n", b" a b ")],
)
def test_descriptor_gives_its_first_line(descriptor: Callable[[bytes], int], data: bytes, passphrase: bytes) -> None:
    number = descriptor(data)
    assert SecretSource(descriptor=number).of("'key'") == passphrase
    os.close(number)


def test_descriptor_leaves_the_second_line_to_the_next_reader(descriptor: Callable[[bytes], int]) -> None:
    number = descriptor(b"first\nsecond\n")
    assert SecretSource(descriptor=number).of("'a'") == b"first"
    assert os.read(number, 100) == b"second\n"
    os.close(number)


def test_descriptor_serves_several_keys(descriptor: Callable[[bytes], int]) -> None:
    number = descriptor(b"word\n")
    source = SecretSource(descriptor=number)
    assert source.of("'a'") == source.of("'b'") == b"word"
    os.close(number)


@pytest.mark.parametrize(("data", "said"), [(b"", "empty"), (b"\n", "empty"), (b"x" * 2000, "longer than")])
def test_descriptor_without_a_usable_line_is_refused(
    descriptor: Callable[[bytes], int], data: bytes, said: str
) -> None:
    number = descriptor(data)
    with pytest.raises(UsageError, match=said):
        SecretSource(descriptor=number).of("'key'")
    os.close(number)


@pytest.mark.parametrize("number", [999, 2**40])
def test_descriptor_that_is_not_open_is_refused(number: int) -> None:
    with pytest.raises(UsageError, match=f"descriptor {number}"):
        SecretSource(descriptor=number).of("'key'")


def test_descriptor_that_gives_too_much_is_refused(descriptor: Callable[[bytes], int]) -> None:
    number = descriptor(b"x" * 101)
    with pytest.raises(UsageError, match="at most 100 bytes"):
        read_descriptor(number, "a key", 100)
    os.close(number)


def test_no_source_names_the_options() -> None:
    with pytest.raises(UsageError, match=r"--password .*--password-env NAME or --password-fd N"):
        NO_SECRET.of("'alice'")
    assert not NO_SECRET


def test_two_sources_are_refused() -> None:
    with pytest.raises(UsageError, match="one place"):
        SecretSource(prompt=True, environment="X")


def test_secret_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSPHRASE", "hunter2")
    source = SecretSource(environment="PASSPHRASE")
    source.of("'key'")
    assert "hunter2" not in repr(source)
    assert "PASSPHRASE" in repr(source)


def test_longest_passphrase_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSPHRASE", "x" * MAX_PASSPHRASE_BYTES)
    assert len(SecretSource(environment="PASSPHRASE").for_new("'key'")) == MAX_PASSPHRASE_BYTES
