"""Progress: on a terminal, for what takes long, and gone at the end."""

from __future__ import annotations

import os
import pty
import sys

import pytest

from custody.cli.progress import Progress, progress_on_terminal

DIGEST = f"sha256:{'0123456789ab' * 5}0123"


class Screen:
    """What is written, and a clock that is set."""

    def __init__(self) -> None:
        self.text = ""
        self.now = 0.0

    def progress(self) -> Progress:
        def write(text: str) -> None:
            self.text += text

        return Progress(write, lambda: self.now)

    def lines(self) -> list[str]:
        return [line for line in self.text.split("\r\033[K") if line]


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_what_is_soon_over_is_not_shown(screen: Screen) -> None:
    progress = screen.progress()
    progress(f"pull {DIGEST}", 1, 3)
    screen.now = 0.4
    progress(f"pull {DIGEST}", 2, 3)
    screen.now = 10.0
    progress(f"pull {DIGEST}", 3, 3)

    assert screen.text == ""


def test_what_takes_long_is_shown_now_and_then(screen: Screen) -> None:
    progress = screen.progress()
    for step in range(100):
        screen.now = step / 50
        progress(f"pull {DIGEST}", step * 1024 * 1024, 200 * 1024 * 1024)

    assert screen.lines()[0] == "pull sha256:0123456789ab  25.0 of 200.0 MiB  12 %"
    assert 10 < len(screen.lines()) < 20
    assert screen.text.startswith("\r\033[K")


def test_the_line_is_gone_at_the_end(screen: Screen) -> None:
    progress = screen.progress()
    progress("push a", 0, 10)
    screen.now = 1.0
    progress("push a", 5, 10)
    assert screen.lines() == ["push a  5 of 10 bytes  50 %"]
    progress("push a", 10, 10)

    assert screen.text.endswith("\r\033[K")
    before = screen.text
    progress.clear()
    assert screen.text == before


def test_something_else_counts_from_its_own_begin(screen: Screen) -> None:
    progress = screen.progress()
    progress("push a", 0, 10)
    screen.now = 1.0
    progress("push b", 5, 10)
    assert screen.text == ""
    screen.now = 2.0
    progress("push b", 6, 10)

    assert screen.lines() == ["push b  6 of 10 bytes  60 %"]


def test_the_line_fits_the_terminal_and_steers_nothing(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    progress = screen.progress()
    progress("push \033]0;x\007", 0, 10)
    screen.now = 1.0
    progress("push \033]0;x\007", 5, 10)

    assert screen.lines() == ["push \\x1b]0;x\\x07  "]


def test_it_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert progress_on_terminal() is None
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        progress = progress_on_terminal()
        assert progress is not None
        progress._delay = 0.0
        progress("push a", 1, 4)
        progress("push a", 2, 4)
        shown = os.read(leader, 1000)
        monkeypatch.setenv("TERM", "dumb")
        assert progress_on_terminal() is None
    os.close(leader)

    assert shown == b"\r\033[Kpush a  1 of 4 bytes  25 %"
    assert capsys.readouterr().err == ""
