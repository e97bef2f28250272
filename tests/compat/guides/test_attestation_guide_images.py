"""The guide to attestations and policy, where cosign attests and verifies: `custody` does so in its place.

What the guide does with a key is done with one that is encrypted as cosign has it. What it does without a key is signed
by an identity of a Sigstore instance on loopback, which the lines have to be told of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compat.guides.images import COMPONENTS, Registries, put_image, with_custody_as_cosign
from tests.compat.guides.stage import Stage, substituted
from tests.sigstore_instance import SigstoreInstance

pytestmark = COMPONENTS

COSIGN_KEY = """
custody keygen --type ecdsa cosign
custody key convert cosign --to private-cosign --new-password-env COSIGN_PASSWORD -o cosign.key
rm cosign
"""

CREATE_IMAGE = """
# 1. Create a test image
docker build -t test:latest .
docker push test:latest
"""

ATTEST = r"""
# 2. Create a test attestation
echo '{"test": "passed"}' > test.json
cosign attest --key cosign.key \
  --predicate test.json \
  --type https://example.com/test/v1 \
  test:latest
"""

VERIFY = r"""
# 3. Verify it exists
cosign verify-attestation --key cosign.pub \
  --type https://example.com/test/v1 \
  test:latest
"""

VERIFY_ANOTHER = r"""
# 4. Try to verify an image WITHOUT the attestation
docker pull nginx:latest
cosign verify-attestation --key cosign.pub \
  --type https://example.com/test/v1 \
  nginx:latest
# Should fail: no attestation found
"""

TEST_RESULT = r"""
# Create a custom attestation
cat > test-result.json << EOF
{
  "tests_run": 42,
  "tests_passed": 42,
  "tests_failed": 0,
  "coverage": "87%",
  "timestamp": "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
}
EOF

# Attest to a container image
cosign attest \
  --predicate test-result.json \
  --type https://example.com/TestResult/v1 \
  myapp:v1.2.3
"""

EXTRACT = r"""
# Verify and extract the attestation
cosign verify-attestation \
  --type https://example.com/TestResult/v1 \
  --certificate-identity-regexp ".*" \
  --certificate-oidc-issuer "https://token.actions.githubusercontent.com" \
  myapp:v1.2.3 | jq '.payload | @base64d | fromjson | .predicate'
"""

SBOM = r"""
cosign attest --yes \
  --predicate sbom.spdx.json \
  --type spdxjson \
  ghcr.io/acme/app@${{ steps.build.outputs.digest }}
"""

BOM = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": "app",
    "documentNamespace": "https://example.com/app",
    "creationInfo": {"created": "2030-01-01T00:00:00Z", "creators": ["Tool: syft"]},
}

JOB = "https://github.com/acme/app/.github/workflows/build.yml@refs/tags/v1.2.3"


class Pipeline:
    """The guide's images in the first registry, and a second one."""

    def __init__(self, stage: Stage, registries: Registries) -> None:
        """Make a key as cosign has it, and push the images."""
        self.stage = stage
        self.registries = registries
        self.names = {
            "test:latest": f"{registries.first.host}/test:latest",
            "nginx:latest": f"{registries.first.host}/nginx:latest",
            "myapp:v1.2.3": f"{registries.first.host}/test:latest",
        }
        with_custody_as_cosign(stage)
        stage.succeeds(COSIGN_KEY)
        stage.write({"src/app.py": "print(1)\n", "Dockerfile": "FROM scratch\nCOPY src /app\n"})
        stage.succeeds(self.lines(CREATE_IMAGE))
        put_image(stage, self.names["nginx:latest"], "nginx")

    def lines(self, text: str) -> str:
        """Return `text` with the images where they are."""
        return substituted(text, {name: there for name, there in self.names.items() if name in text})

    def copy(self) -> None:
        """Copy both images with what hangs on them to the second registry, from which they are verified then."""
        for name in ("test:latest", "nginx:latest"):
            there = f"{self.registries.second.host}/prod/{name}"
            self.stage.succeeds(f"custody copy {self.names[name]} {there}")
            self.names[name] = there
        self.names["myapp:v1.2.3"] = self.names["test:latest"]


