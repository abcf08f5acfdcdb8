"""The bundled emotion classifiers side by side, a figure a line, out of docs/results/emotion-NAME.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mien.errors import MienError
from mien.models.expression import INTENDED, PERCEIVED
from mien_export.pages import measured_with
from mien_export.pages.emotion_tables import CHANGES
from mien_export.pages.markdown import grid
from mien_export.records.emotion import EmotionEvaluation, EmotionReport, accuracies, shown_test, strict_test, test_of
from mien_export.records.reading import read

NAMES = ("emotion-base", "emotion-large", "emotion-nano")

_MISSING = "–"

Cell = Callable[[EmotionReport], str]


def lines(results: Path) -> list[str]:
    """Every figure of the int8 TFLite on the test split, a column for each of `NAMES`.

    Raises:
        MienError: a result is missing or damaged.
    """
    found = [read(results / f"{name}.json", EmotionReport) for name in NAMES]
    rows = [(name, *(cell(report) for report in found)) for name, cell in _rows(found)]
    strict = [strict_test(report) for report in found]
    ways = [entry["full_path"] for entry in strict if "full_path" in entry]
    finders = {measured_with.detector(way["detector"], way.get("detector_sha256")): None for way in ways}
    scenes = f"In scenes faces were found by {' and '.join(finders)}. " if finders else ""
    return [
        *grid(("int8 TFLite, test split unless said otherwise", *NAMES), rows),
        "",
        "One seed each. Recalls as shown by default are those of what the runtime shows without `--expression`; all "
        f"else, but for FER2013's seven labels, is the reading `perceived`. {scenes}"
        + " ".join(f"`{report['command']}`." for report in found),
    ]


def _rows(found: Sequence[EmotionReport]) -> list[tuple[str, Cell]]:
    """Names of figures and how each is read out of a report."""
    strict = strict_test(found[0])
    changes = [(f"{CHANGES[name]}, strict", partial(_changed, name)) for name in CHANGES if name != "clean"]
    frames = [one["frame"] for one in strict["full_path"]["frames"]] if "full_path" in strict else []
    ways = [(f"found and read in scenes of {frame[1]}×{frame[0]}, strict", partial(_way, frame)) for frame in frames]
    return [
        ("kB", lambda report: f"{report['files']['tflite']['bytes'] / 1000:.1f}"),
        ("parameters", lambda report: f"{report['parameters']:,}"),
        ("million multiply-accumulates", lambda report: f"{report['macs'] / 1e6:.1f}"),
        (f"accuracy, strict, {strict['n']:,} images", lambda report: _percent(strict_test(report)["accuracy"])),
        ("accuracy, loose", lambda report: _accuracy(test_of(report, "loose", PERCEIVED))),
        ("accuracy, FER2013's seven labels, `intended`",
         lambda report: _accuracy(test_of(report, "fer2013", INTENDED))),
        ("macro-F1, eight classes, strict", lambda report: f"{strict_test(report)['macro_f1']:.3f}"),
        ("mean of class recalls as shown by default, strict", _shown_recall),
        ("accuracy as shown by default, strict", lambda report: _accuracy(shown_test(report))),
        ("calibration error, strict", lambda report: f"{strict_test(report)['ece']:.3f}"),
        ("errors among the least certain 15 %, strict", _abstained),
        ("choices that a shift by one pixel changes, strict", _shift),
        *changes,
        *ways,
        ("accuracy lost from float to int8, strict validation images, points", _lost),
    ]  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _accuracy(entry: EmotionEvaluation | None) -> str:
    return _MISSING if entry is None else _percent(entry["accuracy"])


def _abstained(report: EmotionReport) -> str:
    entry = strict_test(report)
    return f"{100 * entry['abstention']['errors']:.1f} %" if "abstention" in entry else _MISSING


def _shown_recall(report: EmotionReport) -> str:
    entry = shown_test(report)
    return _MISSING if entry is None or "mean_recall" not in entry else f"{entry['mean_recall']:.3f}"


def _shift(report: EmotionReport) -> str:
    entry = strict_test(report)
    return f"{100 * entry['robustness']['shift']['changed']:.1f} %" if "robustness" in entry else _MISSING


def _changed(change: str, report: EmotionReport) -> str:
    entry = strict_test(report)
    return f"{100 * accuracies(entry['robustness'])[change]:.1f} %" if "robustness" in entry else _MISSING


def _way(frame: list[int], report: EmotionReport) -> str:
    entry = strict_test(report)
    ways = entry["full_path"]["frames"] if "full_path" in entry else []
    return next((f"{100 * one['accuracy']:.1f} %" for one in ways if one["frame"] == frame), _MISSING)


def _lost(report: EmotionReport) -> str:
    if "choices" not in report:
        return _MISSING
    try:
        before, after = (report["choices"][kind][PERCEIVED]["strict"]["accuracy"] for kind in ("float", "int8"))
    except KeyError as error:
        raise MienError(f"{report['model']}: its choices lack {error}; see `make results`") from None
    return f"{100 * (before - after):.2f}"
