"""The Tekton runbook, where the links of a chain become an attestation of the image in Harbor, and verify from there.

The runbook's predicate is a tarball, which no predicate can be: the error says what to write in its place. Its keyless
`cosign attest` is given a key here. kaniko is stood in for by umoci; the image is recorded by its digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.compat.guides.images import COMPONENTS, Registries, image_of, put_image, with_custody_as_cosign
from tests.compat.guides.stage import PASSED, Stage, substituted
from tests.compat.guides.test_tekton_runbook import CHECKOUT, LAYOUT, VERIFY, in_source, mounted, task

pytestmark = COMPONENTS

SERVICE = "harbor.golems.internal/golem-trust/example-service"
TYPE = "https://golemtrust.am/attestation/in-toto-bundle/v1"

ATTEST = r"""
LINK_DIR=/workspace/source/.in-toto-links
BUNDLE=$(mktemp)
tar czf ${BUNDLE} -C ${LINK_DIR} .
cosign attest \
--predicate ${BUNDLE} \
--type https://golemtrust.am/attestation/in-toto-bundle/v1 \
$(params.image-ref)
"""

ATTEST_LINKS = r"""
LINK_DIR=/workspace/source/.in-toto-links
cosign attest --key step-signing.key \
--bundle-links ${LINK_DIR} \
--type https://golemtrust.am/attestation/in-toto-bundle/v1 \
$(params.image-ref)
"""

LIST = "crane ls harbor.golems.internal/golem-trust/example-service"

DOWNLOAD = r"""
cosign download attestation \
harbor.golems.internal/golem-trust/example-service@sha256:<digest> \
--predicate-type https://golemtrust.am/attestation/in-toto-bundle/v1 \
"""

AS_WRITTEN = DOWNLOAD + "| jq -r '.payload' | base64 -d | tar xz -C ./links/"

BY_HAND = DOWNLOAD + (
    "| jq -r '.payload | @base64d | fromjson | .predicate.links[] | [.name, .content] | @tsv' \\\n"
    "| while read -r name content; do echo $content | base64 -d > ./links/$name; done"
)

EXTRACT = DOWNLOAD + "--extract-links ./links/"

KANIKO = """
cd /workspace/source
custody run --step-name build --signing-key /etc/in-toto/step-signing.key \
  --materials src --products oci:image:v1 --metadata-directory $(params.link-dir) -- kaniko
"""

VERIFY_ATTESTATION = """
custody verify-attestation --key step-signing.key.pub \
--type https://golemtrust.am/attestation/in-toto-bundle/v1 \
harbor.golems.internal/golem-trust/example-service:v1
"""

VERIFY_IMAGE = """
custody verify --layout golemtrust-layout.json --verification-keys root.pub \
--image harbor.golems.internal/golem-trust/example-service:v1
"""


class Cluster:
    """The runbook's cluster with its image in the first registry, and links in the workspace."""

    def __init__(self, stage: Stage, registries: Registries) -> None:
        """Perform the chain, and push what it made."""
        self.stage = stage
        self.registries = registries
        with_custody_as_cosign(stage)
        umoci = (
            "umoci init --layout image; umoci new --image image:v1; umoci insert --rootless --image image:v1 src /app"
        )
        stage.stand_in("kaniko", umoci)
        stage.keys("root", "step-signing.key", "mallory")
        stage.write({"scripts/verify-deps.sh": "#!/bin/sh\n", "repository/main.go": "package main\n"})
        (stage.work / "scripts" / "verify-deps.sh").chmod(0o755)
        stage.succeeds("cd repository; git init -q; git add .; git commit -qm 1")
        stage.succeeds("mkdir -p etc/in-toto workspace/source links; cp step-signing.key etc/in-toto/")
        stage.build_layout(LAYOUT.replace("CREATE image.tar", "CREATE oci:image:v1"), "root", "golemtrust-layout.json")
        stage.succeeds(in_source(stage, CHECKOUT))
        stage.succeeds(task(stage, "--lstrip-paths", "/workspace/source/"))
        stage.succeeds(in_source(stage, KANIKO))
        self.image = f"{registries.first.host}/golem-trust/example-service:v1"
        stage.succeeds(f"skopeo copy --quiet oci:workspace/source/image:v1 docker://{self.image}")
        self.names = {SERVICE: self.image.removesuffix(":v1"), "$(params.image-ref)": self.image}

    def lines(self, text: str) -> str:
        """Return `text` with what stands for its names and paths here."""
        names = {**self.names, "sha256:<digest>": image_of(self.stage, self.image).rpartition("@")[2]}
        return mounted(self.stage, substituted(text, {name: there for name, there in names.items() if name in text}))

    def copy(self) -> None:
        """Copy the image with its attestations to the second registry, which is asked from now on."""
        there = self.image.replace(self.registries.first.host, self.registries.second.host)
        self.stage.succeeds(f"custody copy {self.image} {there}")
        self.image = there
        self.names = {SERVICE: there.removesuffix(":v1"), "$(params.image-ref)": there}


@pytest.fixture
def cluster(stage: Stage, registries: Registries) -> Cluster:
    return Cluster(stage, registries)


def test_tarball_as_a_predicate_is_refused_with_the_option_for_links_and_before_anybody_signs(cluster: Cluster) -> None:
    cluster.stage.fails(cluster.lines(ATTEST), code=2, says=["expected JSON", "--bundle-links DIR"])
    assert "nothing hangs on it" in cluster.stage.succeeds(f"custody tree {cluster.image}").out


