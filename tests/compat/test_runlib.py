"""Tests of `in_toto.runlib`: each argument decides what it should, and what is refused is refused in time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from securesystemslib.signer._crypto_signer import CryptoSigner

from in_toto import settings
from in_toto.exceptions import (
    FormatError,
    InvalidMetadata,
    LinkNotFoundError,
    PrefixError,
    SignatureVerificationError,
)
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock, Metadata
from in_toto.runlib import (
    execute_link,
    in_toto_match_products,
    in_toto_mock,
    in_toto_record_start,
    in_toto_record_stop,
    in_toto_run,
)

if TYPE_CHECKING:
    from pathlib import Path

TOUCH = ["touch", "made"]


def sha256(data: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, with a file `a`."""
    directory = tmp_path / "here"
    directory.mkdir()
    (directory / "a").write_bytes(b"1\r\n")
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture(scope="module")
def alice() -> CryptoSigner:
    return CryptoSigner.generate_ed25519()


@pytest.fixture(scope="module")
def bob() -> CryptoSigner:
    return CryptoSigner.generate_ecdsa()


def key_of(signer: CryptoSigner) -> dict[str, Any]:
    return {**signer.public_key.to_dict(), "keyid": signer.public_key.keyid}


def link_file(step: str, signer: CryptoSigner) -> str:
    return f"{step}.{signer.public_key.keyid[:8]}.link"


def waiting_file(step: str, signer: CryptoSigner) -> str:
    return f".{link_file(step, signer)}-unfinished"


def link_in(metadata: Metadata) -> Link:
    """Return the link in an envelope."""
    link = metadata.get_payload()
    assert isinstance(link, Link)
    return link


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


