"""The picture of a sweep: the validation score by each field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3
_ROW = 0.28
"""Inches of height of one bar."""
_NARROWEST = 7.0
"""Inches that the title takes."""


def draw(path: Path, found: dict[str, Any]) -> None:
    """Draw the result of `sweep.sweep`: a panel of points a field; bars where every combination was listed."""
    from matplotlib.figure import Figure

    done = [trial for trial in found["trials"] if trial["score"] is not None]
    title = f"{found['recipe']['name']}: {found['protocol']['score']} on the validation split, {len(done)} trials"
    kind = found["space"].get("sampler", "tpe")
    panels = {"grid": _grid, "one-at-a-time": _one_at_a_time}.get(kind, _points)
    figure = Figure(layout="constrained")
    panels(figure, found, done)
    figure.suptitle(title)
    figure.savefig(path, dpi=100)


def label(value: Any) -> str:
    """A setting in few characters: 16,32 for a list, four digits for a number."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _fields(found: dict[str, Any]) -> list[str]:
    return [name for name in found["space"] if name != "sampler"]


def _panels(figure: Figure, count: int, height: float) -> list[Axes]:
    columns = min(_COLUMNS, count)
    rows = -(-count // columns)
    figure.set_size_inches(max(_NARROWEST, 4.2 * columns + 0.6), height * rows + 0.7)
    axes = figure.subplots(rows, columns, squeeze=False)
    for spare in axes.flat[count:]:
        spare.set_visible(False)
    return list(axes.flat[:count])


def _points(figure: Figure, found: dict[str, Any], done: list[dict[str, Any]]) -> None:
    """One point a trial; hollow where the trial was stopped early, ringed where it is the best."""
    fields = _fields(found)
    scores = np.array([trial["score"] for trial in done])
    whole = np.array([trial["state"] == "complete" for trial in done])
    best = np.array([trial["number"] == found["best"] for trial in done])
    for axes, name in zip(_panels(figure, len(fields), 3.4), fields, strict=True):
        values = [trial["values"][name] for trial in done]
        if "choices" in found["space"][name]:
            texts = [label(value) for value in found["space"][name]["choices"]]
            places = np.array([texts.index(label(value)) for value in values], np.float64)
            # Trials of one choice stand beside each other, in the order in which they ran.
            places += np.linspace(-0.15, 0.15, len(done))
            axes.set_xticks(range(len(texts)), texts, rotation=20)
            axes.set_xlim(-0.5, len(texts) - 0.5)
        else:
            places = np.array(values, np.float64)
            axes.set_xscale("log" if found["space"][name].get("log") else "linear")
        axes.scatter(places[whole], scores[whole], label="complete")
        if not whole.all():
            axes.scatter(places[~whole], scores[~whole], facecolors="none", edgecolors="grey", label="stopped early")
        axes.scatter(places[best], scores[best], s=140, facecolors="none", edgecolors="tab:red", label="best")
        axes.set(xlabel=name, ylabel=found["protocol"]["score"])
        axes.grid(alpha=0.3)
    handles, texts = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=3)


def _one_at_a_time(figure: Figure, found: dict[str, Any], done: list[dict[str, Any]]) -> None:
    """A bar for each value of a field, the others as the recipe has them; the recipe's own value in another colour."""
    fields = _fields(found)
    own = {name: found["recipe"][name] for name in fields}
    shown = {
        name: [t for t in done if all(t["values"][other] == own[other] for other in fields if other != name)]
        for name in fields
    }
    most = max(len(trials) for trials in shown.values())
    for axes, name in zip(_panels(figure, len(fields), _ROW * most + 1.4), fields, strict=True):
        trials = sorted(shown[name], key=lambda trial: _order(trial["values"][name]))
        texts = [label(trial["values"][name]) for trial in trials]
        _bars(axes, texts, trials, [trial["values"][name] == own[name] for trial in trials])
        axes.set(xlabel=found["protocol"]["score"], title=f"{name} (orange: the recipe's own)")


def _grid(figure: Figure, found: dict[str, Any], done: list[dict[str, Any]]) -> None:
    """A bar for each combination, best first."""
    fields = _fields(found)
    trials = sorted(done, key=lambda trial: trial["score"], reverse=True)
    (axes,) = _panels(figure, 1, _ROW * len(trials) + 1.2)
    figure.set_figwidth(9)
    texts = [" · ".join(f"{name} {label(trial['values'][name])}" for name in fields) for trial in trials]
    _bars(axes, texts, trials, [trial["number"] == found["best"] for trial in trials])
    axes.set(xlabel=found["protocol"]["score"], title="orange: the best")


def _bars(axes: Axes, texts: list[str], trials: list[dict[str, Any]], marked: list[bool]) -> None:
    scores = [trial["score"] for trial in trials]
    bars = axes.barh(range(len(scores)), scores, color=["tab:orange" if mark else "tab:blue" for mark in marked])
    axes.bar_label(bars, [f"{score:.4f}" for score in scores], padding=2, fontsize=8)
    axes.set_yticks(range(len(scores)), texts)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * max([*scores, 1e-6]))


def _order(value: Any) -> tuple[int, Any]:
    """Lists by their length first, so that deeper networks stand below."""
    return (len(value), value) if isinstance(value, list) else (0, value)
