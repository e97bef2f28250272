"""The Kubernetes guide: keys, links made by GitHub Actions, GitLab and Tekton, verification before a deployment.

Its layout is a Python script, which has a test of its own; what it describes stands here with a DISALLOW at the end of
each list, without which no tampering could be found. Stood in for: pip, docker, npm, trivy, curl.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compat.guides.stage import PASSED, Stage, substituted

KEYS = r"""
# Create keys for build system
in-toto-keygen build-system

# Creates: build-system (private), build-system.pub (public)

# Create keys for test system
in-toto-keygen test-runner

# Create keys for security scan
in-toto-keygen security-scanner

# Create project owner key for layout
in-toto-keygen project-owner
"""

BUILD = r"""
# In build step
in-toto-run \
  --step-name build \
  --key build-system \
  --materials src/ Dockerfile \
  --products myapp.tar \
  -- docker build -t myapp:latest .

# This creates: build.<keyid>.link
"""

VERIFY = r"""
# Collect all link files and layout
# Verify the complete supply chain
in-toto-verify \
  --layout root.layout \
  --layout-key project-owner.pub \
  --link-dir .

# If verification passes, proceed with deployment
"""

PROJECT = {
    "Dockerfile": "FROM scratch\nCOPY src /src\n",
    "package.json": '{"name": "myapp"}\n',
    "src/app.js": "console.log(1)\n",
    "test/app.test.js": "// a test\n",
}

DOCKER = """
case "$*" in
  *dest=*) image=${*##*dest=}; image=${image%% *} ;;
  *) image=myapp.tar ;;