@pytest.mark.parametrize(("more", "tag"), [("", "sha256-{}"), ("--legacy", "sha256-{}.att")])
def test_bundle_is_listed_and_downloaded_and_its_links_verify_as_written(cluster: Cluster, more: str, tag: str) -> None:
    stage = cluster.stage
    stage.succeeds(cluster.lines(ATTEST_LINKS.rstrip()) + f" {more}")
    digest = image_of(stage, cluster.image).rpartition(":")[2]
    assert stage.succeeds(cluster.lines(LIST)).out.splitlines() == [tag.format(digest), "v1"]

    (line,) = stage.succeeds(cluster.lines(DOWNLOAD.rstrip().rstrip("\\"))).out.splitlines()
    assert json.loads(line)["payloadType"] == "application/vnd.in-toto+json"
    assert stage.run(cluster.lines(AS_WRITTEN)).code != 0  # what was signed is a statement, and no tarball
    stage.succeeds(cluster.lines(EXTRACT))
    assert PASSED in stage.succeeds(VERIFY).err

    stage.succeeds("rm links/*")
    stage.succeeds(cluster.lines(BY_HAND))
    assert len(list((stage.work / "links").iterdir())) == 3
    assert PASSED in stage.succeeds(VERIFY).err


@pytest.mark.parametrize("more", ["", "--legacy"])
def test_bundle_goes_with_the_image_and_its_chain_is_verified_there(cluster: Cluster, more: str) -> None:
    stage = cluster.stage
    stage.succeeds(cluster.lines(ATTEST_LINKS.rstrip()) + f" {more}")
    cluster.copy()
    stage.succeeds("rm -r workspace/source/.in-toto-links")

    statement = stage.succeeds(
        cluster.lines(VERIFY_ATTESTATION).rstrip() + " | jq '.payload | @base64d | fromjson'"
    ).out
    assert json.loads(statement)["predicateType"] == TYPE
    verified = stage.succeeds(cluster.lines(VERIFY_IMAGE))
    assert PASSED in verified.out + verified.err


def by_another_key(cluster: Cluster) -> None:
    cluster.stage.succeeds(cluster.lines(ATTEST_LINKS).replace("--key step-signing.key", "--key mallory"))
    cluster.copy()


def of_another_type(cluster: Cluster) -> None:
    cluster.stage.succeeds(cluster.lines(ATTEST_LINKS).replace("bundle/v1", "bundle/v2"))
    cluster.copy()


def of_another_image(cluster: Cluster) -> None:
    """What was downloaded from the image is attached to another."""
    cluster.stage.succeeds(cluster.lines(ATTEST_LINKS))
    cluster.stage.succeeds(cluster.lines(DOWNLOAD.rstrip().rstrip("\\")) + " > attestation.json")
    cluster.copy()
    put_image(cluster.stage, cluster.image, "another")
    cluster.stage.succeeds(f"cosign attach attestation --attestation attestation.json {cluster.image}")


def behind_a_tag_that_moved(cluster: Cluster) -> None:
    cluster.stage.succeeds(cluster.lines(ATTEST_LINKS))
    cluster.copy()
    put_image(cluster.stage, cluster.image, "another")


def changed_in_the_registry(cluster: Cluster) -> None:
    cluster.stage.succeeds(cluster.lines(ATTEST_LINKS))
    cluster.copy()
    cluster.registries.second.change_blobs("vnd.in-toto+json", "vnd.in-toto+jsOn")


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (by_another_key, "no signature on it is by a key that is demanded"),
        (of_another_type, f"expected the predicate type {TYPE}"),
        (of_another_image, "is not counted"),
        (behind_a_tag_that_moved, "and no other either"),
        (changed_in_the_registry, "sent other bytes than asked for"),
    ],
)
def test_attestation_that_is_wrong_is_refused(cluster: Cluster, tamper: Callable[[Cluster], None], says: str) -> None:
    tamper(cluster)
    ran = cluster.stage.fails(cluster.lines(VERIFY_ATTESTATION), code=1, says=[says])
    assert ran.out == ""


def test_bundle_with_one_link_changed_is_attested_and_its_chain_is_refused(cluster: Cluster) -> None:
    """Whoever attests a bundle vouches for the collection; each link has a signature of its own."""
    (link,) = cluster.stage.work.glob("workspace/source/.in-toto-links/dependency-verification.*.link")
    link.write_text(link.read_text().replace("src/main.go", "src/evil.go"))
    cluster.stage.succeeds(cluster.lines(ATTEST_LINKS))
    cluster.copy()
    cluster.stage.succeeds(cluster.lines(VERIFY_ATTESTATION))
    ran = cluster.stage.run(cluster.lines(VERIFY_IMAGE))
    assert (ran.code, "[signature-invalid]" in ran.out) == (1, True), ran
    cluster.stage.succeeds(cluster.lines(EXTRACT))
    cluster.stage.fails(VERIFY, code=1, says=["dependency-verification"])


def test_chain_is_refused_for_another_image_on_which_its_bundle_hangs(cluster: Cluster) -> None:
    of_another_image(cluster)
    ran = cluster.stage.run(cluster.lines(VERIFY_IMAGE))
    assert (ran.code, "[artifact-not-made]" in ran.out) == (1, True), ran
