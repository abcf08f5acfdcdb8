"""What idling saves of the processor's time in an empty room, and how late the next face is seen. It takes a minute:
python -m pytest -s tests/edge/pace/check_idle.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.cameras.base import Camera
from mien.cameras.demo import PERIOD_NS, DemoCamera
from mien.cameras.realtime import RealTimeCamera
from mien.frame import Frame
from mien.pace.pace import Pace
from mien.pace.settings import PaceSettings
from mien.pipeline import Pipeline
from mien.reader import FaceReader

RATE = 25
THERE, AWAY, IDLE_AFTER = 4, 20, 2
"""Seconds of somebody, of nobody, and of nobody until it idles; then somebody comes again."""


class Room(Camera):
    """The demo's face, the background alone, and the face again, from memory: as cheap as a camera's frames."""

    period_ns = PERIOD_NS
    description = "a room"

    def __init__(self) -> None:
        demo = DemoCamera(THERE * RATE)
        self._nobody: NDArray[np.uint8] = np.copy(demo._backdrop)
        self._somebody = [np.copy(frame.luma) for frame in demo.frames()]
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        for number in range((2 * THERE + AWAY) * RATE):
            if self._closed:
                return
            away = THERE * RATE <= number < (THERE + AWAY) * RATE
            luma = self._nobody if away else self._somebody[number % (THERE * RATE)]
            yield Frame(luma, time.monotonic_ns(), number, media_time=number * PERIOD_NS)

    def close(self) -> None:
        self._closed = True


def watched(settings: PaceSettings) -> tuple[float, float]:
    """Processor time a second of an empty room once it may idle, and seconds until the next face is seen."""
    marks: list[tuple[int, float]] = []
    late = float("nan")
    back = (THERE + AWAY) * RATE
    with FaceReader() as reader:
        for result in Pipeline(RealTimeCamera(Room()), reader, pace=Pace(settings)).run():
            if (THERE + IDLE_AFTER + 1) * RATE <= result.sequence < back:
                assert not result.readings
                marks.append((result.sequence, time.process_time()))
            if result.sequence >= back and result.readings:
                late = (result.sequence - back) / RATE
                break
    (first, began), (last, ended) = marks[0], marks[-1]
    return (ended - began) / ((last - first) / RATE), late


def test_idling_takes_a_quarter_at_most_and_the_next_face_is_seen_in_half_a_second(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watched(PaceSettings(idle_after=0))  # whatever is loaded once
    full, _ = watched(PaceSettings(idle_after=0))
    idle, late = watched(PaceSettings(idle_after=IDLE_AFTER, idle_rate=2))
    with capsys.disabled():
        print(  # noqa: T201
            f"\nan empty room takes {1e3 * full:.1f} ms of processor time a second, idling {1e3 * idle:.1f} ms "
            f"({idle / full:.0%}); the next face is seen {late:.2f} s late"
        )
    assert late <= 0.55
    assert idle <= full / 4
