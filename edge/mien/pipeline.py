"""The way of a frame, from a camera to readings in the sinks."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.cameras.base import Camera
from mien.cameras.latest import Latest
from mien.emotions import align
from mien.faces.face import Face
from mien.frame import Frame
from mien.metrics import Laps
from mien.reading import Reading
from mien.tracking.smoother import Smoother
from mien.tracking.tracker import Tracker

STAGES = ("capture", "resize", "detect", "decode", "align", "classify", "track", "sink")
"""What `Pipeline.laps` books, in order. "capture" is the wait for a frame; "align" and "classify" only occur
in frames with a face; "whole" is booked besides: from the frame at hand to the end of the sinks."""

_LAPS_KEPT = 20_000
_JOIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What one frame gave. It holds no pixels.

    Attributes:
        sequence: number of the frame.
        name: path of the picture or video, or the empty string.
        width, height: of the frame in pixels.
        captured_at, read_at: nanoseconds of the monotonic clock, at exposure and when the readings were
            complete.
        readings: one a face, best score first.
        dropped: frames lost since the run began, because the models were busy.
    """

    sequence: int
    name: str
    width: int
    height: int
    captured_at: int
    read_at: int
    readings: tuple[Reading, ...]
    dropped: int


Preview = Callable[[NDArray[np.uint8], FrameResult], None]
"""Is shown a frame's luma, uint8 (H, W), valid during the call only, and its result."""


class Detector(Protocol):
    """What the pipeline needs of `mien.FaceDetector`."""

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        """Faces of uint8 (H, W), booking "resize", "detect" and "decode"."""
        ...


class Classifier(Protocol):
    """What the pipeline needs of `mien.EmotionClassifier`."""

    labels: tuple[str, ...]
    template: NDArray[np.float32]

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (n, 48, 48) → float32 (n, K)."""
        ...

    def emotion(self, probabilities: NDArray[np.float32]) -> str:
        """One row (K,) → a label, or "uncertain"."""
        ...


class Sink(Protocol):
    """Where results go."""

    def write(self, result: FrameResult) -> None:
        """Take one frame's result."""
        ...


class Pipeline:
    """Reads faces from a camera.

    A live camera has a thread of its own, joined to this one by a box for one frame: slow models drop frames
    and never queue them. From a recording nothing is dropped: it waits.

    Args:
        camera: the source; it is closed when a run ends.
        detector, classifier: the two models.
        tracker, smoother: new ones with their default settings if None.
        sinks: take each result, in this order.
        preview: the only door through which a frame's pixels leave; nothing leaves if None.

    Attributes:
        laps: nanoseconds of each of `STAGES`, and "whole", for the last 10,000 frames or more.
        preview: may be set and taken away during a run, when somebody looks or no longer does.
    """

    def __init__(
        self,
        camera: Camera,
        detector: Detector,
        classifier: Classifier,
        *,
        tracker: Tracker | None = None,
        smoother: Smoother | None = None,
        sinks: Sequence[Sink] = (),
        preview: Preview | None = None,
    ) -> None:
        self.laps = Laps()
        self.preview = preview
        self._camera = camera
        self._detector, self._classifier = detector, classifier
        self._tracker, self._smoother = tracker or Tracker(), smoother or Smoother()
        self._sinks = tuple(sinks)
        self._expected = 0
        self._dropped = 0

    def run(self, max_frames: int | None = None) -> Iterator[FrameResult]:
        """Process frames until the source ends, or `max_frames` of them were processed.

        However the run ends (an exception on either side, Ctrl-C, a caller who stops asking), the camera is
        closed and its thread has ended.

        Args:
            max_frames: processed, not captured; None for no limit.

        Raises:
            MienError: the source or a sink failed; what was yielded stays valid.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self._camera.close)
            if self._camera.live:
                source: Iterator[Frame] = stack.enter_context(contextlib.closing(self._live()))
            else:
                source = self._camera.frames()
            if max_frames == 0:
                return
            for count, result in enumerate(self._results(source), start=1):
                yield result
                if count == max_frames:
                    return

    def _results(self, source: Iterator[Frame]) -> Iterator[FrameResult]:
        while True:
            self.laps.start()
            frame = next(source, None)
            if frame is None:
                return
            self.laps.lap("capture")
            result = self._process(frame)
            self._trim()
            self._camera.recycle(frame)
            yield result

    def _live(self) -> Generator[Frame, None, None]:
        box, stop = Latest(), threading.Event()

        def capture() -> None:
            try:
                for frame in self._camera.frames():
                    unseen = box.put(frame)
                    if unseen is not None:
                        self._camera.recycle(unseen)
                    if stop.is_set():
                        break
            except BaseException as error:  # handed over: it must surface in the thread that infers
                box.end(error)
            else:
                box.end()

        thread = threading.Thread(target=capture, name="mien-capture", daemon=True)
        thread.start()
        try:
            while (frame := box.take()) is not None:
                yield frame
        finally:
            stop.set()
            self._camera.close()
            thread.join(_JOIN_SECONDS)

    def _process(self, frame: Frame) -> FrameResult:
        laps, began = self.laps, time.perf_counter_ns()
        faces = self._detector.detect(frame.luma, laps)
        rows = self._classified(frame, faces)
        readings = self._followed(frame, faces, rows)
        laps.lap("track")
        read_at = readings[0].read_at if readings else time.monotonic_ns()
        height, width = frame.luma.shape
        self._dropped += max(0, frame.sequence - self._expected)
        self._expected = frame.sequence + 1
        result = FrameResult(
            frame.sequence, frame.name, width, height, frame.captured_at, read_at, readings, self._dropped
        )
        for sink in self._sinks:
            sink.write(result)
        laps.lap("sink")
        laps.stages["whole"].append(time.perf_counter_ns() - began)
        if self.preview is not None:
            self.preview(frame.luma, result)
        return result

    def _classified(self, frame: Frame, faces: tuple[Face, ...]) -> NDArray[np.float32]:
        """Probabilities of n faces, float32 (n, K)."""
        if not faces:
            return np.empty((0, len(self._classifier.labels)), dtype=np.float32)
        crops = align.crop(frame.luma, align.landmarks_of(faces), self._classifier.template)
        self.laps.lap("align")
        rows = self._classifier.probabilities(crops)
        self.laps.lap("classify")
        return rows

    def _followed(self, frame: Frame, faces: tuple[Face, ...], rows: NDArray[np.float32]) -> tuple[Reading, ...]:
        """Faces and their probabilities, float32 (n, K), tracked and smoothed into readings."""
        numbers = self._tracker.update(faces)
        # A recording is smoothed on its own clock: its readings do not depend on how fast they are made.
        period = self._camera.period_ns
        at = frame.captured_at if period is None else frame.sequence * period
        smoothed = [self._smoother.update(n, row, at) for n, row in zip(numbers, rows, strict=True)]
        self._smoother.keep([track.number for track in self._tracker.tracks])
        read_at = time.monotonic_ns()
        return tuple(
            Reading(
                number,
                face,
                self._classifier.emotion(row),
                dict(zip(self._classifier.labels, row.tolist(), strict=True)),
                frame.sequence,
                frame.captured_at,
                read_at,
            )
            for number, face, row in zip(numbers, faces, smoothed, strict=True)
        )

    def _trim(self) -> None:
        # A kiosk runs for weeks: its laps must not fill the memory.
        for durations in self.laps.stages.values():
            if len(durations) > _LAPS_KEPT:
                del durations[: _LAPS_KEPT // 2]