esac
cat Dockerfile src/* > "$image"
"""

NPM = """
case "$*" in
  "run build") mkdir -p dist; cat src/* > dist/app.js ;;
  test) echo "<testsuite/>" > test-results.xml; mkdir -p coverage; echo 100 > coverage/summary ;;
esac
"""

GITHUB_LAYOUT = """
expires: 6 months
functionaries:
  build-system: build-system.pub
  test-runner: test-runner.pub
steps:
  - name: build
    functionaries: [build-system]
    expected_command: docker build -t myapp:latest .
    expected_materials: [ALLOW src/*, ALLOW Dockerfile, DISALLOW *]
    expected_products: [CREATE *.tar, DISALLOW *]
  - name: test
    functionaries: [test-runner]
    expected_command: npm test
    expected_materials: [MATCH src/* WITH MATERIALS FROM build, ALLOW package.json, DISALLOW *]
    expected_products: [CREATE test-results.xml, DISALLOW *]
"""

GITLAB_LAYOUT = """
expires: 6 months
functionaries:
  build-system: build-system.pub
  test-runner: test-runner.pub
  security-scanner: security-scanner.pub
steps:
  - name: build
    functionaries: [build-system]
    expected_command: npm run build
    expected_materials: [ALLOW src/*, DISALLOW *]
    expected_products: [CREATE dist/*, DISALLOW *]
  - name: test
    functionaries: [test-runner]
    expected_command: npm test
    expected_materials: [MATCH dist/* WITH PRODUCTS FROM build, ALLOW test/*, DISALLOW *]
    expected_products: [CREATE coverage/*, DISALLOW *]
  - name: security-scan
    functionaries: [security-scanner]
    expected_command: trivy fs dist/
    expected_materials: [MATCH dist/* WITH PRODUCTS FROM build, DISALLOW *]
    expected_products: [CREATE scan-report.json, DISALLOW *]
"""

TEKTON_LAYOUT = """
expires: 6 months
functionaries: {build-system: build-system.pub}
steps:
  - name: build
    functionaries: [build-system]
    expected_materials: [ALLOW src/*, ALLOW Dockerfile, DISALLOW *]
    expected_products: [CREATE image.tar, DISALLOW *]
inspect:
  - name: check-image
    run: test -s image.tar
    expected_materials:
      - MATCH image.tar WITH PRODUCTS FROM build
      - ALLOW project-owner.pub
      - ALLOW root.layout
      - DISALLOW *
"""


@pytest.fixture
def kubernetes(stage: Stage) -> Stage:
    """Return a stage with the programs and the keys of the guide."""
    stage.stand_in("docker", DOCKER)
    stage.stand_in("npm", NPM)
    stage.stand_in("trivy", 'test -d dist; echo "[]" > scan-report.json')
    stage.succeeds(KEYS)
    return stage


def deployed(stage: Stage, *links: str) -> Path:
    """Return a directory with the layout, the owner's public key and the collected links."""
    place = stage.directory("deployment")
    stage.collect(place, "root.layout", "project-owner.pub", *links)
    return place


def test_the_installation_is_checked_as_written(stage: Stage) -> None:
    ran = stage.succeeds("in-toto-run --version")
    assert ran.out.startswith("in-toto-run 3.1.0")


def test_the_keys_are_made_as_written(kubernetes: Stage) -> None:
    for name in ("build-system", "test-runner", "security-scanner", "project-owner"):
        assert "PRIVATE KEY" in (kubernetes.work / name).read_text()
        assert "PUBLIC KEY" in (kubernetes.work / f"{name}.pub").read_text()


@pytest.mark.parametrize("tampered", [False, True])
def test_a_build_on_the_command_line_verifies_until_its_image_is_changed(kubernetes: Stage, *, tampered: bool) -> None:
    inspect = "inspect:\n  - {name: look, run: test -s myapp.tar, expected_materials: [%s]}\n"
    rules = "MATCH *.tar WITH PRODUCTS FROM build, ALLOW root.layout, ALLOW *.pub, DISALLOW *"
    steps, _, _ = GITHUB_LAYOUT.partition("  - name: test\n")
    kubernetes.write(PROJECT)
    kubernetes.succeeds(BUILD)
    kubernetes.build_layout(steps + inspect % rules, "project-owner")
    place = deployed(kubernetes, "build.*.link", "myapp.tar")
    if tampered:
        kubernetes.succeeds("echo evil >> myapp.tar", place)
        kubernetes.fails(VERIFY, place, code=1, says=["myapp.tar"])
    else:
        assert PASSED in kubernetes.succeeds(VERIFY, place).err


GITHUB_KEY = 'echo "${{ secrets.IN_TOTO_BUILD_KEY }}" > build-system'

GITHUB_BUILD = r"""
in-toto-run \
  --step-name build \
  --key build-system \
  --materials src/ Dockerfile \
  --products myapp.tar \
  -- docker build -t registry.example.com/myapp:${{ github.sha }} .
"""

GITHUB_TEST = r"""
in-toto-run \
  --step-name test \
  --key test-runner \
  --materials src/ package.json \
  --products test-results.xml \
  -- npm test
"""


@pytest.mark.parametrize("tampered", [False, True])
def test_a_github_workflow_verifies_until_the_source_changes_between_jobs(kubernetes: Stage, *, tampered: bool) -> None:
    """The guide never loads the second job's key; it comes here as the first job's does, from a secret."""
    build, test = kubernetes.directory("build"), kubernetes.directory("test")
    for job in (build, test):
        kubernetes.write(PROJECT, job)
    secret = {"${{ secrets.IN_TOTO_BUILD_KEY }}": (kubernetes.work / "build-system").read_text()}
    kubernetes.succeeds("pip install in-toto", build)
    kubernetes.succeeds(substituted(GITHUB_KEY, secret), build)
    kubernetes.succeeds(substituted(GITHUB_BUILD, {"${{ github.sha }}": "1f0c"}), build)
    kubernetes.collect(test, "test-runner", "build/build.*.link")
    if tampered:
        kubernetes.succeeds("echo evil >> src/app.js", test)
    kubernetes.succeeds(GITHUB_TEST, test)
    kubernetes.build_layout(GITHUB_LAYOUT, "project-owner")
    place = deployed(kubernetes, "test/build.*.link", "test/test.*.link")
    if tampered:
        kubernetes.fails(VERIFY, place, code=1, says=["'DISALLOW *' matched the following artifacts", "src/app.js"])
        return
    ran = kubernetes.succeeds(VERIFY, place)
    assert "differs from expected command" in ran.err
    assert PASSED in ran.err


GITLAB_BUILD = r"""
in-toto-run \
  --step-name build \
  --key $IN_TOTO_BUILD_KEY \
  --materials src/ \
  --products dist/ \
  -- npm run build
"""

GITLAB_TEST = r"""
in-toto-run \
  --step-name test \
  --key $IN_TOTO_TEST_KEY \
  --materials dist/ test/ \
  --products coverage/ \
  -- npm test
"""

GITLAB_SCAN = r"""
in-toto-run \
  --step-name security-scan \
  --key $IN_TOTO_SCAN_KEY \
  --materials dist/ \
  --products scan-report.json \
  -- trivy fs dist/
"""


@pytest.mark.parametrize("tampered", [False, True])
def test_a_gitlab_pipeline_verifies_until_a_product_changes_between_jobs(kubernetes: Stage, *, tampered: bool) -> None:
    """The key variables are of GitLab's type "file": they hold a path."""
    variables = {
        "IN_TOTO_BUILD_KEY": str(kubernetes.work / "build-system"),
        "IN_TOTO_TEST_KEY": str(kubernetes.work / "test-runner"),
        "IN_TOTO_SCAN_KEY": str(kubernetes.work / "security-scanner"),
    }
    job = kubernetes.directory("job")
    kubernetes.write(PROJECT, job)
    kubernetes.succeeds("pip install in-toto", job)
    kubernetes.succeeds(GITLAB_BUILD, job, variables)
    kubernetes.succeeds(GITLAB_TEST, job, variables)
    if tampered:
        kubernetes.succeeds("echo evil >> dist/app.js", job)
    kubernetes.succeeds(GITLAB_SCAN, job, variables)
    kubernetes.build_layout(GITLAB_LAYOUT, "project-owner")
    place = deployed(kubernetes, "job/build.*.link", "job/test.*.link", "job/security-scan.*.link")
    if tampered:
        kubernetes.fails(VERIFY, place, code=1, says=["security-scan", "dist/app.js"])
    else:
        assert PASSED in kubernetes.succeeds(VERIFY, place).err


TEKTON_BUILD = r"""
#!/bin/bash
set -e

# Install in-toto
pip install in-toto

# Load signing key from secret
cp /secrets/in-toto-key $(workspaces.source.path)/build-key

# Run build with attestation
cd $(workspaces.source.path)
in-toto-run \
  --step-name $(params.step-name) \
  --key build-key \
  --materials src/ Dockerfile \
  --products image.tar \
  -- docker build -t $(params.image-name) -o type=tar,dest=image.tar .

# Copy attestation
cp build.*.link $(workspaces.attestations.path)/
"""

TEKTON_VERIFY = r"""
#!/bin/bash
set -e

pip install in-toto

# Download layout
curl -o root.layout $(params.layout-url)

# Download public keys
curl -o project-owner.pub $(params.layout-url)/project-owner.pub

# Verify
cd $(workspaces.attestations.path)
in-toto-verify \
  --layout root.layout \
  --layout-key project-owner.pub \
  --link-dir .

echo "✓ Supply chain verification passed"
"""

CURL = """
case "$3" in
  */project-owner.pub) cp "$SERVED/project-owner.pub" "$2" ;;
  *) cp "$SERVED/root.layout" "$2" ;;
