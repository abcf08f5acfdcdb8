"""The README's tables about the emotion classifier."""

from __future__ import annotations

from mien_export.pages.markdown import grid, origin
from mien_export.records.emotion import EmotionReport, Judged, main_test


def accuracy(found: EmotionReport) -> list[str]:
    """Both artefacts under every protocol."""
    rows = []
    several = len({entry.get("expression") for entry in found["evaluations"]}) > 1
    for entry in found["evaluations"]:
        label = f"int8 {'TFLite' if entry['artefact'] == 'tflite' else 'ONNX'}"
        read = f", {entry['expression']}" if several else ""
        size = found["files"][entry["artefact"]]["bytes"]
        rows.append(
            (
                f"{label}, {size / 1000:.0f} kB",
                f"{entry['protocol']}, {'validation' if entry['split'] == 'val' else 'test'}{read}",
                str(entry["n"]),
                f"{100 * entry['accuracy']:.2f} %",
                f"{entry['macro_f1']:.3f}",
                f"{entry['ece']:.3f}",
            )
        )
    head = ("artefact", "protocol, split", "images", "accuracy", "macro-F1", "calibration error")
    return [*grid(head, rows), "", origin(found, found["evaluations"][0]["made_with"])]


def classes(found: EmotionReport) -> list[str]:
    """Precision, recall and F1 of every emotion, int8 TFLite on the test split by the model's own labels."""
    rows = [
        (label, f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['f1']:.2f}", str(row["support"]))
        for label, row in main_test(found)["per_class"].items()
    ]
    return grid(("emotion", "precision", "recall", "F1", "test images"), rows)


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
            ("as they are", f"{100 * seen['clean']['accuracy']:.1f} %"),
            ("noise, σ 20", f"{100 * seen['noise']['accuracy']:.1f} %"),
            ("blur, by way of 20×20 pixels", f"{100 * seen['blur']['accuracy']:.1f} %"),
            ("dark, gamma 2.5", f"{100 * seen['gamma']['accuracy']:.1f} %"),
            ("lower 20 of 48 rows covered", f"{100 * seen['cover']['accuracy']:.1f} %"),
            ("contrast × 0.4", f"{100 * seen['contrast']['accuracy']:.1f} %"),
            ("JPEG of quality 15", f"{100 * seen['jpeg']['accuracy']:.1f} %"),
            ("choices that a shift by one pixel changes", f"{100 * seen['shift']['changed']:.1f} %"),
        ]
    if "full_path" in entry:
        way = entry["full_path"]
        rows += [
            (
                f"{way['sides'][0]} to {way['sides'][1]} pixels wide in scenes of {one['frame'][1]}×{one['frame'][0]}, "
                f"{100 * one['found']:.1f} % found by {way['detector']}, the others errors",
                f"{100 * one['accuracy']:.1f} %",
            )
            for one in way["frames"]
        ]
    return grid(("test images", "accuracy"), rows) if rows else []


def _recall(judged: Judged, label: str) -> str:
    recall = judged["recall"][label]
    return "–" if recall is None else f"{recall:.2f}"
