"""The result of `mien_train.study.sweep` as a table: for a terminal, and in Markdown."""

from __future__ import annotations

from mien_train.study.sweep_pictures import label
from mien_train.study.sweep_result import Sweep


def text(found: Sweep) -> str:
    """Columns for a terminal, best trial first, and the reasons of what failed."""
    rows = _rows(found)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    failed = [f"trial {trial.number} failed: {trial.error}" for trial in found.trials if trial.error]
    return "\n".join([*lines, *failed])


def markdown(found: Sweep) -> list[str]:
    """Lines of a Markdown table, best trial first, and of where it comes from."""
    head, *rows = _rows(found)
    made, protocol = found.made_with, found.protocol
    return [
        *(f"| {' | '.join(row)} |" for row in (head, ["--:"] * len(head), *rows)),
        "",
        f"`{found.command}`; one seed ({found.seed}), {protocol['score']} on the validation split "
        f"({protocol.get('labels', '–')}, {protocol.get('partition', '–')}); torch {made.get('torch', '–')}, "
        f"optuna {made.get('optuna', '–')}."
        + (" What was interrupted has no score." if any(t.state == "interrupted" for t in found.trials) else ""),
    ]


def _rows(found: Sweep) -> list[list[str]]:
    rows = [["trial", found.protocol["score"], "epochs run", "seconds", "parameters", "state", *found.fields]]
    for trial in sorted(found.trials, key=lambda t: -1.0 if t.score is None else t.score, reverse=True):
        figures = "–" if trial.score is None else f"{trial.score:.4f}"
        values = [label(trial.values.get(name, "–")) for name in found.fields]
        counts = [str(trial.epochs), f"{trial.seconds:.0f}", str(trial.parameters)]
        rows.append([str(trial.number), figures, *counts, trial.state, *values])
    return rows
