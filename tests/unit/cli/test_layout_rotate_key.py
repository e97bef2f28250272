"""`custody layout rotate-key` on a chain on disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from custody.cli.main import main
from custody.encoding.instants import read_instant
from custody.models.layout import Layout, read_layout
from custody.workflows.keys import read_public_key
from tests.unit.cli.chain import Chain, verify

Output = pytest.CaptureFixture[str]


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> Chain:
    monkeypatch.chdir(tmp_path)
    found = Chain(tmp_path)
    assert main(["keygen", "keys/bob2"]) == 0
    found.layout()
    found.perform()
    capsys.readouterr()
    return found


def keyid(name: str) -> str:
    return read_public_key(f"keys/{name}.pub").keyid


def rotate(*more: str) -> int:
    return main(["layout", "rotate-key", "root.layout", keyid("bob")[:12], "keys/bob2.pub", *more])


def layout_in(path: str = "root.layout") -> Layout:
    return read_layout(json.loads(Path(path).read_text())["signed"])


def test_the_old_key_counts_until_the_date_and_the_new_one_too(chain: Chain, capsys: Output) -> None:
    assert rotate("--keep-old-until", "30 days") == 0
    printed = capsys.readouterr()
    assert "root.layout: the key " in printed.out
    assert "It has to be signed again, as before by " in printed.err
    assert f"Until it expires, links by {keyid('bob')[:8]} count, too." in printed.err
    assert verify() == 1
    chain.sign("owner")
    assert verify() == 0
    for link in Path().glob("build.*.link"):
        link.unlink()
    assert verify() == 1
    chain.run("build", "bob2", ("app.c",), ("app.c", "app"), ["cp", "app.c", "app"])
    assert verify() == 0


def test_without_a_date_the_new_key_takes_the_place_of_the_old_one(chain: Chain, capsys: Output) -> None:
    before = layout_in().expires
    assert rotate() == 0
    assert f"Links by {keyid('bob')[:8]} count no more" in capsys.readouterr().err
    chain.sign("owner")
    assert layout_in().expires == before
    assert verify() == 1
    chain.run("build", "bob2", ("app.c",), ("app.c", "app"), ["cp", "app.c", "app"])
    assert verify() == 0


def test_the_date_caps_the_expiry(chain: Chain) -> None:
    chain.layout(expires="6 months")
    assert rotate("--keep-old-until", "2 weeks", "--at", "2026-01-01T00:00:00Z") == 0
    assert layout_in().expires == datetime(2026, 1, 15, tzinfo=UTC)
    assert rotate("--keep-old-until", "9000-01-01") == 0
    assert layout_in().expires == datetime(2026, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "problem"),
    [
        ("2001-01-01", "the old key would be kept until 2001-01-01T00:00:00Z, which is past"),
        ("soon", "--keep-old-until: expected an expiry, got 'soon'"),
        ("", "--keep-old-until: expected an expiry, got ''"),
    ],
)
@pytest.mark.usefixtures("chain")
def test_a_date_that_is_past_or_none_changes_nothing(date: str, problem: str, capsys: Output) -> None:
    before = Path("root.layout").read_bytes()
    assert rotate("--keep-old-until", date) == 2
    assert problem in capsys.readouterr().err
    assert Path("root.layout").read_bytes() == before


def test_a_step_that_wants_two_signatures_never_gets_both_keys(chain: Chain, capsys: Output) -> None:
    def wants_two(document: dict[str, object]) -> None:
        steps = document["steps"]
        assert isinstance(steps, list)
        steps[1] |= {"threshold": 2, "pubkeys": [keyid("bob"), keyid("alice")]}

    chain.change(wants_two)
    before = Path("root.layout").read_bytes()
    assert rotate("--keep-old-until", "30 days") == 2
    assert "step 'build' wants 2 signatures, and whoever holds the keys" in capsys.readouterr().err
    assert Path("root.layout").read_bytes() == before
    assert rotate() == 0
    assert layout_in().steps[1].pubkeys == (keyid("bob2"), keyid("alice"))


@pytest.mark.usefixtures("chain")
def test_output_leaves_the_layout_and_what_is_signed_there_as_they_are(capsys: Output) -> None:
    before = Path("root.layout").read_bytes()
    Path("next.layout").write_bytes(before)
    assert rotate("-o", "next.layout") == 2
    assert "carries 1 signature(s), which would be lost" in capsys.readouterr().err
    assert rotate("-o", "next.layout", "--force") == 0
    assert Path("root.layout").read_bytes() == before
    assert keyid("bob2") in layout_in("next.layout").keys


@pytest.mark.usefixtures("chain")
def test_nothing_to_rotate_keeps_the_signatures(capsys: Output) -> None:
    assert rotate("--keep-old-until", "30 days", "--at", "2100-01-01T00:00:00Z") == 0
    assert main(["sign", "-f", "root.layout", "-k", "keys/owner"]) == 0
    before = Path("root.layout").read_bytes()
    capsys.readouterr()
    assert rotate("--keep-old-until", "30 days", "--at", "2100-01-01T00:00:00Z") == 0
    printed = capsys.readouterr()
    assert "root.layout: nothing to change, " in printed.out
    assert "links by" not in printed.err
    assert Path("root.layout").read_bytes() == before


@pytest.mark.parametrize("files", [("keys/bob2",), ("missing.pub",)])
@pytest.mark.usefixtures("chain")
def test_a_new_key_that_is_no_public_key_changes_nothing(files: tuple[str, ...]) -> None:
    before = Path("root.layout").read_bytes()
    assert main(["layout", "rotate-key", "root.layout", keyid("bob"), *files]) == 2
    assert Path("root.layout").read_bytes() == before


@pytest.mark.usefixtures("chain")
def test_an_expired_layout_stays_expired(capsys: Output) -> None:
    expires = layout_in().expires
    later = (expires + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert rotate("--keep-old-until", "30 days", "--at", later) == 0
    assert layout_in().expires == expires
    assert read_instant(later, "") > expires
    assert "the layout expires at" in capsys.readouterr().out


def test_owners_change_their_own_key_by_signing_with_both(chain: Chain) -> None:
    chain.sign("owner", "second")
    assert verify(keys=("owner",)) == 0
    assert verify(keys=("second",)) == 0
    assert verify("--owner-threshold", "1", keys=("owner", "second")) == 0
    assert verify("--owner-threshold", "2", keys=("owner", "second")) == 0
    chain.sign("second")
    assert verify(keys=("owner",)) == 1
    assert verify(keys=("second",)) == 0
    assert verify("--owner-threshold", "2", keys=("owner", "second")) == 1
