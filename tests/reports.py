"""Reports that other tools wrote, recorded, and small changes of them."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

__all__ = ["RECORDED", "changed", "recorded", "recorded_json"]

RECORDED = Path(__file__).parent / "vectors" / "reports"


def recorded(name: str) -> bytes:
    """Return the bytes of the recorded report `name`."""
    return (RECORDED / name).read_bytes()


def recorded_json(name: str) -> dict[str, Any]:
    """Return the recorded report `name` as data."""
    document: dict[str, Any] = json.loads(recorded(name))
    return document


def changed(document: dict[str, Any], *path: str | int, to: object = None) -> dict[str, Any]:
    """Return a copy of `document` with `to` at `path`, or nothing there if `to` is None."""
    copy = deepcopy(document)
    place: Any = copy
    for part in path[:-1]:
        place = place[part]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return copy
