"""The Tekton runbook: a Task whose container is `in-toto-run`, the links as a bundle, the verification.

The paths of the containers (`/workspace/source`, `/etc/in-toto`, `/scripts`) lie below the test's directory here.
`cosign`, which carries the bundle, is left out; `tar` on both ends of it is not.
"""

from __future__ import annotations

import json
import shlex

import pytest
import yaml

from tests.compat.guides.stage import PASSED, Stage, substituted

TASK_STEP = r"""
- name: run-with-intoto
  image: harbor.golems.internal/tools/in-toto:0.5.0
  volumeMounts:
    - name: signing-key
      mountPath: /etc/in-toto
  command:
    - in-toto-run
  args:
    - --step-name
    - dependency-verification
    - --signing-key
    - /etc/in-toto/step-signing.key
    - --materials
    - /workspace/source/src
    - --products
    - /workspace/source/src
    - --link-dir
    - $(params.link-dir)
    - --
    - /scripts/verify-deps.sh
    - /workspace/source
"""

LINK_DIR = "/workspace/source/.in-toto-links"  # the default of params.link-dir

BUNDLE = r"""
LINK_DIR=/workspace/source/.in-toto-links
BUNDLE=$(mktemp)
tar czf ${BUNDLE} -C ${LINK_DIR} .
"""

VERIFY = r"""
in-toto-verify \
--layout golemtrust-layout.json \
--layout-keys root.pub \
--link-dir ./links/
"""

# The steps before and after the one that the runbook shows, done as it is done.
CHECKOUT = """
cd /workspace/source
in-toto-run --step-name source-checkout --signing-key /etc/in-toto/step-signing.key \
  --products src --link-dir $(params.link-dir) -- git clone -q /repository src
"""

KANIKO = """
cd /workspace/source
in-toto-run --step-name build --signing-key /etc/in-toto/step-signing.key \
  --materials src --products image.tar --link-dir $(params.link-dir) -- kaniko
"""

LAYOUT = """
expires: 6 months
functionaries: {tekton: step-signing.key.pub}
steps:
  - name: source-checkout
    functionaries: [tekton]
    expected_command: git clone
    expected_products: [CREATE src/*, CREATE .git/HEAD, DISALLOW *]
  - name: dependency-verification
    functionaries: [tekton]
    expected_command: golemtrust-verify-deps
    expected_materials: [MATCH src/* WITH PRODUCTS FROM source-checkout, DISALLOW *]
    expected_products: [MATCH src/* WITH MATERIALS FROM dependency-verification, DISALLOW *]
  - name: build
    functionaries: [tekton]
    expected_command: kaniko
    expected_materials: [MATCH src/* WITH PRODUCTS FROM dependency-verification, DISALLOW *]
    expected_products: [CREATE image.tar, DISALLOW *]
"""


@pytest.fixture
def cluster(stage: Stage) -> Stage:
    """Return a stage with the volumes of the task, a repository, and the keys."""
    stage.keys("root", "step-signing.key")
    stage.write(
        {"scripts/verify-deps.sh": '#!/bin/sh\ntest -f "$1/src/main.go"\n', "repository/main.go": "package main\n"}
    )
    (stage.work / "scripts" / "verify-deps.sh").chmod(0o755)
    stage.succeeds("cd repository; git init -q; git add .; git commit -qm 1")
    stage.succeeds("mkdir -p etc/in-toto workspace/source links; cp step-signing.key etc/in-toto/")
    stage.stand_in("kaniko", "cat src/*.go > image.tar")
    stage.build_layout(LAYOUT, "root", "golemtrust-layout.json")
    return stage


def mounted(stage: Stage, lines: str) -> str:
    """Return `lines` with the volumes where they are mounted here."""
    for path in ("/workspace/source", "/etc/in-toto", "/scripts", "/repository"):
        lines = lines.replace(path, f"{stage.work}{path}")
    return lines


