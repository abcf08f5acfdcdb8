"""`explore --video`: the readings of a clip over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mien import FaceReader, Pipeline, open_source
from mien.errors import MienError
from mien.reading import Reading
from mien_train.data import files
from mien_train.study import timeline_picture
from mien_train.study.track import Timeline, Track
from mien_train.training.progress import progress


def timeline(video: Path, out: Path, max_frames: int | None) -> Timeline:
    """Read a clip with the bundled models; write `timeline.json` and `timeline.png`.

    Args:
        video: what `mien run --source` takes: a video, a picture, a folder of pictures, "demo", or (with `max_frames`)
            a camera.
        out: folder for the results; made if it is not there.
        max_frames: frames after which to stop; None for the whole clip.

    Raises:
        MienError: the source cannot be read or has no end, or `out` cannot be written.
    """
    readings: list[tuple[int, Reading]] = []
    seconds: list[float] = []
    first = 0
    with FaceReader() as reader, open_source(video) as camera:
        if camera.live and max_frames is None:
            raise MienError(f"{video}: a camera has no end; say how many frames to read with --max-frames")
        period = None if camera.period_ns is None else camera.period_ns / 1e9
        description = camera.description
        for result in progress(Pipeline(camera, reader).run(max_frames), str(video), unit="frames"):
            first = first if seconds else result.captured_at
            readings += [(len(seconds), reading) for reading in result.readings]
            seconds.append((result.captured_at - first) / 1e9 if period is None else result.sequence * period)
    if not seconds:
        raise MienError(f"{video}: ended without a frame; choose another clip")
    found = Timeline(description, period, reader.labels, np.array(seconds), followed(readings, reader.labels))
    files.write_json(out / "timeline.json", found.document(), indent=None)
    timeline_picture.draw(out / "timeline.png", found)
    return found


def followed(readings: Sequence[tuple[int, Reading]], labels: Sequence[str]) -> tuple[Track, ...]:
    """Readings with the numbers of their frames, ascending → tracks, by number."""
    by_number: dict[int, list[tuple[int, Reading]]] = {}
    for frame, reading in readings:
        by_number.setdefault(reading.track, []).append((frame, reading))
    return tuple(
        Track(
            number,
            np.array([frame for frame, _ in rows], np.int64),
            tuple(reading.emotion for _, reading in rows),
            np.array([_row(reading.probabilities, labels) for _, reading in rows]),
        )
        for number, rows in sorted(by_number.items())
    )


def _row(probabilities: Mapping[str, float], labels: Sequence[str]) -> list[float]:
    return [probabilities[label] for label in labels]
