"""What every test stands on: a clean environment, no network, and honest skips.

- Every test runs with a home of its own, without the caller's `CUSTODY_*`, `GIT_*`, `GNUPGHOME`,
  `PKCS11_*` and `XDG_*` settings, outside of any CI system, and with a git identity that can commit.
- No test reaches beyond this machine: connecting or resolving anything but loopback raises
  `NetworkBlockedError`. The processes a test starts are not covered.
- Signals mean what they usually mean, however the tests were started.
- `@pytest.mark.component("gpg")` says that a test needs an installed program, or a part of
  `.reference/`, which `make reference` makes. Without it the test is skipped with the reason; where
  `CI` is true, nothing may be left out quietly, so it fails. Only what needs a Go toolchain may
  always be missing.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
import socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    Address = tuple[Any, ...] | str

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if IN_CI else "dev")

# component: (program that proves it is there, Debian package that brings it). A component that is
# not listed is a program of that name in a package of that name.
COMPONENTS: Mapping[str, tuple[str, str]] = {
    "gpg": ("gpg", "gnupg"),
    "opensc": ("pkcs11-tool", "opensc"),
    "softhsm2": ("softhsm2-util", "softhsm2"),
    "ssh-keygen": ("ssh-keygen", "openssh-client"),
}

# component: (file or folder in `.reference/` that proves it is there, part that `make reference` makes).
PEERS: Mapping[str, tuple[str, str]] = {
    "reference": ("venv/bin/in-toto-run", "venv"),
    "reference-source": ("in_toto-3.1.0/tests", "source"),
    "in-toto-golang": ("bin/in-toto-golang", "bin/in-toto-golang"),
    "cosign-2": ("cosign-2/cosign", "cosign-2/cosign"),
    "cosign-3": ("cosign-3/cosign", "cosign-3/cosign"),
}
OPTIONAL = {"in-toto-golang", "cosign-2", "cosign-3"}
REFERENCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".reference")

CI_SYSTEMS = ("CI_", "GITHUB_", "GITLAB_", "JENKINS_", "TEKTON_")  # provenance is written of what these say
CLEARED_PREFIXES = ("CUSTODY_", "GIT_", "PKCS11_", "XDG_", *CI_SYSTEMS)
PROXIES = ("all_proxy", "http_proxy", "https_proxy")  # nothing beyond loopback is asked, and that directly
CLEARED = (
    *PROXIES,
    *map(str.upper, PROXIES),
    *("BUILD_TAG", "EMAIL", "GNUPGHOME", "GPG_AGENT_INFO", "SOFTHSM2_CONF", "SOURCE_DATE_EPOCH", "SSH_AUTH_SOCK"),
)
GIT_ENVIRONMENT: Mapping[str, str] = {
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_AUTHOR_NAME": "Test Author",
    "GIT_COMMITTER_EMAIL": "committer@example.com",
    "GIT_COMMITTER_NAME": "Test Committer",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_KEY_0": "init.defaultBranch",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_VALUE_0": "main",
    "GIT_TERMINAL_PROMPT": "0",
}


# Started in the background, as by nohup or a CI runner, this process ignores some signals, and so
# would every process that a test starts; a test that waits for one of them would wait for ever.
for _signal, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, _usual)


class NetworkBlockedError(RuntimeError):
    """A test tried to leave this machine; not an OSError, so that no retry can swallow it."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose component is not there."""
    for marker in item.iter_markers("component"):
        component = marker.args[0]
        reason = _missing_peer(component) if component in PEERS else _missing_program(component)
        if reason and IN_CI and component not in OPTIONAL:
            pytest.fail(f"{reason} (CI may not skip)", pytrace=False)
        if reason:
            pytest.skip(reason)


def _missing_program(component: str) -> str:
    program, package = COMPONENTS.get(component, (component, component))
    if shutil.which(program) is not None:
        return ""
    return f"needs {program}, which is not on PATH: apt-get install {package}"


def _missing_peer(component: str) -> str:
    path, part = PEERS[component]
    if os.path.exists(os.path.join(REFERENCE, path)):
        return ""
    try:
        with open(os.path.join(REFERENCE, "made.json"), encoding="utf-8") as file:
            why = json.load(file)["missing"][part]
    except (OSError, ValueError, LookupError):
        why = "run `make reference`"
    return f"needs .reference/{path}: {why}"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in os.environ:
        if name.startswith(CLEARED_PREFIXES) or name in CLEARED:
            monkeypatch.delenv(name)
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Address) -> None:
        _refuse_beyond_loopback(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Address) -> int:
        _refuse_beyond_loopback(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: str | bytes | None, port: str | int | None, *args: int, **kwargs: int) -> object:
        _refuse_host(host)
        return getaddrinfo(host, port, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)


def _refuse_beyond_loopback(family: int, address: Address) -> None:
    if family in {socket.AF_INET, socket.AF_INET6}:
        _refuse_host(str(address[0]))


def _refuse_host(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost":
        return
    try:
        allowed = ipaddress.ip_address(name).is_loopback
    except ValueError:  # a name, and every name but localhost asks a server
        allowed = False
    if not allowed:
        message = f"tests may not reach the network: {name}; serve it on 127.0.0.1 instead"
        raise NetworkBlockedError(message)
