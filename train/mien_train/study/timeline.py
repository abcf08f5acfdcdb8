"""`explore --video`: the readings of a clip over time, a band of probabilities and a strip of emotions a face."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien import FaceReader, Pipeline, open_source
from mien.errors import MienError
from mien.reading import UNCERTAIN, Reading
from mien_train.training.progress import progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

_MOST = 8
"""Tracks drawn: the longest. The JSON holds all."""
_GAP = 0.5
"""Seconds without a reading after which a track's band is interrupted."""
_PERIOD = 0.04
"""Seconds that the last reading of a source without a rate of its own is drawn for."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The readings of one face.

    Attributes:
        number: of the track.
        seconds: float64 (n,), since the first frame, ascending.
        emotions: spoken emotion of each reading, or "uncertain".
        probabilities: float64 (n, K), smoothed; rows sum to 1.
    """

    number: int
    seconds: NDArray[np.float64]
    emotions: tuple[str, ...]
    probabilities: NDArray[np.float64]


def timeline(video: Path, out: Path, max_frames: int | None) -> dict[str, Any]:
    """Read a clip with the bundled models; write `timeline.json` and `timeline.png`.

    Args:
        video: what `mien run --source` takes: a video, a picture, a folder of pictures, "demo", or (with `max_frames`)
            a camera.
        out: folder for the results; made if it is not there.
        max_frames: frames after which to stop; None for the whole clip.

    Returns:
        What `timeline.json` holds: "frames", "seconds_per_frame" (None from a camera), "labels", and for each
        of "tracks" its number, "seconds" of each reading since the first frame, "emotions", "probabilities" by label,
        and "shares" of its readings by spoken emotion.

    Raises:
        MienError: the source cannot be read or has no end, or `out` cannot be written.
    """
    readings: list[tuple[float, Reading]] = []
    frames, first = 0, 0
    with FaceReader() as reader, open_source(video) as camera:
        if camera.live and max_frames is None:
            raise MienError(f"{video}: a camera has no end; say how many frames to read with --max-frames")
        period = None if camera.period_ns is None else camera.period_ns / 1e9
        description = camera.description
        run = Pipeline(camera, reader).run(max_frames)
        for result in progress(run, str(video), unit="frames"):
            first = first if frames else result.captured_at
            at = (result.captured_at - first) / 1e9 if period is None else result.sequence * period
            readings += [(at, reading) for reading in result.readings]
            frames += 1
    if not frames:
        raise MienError(f"{video}: ended without a frame; choose another clip")
    tracks = followed(readings, reader.labels)
    found = {
        "source": description,
        "frames": frames,
        "seconds_per_frame": period,
        "labels": list(reader.labels),
        "tracks": [_document(track, reader.labels) for track in tracks],
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "timeline.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
        _draw(out / "timeline.png", f"{description}, {frames} frames", tracks, reader.labels, period or _PERIOD)
    except OSError as error:
        raise MienError(f"{out}: cannot be written ({error.strerror}); choose another place") from None
    return found


def followed(readings: list[tuple[float, Reading]], labels: tuple[str, ...]) -> list[Track]:
    """Readings with their times in seconds, ascending → tracks, by number."""
    by_number: dict[int, list[tuple[float, Reading]]] = {}
    for at, reading in readings:
        by_number.setdefault(reading.track, []).append((at, reading))
    return [
        Track(
            number,
            np.array([at for at, _ in rows]),
            tuple(reading.emotion for _, reading in rows),
            np.array([[reading.probabilities[label] for label in labels] for _, reading in rows]),
        )
        for number, rows in sorted(by_number.items())
    ]


def unbroken(seconds: NDArray[np.float64], gap: float) -> list[slice]:
    """Stretches of ascending times float64 (n,) without a step of more than `gap` seconds."""
    cuts = [0, *(np.flatnonzero(np.diff(seconds) > gap) + 1).tolist(), len(seconds)]
    return [slice(start, stop) for start, stop in itertools.pairwise(cuts)]


def _document(track: Track, labels: tuple[str, ...]) -> dict[str, Any]:
    spoken = (*labels, UNCERTAIN)
    return {
        "track": track.number,
        "seconds": [round(at, 3) for at in track.seconds.tolist()],
        "emotions": list(track.emotions),
        "probabilities": {name: track.probabilities[:, k].round(4).tolist() for k, name in enumerate(labels)},
        "shares": {name: round(track.emotions.count(name) / len(track.emotions), 4) for name in spoken},
    }


def _draw(path: Path, title: str, tracks: list[Track], labels: tuple[str, ...], period: float) -> None:
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    # Strong colours first, then pale ones; without the greys, which would look like "uncertain".
    order = [2 * k + pale for pale in (0, 1) for k in range(10) if k != 7]
    colours = {name: colormaps["tab20"](order[k % len(order)]) for k, name in enumerate(labels)}
    colours[UNCERTAIN] = (0.85, 0.85, 0.85, 1.0)
    shown = sorted(sorted(tracks, key=lambda t: -len(t.seconds))[:_MOST], key=lambda t: t.number)
    figure = Figure(figsize=(11, 1.1 + 2.4 * max(1, len(shown))), layout="constrained")
    faces = "no face" if not tracks else f"{len(tracks)} face{'s' if len(tracks) > 1 else ''}"
    more = f", the {len(shown)} longest shown" if len(shown) < len(tracks) else ""
    figure.suptitle(f"{title}; {faces}{more}")
    if shown:
        last = max(track.seconds[-1] for track in shown) + period
        parts = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
        for part, track in zip(parts, shown, strict=True):
            _draw_track(part, track, labels, colours, period, last)
        handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))
    figure.savefig(path, dpi=100)


def _draw_track(
    part: SubFigure, track: Track, labels: tuple[str, ...], colours: dict[str, Any], period: float, last: float
) -> None:
    bands: Axes
    bands, strip = part.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (6, 1)})
    gap = max(_GAP, 1.5 * period)
    for stretch in unbroken(track.seconds, gap):
        # A reading holds until the next one: the last of a stretch for one period.
        times = np.append(track.seconds[stretch], track.seconds[stretch][-1] + period)
        rows = track.probabilities[stretch]
        bands.stackplot(times, np.concatenate([rows, rows[-1:]]).T, colors=[colours[name] for name in labels])
        widths = np.diff(times)
        spoken = [colours[name] for name in track.emotions[stretch]]
        strip.broken_barh(list(zip(times[:-1], widths, strict=True)), (0, 1), facecolors=spoken)
    bands.set(ylabel="probability", ylim=(0, 1), xlim=(0, max(last, math.ulp(1.0))))
    bands.set_title(f"face {track.number}, {len(track.seconds)} readings", fontsize=10)
    strip.set(xlabel="seconds", yticks=[], ylim=(0, 1))
    strip.set_ylabel("spoken", rotation=0, ha="right", va="center")
