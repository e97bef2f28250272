"""`in-toto-verify`: options, exit codes and messages, on the reference too where both say the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from in_toto.in_toto_verify import create_parser
from tests.compat.sides import chain_of_two, new_chain
from tests.openpgp import GPGHome, gpg_home
from tests.simulator import actor, link_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.compat.sides import Place
    from tests.simulator import Simulator

PASSED = "The software product passed all verification."


def first_line(text: str) -> str:
    return text.splitlines()[0]


def test_an_accepted_chain_is_0_with_a_line_a_step_and_a_missing_link_is_1(here: Place) -> None:
    chain = chain_of_two()
    here.lay(chain)
    ran = here.verify()
    assert (ran.code, ran.out) == (0, "")
    alice, bob = (actor(name).keyid[:8] for name in ("alice", "bob"))
    assert ran.err.splitlines() == [
        f"step 'write' verified (link signed by {alice}, 0 materials, 1 product)",
        f"step 'build' verified (link signed by {bob}, 1 material, 2 products)",
        PASSED,
    ]
    chain.remove("build", "bob")
    here.lay(chain)
    ran = here.verify()
    assert (ran.code, ran.out) == (1, "")
    assert PASSED not in ran.err


def test_quiet_says_nothing_whatever_the_verdict(place: Place) -> None:
    chain = chain_of_two()
    place.lay(chain)
    assert place.verify("-q") == (0, "", "")
    chain.remove("build", "bob")
    place.lay(chain)
    assert place.verify("--quiet") == (1, "", "")


def test_verbose_says_what_is_verified_and_ends_with_the_verdict(place: Place) -> None:
    chain = chain_of_two()
    chain.inspection("look", "true")
    place.lay(chain)
    lines = place.verify("--verbose").err.splitlines()
    for expected in (
        "Loading layout...",
        "Verifying layout metadata signatures...",
        "Verifying layout expiration...",
        "Reading link metadata files...",
        "Verifying link metadata signatures...",
        "Verifying sublayouts...",
        "Verifying alignment of reported commands...",
        "Verifying threshold constraints...",
        "Verifying Step rules...",
        "Verifying material rules for 'build'...",
        "Verifying 'MATCH src/* WITH PRODUCTS FROM write'...",
        "Executing command for inspection 'look'...",
        "Verifying Inspection rules...",
    ):
        assert expected in lines
    assert lines[-1] == PASSED
    assert lines.count(PASSED) == 1
    chain.remove("build", "bob")
    place.lay(chain)
    lines = place.verify("-v").err.splitlines()
    assert "Reading link metadata files..." in lines
    assert "Verifying link metadata signatures..." not in lines
    assert PASSED not in lines


def expire(chain: Simulator) -> None:
    chain.document_changes.append(lambda document: document.update(expires="2020-01-01T00:00:00Z"))


def lose_a_link(chain: Simulator) -> None:
    chain.remove("build", "bob")


def have_a_stranger_sign(chain: Simulator) -> None:
    chain.perform("build", "mallory", products={"out": "2"}, file=link_name("build", actor("bob")))


def add_a_product(chain: Simulator) -> None:
    chain.perform("write", "alice", products={"src/a.py": "1", "evil": "1"})


def require_something(chain: Simulator) -> None:
    chain.document_changes.append(
        lambda document: document["steps"][0]["expected_products"].insert(0, ["REQUIRE", "src/b.py"])
    )


def fail_an_inspection(chain: Simulator) -> None:
    chain.inspection("look", "false")


def need_a_program(chain: Simulator) -> None:
    chain.inspection("look", "no-such-program")


WRONG: dict[str, tuple[Callable[[Simulator], None], str]] = {
    "expired": (expire, "LayoutExpiredError: Layout expired"),
    "a link is missing": (
        lose_a_link,
        "LinkNotFoundError: Step 'build' requires '1' link metadata file(s), found '0'.",
    ),
    "a stranger signed": (
        have_a_stranger_sign,
        "ThresholdVerificationError: Step 'build' requires at least '1' links validly signed by different ",
    ),
    "a product is not allowed": (
        add_a_product,
        "RuleVerificationError: 'DISALLOW *' matched the following artifacts: ['evil']",
    ),
    "a product is missing": (require_something, "RuleVerificationError: 'REQUIRE src/b.py' did not find src/b.py in: "),
    "an inspection fails": (
        fail_an_inspection,
        "BadReturnValueError: Got non-zero return value '1' from command '['false']'.",
    ),
    "an inspection cannot start": (
        need_a_program,
        "FileNotFoundError: [Errno 2] No such file or directory: 'no-such-program'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_first_line_of_a_rejection_is_the_one_of_the_reference(place: Place, case: str) -> None:
    spoil, expected = WRONG[case]
    chain = chain_of_two()
    place.expect(chain, here=0, there=0)
    spoil(chain)
    ran = place.expect(chain, here=1, there=1)
    assert ran.out == ""
    assert first_line(ran.err).startswith(f"(in-toto-verify) {expected}")


def test_a_rejection_by_a_rule_shows_what_was_in_the_queue(place: Place) -> None:
    chain = chain_of_two()
    chain.perform("build", "bob", materials={"src/a.py": "changed"}, products={"out": "2"})
    ran = place.expect(chain, here=1, there=1)
    assert ran.err.startswith(
        "(in-toto-verify) RuleVerificationError: 'DISALLOW *' matched the following artifacts: ['src/a.py']\n"
        "Full trace for 'expected_materials' of item 'build':\n"
        "Available materials (used for queue):\n"
        "['src/a.py']\n"
        "Available products:\n"
        "['out']\n"
        "Queue after 'MATCH src/* WITH PRODUCTS FROM write':\n"
        "['src/a.py']\n"
    )


def test_below_the_line_of_the_reference_custody_explains(here: Place) -> None:
    chain = chain_of_two()
    chain.perform("build", "bob", materials={"src/a.py": "changed"}, products={"out": "2"})
    ran = here.expect(chain, here=1, there=1)
    assert "src/a.py: differs from the products of 'write'" in ran.err
    assert "        expected sha256:" in ran.err
    assert ran.err.splitlines()[-1].startswith("The software product did not pass verification: material-differs")


def test_a_command_that_differs_is_a_warning_and_no_rejection(place: Place) -> None:
    chain = new_chain()
    chain.step("write", "alice", products={"a": "1"}, expected_command=["vi", "a"], perform=False)
    chain.perform("write", "alice", products={"a": "1"}, command=["vim", "a"])
    line = "Run command '['vim', 'a']' differs from expected command '['vi', 'a']'"
    assert first_line(place.expect(chain, here=0, there=0).err) == line
    chain.perform("write", "alice", products={"a": "1"}, command=["vi", "a"])
    assert "Run command" not in place.expect(chain, here=0, there=0).err


def test_a_command_that_differs_is_said_once(here: Place) -> None:
    chain = new_chain()
    chain.step("write", "alice", "bob", threshold=2, expected_command=["vi"], perform=False)
    for who, command in (("alice", "vim"), ("bob", "ed")):
        chain.perform("write", who, products={"a": "1"}, command=[command])
    ran = here.expect(chain, here=0, there=0)
    assert ran.err.count("vim") == 1
    assert ran.err.count("`ed`") == 1


def test_all_keys_must_have_signed(place: Place) -> None:
    place.lay(chain_of_two())
    place.key("second")
    options = ("--layout", "../root.layout", "--link-dir", "../links", "--verification-keys")
    assert place.command("in-toto-verify", *options, "../owner.pub").code == 0
    ran = place.command("in-toto-verify", *options, "../owner.pub", "../second.pub")
    assert ran.code == 1
    keyid = actor("second").keyid
    assert first_line(ran.err) == f"(in-toto-verify) SignatureVerificationError: No signature found for key '{keyid}'"


def test_a_layout_that_was_changed_is_rejected(place: Place) -> None:
    place.expect(chain_of_two(), here=0, there=0)
    layout = place.root / "root.layout"
    document = json.loads(layout.read_text())
    document["signed"]["readme"] = "changed"
    layout.write_text(json.dumps(document))
    ran = place.verify()
    keyid = actor("owner").keyid
    assert ran.code == 1
    assert first_line(ran.err) == f"(in-toto-verify) SignatureVerificationError: Invalid signature for keyid '{keyid}'"


def test_keys_of_functionaries_are_named_as_such_with_what_to_give_instead(here: Place) -> None:
    here.lay(chain_of_two())
    here.key("alice")
    options = ("--layout", "../root.layout", "--link-dir", "../links", "--verification-keys")
    ran = here.command("in-toto-verify", *options, "../alice.pub")
    assert ran.code == 1
    assert f"{actor('alice').keyid[:8]} is the key of a functionary, of step 'write'" in ran.err
    assert f"--verification-keys OWNER.pub (the layout is signed by '{actor('owner').keyid[:8]}')" in ran.err
    here.key("mallory")
    ran = here.command("in-toto-verify", *options, "../mallory.pub")
    assert ran.code == 1
    assert "is the key of a functionary" not in ran.err


def test_the_links_directory_decides(place: Place) -> None:
    place.lay(chain_of_two())
    options = ("-l", "../root.layout", "--verification-keys", "../owner.pub")
    assert place.command("in-toto-verify", *options, "--link-dir", "../links").code == 0
    for elsewhere in ((), ("--link-dir", "../no-such-directory")):
        ran = place.command("in-toto-verify", *options, *elsewhere)
        assert ran.code == 1
        assert "LinkNotFoundError: Step 'write' requires '1' link metadata file(s), found '0'." in ran.err


def test_links_are_sought_here_by_default(place: Place) -> None:
    chain = chain_of_two()
    place.lay(chain)
    for name, data in chain.files.items():
        (place.final / name).write_bytes(data)
    assert place.command("in-toto-verify", "-l", "../root.layout", "--verification-keys", "../owner.pub").code == 0


def test_an_inspection_that_takes_too_long_is_ended(place: Place) -> None:
    chain = chain_of_two()
    chain.inspection("wait", "sleep 20")
    place.lay(chain)
    ran = place.verify("--inspection-timeout", "1")
    assert ran.code == 1
    assert first_line(ran.err).startswith("(in-toto-verify) TimeoutExpired: Command '['sleep', '20']' timed out after ")
    chain.layout = chain.layout.replace(inspect=())
    chain.inspection("wait", "sleep 0")
    place.lay(chain)
    assert place.verify("--inspection-timeout", "20").code == 0


def test_inspections_leave_their_links_here(place: Place) -> None:
    (place.final / "out").write_text("2")
    chain = chain_of_two()
    chain.inspection("look", "true", ["MATCH out WITH PRODUCTS FROM build", "DISALLOW *"])
    place.expect(chain, here=0, there=0)
    link = json.loads((place.final / "look.link").read_text())
    assert link["signatures"] == []
    assert list(link["signed"]["products"]) == ["out"]
    assert place.verify().code == 0
    (place.final / "evil").write_text("1")
    assert place.verify().code == 1


def test_arguments_that_make_no_sense_are_2(place: Place) -> None:
    place.lay(chain_of_two())
    for arguments, says in (
        ((), "-l/--layout"),
        (("--layout", "../root.layout"), "wrong arguments: specify at least one layout verification key:"),
        (("--layout", "../root.layout", "--verification-keys"), "expected at least one argument"),
        (("--layout", "../root.layout", "-v", "-q"), "not allowed with"),
        (("--layout", "../root.layout", "--inspection-timeout", "soon"), "invalid int value"),
    ):
        ran = place.command("in-toto-verify", *arguments)
        assert ran.code == 2, arguments
        assert says in ran.err


def test_files_that_are_not_there_are_named(place: Place) -> None:
    place.lay(chain_of_two())
    for layout, key in (("nowhere", "../owner.pub"), ("../root.layout", "nowhere")):
        ran = place.command("in-toto-verify", "-l", layout, "--verification-keys", key)
        assert ran.code == 1
        assert first_line(ran.err) == (
            "(in-toto-verify) FileNotFoundError: [Errno 2] No such file or directory: 'nowhere'"
        )


def test_a_key_in_a_device_needs_its_module_unless_there_is_such_a_file(here: Place) -> None:
    here.lay(chain_of_two())
    verify = ("in-toto-verify", "-l", "../root.layout", "--link-dir", "../links", "--verification-keys")
    ran = here.command(*verify, "hsm:owner.pub")
    assert ran.code == 1
    assert "ValueError: which PKCS #11 module drives the token? set PKCS11_MODULE" in ran.err
    (here.final / "hsm:owner.pub").write_bytes((here.root / "owner.pub").read_bytes())
    assert here.command(*verify, "hsm:owner.pub").code == 0


@pytest.mark.parametrize("spelling", ["--key", "--layout-key", "--layout-keys"])
def test_older_spellings_decide_too(here: Place, spelling: str) -> None:
    here.lay(chain_of_two())
    here.key("mallory")
    options = ("--layout", "../root.layout", "--links-dir", "../links", spelling)
    assert here.command("in-toto-verify", *options, "../owner.pub").code == 0
    assert here.command("in-toto-verify", *options, "../mallory.pub").code == 1


def test_options_that_only_custody_has_come_with_its_command_line(here: Place) -> None:
    inner = new_chain()
    inner.step("inside", "carol", products={"a": "1"})
    inner.inspection("look", "true")
    chain = new_chain()
    chain.step("whole", "bob", perform=False)
    chain.sublayout("whole", "bob", inner)
    ran = here.expect(chain, here=1, there=0, says="--sublayout-inspections")
    last = ran.err.splitlines()[-1]
    command = last.removeprefix("custody has the options named above: ")
    assert command == "custody verify -l ../root.layout --verification-keys ../owner.pub --link-dir ../links"
    assert here.custody(f"{command} --sublayout-inspections").code == 0
    assert here.custody(command).code == 1


def test_dissent_is_said_and_does_not_pass_silently(here: Place) -> None:
    chain = new_chain()
    chain.step("build", "alice", "bob", "carol", threshold=2, products={"a": "1"})
    assert "dissent" not in here.expect(chain, here=0, there=0).err
    chain.perform("build", "carol", products={"a": "2"})
    here.lay(chain)
    ran = here.verify()
    assert ran.code == 0
    assert "warning: step 'build'" in ran.err
    assert "[dissent]" in ran.err


def test_names_by_others_do_not_steer_the_terminal(here: Place) -> None:
    chain = chain_of_two()
    chain.perform("write", "alice", products={"src/a.py": "1", "\x1b[31mevil": "1"})
    ran = here.expect(chain, here=1, there=1)
    assert "\x1b" not in ran.err


@pytest.fixture(scope="module")
def keyring() -> Iterator[GPGHome]:
    with gpg_home() as home:
        yield home


@pytest.mark.component("gpg")
def test_owners_may_have_keys_in_a_keyring(here: Place, keyring: GPGHome) -> None:
    owner, other = (keyring.generate(name) for name in ("Olga", "Oleg"))
    here.lay(chain_of_two())
    home = ("--gpg-home", keyring.path)
    assert here.command("in-toto-sign", "-f", "../root.layout", "-a", "-g", owner, *home).code == 0
    options = ("-l", "../root.layout", "--link-dir", "../links")
    assert here.command("in-toto-verify", *options, "--gpg", owner, *home).code == 0
    assert here.command("in-toto-verify", *options, "-g", owner, *home, "--verification-keys", "../owner.pub").code == 0
    for keys in (("-g", other), ("-g", owner, other)):
        ran = here.command("in-toto-verify", *options, *keys, *home)
        assert ran.code == 1
        assert first_line(ran.err) == (
            f"(in-toto-verify) SignatureVerificationError: No signature found for key '{other.lower()}'"
        )
    assert here.command("in-toto-verify", *options, "-g", owner, "--gpg-home", str(here.root)).code == 1
    assert here.command("in-toto-verify", *options, "-g", "--output=x", *home).code == 2


def test_the_version_names_both(here: Place) -> None:
    assert here.command("in-toto-verify", "--version").out.startswith("in-toto-verify 3.1.0 (custody ")
    ran = here.command("in-toto-verify", "--version", "-q")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("in-toto-verify 3.1.0 (custody ")


def test_the_time_out_of_the_settings_is_looked_at_when_the_parser_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["-l", "x"]
    assert create_parser().parse_args(line).inspect_timeout == 10
    monkeypatch.setattr("in_toto.settings.LINK_CMD_EXEC_TIMEOUT", 33)
    assert create_parser().parse_args(line).inspect_timeout == 33


def in_shell(here: Place, line: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Return what the shell does with `line`, in which `$@` runs the words as a module with arguments."""
    paths = os.pathsep.join(os.path.abspath(path) for path in sys.path if path)
    return subprocess.run(
        ["sh", "-c", line, "sh", sys.executable, "-m", *words],
        cwd=here.final,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_closed_streams_change_no_verdict(here: Place, closed: str) -> None:
    chain = chain_of_two()
    here.lay(chain)
    words = ("in_toto.in_toto_verify", "-v", "-l", "../root.layout", "--verification-keys", "../owner.pub")
    assert in_shell(here, f'"$@" {closed}', *words, "--link-dir", "../links").returncode == 0
    chain.remove("build", "bob")
    here.lay(chain)
    assert in_shell(here, f'"$@" {closed}', *words, "--link-dir", "../links").returncode == 1


def test_the_version_on_a_full_disk_is_an_error(here: Place) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    assert in_shell(here, '"$@"', "in_toto.in_toto_verify", "--version").returncode == 0
    ran = in_shell(here, '"$@" >/dev/full', "in_toto.in_toto_verify", "--version")
    assert (ran.returncode, ran.stderr) == (1, "(in-toto-verify) OSError: [Errno 28] No space left on device\n")


def test_an_older_spelling_takes_no_owner_away(here: Place) -> None:
    here.lay(chain_of_two())
    here.key("bob")
    assert here.verify().code == 0
    ran = here.verify("--layout-keys", "../bob.pub")
    assert (ran.code, "both stand for --verification-keys" in ran.err) == (2, True)
