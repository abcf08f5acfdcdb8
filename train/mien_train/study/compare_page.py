"""What `compare` shows: compare.json, a page with one table, one picture of the figures and one of the curves."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien_train.study import sweep_table
from mien_train.study.compare_kept import read_json

_FIGURES = {
    "accuracy": "accuracy",
    "weighted_precision": "weighted precision",
    "weighted_recall": "weighted recall",
    "weighted_f1": "weighted F1",
}


def write(rows: Sequence[Mapping[str, Any]], histories: Mapping[str, Any], results: Path, page: Path) -> None:
    """Write `compare.json`, `compare-curves.json`, `compare.png` and `compare-curves.png` to `results`, and the page.

    Args:
        rows: of `compare.compare`.
        histories: epochs of each run, by contestant.
        results: folder, which is there. Sweeps that were kept in it (`sweep-NAME.json`) get a section of the page.
        page: Markdown file.
    """
    command = f"python -m mien_train {' '.join(sys.argv[1:])}"
    _write_json(results / "compare.json", [{**row, "command": row.get("command", command)} for row in rows])
    _write_json(
        results / "compare-curves.json", {"command": command, "epochs": {k: _thin(v) for k, v in histories.items()}}
    )
    _draw_figures(results / "compare.png", rows)
    _draw_curves(results / "compare-curves.png", histories)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(_page(rows, command, results, Path(os.path.relpath(results, page.parent))), encoding="utf-8")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The comparison as a Markdown table."""
    head = (
        "| recipe | tested on | published | ours | met | strict FER+ | loose FER+ | int8 | parameters | MMAC | int8 kB "
        "| latency |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: Mapping[str, Any]) -> str:
    published: Mapping[str, float] = row["published"] or {}
    figures = list(published) or ["accuracy"]
    cells = [
        row["recipe"],
        row["protocol"],
        "<br>".join(f"{_FIGURES[k]} {100 * v:.2f}" for k, v in published.items()) or "–",
        "<br>".join(f"{_FIGURES[k]} {100 * row[k]:.2f}" for k in figures),
        {None: "–", True: "yes", False: "no"}[row["met"] and all(row["met"].values())],
        _percent(row["strict_accuracy"]),
        _percent(row["loose_accuracy"]),
        _percent(row["int8_accuracy"]),
        f"{row['parameters'] / 1e3:,.0f} k",
        f"{row['macs'] / 1e6:.1f}",
        f"{row['int8_bytes'] / 1e3:,.0f}" if row["int8_bytes"] else "–",
        f"{row['latency_ratio']:.2f}" if row["latency_ratio"] else "–",
    ]
    return f"| {' | '.join(cells)} |"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}"


def _page(rows: Sequence[Mapping[str, Any]], command: str, folder: Path, link: Path) -> str:
    made = rows[0]["made_with"]
    remarks = [f"- **{row['recipe']}**: {row['remark']}." for row in rows if row["remark"]]
    spent = sum(row["seconds"] or 0 for row in rows)
    return "\n".join(
        [
            "# The classic systems, on one bench",
            "",
            f"Written by `{command}`; the figures, and the command that measured each, are in "
            f"[compare.json]({link / 'compare.json'}).",
            "",
            "Accuracies are percent of the float network on the test images named (weighted: mean over the classes by "
            "their number of images). *Published* is what the system's author reports; *met* says whether ours is as "
            "high on the same images. *Strict FER+* is the accuracy on FER+'s 3,153 test images, where emotions that a "
            "system does not know count as errors (*loose*: 3,546 images); both are left out where those images chose "
            "the epoch. *int8* is the exported TFLite model on the images of its own test. *Latency* is one inference "
            "of the int8 TFLite model, one thread, as a multiple of `base`, interleaved with it. The epoch and "
            "every setting were chosen on validation images.",
            "",
            f"One seed ({rows[0]['seed']}); {made['cpu']}, torch {made['torch']}, ai-edge-litert "
            f"{made['ai-edge-litert']}; {spent / 60:.0f} minutes of training in all.",
            "",
            table(rows),
            "",
            *remarks,
            "",
            f"![Accuracy of each system, published and ours]({link / 'compare.png'})",
            "",
            f"![Training curves side by side]({link / 'compare-curves.png'})",
            "",
            *_sweeps(folder, link),
        ]
    )


def _sweeps(folder: Path, link: Path) -> list[str]:
    """A section for each sweep whose `sweep.json` was kept as `sweep-NAME.json`, with a picture where one was."""
    lines = []
    for path in sorted(folder.glob("sweep-*.json")):
        found = read_json(path)
        fields = ", ".join(name for name in found["space"] if name != "sampler")
        lines += [f"## A sweep of {found['recipe']['name']}: {fields}", "", *sweep_table.markdown(found), ""]
        if path.with_suffix(".png").is_file():
            lines += [f"![Validation score of each trial]({link / path.with_suffix('.png').name})", ""]
    return lines


def _write_json(path: Path, found: Any) -> None:
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _thin(epochs: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    kept = ("epoch", "loss_cross_entropy", "val_loss", "val_accuracy", "seconds")
    return [{k: float(f"{row[k]:.4g}") for k in kept if k in row} for row in epochs]


def _draw_figures(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.55 * len(rows) + 1.6), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh(places, [100 * row["accuracy"] for row in rows], 0.7, color="#4878a8", label="ours, own test images")
    strict = [
        (place, 100 * row["strict_accuracy"]) for place, row in zip(places, rows, strict=True) if row["strict_accuracy"]
    ]
    axes.scatter(
        [v for _, v in strict], [p for p, _ in strict], 42, color="#e8a33d", zorder=3, label="ours, strict FER+"
    )
    published = [
        (place, 100 * (row["published"].get("accuracy") or row["published"]["weighted_recall"]))
        for place, row in zip(places, rows, strict=True)
        if row["published"]
    ]
    axes.scatter(
        [v for _, v in published], [p for p, _ in published], 260, marker="|", linewidths=3, color="#b03030", zorder=4,
        label="published",
    )  # fmt: skip
    for place, row in zip(places, rows, strict=True):
        axes.text(1, place, f"{100 * row['accuracy']:.1f}", va="center", color="white", fontsize=9)
    axes.set_yticks(places, [_broken(row["recipe"]) for row in rows])
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="accuracy, % (a weighted recall is the same number)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3)
    figure.savefig(path, dpi=90)


def _draw_curves(path: Path, histories: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    from matplotlib.figure import Figure

    columns = 4
    lines = max(1, -(-len(histories) // columns))
    figure = Figure(figsize=(3.6 * columns, 2.7 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes in grid.flat[len(histories) :]:
        axes.set_axis_off()
    for axes, (name, epochs) in zip(grid.flat, histories.items(), strict=False):
        numbers = [row["epoch"] for row in epochs]
        axes.plot(numbers, [row["loss_cross_entropy"] for row in epochs], label="training loss")
        axes.plot(numbers, [row["val_loss"] for row in epochs], label="validation loss")
        axes.plot(numbers, [row["val_accuracy"] for row in epochs], "--", label="validation accuracy")
        axes.set(xlabel="epoch", ylim=(0, 2.2))
        axes.set_title(_broken(name), fontsize=8)
        axes.grid(alpha=0.3)
    if histories:
        figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figure.savefig(path, dpi=80)


def _broken(name: str) -> str:
    """A long name on several lines."""
    return name.replace(" (", "\n(") if len(name) < 45 else name.replace(" (", "\n(").replace(", ", ",\n")
