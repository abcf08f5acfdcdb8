"""The README's first table: what mien is worth, in a few lines out of several results."""

from __future__ import annotations

from collections.abc import Sequence

from mien_export.pages.markdown import grid
from mien_export.records.bench import Bench, earlier
from mien_export.records.detector import DetectorReport
from mien_export.records.emotion import EmotionReport, shown_test, strict_test

_RATIO = "whole_path_vs_float_peers"


def lines(
    classifiers: Sequence[EmotionReport], detector: DetectorReport, bench: Bench, other: Bench | None = None
) -> list[str]:
    """Accuracy, detection, latency, start, each with its yardstick.

    Args:
        classifiers: the default one first, then the others.
        detector: the default one.
        bench, other: of two processors.
    """
    default, *others = classifiers
    reading, shown = strict_test(default), shown_test(default)
    beside_it = " and ".join(
        f"{100 * strict_test(one)['accuracy']:.1f} % (`{one['model']}`, {_size(one):.0f} kB)" for one in others
    )
    sizes = f"; the others {beside_it}" if others else ""
    by_default = (
        f", {100 * shown['accuracy']:.1f} % as shown by default, which finds rare emotions more often" if shown else ""
    )
    (finding,) = [e for e in detector["evaluations"] if e["artefact"] == "tflite"]
    (path,) = [r for r in bench["runs"] if (r["engine"], r["threads"], r["faces"]) == ("litert", 1, 1)]
    start = next((s for s in bench["cold_start"] if s["engine"] == "litert" and "error" not in s), None)
    peers = finding["peers"] if isinstance(finding["peers"], dict) else {}
    beside = "".join(f", {name} {row['ap50']:.3f}" for name, row in peers.items())
    elsewhere = f"; {_ratio(other)} on {other['hardware']['cpu']}{_told(other)}" if other else ""
    rows = [
        (
            f"reading, int8 TFLite of {_size(default):.0f} kB",
            f"{100 * reading['accuracy']:.1f} % of {reading['n']:,} FER+ test images (strict, as `perceived`)"
            f"{by_default}{sizes}; one seed each",
        ),
        (
            f"finding, int8 TFLite of {detector['files']['tflite']['bytes'] / 1000:.0f} kB",
            f"average precision {finding['ap50']:.3f} on {finding['faces']:,} validation faces{beside}",
        ),
        (
            "one 640×480 frame, one face",
            f"{path['whole']['p50']:.2f} ms on one core of a desktop ({bench['hardware']['cpu']}{_told(bench)}); from "
            f"luma to reading {_ratio(bench)} YuNet + mini_XCEPTION in turns{elsewhere}",
        ),
        (
            "process start to first reading",
            f"{start['first_reading_ms']:.0f} ms{_peak(start['peak_rss_mb'])}" if start else "not measured",
        ),
    ]
    return grid(("", "measured"), rows)


def _told(bench: Bench) -> str:
    words = earlier(bench)
    return f", {words}" if words else ""


def _ratio(bench: Bench) -> str:
    value = bench["ratios"][_RATIO]["value"]
    return "not measured beside" if value is None else f"{value:.2f} ×"


def _peak(megabytes: float | None) -> str:
    return "" if megabytes is None else f", {megabytes:.0f} MB at the peak"


def _size(found: EmotionReport) -> float:
    """Of the int8 TFLite, kB."""
    return found["files"]["tflite"]["bytes"] / 1000
