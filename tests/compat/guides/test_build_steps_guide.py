"""The guide to build steps, security modules and compliance: GitHub jobs, a verification, `record`, key rotation.

Its recording lines have no step name, its verification is given the functionaries' keys, its layouts have patterns
without rules: each error names what is missing, and the nearest working line stands beside it. Stood in for:
cleanimg-init, pytest. Its lines with `hsm:` keys are in `test_security_module_guide.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from custody.envelopes.metablock import Metablock
from custody.signing.registry import load_signer
from custody.signing.signer import signing_id
from tests.compat.guides.stage import NO_STEP_NAME, PASSED, Stage

REVIEW = r"""
in-toto-run \
  --key-path review-key \
  --links-dir links/ \
  --materials "." \
  --products "review-report.txt" \
  -- echo "code-review completed"
"""

BUILD = r"""
in-toto-run \
  --key-path builder-key \
  --links-dir links/ \
  --materials "src/" \
  --products "myapp.tar" \
  -- cleanimg-init --build --image myapp:1.0.0
"""

TEST = r"""
in-toto-run \
  --key-path tester-key \
  --links-dir links/ \
  --materials "src/,tests/" \
  --products "test-results.json" \
  -- pytest tests/ --json test-results.json
"""

VERIFY = r"""
# Verify all steps completed and links are valid
in-toto-verify \
  --layout layout.json \
  --links-dir links/ \
  --key reviewer.pub builder.pub tester.pub
