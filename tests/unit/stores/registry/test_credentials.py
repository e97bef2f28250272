from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from custody.errors import StoreError, UsageError
from custody.oci.reference import read_reference
from custody.oci.tokens import Credential
from custody.stores.registry import RegistryOptions, credential_helpers
from custody.stores.registry.credentials import find_credential

ANN = Credential(username="ann", password="p:1")


def packed(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def find(directory: Path, name: str, **environ: str) -> Credential | None:
    environment = {"HOME": str(directory), "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}", **environ}
    return find_credential(read_reference(name), RegistryOptions(), environment)


def write(path: Path, document: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return str(path)


def docker(directory: Path, **document: object) -> None:
    write(directory / ".docker" / "config.json", document)


@pytest.mark.parametrize(
    ("key", "name", "found"),
    [
        ("example.com", "example.com/shop/app", True),
        ("https://example.com", "example.com/shop/app", True),
        ("https://example.com/v1/", "example.com/shop/app", True),
        ("example.com/v2/", "example.com/shop/app", True),
        ("http://example.com/anything", "example.com/shop/app", True),
        ("example.com/shop", "example.com/shop/app", True),
        ("example.com/shop/app", "example.com/shop/app", True),
        ("localhost:5000", "localhost:5000/app", True),
        ("https://index.docker.io/v1/", "app", True),
        ("index.docker.io", "docker.io/shop/app", True),
        ("docker.io", "app", True),
        ("example.com/sho", "example.com/shop/app", False),
        ("example.com/shop/app", "example.com/shop/apple", False),
        ("example.com", "example.com:5000/app", False),
        ("localhost:5000", "localhost:5001/app", False),
        ("example.com", "sub.example.com/app", False),
        ("sub.example.com", "example.com/app", False),
        ("example.com", "example.com.evil.org/app", False),
        ("https://index.docker.io/v1/", "example.com/app", False),
        ("example.com", "app", False),
    ],
)
def test_an_entry_is_for_its_registry_and_no_other(tmp_path: Path, key: str, name: str, found: bool) -> None:
    docker(tmp_path, auths={key: packed("ann:p:1")})
    assert find(tmp_path, name) == (ANN if found else None)


def test_the_most_special_entry_counts(tmp_path: Path) -> None:
    docker(
        tmp_path,
        auths={"example.com": packed("all:1"), "example.com/shop/app": packed("ann:p:1"), "example.com/shop": {}},
    )
    assert find(tmp_path, "example.com/shop/app") == ANN
    assert find(tmp_path, "example.com/shop/two") == Credential(username="all", password="1")


@pytest.mark.parametrize(
    ("entry", "credential"),
    [
        ({"username": "ann", "password": "p:1"}, ANN),
        (packed("ann:p:1"), ANN),
        (packed("ann:p:1\0\0"), ANN),
        ({"identitytoken": "t"}, Credential(identity_token="t")),
        ({**packed("ann:"), "identitytoken": "t"}, Credential(username="ann", identity_token="t")),
        (packed("<token>:t"), Credential(identity_token="t")),
        ({"registrytoken": "t"}, Credential(registry_token="t")),
        ({}, None),
    ],
)
def test_every_form_of_an_entry_is_read(tmp_path: Path, entry: object, credential: Credential | None) -> None:
    docker(tmp_path, auths={"example.com": entry})
    assert find(tmp_path, "example.com/app") == credential


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected an object"),
        ({"auths": []}, "auths: expected an object"),
        ({"auths": {"example.com": {"auth": "!"}}}, r"auths\['example.com'\]\.auth"),
        ({"auths": {"example.com": packed("ann")}}, "expected a name, a colon and a password"),
        ({"auths": {"example.com": {"username": 1}}}, "username: expected text"),
        ({"credHelpers": {"example.com": 1}}, r"credHelpers\['example.com'\]: expected text"),
        ({"credsStore": ["pass"]}, "credsStore: expected text"),
    ],
)
def test_a_file_that_cannot_be_understood_is_an_error_with_its_name(
    tmp_path: Path, document: object, message: str
) -> None:
    write(tmp_path / ".docker" / "config.json", document)
    with pytest.raises(StoreError, match=rf"config\.json.*{message}"):
        find(tmp_path, "example.com/app")


class TestFiles:
    def test_nothing_is_found_where_there_is_nothing(self, tmp_path: Path) -> None:
        assert find(tmp_path, "example.com/app") is None

    def test_files_are_read_in_order(self, tmp_path: Path) -> None:
        document = {"auths": {"example.com": packed("runtime:1")}}
        write(tmp_path / "run" / "containers" / "auth.json", document)
        write(tmp_path / ".config" / "containers" / "auth.json", {"auths": {"example.org": packed("config:1")}})
        runtime = str(tmp_path / "run")
        for name, user in (("example.com/app", "runtime"), ("example.org/app", "config")):
            found = find(tmp_path, name, XDG_RUNTIME_DIR=runtime)
            assert found is not None
            assert found.username == user
        docker(tmp_path, auths={"example.com": packed("ann:p:1")})
        assert find(tmp_path, "example.com/app", XDG_RUNTIME_DIR=runtime) == ANN

    def test_docker_config_says_where_the_file_is(self, tmp_path: Path) -> None:
        docker(tmp_path, auths={"example.com": packed("wrong:1")})
        write(tmp_path / "ci" / "config.json", {"auths": {"example.com": packed("ann:p:1")}})
        assert find(tmp_path, "example.com/app", DOCKER_CONFIG=str(tmp_path / "ci")) == ANN

    def test_xdg_config_home_says_where_the_other_is(self, tmp_path: Path) -> None:
        write(tmp_path / "xdg" / "containers" / "auth.json", {"auths": {"example.com": packed("ann:p:1")}})
        assert find(tmp_path, "example.com/app", XDG_CONFIG_HOME=str(tmp_path / "xdg")) == ANN

    def test_registry_auth_file_is_the_only_one(self, tmp_path: Path) -> None:
        docker(tmp_path, auths={"example.com": packed("wrong:1")})
        path = write(tmp_path / "auth.json", {"auths": {"example.org": packed("ann:p:1")}})
        assert find(tmp_path, "example.org/app", REGISTRY_AUTH_FILE=path) == ANN
        assert find(tmp_path, "example.com/app", REGISTRY_AUTH_FILE=path) is None

    def test_a_file_that_was_named_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"missing\.json"):
            find(tmp_path, "example.com/app", REGISTRY_AUTH_FILE=str(tmp_path / "missing.json"))


