"""The table of recipes over several seeds, out of docs/results/seeds-NAME.json."""

from __future__ import annotations

from pathlib import Path

from mien_export.pages.markdown import grid
from mien_export.records.reading import read
from mien_export.records.seeds import Seeds

NONE = "No recipe was measured over several seeds yet."
_HEAD = (
    "recipe of",
    "seeds",
    "strict test",
    "95 % interval over images",
    "loose test",
    "macro-F1, strict",
    "mean of class recalls as shown by default, strict",
    "strict validation",
)


def lines(results: Path) -> list[str]:
    """A line for each model of which there is a result, in the order of their names; or that there is none."""
    found = [read(path, Seeds) for path in sorted(results.glob("seeds-*.json"))]
    if not found:
        return [NONE]
    rows = [_cells(one) for one in found]
    strict, loose, bootstrap = found[0]["strict"]["n"], found[0]["loose"]["n"], found[0]["bootstrap"]
    return [
        *grid(_HEAD, rows),
        "",
        f"int8 TFLite, mean ± sample standard deviation over seeds; {strict:,} strict, {loose:,} loose test images. "
        f"The interval is of the mean over seeds, over {bootstrap['samples']:,} bootstrap draws of the images (seed "
        f"{bootstrap['seed']}). " + " ".join(f"`{one['command']}`." for one in found),
    ]


def _cells(one: Seeds) -> tuple[str, ...]:
    strict, loose, validation = one["strict"], one["loose"], one["validation"]
    low, high = strict["interval95"]
    return (
        one["model"],
        ", ".join(str(seed) for seed in sorted(row["seed"] for row in one["seeds"])),
        _percent(strict["mean"]["accuracy"], strict["deviation"]["accuracy"]),
        f"{100 * low:.2f} to {100 * high:.2f} %",
        _percent(loose["mean"]["accuracy"], loose["deviation"]["accuracy"]),
        _share(strict["mean"]["macro_f1"], strict["deviation"]["macro_f1"]),
        _share(strict["mean"]["mean_recall"], strict["deviation"]["mean_recall"]),
        _percent(validation["mean"], validation["deviation"]),
    )


def _percent(mean: float, deviation: float) -> str:
    return f"{100 * mean:.2f} ± {100 * deviation:.2f} %"


def _share(mean: float, deviation: float) -> str:
    return f"{mean:.3f} ± {deviation:.3f}"
