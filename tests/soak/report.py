"""What a soak leaves behind: soak.json and soak.png."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mien import machine
from soak.measures import Conclusion, conclusions, p99, tenth
from soak.run import Outcome

_PARTS = 50
"""Points of a curve in the picture."""


def document(outcome: Outcome, command: str, date: str, every: int) -> dict[str, Any]:
    """The result as JSON."""
    unrecovered = sum(one.seconds is None for one in outcome.injected)
    concluded = conclusions(outcome.durations, outcome.samples, outcome.counts, unrecovered)
    return {
        "command": command,
        "date": date,
        "machine": machine.facts(),
        "frames": len(outcome.durations),
        "every": every,
        "seconds": round(outcome.seconds, 1),
        "frames_per_second": round(len(outcome.durations) / outcome.seconds, 1),
        "counts": outcome.counts,
        "sinks": [asdict(state) for state in outcome.sinks],
        "faults": [asdict(one) for one in outcome.injected],
        "tenths": [
            {"p50_ms": round(float(np.median(part)) / 1e6, 4), "p99_ms": round(p99(part), 4)}
            for part in (tenth(outcome.durations, number) for number in range(10))
        ],
        "samples": outcome.samples,
        "targets": [_target(one) for one in concluded],
        "kept": all(one.kept for one in concluded),
    }


def _target(one: Conclusion) -> dict[str, Any]:
    value = round(one.value, 4) if np.isfinite(one.value) else None
    return {"target": one.target, "value": value, "limit": one.limit, "kept": one.kept}


def write(found: dict[str, Any], outcome: Outcome, path: Path) -> None:
    """Write the JSON, and the picture beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _draw(found, outcome, path.with_suffix(".png"))


def lines(found: dict[str, Any]) -> Sequence[str]:
    """The result for people."""
    counts, faults = found["counts"], found["faults"]
    return [
        f"{found['frames']} frames in {found['seconds']} s, {found['frames_per_second']} a second; "
        f"{counts['captured']} captured = {counts['processed']} processed + {counts['dropped']} dropped + "
        f"{counts['passed']} passed; {len(faults)} faults",
        *(
            f"{'kept' if one['kept'] else 'BROKEN':<8}{one['target']}: {one['value']}, at most {one['limit']}"
            for one in found["targets"]
        ),
        *(f"not recovered: {one['name']}, at frame {one['frame']}" for one in faults if one["seconds"] is None),
    ]


def _draw(found: dict[str, Any], outcome: Outcome, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (memory, latency) = pyplot.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
    samples = outcome.samples
    memory.plot([one["frame"] for one in samples], [one["rss_mb"] for one in samples], color="tab:blue")
    memory.set_ylim(0, 1.25 * max((one["rss_mb"] for one in samples), default=1.0))
    memory.set_ylabel("memory (RSS), MB")
    parts = np.array_split(outcome.durations, min(_PARTS, len(outcome.durations)))
    ends = np.cumsum([len(part) for part in parts])
    for share, colour in ((50, "tab:green"), (99, "tab:red")):
        latency.plot(ends, [np.percentile(part, share) / 1e6 for part in parts], color=colour, label=f"p{share}")
    latency.set_ylim(0)
    latency.set_ylabel("a frame, ms")
    latency.set_xlabel("frames processed; each tick above is a fault that was injected")
    latency.legend(loc="center left")
    memory.plot(
        [one.frame for one in outcome.injected], [0.97] * len(outcome.injected), "|", color="black",
        transform=memory.get_xaxis_transform(),
    )  # fmt: skip
    figure.suptitle(f"{found['frames']} frames, {len(outcome.injected)} faults")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
