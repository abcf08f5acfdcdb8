"""The picture of a sweep: the validation score by each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mien_train.study import figures
from mien_train.study.sweep_result import Sweep, Tried

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3
_PANEL = 3.6
"""Inches of width of one panel, without the labels beside it."""
_ROW = 0.28
"""Inches of height of one bar."""
_LETTER = 0.085
"""Inches of width of one letter of a label."""
_NARROWEST = 7.0
"""Inches that the title takes."""


class Point(NamedTuple):
    """A trial that has a score."""

    trial: Tried
    score: float


def draw(path: Path, found: Sweep) -> None:
    """Write the picture of a sweep as a PNG file.

    Raises:
        MienError: the file cannot be written.
    """
    figures.save(drawn(found), path)


def drawn(found: Sweep) -> Figure:
    """The picture of a sweep: a panel of points a field; bars where every combination was listed."""
    from matplotlib.figure import Figure

    done = [Point(trial, trial.score) for trial in found.trials if trial.score is not None]
    title = f"{found.recipe['name']}: {found.protocol['score']} on the validation split, {len(done)} trials"
    panels = {"grid": _grid, "one-at-a-time": _one_at_a_time}.get(found.sampler, _points)
    figure = Figure(layout="constrained")
    panels(figure, found, done)
    figure.suptitle(title)
    return figure


def label(value: object) -> str:
    """A setting in few characters: 16,32 for a list, four digits for a number."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _panels(figure: Figure, count: int, height: float, margin: float) -> list[Axes]:
    """Axes of one size, side by side and below each other.

    Args:
        figure: takes the size that they need.
        count: of the axes.
        height: of each with its title and axis, inches.
        margin: that the longest label takes beside each, inches.
    """
    columns = min(_COLUMNS, count)
    rows = -(-count // columns)
    figure.set_size_inches(max(_NARROWEST, (_PANEL + margin) * columns + 0.6), height * rows + 0.7)
    axes = figure.subplots(rows, columns, squeeze=False)
    for spare in axes.flat[count:]:
        spare.set_visible(False)
    return list(axes.flat[:count])


def _points(figure: Figure, found: Sweep, done: Sequence[Point]) -> None:
    """One point a trial; hollow where the trial was stopped early, ringed where it is the best."""
    scores = np.array([point.score for point in done])
    whole = np.array([point.trial.state == "complete" for point in done], np.bool_)
    best = np.array([point.trial.number == found.best for point in done], np.bool_)
    choices = {name: _choices(found, name) for name in found.fields}
    longest = max((len(text) for texts in choices.values() for text in texts or ()), default=0)
    # Labels stand upright below their axes, so that long ones neither meet each other nor leave the panel.
    for axes, name in zip(_panels(figure, len(choices), 3.4 + _LETTER * longest, 0.3), choices, strict=True):
        values, texts = [point.trial.values[name] for point in done], choices[name]
        if texts is not None:
            places = np.array([texts.index(label(value)) for value in values], np.float64)
            # Trials of one choice stand beside each other, in the order in which they ran.
            places += np.linspace(-0.15, 0.15, len(done))
            axes.set_xticks(range(len(texts)), texts, rotation=90 if _crowded(texts) else 0)
            axes.set_xlim(-0.5, len(texts) - 0.5)
        else:
            places = np.array(values, np.float64)
            _number_axis(axes, found, name)
        axes.scatter(places[whole], scores[whole], label="complete")
        if not whole.all():
            axes.scatter(places[~whole], scores[~whole], facecolors="none", edgecolors="grey", label="stopped early")
        axes.scatter(places[best], scores[best], s=140, facecolors="none", edgecolors="tab:red", label="best")
        axes.set(xlabel=name, ylabel=found.protocol["score"])
        axes.grid(alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)


def _number_axis(axes: Axes, found: Sweep, name: str) -> None:
    """Few, short numbers below an axis, so that they never run into each other."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    table = found.space[name]
    assert isinstance(table, Mapping)
    if table.get("log"):
        axes.set_xscale("log")
        low, high = float(table["low"]), float(table["high"])
        axes.set_xticks(np.geomspace(low, high, 4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        edge = (high / low) ** 0.05
        axes.set_xlim(low / edge, high * edge)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=isinstance(table["low"], int)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))


def _one_at_a_time(figure: Figure, found: Sweep, done: Sequence[Point]) -> None:
    """A bar for each value of a field, the others as the recipe has them; the recipe's own value in another colour."""
    own = {name: found.recipe[name] for name in found.fields}
    shown = {
        name: sorted(
            (p for p in done if all(p.trial.values[other] == own[other] for other in own if other != name)),
            key=lambda p: _order(p.trial.values[name]),
        )
        for name in found.fields
    }
    texts = {name: [label(point.trial.values[name]) for point in points] for name, points in shown.items()}
    most = max(len(points) for points in shown.values())
    longest = max((len(text) for row in texts.values() for text in row), default=0)
    for axes, (name, points) in zip(
        _panels(figure, len(shown), _ROW * most + 1.4, _LETTER * longest), shown.items(), strict=True
    ):
        _bars(axes, texts[name], points, [point.trial.values[name] == own[name] for point in points])
        axes.set(xlabel=found.protocol["score"], title=f"{name} (orange: the recipe's own)")


def _grid(figure: Figure, found: Sweep, done: Sequence[Point]) -> None:
    """A bar for each combination, best first."""
    points = sorted(done, key=lambda point: point.score, reverse=True)
    texts = [" · ".join(f"{name} {label(p.trial.values[name])}" for name in found.fields) for p in points]
    longest = max((len(text) for text in texts), default=0)
    (axes,) = _panels(figure, 1, _ROW * len(points) + 1.2, _LETTER * longest)
    _bars(axes, texts, points, [point.trial.number == found.best for point in points])
    axes.set(xlabel=found.protocol["score"], title="orange: the best")


def _bars(axes: Axes, texts: Sequence[str], points: Sequence[Point], marked: Sequence[bool]) -> None:
    from matplotlib.ticker import MaxNLocator

    scores = [point.score for point in points]
    bars = axes.barh(range(len(scores)), scores, color=["tab:orange" if mark else "tab:blue" for mark in marked])
    axes.bar_label(bars, [f"{score:.4f}" for score in scores], padding=2, fontsize=8)
    axes.set_yticks(range(len(scores)), texts)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * max([*scores, 1e-6]))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))


def _choices(found: Sweep, name: str) -> list[str] | None:
    """The labels of a field's choices; None where it is a range."""
    table = found.space[name]
    choices = table.get("choices") if isinstance(table, Mapping) else None
    return [label(value) for value in choices] if isinstance(choices, list) else None


def _crowded(texts: Sequence[str]) -> bool:
    """Whether labels would meet if they stood side by side below one panel."""
    return _LETTER * (max(len(text) for text in texts) + 2) * len(texts) > _PANEL


def _order(value: object) -> tuple[int, list[object]]:
    """Lists by their length first, so that deeper networks stand below."""
    return (len(value), value) if isinstance(value, list) else (0, [value])
