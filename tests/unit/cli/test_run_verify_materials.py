"""`custody run --verify-materials`: the command does not run on materials that nobody vouches for (section 5.3.5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.cli.main import main
from tests.unit.cli.chain import Chain

Output = pytest.CaptureFixture[str]


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.chdir(tmp_path)
    made = Chain(tmp_path)
    made.layout()
    made.run("write", "alice", (), ("app.c",), ["sh", "-c", "echo 1 > app.c"])
    return made


def build(who: str = "bob", *more: str, step: str = "build") -> int:
    key = ["-n", step, "--signing-key", f"keys/{who}", "-m", "app.c", "-p", "app.c", "app"]
    look = ["--verify-materials", "root.layout", "--verification-keys", "keys/owner.pub"]
    return main(["run", *key, *look, *more, "--", "cp", "app.c", "app"])


@pytest.mark.usefixtures("chain")
def test_good_materials_let_the_command_run() -> None:
    assert build() == 0
    assert Path("app").read_text() == "1\n"
    assert len(list(Path().glob("build.*.link"))) == 1


@pytest.mark.usefixtures("chain")
def test_a_tampered_material_stops_it_before_it_runs(capsys: Output) -> None:
    Path("app.c").write_text("evil\n")
    assert build() == 1
    assert not Path("app").exists()
    assert not list(Path().glob("build.*.link"))
    assert "[material-differs]" in capsys.readouterr().err


@pytest.mark.usefixtures("chain")
def test_a_missing_earlier_link_stops_it(capsys: Output) -> None:
    (link,) = Path().glob("write.*.link")
    link.rename("hidden")
    assert build() == 1
    assert "[link-missing]" in capsys.readouterr().err
    Path("links").mkdir()
    Path("hidden").rename(f"links/{link.name}")
    assert build("bob", "--link-dir", "links") == 0


@pytest.mark.usefixtures("chain")
def test_somebody_who_is_no_functionary_of_the_step_is_stopped(capsys: Output) -> None:
    assert build("alice") == 1
    assert "[key-not-authorised]" in capsys.readouterr().err


@pytest.mark.usefixtures("chain")
def test_a_layout_of_somebody_else_stops_it(capsys: Output) -> None:
    assert main(["sign", "-f", "root.layout", "--signing-key", "keys/mallory"]) == 0
    assert build() == 1
    assert "[owner-signature-missing]" in capsys.readouterr().err


@pytest.mark.usefixtures("chain")
def test_a_step_that_the_layout_does_not_have_is_an_error(capsys: Output) -> None:
    assert build(step="deploy") == 2
    assert "no step 'deploy'" in capsys.readouterr().err


def test_all_owners_must_have_signed_unless_a_threshold_says_how_many(chain: Chain, capsys: Output) -> None:
    both = ("--verification-keys", "keys/second.pub")
    assert build("bob", *both) == 1
    assert "(1 of 2 owners signed)" in capsys.readouterr().err
    assert build("bob", *both, "--owner-threshold", "1") == 0
    assert build("bob", *both, "--owner-threshold", "2") == 1
    chain.sign("owner", "second")
    assert build("bob", *both, "--owner-threshold", "2") == 0
    assert build("bob", *both) == 0


@pytest.mark.parametrize("threshold", ["0", "3", "-1"])
@pytest.mark.usefixtures("chain")
def test_an_owner_threshold_that_makes_no_sense_stops_it(threshold: str) -> None:
    assert build("bob", "--verification-keys", "keys/second.pub", "--owner-threshold", threshold) == 2
    assert not Path("app").exists()


@pytest.mark.usefixtures("chain")
def test_an_owner_threshold_without_a_layout_is_an_error(capsys: Output) -> None:
    assert main(["run", "-n", "build", "--signing-key", "keys/bob", "--owner-threshold", "1", "--", "true"]) == 2
    assert "--owner-threshold belongs to --verify-materials LAYOUT" in capsys.readouterr().err


@pytest.mark.usefixtures("chain")
def test_verification_keys_without_a_layout_are_an_error() -> None:
    key = ["--signing-key", "keys/bob", "--verification-keys", "keys/owner.pub"]
    assert main(["run", "-n", "build", *key, "--", "true"]) == 2
