"""The course of a run: a JSON file of one row an epoch, and a picture of its curves."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien_train.data import files

Row = Mapping[str, float]
"""One epoch: "epoch" from 1, "learning_rate", "loss_…" and "val_…" figures, "seconds"."""

_FEW = 8
"""A line of at most so many points shows them: of one point alone there would be nothing to see."""


def write(run: Path, task: str, recipe: Mapping[str, object], seed: int, rows: Sequence[Row]) -> None:
    """Write `history.json` and `curves.png` into a run folder.

    Raises:
        MienError: they cannot be written; earlier ones are as they were.
    """
    document = {
        "task": task,
        "recipe": recipe,
        "seed": seed,
        "epochs": [{k: _short(v) for k, v in r.items()} for r in rows],
    }
    files.write_text(run / "history.json", json.dumps(document, indent=1) + "\n", files.SPACE)
    draw(run / "curves.png", f"{task} {recipe['name']}, seed {seed}", rows)


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote into a `history.json`: "task", "recipe", "seed" and "epochs".

    Raises:
        MienError: it cannot be read, or is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        good = isinstance(found["task"], str) and isinstance(found["recipe"]["name"], str) and "seed" in found
        good = good and all(isinstance(row["epoch"], int | float) for row in found["epochs"])
    except OSError as error:
        raise MienError(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        raise MienError(f"{path}: is no history of a run, or torn; train again, or move it out of the way")
    return dict(found)


def draw(path: Path, title: str, rows: Sequence[Row]) -> None:
    """Draw the losses and the validation figures of a history's rows, by epoch, as a PNG file.

    Raises:
        MienError: it cannot be written; an earlier one is as it was.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, figures = figure.subplots(1, 2)
    keys = list(dict.fromkeys(key for row in rows for key in row))
    for key in keys:
        epochs = [row["epoch"] for row in rows if key in row]
        values = [row[key] for row in rows if key in row]
        marker = "o" if len(values) <= _FEW else ""
        if key.startswith("loss_"):
            losses.plot(epochs, values, marker=marker, label=f"training {key[5:]}")
        elif key.startswith("val_loss"):
            losses.plot(epochs, values, "--", marker=marker, label="validation loss")
        elif key.startswith("val_"):
            figures.plot(epochs, values, marker=marker, label=f"validation {key[4:]}")
    losses.set(xlabel="epoch", ylabel="loss", yscale="log")
    figures.set(xlabel="epoch", ylabel="share", title="moving average of the weights")
    for axes in (losses, figures):
        axes.grid(alpha=0.3)
        if axes.has_data():
            axes.legend()
    figure.suptitle(title)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100)
    with files.aside(path, files.SPACE) as partial:
        partial.write_bytes(drawn.getbuffer())


def check_drawable() -> None:
    """Say before the first epoch what would be missing after it.

    Raises:
        MienError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MienError("matplotlib is not installed; install it: pip install 'mien[train]'")


def _short(value: float) -> float:
    return float(f"{value:.5g}")
