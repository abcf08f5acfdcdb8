"""What the camera's second stream saves: `python -m pytest -s tests/edge/cameras/check_lores.py`."""

from __future__ import annotations

import statistics
import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien import FaceReader, read_image
from mien.cameras.demo import photograph
from mien.cameras.picamera2 import smaller
from mien.frame import Frame

_ROUNDS = 150


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (1920, 1080)])
def test_a_frame_costs_no_more_with_the_second_stream_and_less_where_it_is_large(width: int, height: int) -> None:
    luma: NDArray[np.uint8] = np.full((height, width), 110, np.uint8)
    left = (width - height) // 2
    luma[:, left : left + height] = cv2.resize(read_image(photograph()), (height, height))
    size = smaller(width, height)
    assert size is not None
    small = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    times: dict[bool, list[float]] = {False: [], True: []}
    with FaceReader() as reader:
        for number in range(_ROUNDS):
            for with_small, spent in times.items():
                began = time.perf_counter()
                result = reader.read_frame(
                    Frame(luma, number * 33_000_000, number, small=small if with_small else None)
                )
                spent.append(time.perf_counter() - began)
                assert len(result.readings) == 1
    without, with_it = (statistics.median(spent) for spent in times.values())
    print(  # noqa: T201
        f"{width}x{height}: {1000 * without:.2f} ms, with lores {1000 * with_it:.2f} ms, {with_it / without:.2f} ×"
    )
    assert with_it < 1.05 * without
