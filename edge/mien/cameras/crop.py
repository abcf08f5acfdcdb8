"""A part of what a sensor sees, in the shape of the frames: a digital zoom that stretches no face."""

from __future__ import annotations

from mien.errors import MienError

Rectangle = tuple[int, int, int, int]
"""Left, top, width and height, pixels of the sensor."""

_LEAST = 0.05
_ROUNDING = 1e-6


def fractions(text: str) -> tuple[float, float, float, float]:
    """Left, top, width and height as fractions of the whole, of a text such as "0.25,0.25,0.5,0.5".

    Raises:
        MienError: it is no part of the whole, or narrower or lower than a twentieth of it.
    """
    try:
        left, top, width, height = (float(part) for part in text.split(","))
        good = left >= 0 and top >= 0 and width >= _LEAST and height >= _LEAST
        good = good and left + width <= 1 + _ROUNDING and top + height <= 1 + _ROUNDING
    except ValueError:  # no numbers, or not four
        good = False
    if not good:
        raise MienError(
            f"camera crop is {text!r}; give LEFT,TOP,WIDTH,HEIGHT as fractions of the whole picture, such as "
            f"0.25,0.25,0.5,0.5, with sides of {_LEAST:g} or more"
        )
    return left, top, width, height


def part_of(text: str, whole: Rectangle, shape: float) -> Rectangle:
    """The part of a sensor that a text means, as much of it as frames of that shape take, around its middle.

    Args:
        text: see `fractions`.
        whole: what can be seen at most.
        shape: width of a frame over its height.
    """
    left, top, width, height = fractions(text)
    across, down = width * whole[2], height * whole[3]
    x, y = whole[0] + left * whole[2] + across / 2, whole[1] + top * whole[3] + down / 2
    across, down = min(across, down * shape), min(down, across / shape)
    return round(x - across / 2), round(y - down / 2), round(across), round(down)
