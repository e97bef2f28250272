"""The reference's own demo: alice owns the project, bob writes, carl packages, a client verifies.

Every command of that demo is here, in its order; its repository on a host is one in the test's directory, and carl's
copy has fixed times, so that `tar` makes the same bytes on both sides. Then somebody tampers, and in `final_product`,
which still holds what the first verification left there, the second one rejects. The first verification is also simply
done again. Where the reference is installed, it does the same, and exit codes and links are compared.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.compat.guides.stage import PASSED, Stage
from tests.compat.sides import Ran

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REFERENCE = Path(__file__).parents[2] / ".reference" / "venv"

KEYS = {
    "owner_alice": ("alice", "alice.pub"),
    "functionary_bob": ("bob", "bob.pub"),
    "functionary_carl": ("carl", "carl.pub"),
}
SOURCE = "demo-project/foo.py"
TARBALL = "demo-project.tar.gz"

CLONE = r"""in-toto-run --verbose --use-dsse --step-name clone --products demo-project/foo.py \
  --signing-key bob -- git clone https://github.com/in-toto/demo-project.git"""
START = r"""in-toto-record start --verbose --use-dsse --step-name update-version \
  --signing-key bob --materials demo-project/foo.py"""
UPDATE = r"""echo -e 'VERSION = "foo-v1"\n\nprint("Hello in-toto")\n' > demo-project/foo.py"""
STOP = r"""in-toto-record stop --verbose --use-dsse --step-name update-version \
  --signing-key bob --products demo-project/foo.py"""
PACKAGE = r"""in-toto-run --verbose --use-dsse --step-name package --materials demo-project/foo.py \
  --products demo-project.tar.gz --signing-key carl --record-streams \
  -- tar --exclude '.git' -zcvf demo-project.tar.gz demo-project"""
TAMPER = "echo 'something evil' >> demo-project/foo.py"
VERIFY = "in-toto-verify --verbose --layout root.layout --verification-keys alice.pub"

CREATE_LAYOUT = """
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from in_toto.models._signer import load_public_key_from_file
from in_toto.models.layout import Layout
from in_toto.models.metadata import Envelope
from securesystemslib.signer import CryptoSigner

with open("alice", "rb") as f:
    signer_alice = CryptoSigner(load_pem_private_key(f.read(), None))
bob = load_public_key_from_file("../functionary_bob/bob.pub")
carl = load_public_key_from_file("../functionary_carl/carl.pub")
text = sys.stdin.read().replace("BOB", bob["keyid"]).replace("CARL", carl["keyid"])
layout = Layout.read({**json.loads(text), "keys": {bob["keyid"]: bob, carl["keyid"]: carl}})
metadata = Envelope.from_signable(layout)
metadata.create_signature(signer_alice)
metadata.dump("root.layout")
"""

NEVERTHELESS = ["ALLOW", ".keep"], ["ALLOW", "alice.pub"], ["ALLOW", "root.layout"]
LINKS = ["ALLOW", "*.link"]
LEFT_FROM_BEFORE = ["ALLOW", "demo-project/*"]


def layout(*also: list[str]) -> str:
    """Return the demo's layout, whose inspection also accepts what the rules `also` allow."""
    return json.dumps(
        {
            "_type": "layout",
            "steps": [
                {
                    "name": "clone",
                    "expected_materials": [],
                    "expected_products": [["CREATE", SOURCE], ["DISALLOW", "*"]],
                    "pubkeys": ["BOB"],
                    "expected_command": ["git", "clone", "https://github.com/in-toto/demo-project.git"],
                    "threshold": 1,
                },
                {
                    "name": "update-version",
                    "expected_materials": [
                        ["MATCH", "demo-project/*", "WITH", "PRODUCTS", "FROM", "clone"],
                        ["DISALLOW", "*"],
                    ],
                    "expected_products": [["MODIFY", SOURCE], ["DISALLOW", "*"]],
                    "pubkeys": ["BOB"],
                    "expected_command": [],
                    "threshold": 1,
                },
                {
                    "name": "package",
                    "expected_materials": [
                        ["MATCH", "demo-project/*", "WITH", "PRODUCTS", "FROM", "update-version"],
                        ["DISALLOW", "*"],
                    ],
                    "expected_products": [["CREATE", TARBALL], ["DISALLOW", "*"]],
                    "pubkeys": ["CARL"],
                    "expected_command": ["tar", "--exclude", ".git", "-zcvf", TARBALL, "demo-project"],
                    "threshold": 1,
                },
            ],
            "inspect": [
                {
                    "name": "untar",
                    "expected_materials": [
                        ["MATCH", TARBALL, "WITH", "PRODUCTS", "FROM", "package"],
                        *NEVERTHELESS,
                        *also,
                        ["DISALLOW", "*"],
                    ],
                    "expected_products": [
                        ["MATCH", SOURCE, "WITH", "PRODUCTS", "FROM", "update-version"],
                        ["ALLOW", "demo-project/.git/*"],
                        ["ALLOW", TARBALL],
                        *NEVERTHELESS,
                        *(rule for rule in also if rule == LINKS),
                        ["DISALLOW", "*"],
                    ],
                    "run": ["tar", "xzf", TARBALL],
                }
            ],
        }
    )


