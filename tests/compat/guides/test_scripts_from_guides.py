"""The Python scripts of the guides: as written they fail, with the lines that the page shows they run.

Of each script only the lines that matter are here. The changes are read from `docs/how-to/scripts-from-guides.md` and
applied as they stand there. Where the reference is installed, the changed scripts run with it, too.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from custody.cli.main import main as custody_main
from tests.compat.sides import Here, Side

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "scripts-from-guides.md"
SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)

CREATE_LAYOUT = """
from in_toto.models.layout import Layout, Step
from in_toto.models.metadata import Metablock
import json

layout = Layout()

build_step = Step(name="build")
build_step.set_expected_command_from_string("docker build -t myapp:latest .")
build_step.pubkeys = ["<build-system-key-id>"]
build_step.expected_materials = [["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "clone"]]
build_step.expected_products = [["CREATE", "Dockerfile"], ["CREATE", "*.tar"]]

test_step = Step(name="test")
test_step.pubkeys = ["<test-runner-key-id>"]
test_step.expected_command_from_string("npm test")
test_step.expected_materials = [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "build"]]
test_step.expected_products = [["CREATE", "test-results.xml"]]

scan_step = Step(name="security-scan")
scan_step.pubkeys = ["<security-scanner-key-id>"]
scan_step.expected_command_from_string("trivy image myapp:latest")
scan_step.expected_materials = [["MATCH", "*", "WITH", "PRODUCTS", "FROM", "build"]]
scan_step.expected_products = [["CREATE", "scan-report.json"]]

layout.steps = [build_step, test_step, scan_step]

metablock = Metablock(signed=layout)
metablock.sign("project-owner")
metablock.dump("root.layout")
"""

REPORT = """
from in_toto.models.metadata import Metablock
import json

def generate_supply_chain_report(link_files):
    report = {"steps": [], "verified": True}

    for link_file in link_files:
        metablock = Metablock.load(link_file)
        link = metablock.signed

        report["steps"].append({
            "name": link.name,
            "command": link.command,
            "materials": len(link.materials),
            "products": len(link.products),
            "signed_by": list(metablock.signatures.keys())
        })

    return report

report = generate_supply_chain_report(["build.link", "test.link", "scan.link"])
with open("supply-chain-report.json", "w") as f:
    json.dump(report, f, indent=2)
"""

# What asks the network for the layout is left out: `layout.content` is what came.
WEBHOOK = """
from in_toto.verifylib import in_toto_verify

def verify_image_attestations(layout):
    # Verify
    try:
        in_toto_verify(
            layout.content,
            layout_keys=["project-owner.pub"],
            link_dir_path=attestations_dir
        )
        return True
    except Exception as e:
        print(f"Verification failed: {e}")
        return False
"""

ADMIT = """
import pathlib, sys, types

attestations_dir = "attestations"
content = pathlib.Path("root.layout").read_bytes()
sys.exit(0 if verify_image_attestations(types.SimpleNamespace(content=content)) else 3)
"""

SHORT_LAYOUT = """
from in_toto.models.layout import Layout, Step, Inspection
from securesystemslib.interface import import_ed25519_privatekey_from_file
layout = Layout()
layout.set_relative_expiration(months=3)
step_clone = Step(name="clone")
step_clone.expected_products = [["CREATE", "src/*"]]
step_clone.pubkeys = [clone_functionary_keyid]
step_clone.expected_command = ["git", "clone"]
step_build = Step(name="build")
step_build.expected_materials = [["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "clone"]]
step_build.pubkeys = [build_functionary_keyid]
step_scan = Step(name="scan")
step_scan.pubkeys = [scan_functionary_keyid]
layout.steps = [step_clone, step_build, step_scan]
"""

SIGNING_LAYOUT = """
from in_toto.models.layout import Layout, Step, Inspection
from in_toto.models.metadata import Envelope
from securesystemslib.signer import CryptoSigner
from securesystemslib.interface import import_ed25519_publickey_from_file

def create_container_build_layout():
    layout = Layout()
    layout.set_relative_expiration(months=6)
    builder_key = import_ed25519_publickey_from_file("keys/builder.pub")
    scanner_key = import_ed25519_publickey_from_file("keys/scanner.pub")
    layout.keys = {
        builder_key["keyid"]: builder_key,
        scanner_key["keyid"]: scanner_key,
    }
    build = Step(name="build")
    build.expected_products = [["CREATE", "image-digest.txt"]]
    build.pubkeys = [builder_key["keyid"]]
    build.threshold = 1
    inspect_vulns = Inspection(name="verify-no-critical-vulns")
    inspect_vulns.run = ["python", "-c", "pass"]
    layout.steps = [build]
    layout.inspect = [inspect_vulns]
    return layout

if __name__ == "__main__":
    layout = create_container_build_layout()
    owner_signer = CryptoSigner.from_priv_key_uri("file:keys/owner")
    envelope = Envelope.from_signable(layout)
    envelope.create_signature(owner_signer)
    envelope.dump("root.layout")
    print("Layout created and signed: root.layout")
"""

SCRIPTS = {
    "The Kubernetes guide: `create_layout.py`": CREATE_LAYOUT,
    "The Kubernetes guide: `generate_report.py`": REPORT,
    "The Kubernetes guide: `admission_webhook.py`": WEBHOOK,
    "The container guide: the short layout script": SHORT_LAYOUT,
    "The container guide: the script that signs": SIGNING_LAYOUT,
}


def changes(title: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the lines that the page takes out of a script, with those that it puts there."""
    section = dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))[title]
    (diff,) = DIFF.findall(section)
    for removed, added in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", diff, re.MULTILINE):
        yield [line[1:] for line in removed.splitlines()], [line[1:] for line in added.splitlines()]


def changed(title: str, leaving_out: int | None = None) -> str:
    """Return a script with all changes of the page, or all but one, each of which applies once."""
    lines = SCRIPTS[title].splitlines()
    for number, (removed, added) in enumerate(changes(title)):
        if number == leaving_out:
            continue
        places = [place for place in range(len(lines)) if lines[place : place + len(removed)] == removed]
        assert len(places) == 1, removed
        lines[places[0] : places[0] + len(removed)] = added
    return "\n".join(lines)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory with all keys that the scripts name."""
    (tmp_path / "keys").mkdir()
    with chdir(tmp_path):
        for name in ("build-system", "test-runner", "security-scanner", "project-owner"):
            assert custody_main(["keygen", name]) == 0
        for name in ("keys/owner", "keys/builder", "keys/scanner"):
            assert custody_main(["keygen", name]) == 0
    return tmp_path


def record(side: Side, directory: Path, step: str, key: str, product: str) -> None:
    """Record a step that makes a file."""
    make = [sys.executable, "-c", f"open({product!r}, 'w').write('made')"]
    line = ["--step-name", step, "--signing-key", key, "--products", product, "--", *make]
    assert side.command("in-toto-run", *line, cwd=directory).code == 0


def make_attested(directory: Path) -> None:
    """Write a signed layout, and copy the link that is there into `attestations`."""
    source = """
        expires: 1 month
        functionaries: {build-system: build-system.pub}
        steps:
          - {name: build, functionaries: [build-system], expected_products: [CREATE myapp.tar, DISALLOW *]}
    """
    (directory / "supply-chain.yaml").write_text(source)
    with chdir(directory):
        assert custody_main(["layout", "build", "supply-chain.yaml", "--force"]) == 0
        assert custody_main(["sign", "-f", "root.layout", "--signing-key", "project-owner"]) == 0
    (directory / "attestations").mkdir(exist_ok=True)
    for link in directory.glob("*.link"):
        shutil.copy(link, directory / "attestations")


def test_the_page_changes_every_script_that_it_names() -> None:
    titles = [title for title, text in SECTION.findall(PAGE.read_text(encoding="utf-8")) if "```diff" in text]
    assert titles == list(SCRIPTS)


@pytest.mark.parametrize(
    ("title", "error"),
    [
        ("The Kubernetes guide: `create_layout.py`", "AttributeError: 'Step' object has no attribute"),
        ("The Kubernetes guide: `generate_report.py`", "FileNotFoundError"),
        ("The container guide: the short layout script", "ModuleNotFoundError: No module named 'securesystemslib"),
        ("The container guide: the script that signs", "ModuleNotFoundError: No module named 'securesystemslib"),
    ],
)
def test_a_script_as_written_fails_as_the_page_says(side: Side, directory: Path, title: str, error: str) -> None:
    ran = side.python(SCRIPTS[title], "script.py", cwd=directory)
    assert ran.code == 1
    assert error in ran.err
    assert not (directory / "root.layout").exists()


NEEDED = [
    pytest.param(title, number, id=f"{number}-{removed[0].strip()}")
    for title in SCRIPTS
    for number, (removed, _) in enumerate(changes(title))
]


@pytest.mark.parametrize(("title", "number"), NEEDED)
def test_every_change_is_needed(directory: Path, title: str, number: int) -> None:
    here = Here()
    record(here, directory, "build", "build-system", "myapp.tar")
    make_attested(directory)
    more = ADMIT if title.endswith("`admission_webhook.py`") else ""
    assert here.python(changed(title) + more, "script.py", cwd=directory).code == 0
    make_attested(directory)
    assert here.python(changed(title, leaving_out=number) + more, "script.py", cwd=directory).code != 0


def test_the_layout_of_the_kubernetes_guide_is_made_and_verifies_what_its_steps_recorded(
    side: Side, directory: Path
) -> None:
    assert side.python(changed("The Kubernetes guide: `create_layout.py`"), "create_layout.py", cwd=directory).code == 0
    assert side.command("in-toto-sign", "-f", "root.layout", "-k", "project-owner", cwd=directory).code == 0
    record(side, directory, "build", "build-system", "myapp.tar")
    record(side, directory, "test", "test-runner", "test-results.xml")
    verify = ("--layout", "root.layout", "--verification-keys", "project-owner.pub")
    assert side.command("in-toto-verify", *verify, cwd=directory).code == 1  # a step is missing
    record(side, directory, "security-scan", "security-scanner", "scan-report.json")
    assert side.command("in-toto-verify", *verify, cwd=directory).code == 0


def test_its_layout_accepts_a_changed_product_until_the_lists_end_with_disallow(side: Side, directory: Path) -> None:
    script = changed("The Kubernetes guide: `create_layout.py`")
    verify = ("--layout", "root.layout", "--verification-keys", "project-owner.pub")
    record(side, directory, "build", "build-system", "myapp.tar")
    (directory / "myapp.tar").write_text("evil")
    for step, key, product in (
        ("test", "test-runner", "test-results.xml"),
        ("security-scan", "security-scanner", "scan-report.json"),
    ):
        line = ["--step-name", step, "--signing-key", key, "--materials", "myapp.tar", "--products", product]
        make = [sys.executable, "-c", f"open({product!r}, 'w').write('made')"]
        assert side.command("in-toto-run", *line, "--", *make, cwd=directory).code == 0
    closed = script.replace(' "FROM", "build"]]', ' "FROM", "build"], ["DISALLOW", "*"]]')
    for text, code in ((script, 0), (closed, 1)):
        assert side.python(text, "create_layout.py", cwd=directory).code == 0
        assert side.command("in-toto-sign", "-f", "root.layout", "-k", "project-owner", cwd=directory).code == 0
        assert side.command("in-toto-verify", *verify, cwd=directory).code == code


def test_the_report_counts_every_link(side: Side, directory: Path) -> None:
    record(side, directory, "build", "build-system", "myapp.tar")
    record(side, directory, "test", "test-runner", "test-results.xml")
    assert side.python(changed("The Kubernetes guide: `generate_report.py`"), "report.py", cwd=directory).code == 0
    report = json.loads((directory / "supply-chain-report.json").read_text())
    assert [(step["name"], step["products"]) for step in report["steps"]] == [("build", 1), ("test", 1)]
    assert [len(keyid) for step in report["steps"] for keyid in step["signed_by"]] == [64, 64]


def test_the_report_calls_a_forged_link_verified(side: Side, directory: Path) -> None:
    """As the page says; whoever reads the report should know."""
    record(side, directory, "build", "build-system", "myapp.tar")
    (link,) = directory.glob("build.*.link")
    link.write_text(link.read_text().replace("myapp.tar", "other.tar"))
    assert side.python(changed("The Kubernetes guide: `generate_report.py`"), "report.py", cwd=directory).code == 0
    assert json.loads((directory / "supply-chain-report.json").read_text())["verified"] is True


@pytest.fixture
def attested(side: Side, directory: Path) -> Path:
    """Return the directory with a signed layout, and a link in `attestations`."""
    record(side, directory, "build", "build-system", "myapp.tar")
    make_attested(directory)
    return directory


def test_the_webhook_as_written_refuses_every_image(side: Side, attested: Path) -> None:
    ran = side.python(WEBHOOK + ADMIT, "admission_webhook.py", cwd=attested)
    assert ran.code == 3
    assert "layout_keys" in ran.out


def test_the_webhook_admits_what_verifies(side: Side, attested: Path) -> None:
    script = changed("The Kubernetes guide: `admission_webhook.py`") + ADMIT
    ran = side.python(script, "admission_webhook.py", cwd=attested)
    assert ran.code == 0, ran


@pytest.mark.parametrize("tamper", ["link", "layout"])
def test_the_webhook_refuses_what_was_changed(side: Side, attested: Path, tamper: str) -> None:
    script = changed("The Kubernetes guide: `admission_webhook.py`") + ADMIT
    (link,) = (attested / "attestations").iterdir()
    path, old, new = (
        (link, "myapp.tar", "other.tar") if tamper == "link" else (attested / "root.layout", "DISALLOW", "ALLOW")
    )
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    ran = side.python(script, "admission_webhook.py", cwd=attested)
    assert ran.code == 3
    assert "Verification failed: " in ran.out


def test_the_short_script_of_the_container_guide_makes_a_layout(side: Side, directory: Path) -> None:
    script = changed("The container guide: the short layout script")
    check = "layout.validate(); print(len(layout.keys), [step.name for step in layout.steps])"
    ran = side.python(f"{script}\n{check}", "layout.py", cwd=directory)
    assert (ran.code, ran.out) == (0, "2 ['clone', 'build', 'scan']\n")


@pytest.mark.parametrize("step", ["build", "test"])
def test_the_layout_of_the_container_guide_is_signed_and_verifies_its_steps_only(
    side: Side, directory: Path, step: str
) -> None:
    script = changed("The container guide: the script that signs").replace('"python"', repr(sys.executable))
    ran = side.python(script, "layout.py", cwd=directory)
    assert (ran.code, ran.out) == (0, "Layout created and signed: root.layout\n")
    record(side, directory, step, "keys/builder", "image-digest.txt")
    verify = ("--layout", "root.layout", "--layout-key", "keys/owner.pub", "--link-dir", ".")
    if side.is_reference:  # it has one spelling
        verify = (*verify[:2], "--verification-keys", *verify[3:])
    ran = side.command("in-toto-verify", *verify, cwd=directory)
    assert ran.code == int(step != "build")
    assert "Step 'build' requires" in ran.err or step == "build"
