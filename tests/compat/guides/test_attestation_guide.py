"""The guide to attestations and policy: a recorded test run, a verification, a layout in JSON.

Its verification is given the functionaries' keys, and its layout names an inspection's command and a rule's step in
its own way: each error names what is missing, and the nearest working line stands beside it. Stood in for: pytest, and
git where it clones from a host. Where the guide's markup cuts into a line (`--name "test"`), the markup is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.compat.guides.stage import PASSED, Stage, substituted

VERSIONS = r"""
in-toto-run --version
in-toto-verify --version
"""

TEST = r"""
# Using in-toto-run to record a step
in-toto-run \
  --name "test" \
  --signing-key alice.pem \
  --materials myapp/src/ \
  --products myapp/src/ \
  -- pytest myapp/tests/
"""

VERIFY = r"""
# Verify a set of link files against a layout
in-toto-verify \
  --layout root.layout \
  --layout-keys alice.pub bob.pub \
  --link-dir /path/to/links
"""

# The steps that the guide only describes in its layout.
CLONE = """
in-toto-run --name clone --signing-key alice.pem --products myapp/src/main.py myapp/requirements.txt \
  -- git clone https://github.com/myorg/myapp
"""

BUILD = """
in-toto-run --name build --signing-key bob.pem --materials myapp/src/main.py --products dist/myapp-1.0.tar.gz \
  -- python setup.py sdist
"""

SETUP = """
import pathlib, shutil, subprocess
shutil.copytree("myapp/src", "myapp-1.0/src")
pathlib.Path("dist").mkdir()
subprocess.run(["tar", "czf", "dist/myapp-1.0.tar.gz", "myapp-1.0"], check=True)
shutil.rmtree("myapp-1.0")
"""


@pytest.fixture
def myapp(stage: Stage) -> Stage:
    """Return a stage with the programs and the keys of the guide."""
    stage.stand_in(
        "git", "mkdir -p myapp/src; echo 'print(1)' > myapp/src/main.py; echo flask > myapp/requirements.txt"
    )
    stage.stand_in("pytest", 'echo "12 passed in 0.45s"')
    stage.keys("owner", "alice", "bob")
    stage.succeeds("mv alice alice.pem; mv bob bob.pem; mkdir path")
    stage.write({"setup.py": SETUP})
    return stage


def key(stage: Stage, name: str) -> tuple[str, dict[str, Any]]:
    """Return the id and the layout's document of a public key."""
    code = (
        "from in_toto.models._signer import load_public_key_from_file\n"
        f"import json; print(json.dumps(load_public_key_from_file('{name}.pub')))"
    )
    stage.write({"key.py": code})
    document: dict[str, Any] = json.loads(stage.succeeds("python key.py; rm key.py").out)
    return document["keyid"], document


def as_shown(stage: Stage) -> dict[str, Any]:
    """Return the layout of the guide with real keys and a later date; the rest is what the guide shows."""
    (alice, alice_key), (bob, bob_key) = key(stage, "alice"), key(stage, "bob")
    source = "myapp/src/main.py"
    return {
        "_type": "layout",
        "expires": "2036-12-31T00:00:00Z",
        "readme": "Supply chain for myapp",
        "keys": {alice: alice_key, bob: bob_key},
        "steps": [
            {
                "name": "clone",
                "pubkeys": [alice],
                "expected_command": ["git", "clone", "https://github.com/myorg/myapp"],
                "expected_materials": [],
                "expected_products": [["CREATE", source], ["CREATE", "myapp/requirements.txt"]],
            },
            {
                "name": "test",
                "pubkeys": [alice],
                "expected_command": ["pytest", "myapp/tests/"],
                "expected_materials": [["MATCH", source, "WITH", "PRODUCTS", "FROM", "clone"]],
                "expected_products": [["MATCH", source, "WITH", "MATERIALS"]],
            },
            {
                "name": "build",
                "pubkeys": [bob],
                "expected_command": ["python", "setup.py", "sdist"],
                "expected_materials": [["MATCH", source, "WITH", "PRODUCTS", "FROM", "test"]],
                "expected_products": [["CREATE", "dist/myapp-1.0.tar.gz"]],
            },
        ],
        "inspect": [
            {
                "name": "verify-package",
                "expected_command": ["tar", "xf", "dist/myapp-1.0.tar.gz", "--list"],
                "expected_materials": [["MATCH", "dist/myapp-1.0.tar.gz", "WITH", "PRODUCTS", "FROM", "build"]],
                "expected_products": [["MATCH", "myapp-1.0/src/main.py", "WITH", "PRODUCTS", "FROM", "clone"]],
            }
        ],
        "signatures": [{"keyid": "project_owner_key_id", "sig": "..."}],
    }