class Demo:
    """The demo's four directories, with the commands of one side; `codes` are the exit codes so far."""

    def __init__(self, stage: Stage) -> None:
        """Give everybody a directory with their keys."""
        self.stage = stage
        self.codes: list[int] = []
        for name in ("owner_alice", "functionary_bob", "functionary_carl", "final_product"):
            stage.directory(name)
            for key in KEYS.get(name, ()):
                (stage.work / name / key).write_bytes(_pem(key))
        self.final = stage.work / "final_product"

    def command(self, where: str, line: str) -> Ran:
        """Carry out a command line in somebody's directory."""
        ran = self.stage.run(line, self.stage.work / where)
        self.codes.append(ran.code)
        return ran

    def define(self, text: str) -> None:
        """Alice defines the supply chain, and the client gets that alone."""
        alice = self.stage.work / "owner_alice"
        self.stage.write({"create_layout.py": CREATE_LAYOUT, "layout.json": text}, alice)
        self.stage.succeeds("python create_layout.py < layout.json", alice)
        shutil.rmtree(self.final)
        self.stage.collect(self.final, "owner_alice/root.layout", "owner_alice/alice.pub")
        (self.final / ".keep").touch()

    def write(self) -> None:
        """Bob clones, and updates the version; carl gets a copy."""
        self.command("functionary_bob", CLONE)
        self.command("functionary_bob", START)
        self.command("functionary_bob", UPDATE)
        self.command("functionary_bob", STOP)
        self.stage.succeeds("cp -r functionary_bob/demo-project functionary_carl/")

    def package(self) -> None:
        """Carl packages what he has."""
        self.stage.succeeds("touch -d @1600000000 functionary_carl/demo-project{/foo.py,}")
        self.command("functionary_carl", PACKAGE)

    def deliver(self) -> None:
        """Carl's package and everybody's links go to the client."""
        self.stage.collect(self.final, "functionary_*/*.link", "functionary_carl/demo-project.tar.gz")

    def verify(self) -> Ran:
        """Verify in the final product, with whatever lies there."""
        return self.command("final_product", VERIFY)

    def left(self) -> set[str]:
        """Return the names in the final product, without the links of steps."""
        return {path.name for path in self.final.iterdir() if path.name.count(".") != 2 or path.suffix != ".link"}

    def links(self) -> Mapping[str, object]:
        """Return what was recorded, by file, but for signatures and the digest of the layout, which has some."""
        links = {path.name: signed(path) for path in self.final.glob("*.link")}
        for link in links.values():
            for artifacts in ("materials", "products"):
                link[artifacts].pop("root.layout", None)
        return links


@cache
def _key(name: str) -> RSAPrivateKey:  # noqa: ARG001  # each name has a key of its own
    return generate_private_key(public_exponent=65537, key_size=2048)


def _pem(file: str) -> bytes:
    """Return the content of a key's file: RSA keys, as the demo has them."""
    name, is_public, _ = file.partition(".pub")
    if is_public:
        return _key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signed(path: Path) -> dict[str, dict[str, object]]:
    """Return what is signed in a file."""
    envelope = json.loads(path.read_text())
    payload = b64decode(envelope["payload"]) if "payload" in envelope else json.dumps(envelope["signed"])
    document: dict[str, dict[str, object]] = json.loads(payload)
    return document


@pytest.fixture
def begin(tmp_path: Path) -> Callable[[Path | None], Demo]:
    """Return what prepares the demo, with the commands of an environment or of here; `git` finds the demo's host."""
    host = tmp_path / "host"
    project = host / "demo-project.git"
    project.mkdir(parents=True)
    (project / "foo.py").write_text('VERSION = "foo-v0"\n\nprint("Hello in-toto")\n')
    for words in ("init -q", "add .", "commit -qm one"):
        subprocess.run(["git", "-C", project, *words.split()], check=True)
    git = f'exec {shutil.which("git")} -c url.{host}/.insteadOf=https://github.com/in-toto/ "$@"'

    def prepared(environment: Path | None) -> Demo:
        stage = Stage(tmp_path / ("there" if environment else "here"), environment)
        stage.stand_in("git", git)
        return Demo(stage)

    return prepared


