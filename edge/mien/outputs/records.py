"""A reading as JSON: what a line of JSON Lines holds, field by field, written down once."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from typing import NamedTuple, NotRequired, TypedDict

from mien.outputs.names import shown
from mien.outputs.thinning import LastReading
from mien.reading import FrameResult, Reading


class FaceRecord(TypedDict):
    """One face, as `mien detect --json` and JSON Lines have it; see `FIELDS`."""

    box: list[float]
    score: float
    landmarks: list[list[float]]
    emotion: str
    top: str
    reason: str | None
    expression: str
    probabilities: dict[str, float]


class Record(FaceRecord):
    """One line of JSON Lines: a reading; see `FIELDS`."""

    time: str
    run: str
    image: NotRequired[str]
    frame: int
    track: int
    ended: NotRequired[bool]
    captured_ms: float
    latency_ms: float


class Field(NamedTuple):
    """What a field of a record means.

    Attributes:
        name: its key.
        kind: of its value in JSON.
        unit: empty where it has none.
        meaning: one line.
        always: whether every line has it.
    """

    name: str
    kind: str
    unit: str
    meaning: str
    always: bool = True


FIELDS = (
    Field("time", "string", "", "wall clock at exposure: ISO 8601, UTC, to the millisecond"),
    Field("run", "string", "", "id of the run, 8 hexadecimal digits; frames and tracks count from anew in each"),
    Field("image", "string", "", "path of the picture or video; only where there is one", always=False),
    Field("frame", "integer", "", "number of the frame since the source was opened, from 0"),
    Field("track", "integer", "", "number of the face, from 1, the same while it stays in view"),
    Field(
        "ended",
        "boolean",
        "",
        "true, with its last reading, when a face has gone for 2 s; only where lines tell of changes",
        always=False,
    ),
    Field(
        "captured_ms",
        "number",
        "ms",
        "monotonic clock at exposure, for differences; of recordings, when the frame was handed over",
    ),
    Field("latency_ms", "number", "ms", "from then until the reading was complete"),
    Field("box", "array of 4 numbers", "pixels", "left, top, right, bottom in the frame; may reach over its edge"),
    Field("score", "number", "", "confidence of the detector, 0 to 1"),
    Field(
        "landmarks",
        "array of 5 arrays of 2 numbers",
        "pixels",
        "x and y of the person's right eye, left eye, nose, right and left corner of the mouth",
    ),
    Field("emotion", "string", "", 'the emotion to show, or "uncertain"'),
    Field("top", "string", "", "the most probable label, also where the emotion is uncertain"),
    Field(
        "reason",
        "string or null",
        "",
        "why the emotion is uncertain: blurred, dark, small, turned, covered or ambiguous; null where it is not",
    ),
    Field("expression", "string", "", "how the face was read, and thereby the labels: perceived, intended or mixed"),
    Field("probabilities", "object of numbers", "", "calibrated probability of each label, 0 to 1, smoothed over time"),
)
"""The fields of a line of JSON Lines, in its order."""


def new_run() -> str:
    """An id for a run: 8 hexadecimal digits, drawn at random."""
    return os.urandom(4).hex()


def face_record(reading: Reading) -> FaceRecord:
    """A reading's face and emotion."""
    return {
        "box": [round(v, 1) for v in reading.face.box],
        "score": round(reading.face.score, 4),
        "landmarks": [[round(x, 1), round(y, 1)] for x, y in reading.face.landmarks],
        "emotion": reading.emotion,
        "top": reading.top,
        "reason": reading.reason,
        "expression": reading.expression,
        "probabilities": {label: round(p, 4) for label, p in reading.probabilities.items()},
    }


def wall_clock(captured_at: int) -> str:
    """The time of day of an exposure, such as "2026-03-01T09:30:00.125Z".

    Args:
        captured_at: nanoseconds of the monotonic clock.
    """
    # Asked anew each time: the wall clock of a device without a battery is set some time after it started.
    milliseconds = (time.time_ns() - (time.monotonic_ns() - captured_at)) // 1_000_000
    day = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{day:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def record(result: FrameResult, reading: Reading, run: str, clock: str) -> Record:
    """A reading as one line's object, its fields in the order of `FIELDS`.

    Args:
        result: of the frame.
        reading: one of its readings.
        run: of `new_run`.
        clock: of `wall_clock`.
    """
    line: Record = {
        "time": clock,
        "run": run,
        "image": shown(result.name),
        "frame": result.sequence,
        "track": reading.track,
        "ended": True,
        "captured_ms": round(result.captured_at / 1e6, 3),
        "latency_ms": round((result.read_at - result.captured_at) / 1e6, 3),
        **face_record(reading),
    }
    if not result.name:
        del line["image"]
    if not isinstance(reading, LastReading):
        del line["ended"]
    return line


class JsonLines:
    """Every reading of a frame as a line of JSON.

    Args:
        run: stands in each line; a new one if None.
    """

    def __init__(self, run: str | None = None) -> None:
        self._run = run or new_run()

    def __call__(self, result: FrameResult) -> list[str]:
        """The lines, without their ends."""
        if not result.readings:
            return []
        clock = wall_clock(result.captured_at)
        return [
            json.dumps(record(result, reading, self._run, clock), ensure_ascii=False) for reading in result.readings
        ]
