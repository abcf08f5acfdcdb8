"""The README's tables about the emotion classifier."""

from __future__ import annotations

from typing import Any

from mien_export.pages.markdown import grid, origin

Results = dict[str, Any]


def accuracy(found: Results) -> list[str]:
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
    return [*grid(head, rows), "", origin(found)]


def classes(found: Results) -> list[str]:
    """Precision, recall and F1 of every emotion, int8 TFLite on the strict test split."""
    wanted = ("tflite", "test", "strict")
    (entry,) = [e for e in found["evaluations"] if (e["artefact"], e["split"], e["protocol"]) == wanted]
    rows = [
        (label, f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['f1']:.2f}", str(row["support"]))
        for label, row in entry["per_class"].items()
    ]
    return grid(("emotion", "precision", "recall", "F1", "test images"), rows)


def calibration(found: Results) -> list[str]:
    """Validation figure of the int8 TFLite after every way to measure activation ranges."""
    sizes = sorted({row["images"] for row in found["rows"]})
    figures = {(row["method"], row["images"]): row[found["figure"]] for row in found["rows"]}
    methods = list(dict.fromkeys(row["method"] for row in found["rows"]))
    rows = [(method, *(f"{100 * figures[method, size]:.2f} %" for size in sizes)) for method in methods]
    return [
        *grid(("method", *(f"{size} images" for size in sizes)), rows),
        "",
        f"Strict validation split, {found['figure']} of the int8 TFLite; float {100 * found['float']:.2f} %. "
        f"`{found['command']}`.",
    ]


def twins(found: Results) -> list[str]:
    """Accuracy on test images with and without a near copy among the training images."""
    figures, method = found["accuracy"], found["duplicates"]["method"]
    wanted = (
        ("all", "all"),
        ("without_twin", "without a near copy in training"),
        ("with_twin", "with one"),
        ("twin_agrees", "with one of the same label"),
        ("twin_disagrees", "with one of another label"),
    )
    rows = [(n, str(figures[k]["n"]), f"{100 * figures[k]['accuracy']:.2f} %") for k, n in wanted if k in figures]
    return [
        *grid(("strict test images", "images", "accuracy"), rows),
        "",
        f"FER2013 holds many pictures twice. A near copy correlates by {method['correlation_at_best_shift']} or more "
        f"at the best shift of up to {method['shift_pixels']} pixels. FER2013's and FER+'s labels differ on "
        f"{100 * found['disagreement']['share']:.1f} % of the images that both label. `{found['command']}`.",
    ]
