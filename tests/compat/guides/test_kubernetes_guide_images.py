"""The Kubernetes guide, where it stores attestations with images: `custody` attaches and retrieves them.

The links go with the image to a second registry, and the chain is verified there. The guide's build records a file;
here it records the image itself, by its digest, so that a verification can tell that the chain made this image.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.compat.guides.images import (
    COMPONENTS,
    Registries,
    image_of,
    put_image,
    with_buildah_as_docker,
    with_custody_as_cosign,
)
from tests.compat.guides.stage import PASSED, Stage, substituted

pytestmark = COMPONENTS

GUIDES = "registry.example.com/myapp"

BUILD = r"""
custody run --step-name build --signing-key build-system --materials src/ Dockerfile --products oci:images:v1.0.0 \
  -- docker build -t registry.example.com/myapp:v1.0.0 .
docker push registry.example.com/myapp:v1.0.0
"""

ATTACH = r"""
# Using cosign to attach attestations
cosign attach attestation \
  --attestation build.*.link \
  registry.example.com/myapp:v1.0.0
"""

DOWNLOAD = r"""
# Retrieve attestations
cosign download attestation \
  registry.example.com/myapp:v1.0.0 > attestations.json
"""

EXTRACT = r"""
custody download attestation registry.example.com/myapp:v1.0.0 --extract-links attestations
in-toto-verify \
  --layout root.layout \
  --layout-key project-owner.pub \
  --link-dir attestations