esac
"""


def tekton(stage: Stage) -> tuple[Path, str, dict[str, str]]:
    """Return the attestations' workspace after the build, and the verifying task's script with its environment."""
    source, attestations, secrets = map(stage.directory, ("source", "attestations", "secrets"))
    stage.write(PROJECT, source)
    stage.write({"in-toto-key": (stage.work / "build-system").read_text()}, secrets)
    build = {
        "/secrets/": f"{secrets}/",
        "$(workspaces.source.path)": source,
        "$(params.step-name)": "build",
        "$(params.image-name)": "registry.example.com/myapp",
        "$(workspaces.attestations.path)": attestations,
    }
    stage.succeeds(substituted(TEKTON_BUILD, build))
    stage.build_layout(TEKTON_LAYOUT, "project-owner")
    stage.collect(attestations, "source/image.tar")
    stage.stand_in("curl", CURL)
    verify = {"$(params.layout-url)": "https://layouts.example.com", "$(workspaces.attestations.path)": attestations}
    return attestations, substituted(TEKTON_VERIFY, verify), {"SERVED": str(stage.work)}


@pytest.mark.parametrize("tampered", [False, True])
def test_the_tekton_tasks_verify_until_the_image_is_changed(kubernetes: Stage, *, tampered: bool) -> None:
    """The verifying task needs `workingDir: $(workspaces.attestations.path)`; see the next test."""
    attestations, verify, variables = tekton(kubernetes)
    if tampered:
        kubernetes.succeeds("echo evil >> image.tar", attestations)
    ran = kubernetes.run(verify, attestations, variables)
    assert ran.code == int(tampered), ran
    assert ("✓" in ran.out) is not tampered
    assert (PASSED in ran.err) is not tampered


def test_the_tekton_task_that_downloads_the_layout_elsewhere_is_told_which_file_is_missing(kubernetes: Stage) -> None:
    """As written, `curl` runs in one directory and `in-toto-verify` in another."""
    _, verify, variables = tekton(kubernetes)
    ran = kubernetes.run(verify, kubernetes.directory("elsewhere"), variables)
    assert ran.code == 1, ran
    assert "root.layout" in ran.err or "project-owner.pub" in ran.err  # neither is where it is sought
    assert "No such file" in ran.err
    assert "✓" not in ran.out
