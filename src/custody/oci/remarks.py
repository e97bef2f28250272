"""What other clients make of what is attached: nothing is refused here for being unknown to them, but it is said.

What cosign 2.6 and 3.1 read was found by trying, and a test tries it again. They demand an in-toto payload, and that
the statement has nothing that they do not know; of `.att` manifests version 2 does not demand that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.fields import Fields, as_object
from custody.encoding.strict import read_json
from custody.encoding.text import is_hex
from custody.envelopes.dsse import IN_TOTO_PAYLOAD
from custody.errors import FormatError
from custody.oci.attached import LINK_ARTIFACT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from custody.oci.documents import Document

__all__ = ["remarks_on"]

_STATEMENT_FIELDS = frozenset({"_type", "subject", "predicateType", "predicate"})
_SUBJECT_FIELDS = frozenset({"name", "uri", "digest", "content", "downloadLocation", "mediaType", "annotations"})
_READ_BY_COSIGN_3 = "application/vnd.dev.sigstore.bundle.v0."


def remarks_on(document: Document, *, legacy: bool) -> tuple[str, ...]:
    """Return what other clients will not see of `document`, one clause each; empty if they see all of it."""
    if document.is_link:
        kept = "; --legacy has no place for it, so it became a referrer too" if legacy else ""
        return (f"cosign passes over it, since it is a link, no statement; other clients see {LINK_ARTIFACT}{kept}",)
    envelope = document.dsse
    if envelope.payload_type != IN_TOTO_PAYLOAD:
        return (f"cosign reads the payload type {IN_TOTO_PAYLOAD} only, not {envelope.payload_type!r:.80}",)
    if not document.predicate_type:
        return ("cosign finds it by no --type, since its payload has no predicateType",)
    content = envelope.content()
    who = "cosign 3" if legacy else "cosign"
    return tuple(f"{who} skips it: {problem}" for problem in _problems(document, content, legacy=legacy))


def _problems(document: Document, content: Mapping[str, Any], *, legacy: bool) -> Iterator[str]:
    try:
        yield from _unknown(content)
        if not legacy:
            yield from _odd_digests(content)
    except FormatError as error:
        yield str(error)
    if document.is_bundle and not legacy:
        yield from _bundle_problems(document)


def _unknown(content: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(set(content) - _STATEMENT_FIELDS):
        yield f"its statement has the field {name!r:.80}, which is in no specification"
    if not isinstance(content.get("predicate"), dict | None):
        yield "its predicate is no object"
    for index, subject in enumerate(Fields(content).list("subject", [])):
        where = f"subject[{index}]"
        for name in sorted(set(as_object(subject, where)) - _SUBJECT_FIELDS):
            yield f"{where} has the field {name!r:.80}, which is in no specification"


def _odd_digests(content: Mapping[str, Any]) -> Iterator[str]:
    for index, subject in enumerate(Fields(content).list("subject", [])):
        fields = Fields(subject, f"subject[{index}]")
        for name, value in fields.object("digest", {}).items():
            if not isinstance(value, str) or not is_hex(value):
                yield f"{fields.where} has a {name!r:.40} that is not hexadecimal"


def _bundle_problems(document: Document) -> Iterator[str]:
    bundle = Fields(read_json(document.raw))
    version = bundle.text("mediaType")
    if not version.startswith(_READ_BY_COSIGN_3) or version.startswith(
        (f"{_READ_BY_COSIGN_3}1", f"{_READ_BY_COSIGN_3}2")
    ):
        yield f"it is a bundle of an older version, {version!r:.80}"
    if any(signature.keyid for signature in document.envelope.signatures):
        yield "it has a key id beside the signature"