class TestWords:
    def test_the_users_words_come_first(self, tmp_path: Path) -> None:
        docker(tmp_path, auths={"example.com": packed("wrong:1")})
        options = RegistryOptions(username="ann", password=lambda: "p:1")
        found = find_credential(read_reference("example.com/app"), options, {"HOME": str(tmp_path)})
        assert found == ANN

    @pytest.mark.parametrize("options", [RegistryOptions(username="ann"), RegistryOptions(password=lambda: "p:1")])
    def test_a_name_and_a_password_go_together(self, options: RegistryOptions) -> None:
        with pytest.raises(UsageError, match="go together"):
            find_credential(read_reference("example.com/app"), options, {})

    def test_secrets_are_not_shown(self) -> None:
        shown = repr(Credential(username="ann", password="p1", identity_token="p2", registry_token="p3"))
        assert shown == "Credential(username='ann')"


def helper(directory: Path, script: str, name: str = "test") -> None:
    """Make a helper that answers as `script` says."""
    program = directory / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


GIVE = """[ "$1" = get ] && printf '{"ServerURL":"x","Username":"ann","Secret":"p:1"}' """


class TestHelpers:
    def test_a_helper_is_asked_with_the_registry_on_stdin(self, tmp_path: Path) -> None:
        helper(tmp_path, f'cat > "$HOME/asked"; {GIVE}')
        docker(tmp_path, credHelpers={"example.com": "test"}, auths={"example.com": packed("wrong:1")})
        assert find(tmp_path, "example.com/shop/app") == ANN
        assert (tmp_path / "asked").read_text() == "example.com"
        assert find(tmp_path, "example.org/app") is None

    def test_the_store_is_asked_for_all_others(self, tmp_path: Path) -> None:
        helper(tmp_path, f'cat > "$HOME/asked"; {GIVE}')
        docker(tmp_path, credsStore="test", credHelpers={"example.com": "missing"})
        assert find(tmp_path, "app") == ANN
        assert (tmp_path / "asked").read_text() == "https://index.docker.io/v1/"

    def test_where_a_helper_has_nothing_the_entries_count(self, tmp_path: Path) -> None:
        helper(tmp_path, "echo credentials not found in native keychain; exit 1")
        docker(tmp_path, credsStore="test", auths={"example.com": packed("ann:p:1")})
        assert find(tmp_path, "example.com/app") == ANN
        assert find(tmp_path, "example.org/app") is None

    def test_a_helper_can_have_an_identity_token(self, tmp_path: Path) -> None:
        helper(tmp_path, """printf '{"Username":"<token>","Secret":"t"}'""")
        docker(tmp_path, credsStore="test")
        assert find(tmp_path, "example.com/app") == Credential(identity_token="t")

    @pytest.mark.parametrize(
        ("script", "message"),
        [
            ("echo p:1; exit 3", "docker-credential-test failed with exit code 3 for example.com"),
            ("echo p:1", "answered what cannot be understood"),
            ("""printf '{"Username":"a","Username":"b","Secret":"p:1"}'""", "answered what cannot be understood"),
            ("yes p:1", "answered with more than 65536 bytes"),
        ],
    )
    def test_a_helper_that_fails_is_an_error_without_its_secret(
        self, tmp_path: Path, script: str, message: str
    ) -> None:
        helper(tmp_path, script)
        docker(tmp_path, credsStore="test")
        with pytest.raises(StoreError, match=message) as caught:
            find(tmp_path, "example.com/app")
        assert "p:1" not in str(caught.value)

    def test_a_helper_that_does_not_end_is_ended(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(credential_helpers, "MAX_HELPER_SECONDS", 0.05)
        helper(tmp_path, 'echo $$ > "$HOME/pid"; exec sleep 600')
        docker(tmp_path, credsStore="test")
        with pytest.raises(StoreError, match="took longer than 0 seconds"):
            find(tmp_path, "example.com/app")

    def test_a_helper_that_is_not_installed_is_named(self, tmp_path: Path) -> None:
        docker(tmp_path, credsStore="absent")
        with pytest.raises(StoreError, match=r"docker-credential-absent, which keeps .* cannot be started"):
            find(tmp_path, "example.com/app")

    @pytest.mark.parametrize("name", ["../evil", "a/b", "-x", "a b", "x;id"])
    def test_a_helper_is_a_plain_name(self, tmp_path: Path, name: str) -> None:
        docker(tmp_path, credsStore=name)
        with pytest.raises(StoreError, match="expected the name of a credential helper"):
            find(tmp_path, "example.com/app")