class TestRun:
    def test_the_link_says_what_was_there_and_what_was_done(self, here: Path) -> None:
        link = link_in(in_toto_run("build", ["a"], ["made"], shell("printf 2 > made")))
        assert link.name == "build"
        assert link.materials == {"a": sha256(b"1\r\n")}
        assert link.products == {"made": sha256(b"2")}
        assert link.command == shell("printf 2 > made")
        assert link.byproducts == {"stdout": "", "stderr": "", "return-value": 0}
        assert link.environment == {}
        assert sorted(os.listdir(here)) == ["a", "made"]

    def test_without_a_command_there_are_no_byproducts(self) -> None:
        commands: tuple[list[str] | None, ...] = ([], None)
        for nothing in commands:
            link = link_in(in_toto_run("review", ["a"], None, nothing))
            assert (link.command, link.byproducts, link.products) == ([], {}, {})

    def test_a_signer_signs_and_the_link_is_written(self, alice: CryptoSigner, bob: CryptoSigner) -> None:
        metadata = in_toto_run("build", ["a"], [], TOUCH, signer=alice)
        written = Metadata.load(link_file("build", alice))
        written.verify_signature(key_of(alice))
        assert link_in(written) == link_in(metadata)
        with pytest.raises(SignatureVerificationError):
            written.verify_signature(key_of(bob))
        link_in(written).products["evil"] = sha256(b"")
        with pytest.raises(SignatureVerificationError):
            written.verify_signature(key_of(alice))

    def test_the_link_of_a_failed_command_is_signed_like_any_other(self, alice: CryptoSigner) -> None:
        metadata = in_toto_run("build", [], ["a"], shell("kill -9 $$"), signer=alice)
        assert link_in(metadata).byproducts["return-value"] == -9
        assert link_in(metadata).products == {"a": sha256(b"1\r\n")}
        assert os.path.exists(link_file("build", alice))

    @pytest.mark.parametrize("signer", [object(), "alice.pem", {"keyid": "abc"}])
    def test_what_cannot_sign_is_no_signer(self, signer: object) -> None:
        with pytest.raises(ValueError, match="signer must be a Signer instance"):
            in_toto_run("build", [], [], TOUCH, signer=signer)
        assert not os.path.exists("made")

    def test_streams_are_recorded_where_it_is_said(self, capfd: pytest.CaptureFixture[str]) -> None:
        command = shell("printf 'a\\r\\nb\\rc'; echo d >&2")
        link = link_in(in_toto_run("build", [], [], command, record_streams=True))
        assert (link.byproducts["stdout"], link.byproducts["stderr"]) == ("a\nb\nc", "d\n")
        shown = capfd.readouterr()
        assert (shown.out, shown.err) == ("a\r\nb\rc", "d\n")
        link = link_in(in_toto_run("build", [], [], command))
        assert (link.byproducts["stdout"], link.byproducts["stderr"]) == ("", "")
        shown = capfd.readouterr()
        assert (shown.out, shown.err) == ("", "")

    def test_all_of_a_long_stream_is_recorded(self, capfd: pytest.CaptureFixture[str]) -> None:
        command = [sys.executable, "-c", "print('x' * 3_000_000)"]
        link = link_in(in_toto_run("build", [], [], command, record_streams=True))
        assert link.byproducts["stdout"] == "x" * 3_000_000 + "\n"
        assert len(capfd.readouterr().out) == 3_000_001

    def test_excludes_base_prefixes_and_line_endings_are_those_of_the_recording(self, here: Path) -> None:
        (here / "src").mkdir()
        (here / "src" / "b").write_bytes(b"1\n")
        (here / "src" / "c").write_bytes(b"")
        link = link_in(in_toto_run("build", ["."], ["."], [], base_path="src", exclude_patterns=["c"]))
        assert link.materials == link.products == {"b": sha256(b"1\n")}
        assert link_in(in_toto_run("x", ["src/b"], [], [], lstrip_paths=["src/"])).materials == link.materials
        normalized = link_in(in_toto_run("x", ["a"], [], [], normalize_line_endings=True))
        assert normalized.materials == {"a": sha256(b"1\n")}

    def test_the_directory_is_recorded_where_it_is_said(self, here: Path) -> None:
        assert link_in(in_toto_run("x", [], [], [], record_environment=True)).environment == {"workdir": str(here)}
        assert link_in(in_toto_run("x", [], [], [])).environment == {}

    def test_compact_links_have_no_white_space(self, alice: CryptoSigner) -> None:
        for compact, has_space in ((True, False), (False, True)):
            in_toto_run("x", [], [], [], signer=alice, compact_json=compact)
            with open(link_file("x", alice), encoding="utf-8") as file:
                text = file.read()
            assert ("\n" in text) is has_space
            Metadata.load(link_file("x", alice)).verify_signature(key_of(alice))

    def test_the_envelope_is_the_one_that_was_asked_for(self, alice: CryptoSigner) -> None:
        for use_dsse, envelope in ((True, Envelope), (False, Metablock)):
            assert isinstance(in_toto_run("x", [], [], [], use_dsse=use_dsse, signer=alice), envelope)
            written = Metadata.load(link_file("x", alice))
            assert isinstance(written, envelope)
            written.verify_signature(key_of(alice))

    def test_the_link_is_written_where_it_is_said(self, here: Path, alice: CryptoSigner) -> None:
        (here / "links").mkdir()
        in_toto_run("x", [], [], [], metadata_directory="links", signer=alice)
        assert (here / "links" / link_file("x", alice)).exists()
        assert not (here / link_file("x", alice)).exists()

    @pytest.mark.parametrize(("directory", "error"), [("gone", FileNotFoundError), ("a", NotADirectoryError)])
    def test_a_directory_that_is_none_is_refused_before_the_command_runs(
        self, directory: str, error: type[OSError], alice: CryptoSigner
    ) -> None:
        with pytest.raises(error, match=directory):
            in_toto_run("x", [], [], TOUCH, metadata_directory=directory, signer=alice)
        assert not os.path.exists("made")
        in_toto_run("x", [], [], TOUCH, metadata_directory=directory)
        assert os.path.exists("made")

    @pytest.mark.parametrize("name", ["../x", "a/b", "", ".."])
    def test_a_name_that_leads_elsewhere_is_refused_before_the_command_runs(
        self, name: str, alice: CryptoSigner
    ) -> None:
        with pytest.raises(FormatError, match="step name"):
            in_toto_run(name, [], [], TOUCH, signer=alice)
        with pytest.raises(FormatError, match="step name"):
            in_toto_mock(name, TOUCH)
        assert not os.path.exists("made")

    @pytest.mark.parametrize(
        "arguments",
        [
            {"link_cmd_args": "touch made"},
            {"link_cmd_args": ["touch", 7]},
            {"material_list": "a"},
            {"product_list": [7]},
            {"exclude_patterns": "a"},
            {"base_path": 7},
            {"metadata_directory": 7},
            {"gpg_keyid": "abc --output made"},
            {"gpg_keyid": 7},
        ],
    )
    def test_malformed_arguments_are_format_errors(self, arguments: dict[str, Any]) -> None:
        usual: dict[str, Any] = {"material_list": [], "product_list": [], "link_cmd_args": TOUCH}
        with pytest.raises(FormatError, match="expected"):
            in_toto_run("x", **{**usual, **arguments})
        assert not os.path.exists("made")

    def test_clashing_names_are_a_prefix_error(self, here: Path) -> None:
        (here / "src").mkdir()
        (here / "src" / "a").write_text("")
        with pytest.raises(PrefixError):
            in_toto_run("x", ["."], [], TOUCH, lstrip_paths=["src/"])
        assert not os.path.exists("made")

    def test_what_is_done_is_logged(self, caplog: pytest.LogCaptureFixture, alice: CryptoSigner) -> None:
        caplog.set_level("INFO", "in_toto")
        in_toto_run("build", ["a"], ["a", "made"], TOUCH, signer=alice)
        assert caplog.messages == [
            "Running 'build'...",
            "Recording materials 'a'...",
            "Running command 'touch made'...",
            "Recording products 'a, made'...",
            "Creating link metadata...",
            "Generating link metadata using Metablock...",
            "Signing link metadata using passed signer...",
            f"Storing link metadata to '{link_file('build', alice)}'...",
        ]

    def test_without_asking_nothing_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        in_toto_run("build", ["a"], ["made"], TOUCH)
        assert caplog.messages == []
        in_toto_run("build", [], ["gone"], TOUCH)
        assert caplog.messages == ["'gone' is not recorded: it does not exist"]


