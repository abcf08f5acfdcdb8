"""The picture of a clip's readings: a band of probabilities and a strip of emotions for each face."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.reading import UNCERTAIN
from mien_train.study import figures
from mien_train.study.track import Timeline, Track

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Colours = Mapping[str, tuple[float, float, float, float]]
"""Red, green, blue and opacity, 0 to 1, of each label and of "uncertain"."""

_MOST = 8
"""Tracks drawn: the longest. The JSON holds all."""
_STALL = 0.5
"""Seconds without any frame after which nothing is known of a face, though no frame says that it is gone."""
_PERIOD = 0.04
"""Seconds that the last reading of a source without a rate of its own is drawn for."""


def draw(path: Path, found: Timeline) -> None:
    """Write the picture as a PNG file.

    Raises:
        MienError: it cannot be written.
    """
    figures.save(drawn(found), path)


def drawn(found: Timeline) -> Figure:
    """The picture. Where a face was not seen, its band and its strip are empty."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    # Strong colours first, then pale ones; without the greys, which would look like "uncertain".
    order = [2 * k + pale for pale in (0, 1) for k in range(10) if k != 7]
    colours = {name: colormaps["tab20"](order[k % len(order)]) for k, name in enumerate(found.labels)}
    colours[UNCERTAIN] = (0.85, 0.85, 0.85, 1.0)
    shown = sorted(sorted(found.tracks, key=lambda t: -len(t.frames))[:_MOST], key=lambda t: t.number)
    figure = Figure(figsize=(11, 1.1 + 2.4 * max(1, len(shown))), layout="constrained")
    count = len(found.tracks)
    faces = "no face" if not count else f"{count} face{'s' if count > 1 else ''}"
    more = f", the {len(shown)} longest shown" if len(shown) < count else ""
    source = found.source.encode("utf-8", "backslashreplace").decode()  # a file name need not be UTF-8
    figure.suptitle(f"{source}, {len(found.seconds)} frames; {faces}{more}", parse_math=False)
    if shown:
        parts = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
        for part, track in zip(parts, shown, strict=True):
            _draw_track(part, track, found, colours)
        handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))
    return figure


def unbroken(frames: NDArray[np.int64], seconds: NDArray[np.float64], stall: float) -> list[slice]:
    """Stretches of a track in which no frame is left out.

    Args:
        frames: int64 (n,), in which the face was seen, ascending.
        seconds: float64 (n,), when that was.
        stall: seconds between two frames after which a stretch ends too.
    """
    cut = (np.diff(frames) > 1) | (np.diff(seconds) > stall)
    edges = [0, *(np.flatnonzero(cut) + 1).tolist(), len(frames)]
    return [slice(start, stop) for start, stop in itertools.pairwise(edges)]


def _draw_track(part: SubFigure, track: Track, found: Timeline, colours: Colours) -> None:
    bands: Axes
    bands, strip = part.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (6, 1)})
    period = found.period or _PERIOD
    stall = max(_STALL, 1.5 * period)
    seconds = found.seconds[track.frames]
    for stretch in unbroken(track.frames, seconds, stall):
        times = np.append(seconds[stretch], _end(found, int(track.frames[stretch][-1]), period, stall))
        rows = track.probabilities[stretch]
        bands.stackplot(
            times, np.concatenate([rows, rows[-1:]]).T, colors=[colours[name] for name in found.labels], linewidth=0
        )
        spoken = [colours[name] for name in track.emotions[stretch]]
        strip.broken_barh(list(zip(times[:-1], np.diff(times), strict=True)), (0, 1), facecolors=spoken, linewidth=0)
    last = float(found.seconds[-1]) + period
    bands.set(ylabel="probability", ylim=(0, 1), xlim=(0, max(last, math.ulp(1.0))))
    bands.set_title(f"face {track.number}, {len(track.frames)} readings", fontsize=10)
    strip.set(xlabel="seconds", yticks=[], ylim=(0, 1))
    strip.set_ylabel("spoken", rotation=0, ha="right", va="center")


def _end(found: Timeline, frame: int, period: float, stall: float) -> float:
    """Until when a reading holds that no other follows: until the next frame, which shows that the face is gone."""
    at = float(found.seconds[frame])
    following = float(found.seconds[frame + 1]) if frame + 1 < len(found.seconds) else at + period
    return following if following - at <= stall else at + period
