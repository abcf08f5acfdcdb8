"""The README's tables about the emotion classifier."""

from __future__ import annotations

from mien_export.pages.markdown import grid, origin
from mien_export.records.emotion import EmotionReport, strict_test


def accuracy(found: EmotionReport) -> list[str]:
    """Both artefacts under every protocol."""
    rows = []
    for entry in found["evaluations"]:
        label = f"int8 {'TFLite' if entry['artefact'] == 'tflite' else 'ONNX'}"
        size = found["files"][entry["artefact"]]["bytes"]
        rows.append(
            (
                f"{label}, {size / 1000:.0f} kB",
                f"{entry['protocol']}, {'validation' if entry['split'] == 'val' else 'test'}",
                str(entry["n"]),
                f"{100 * entry['accuracy']:.2f} %",
                f"{entry['macro_f1']:.3f}",
                f"{entry['ece']:.3f}",
            )
        )
    head = ("artefact", "protocol, split", "images", "accuracy", "macro-F1", "calibration error")
    return [*grid(head, rows), "", origin(found, found["evaluations"][0]["made_with"])]


def classes(found: EmotionReport) -> list[str]:
    """Precision, recall and F1 of every emotion, int8 TFLite on the strict test split."""
    rows = [
        (label, f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['f1']:.2f}", str(row["support"]))
        for label, row in strict_test(found)["per_class"].items()
    ]
    return grid(("emotion", "precision", "recall", "F1", "test images"), rows)
