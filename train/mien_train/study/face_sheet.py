"""Rows of small faces with captions, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_train.study import figures

_ZOOM = 2
_GAP = 8
_LINES = 10.0
"""Pixels between the lines of a caption, at 100 dots an inch."""


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """One face.

    Attributes:
        image: uint8 (H, W), luma; all thumbnails of a sheet have one size.
        caption: a line or a few under it.
    """

    image: NDArray[np.uint8]
    caption: str = ""


def draw(path: Path, title: str, rows: Sequence[tuple[str, Sequence[Thumbnail]]]) -> None:
    """Write a PNG of named rows of thumbnails; empty rows are left out.

    Raises:
        MienError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    rows = [(name, thumbnails) for name, thumbnails in rows if thumbnails]
    if not rows:
        return
    height, width = rows[0][1][0].image.shape
    height, width = height * _ZOOM, width * _ZOOM
    lines = max(
        thumbnail.caption.count("\n") + 1 if thumbnail.caption else 0
        for _, thumbnails in rows
        for thumbnail in thumbnails
    )
    down, across = height + _GAP + round(lines * _LINES + (4 if lines else 0)), width + _GAP
    columns = max(len(thumbnails) for _, thumbnails in rows)
    canvas = np.full((down * len(rows), across * columns), 255, np.uint8)
    for i, (_, thumbnails) in enumerate(rows):
        for j, thumbnail in enumerate(thumbnails):
            big = cv2.resize(thumbnail.image, (width, height), interpolation=cv2.INTER_CUBIC)
            canvas[i * down : i * down + height, j * across : j * across + width] = big
    names = max(len(line) for name, _ in rows for line in name.split("\n"))
    left, top = 12 + 7 * names, 34
    size = (max(left + canvas.shape[1], 8 * len(title)), top + canvas.shape[0])
    # Laid out by hand, one canvas pixel to one pixel: hundreds of axes would take a minute and not line up.
    figure = Figure(figsize=(size[0] / 100, size[1] / 100))
    axes = figure.add_axes((left / size[0], 0, canvas.shape[1] / size[0], canvas.shape[0] / size[1]))
    axes.imshow(canvas, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    for i, (name, thumbnails) in enumerate(rows):
        axes.text(-8, i * down + height / 2, name, ha="right", va="center", fontsize=8)
        for j, thumbnail in enumerate(thumbnails):
            where = (j * across + width / 2, i * down + height + 3)
            axes.text(*where, thumbnail.caption, ha="center", va="top", fontsize=6, linespacing=1.1)
    figure.text(0.5, 1 - 8 / size[1], title, ha="center", va="top", fontsize=10)
    figures.save(figure, path)
