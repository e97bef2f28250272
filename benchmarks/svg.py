"""A drawing, written as SVG by hand: a few shapes, each in a role that has a colour by day and one by night.

The colours by day stand at the shapes themselves, so that a renderer without style sheets shows them; the style sheet
replaces them for readers who prefer the dark. Each drawing has a background of its own, so that it can be read on any
page.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["Drawing", "colours"]

colours = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9198a1"),
    "grid": ("#d8dee4", "#2b3138"),
    "ours": ("#0969da", "#58a6ff"),
    "theirs": ("#d4762c", "#e08a45"),
    "bound": ("#1a7f37", "#3fb950"),
}
"""Role to colour, by day and by night."""

_FONT = "ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"


class Drawing:
    """Shapes that are added from back to front; x grows to the right, y downwards, in pixels."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._shapes: list[str] = []

    def line(self, start: tuple[float, float], end: tuple[float, float], role: str, *, dashed: bool = False) -> None:
        """Draw a thin line."""
        dashes = ' stroke-dasharray="4 4"' if dashed else ""
        (x1, y1), (x2, y2) = start, end
        self._add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{dashes} {_stroke(role, 1.2)}/>')

    def curve(self, points: Sequence[tuple[float, float]], role: str) -> None:
        """Draw a thick line through all points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._add(f'<polyline points="{path}" fill="none" {_stroke(role, 2)}/>')

    def bar(self, corner: tuple[float, float], size: tuple[float, float], role: str) -> None:
        """Fill a rectangle from its upper left corner."""
        (x, y), (width, height) = corner, size
        self._add(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" {_fill(role)}/>')

    def mark(self, at: tuple[float, float], role: str) -> None:
        """Draw the sign of a role: a circle for ours, a square for theirs, a diamond for a bound."""
        x, y = at
        if role == "ours":
            self._add(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {_fill(role)}/>')
        elif role == "theirs":
            self.bar((x - 3.5, y - 3.5), (7, 7), role)
        else:
            corners = f"{x:.1f},{y - 6:.1f} {x + 6:.1f},{y:.1f} {x:.1f},{y + 6:.1f} {x - 6:.1f},{y:.1f}"
            self._add(f'<polygon points="{corners}" {_fill(role)}/>')

    def text(self, at: tuple[float, float], text: str, role: str = "ink", *, anchor: str = "start") -> None:
        """Write a line; `anchor` says what of it is at that point: its start, middle or end."""
        x, y = at
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._add(f"<text {place} {_fill(role)}>{escape(text, quote=False)}</text>")

    def heading(self, at: tuple[float, float], text: str) -> None:
        """Write a line in bold."""
        x, y = at
        self._add(f'<text x="{x:.1f}" y="{y:.1f}" font-weight="600" {_fill("ink")}>{escape(text, quote=False)}</text>')

    def write(self, *, title: str, description: str) -> str:
        """Return the document, with what it shows in words for whoever cannot see it."""
        size = f'width="{self._width}" height="{self._height}" viewBox="0 0 {self._width} {self._height}"'
        night = "".join(
            f".fill-{role}{{fill:{dark}}}.stroke-{role}{{stroke:{dark}}}" for role, (_, dark) in colours.items()
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{_FONT}" font-size="13">',
                f"<title>{escape(title)}</title>",
                f"<desc>{escape(description)}</desc>",
                f"<style>@media (prefers-color-scheme:dark){{{night}}}</style>",
                f'<rect width="{self._width}" height="{self._height}" rx="6" {_fill("paper")}/>',
                *self._shapes,
                "</svg>\n",
            ]
        )

    def _add(self, shape: str) -> None:
        self._shapes.append(shape)


def _fill(role: str) -> str:
    return f'class="fill-{role}" fill="{colours[role][0]}"'


def _stroke(role: str, width: float) -> str:
    return f'class="stroke-{role}" stroke="{colours[role][0]}" stroke-width="{width}"'
