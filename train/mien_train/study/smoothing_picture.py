"""The picture of `smoothing`: changes a minute of a face at rest against the delay of a change, of every way tried."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien_train.study import figures
from mien_train.study.smoothing_clips import RATE
from mien_train.study.smoothing_figures import LATEST, MOST_CHANGES

_FEWEST = 0.01
"""Changes a minute where the axis begins: where there are fewer, a way is drawn there."""
_NEVER = 3000.0
"""Where a delay is drawn that more than a tenth of the changes never end."""
_COLOURS = {"none": "#555555", "exponential": "#d95f02", "One-Euro": "#7570b3", "One-Euro of logarithms": "#1b9e77"}
_MARKS = {"at once": "o", "dwell": "s", "margin or dwell": "D", "margin or doubled dwell": "P", "margin": "^"}


def draw(path: Path, found: Mapping[str, Any]) -> None:
    """Write the picture as a PNG file.

    Args:
        path: of the file.
        found: the document of `smoothing.study`.

    Raises:
        MienError: it cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    axes.axhspan(_FEWEST / 2, MOST_CHANGES, xmax=1, color="#1b9e7711")
    axes.axvline(LATEST, color="#999999", linewidth=1)
    axes.axhline(MOST_CHANGES, color="#999999", linewidth=1)
    for row in found["rows"]:
        x, y = _place(row)
        axes.plot(x, y, _MARKS[row["rule"]], color=_COLOURS[row["filter"]], markersize=8)
    for row, name in ((found["earlier"], "earlier: exponential, 0.4 s"), (found["default"], "mien's settings")):
        x, y = _place(row)
        axes.plot(x, y, "o", markersize=15, fillstyle="none", color="black")
        axes.annotate(name, (x, y), (10, 10), textcoords="offset points")
    axes.set(
        yscale="log",
        ylim=(_FEWEST / 1.5, None),
        xlim=(0, 1.05 * _NEVER),
        xlabel=f"milliseconds until a change of expression is shown, 90th percentile, {RATE // 2} frames a second",
        ylabel="changes a minute of what is shown, face at rest",
    )
    axes.set_xticks([*range(0, round(_NEVER), 500), _NEVER], [*map(str, range(0, round(_NEVER), 500)), "never"])
    axes.set_yticks([_FEWEST, 0.1, 1, 10, 100], ["none", "0.1", "1", "10", "100"])
    handles = [Line2D([], [], marker="o", linestyle="", color=c, label=name) for name, c in _COLOURS.items()]
    handles += [Line2D([], [], marker=m, linestyle="", color="#bbbbbb", label=name) for name, m in _MARKS.items()]
    axes.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figures.save(figure, path)


def _place(row: Mapping[str, Any]) -> tuple[float, float]:
    """Delay and changes a minute, where they are drawn."""
    at = row["rates"][str(RATE // 2)]
    late = at["faded"]["p90"]
    return _NEVER if late is None else late, max(_FEWEST, at["still"]["mean"])