def task(stage: Stage, *more: str) -> str:
    """Return the command line of the task's container, `more` options before its `--`."""
    (step,) = yaml.safe_load(substituted(TASK_STEP, {"$(params.link-dir)": LINK_DIR}))
    words = step["command"] + step["args"]
    end = words.index("--")
    return mounted(stage, shlex.join([*words[:end], *more, *words[end:]]))


def in_source(stage: Stage, lines: str) -> str:
    """Return the lines of a step that the runbook does not show."""
    return mounted(stage, substituted(lines, {"$(params.link-dir)": LINK_DIR}))


def deliver(stage: Stage) -> None:
    """Bundle the links, and unpack the bundle where they are verified."""
    stage.succeeds(mounted(stage, BUNDLE) + "tar xz -C ./links/ < ${BUNDLE}; rm ${BUNDLE}")


def test_the_task_as_written_records_absolute_paths_which_the_rules_of_the_layout_do_not_mean(cluster: Stage) -> None:
    cluster.succeeds(in_source(cluster, CHECKOUT))
    cluster.succeeds(task(cluster))
    cluster.succeeds(in_source(cluster, KANIKO))
    deliver(cluster)
    (link,) = (cluster.work / "links").glob("dependency-verification.*.link")
    assert list(json.loads(link.read_text())["signed"]["products"]) == [f"{cluster.work}/workspace/source/src/main.go"]
    cluster.fails(VERIFY, code=1, says=["dependency-verification", "workspace/source/src/main.go"])


@pytest.mark.parametrize("tampered", [False, True])
def test_with_its_beginning_stripped_the_chain_verifies_until_the_source_changes(
    cluster: Stage, *, tampered: bool
) -> None:
    cluster.succeeds(in_source(cluster, CHECKOUT))
    cluster.succeeds(task(cluster, "--lstrip-paths", "/workspace/source/"))
    if tampered:
        cluster.succeeds("echo evil >> workspace/source/src/main.go")
    cluster.succeeds(in_source(cluster, KANIKO))
    deliver(cluster)
    if tampered:
        cluster.fails(VERIFY, code=1, says=["build", "src/main.go"])
    else:
        assert PASSED in cluster.succeeds(VERIFY).err


def test_the_task_fails_as_its_command_fails_and_its_link_says_so(cluster: Stage) -> None:
    ran = cluster.run(task(cluster))  # there is nothing to verify yet
    assert ran.code == 1, ran
    (link,) = (cluster.work / "workspace" / "source" / ".in-toto-links").iterdir()
    assert json.loads(link.read_text())["signed"]["byproducts"]["return-value"] == 1


def test_a_layout_key_without_its_scheme_is_named(cluster: Stage) -> None:
    """As the runbook shows its keys: a type and a value."""
    envelope = json.loads((cluster.work / "golemtrust-layout.json").read_text())
    (key,) = envelope["signed"]["keys"].values()
    scheme = key.pop("scheme")
    envelope["signatures"] = []
    cluster.write({"golemtrust-layout.json": json.dumps(envelope)})
    sign = "in-toto-sign -f golemtrust-layout.json -k root"
    cluster.fails(sign, code=2, says=["public key", "without scheme"])
    key["scheme"] = scheme
    cluster.write({"golemtrust-layout.json": json.dumps(envelope)})
    cluster.succeeds(sign)


def test_a_layout_whose_steps_have_no_threshold_is_read_as_one_of_one(cluster: Stage) -> None:
    """As the runbook shows its steps."""
    envelope = json.loads((cluster.work / "golemtrust-layout.json").read_text())
    for step in envelope["signed"]["steps"]:
        del step["threshold"]
    envelope["signatures"] = []
    cluster.write({"golemtrust-layout.json": json.dumps(envelope)})
    cluster.succeeds("in-toto-sign -f golemtrust-layout.json -k root")
    cluster.fails(VERIFY, code=1, says=["source-checkout"])  # no links yet, and nothing wrong with the layout