class TestTimeout:
    SLOW = ("sleep", "20")

    def test_a_command_that_takes_too_long_is_ended_without_a_link(self, alice: CryptoSigner) -> None:
        started = time.monotonic()
        with pytest.raises(subprocess.TimeoutExpired, match=r"'sleep', '20'\]' timed out after 0.1 seconds"):
            in_toto_run("x", [], [], list(self.SLOW), timeout=0.1, signer=alice)
        assert time.monotonic() - started < 10
        assert not os.path.exists(link_file("x", alice))

    def test_the_setting_is_read_at_each_call(self, monkeypatch: pytest.MonkeyPatch) -> None:
        in_toto_run("x", [], [], ["sleep", "0.2"])
        monkeypatch.setattr(settings, "LINK_CMD_EXEC_TIMEOUT", 0.1)
        with pytest.raises(subprocess.TimeoutExpired):
            in_toto_run("x", [], [], list(self.SLOW))
        in_toto_run("x", [], [], ["sleep", "0.2"], timeout=None)
        in_toto_run("x", [], [], ["sleep", "0.2"], timeout=10**12)

    @pytest.mark.parametrize("timeout", [0, -1])
    def test_no_time_at_all_is_refused(self, timeout: int) -> None:
        with pytest.raises(ValueError, match="time-out"):
            in_toto_run("x", [], [], TOUCH, timeout=timeout)


class TestExecute:
    def test_streams_are_returned_where_it_is_said(self, capfd: pytest.CaptureFixture[str]) -> None:
        command = shell("echo out; echo err >&2; exit 3")
        assert execute_link(command, record_streams=True, timeout=10) == {
            "stdout": "out\n",
            "stderr": "err\n",
            "return-value": 3,
        }
        assert capfd.readouterr() == ("out\n", "err\n")
        assert execute_link(command, record_streams=False, timeout=None) == {
            "stdout": "",
            "stderr": "",
            "return-value": 3,
        }
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("record_streams", [True, False])
    def test_a_command_that_takes_too_long_is_ended(self, record_streams: bool) -> None:
        with pytest.raises(subprocess.TimeoutExpired):
            execute_link(["sleep", "20"], record_streams, 0.1)

    def test_a_command_that_cannot_be_started_is_the_systems_error(self, here: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"\[Errno 2\] No such file or directory: 'no-such-program'"):
            execute_link(["no-such-program"], record_streams=False, timeout=10)
        with pytest.raises(PermissionError):
            execute_link([str(here / "a")], record_streams=False, timeout=10)


