"""Every chain of these tests is judged twice: by links in a directory, and by links that hang on an image.

The links hang there in a bundle that a stranger signed, which proves nothing and hides nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.models.predicates.link_bundle import LINK_BUNDLE, write_link_bundle
from custody.oci.documents import read_documents
from custody.stores.memory import MemoryStore
from custody.verification.case import EvidenceSet
from custody.workflows.attach import attach
from custody.workflows.gather import gather
from custody.workflows.image_evidence import image_evidence
from tests.attachments import attestation, layout_with_image, statement
from tests.simulator import Simulator, actor


def on_an_image(files: dict[str, bytes], directory: Path) -> MemoryStore:
    """Return what is gathered from an image, made in `directory`, with the links `files` on it."""
    store, image = layout_with_image(directory)
    if files:
        bundle = statement(image, LINK_BUNDLE, write_link_bundle(files))
        attach(store, image, read_documents(attestation(bundle, actor("stranger"))))
    problems: list[str] = []
    found = image_evidence(store, image.digest, problems.append)
    assert problems == []
    return found


@pytest.fixture(autouse=True, params=["directory", "image"])
def _evidence(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if request.param == "directory":
        return

    def evidence(chain: Simulator) -> EvidenceSet:
        store = on_an_image(chain.files, tmp_path_factory.mktemp("image") / "layout")
        return gather(chain.layout, store, at=chain.at)

    monkeypatch.setattr(Simulator, "evidence", evidence)
