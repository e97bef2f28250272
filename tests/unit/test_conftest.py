"""The ground the tests stand on does what it promises."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
TWO_TESTS = """
    import pytest

    @pytest.mark.component("sh")
    def test_with_what_is_here():
        assert True

    @pytest.mark.component("no-such-program")
    def test_with_what_is_missing():
        raise SystemExit("ran without its component")
"""


def run_two_tests(pytester: pytest.Pytester) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makeini("[pytest]\nmarkers = component(name)\n")
    pytester.makepyfile(TWO_TESTS)
    return pytester.runpytest_subprocess("-p", "no:randomly", "-rs")


def test_missing_component_skips_with_its_reason(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    result = run_two_tests(pytester)

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*needs no-such-program*apt-get install no-such-program*"])


def test_missing_component_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    result = run_two_tests(pytester)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*needs no-such-program*CI may not skip*"])


ONE_PEER = """
    import pytest

    @pytest.mark.component("{component}")
    def test_with_a_peer():
        raise SystemExit("ran without its peer")
"""


def run_with_peer(pytester: pytest.Pytester, component: str) -> pytest.RunResult:
    tests = pytester.mkdir("tests")
    (tests / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tests / "test_one.py").write_text(dedent(ONE_PEER.format(component=component)), encoding="utf-8")
    pytester.makeini("[pytest]\nmarkers = component(name)\n")
    return pytester.runpytest_subprocess("-p", "no:randomly", "-rs", "tests")


def test_peer_that_was_never_made_skips_with_what_to_do(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)

    result = run_with_peer(pytester, "reference")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*needs .reference/venv/bin/in-toto-run: run `make reference`*"])


def test_peer_that_could_not_be_made_skips_with_the_reason(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    (pytester.mkdir(".reference") / "made.json").write_text('{"missing": {"source": "no network"}}')

    result = run_with_peer(pytester, "reference-source")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*needs .reference/in_toto-3.1.0/tests: no network*"])


def test_missing_peer_fails_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    result = run_with_peer(pytester, "reference")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*needs .reference/venv/bin/in-toto-run*CI may not skip*"])


def test_go_peer_may_be_missing_in_ci(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    run_with_peer(pytester, "in-toto-golang").assert_outcomes(skipped=1)


# 192.0.2.0/24, 2001:db8::/32 and .invalid lead nowhere by definition (RFC 5737, 3849, 2606).
@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.invalid"])
def test_connecting_beyond_this_machine_is_refused(host: str) -> None:
    with pytest.raises(RuntimeError, match=f"may not reach the network: {host}"):
        socket.create_connection((host, 443), timeout=1)


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_an_address_that_needs_no_lookup_is_refused_too(method: str) -> None:
    with socket.socket() as client:
        client.settimeout(1)
        with pytest.raises(RuntimeError, match="may not reach"):
            getattr(client, method)(("192.0.2.1", 443))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connecting_to_loopback_is_allowed(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((host, port), timeout=5) as client:
            assert client.getpeername() == ("127.0.0.1", port)


def test_home_is_empty_and_not_the_users_own() -> None:
    home = Path(os.environ["HOME"])

    assert list(home.iterdir()) == []
    assert home == Path.home()
    assert "pytest" in str(home)


def test_settings_of_the_caller_do_not_reach_a_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyfile(
        """
        import os

        def test_names():
            leaked = {"CUSTODY_STORE", "GIT_DIR", "GNUPGHOME", "XDG_CONFIG_HOME"} & set(os.environ)
            assert leaked == set()
        """
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CUSTODY_STORE", "GIT_DIR", "GNUPGHOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, "/nowhere")
        result = pytester.runpytest_subprocess("-p", "no:randomly")

    result.assert_outcomes(passed=1)


@pytest.mark.component("git")
def test_git_commits_without_the_users_configuration(tmp_path: Path) -> None:
    git = shutil.which("git")
    assert git is not None

    def run(*arguments: str) -> str:
        done = subprocess.run([git, "-C", str(tmp_path), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init", "--quiet")
    run("commit", "--quiet", "--allow-empty", "--message", "first")

    assert run("log", "--format=%an <%ae>") == "Test Author <author@example.com>"
    assert run("symbolic-ref", "--short", "HEAD") == "main"
