"""Where the commands start, which end with their process at once; programs call each module's `main`."""

from __future__ import annotations

from custody.cli.process import run_and_end

TYPE_CHECKING = False  # known to checkers; `typing` is slow to import
if TYPE_CHECKING:
    from typing import NoReturn

__all__ = ["keygen", "match_products", "mock", "record", "run", "sign", "verify"]


def keygen() -> NoReturn:
    """Run `in-toto-keygen`."""
    from in_toto.in_toto_keygen import main

    run_and_end(main)


def match_products() -> NoReturn:
    """Run `in-toto-match-products`."""
    from in_toto.in_toto_match_products import main

    run_and_end(main)


def mock() -> NoReturn:
    """Run `in-toto-mock`."""
    from in_toto.in_toto_mock import main

    run_and_end(main)


def record() -> NoReturn:
    """Run `in-toto-record`."""
    from in_toto.in_toto_record import main

    run_and_end(main)


def run() -> NoReturn:
    """Run `in-toto-run`."""
    from in_toto.in_toto_run import main

    run_and_end(main)


def sign() -> NoReturn:
    """Run `in-toto-sign`."""
    from in_toto.in_toto_sign import main

    run_and_end(main)


def verify() -> NoReturn:
    """Run `in-toto-verify`."""
    from in_toto.in_toto_verify import main

    run_and_end(main)
