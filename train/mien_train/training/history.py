"""The course of a run: a JSON file of one row an epoch, and a picture of its curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write(run: Path, task: str, recipe: dict[str, Any], seed: int, rows: list[dict[str, float]]) -> None:
    """Write `history.json` and `curves.png` into a run folder."""
    document = {
        "task": task,
        "recipe": recipe,
        "seed": seed,
        "epochs": [{k: _short(v) for k, v in r.items()} for r in rows],
    }
    (run / "history.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    draw(run / "curves.png", f"{task} {recipe['name']}, seed {seed}", rows)


def draw(path: Path, title: str, rows: list[dict[str, float]]) -> None:
    """Draw the losses and the validation figures of a history's rows, by epoch, as a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, figures = figure.subplots(1, 2)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    for key in keys:
        epochs = [row["epoch"] for row in rows if key in row]
        values = [row[key] for row in rows if key in row]
        if key.startswith("loss_"):
            losses.plot(epochs, values, label=f"training {key[5:]}")
        elif key.startswith("val_loss"):
            losses.plot(epochs, values, "--", label="validation loss")
        elif key.startswith("val_"):
            figures.plot(epochs, values, label=f"validation {key[4:]}")
    losses.set(xlabel="epoch", ylabel="loss", yscale="log")
    figures.set(xlabel="epoch", ylabel="share", title="moving average of the weights")
    for axes in (losses, figures):
        axes.grid(alpha=0.3)
        if axes.has_data():
            axes.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=100)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
