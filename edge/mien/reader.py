"""The product in one object: a frame's luma in, the readings of its faces out."""

from __future__ import annotations

import numbers
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.closing import Closing
from mien.emotions import align, quality
from mien.emotions.classifier import EmotionClassifier
from mien.emotions.quality import Quality
from mien.errors import MienError
from mien.faces.attention import AttentiveDetector, detected
from mien.faces.detector import FaceDetector
from mien.faces.face import Face
from mien.frame import Frame, checked_luma
from mien.laps import Laps
from mien.models.engine import check_engine, check_threads
from mien.reading import AMBIGUOUS, FrameResult, Reading
from mien.roles import Classifier, Detector
from mien.tracking.smoother import Smoother
from mien.tracking.tracker import Tracker

STAGES = ("resize", "detect", "decode", "align", "classify", "track")
"""What `FaceReader.laps` books, in order; "align" and "classify" only in frames with a face."""

_NEXT = -1
"""Number of a frame that gets the next one in its turn."""


class FaceReader(Closing):
    """Detects, aligns, classifies, tracks and smooths: the whole way of a frame, in the caller's thread.

    It has no thread and no camera of its own. Frames are taken to follow one another; `reset` between pictures that
    do not. Calls from several threads take turns. A context manager; closed, it holds no interpreter any more.

    Args:
        detector: name of a bundled model, path of a sidecar, or a detector, which is closed with the reader.
        classifier: likewise.
        expression: how the classifier's outputs are read, such as "perceived"; the model's own choice if None.
        engine: "litert", "onnx" or "tflite", for models given by name or path.
        threads: of the engine, and of OpenCV in this process, 1 to 256.
        score_threshold: lowest score of a face; the detector's own if None. Only for detectors given by name or path:
            others are opened with theirs.
        tiles: also scan overlapping tiles, magnified, for small faces; likewise.
        scan_every: the whole frame is scanned at every k-th frame, and in between the surroundings of known faces.
        look: the detector that looks at those; a small one, or looking costs as much as scanning.
        tracker, smoother: new ones with their default settings if None.

    Attributes:
        laps: durations of `STAGES`, one a frame.

    Raises:
        MienError: a model or the engine cannot be used, a number is out of range, or something is asked for that
            does not reach a detector that is open already.
    """

    def __init__(
        self,
        detector: str | Path | Detector = "face-base",
        classifier: str | Path | Classifier = "emotion-base",
        *,
        expression: str | None = None,
        engine: str = "litert",
        threads: int = 1,
        score_threshold: float | None = None,
        tiles: bool = False,
        scan_every: int = 1,
        look: str | Path | Detector = "face-small",
        tracker: Tracker | None = None,
        smoother: Smoother | None = None,
    ) -> None:
        check_threads(threads)
        check_engine(engine)
        _check_kinds(detector, classifier, score_threshold, scan_every)
        _check_detectors([detector] if scan_every == 1 else [detector, look], score_threshold, tiles)
        # OpenCV would start a thread per core for pictures this small, and get in the engine's way.
        cv2.setNumThreads(threads)

        def opened(model: str | Path | Detector, whole: bool) -> Detector:
            if isinstance(model, str | Path):
                return FaceDetector(model, engine, threads, score_threshold, tiles and whole)
            return model

        self._detector = opened(detector, whole=True)
        if scan_every != 1:
            self._detector = AttentiveDetector(self._detector, opened(look, whole=False), scan_every)
        self._classifier: Classifier = (
            EmotionClassifier(classifier, engine, threads, expression)
            if isinstance(classifier, str | Path)
            else classifier
        )
        if expression not in (None, self._classifier.expression):
            raise MienError(f"the classifier reads {self._classifier.expression}, not {expression}; open it with that")
        # Classifiers of others need not have one.
        self._quality: Quality | None = getattr(self._classifier, "quality", None)
        self._tracker, self._smoother = tracker or Tracker(), smoother or Smoother()
        self._turn = threading.Lock()
        self._count = 0
        self.laps = Laps()

    @property
    def labels(self) -> tuple[str, ...]:
        """Emotions, in the order of the classifier's probabilities."""
        return self._classifier.labels

    @property
    def template(self) -> NDArray[np.float32]:
        """Where `mien.emotions.align.crop` lays the landmarks: float32 (5, 2), crop pixels."""
        return self._classifier.template

    def read(self, luma: NDArray[np.uint8], captured_at: int | None = None) -> FrameResult:
        """Read the faces of one frame.

        Args:
            luma: uint8 (H, W), full-range BT.601; `mien.to_luma` makes it of colour.
            captured_at: nanoseconds of the monotonic clock at exposure; now if None.

        Raises:
            MienError: not such a frame, or the reader is closed.
        """
        at = time.monotonic_ns() if captured_at is None else captured_at
        return self._read(Frame(luma, at, _NEXT))

    def read_frame(self, frame: Frame, dropped: int = 0) -> FrameResult:
        """Read the faces of a source's frame; `dropped` frames were lost before it. See `read`."""
        return self._read(frame, dropped)

    def _read(self, frame: Frame, dropped: int = 0) -> FrameResult:
        luma = checked_luma(frame.luma)
        if not isinstance(frame.time, int | np.integer):  # one that is no number would stay in its faces' tracks
            raise MienError(f"captured_at is {frame.time!r}; give nanoseconds, a whole number")
        with self._turn:
            sequence = self._count if frame.sequence == _NEXT else frame.sequence
            self.laps.start()
            faces = detected(self._detector, luma, self.laps, frame.small)
            readings = self._followed(frame.time, faces, *self._classified(luma, faces))
            self.laps.lap("track")
            self.laps.finish()
            self._count += 1
        height, width = luma.shape
        at = time.monotonic_ns()
        return FrameResult(
            sequence, frame.name, width, height, frame.captured_at, at, readings, dropped, frame.media_time
        )

    def _classified(
        self, luma: NDArray[np.uint8], faces: tuple[Face, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities of n faces, float32 (n, K), and what flattened them, float32 (n, R)."""
        pulls = np.zeros((len(faces), len(quality.REASONS)), dtype=np.float32)
        if not faces:
            return np.empty((0, len(self._classifier.labels)), dtype=np.float32), pulls
        crops = align.crop(luma, align.landmarks_of(faces), self._classifier.template)
        self.laps.lap("align")
        if self._quality is not None:
            # Before the network, which throws OpenCV's code out of the caches: after it this takes 15 µs more.
            pulls = self._quality.pulls(faces, crops)
        rows = self._classifier.probabilities(crops)
        if self._quality is not None:
            # Before smoothing: what a bad crop says then weighs less in its track, too.
            rows = quality.flattened(rows, pulls)
        self.laps.lap("classify")
        return rows, pulls

    def _followed(
        self, at: int, faces: Sequence[Face], rows: NDArray[np.float32], pulls: NDArray[np.float32]
    ) -> tuple[Reading, ...]:
        """Faces, their probabilities (n, K) and what flattened them (n, R), tracked and smoothed into readings."""
        matches = self._tracker.update(faces, at)
        numbers = [match.number for match in matches]
        for match in matches:
            if not match.sure:  # of two faces that may have changed places, neither inherits the other's past
                self._smoother.forget(match.number)
        smoothed = self._smoother.update_all(numbers, rows, at)
        labels, expression = self._classifier.labels, self._classifier.expression
        readings = []
        for number, face, row, pull in zip(numbers, faces, smoothed, pulls, strict=True):
            verdict = self._smoother.decide(number, row, self._classifier)
            if verdict.reason == AMBIGUOUS:
                verdict = verdict._replace(reason=quality.reason(pull))
            probabilities = dict(zip(labels, row.tolist(), strict=True))
            readings.append(Reading(number, face, *verdict, probabilities, expression))
        self._smoother.keep(self._tracker.numbers)
        return tuple(readings)

    def reset(self) -> None:
        """Forget every face: what comes next does not follow what came before. Track numbers go on counting."""
        with self._turn:
            self._tracker.reset()
            self._smoother.keep(())
            if isinstance(self._detector, AttentiveDetector):
                self._detector.reset()

    def close(self) -> None:
        """Let go of the interpreters."""
        with self._turn:
            self._detector.close()
            self._classifier.close()


def _check_kinds(detector: object, classifier: object, score_threshold: object, scan_every: object) -> None:
    """See that arguments are of their kinds.

    Raises:
        MienError: one is not.
    """
    for name, value, method in (("detector", detector, "detect"), ("classifier", classifier, "probabilities")):
        if not isinstance(value, str | Path) and not hasattr(value, method):
            raise MienError(f"{name} is {value!r}; give the name or path of a model, or a {name}")
    if score_threshold is not None and not isinstance(score_threshold, numbers.Real):
        raise MienError(f"score_threshold is {score_threshold!r}; give a number between 0 and 1")
    if not isinstance(scan_every, numbers.Integral):
        raise MienError(f"scan_every is {scan_every!r}; give a whole number, 1 or more")


def _check_detectors(detectors: Sequence[str | Path | Detector], score_threshold: float | None, tiles: bool) -> None:
    """See that what is asked of a reader does not pass over a detector that somebody else has opened.

    Args:
        detectors: the one of whole frames and, if there is one, that which looks around known faces.
        score_threshold, tiles: as given to `FaceReader`.

    Raises:
        MienError: it would.
    """
    if all(isinstance(model, str | Path) for model in detectors):
        return
    if score_threshold is not None:
        raise MienError(f"score_threshold is {score_threshold}, but a detector is open already; open that one with it")
    if tiles and not isinstance(detectors[0], str | Path):
        raise MienError("tiles is True, but the detector is open already; open that one with it")
