"""Where captions go in a picture of several faces: over no face and over no other caption. Geometry alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mien.faces.face import Box

Measure = Callable[[str, float], tuple[int, int]]
"""Width and height in pixels of a line of text at a scale, with the room around it."""

_SHRINKING = (1.0, 0.85, 0.7)
"""Of the text, as long as there is not room enough."""
_NEAR = 0.75
"""A caption within so many of its own heights of its face needs no leader line."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A caption in its place.

    Attributes:
        box: of the whole plate, pixels.
        lines: of text, from above.
        scale: of the text.
        leader: from a point of the plate's edge to one of the face's, where the two are apart: x, y, x, y; else None.
    """

    box: Box
    lines: tuple[str, ...]
    scale: float
    leader: tuple[float, float, float, float] | None


def arrange(
    faces: Sequence[Box], captions: Sequence[str], size: tuple[int, int], scale: float, measure: Measure
) -> tuple[Plate, ...]:
    """Place each face's caption above, below or beside it, else as near as there is room.

    Args:
        faces: boxes, pixels.
        captions: one a face.
        size: width and height of the picture, pixels.
        scale: of the text where there is room; the smallest is 0.7 of it, or what `measure` makes of that.
        measure: of the font.

    Returns:
        One plate a face. A plate covers a face or another plate only where no place in the picture is free.
    """
    best: tuple[float, tuple[Plate, ...]] | None = None
    for shrunk in _SHRINKING:
        for wrapped in (False, True):
            texts = [_wrapped(caption) if wrapped else (caption,) for caption in captions]
            plates, badness = _laid(faces, texts, size, scale * shrunk, measure)
            if badness == 0:
                return plates
            if best is None or badness < best[0]:
                best = badness, plates
    return best[1] if best else ()


def _wrapped(caption: str) -> tuple[str, ...]:
    """A caption in two lines of nearly the same length, if it has a space."""
    spaces = [index for index, sign in enumerate(caption) if sign == " "]
    if not spaces:
        return (caption,)
    middle = min(spaces, key=lambda index: abs(index - len(caption) / 2))
    return caption[:middle], caption[middle + 1 :]


def _laid(
    faces: Sequence[Box], texts: Sequence[tuple[str, ...]], size: tuple[int, int], scale: float, measure: Measure
) -> tuple[tuple[Plate, ...], float]:
    """Every plate at one scale, and how bad that is: 0 if all are near their faces and cover nothing."""
    plates: dict[int, Plate] = {}
    badness = 0.0
    for index in sorted(range(len(faces)), key=lambda index: (faces[index].left, faces[index].top)):
        face, lines = faces[index], texts[index]
        sizes = [measure(line, scale) for line in lines]
        width, height = max(w for w, _ in sizes), sum(h for _, h in sizes)
        line_height = sizes[0][1]
        taken = [*faces, *(plate.box for plate in plates.values())]
        found = None
        for place in _places(face, width, height, size):
            if not any(_shared(place, other) > 0 for other in taken):
                found = place
                break
        if found is None:
            found = min(
                _grid(face, width, height, size), key=lambda p: (sum(_shared(p, o) for o in taken), _gap(p, face))
            )
            covered = sum(_shared(found, other) for other in taken)
            badness += 1000 * covered / (width * height)
        apart = _gap(found, face) / line_height
        badness += max(0.0, apart - _NEAR)
        plates[index] = Plate(found, lines, scale, _leader(found, face) if apart > _NEAR else None)
    return tuple(plates[index] for index in range(len(faces))), badness


def _places(face: Box, width: int, height: int, size: tuple[int, int]) -> Iterator[Box]:
    """Places inside the picture, from the best: above and below the face, beside it, then farther up and down."""

    def inside(x: float, y: float) -> Iterator[Box]:
        x = min(max(0, round(x)), max(0, size[0] - width))
        if 0 <= round(y) <= size[1] - height or (y < 0 and size[1] < height):
            yield Box(x, round(y), x + width, round(y) + height)

    lefts = (face.left, (face.left + face.right - width) / 2, face.right - width)
    for y in (face.top - height - 1, face.bottom + 1):
        for x in lefts:
            yield from inside(x, y)
    for x in (face.right + 1, face.left - width - 1):
        if 0 <= x <= size[0] - width:
            for y in (face.top, (face.top + face.bottom - height) / 2, face.bottom - height):
                yield from inside(x, min(max(0, y), size[1] - height))
    for step in range(1, math.ceil(size[1] / height)):
        for y in (face.top - 1 - height - step * (height + 2), face.bottom + 1 + step * (height + 2)):
            for x in lefts:
                yield from inside(x, y)
    yield from sorted(_grid(face, width, height, size), key=lambda place: _gap(place, face))


def _grid(face: Box, width: int, height: int, size: tuple[int, int]) -> list[Box]:
    """Places all over the picture; at least one, even if the plate is larger than the picture."""
    xs = [*range(0, max(1, size[0] - width), max(1, width // 3)), max(0, size[0] - width)]
    ys = [*range(0, max(1, size[1] - height), max(1, height // 2)), max(0, size[1] - height)]
    return [Box(x, y, x + width, y + height) for y in ys for x in xs]


def _shared(one: Box, other: Box) -> float:
    """Area that two boxes share."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, width) * max(0.0, height)


def _gap(one: Box, other: Box) -> float:
    """Distance of two boxes' edges; 0 where they touch."""
    x = max(one.left - other.right, other.left - one.right, 0.0)
    y = max(one.top - other.bottom, other.top - one.bottom, 0.0)
    return math.hypot(x, y)


def _leader(plate: Box, face: Box) -> tuple[float, float, float, float]:
    """The shortest line between the edges of two boxes that are apart."""
    ends = []
    for low, high, other_low, other_high in (
        (plate.left, plate.right, face.left, face.right),
        (plate.top, plate.bottom, face.top, face.bottom),
    ):
        if high < other_low:
            ends.append((high, other_low))
        elif other_high < low:
            ends.append((low, other_high))
        else:
            middle = (max(low, other_low) + min(high, other_high)) / 2
            ends.append((middle, middle))
    (x, other_x), (y, other_y) = ends
    return x, y, other_x, other_y
