"""The README's tables of latency, out of docs/results/bench.json."""

from __future__ import annotations

from mien.bench.measure import ALL_STAGES
from mien_export.pages.markdown import grid
from mien_export.peers.ratios import ENGINE
from mien_export.records.bench import Bench, Spread, earlier

_BOARDS = (
    "Of Raspberry Pis nothing was timed: [docs/arm64.md](docs/arm64.md) has the instructions that their processors "
    "execute, counted under emulation, and what can be projected from them."
)
_ENGINES = {"litert": "LiteRT", "onnx": "ONNX Runtime", "tflite": "tflite-runtime"}


def lines(found: Bench) -> list[str]:
    """Everything in order: whole path, stages, peers, promises, cold start, where to find Raspberry Pis, origin."""
    picture = ["", "![accuracy against latency](docs/results/bench.png)"] if found.get("picture") else []
    return [
        *_whole(found),
        "",
        *_stages(found),
        "",
        _preferred(found),
        "",
        *_peers(found),
        *picture,
        "",
        *_ratios(found),
        "",
        *_starts(found),
        _BOARDS,
        "",
        _origin(found),
    ]


def _whole(found: Bench) -> list[str]:
    faces = sorted({run["faces"] for run in found["runs"]})
    cells = {(run["engine"], run["threads"], run["faces"]): run["whole"] for run in found["runs"]}
    rows = []
    for engine, threads in dict.fromkeys((run["engine"], run["threads"]) for run in found["runs"]):
        figures = (cells[engine, threads, count] for count in faces)
        label = f"{_name(engine)}, {threads} thread{'' if threads == 1 else 's'}"
        rows.append((label, *(f"{figure['p50']:.2f} / {figure['p99']:.2f}" for figure in figures)))
    head = ("whole path, ms (p50 / p99)", *(f"{count} face{'' if count == 1 else 's'}" for count in faces))
    return grid(head, rows)


def _stages(found: Bench) -> list[str]:
    runs = [r for r in found["runs"] if r["engine"] == ENGINE and r["threads"] == 1 and r["faces"] in (1, 20)]
    stages = [stage for stage in ALL_STAGES if any(stage in run["stages"] for run in runs)]
    rows = [
        (
            f"{run['faces']} face{'' if run['faces'] == 1 else 's'}",
            *(f"{run['stages'][stage]['p50']:.3f}" if stage in run["stages"] else "–" for stage in stages),
        )
        for run in runs
    ]
    return grid((f"stage, ms (p50), {_name(ENGINE)}, 1 thread", *stages), rows)


def _preferred(found: Bench) -> str:
    one = {run["engine"]: run["whole"]["p50"] for run in found["runs"] if (run["threads"], run["faces"]) == (1, 1)}
    best = min(one, key=lambda engine: one[engine])
    others = ", ".join(
        f"{_name(name)} takes {ms / one[best]:.2f} times as long" for name, ms in one.items() if name != best
    )
    return f"**Prefer {_name(best)}**" + (f": {others}." if others else ".")


def _peers(found: Bench) -> list[str]:
    rows = []
    for row in found["peers"]:
        if "skipped" in row:
            rows.append((row["name"], f"skipped: {row['skipped']}", "", "", ""))
            continue
        label = ", ".join(
            str(part)
            for part in (
                row["name"],
                f"{row['faces']} face{'' if row['faces'] == 1 else 's'}" if "faces" in row else None,
                row.get("precision"),
                _name(row["engine"]) if "engine" in row else None,
            )
            if part is not None
        )
        size = "×".join(map(str, row["input"])) if "input" in row else ""
        accuracy = f"{row['strict_accuracy']:.2f} %" if row.get("strict_accuracy") else ""
        rows.append((label, size, accuracy, _spread(row.get("network")), _spread(row.get("path"))))
    head = ("one thread, in turns; ms, median (p25 to p75)", "input", "strict FER+ test", "network alone", "from luma")
    return grid(head, rows)


def _spread(figures: Spread | None) -> str:
    return "" if figures is None else f"{figures['p50']:.3f} ({figures['p25']:.3f} to {figures['p75']:.3f})"


def _ratios(found: Bench) -> list[str]:
    rows = []
    for ratio in found["ratios"].values():
        value = f"not measured: {ratio['reason']}" if ratio["value"] is None else f"{ratio['value']:.2f}"
        met = {True: "yes", False: "**no**", None: "–"}[ratio["met"]]
        rows.append((ratio["of"].replace("|", "/"), value, f"{ratio['target']:g}", met))
    return grid(("promise", "measured", "at most", "met"), rows)


def _starts(found: Bench) -> list[str]:
    rows = [
        (
            _name(start["engine"]),
            f"{start['first_reading_ms']:.0f}",
            f"{start['baseline_ms']:.0f}",
            *(f"{start['steps_ms'][step]:.0f}" for step in ("import", "load", "first_reading")),
            "–" if start["peak_rss_mb"] is None else f"{start['peak_rss_mb']:.0f}",
        )
        for start in found["cold_start"]
        if "error" not in start
    ]
    head = ("cold start, ms", "to first reading", "numpy and cv2 alone", "import", "load", "read", "peak memory, MB")
    return [*grid(head, rows), ""] if rows else []


def _origin(found: Bench) -> str:
    hardware, settings = found["hardware"], found["settings"]
    packages = hardware["packages"]
    notes = "".join(f" **Note:** {remark}." for remark in found["remarks"])
    return (
        f"{settings['width']}×{settings['height']}, {settings['frame']}; {settings['faces']}. Peers' figures leave out "
        f"what follows their network, mien's do not. Their accuracies were measured by the same command, on the 3,153 "
        f"images as they are (MobileFaceNet wants aligned faces, so it has none). `{found['command']}`, "
        f"{found['date']}, {hardware['cpu']}, {hardware['usable_cores']} cores, Linux {hardware['kernel']}, "
        f"Python {hardware['python']}, LiteRT {packages['ai-edge-litert']}, "
        f"ONNX Runtime {packages['onnxruntime']}, OpenCV {packages['opencv-python-headless']}"
        f"{', ' if earlier(found) else ''}{earlier(found)}.{notes}"
    )


def _name(engine: str) -> str:
    return _ENGINES.get(engine, engine)
