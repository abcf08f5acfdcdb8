from __future__ import annotations

import numpy as np
import pytest

from mien.faces.letterbox import GREY, Fit, Letterbox, fit


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((480, 640), Fit(240, 320, 0.5)),
        ((256, 320), Fit(256, 320, 1.0)),
        ((128, 160), Fit(256, 320, 2.0)),
        ((640, 480), Fit(256, 192, 0.4)),
        ((1, 4000), Fit(1, 320, 0.08)),
    ],
)
def test_a_frame_keeps_its_shape_in_the_canvas(frame: tuple[int, int], expected: Fit) -> None:
    assert fit(frame, (256, 320)) == expected


def test_what_the_frame_does_not_cover_is_grey_also_after_another_frame() -> None:
    box = Letterbox(256, 320)
    canvas, where = box(np.full((480, 640), 255, np.uint8))
    assert (canvas[: where.height] == 255).all()
    assert (canvas[where.height :] == GREY).all()
    canvas, where = box(np.full((640, 480), 10, np.uint8))
    assert (canvas[:, : where.width] == 10).all()
    assert (canvas[:, where.width :] == GREY).all()


def test_shrinking_averages_what_a_pixel_covers() -> None:
    checkers = (np.indices((480, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    canvas, where = Letterbox(256, 320)(checkers)
    assert np.abs(canvas[: where.height].astype(int) - 128).max() <= 1