class TestMock:
    def test_an_unsigned_link_of_everything_is_written(self, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
        metadata = in_toto_mock("try", shell("echo hello; touch made; exit 3"))
        document = json.loads((here / "try.link").read_text())
        assert document["signatures"] == []
        assert document["signed"]["byproducts"] == {"stdout": "hello\n", "stderr": "", "return-value": 3}
        assert sorted(document["signed"]["materials"]) == ["a"]
        assert sorted(document["signed"]["products"]) == ["a", "made"]
        assert link_in(metadata).name == "try"
        assert capfd.readouterr().out == "hello\n"

    def test_the_envelope_is_the_one_that_was_asked_for(self, here: Path) -> None:
        in_toto_mock("try", TOUCH, use_dsse=True)
        assert "payload" in json.loads((here / "try.link").read_text())


class TestRecord:
    @pytest.mark.parametrize("use_dsse", [True, False])
    def test_a_step_is_recorded_from_start_to_stop(self, here: Path, alice: CryptoSigner, use_dsse: bool) -> None:
        in_toto_record_start("edit", ["a"], signer=alice, use_dsse=use_dsse)
        assert sorted(os.listdir(here)) == [waiting_file("edit", alice), "a"]
        (here / "a").write_bytes(b"2")
        in_toto_record_stop("edit", ["a"], signer=alice)
        assert sorted(os.listdir(here)) == ["a", link_file("edit", alice)]
        metadata = Metadata.load(link_file("edit", alice))
        assert isinstance(metadata, Envelope if use_dsse else Metablock)
        metadata.verify_signature(key_of(alice))
        link = link_in(metadata)
        assert (link.materials, link.products) == ({"a": sha256(b"1\r\n")}, {"a": sha256(b"2")})
        assert (link.command, link.byproducts, link.environment) == ([], {}, {})

    def test_a_changed_start_is_refused(self, here: Path, alice: CryptoSigner) -> None:
        in_toto_record_start("edit", ["a"], signer=alice)
        waiting = here / waiting_file("edit", alice)
        text = waiting.read_text()
        waiting.write_text(text.replace('"a"', '"b"'))
        with pytest.raises(SignatureVerificationError):
            in_toto_record_stop("edit", [], signer=alice)
        assert waiting.exists()
        waiting.write_text(text)
        in_toto_record_stop("edit", [], signer=alice)

    def test_the_start_of_another_key_is_refused(self, here: Path, alice: CryptoSigner, bob: CryptoSigner) -> None:
        in_toto_record_start("edit", [], signer=alice)
        with pytest.raises(FileNotFoundError, match=r"\[Errno 2\] No such file or directory: '.edit."):
            in_toto_record_stop("edit", [], signer=bob)
        (here / waiting_file("edit", alice)).rename(here / waiting_file("edit", bob))
        with pytest.raises(SignatureVerificationError):
            in_toto_record_stop("edit", [], signer=bob)

    def test_the_start_of_another_step_is_refused(self, here: Path, alice: CryptoSigner) -> None:
        in_toto_record_start("edit", [], signer=alice)
        (here / waiting_file("edit", alice)).rename(here / waiting_file("test", alice))
        with pytest.raises(FormatError, match="expected the step 'test', got 'edit'"):
            in_toto_record_stop("test", [], signer=alice)

    def test_a_step_can_be_started_anew(self, here: Path, alice: CryptoSigner) -> None:
        in_toto_record_start("edit", ["a"], signer=alice)
        (here / "a").write_bytes(b"2")
        in_toto_record_start("edit", ["a"], signer=alice)
        in_toto_record_stop("edit", [], signer=alice)
        assert link_in(Metadata.load(link_file("edit", alice))).materials == {"a": sha256(b"2")}

    def test_a_start_is_no_link(self, here: Path, alice: CryptoSigner) -> None:
        in_toto_record_start("edit", ["a"], signer=alice)
        (here / waiting_file("edit", alice)).rename(here / link_file("edit", alice))
        with pytest.raises((FormatError, InvalidMetadata)):
            link_in(Metadata.load(link_file("edit", alice)))

    def test_somebody_has_to_sign(self) -> None:
        with pytest.raises(ValueError, match="Pass either a signer, a gpg keyid or set gpg_use_default to True!"):
            in_toto_record_start("edit", [])
        with pytest.raises(ValueError, match="Pass either a signer, a gpg keyid or set gpg_use_default to True!"):
            in_toto_record_stop("edit", [])

    def test_the_directory_is_recorded_where_it_is_said(self, here: Path, alice: CryptoSigner) -> None:
        in_toto_record_start("edit", [], signer=alice, record_environment=True)
        in_toto_record_stop("edit", [], signer=alice)
        assert link_in(Metadata.load(link_file("edit", alice))).environment == {"workdir": str(here)}

    def test_claims_take_the_place_of_what_was_found(self, alice: CryptoSigner) -> None:
        claims: dict[str, Any] = {
            "command": ["vi", "a"],
            "byproducts": {"stdout": "written", "stderr": "", "return-value": 0},
            "environment": {"variables": "A=1"},
        }
        in_toto_record_start("edit", [], signer=alice, record_environment=True)
        in_toto_record_stop("edit", [], signer=alice, **claims)
        link = link_in(Metadata.load(link_file("edit", alice)))
        assert {name: getattr(link, name) for name in claims} == claims

    def test_the_link_is_written_where_it_is_said(self, here: Path, alice: CryptoSigner) -> None:
        (here / "links").mkdir()
        in_toto_record_start("edit", [], signer=alice)
        with pytest.raises(FileNotFoundError, match="gone"):
            in_toto_record_stop("edit", [], signer=alice, metadata_directory="gone")
        with pytest.raises(NotADirectoryError, match="'a'"):
            in_toto_record_stop("edit", [], signer=alice, metadata_directory="a")
        in_toto_record_stop("edit", [], signer=alice, metadata_directory="links")
        assert (here / "links" / link_file("edit", alice)).exists()

    def test_both_recordings_have_their_options(self, here: Path, alice: CryptoSigner) -> None:
        (here / "src").mkdir()
        for name in ("b", "c"):
            (here / "src" / name).write_bytes(b"1\r")
        options: dict[str, Any] = {
            "base_path": "src",
            "exclude_patterns": ["c"],
            "lstrip_paths": ["."],
            "normalize_line_endings": True,
        }
        in_toto_record_start("edit", ["."], signer=alice, **options)
        in_toto_record_stop("edit", ["."], signer=alice, **options)
        link = link_in(Metadata.load(link_file("edit", alice)))
        assert link.materials == link.products == {"b": sha256(b"1\n")}

    def test_a_name_that_leads_elsewhere_is_refused(self, alice: CryptoSigner) -> None:
        for record in (in_toto_record_start, in_toto_record_stop):
            with pytest.raises(FormatError, match="step name"):
                record("../edit", [], signer=alice)

    def test_what_is_done_is_logged(self, caplog: pytest.LogCaptureFixture, alice: CryptoSigner) -> None:
        caplog.set_level("INFO", "in_toto")
        in_toto_record_start("edit", ["a"], signer=alice)
        in_toto_record_stop("edit", ["a"], signer=alice)
        assert caplog.messages == [
            "Start recording 'edit'...",
            "Recording materials 'a'...",
            f"Storing preliminary link metadata to '{waiting_file('edit', alice)}'...",
            "Stop recording 'edit'...",
            f"Loading preliminary link metadata '{waiting_file('edit', alice)}'...",
            "Recording products 'a'...",
            f"Storing link metadata to '{link_file('edit', alice)}'...",
        ]

    @pytest.mark.component("gpg")
    def test_a_gpg_key_that_started_nothing_finds_no_link(self, tmp_path: Path) -> None:
        home = tmp_path / "gnupg"
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", "", "--quick-generate-key"]
        subprocess.run([*gpg, "alice@example.com", "ed25519", "sign"], check=True, capture_output=True)
        with pytest.raises(LinkNotFoundError, match="Could not find a preliminary link for step 'edit'"):
            in_toto_record_stop("edit", [], gpg_use_default=True, gpg_home=str(home))
        in_toto_record_start("edit", ["a"], gpg_use_default=True, gpg_home=str(home))
        in_toto_record_stop("edit", ["a"], gpg_use_default=True, gpg_home=str(home))
        assert [name for name in os.listdir() if name.endswith(".link")]


class TestMatchProducts:
    @pytest.fixture
    def link(self, here: Path) -> Link:
        """Return a link with the products `a`, `b`, `c`, of which `b` is another now, and `c` is gone."""
        (here / "b").write_text("b")
        (here / "d").write_text("d")
        return Link(products={"a": sha256(b"1\r\n"), "b": sha256(b""), "c": sha256(b"")})

    def test_all_differences_are_named(self, link: Link) -> None:
        assert in_toto_match_products(link) == ({"c"}, {"d"}, {"b"})

    def test_equal_files_have_none(self, here: Path, link: Link) -> None:
        (here / "b").write_text("")
        (here / "c").write_text("")
        (here / "d").unlink()
        assert in_toto_match_products(link) == (set(), set(), set())

    def test_only_the_given_paths_are_compared(self, link: Link) -> None:
        assert in_toto_match_products(link, paths=["a", "d"]) == ({"b", "c"}, {"d"}, set())

    def test_excludes_and_prefixes_are_those_of_the_recording(self, here: Path, link: Link) -> None:
        assert in_toto_match_products(link, exclude_patterns=["b", "d"]) == ({"b", "c"}, set(), set())
        stripped = in_toto_match_products(link, paths=[str(here)], lstrip_paths=[f"{here}/"])
        assert stripped == ({"c"}, {"d"}, {"b"})

    def test_a_link_without_products_has_nothing_of_what_is_here(self, link: Link) -> None:
        link.products = {}
        assert in_toto_match_products(link) == (set(), {"a", "b", "d"}, set())
        assert in_toto_match_products(link, paths=["gone"]) == (set(), set(), set())
