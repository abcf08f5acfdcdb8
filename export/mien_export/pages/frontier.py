"""Emotion classifiers side by side: how right they are, and what that costs in bytes, products and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien_export.pages.markdown import grid
from mien_export.peers.catalogue import MINI_FLOAT
from mien_export.peers.ratios import ENGINE
from mien_export.records.bench import Bench, Row
from mien_export.records.counted import Counted, CountedNetwork
from mien_export.records.emotion import EmotionReport, strict_test
from mien_export.records.reading import read

_CORES = {"cortex-a53": "A53", "cortex-a76": "A76"}
"""A Raspberry Pi 3's core, without an int8 dot product, and a Raspberry Pi 5's, with one."""

_BENCHES = ("bench.json", "bench-xeon.json")
"""Results of `make bench` on two processors; ratios of one run are compared, never of both."""


@dataclass(frozen=True, slots=True)
class Point:
    """One classifier; None is what is not known of it.

    Attributes:
        name: of the model.
        accuracy: percent of FER+'s strict test images.
        size: bytes of the file.
        parameters: of the network.
        macs: multiply-accumulates of one inference.
        ratio: median time of the network alone over mini_XCEPTION's in the same run.
        instructions: core to what it executes in one inference.
        ours: whether mien's.
        remark: what a reader has to know of the row.
    """

    name: str
    accuracy: float
    size: int
    parameters: int | None = None
    macs: int | None = None
    ratio: float | None = None
    instructions: tuple[int | None, ...] = (None,) * len(_CORES)
    ours: bool = False
    remark: str = ""


CITED = Point(
    "vicksam/fer-model, float TFLite",
    87.04,
    692_000,
    173_537,
    38_000_000,
    remark="as its author publishes it (github.com/vicksam/fer-model): the mean of five runs, ± 0.40; not run here",
)
"""A public network of separable convolutions."""


def points(results: Path) -> tuple[list[Point], list[str]]:
    """Every classifier of which the strict test accuracy is known, and what is missing.

    Args:
        results: folder with emotion-NAME.json, bench.json and bench-arm64.json; the last two may be missing.

    Returns:
        Points from the smallest file to the largest, the cited network among them; and the reasons for gaps.

    Raises:
        MienError: no emotion-NAME.json, or a damaged result.
    """
    reports = [read(path, EmotionReport) for path in sorted(results.glob("emotion-*.json"))]
    if not reports:
        raise MienError(f"{results}: no emotion-NAME.json; see `make results`")
    gaps: list[str] = []
    files = {report["model"]: report["files"]["tflite"]["sha256"] for report in reports}
    timed = _of_present_files(results, files, gaps)
    counted = _counted(results / "bench-arm64.json", files, gaps)
    yardstick = _median(timed.get(MINI_FLOAT))
    if timed and yardstick is None:
        reason = timed[MINI_FLOAT].get("skipped", "") if MINI_FLOAT in timed else "it is not in bench.json"
        gaps.append(f"no times: {MINI_FLOAT} was not measured ({reason})")

    def ratio(name: str) -> float | None:
        median = _median(timed.get(name))
        return median / yardstick if median is not None and yardstick is not None else None

    found = []
    for report in reports:
        name = report["model"]
        entry = strict_test(report)
        size = report["files"]["tflite"]["bytes"]
        found.append(
            Point(name, 100 * entry["accuracy"], size, report["parameters"], report["macs"], ratio(_ours(name)),
                  _instructions(counted.get(name)), ours=True)
        )  # fmt: skip
        gaps += [f"{name}: not in {file}, or with another file"
                 for file, where in (("bench.json", timed), ("bench-arm64.json", counted))
                 if where and (_ours(name) if where is timed else name) not in where]  # fmt: skip
    for name, row in timed.items():
        share, size_of = row.get("strict_accuracy"), row.get("bytes")
        if row.get("task") == "emotion" and share is not None and size_of is not None:
            network = counted.get(name)
            macs = sum(network["macs"].values()) if network else None
            found.append(Point(name, share, size_of, None, macs, ratio(name), _instructions(network)))
    return sorted([*found, CITED], key=lambda point: point.size), gaps


def best(found: list[Point]) -> set[str]:
    """Names of those that no other beats: no larger, no less accurate, and better in one of the two."""

    def beats(other: Point, one: Point) -> bool:
        no_worse = other.size <= one.size and other.accuracy >= one.accuracy
        return no_worse and (other.size, other.accuracy) != (one.size, one.accuracy)

    return {one.name for one in found if not any(beats(other, one) for other in found)}


def lines(results: Path) -> list[str]:
    """The table, what is bold in it, and what is missing; see `points`."""
    found, gaps = points(results)
    bold = best(found)
    rows = [
        (
            f"**{point.name}**" if point.name in bold else point.name,
            f"{point.accuracy:.2f} %",
            f"{point.size / 1000:.1f}",
            f"{point.parameters:,}" if point.parameters is not None else "–",
            f"{point.macs / 1e6:.1f}" if point.macs is not None else "–",
            f"{point.ratio:.2f} ×" if point.ratio is not None else "–",
            *(f"{count / 1e6:.1f}" if count is not None else "–" for count in point.instructions),
        )
        for point in found
    ]
    cores = tuple(f"million instructions, {name}" for name in _CORES.values())
    head = ("classifier", "strict FER+ test", "kB", "parameters", "million MACs", "time, mini_XCEPTION = 1", *cores)
    told = [f"{point.name}: {point.remark}." for point in found if point.remark]
    told += [f"{gap}." for gap in gaps]
    return [*grid(head, rows), "", "Bold: no other is both smaller and more accurate.", *told]


def _ours(name: str) -> str:
    return f"mien {name}"


def _timed(path: Path, files: Mapping[str, str], gaps: list[str]) -> dict[str, Row]:
    """Name to the row of what was timed alone: peers, and mien's models as the runtime runs them.

    Without rows of a model whose file has become another, by name and SHA-256 in `files`.
    """
    if not path.is_file():
        gaps.append("no times: bench.json is missing; see `make bench`")
        return {}
    found = read(path, Bench)
    others = {_ours(name) for name, of in files.items() if found["models"].get(name, {}).get("tflite", of) != of}
    return {
        row["name"]: row
        for row in found["peers"]
        if row["name"] not in others and ("engine" not in row or _deployed(row))
    }


def _of_present_files(results: Path, files: Mapping[str, str], gaps: list[str]) -> dict[str, Row]:
    """Times of the second of `_BENCHES` where it alone has the present file of one of mien's models."""
    first, second = ({} if not (results / name).is_file() else _timed(results / name, files, []) for name in _BENCHES)
    ours = {_ours(name) for name in files}
    if first and not ours & first.keys() and ours & second.keys():
        gaps.append(f"times are those of {_BENCHES[1]}")
        return second
    return _timed(results / _BENCHES[0], files, gaps)


def _deployed(row: Row) -> bool:
    return (row.get("engine"), row.get("precision")) == (ENGINE, "int8")


def _counted(path: Path, files: Mapping[str, str], gaps: list[str]) -> dict[str, CountedNetwork]:
    """Name to what was counted; as `_timed`."""
    if not path.is_file():
        gaps.append("no instructions: bench-arm64.json is missing; see `make bench-arm64`")
        return {}
    networks = {network["name"]: network for network in read(path, Counted)["networks"]}
    return {
        name: one for name, one in networks.items() if files.get(name) in (None, one.get("sha256", files.get(name)))
    }


def _median(row: Row | None) -> float | None:
    spread = row.get("network") if row is not None else None
    return spread["p50"] if spread else None


def _instructions(network: CountedNetwork | None) -> tuple[int | None, ...]:
    return tuple(network["instructions"].get(core) if network else None for core in _CORES)
