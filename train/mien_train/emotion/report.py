"""The report of an emotion model: its evaluation as JSON, and pictures of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien_train.data import files
from mien_train.study import figures
from mien_train.training import history as course


def write(folder: Path, found: dict[str, Any], history: dict[str, Any] | None) -> None:
    """Write `report.json`, `confusion.png` and `per_class.png`.

    And `robustness.png` if that was measured, and `curves.png` if there is a history.

    Args:
        folder: made if it is not there; files of an earlier report are replaced.
        found: what `evaluation.evaluate` returns for an emotion model.
        history: what `training.history.read` gives, or None (an exported model has none beside it).

    Raises:
        MienError: one of them cannot be written; what stood there is as it was.
    """
    files.write_json(folder / "report.json", found)
    _draw_confusion(folder / "confusion.png", found)
    _draw_classes(folder / "per_class.png", found)
    if "robustness" in found:
        _draw_robustness(folder / "robustness.png", found)
    if history is not None:
        title = f"{history['task']} {history['recipe']['name']}, seed {history['seed']}"
        course.draw(folder / "curves.png", title, history["epochs"])


def _title(found: dict[str, Any]) -> str:
    return f"{found['model']}: {found['split']} split, protocol {found['protocol']}, {found['n']} images"


def _draw_confusion(path: Path, found: dict[str, Any]) -> None:
    """Rows are true classes; a cell's shade is its share of the row, its text the count."""
    from matplotlib.figure import Figure

    names = list(found["per_class"])
    counts = np.array(found["confusion"], np.int64)
    shares: NDArray[np.float64] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.5, 0.62 * len(names))
    figure = Figure(figsize=(side + 2.2, side + 1.4), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 11 if len(names) <= 8 else 8
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.55 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=size)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), [f"{name} ({n})" for name, n in zip(names, counts.sum(axis=1), strict=True)])
    axes.set(xlabel="predicted", ylabel="true (images)")
    axes.set_title(f"{_title(found)}\naccuracy {found['accuracy']:.4f}", fontsize=11)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class's images")
    figures.save(figure, path)


def _draw_classes(path: Path, found: dict[str, Any]) -> None:
    """Three bars a class, and their means over images at the right."""
    from matplotlib.figure import Figure

    groups = {f"{name}\n{row['support']}": row for name, row in found["per_class"].items()}
    groups[f"weighted\n{found['n']}"] = {key: found[f"weighted_{key}"] for key in ("precision", "recall", "f1")}
    figure = Figure(figsize=(max(6.0, 0.95 * len(groups) + 1), 4.6), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(groups), dtype=np.float64)
    places[-1] += 0.4  # the means stand apart from the classes
    for index, (key, label) in enumerate((("precision", "precision"), ("recall", "recall"), ("f1", "F1"))):
        values = [row[key] for row in groups.values()]
        bars = axes.bar(places + (index - 1) * 0.27, values, 0.25, label=label)
        axes.bar_label(bars, [f"{100 * value:.0f}" for value in values], fontsize=7, padding=1)
    rotation = 0 if len(groups) <= 10 else 35
    axes.set_xticks(places, list(groups), rotation=rotation, fontsize=9)
    axes.margins(x=0.02)
    axes.set(ylim=(0, 1.08), ylabel="share (bars: per cent)", xlabel="class, and its images")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3)
    figure.suptitle(_title(found), fontsize=11)
    figures.save(figure, path)


def _draw_robustness(path: Path, found: dict[str, Any]) -> None:
    """The accuracy under every change, a bar each."""
    from matplotlib.figure import Figure

    rows = {name: 100 * row["accuracy"] for name, row in found["robustness"].items() if "accuracy" in row}
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.subplots()
    bars = axes.bar(list(rows), list(rows.values()), 0.6)
    axes.bar_label(bars, fmt="%.1f", fontsize=9, padding=1)
    axes.set(ylim=(0, 108), ylabel="accuracy in per cent", xlabel="what was done to the images")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    changed = found["robustness"]["shift"]["changed"]
    figure.suptitle(f"{_title(found)}\na shift by one pixel changes {changed:.1%} of the choices", fontsize=11)
    figures.save(figure, path)