"""

OWNERS_VERIFY = VERIFY.replace("--key reviewer.pub builder.pub tester.pub", "--key owner.pub")

STEPS = {"code-review": REVIEW, "build": BUILD, "test": TEST}

LAYOUT = """
expires: 6 months
functionaries: {reviewer: reviewer.pub, builder: builder.pub, tester: tester.pub}
steps:
  - name: code-review
    functionaries: [reviewer]
    expected_materials: [ALLOW *]
    expected_products: [MODIFY review-report.txt, ALLOW review-report.txt, DISALLOW *]
  - name: build
    functionaries: [builder]
    expected_materials: [MATCH src/* WITH MATERIALS FROM code-review, DISALLOW *]
    expected_products: [CREATE myapp.tar, DISALLOW *]
  - name: test
    functionaries: [tester]
    expected_command: pytest tests/ --json test-results.json
    expected_materials: [MATCH src/* WITH MATERIALS FROM build, ALLOW tests/*, DISALLOW *]
    expected_products: [CREATE test-results.json, DISALLOW *]
"""


@pytest.fixture
def project(stage: Stage) -> Stage:
    """Return a stage with the programs, the keys and the project of the guide."""
    stage.stand_in("cleanimg-init", "cat src/* > myapp.tar")
    stage.stand_in("pytest", """echo '{"passed": 1}' > test-results.json""")
    stage.keys("owner", "reviewer", "builder", "tester", "security")
    stage.succeeds("cp reviewer review-key; cp builder builder-key; cp tester tester-key")
    stage.write(
        {
            "src/main.py": "print(1)\n",
            "tests/test_main.py": "def test_it(): pass\n",
            "review-report.txt": "Code review passed\n",
            "build.sh": "#!/bin/sh\nmkdir -p build-output; cat src/* > build-output/app\n",
        }
    )
    (stage.work / "build.sh").chmod(0o755)
    stage.build_layout(LAYOUT, "owner", "layout.json")
    return stage


def named(step: str) -> str:
    """Return the guide's line for `step`, and what it lacks."""
    return STEPS[step].replace("in-toto-run ", f"in-toto-run --step-name {step} ")


@pytest.mark.parametrize("step", list(STEPS))
def test_a_line_without_a_step_name_is_told_that_it_needs_one(project: Stage, step: str) -> None:
    project.fails(STEPS[step], code=2, says=[NO_STEP_NAME])
    assert not (project.work / "links").exists()


@pytest.mark.parametrize("tampered", [False, True])
def test_with_step_names_and_the_owners_key_the_chain_verifies_until_the_source_changes(
    project: Stage, *, tampered: bool
) -> None:
    project.succeeds(named("code-review"))
    project.succeeds(named("build"))
    if tampered:
        project.succeeds("echo evil >> src/main.py")
    project.succeeds(named("test"))
    if tampered:
        project.fails(OWNERS_VERIFY, code=1, says=["test", "src/main.py"])
        return
    ran = project.succeeds(OWNERS_VERIFY)
    assert PASSED in ran.err
    for step in STEPS:  # the guide shows a line for each step
        assert step in ran.err


def test_materials_with_a_comma_between_are_two_directories(project: Stage) -> None:
    project.succeeds(named("test"))
    (link,) = (project.work / "links").glob("test.*.link")
    assert list(json.loads(link.read_text())["signed"]["materials"]) == ["src/main.py", "tests/test_main.py"]


DEPLOY = r"""
# Before deploying, verify In-Toto layout compliance
in-toto-verify \
  --layout layout.json \
  --links-dir ci/links/ \
  --key builder.pub security.pub
"""

TROUBLESHOOT = r"""
# Check link signatures
in-toto-verify \
  --layout layout.json \
  --links-dir links/ \
  --key builder.pub \
  --verbose
"""


def every_step(stage: Stage) -> None:
    """Carry out all steps, their links in both places that the guide verifies."""
    for step in STEPS:
        stage.succeeds(named(step))
    stage.succeeds("mkdir ci; cp -r links ci/links")


@pytest.mark.parametrize(
    ("line", "given"),
    [
        (VERIFY, "reviewer.pub builder.pub tester.pub"),
        (DEPLOY, "builder.pub security.pub"),
        (TROUBLESHOOT, "builder.pub"),
    ],
    ids=["verify", "deploy", "troubleshoot"],
)
def test_the_functionaries_keys_are_no_owners_keys(project: Stage, line: str, given: str) -> None:
    """They stand in the layout; what is asked for is the key of whoever signed the layout."""
    every_step(project)
    project.fails(line, code=1, says=["functionary, of step 'build'", "public key of the owner"])
    assert PASSED in project.succeeds(line.replace(given, "owner.pub")).err


START = r"""
# Debug material hashing
in-toto-record \
  --key builder-key \
  --links-dir links/ \
  start build
"""

STOP = r"""
# Run build step
./build.sh

in-toto-record \
  --key builder-key \
  --links-dir links/ \
  stop build

# Generates build.link with detailed material tracking
"""

RECORDED_LAYOUT = """
expires: 6 months
functionaries: {builder: builder.pub}
steps:
  - name: build
    functionaries: [builder]
    expected_materials: [ALLOW src/*, DISALLOW *]
    expected_products: [REQUIRE build-output/app, CREATE build-output/*, DISALLOW *]
inspect:
  - name: look
    run: "true"
    expected_materials: [MATCH build-output/* WITH PRODUCTS FROM build, DISALLOW build-output/*]
"""


def test_a_recording_as_written_lists_nothing(project: Stage) -> None:
    """It works, and its link is empty: no materials and products are named."""
    project.succeeds(START)
    project.succeeds(STOP)
    (link,) = (project.work / "links").glob("build.*.link")
    document = json.loads(link.read_text())["signed"]
    assert (document["name"], document["materials"], document["products"]) == ("build", {}, {})
    project.build_layout(RECORDED_LAYOUT, "owner", "recorded.json")
    project.fails("in-toto-verify -l recorded.json --key owner.pub --links-dir links/", code=1, says=["REQUIRE"])


@pytest.mark.parametrize("tampered", [False, True])
def test_a_recording_with_materials_and_products_verifies_until_its_product_changes(
    project: Stage, *, tampered: bool
) -> None:
    project.succeeds(START.replace("start build", "start build --materials src/"))
    project.succeeds(STOP.replace("stop build", "stop build --products build-output/"))
    project.build_layout(RECORDED_LAYOUT, "owner", "recorded.json")
    verify = "in-toto-verify -l recorded.json --key owner.pub --links-dir links/"
    if tampered:
        project.succeeds("echo evil >> build-output/app")
        project.fails(verify, code=1, says=["build-output/app"])
    else:
        assert PASSED in project.succeeds(verify).err


ROTATION = r"""
# Annual key rotation
in-toto-keygen -t rsa -n builder-2025
"""


def test_the_rotated_key_is_made_as_written_and_signs(project: Stage) -> None:
    project.succeeds(ROTATION)
    line = named("build").replace("builder-key", "builder-2025")
    project.succeeds(line)
    project.succeeds("in-toto-sign -f links/build.*.link --verify -k builder-2025.pub")
    project.fails("in-toto-sign -f links/build.*.link --verify -k builder.pub", code=1, says=["ignature"])


SIGN = "in-toto-sign -f layout.json -k owner"


def basic_layout(stage: Stage) -> dict[str, Any]:
    """Return the guide's basic layout with rules, key ids and key material, and without a version."""
    built = json.loads((stage.work / "layout.json").read_text())["signed"]
    (keyid,) = built["steps"][1]["pubkeys"]
    step = {
        "name": "build",
        "expected_command": ["./build.sh"],
        "pubkeys": [keyid],
        "threshold": 1,
        "expected_materials": [["ALLOW", "src/*"]],
        "expected_products": [["CREATE", "*.tar"]],
    }
    keys = {keyid: built["keys"][keyid]}
    return {"_type": "layout", "expires": "2036-12-31T23:59:59Z", "keys": keys, "steps": [step], "inspect": []}


def with_version(layout: dict[str, Any]) -> None:
    layout["version"] = 1


def with_patterns_without_rules(layout: dict[str, Any]) -> None:
    layout["steps"][0] |= {"expected_materials": [["src/**"]], "expected_products": [["*.tar.gz"]]}


def with_names_of_keys(layout: dict[str, Any]) -> None:
    layout["steps"][0]["pubkeys"] = ["builder-key-abc123"]


def with_addresses(layout: dict[str, Any]) -> None:
    layout["steps"][0]["pubkeys"] = ["alice@company.com", "bob@company.com"]


def with_keys_without_material(layout: dict[str, Any]) -> None:
    layout["keys"] = {keyid: {"keyid_hash_algorithms": ["sha256"]} for keyid in layout["keys"]}


def without_keys(layout: dict[str, Any]) -> None:
    layout["keys"] = {}


def without_expiry(layout: dict[str, Any]) -> None:
    del layout["expires"]


WRONG: list[tuple[Callable[[dict[str, Any]], None], list[str]]] = [
    (with_version, ["version: unknown field", "leave it out"]),
    (with_patterns_without_rules, ["'src/**' is a pattern without a rule", "['ALLOW', 'src/*']"]),
    (with_names_of_keys, ["'builder-key-abc123", "'pubkeys' of step 'build'"]),
    (with_addresses, ["'alice@company.com", "'pubkeys' of step 'build'"]),
    (with_keys_without_material, ["public key", "without keytype, scheme, keyval"]),
    (without_keys, ["build", "key"]),
    (without_expiry, ["expires: missing"]),
]


@pytest.mark.parametrize(("spoil", "says"), WRONG, ids=[spoil.__name__ for spoil, _ in WRONG])
def test_a_signed_layout_as_the_guide_shows_it_is_rejected_with_what_it_lacks(
    project: Stage, spoil: Callable[[dict[str, Any]], None], says: list[str]
) -> None:
    """Signed by another tool, and with an envelope: the guide leaves it out everywhere."""
    every_step(project)
    layout = basic_layout(project)
    for change in (None, spoil):
        if change:
            change(layout)
        signer = load_signer(str(project.work / "owner"))
        envelope = Metablock.wrap(layout)
        envelope = envelope.with_signature(signing_id(signer), signer.sign(envelope.signed_bytes))
        (project.work / "layout.json").write_bytes(envelope.write())
        if change:
            project.fails(OWNERS_VERIFY, code=1, says=says)
        else:
            assert PASSED in project.succeeds(OWNERS_VERIFY).err


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        wrong
        for wrong in WRONG
        if wrong[0] in {with_patterns_without_rules, with_names_of_keys, with_addresses, with_keys_without_material}
    ],
)
def test_a_malformed_layout_is_not_signed(
    project: Stage, spoil: Callable[[dict[str, Any]], None], says: list[str]
) -> None:
    layout = basic_layout(project)
    project.write({"layout.json": json.dumps({"signed": layout, "signatures": []})})
    project.succeeds(SIGN)
    spoil(layout)
    project.write({"layout.json": json.dumps({"signed": layout, "signatures": []})})
    project.fails(SIGN, code=2, says=says)


def test_an_unsigned_layout_without_expiry_is_signed_for_a_month_as_ever(project: Stage) -> None:
    layout = basic_layout(project)
    without_expiry(layout)
    project.write({"layout.json": json.dumps({"signed": layout, "signatures": []})})
    project.succeeds(SIGN)
    project.succeeds(named("build"))
    assert PASSED in project.succeeds(OWNERS_VERIFY).err
    signed = json.loads((project.work / "layout.json").read_text())
    signed["signed"]["expires"] = "2036-12-31T23:59:59Z"
    project.write({"layout.json": json.dumps(signed)})
    project.fails(OWNERS_VERIFY, code=1, says=["ignature"])


def test_a_layout_as_the_guide_shows_it_has_no_envelope(project: Stage) -> None:
    project.write({"layout.json": json.dumps(basic_layout(project))})
    project.fails(OWNERS_VERIFY, code=1, says=["'signed'", "'payload'"])
