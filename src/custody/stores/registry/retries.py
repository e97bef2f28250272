"""When a request is sent again, and how long is waited before."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from custody.errors import StoreError

if TYPE_CHECKING:
    from custody.oci.messages import Response

__all__ = ["MAX_RETRY_SECONDS", "MAX_TRIES", "may_pass", "pause"]

MAX_TRIES = 4
"""How often a request is sent altogether."""

MAX_RETRY_SECONDS = 60.0
"""The longest that is waited for a registry that asks for patience; beyond it the request fails at once."""

_MAY_PASS = (429, 502, 503, 504)
_FIRST_PAUSE = 0.5


def may_pass(response: Response) -> bool:
    """Return whether the same request may succeed later."""
    return response.status in _MAY_PASS


def pause(tried: int, response: Response | None) -> float:
    """Return for how many seconds to wait after `tried` tries.

    Raises:
        StoreError: the registry wants to be left alone for longer than `MAX_RETRY_SECONDS`.

    """
    asked = _retry_after(response.header("retry-after")) if response is not None else None
    if asked is None:
        return _FIRST_PAUSE * (1 << (tried - 1))
    if asked > MAX_RETRY_SECONDS:
        raise StoreError(
            f"the registry answered {response.status if response else 0} and wants to be asked again in {asked:.0f}"
            f" seconds; at most {MAX_RETRY_SECONDS:.0f} are waited, so try again then"
        )
    return asked


def _retry_after(text: str) -> float | None:
    """Return the seconds that a Retry-After header names, as a number or as a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