"""

COPY = "custody copy registry.example.com/myapp:v1.0.0 mirror.example.org/myapp:v1.0.0"

VERIFY = """
custody verify --layout root.layout --verification-keys project-owner.pub --image mirror.example.org/myapp:v1.0.0
"""

LAYOUT = """
expires: 6 months
functionaries: {build-system: build-system.pub}
steps:
  - name: build
    functionaries: [build-system]
    expected_command: docker build -t registry.example.com/myapp:v1.0.0 .
    expected_materials: [ALLOW src/*, ALLOW Dockerfile, DISALLOW *]
    expected_products: ["CREATE oci:images:v1.0.0", DISALLOW *]
"""


class Shop:
    """The guide's project and its registries; lines run with the names of those that are there."""

    def __init__(self, stage: Stage, registries: Registries) -> None:
        """Make the keys, the layout and the project."""
        self.stage = stage
        self.registries = registries
        self.names = {
            GUIDES: f"{registries.first.host}/myapp",
            "mirror.example.org/myapp": f"{registries.second.host}/prod/myapp",
        }
        with_custody_as_cosign(stage)
        stage.keys("build-system", "project-owner", "mallory")
        stage.write({"Dockerfile": "FROM scratch\nCOPY src /app\n", "src/app.js": "console.log(1)\n"})
        stage.build_layout(LAYOUT, "project-owner")

    def lines(self, text: str) -> str:
        """Return `text` with the names of the registries."""
        return substituted(text, {guides: name for guides, name in self.names.items() if guides in text})

    @property
    def image(self) -> str:
        """The image in the first registry."""
        return self.lines(f"{GUIDES}:v1.0.0")

    @property
    def mirrored(self) -> str:
        """The image in the second registry."""
        return self.lines("mirror.example.org/myapp:v1.0.0")


@pytest.fixture
def shop(stage: Stage, registries: Registries) -> Shop:
    return Shop(stage, registries)


def test_links_are_attached_and_retrieved_as_written_and_verified_where_the_image_is_copied_to(shop: Shop) -> None:
    stage = shop.stage
    stage.succeeds(shop.lines(BUILD))
    attached = stage.succeeds(shop.lines(ATTACH))
    assert "1 document attached" in attached.out
    assert "cosign passes over it" in attached.err
    retrieved = stage.succeeds(shop.lines(DOWNLOAD))
    assert "nothing of this was verified" in retrieved.err
    (line,) = (stage.work / "attestations.json").read_text().splitlines()
    (link,) = stage.work.glob("build.*.link")
    assert json.loads(line) == json.loads(link.read_text())
    assert PASSED in stage.succeeds(shop.lines(EXTRACT)).err

    digest = image_of(stage, shop.image).rpartition("@")[2]
    assert stage.succeeds(shop.lines(COPY)).out == f"{digest}\n"
    stage.succeeds("rm build.*.link")
    verified = stage.succeeds(shop.lines(VERIFY))
    assert PASSED in verified.err + verified.out
    assert f"is {digest}" in verified.err


@pytest.mark.slow
@pytest.mark.component("buildah")
@pytest.mark.parametrize("tampered", [False, True])
def test_image_that_a_dockerfile_makes_verifies_until_its_tag_names_another(shop: Shop, *, tampered: bool) -> None:
    stage = shop.stage
    with_buildah_as_docker(stage)
    run = 'RUN ["/sh", "-c", "while read -r line; do echo built of $line; done < /app/app.js > /built"]'
    stage.write({"Dockerfile": f"FROM scratch\nCOPY root /\nCOPY src /app\n{run}\n"})
    stage.succeeds(shop.lines(BUILD + ATTACH + COPY))
    if tampered:
        put_image(stage, shop.mirrored, "another")
        ran = stage.run(shop.lines(VERIFY))
        assert (ran.code, "[link-missing]" in ran.out) == (1, True), ran
        return
    stage.succeeds(shop.lines(VERIFY))
    stage.succeeds(
        f"skopeo copy --quiet docker://{shop.mirrored} oci:deployed:v1; umoci unpack --rootless --image"
        " deployed:v1 bundle"
    )
    assert (stage.work / "bundle" / "rootfs" / "built").read_text() == "built of console.log(1)\n"


def test_skopeo_copies_the_image_without_its_links_and_it_is_refused(shop: Shop) -> None:
    """It copies what a tag names; `custody copy --only attestations` brings the rest."""
    stage = shop.stage
    stage.succeeds(shop.lines(BUILD + ATTACH))
    stage.succeeds(f"skopeo copy --quiet docker://{shop.image} docker://{shop.mirrored}")
    assert "link-missing" in stage.run(shop.lines(VERIFY)).out
    stage.succeeds(shop.lines(COPY.replace("copy", "copy --only attestations")))
    stage.succeeds(shop.lines(VERIFY))


def signed_by_somebody_else(shop: Shop) -> None:
    shop.stage.succeeds(shop.lines((BUILD + ATTACH + COPY).replace("build-system", "mallory")))


def attached_to_another_image(shop: Shop) -> None:
    shop.stage.succeeds(shop.lines(BUILD))
    put_image(shop.stage, shop.mirrored, "another")
    shop.stage.succeeds(shop.lines(ATTACH.replace(GUIDES, "mirror.example.org/myapp")))


def tag_moved(shop: Shop) -> None:
    shop.stage.succeeds(shop.lines(BUILD + ATTACH + COPY))
    put_image(shop.stage, shop.mirrored, "another")


def link_changed_in_the_registry(shop: Shop) -> None:
    shop.stage.succeeds(shop.lines(BUILD + ATTACH + COPY))
    shop.registries.second.change_blobs("src/app.js", "src/bad.js")


def link_changed_before_it_was_attached(shop: Shop) -> None:
    shop.stage.succeeds(shop.lines(BUILD))
    (link,) = shop.stage.work.glob("build.*.link")
    link.write_text(link.read_text().replace("src/app.js", "src/bad.js"))
    shop.stage.succeeds(shop.lines(ATTACH + COPY))


def nothing_attached(shop: Shop) -> None:
    shop.stage.succeeds(shop.lines(BUILD + COPY))


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (signed_by_somebody_else, "key-not-authorised"),
        (attached_to_another_image, "artifact-not-made"),
        (tag_moved, "link-missing"),
        (link_changed_in_the_registry, "link-missing"),
        (link_changed_before_it_was_attached, "signature-invalid"),
        (nothing_attached, "link-missing"),
    ],
)
def test_image_is_refused_where_it_is_deployed(shop: Shop, tamper: Callable[[Shop], None], reason: str) -> None:
    tamper(shop)
    ran = shop.stage.run(shop.lines(VERIFY))
    assert ran.code == 1, ran
    assert f"[{reason}]" in ran.out, ran
    assert PASSED not in ran.out + ran.err


def test_manifest_that_was_changed_in_the_registry_is_no_image_at_all(shop: Shop) -> None:
    shop.stage.succeeds(shop.lines(BUILD + ATTACH + COPY))
    shop.registries.second.change_blobs("vnd.oci.image.config", "vnd.oci.image.confih")
    ran = shop.stage.run(shop.lines(VERIFY))
    assert ran.code == 2, ran