def without_signatures(layout: dict[str, Any]) -> None:
    """Put signatures where they belong: beside the layout."""
    del layout["signatures"]


def with_rule_to_the_end(layout: dict[str, Any]) -> None:
    """Name the step that a MATCH rule compares with, also where it is the step itself."""
    layout["steps"][1]["expected_products"][0] += ["FROM", "test"]


def with_command_to_run(layout: dict[str, Any]) -> None:
    """Call an inspection's command `run`; GNU tar, too, wants one of its two operations only."""
    del layout["inspect"][0]["expected_command"]
    layout["inspect"][0]["run"] = ["tar", "tf", "dist/myapp-1.0.tar.gz"]


def with_final_rules(layout: dict[str, Any]) -> None:
    """Say of the source and of the package that nothing else is accepted, without which no tampering is found."""
    for item, source in ((1, "myapp/src/main.py"), (2, "myapp/src/main.py")):
        layout["steps"][item]["expected_materials"].append(["DISALLOW", source])
    layout["inspect"][0]["expected_materials"].append(["DISALLOW", "dist/*"])


CHANGES: tuple[tuple[Callable[[dict[str, Any]], None], list[str]], ...] = (
    (without_signatures, ["signatures: unknown field", "signatures stand beside 'signed'"]),
    (with_rule_to_the_end, ["'MATCH myapp/src/main.py WITH MATERIALS'", "also names it after FROM"]),
    (with_command_to_run, ["inspect[0].expected_command: unknown field", "an inspection's command is 'run'"]),
)

SIGN_AND_VERIFY = """
in-toto-sign -f root.layout -k owner
in-toto-verify --layout root.layout --layout-keys owner.pub
"""


def write_layout(stage: Stage, layout: dict[str, Any]) -> None:
    """Write `layout` into an envelope that nobody has signed."""
    stage.write({"root.layout": json.dumps({"signed": layout, "signatures": []})})


def test_the_versions_are_shown_as_written(myapp: Stage) -> None:
    run, verify = myapp.succeeds(VERSIONS).out.splitlines()
    assert run.startswith("in-toto-run 3.1.0")
    assert verify.startswith("in-toto-verify 3.1.0")


@pytest.mark.parametrize("change", range(len(CHANGES)), ids=[change.__name__ for change, _ in CHANGES])
def test_the_layout_of_the_guide_is_refused_until_all_changes_are_made(myapp: Stage, change: int) -> None:
    """With all other changes made, the one that is left out is what the error names."""
    layout = as_shown(myapp)
    for number, (apply, _) in enumerate(CHANGES):
        if number != change:
            apply(layout)
    _, says = CHANGES[change]
    write_layout(myapp, layout)
    ran = myapp.run(SIGN_AND_VERIFY)
    assert ran.code != 0
    assert [words for words in says if words not in ran.err] == []
    CHANGES[change][0](layout)
    write_layout(myapp, layout)
    myapp.fails(SIGN_AND_VERIFY, code=1, says=["Step 'clone' requires '1' link metadata file(s), found '0'"])


@pytest.mark.parametrize("tampered", [False, True])
def test_the_lines_as_written_make_a_chain_that_verifies_until_the_source_changes(
    myapp: Stage, *, tampered: bool
) -> None:
    """Verified with the owner's key: the guide gives the functionaries'."""
    layout = as_shown(myapp)
    for apply in (*(apply for apply, _ in CHANGES), with_final_rules):
        apply(layout)
    write_layout(myapp, layout)
    myapp.succeeds("in-toto-sign -f root.layout -k owner")
    myapp.succeeds(CLONE)
    myapp.succeeds(TEST)
    if tampered:
        myapp.succeeds("echo evil >> myapp/src/main.py")
    myapp.succeeds(BUILD)
    links = myapp.directory("path/to/links")
    myapp.succeeds(f"mv *.link {links}")
    verify = substituted(VERIFY, {"/path/to/links": links})
    given = myapp.fails(verify, code=1, says=["functionary, of step", "public key of the owner"])
    assert PASSED not in given.err
    verify = substituted(verify, {"alice.pub bob.pub": "owner.pub"})
    if tampered:
        myapp.fails(verify, code=1, says=["build", "myapp/src/main.py"])
    else:
        assert PASSED in myapp.succeeds(verify).err
