"""The picture of accuracy against latency: mien's classifier among its peers."""

from __future__ import annotations

import math
from pathlib import Path

from mien.errors import MienError
from mien_export import files
from mien_export.peers.ratios import ENGINE
from mien_export.records.bench import Bench
from mien_export.records.emotion import EmotionReport, strict_test
from mien_export.records.reading import read

_ACCURACY = "emotion-base.json"


def points(found: Bench, accuracy: float) -> list[tuple[str, float, float]]:
    """Name, milliseconds of the network alone (one thread) and percent on the strict test set.

    Args:
        found: a result of `mien_export.peers.benchmark`.
        accuracy: of mien's classifier, in percent.
    """
    chosen = []
    for row in found["peers"]:
        network = row.get("network")
        if network is None:
            continue
        ours = (row.get("engine"), row.get("precision")) == (ENGINE, "int8") and row["name"].startswith("mien emotion")
        name = f"{row['name']}, int8, LiteRT" if ours else row["name"]
        share = accuracy if ours else row.get("strict_accuracy")
        if share is not None:
            chosen.append((name, network["p50"], float(share)))
    return chosen


def draw(found: Bench, document: Path) -> Path | None:
    """Write the picture of a bench beside its JSON file, under the same name.

    Args:
        found: a result of `mien_export.peers.benchmark`.
        document: of it, in the folder of the results, with `emotion-base.json` in it.

    Returns:
        Its path; None where the accuracy of mien's classifier is not known yet.

    Raises:
        MienError: matplotlib is missing, or the accuracy's file is damaged.
    """
    source = document.parent / _ACCURACY
    if not source.is_file():
        return None
    share = 100 * strict_test(read(source, EmotionReport))["accuracy"]
    try:
        import matplotlib
    except ImportError:
        raise MienError("matplotlib is not installed; install it: pip install matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    shown = points(found, share)
    middle = math.sqrt(min(ms for _, ms, _ in shown) * max(ms for _, ms, _ in shown))
    for name, milliseconds, percent in shown:
        ours = name.startswith("mien")
        axes.scatter(milliseconds, percent, s=70 if ours else 40, color="tab:red" if ours else "tab:blue", zorder=3)
        # Labels point inwards, and stand below where another model is just above.
        crowded = any(0 < other - percent < 2 for _, _, other in shown)
        axes.annotate(
            name,
            (milliseconds, percent),
            (6 if milliseconds <= middle else -6, -14 if crowded else 6),
            textcoords="offset points",
            fontsize=8,
            ha="left" if milliseconds <= middle else "right",
        )
    axes.set_xscale("log")
    axes.margins(x=0.1, y=0.15)
    axes.set_xlabel("milliseconds a face, network alone, one thread (median)")
    axes.set_ylabel("accuracy on FER+'s strict test set, %")
    axes.set_title(f"{found['hardware']['cpu']}, {found['date']}", fontsize=9)
    axes.grid(alpha=0.3, which="both")
    path = document.with_suffix(".png")
    with files.aside(path) as partial:
        figure.savefig(partial, dpi=130, format="png", metadata={"Software": None})
    pyplot.close(figure)
    return path
