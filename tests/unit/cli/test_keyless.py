"""Identities in the place of keys, in every command that reads keys, signs or verifies."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import custody
from custody.cli.main import main
from custody.signing.keyless_token import TOKEN_VARIABLE
from tests.sigstore_instance import SigstoreInstance

ALICE, OLGA, MALLORY = "alice@example.com", "olga@example.org", "mallory@example.net"
SOURCE = """\
expires: 6 months
functionaries:
  alice: alice.json
steps:
  - name: build
    functionaries: [alice]
    expected_materials: [DISALLOW *]
    expected_products: [CREATE app, DISALLOW *]
"""
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path_factory.mktemp("instance")) as running:
        yield running


@pytest.fixture
def chain(instance: SigstoreInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.chdir(tmp_path)
    return Chain(instance)


class Chain:
    """The files of a chain by identities, in the current directory."""

    def __init__(self, instance: SigstoreInstance) -> None:
        self.instance = instance
        for name, identity in (("alice", ALICE), ("olga", OLGA), ("mallory", MALLORY)):
            names = ["--identity", identity, "--issuer", instance.issuer]
            assert main(["key", "keyless", *names, "-o", f"{name}.json"]) == 0
        self.trust = ["--trusted-root", str(instance.trusted_root)]

    def layout(self, *owners: str) -> None:
        Path("source.yaml").write_text(SOURCE, encoding="utf-8")
        assert main(["layout", "build", "source.yaml", "-o", "root.layout", "--use-dsse", "--force"]) == 0
        keys = [self.instance.uri(owner) for owner in owners or (OLGA,)]
        assert main(["sign", "-f", "root.layout", "--signing-key", *keys]) == 0

    def run(self, who: str, *more: str) -> int:
        uri = self.instance.uri(who)
        step = ["-n", "build", "--signing-key", uri, "-p", "app", "--use-dsse", *more]
        return main(["run", *step, "--", "sh", "-c", "echo 1 > app"])

    def verify(self, *more: str) -> int:
        keys = ["--verification-keys", "olga.json"]
        return main(["verify", "-l", "root.layout", *keys, *(more or self.trust)])


def test_chain_is_made_and_verified(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    assert chain.run(ALICE) == 0
    links = list(Path().glob("build.*.link"))
    alice = json.loads(Path("alice.json").read_text(encoding="utf-8"))
    capsys.readouterr()

    assert [link.name for link in links] == [f"build.{alice['keyid']:.8}.link"]
    assert chain.verify(*chain.trust, "-v") == 0
    said = capsys.readouterr().out
    assert f"it is signed by '{OLGA}' of '{chain.instance.issuer}'" in said
    assert f"is by '{ALICE}' of '{chain.instance.issuer}'" in said


def test_chain_by_somebody_else_is_rejected(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    assert chain.run(MALLORY) == 0

    assert chain.verify() == 1
    assert "identity-not-proven" in capsys.readouterr().out
    chain.layout(MALLORY)
    assert chain.verify() == 1


def test_public_instance_vouches_for_nobody_of_another(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    assert chain.run(ALICE) == 0
    asked = len(chain.instance.requests)

    assert chain.verify() == 0
    assert chain.verify("--unanimous") == 1  # without --trusted-root
    assert "identity-not-proven" in capsys.readouterr().out
    assert len(chain.instance.requests) == asked


def test_trusted_root_that_is_of_no_use_is_refused(chain: Chain, capsys: Capture) -> None:
    chain.layout()

    assert chain.run(ALICE, *chain.trust) == 2
    assert "--trusted-root belongs to --verify-materials" in capsys.readouterr().err
    assert main(["sign", "-f", "root.layout", "--signing-key", chain.instance.uri(OLGA), *chain.trust]) == 2
    assert "--trusted-root is for --verify" in capsys.readouterr().err


def test_trusted_root_that_is_wrong_is_an_error(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    Path("wrong.json").write_text("{}", encoding="utf-8")

    assert chain.verify("--trusted-root", "none.json") == 2
    assert "cannot read trusted root 'none.json'" in capsys.readouterr().err
    assert chain.verify("--trusted-root", "wrong.json") == 2
    assert "wrong.json: mediaType: missing" in capsys.readouterr().err


def test_signatures_are_checked_one_by_one(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    check = ["sign", "--verify", "-f", "root.layout", "--verification-keys"]
    capsys.readouterr()

    assert main([*check, "olga.json", *chain.trust]) == 0
    assert "good signature by" in capsys.readouterr().out
    assert main([*check, "mallory.json", *chain.trust]) == 1
    assert main([*check, "olga.json"]) == 1


def test_layout_is_shown_with_identities_and_checked_signatures(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    show = ["layout", "show", "root.layout", "--verification-keys"]
    capsys.readouterr()

    assert main([*show, "olga.json", *chain.trust]) == 0
    said = capsys.readouterr().out
    assert f"{ALICE}, vouched for by {chain.instance.issuer}" in said
    assert "(good)" in said
    assert main([*show, "mallory.json", *chain.trust]) == 1
    capsys.readouterr()
    assert main([*show, "olga.json", *chain.trust, "--format", "json"]) == 0
    (key,) = json.loads(capsys.readouterr().out)["keys"].values()
    assert key["identity"] == ALICE


def test_link_is_compared_only_if_the_identity_signed_it(chain: Chain) -> None:
    assert chain.run(ALICE) == 0
    (link,) = Path().glob("build.*.link")
    match = ["match-products", "-l", str(link), "-p", "app", *chain.trust, "--verification-keys"]

    assert main([*match, "alice.json"]) == 0
    assert main([*match, "mallory.json"]) == 1


def test_materials_are_verified_before_a_step(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    verify = ["--verify-materials", "root.layout", "--verification-keys", "olga.json", *chain.trust]

    assert chain.run(ALICE, *verify) == 0
    assert chain.run(MALLORY, *verify) != 0
    assert "is not among the step's functionaries" in capsys.readouterr().err


def test_command_that_is_run_cannot_sign_as_the_identity(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, chain.instance.token(ALICE))
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer")
    monkeypatch.setenv("MY_TOKEN", chain.instance.token(ALICE))
    config = f"sigstore:?config={chain.instance.config}"

    def environment(uri: str) -> set[str]:
        step = ["-n", "build", "--signing-key", uri, "-p", "app", "--use-dsse"]
        assert main(["run", *step, "--", "sh", "-c", "env > app"]) == 0
        return {line.partition("=")[0] for line in Path("app").read_text(encoding="utf-8").splitlines()}

    secrets = {TOKEN_VARIABLE, "ACTIONS_ID_TOKEN_REQUEST_TOKEN"}
    assert secrets.isdisjoint(environment(config))
    assert "MY_TOKEN" not in environment(f"{config}&token-env=MY_TOKEN")
    assert os.environ["MY_TOKEN"]


def test_older_envelope_is_refused_before_the_command_runs(chain: Chain, capsys: Capture) -> None:
    uri = chain.instance.uri(ALICE)

    assert main(["run", "-n", "build", "--signing-key", uri, "-p", "app", "--", "sh", "-c", "echo 1 > app"]) == 2
    assert "add --use-dsse" in capsys.readouterr().err
    assert not Path("app").exists()
    assert main(["record", "start", "-n", "build", "--signing-key", uri]) == 0
    assert main(["record", "stop", "-n", "build", "--signing-key", uri]) == 2
    assert "add --use-dsse" in capsys.readouterr().err
    assert not list(Path().glob("build*"))


def started(chain: Chain) -> Path:
    """Start recording as Alice; return the file that keeps the recording."""
    uri = chain.instance.uri(ALICE)
    assert main(["record", "start", "-n", "build", "--signing-key", uri]) == 0
    Path("app").write_text("1", encoding="utf-8")
    (found,) = Path().glob(".build.*.link-unfinished")
    return found


def test_step_without_a_command_is_recorded_by_an_identity(chain: Chain) -> None:
    chain.layout()
    unfinished = started(chain)
    stop = ["record", "stop", "-n", "build", "--signing-key", chain.instance.uri(ALICE), "-p", "app"]

    assert main([*stop, "--use-dsse"]) == 0
    assert not unfinished.exists()
    assert chain.verify() == 0


def test_started_recording_of_an_identity_that_was_changed_is_refused(chain: Chain, capsys: Capture) -> None:
    unfinished = started(chain)
    envelope = json.loads(unfinished.read_bytes())
    document = base64.b64decode(envelope["payload"]).replace(b'"materials": {}', b'"materials":  {}')
    unfinished.write_text(json.dumps({**envelope, "payload": base64.b64encode(document).decode()}), encoding="utf-8")
    stop = ["record", "stop", "-n", "build", "--signing-key", chain.instance.uri(ALICE), "-p", "app"]

    assert base64.b64decode(envelope["payload"]) != document
    assert main([*stop, "--use-dsse"]) == 2
    assert "it was changed since" in capsys.readouterr().err
    assert not list(Path().glob("build.*.link"))


def test_started_recording_is_no_evidence_under_the_name_of_a_link(chain: Chain, capsys: Capture) -> None:
    chain.layout()
    unfinished = started(chain)
    unfinished.rename(unfinished.name.removeprefix(".").removesuffix("-unfinished"))

    assert chain.verify() == 1
    assert "preliminary" in capsys.readouterr().out


def test_layout_in_the_older_envelope_is_not_signed(chain: Chain, capsys: Capture) -> None:
    Path("source.yaml").write_text(SOURCE, encoding="utf-8")
    assert main(["layout", "build", "source.yaml", "-o", "root.layout"]) == 0
    before = Path("root.layout").read_bytes()

    assert main(["sign", "-f", "root.layout", "--signing-key", chain.instance.uri(OLGA)]) == 2
    assert "--use-dsse" in capsys.readouterr().err
    assert Path("root.layout").read_bytes() == before
    assert main(["sign", "-f", "root.layout", "--use-dsse", "--signing-key", chain.instance.uri(OLGA)]) == 0


def test_several_owners_sign_one_layout(chain: Chain) -> None:
    chain.layout(OLGA, ALICE)
    assert main(["keygen", "owner"]) == 0
    assert main(["sign", "-f", "root.layout", "--append", "--signing-key", "owner"]) == 0
    assert chain.run(ALICE) == 0
    verify = ["verify", "-l", "root.layout", *chain.trust, "--verification-keys"]

    assert main([*verify, "olga.json", "alice.json", "owner.pub"]) == 0
    assert main([*verify, "olga.json", "mallory.json", "owner.pub"]) == 1
    assert main([*verify, "olga.json", "mallory.json", "owner.pub", "--owner-threshold", "2"]) == 0


def test_identity_is_added_to_a_layout_and_removed(chain: Chain) -> None:
    chain.layout()
    assert main(["layout", "add-key", "root.layout", "mallory.json", "--step", "build"]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", chain.instance.uri(OLGA)]) == 0
    assert chain.run(MALLORY) == 0
    assert chain.verify() == 0

    keyid = json.loads(Path("mallory.json").read_text(encoding="utf-8"))["keyid"]
    assert main(["layout", "remove-key", "root.layout", keyid[:8]]) == 0
    assert main(["sign", "-f", "root.layout", "--signing-key", chain.instance.uri(OLGA)]) == 0
    assert chain.verify() == 1


def test_library_takes_a_trusted_root(chain: Chain) -> None:
    chain.layout()
    assert chain.run(ALICE) == 0
    root = str(chain.instance.trusted_root)

    assert custody.verify("root.layout", ["olga.json"], trusted_root=root).accepted
    assert not custody.verify("root.layout", ["mallory.json"], trusted_root=root).accepted
    assert not custody.verify("root.layout", ["olga.json"]).accepted


def test_identity_goes_to_the_terminal_or_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    keyless = ["key", "keyless", "--identity", ALICE, "--issuer", "https://accounts.example.com"]

    assert main(keyless) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["keyval"] == {"identity": ALICE, "issuer": "https://accounts.example.com"}
    assert main([*keyless, "-o", "alice.json"]) == 0
    assert Path("alice.json").read_text(encoding="utf-8") == printed
    Path("alice.json").write_text("else", encoding="utf-8")
    assert main([*keyless, "--output", "alice.json"]) == 2
    assert Path("alice.json").read_text(encoding="utf-8") == "else"
    assert main([*keyless, "-o", "alice.json", "--force"]) == 0
    assert Path("alice.json").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize(
    ("names", "keyval"),
    [
        (["--identity-regexp", "a.*", "--issuer", "i"], {"identity_regexp": "a.*", "issuer": "i"}),
        (["--identity", "a", "--issuer-regexp", "i.*"], {"identity": "a", "issuer_regexp": "i.*"}),
    ],
)
def test_regular_expressions_are_written_as_such(names: list[str], keyval: dict[str, str], capsys: Capture) -> None:
    assert main(["key", "keyless", *names]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["keyval"] == keyval
    assert said.err == ""


@pytest.mark.parametrize(
    ("names", "warning"),
    [
        (["--identity-regexp", ".*", "--issuer", "i"], "matches everybody"),
        (["--identity", "a", "--issuer-regexp", ".*"], "matches every identity provider"),
        (["--identity-regexp", "@example[.]com", "--issuer", "i"], "has to match the whole name"),
        (["--identity-regexp", "a@example.com", "--issuer", "i"], "stands for any character"),
    ],
)
def test_regular_expression_that_means_too_many_or_too_few_is_warned_about(
    names: list[str], warning: str, capsys: Capture
) -> None:
    assert main(["key", "keyless", *names]) == 0
    assert warning in capsys.readouterr().err


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["--identity", "a"],
        ["--issuer", "i"],
        ["--identity", "a", "--identity-regexp", "a", "--issuer", "i"],
        ["--identity", "a", "--issuer", "i", "--issuer-regexp", "i"],
        ["--identity", "", "--issuer", "i"],
        ["--identity", "a", "--issuer", ""],
        ["--identity-regexp", "(", "--issuer", "i"],
    ],
)
def test_identity_without_a_name_or_issuer_is_refused(names: list[str], capsys: Capture) -> None:
    try:
        code: object = main(["key", "keyless", *names])
    except SystemExit as end:
        code = end.code

    assert code == 2
    assert capsys.readouterr().out == ""


def test_identity_is_shown(chain: Chain, capsys: Capture) -> None:
    names = ["--identity-regexp", ".*@example[.]com", "--issuer-regexp", "https://[a-z]+[.]example[.]com"]
    assert main(["key", "keyless", *names, "-o", "ours.json"]) == 0
    capsys.readouterr()

    assert main(["key", "show", "alice.json", "ours.json"]) == 0
    said = capsys.readouterr().out
    assert f"identity        {ALICE}\n" in said
    assert "identity regexp .*@example[.]com\n" in said
    assert "issuer regexp   https://" in said
    assert main(["key", "show", "--format", "json", "alice.json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["kind"], shown["identity"], shown["issuer"]) == ("keyless", ALICE, chain.instance.issuer)


@pytest.mark.usefixtures("chain")
def test_identity_has_no_pem(capsys: Capture) -> None:
    assert main(["key", "convert", "alice.json", "--to", "pem"]) == 2
    assert "no key" in capsys.readouterr().err
    assert main(["key", "convert", "alice.json", "--to", "metadata"]) == 0
    assert capsys.readouterr().out == Path("alice.json").read_text(encoding="utf-8")


@pytest.mark.usefixtures("chain")
def test_source_with_a_wrong_identity_is_refused(capsys: Capture) -> None:
    document = json.loads(Path("alice.json").read_text(encoding="utf-8"))
    del document["keyval"]["issuer"]
    Path("alice.json").write_text(json.dumps(document), encoding="utf-8")
    Path("source.yaml").write_text(SOURCE, encoding="utf-8")

    assert main(["layout", "build", "source.yaml", "-o", "root.layout"]) == 2
    assert "alice.json" in capsys.readouterr().err


def test_layout_with_anybody_is_warned_about(chain: Chain, capsys: Capture) -> None:
    names = ["--identity-regexp", ".*", "--issuer", chain.instance.issuer]
    assert main(["key", "keyless", *names, "-o", "alice.json", "--force"]) == 0
    Path("source.yaml").write_text(SOURCE, encoding="utf-8")
    capsys.readouterr()

    assert main(["layout", "lint", "source.yaml"]) == 1
    assert "[keyless-anybody]" in capsys.readouterr().out
