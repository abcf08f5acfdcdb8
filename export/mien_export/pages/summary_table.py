"""The README's first table: what mien is worth, in a few lines out of several results."""

from __future__ import annotations

from collections.abc import Sequence

from mien_export.pages.markdown import grid
from mien_export.records.bench import Bench
from mien_export.records.detector import DetectorReport
from mien_export.records.emotion import EmotionReport, strict_test

_RATIO = "whole_path_vs_float_peers"


def lines(
    classifiers: Sequence[EmotionReport], detector: DetectorReport, bench: Bench, other: Bench | None = None
) -> list[str]:
    """Accuracy, detection, latency, start, each with its yardstick.

    Args:
        classifiers: the default one first, then the others.
        detector: the default one.
        bench, other: of two processors; what was timed on the other one may have been earlier models.
    """
    default, *others = classifiers
    reading = strict_test(default)
    beside_it = " and ".join(
        f"{100 * strict_test(one)['accuracy']:.1f} % (`{one['model']}`, {_size(one):.0f} kB)" for one in others
    )
    sizes = f"; the others {beside_it}" if others else ""
    (finding,) = [e for e in detector["evaluations"] if e["artefact"] == "tflite"]
    (path,) = [r for r in bench["runs"] if (r["engine"], r["threads"], r["faces"]) == ("litert", 1, 1)]
    (start,) = [s for s in bench["cold_start"] if s["engine"] == "litert"]
    peers = finding["peers"] if isinstance(finding["peers"], dict) else {}
    beside = "".join(f", {name} {row['ap50']:.3f}" for name, row in peers.items())
    ratio = bench["ratios"][_RATIO]["value"]
    elsewhere = "" if other is None else _elsewhere(bench, other)
    rows = [
        (
            f"reading, int8 TFLite of {_size(default):.0f} kB",
            f"{100 * reading['accuracy']:.1f} % of {reading['n']:,} FER+ test images (strict){sizes}; one seed each",
        ),
        (
            f"finding, int8 TFLite of {detector['files']['tflite']['bytes'] / 1000:.0f} kB",
            f"average precision {finding['ap50']:.3f} on {finding['faces']:,} validation faces{beside}",
        ),
        (
            "one 640×480 frame, one face",
            f"{path['whole']['p50']:.2f} ms on one core of a desktop ({bench['hardware']['cpu']}), {ratio:.2f} × "
            f"YuNet + mini_XCEPTION in the same run{elsewhere}",
        ),
        (
            "process start to first reading",
            f"{start['first_reading_ms']:.0f} ms, {start['peak_rss_mb']:.0f} MB at the peak",
        ),
    ]
    return grid(("", "measured"), rows)


def _elsewhere(bench: Bench, other: Bench) -> str:
    earlier = [name for name, files in bench["models"].items() if other["models"].get(name) != files]
    models = f", with an earlier {' and '.join(earlier)}" if earlier else ""
    return f"; {other['ratios'][_RATIO]['value']:.2f} × on {other['hardware']['cpu']}{models}"


def _size(found: EmotionReport) -> float:
    """Of the int8 TFLite, kB."""
    return found["files"]["tflite"]["bytes"] / 1000