@pytest.fixture
def pipeline(stage: Stage, registries: Registries, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("COSIGN_PASSWORD", "as cosign asks for it")
    return Pipeline(stage, registries)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[SigstoreInstance]:
    with SigstoreInstance(tmp_path / "instance") as found:
        yield found


@pytest.mark.parametrize("more", ["", " --new-bundle-format=false"])
def test_attestation_verifies_as_written_also_where_its_image_is_copied_to_and_that_of_no_other(
    pipeline: Pipeline, more: str
) -> None:
    stage = pipeline.stage
    stage.succeeds(pipeline.lines(ATTEST).rstrip() + more)
    payload = " | jq -r .payload | base64 -d | jq -c .predicate"
    for _ in pipeline.registries:
        verified = stage.succeeds(pipeline.lines(VERIFY).rstrip() + payload)
        assert json.loads(verified.out) == {"test": "passed"}
        stage.fails(pipeline.lines(VERIFY_ANOTHER), code=1, says=["no attestation of type", "and no other either"])
        pipeline.copy()


def test_copy_by_skopeo_leaves_attestations_behind_and_is_refused(pipeline: Pipeline) -> None:
    """Its tag alone is copied; what hangs on the image under cosign's tag is a copy of its own."""
    stage = pipeline.stage
    stage.succeeds(pipeline.lines(ATTEST).rstrip() + " --legacy")
    here, there = pipeline.names["test:latest"], f"{pipeline.registries.second.host}/prod/test:latest"
    stage.succeeds(f"skopeo copy --quiet docker://{here} docker://{there}")
    pipeline.names["test:latest"] = there
    stage.fails(pipeline.lines(VERIFY), code=1, says=["no attestation of type"])
    copy = """
    tag=$(skopeo inspect --format '{{.Digest}}' docker://%s | tr : -).att
    skopeo copy --quiet docker://%s:$tag docker://%s:$tag
    """
    stage.succeeds(copy % (here, here.removesuffix(":latest"), there.removesuffix(":latest")))
    stage.succeeds(pipeline.lines(VERIFY))


def by_another_key(pipeline: Pipeline) -> None:
    pipeline.stage.keys("mallory")
    pipeline.stage.succeeds(pipeline.lines(ATTEST).replace("cosign.key", "mallory"))
    pipeline.copy()


def of_another_type(pipeline: Pipeline) -> None:
    pipeline.stage.succeeds(pipeline.lines(ATTEST).replace("test/v1", "test/v2"))
    pipeline.copy()


def of_another_image(pipeline: Pipeline) -> None:
    pipeline.stage.succeeds(pipeline.lines(ATTEST.replace("test:latest", "nginx:latest")))
    pipeline.stage.succeeds(pipeline.lines("cosign download attestation nginx:latest > attestation.json"))
    pipeline.stage.succeeds(pipeline.lines("cosign attach attestation --attestation attestation.json test:latest"))
    pipeline.copy()


def changed_in_the_registry(pipeline: Pipeline) -> None:
    pipeline.stage.succeeds(pipeline.lines(ATTEST))
    pipeline.copy()
    pipeline.registries.second.change_blobs("vnd.in-toto+json", "vnd.in-toto+jsOn")


def behind_a_tag_that_moved(pipeline: Pipeline) -> None:
    pipeline.stage.succeeds(pipeline.lines(ATTEST))
    pipeline.copy()
    put_image(pipeline.stage, pipeline.names["test:latest"], "another")


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (by_another_key, "no signature on it is by a key that is demanded"),
        (of_another_type, "expected the predicate type https://example.com/test/v1"),
        (of_another_image, "is not counted"),
        (changed_in_the_registry, "sent other bytes than asked for"),
        (behind_a_tag_that_moved, "and no other either"),
    ],
)
def test_attestation_that_is_wrong_is_refused(
    pipeline: Pipeline, tamper: Callable[[Pipeline], None], says: str
) -> None:
    tamper(pipeline)
    ran = pipeline.stage.fails(pipeline.lines(VERIFY), code=1, says=[says])
    assert ran.out == ""


