"""The README's table of test images that have a near copy among the training images, out of explore.json."""

from __future__ import annotations

from mien_export.pages.markdown import grid
from mien_export.records.explore import Exploration


def lines(found: Exploration) -> list[str]:
    """Accuracy on test images with and without a near copy among the training images."""
    figures, method = found["accuracy"], found["duplicates"]["method"]
    wanted = (
        (figures.get("all"), "all"),
        (figures.get("without_copy"), "without a near copy among FER2013's training images"),
        (figures.get("with_copy"), "with one"),
        (figures.get("copy_agrees"), "with one of the same label"),
        (figures.get("copy_disagrees"), "with one of another label"),
    )
    rows = [(n, str(part["n"]), f"{100 * part['accuracy']:.2f} %") for part, n in wanted if part is not None]
    return [
        *grid(("strict test images", "images", "accuracy"), rows),
        "",
        f"FER2013 holds many pictures twice. A near copy correlates by {method['correlation_at_best_shift']} or more "
        f"at the best shift of up to {method['shift_pixels']} pixels. FER2013's and FER+'s labels differ on "
        f"{100 * found['disagreement']['share']:.1f} % of the images that both label. `{found['command']}`.",
    ]
