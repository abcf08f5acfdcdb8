"""The picture beside the frontier's table: accuracy against bytes, products and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien_export import files
from mien_export.pages.frontier import CITED, Point

NAME = "frontier.png"
MARKS = "os^vD*P<>X"
"""Of models, one after another; matplotlib's names."""

_PANELS: tuple[tuple[str, Callable[[Point], float | None]], ...] = (
    ("kB of the file", lambda point: point.size / 1000),
    ("million multiply-accumulates", lambda point: point.macs / 1e6 if point.macs is not None else None),
    ("time of the network, mini_XCEPTION = 1", lambda point: point.ratio),
)


def draw(found: Sequence[Point], results: Path) -> Path:
    """Write frontier.png into the folder of the results; a point stands in each panel for which its cost is known.

    Raises:
        MienError: matplotlib is missing, or the picture cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MienError("matplotlib is not installed; install it: pip install matplotlib") from None
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    for number, point in enumerate(found):
        colour = "tab:red" if point.ours else "tab:gray" if point.name == CITED.name else "tab:blue"
        for axes, (_, cost) in zip(panels, _PANELS, strict=True):
            value = cost(point)
            where = [] if value is None else [value]
            # A point without a value still has its line in the legend, which stands for all panels.
            axes.scatter(where, [point.accuracy] * len(where), s=55, c=colour, marker=MARKS[number % len(MARKS)],
                         label=point.name, zorder=3)  # fmt: skip
    for axes, (label, _) in zip(panels, _PANELS, strict=True):
        _scaled(axes, label)
    panels[0].set_ylabel("accuracy on FER+'s strict test set, %")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=8)
    path = results / NAME
    with files.aside(path) as partial:
        figure.savefig(partial, dpi=120, format="png", metadata={"Software": None})
    return path


def _scaled(axes: Any, label: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.margins(x=0.12, y=0.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(alpha=0.3)
