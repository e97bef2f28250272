"""Links of this package, looked for, and counted as custody counts them."""

from __future__ import annotations

from in_toto._boundary.failures import Translated

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from custody.keys.key import Key
    from in_toto.models.layout import Layout, Step
    from in_toto.models.metadata import Metadata

__all__ = ["below", "counted", "key_in", "links_of"]

_NAME = "in_toto.verifylib"


def links_of(step: Step, layout: Layout, directory: str) -> dict[str, Metadata]:
    """Return what is named like links of the step in `directory`, by the ids of the keys in those names.

    What is no metadata is left out with a warning (D13).
    """
    from custody.workflows.links import link_path
    from in_toto._boundary import talk
    from in_toto.exceptions import Error
    from in_toto.models.metadata import Metadata

    found: dict[str, Metadata] = {}
    for keyid in _key_ids(step, layout):
        with Translated():
            path = link_path(directory, step.name, keyid)
        try:
            found[keyid] = Metadata.load(path)
        except FileNotFoundError:
            continue
        except (OSError, Error) as error:
            talk.warning(_NAME, f"Skipping link. {path!r} cannot be used: {error}")
    return found


def counted(layout: Layout, links: Mapping[str, Mapping[str, Any]], at: datetime) -> Iterator[tuple[Step, Any, int]]:
    """Yield each step with those of its links that functionaries of it signed, and how many functionaries these are."""
    from custody.models.layout import read_layout
    from in_toto._boundary import talk
    from in_toto._boundary.trust import trusted
    from in_toto.exceptions import Error

    with Translated():
        read = read_layout(layout.document())
    for step, own in zip(layout.steps, read.steps, strict=True):
        good: dict[str, Any] = {}
        voices: set[str] = set()
        keys = trusted(read.keys_of(own))
        for keyid, metadata in links.get(step.name, {}).items():
            try:
                signers = _signers(metadata, step.name, keys, at)
            except Error as error:
                talk.info(_NAME, f"Skipping link. What was found for '{keyid}' of step '{step.name}': {error}")
                continue
            good[keyid] = metadata
            voices.update(key.identity for key in signers)
        yield step, good, len(voices)


def _signers(metadata: Metadata, step: str, keys: Sequence[Key], at: datetime) -> tuple[Key, ...]:
    """Return those of `keys` that signed, if it is a sublayout or a link of `step`.

    Raises:
        Error: none of them signed, or what they signed is no evidence: malformed (D7, D11) or of another step (D17).

    """
    from custody.envelopes.dsse import IN_TOTO_PAYLOAD
    from custody.envelopes.signers import signed_by
    from custody.models.layout import LAYOUT_TYPE
    from custody.models.link import read_link
    from in_toto._boundary.checks import malformed

    with Translated():
        envelope = metadata.envelope()
        if envelope.payload_type != IN_TOTO_PAYLOAD:
            raise malformed(f"expected the payload type {IN_TOTO_PAYLOAD}, got {envelope.payload_type!r:.80}")
        signers = signed_by(envelope, keys, at=at)
        if not signers:
            raise malformed("there is no good signature by a functionary of the step")
        content = envelope.content()
        if content.get("_type") != LAYOUT_TYPE:
            link = read_link(content)
            if link.name != step:
                raise malformed(f"it is a link of step '{link.name}'")
    return signers


def below(directory: str, step: str, keyid: str) -> str:
    """Return the directory for the links of a sublayout in place of `step`; names stay plain names (A3)."""
    from custody.workflows.links import link_path

    with Translated():
        return link_path(directory, step, keyid).removesuffix(".link")


def key_in(layout: Layout, keyid: str) -> dict[str, Any]:
    """Return the key `keyid` of the layout as owners' keys are given, or the one that it is a subkey of."""
    for name, key in layout.keys.items():
        if keyid == name or keyid in (key.get("subkeys") or {}):
            return {name: key}
    return {}


def _key_ids(step: Step, layout: Layout) -> list[str]:
    """Return the ids of the keys that may sign for the step, each with those of its subkeys behind it."""
    found: list[str] = []
    for keyid in step.pubkeys:
        found += [keyid, *((layout.keys.get(keyid) or {}).get("subkeys") or ())]
    return list(dict.fromkeys(found))
