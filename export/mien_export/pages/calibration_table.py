"""The README's table of calibration methods, out of docs/results/calibration-TASK.json."""

from __future__ import annotations

from mien_export.pages.markdown import grid
from mien_export.records.calibration import Calibrations, figure


def lines(found: Calibrations) -> list[str]:
    """Validation figure of the int8 TFLite after every way to measure activation ranges."""
    sizes = sorted({row["images"] for row in found["rows"]})
    figures = {(row["method"], row["images"]): figure(row) for row in found["rows"]}
    methods = list(dict.fromkeys(row["method"] for row in found["rows"]))
    rows = [(method, *(f"{100 * figures[method, size]:.2f} %" for size in sizes)) for method in methods]
    return [
        *grid(("method", *(f"{size} images" for size in sizes)), rows),
        "",
        f"Strict validation split, {found['figure']} of the int8 TFLite; float {100 * found['float']:.2f} %. "
        "Equally many images of each class, as far as there are. "
        f"`{found['command']}`.",
    ]
