"""The picture of a span of time: a bar an hour, as high as faces were in view, divided by shown emotion."""

from __future__ import annotations

from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.history.summary import HOUR_MS, Bin, Summary, local_time

WIDTH, HEIGHT = 1280, 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 200, 60, 60
_MOST_BARS = 400
_INK, _FAINT, _PAPER = (40, 40, 40), (225, 225, 225), (255, 255, 255)  # blue, green, red
_COLOURS = {
    "neutral": (190, 190, 190),
    "happiness": (60, 190, 245),
    "surprise": (180, 120, 230),
    "sadness": (190, 120, 60),
    "anger": (60, 60, 215),
    "disgust": (80, 150, 70),
    "fear": (140, 70, 110),
    "contempt": (150, 170, 60),
    "uncertain": (228, 228, 228),
}
_OTHERS = ((200, 160, 90), (90, 200, 160), (160, 90, 200), (120, 120, 60))
"""For labels of other classifiers."""


def timeline(summary: Summary) -> NDArray[np.uint8]:
    """Draw a summary.

    Returns:
        uint8 (560, 1280, 3), blue, green, red.
    """
    picture = np.full((HEIGHT, WIDTH, 3), _PAPER, np.uint8)
    title = f"{local_time(summary.since_ms)} to {local_time(summary.until_ms)}: {summary.faces} faces"
    _write(picture, title, (_LEFT, 34), 0.7)
    bars = _bars(summary)
    highest = max((bar.seconds / 60 for bar in bars), default=0.0)
    top = _round_up(highest)
    _axes(picture, summary, top)
    names = sorted(summary.emotions, key=lambda name: list(_COLOURS).index(name) if name in _COLOURS else 99)
    colours = {name: _COLOURS.get(name, _OTHERS[index % len(_OTHERS)]) for index, name in enumerate(names)}
    step = _step(summary)
    for bar in bars:
        left, right = _x(summary, bar.began_ms), _x(summary, bar.began_ms + step)
        low = 0.0
        for name in names:
            high = low + bar.emotions.get(name, 0.0) / 60
            if high > low:
                corners = (left, _y(high, top)), (max(left, right - 2), _y(low, top) - 1)
                cv2.rectangle(picture, *corners, colours[name], cv2.FILLED)
            low = high
    if not bars:
        _write(picture, "nothing is recorded in this span", (_LEFT + 300, HEIGHT // 2), 0.7)
    for index, name in enumerate(reversed(names)):  # as the bars are stacked
        y = _TOP + 10 + 26 * index
        cv2.rectangle(picture, (WIDTH - _RIGHT + 24, y), (WIDTH - _RIGHT + 40, y + 16), colours[name], cv2.FILLED)
        _write(picture, name, (WIDTH - _RIGHT + 50, y + 14), 0.5)
    return picture


def _step(summary: Summary) -> int:
    """Milliseconds of a bar: an hour, or as many as leave so few bars that each can be seen."""
    hours = -(-(summary.until_ms - summary.since_ms) // HOUR_MS)
    return HOUR_MS * max(1, -(-hours // _MOST_BARS))


def _bars(summary: Summary) -> list[Bin]:
    step, joined = _step(summary), dict[int, Bin]()
    first = summary.hours[0].began_ms if summary.hours else 0
    for hour in summary.hours:
        began = first + (hour.began_ms - first) // step * step
        before = joined.get(began, Bin(began, 0, {}))
        names = {**before.emotions, **hour.emotions}
        emotions = {name: before.emotions.get(name, 0.0) + hour.emotions.get(name, 0.0) for name in names}
        joined[began] = Bin(began, before.faces + hour.faces, emotions)
    return list(joined.values())


def _round_up(value: float) -> float:
    """A round number of minutes that is no less, so that the axis has round labels."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    return next((size * digit for digit in (1, 2, 3, 4, 5, 6, 8, 10) if size * digit >= value), 1.0)


def _axes(picture: NDArray[np.uint8], summary: Summary, top: float) -> None:
    for quarter in range(5):
        value = top * quarter / 4
        y = _y(value, top)
        cv2.line(picture, (_LEFT, y), (WIDTH - _RIGHT, y), _FAINT if quarter else _INK, 1)
        _write(picture, f"{value:g}", (_LEFT - 50, y + 5), 0.45)
    _write(picture, "minutes in view, all faces together", (_LEFT, _TOP - 8), 0.42)
    first, last = (datetime.fromtimestamp(ms / 1000) for ms in (summary.since_ms, summary.until_ms))
    hours = (last - first).total_seconds() / 3600
    every = next((step for step in (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720) if hours / step <= 13), 8760)
    tick = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while tick <= last:
        if tick >= first:
            x = _x(summary, round(tick.timestamp() * 1000))
            cv2.line(picture, (x, HEIGHT - _BOTTOM), (x, HEIGHT - _BOTTOM + 5), _INK, 1)
            midnight = tick.hour == 0
            _write(picture, f"{tick:%d %b}" if midnight else f"{tick:%H:%M}", (x - 20, HEIGHT - _BOTTOM + 24), 0.42)
        tick += timedelta(hours=every)


def _x(summary: Summary, wall_ms: int) -> int:
    share = (wall_ms - summary.since_ms) / max(1, summary.until_ms - summary.since_ms)
    return round(_LEFT + min(1.0, max(0.0, share)) * (WIDTH - _LEFT - _RIGHT))


def _y(minutes: float, top: float) -> int:
    return round(HEIGHT - _BOTTOM - minutes / top * (HEIGHT - _TOP - _BOTTOM))


def _write(picture: NDArray[np.uint8], words: str, at: tuple[int, int], scale: float) -> None:
    ascii_only = words.encode("ascii", "replace").decode("ascii")  # OpenCV's letters are those
    cv2.putText(picture, ascii_only, at, cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)
