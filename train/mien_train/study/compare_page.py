"""What `compare` shows: compare.json, a page with one table, one picture of the figures and one of the curves."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien_train.data import files
from mien_train.study import compare_rows, figures, sweep_result, sweep_table
from mien_train.study.command_line import command
from mien_train.study.compare_kept import CURVES, ROWS, read_json
from mien_train.study.compare_plan import QUICK_EVERY
from mien_train.study.compare_rows import Epochs, Failed, Measured, Row
from mien_train.study.contestants import CONTESTANTS, OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIGURES = {
    "accuracy": "accuracy",
    "weighted_precision": "weighted precision",
    "weighted_recall": "weighted recall",
    "weighted_f1": "weighted F1",
}
_NONE, _EARLIER = "–", "†"


def write(rows: Sequence[Row], histories: Mapping[str, Epochs], results: Path, page: Path, quick: bool = False) -> None:
    """Write `compare.json` and `compare-curves.json` to `results`, and then what `show` makes of them.

    Args:
        rows: of `compare.compare`.
        histories: epochs of each run, by contestant.
        results: folder; made if it is not there.
        page: Markdown file.
        quick: whether they are of a quick look.

    Raises:
        MienError: a file cannot be written.
    """
    files.write_json(results / ROWS, compare_rows.document(rows))
    thin = {name: [_thin(epoch) for epoch in epochs] for name, epochs in histories.items()}
    files.write_json(results / CURVES, {"command": command(), "epochs": thin})
    show(rows, thin, results, page, quick)


def show(rows: Sequence[Row], histories: Mapping[str, Epochs], results: Path, page: Path, quick: bool = False) -> None:
    """Write the page, and to `results` its pictures `compare.png` and `compare-curves.png`.

    Args:
        rows, histories, results, page, quick: as in `write`. Sweeps that were kept in `results` (`sweep-NAME.json`)
            get a section of the page.

    Raises:
        MienError: a kept sweep cannot be read, or a file cannot be written.
    """
    _draw_figures(results / "compare.png", [row for row in rows if isinstance(row, Measured)])
    _draw_curves(results / "compare-curves.png", histories)
    link = Path(os.path.relpath(results.resolve(), page.parent.resolve()))
    files.write_text(page, _page(rows, results, link, quick))


def table(rows: Sequence[Row]) -> str:
    """The comparison as a Markdown table; a dagger marks a latency beside another model of ours than the one shown."""
    ours = next((row.latency_beside for row in rows if isinstance(row, Measured) and row.recipe == OURS), None)
    head = (
        "| recipe | tested on | published | ours | met | strict FER+ | loose FER+ | int8 | parameters | MMAC | int8 kB "
        "| latency |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(f"| {' | '.join(_cells(row, ours))} |" for row in rows)])


def _cells(row: Row, ours: str | None) -> list[str]:
    published = row.published or {}
    told = "<br>".join(f"{_FIGURES[k]} {100 * v:.2f}" for k, v in published.items()) or _NONE
    if isinstance(row, Failed):
        return [row.recipe, row.protocol, told, "failed", *[_NONE] * 8]
    return [
        row.recipe,
        row.protocol,
        told,
        "<br>".join(f"{_FIGURES[k]} {100 * row.figure(k):.2f}" for k in published or ["accuracy"]),
        _NONE if row.met is None else "yes" if all(row.met.values()) else "no",
        _percent(row.strict_accuracy),
        _percent(row.loose_accuracy),
        _percent(row.int8_accuracy),
        f"{row.parameters / 1e3:,.0f} k",
        f"{row.macs / 1e6:.1f}",
        f"{row.int8_bytes / 1e3:,.0f}" if row.int8_bytes else _NONE,
        _latency(row, ours),
    ]


def _latency(row: Measured, ours: str | None) -> str:
    if not row.latency_ratio:
        return _NONE
    return f"{row.latency_ratio:.2f}" + (f" {_EARLIER}" if ours and row.latency_beside != ours else "")


def _percent(share: float | None) -> str:
    return _NONE if share is None else f"{100 * share:.2f}"


def _page(rows: Sequence[Row], folder: Path, link: Path, quick: bool) -> str:
    return "\n".join(
        [
            "# The classic systems, on one bench",
            "",
            "Written by `python -m mien_train compare`; the figures, and the command that measured each, are in "
            f"[compare.json]({link / ROWS}).",
            "",
            *_quick(quick),
            "Accuracies are percent of the float network on the test images named (weighted: mean over the classes by "
            "their number of images). *Published* is what the system's author reports; *met* says whether ours is as "
            "high on the same images. *Strict FER+* is the accuracy on FER+'s 3,153 test images, where emotions that a "
            "system does not know count as errors (*loose*: 3,546 images); both are left out where those images chose "
            "the epoch, or are cut otherwise. *int8* is the exported TFLite model on the images of its own test. "
            "*Latency* is one inference of the int8 TFLite model, one thread, as a multiple of `base`, interleaved "
            f"with it ({_EARLIER} with an earlier `base`). {_chosen(rows)}",
            "",
            *_made(rows),
            table(rows),
            "",
            *_remarks(rows),
            "",
            f"![Accuracy of each system, published and ours]({link / 'compare.png'})",
            "",
            f"![Training curves side by side]({link / 'compare-curves.png'})",
            "",
            *_sweeps(folder, link),
        ]
    )


def _quick(quick: bool) -> list[str]:
    if not quick:
        return []
    return [
        f"**A quick look**: one epoch on one image in {QUICK_EVERY}, tested on one in {QUICK_EVERY}. It shows that "
        "everything runs, and nothing about the systems.",
        "",
    ]


def _chosen(rows: Sequence[Row]) -> str:
    """What the settings were chosen on, of the systems that are shown."""
    shown = {row.recipe for row in rows}
    looked = [c.name for c in CONTESTANTS if c.changed and c.name in shown]
    if not looked:
        return "The epoch and every setting were chosen on validation images."
    heirs = " and what starts from them" if any(c.start in looked and c.name in shown for c in CONTESTANTS) else ""
    return (
        f"The epochs were chosen on validation images, and so were the settings of all systems but "
        f"{_listed([f'`{name}`' for name in looked])}{heirs}: these were changed after a first look at their test "
        "images, as the remarks say, so that their figures may be a little too good."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _made(rows: Sequence[Row]) -> list[str]:
    measured = [row for row in rows if isinstance(row, Measured)]
    if not measured:
        return []
    made, spent = measured[0].made_with, sum(row.seconds or 0 for row in measured)
    return [
        f"One seed ({measured[0].seed}); {made['cpu']}, torch {made['torch']}, ai-edge-litert "
        f"{made['ai-edge-litert']}; {spent / 60:.0f} minutes of training in all, there or on what a remark names.",
        "",
    ]


def _remarks(rows: Sequence[Row]) -> list[str]:
    changed = {c.name: c.changed for c in CONTESTANTS}
    lines = []
    for row in rows:
        failure = f"failed: {row.error}" if isinstance(row, Failed) else ""
        if told := [text for text in (failure, row.remark, changed.get(row.recipe, "")) if text]:
            lines.append(f"- **{row.recipe}**: {'; '.join(told)}.")
    return lines


def _sweeps(folder: Path, link: Path) -> list[str]:
    """A section for each sweep whose `sweep.json` was kept as `sweep-NAME.json`, with a picture where one was."""
    lines = []
    for path in sorted(folder.glob("sweep-*.json")):
        found = sweep_result.parsed(read_json(path), str(path))
        title = f"## A sweep of {found.recipe.get('name')}: {', '.join(found.fields)}"
        lines += [title, "", *sweep_table.markdown(found), ""]
        if path.with_suffix(".png").is_file():
            lines += [f"![Validation score of each trial]({link / path.with_suffix('.png').name})", ""]
    return lines


def _thin(epoch: Mapping[str, float]) -> Mapping[str, float]:
    kept = ("epoch", "loss_cross_entropy", "val_loss", "val_accuracy", "seconds")
    return {key: float(f"{epoch[key]:.4g}") for key in kept if key in epoch}


def _draw_figures(path: Path, rows: Sequence[Measured]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 0.55 * len(rows) + 1.6), layout="constrained")
    axes = figure.subplots()
    places = range(len(rows))
    axes.barh(places, [100 * row.accuracy for row in rows], 0.7, color="#4878a8", label="ours, own test images")
    strict = [(place, row.strict_accuracy) for place, row in enumerate(rows) if row.strict_accuracy is not None]
    axes.scatter(
        [100 * v for _, v in strict], [p for p, _ in strict], 42, color="#e8a33d", zorder=3, label="ours, strict FER+"
    )
    told = [(place, _accuracy(row.published)) for place, row in enumerate(rows) if row.published]
    published = [(place, share) for place, share in told if share is not None]
    axes.scatter(
        [100 * v for _, v in published], [p for p, _ in published], 260, marker="|", linewidths=3, color="#b03030",
        zorder=4, label="published",
    )  # fmt: skip
    for place, row in enumerate(rows):
        axes.text(1, place, f"{100 * row.accuracy:.1f}", va="center", color="white", fontsize=9)
    axes.set_yticks(places, [_broken(row.recipe) for row in rows])
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="accuracy, % (a weighted recall is the same number)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=3)
    figures.save(figure, path, 90)


def _accuracy(published: Mapping[str, float]) -> float | None:
    """The published accuracy; a weighted recall is the same number."""
    return published.get("accuracy", published.get("weighted_recall"))


def _draw_curves(path: Path, histories: Mapping[str, Epochs]) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    columns = 4
    lines = max(1, -(-len(histories) // columns))
    figure = Figure(figsize=(3.6 * columns, 2.7 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes in grid.flat[len(histories) :]:
        axes.set_axis_off()
    for axes, (name, epochs) in zip(grid.flat, histories.items(), strict=False):
        _draw_curve(axes, "loss_cross_entropy", epochs, "training loss", "-")
        _draw_curve(axes, "val_loss", epochs, "validation loss", "-")
        _draw_curve(axes, "val_accuracy", epochs, "validation accuracy", "--")
        axes.set(xlabel="epoch", ylim=(0, 2.2))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.set_title(_broken(name), fontsize=8)
        axes.grid(alpha=0.3)
    if histories:
        figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    figures.save(figure, path, 80)


def _draw_curve(axes: Axes, key: str, epochs: Epochs, label: str, line: str) -> None:
    known = [epoch for epoch in epochs if key in epoch]
    marker = "o" if len(known) == 1 else None  # a line through one point is none
    axes.plot([e["epoch"] for e in known], [e[key] for e in known], line, marker=marker, label=label)


def _broken(name: str) -> str:
    """A long name on several lines."""
    recipe, _, changes = name.partition(" (")
    return "\n".join([recipe, *textwrap.wrap(f"({changes}", 44)]) if changes else recipe
