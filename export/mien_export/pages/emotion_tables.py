"""The README's tables about the emotion classifier."""

from __future__ import annotations

from mien_export.pages import measured_with
from mien_export.pages.markdown import grid, origin
from mien_export.records.emotion import EmotionReport, Judged, accuracies, main_test, shown_test

CHANGES = {
    "clean": "as they are",
    "noise": "noise, σ 20",
    "blur": "blur, by way of 20×20 pixels",
    "gamma": "dark, gamma 2.5",
    "cover": "lower 20 of 48 rows covered",
    "contrast": "contrast × 0.4",
    "jpeg": "JPEG of quality 15",
}
"""What is done to test images, in words."""

_ARTEFACTS = {"tflite": "TFLite", "onnx": "ONNX"}


def accuracy(found: EmotionReport) -> list[str]:
    """Every protocol and expression; both artefacts in one line where their figures are the same."""
    several = len({entry.get("expression") for entry in found["evaluations"]}) > 1
    by_figures: dict[tuple[str, ...], list[str]] = {}
    for entry in found["evaluations"]:
        read = f", {entry['expression']}" if several and "expression" in entry else ""
        figures = (
            f"{entry['protocol']}, {'validation' if entry['split'] == 'val' else 'test'}{read}",
            str(entry["n"]),
            f"{100 * entry['accuracy']:.2f} %",
            f"{entry['macro_f1']:.3f}",
            f"{entry['ece']:.3f}",
        )
        by_figures.setdefault(figures, []).append(_ARTEFACTS[entry["artefact"]])
    rows = [(f"int8 {' and '.join(kinds)}", *figures) for figures, kinds in by_figures.items()]
    head = ("artefact", "protocol, split", "images", "accuracy", "macro-F1", "calibration error")
    sizes = ", ".join(f"{_ARTEFACTS[kind]} {file['bytes'] / 1000:.1f} kB" for kind, file in found["files"].items())
    return [*grid(head, rows), "", f"{sizes}. {origin(found, found['evaluations'][0]['made_with'])}"]


def classes(found: EmotionReport) -> list[str]:
    """Precision, recall and F1 of every emotion, int8 TFLite on the test split by the model's own labels.

    And the recall of what the runtime shows by default, where that is read otherwise.
    """
    entry, shown = main_test(found), shown_test(found)
    rows: list[tuple[str, ...]] = [
        (label, f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['f1']:.2f}", str(row["support"]))
        for label, row in entry["per_class"].items()
    ]
    head: tuple[str, ...] = ("emotion", "precision", "recall", "F1", "test images")
    if shown is not None and shown.get("expression") != entry.get("expression"):
        head = (*head, "precision as shown by default", "recall as shown by default")
        more = [shown["per_class"][row[0]] for row in rows]
        rows = [(*row, f"{one['precision']:.2f}", f"{one['recall']:.2f}") for row, one in zip(rows, more, strict=True)]
    return grid(head, rows)


def choices(found: EmotionReport) -> list[str]:
    """Recall of every class under both label sets by each expression, int8 on validation images; the default first."""
    if "choices" not in found:
        return []
    ways = found["choices"]["int8"]
    rows = [("mean of all recalls", *(f"{way['mean_recall']:.3f}" for way in ways.values()))]
    for judge, judged in (
        ("FER+", [way["strict"] for way in ways.values()]),
        ("FER2013", [way["fer2013"] for way in ways.values()]),
    ):
        rows.append((f"{judge}, accuracy", *(f"{100 * one['accuracy']:.1f} %" for one in judged)))
        rows.append((f"{judge}, calibration error", *(f"{one['ece']:.3f}" for one in judged)))
        rows += [(f"{judge}, {label}", *(_recall(one, label) for one in judged)) for label in judged[0]["recall"]]
    return grid(("validation images", *ways), rows)


def robustness(found: EmotionReport) -> list[str]:
    """Accuracy under every change and on the full path, int8 TFLite on the test split; none where not measured."""
    entry = main_test(found)
    rows = []
    if "robustness" in entry:
        seen = entry["robustness"]
        rows = [
            *((CHANGES[name], f"{100 * share:.1f} %") for name, share in accuracies(seen).items()),
            ("choices that a shift by one pixel changes", f"{100 * seen['shift']['changed']:.1f} %"),
        ]
    if "full_path" in entry:
        way = entry["full_path"]
        detector = measured_with.detector(way["detector"], way.get("detector_sha256"))
        rows += [
            (
                f"{way['sides'][0]} to {way['sides'][1]} pixels wide in scenes of {one['frame'][1]}×{one['frame'][0]}, "
                f"{100 * one['found']:.1f} % found by {detector}, the others errors",
                f"{100 * one['accuracy']:.1f} %",
            )
            for one in way["frames"]
        ]
    return grid(("test images", "accuracy"), rows) if rows else []


def _recall(judged: Judged, label: str) -> str:
    recall = judged["recall"][label]
    return "–" if recall is None else f"{recall:.2f}"
