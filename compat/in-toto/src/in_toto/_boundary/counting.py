"""Links of this package, looked for, and counted as custody counts them."""

from __future__ import annotations

from in_toto._boundary.failures import Translated

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from typing import Any

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
    from custody.envelopes.signers import signed_by
    from custody.models.layout import read_layout
    from in_toto._boundary import talk

    with Translated():
        read = read_layout(layout.document())
    for step, own in zip(layout.steps, read.steps, strict=True):
        good: dict[str, Any] = {}
        voices: set[str] = set()
        for keyid, metadata in links.get(step.name, {}).items():
            payload = metadata.get_payload()
            if payload.type_ == "link" and payload.name != step.name:
                talk.info(_NAME, f"Skipping link. It is a link of step '{payload.name}', not of step '{step.name}'")
                continue
            signers = signed_by(metadata.envelope(), read.keys_of(own), at=at)
            if not signers:
                talk.info(_NAME, f"Skipping link. No good signature by a functionary of step '{step.name}' ('{keyid}')")
                continue
            good[keyid] = metadata
            voices.update(key.identity for key in signers)
        yield step, good, len(voices)


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
