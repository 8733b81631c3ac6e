"""Shapes as the form has them: corners in per cent of the image, `12.5,40 80,40 80,60`.

The text is the truth, and the drawing writes it: so a region can be drawn, moved by keys, or
typed, and what was typed wrong is still there to be put right.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

Corners = list[tuple[float, float]]


class BadShape(ValueError):
    """The message says what was expected."""


def read_corners(text: str, *, least: int, most: int = 200) -> Corners:
    """Corners as fractions of width and height. Raises BadShape."""
    corners = []
    for number, word in enumerate(text.split(), 1):
        try:
            x, y = (float(part) / 100 for part in word.split(","))
        except ValueError:
            raise BadShape(
                _(
                    "corner %(n)d: expected x,y in per cent of the image, such as 12.5,40, got"
                    " %(got)s",
                    n=number,
                    got=repr(word[:40]),
                )
            ) from None
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise BadShape(
                _("corner %(n)d: expected 0 to 100 per cent, got %(got)s", n=number, got=word[:40])
            )
        corners.append((round(x, 5), round(y, 5)))
    if not least <= len(corners) <= most:
        raise BadShape(
            _(
                "expected %(least)d to %(most)d corners, got %(got)d",
                least=least,
                most=most,
                got=len(corners),
            )
        )
    return corners


def written(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{100 * x:.6g},{100 * y:.6g}" for x, y in corners)