def whole(demo: Demo) -> tuple[Ran, Mapping[str, object], Ran]:
    """Perform the whole demo; return how the verification ended, what was recorded, and how it ended at last."""
    demo.define(layout(LINKS))
    demo.write()
    demo.package()
    demo.deliver()
    first, links = demo.verify(), demo.links()
    demo.command("functionary_carl", TAMPER)
    demo.package()
    demo.deliver()
    return first, links, demo.verify()


CODES = [0, 0, 0, 0, 0, 0, 0, 0, 1]
"""Of clone, start, the update, stop, package, verify; then of tampering, package, verify."""


def test_the_demo_passes_step_for_step_and_rejects_what_was_packaged_after_tampering(
    begin: Callable[[Path | None], Demo],
) -> None:
    """The second verification runs in the directory in which the first one left its traces, as the demo does it."""
    demo = begin(None)
    first, links, last = whole(demo)
    assert demo.codes == CODES, (first, last)
    assert PASSED in first.err
    assert len(links) == 4  # three steps, and untar.link
    assert demo.left() == {".keep", "alice.pub", "demo-project", "demo-project.tar.gz", "root.layout", "untar.link"}
    assert "package" in last.err
    assert "'DISALLOW *' matched the following artifacts: ['demo-project/foo.py']" in last.err
    assert (demo.final / "demo-project" / "foo.py").read_text().startswith('VERSION = "foo-v1"')  # of the first one
    assert "evil" not in (demo.final / "demo-project" / "foo.py").read_text()


def verified_again(demo: Demo) -> Mapping[str, list[int]]:
    """Return, by layout, how three verifications end: at first, again, and again without the untarred directory."""
    demo.write()
    demo.package()
    codes = {}
    for name, text in LAYOUTS.items():
        demo.define(text)
        demo.deliver()
        first, second = demo.verify(), demo.verify()
        shutil.rmtree(demo.final / "demo-project")
        codes[name] = [first.code, second.code, demo.verify().code]
    return codes


LAYOUTS = {
    "as published": layout(LINKS),
    "as published at first": layout(),
    "with what is left": layout(LINKS, LEFT_FROM_BEFORE),
    "with what is left but links": layout(LEFT_FROM_BEFORE),
}

AGAIN = {
    # The layout accepts no untarred directory before it untars: whoever verifies twice removes it in between.
    "as published": [0, 1, 0],
    # At first it did not speak of links. Those that count as evidence, and the earlier link of the same inspection,
    # which it writes anew, are not seen by it.
    "as published at first": [0, 1, 0],
    "with what is left": [0, 0, 0],
    "with what is left but links": [0, 0, 0],
}


def test_the_verification_is_done_again_in_the_same_directory(begin: Callable[[Path | None], Demo]) -> None:
    assert verified_again(begin(None)) == AGAIN


@pytest.mark.slow
@pytest.mark.component("reference")
def test_the_reference_verifies_again_with_the_same_exit_codes(begin: Callable[[Path | None], Demo]) -> None:
    assert verified_again(begin(REFERENCE)) == AGAIN


STRAY = [
    "notes.link",  # neither evidence nor written by a verification: no rule of the first layout allows it
    "untar.link",  # called like the inspection's own link, and none: it is not overwritten
]


def with_stray_file(demo: Demo, name: str) -> Ran:
    """Return how the verification ends with the first layout and one more file in the final product."""
    demo.write()
    demo.package()
    demo.define(layout())
    demo.deliver()
    (demo.final / name).write_text("some notes\n")
    return demo.verify()


@pytest.mark.parametrize("name", STRAY)
def test_a_file_that_only_looks_like_a_link_is_seen_by_the_inspection(
    begin: Callable[[Path | None], Demo], name: str
) -> None:
    """The one difference to the reference in this demo: its inspections never see `*.link`."""
    demo = begin(None)
    ran = with_stray_file(demo, name)
    assert ran.code == 1, ran
    assert name in ran.err
    assert (demo.final / name).read_text() == "some notes\n"
    (demo.final / name).unlink()
    assert demo.verify().code == 0


@pytest.mark.slow
@pytest.mark.component("reference")
@pytest.mark.parametrize("name", STRAY)
def test_a_file_that_looks_like_a_link_is_not_seen_by_the_reference(
    begin: Callable[[Path | None], Demo], name: str
) -> None:
    assert with_stray_file(begin(REFERENCE), name).code == 0


@pytest.mark.slow
@pytest.mark.component("reference")
def test_the_demo_has_the_same_exit_codes_and_links_as_with_the_reference(begin: Callable[[Path | None], Demo]) -> None:
    here, there = begin(None), begin(REFERENCE)
    (_, links, _), (_, links_there, _) = whole(here), whole(there)
    assert here.codes == there.codes == CODES
    assert links == links_there
    assert here.links() == there.links() != links
