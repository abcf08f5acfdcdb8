"""The picture of accuracy against latency: mien's classifiers among their peers."""

from __future__ import annotations

from pathlib import Path

from mien.errors import MienError
from mien_export import files
from mien_export.pages.frontier_picture import MARKS
from mien_export.peers.ratios import ENGINE
from mien_export.records.bench import Bench
from mien_export.records.emotion import EmotionReport, strict_test
from mien_export.records.reading import read

_OURS = "mien "


def points(found: Bench, results: Path) -> list[tuple[str, float, float]]:
    """Name, milliseconds of the network alone (one thread) and percent on the strict test set.

    Args:
        found: a result of `mien_export.peers.benchmark`.
        results: folder with NAME.json of mien's classifiers; one without is left out.

    Raises:
        MienError: such a file is damaged.
    """
    chosen = []
    for row in found["peers"]:
        network, name, share = row.get("network"), row["name"], row.get("strict_accuracy")
        report = results / f"{name.removeprefix(_OURS)}.json"
        if (row.get("engine"), row.get("precision")) == (ENGINE, "int8") and name.startswith(f"{_OURS}emotion"):
            name = f"{name}, int8, LiteRT"
            share = 100 * strict_test(read(report, EmotionReport))["accuracy"] if report.is_file() else None
        if network is not None and share is not None:
            chosen.append((name, network["p50"], float(share)))
    return chosen


def draw(found: Bench, document: Path) -> Path | None:
    """Write the picture of a bench beside its JSON file, under the same name.

    Args:
        found: a result of `mien_export.peers.benchmark`.
        document: of it, in the folder of the results, with NAME.json of mien's classifiers in it.

    Returns:
        Its path; None where the accuracy of none of mien's classifiers is known yet.

    Raises:
        MienError: matplotlib is missing, or an accuracy's file is damaged.
    """
    shown = points(found, document.parent)
    if not any(name.startswith(_OURS) for name, _, _ in shown):
        return None
    try:
        import matplotlib
    except ImportError:
        raise MienError("matplotlib is not installed; install it: pip install matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.8), layout="constrained")
    for number, (name, milliseconds, percent) in enumerate(sorted(shown, key=lambda point: point[1])):
        colour = "tab:red" if name.startswith(_OURS) else "tab:blue"
        mark = MARKS[number % len(MARKS)]
        axes.scatter(milliseconds, percent, s=55, c=colour, marker=mark, label=name, zorder=3)
    axes.set_xscale("log")
    axes.margins(x=0.1, y=0.15)
    axes.set_xlabel("milliseconds a face, network alone, one thread (median)")
    axes.set_ylabel("accuracy on FER+'s strict test set, %")
    axes.set_title(f"{found['hardware']['cpu']}, {found['date']}", fontsize=9)
    axes.grid(alpha=0.3, which="both")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    path = document.with_suffix(".png")
    with files.aside(path) as partial:
        figure.savefig(partial, dpi=130, format="png", metadata={"Software": None})
    pyplot.close(figure)
    return path
