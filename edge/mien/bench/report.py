"""A result as text for people."""

from __future__ import annotations

from mien.bench.document import ColdStart, Result, Run
from mien.bench.measure import ALL_STAGES

_SPREAD = ("p50", "p90", "p99", "max")


def text(result: Result) -> str:
    """The tables of a result of `mien.bench.result.run`; times in milliseconds."""
    machine, settings = result["machine"], result["settings"]
    where = [machine["board"] or machine["cpu"] or machine["architecture"], machine["kernel"]]
    if machine["governor"]:
        where.append(f"governor {machine['governor']}")
    degrees = [state["temperature"] for state in (machine, result["state_after"])]
    if None not in degrees:
        where.append(f"{degrees[0]:.0f} °C before, {degrees[1]:.0f} °C after")
    lines = [
        ", ".join(where),
        f"{settings['width']}x{settings['height']}, {settings['frame']}; {settings['faces']}",
        *(f"NOTE {remark}" for remark in result["remarks"]),
        "",
        "median milliseconds per stage",
        *_stages(result["runs"]),
        "",
        "whole path, luma in memory to the end of the sinks, milliseconds",
        *_whole(result["runs"]),
    ]
    if result["cold_start"]:
        lines += ["", "cold start, process start to the first reading of a picture", *map(_start, result["cold_start"])]
    return "\n".join(lines)


def _stages(runs: list[Run]) -> list[str]:
    stages = [stage for stage in ALL_STAGES if any(stage in run["stages"] for run in runs)]
    lines = [_key("engine", "threads", "faces") + "".join(f"{stage:>10}" for stage in stages)]
    for run in runs:
        cells = (f"{run['stages'][s]['p50']:.3f}" if s in run["stages"] else "-" for s in stages)
        lines.append(_key(run["engine"], run["threads"], run["faces"]) + "".join(f"{cell:>10}" for cell in cells))
    return lines


def _whole(runs: list[Run]) -> list[str]:
    lines = [_key("engine", "threads", "faces") + "".join(f"{name:>10}" for name in (*_SPREAD, "frames/s"))]
    for run in runs:
        cells = "".join(f"{run['whole'][name]:>10.3f}" for name in _SPREAD)
        key = _key(run["engine"], run["threads"], run["faces"])
        lines.append(f"{key}{cells}{run['frames_per_second']:>10.0f}")
    return lines


def _start(start: ColdStart) -> str:
    if "error" in start:
        return f"{start['engine']:<8} not measured: {start['error']}"
    steps = ", ".join(f"{name.replace('_', ' ')} {value:.0f}" for name, value in start["steps_ms"].items())
    memory = "" if start["peak_rss_mb"] is None else f"; peak memory {start['peak_rss_mb']:.0f} MB"
    return (
        f"{start['engine']:<8} {start['first_reading_ms']:.0f} ms ({steps}), {start['ratio']:.2f} x "
        f"`{start['baseline']}`{memory}"
    )


def _key(engine: str, threads: object, faces: object) -> str:
    return f"{engine:<8}{threads:>8}{faces:>6}"
