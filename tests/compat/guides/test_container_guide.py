"""The container guide: typed keys, three recorded steps, verification before `kubectl apply`.

Its layout is a Python script, which has a test of its own; what it describes stands here with a DISALLOW at the end of
each list, without which no tampering could be found. Stood in for: docker, trivy, syft, kubectl, and git where it
clones from a host.
"""

from __future__ import annotations

import pytest

from tests.compat.guides.stage import PASSED, Stage

KEYS = r"""
# Generate Ed25519 key pairs for each functionary
mkdir -p keys
# Project owner key (signs the layout)
in-toto-keygen --type ed25519 keys/owner
# CI builder key
in-toto-keygen --type ed25519 keys/builder
# Security scanner key
in-toto-keygen --type ed25519 keys/scanner
"""

CHECKOUT = r"""
in-toto-run --step-name checkout \
--key keys/builder \
--products Dockerfile src/* requirements.txt \
-- git clone https://github.com/org/app.git .
"""

BUILD = r"""
in-toto-run --step-name build \
--key keys/builder \
--materials Dockerfile src/* \
--products image-digest.txt \
-- bash -c "docker build -t app:latest . && docker inspect --format='{{.Id}}' app:latest > image-digest.txt"
"""

SCAN = r"""
in-toto-run --step-name scan \
--key keys/scanner \
--materials image-digest.txt \
--products vulnerability-report.json sbom.json \
-- bash -c "trivy image --format json app:latest > vulnerability-report.json && syft app:latest -o json > sbom.json"
"""

VERIFY = r"""
set +e  # a script, not a CI job: it goes on to its own `if`
# Verify the entire supply chain
in-toto-verify --layout root.layout \
--layout-key keys/owner.pub \
--link-dir ./link-metadata/
# If verification passes, proceed with deployment
if [ $? -eq 0 ]; then
kubectl apply -f deployment.yaml
echo "Supply chain verification passed - deploying"
else
echo "SUPPLY CHAIN VERIFICATION FAILED - blocking deployment"
exit 1
fi
"""

LAYOUT = """
expires: 6 months
functionaries: {builder: keys/builder.pub, scanner: keys/scanner.pub}
steps:
  - name: checkout
    functionaries: [builder]
    expected_products: [CREATE Dockerfile, CREATE src/*, CREATE requirements.txt, DISALLOW *]
  - name: build
    functionaries: [builder]
    expected_materials:
      - MATCH Dockerfile WITH PRODUCTS FROM checkout
      - MATCH src/* WITH PRODUCTS FROM checkout
      - DISALLOW *
    expected_products: [CREATE image-digest.txt, DISALLOW *]
  - name: scan
    functionaries: [scanner]
    expected_materials: [MATCH image-digest.txt WITH PRODUCTS FROM build, DISALLOW *]
    expected_products: [CREATE vulnerability-report.json, CREATE sbom.json, DISALLOW *]
inspect:
  - name: verify-no-critical-vulns
    expected_materials: [MATCH vulnerability-report.json WITH PRODUCTS FROM scan, DISALLOW vulnerability-report.json]
    run:
      - python
      - -c
      - "import json,sys; r=json.load(open('vulnerability-report.json')); \\
        sys.exit(1) if any(v['severity']=='CRITICAL' for v in r.get('vulnerabilities',[])) else sys.exit(0)"
"""

UNRECORDED_SOURCE = "'DISALLOW *' matched the following artifacts: ['src/app.py']"


@pytest.fixture
def container(stage: Stage) -> Stage:
    """Return a stage with the programs and the keys of the guide, where its commands are typed."""
    stage.stand_in(
        "git", "mkdir src; echo FROM scratch > Dockerfile; echo 'print(1)' > src/app.py; echo flask > requirements.txt"
    )
    stage.stand_in("docker", 'case "$1" in inspect) cat Dockerfile src/* | sha256sum ;; esac')
    stage.stand_in("trivy", """echo '{"vulnerabilities": []}'""")
    stage.stand_in("syft", """echo '{"artifacts": []}'""")
    stage.stand_in("kubectl", 'echo "kubectl $*"')
    stage.succeeds(KEYS)
    return stage


def collected(stage: Stage) -> None:
    """Build the layout, and put the links where the guide says they are; it leaves out how they get there."""
    stage.build_layout(LAYOUT, "keys/owner")
    stage.succeeds("mkdir link-metadata; mv *.link link-metadata/")


def test_the_lines_as_written_record_no_source_and_say_so(container: Stage) -> None:
    """The shell expands `src/*` before the clone, when there is nothing to expand it to."""
    ran = container.succeeds(CHECKOUT)
    assert "src/*" in ran.err
    container.succeeds(BUILD)
    container.succeeds(SCAN)
    collected(container)
    container.fails(VERIFY, code=1, says=["build", UNRECORDED_SOURCE])


@pytest.mark.parametrize("tampered", [False, True])
def test_with_the_directory_instead_of_the_pattern_the_chain_verifies_until_a_product_changes(
    container: Stage, *, tampered: bool
) -> None:
    container.succeeds(CHECKOUT.replace("src/*", "src"))
    container.succeeds(BUILD)
    if tampered:
        container.succeeds("echo sha256:evil > image-digest.txt")
    container.succeeds(SCAN)
    collected(container)
    if tampered:
        ran = container.fails(VERIFY, code=1, says=["scan", "image-digest.txt"])
        assert ran.out == "SUPPLY CHAIN VERIFICATION FAILED - blocking deployment\n"
        return
    ran = container.succeeds(VERIFY)
    assert PASSED in ran.err
    assert ran.out == "kubectl apply -f deployment.yaml\nSupply chain verification passed - deploying\n"


def test_a_critical_vulnerability_blocks_the_deployment(container: Stage) -> None:
    container.stand_in("trivy", """echo '{"vulnerabilities": [{"severity": "CRITICAL"}]}'""")
    container.succeeds(CHECKOUT.replace("src/*", "src"))
    container.succeeds(BUILD + SCAN)
    collected(container)
    ran = container.fails(VERIFY, code=1, says=["verify-no-critical-vulns"])
    assert "blocking" in ran.out


def test_links_that_were_not_collected_are_named(container: Stage) -> None:
    container.succeeds(CHECKOUT.replace("src/*", "src"))
    container.succeeds(BUILD + SCAN)
    container.build_layout(LAYOUT, "keys/owner")
    container.fails(VERIFY, code=1, says=["checkout", "found none", "--link-dir"])


def test_git_itself_clones_into_an_empty_directory_only(stage: Stage) -> None:
    """The keys lie where the guide clones to, so git refuses; the step has to run with its keys elsewhere."""
    stage.succeeds(
        "git init -q app; cd app; mkdir src; touch Dockerfile src/app.py requirements.txt; git add .; git commit -qm 1"
    )
    stage.succeeds("mkdir job; cd job" + KEYS)
    at_host = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_1": f"url.{stage.work}/app.insteadOf",
        "GIT_CONFIG_VALUE_1": "https://github.com/org/app.git",
    }
    ran = stage.run(CHECKOUT, stage.work / "job", at_host)
    assert ran.code == 128, ran
    elsewhere = CHECKOUT.replace("keys/builder", "../job/keys/builder").replace("src/*", "src")
    ran = stage.run(elsewhere, stage.directory("empty"), at_host)
    assert ran.code == 0, ran
