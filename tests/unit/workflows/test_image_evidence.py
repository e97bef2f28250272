"""Gathering links from an image: what cannot be read hides nothing, and there is an end to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from custody.errors import StoreError
from custody.oci.documents import read_documents
from custody.workflows import image_evidence as gathering
from custody.workflows.attach import attach
from custody.workflows.image_evidence import image_evidence
from tests.attachments import layout_with_image, link, put_referrer
from tests.simulator import actor, signed


def test_links_are_gathered_beside_what_cannot_be_read(tmp_path: Path) -> None:
    store, image = layout_with_image(tmp_path / "layout")
    broken = put_referrer(store, image, b"broken", "application/vnd.dsse.envelope.v1+json")
    attach(store, image, read_documents(signed(link("build"), actor("alice")).write()))
    remarks: list[str] = []

    found = image_evidence(store, image.digest, remarks.append)

    assert found.links("build") == [f"build.{actor('alice').keyid:.8}.link"]
    assert [remark.partition(": ")[0] for remark in remarks] == [str(broken.digest)]


def test_absurdly_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, image = layout_with_image(tmp_path / "layout")
    sizes = []
    for step in ("build", "test"):
        data = signed(link(step), actor("alice")).write()
        attach(store, image, read_documents(data))
        sizes.append(len(data))
    monkeypatch.setattr(gathering, "MAX_IMAGE_EVIDENCE_BYTES", sum(sizes))
    image_evidence(store, image.digest, print)
    monkeypatch.setattr(gathering, "MAX_IMAGE_EVIDENCE_BYTES", sum(sizes) - 1)

    with pytest.raises(StoreError, match=f"expected at most {sum(sizes) - 1} bytes of links"):
        image_evidence(store, image.digest, print)