def as_job(pipeline: Pipeline, instance: SigstoreInstance, text: str, identity: str = JOB) -> str:
    """Return the lines of a keyless guide with where the instance is, and who asks it."""
    values = {
        "cosign attest": f"cosign attest --key '{instance.uri(identity)}'",
        "cosign verify-attestation": f"cosign verify-attestation --trusted-root {instance.trusted_root}",
        "https://token.actions.githubusercontent.com": instance.issuer,
    }
    return pipeline.lines(substituted(text, {name: there for name, there in values.items() if name in text}))


def test_identity_that_may_be_anybody_is_accepted_with_a_warning(
    pipeline: Pipeline, instance: SigstoreInstance
) -> None:
    stage = pipeline.stage
    stage.succeeds(as_job(pipeline, instance, TEST_RESULT))
    pipeline.copy()
    ran = stage.succeeds(as_job(pipeline, instance, EXTRACT))
    assert json.loads(ran.out)["tests_passed"] == 42
    assert "the identity '.*' matches everybody" in ran.err

    exact = EXTRACT.replace('-regexp ".*"', f" {JOB}")
    ran = stage.succeeds(as_job(pipeline, instance, exact))
    assert "matches everybody" not in ran.err
    stage.fails(as_job(pipeline, instance, exact.replace("v1.2.3 \\", "v1.2.4 \\")), code=1, says=["is not counted"])
    another = EXTRACT.replace("https://token.actions.githubusercontent.com", "https://gitlab.com")
    stage.fails(as_job(pipeline, instance, another), code=1, says=["is not counted"])


def test_attestation_by_a_key_is_none_by_an_identity(pipeline: Pipeline, instance: SigstoreInstance) -> None:
    attest = TEST_RESULT.replace("cosign attest", "custody attest --key cosign.key")
    pipeline.stage.succeeds(pipeline.lines(attest))
    pipeline.stage.fails(as_job(pipeline, instance, EXTRACT), code=1, says=["is not counted"])


@pytest.mark.slow
def test_sbom_is_attested_by_a_job_and_verified_by_its_short_type(
    pipeline: Pipeline, instance: SigstoreInstance
) -> None:
    stage = pipeline.stage
    stage.write({"sbom.spdx.json": json.dumps(BOM)})
    image = pipeline.names["test:latest"]
    digest = stage.succeeds(f"skopeo inspect --format '{{{{.Digest}}}}' docker://{image}").out.strip()
    names = {"ghcr.io/acme/app": image.removesuffix(":latest"), "${{ steps.build.outputs.digest }}": digest}
    stage.succeeds(as_job(pipeline, instance, substituted(SBOM, names)))
    pipeline.copy()

    verify = EXTRACT.replace("https://example.com/TestResult/v1", "spdxjson")
    ran = stage.succeeds(as_job(pipeline, instance, verify))
    assert json.loads(ran.out) == BOM
    other = as_job(pipeline, instance, verify.replace("spdxjson", "cyclonedx"))
    stage.fails(other, code=1, says=["expected the predicate type https://cyclonedx.org/bom"])


def test_sbom_of_another_form_is_not_signed(pipeline: Pipeline) -> None:
    pipeline.stage.write({"sbom.spdx.json": '{"bomFormat": "CycloneDX", "specVersion": "1.6"}'})
    line = "cosign attest --yes --key cosign.key --predicate sbom.spdx.json --type spdxjson test:latest"
    pipeline.stage.fails(pipeline.lines(line), code=2, says=["spdxVersion"])
