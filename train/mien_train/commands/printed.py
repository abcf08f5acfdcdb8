"""An evaluation as text."""

from __future__ import annotations

from typing import Any


def text(found: dict[str, Any]) -> str:
    """A few aligned lines for a terminal, from the result of `evaluate`."""
    return "\n".join(_emotion(found) if found["task"] == "emotion" else _face(found))


def _emotion(found: dict[str, Any]) -> list[str]:
    lines = [
        f"{found['model']}  {found['split']} split, protocol {found['protocol']}, {found['n']} images, read as "
        f"{found['expression']}",
        f"accuracy {found['accuracy']:.4f}   macro-F1 {found['macro_f1']:.4f}   "
        f"mean recall {found['mean_recall']:.4f}   calibration error {found['ece']:.4f}",
        f"{'':<12}{'precision':>10}{'recall':>8}{'F1':>8}{'images':>8}",
    ]
    if "default" in found:
        own = found["default"]
        lines.insert(
            2,
            f"accuracy {own['accuracy']:.4f}   mean recall {own['mean_recall']:.4f}, read as {own['expression']}, "
            "which is what a kiosk shows",
        )
    for label, row in found["per_class"].items():
        lines.append(f"{label:<12}{row['precision']:>10.3f}{row['recall']:>8.3f}{row['f1']:>8.3f}{row['support']:>8}")
    if "robustness" in found:
        lines += _robustness(found["robustness"])
    if "full_path" in found:
        way = found["full_path"]
        low, high = way["sides"]
        lines.append(
            f"full path, faces of {low} to {high} pixels in scenes; one that {way['detector']} misses is an error"
        )
        lines += [
            f"frames of {row['frame'][1]}×{row['frame'][0]}: {row['found']:.2%} found, accuracy {row['accuracy']:.4f}"
            for row in way["frames"]
        ]
    return lines


def _robustness(found: dict[str, Any]) -> list[str]:
    figures = {name: row for name, row in found.items() if name != "shift"}
    return [
        f"{'':<12}{'accuracy':>10}{'macro-F1':>10}",
        *(f"{name:<12}{row['accuracy']:>10.4f}{row['macro_f1']:>10.4f}" for name, row in figures.items()),
        f"a shift by one pixel changes {found['shift']['changed']:.2%} of the choices",
    ]


def _face(found: dict[str, Any]) -> list[str]:
    height, width = found["input"]
    lines = [
        f"{found['model']}  {found['split']} split, {found['n']} photographs letterboxed to {height}×{width}, "
        f"{found['faces']} faces at least {found['smallest']:.0f} pixels high there",
        f"{'':<12}{'AP .5':>8}{'AP .75':>8}{'landmarks':>11}{'false alarms':>14}  recall by height",
        _row("mien", found),
    ]
    if isinstance(found["peers"], str):
        return [*lines, found["peers"]]
    return lines + [_row(name, row) for name, row in found["peers"].items()]


def _row(name: str, row: dict[str, Any]) -> str:
    recall = "  ".join(f"{k}: {v['recall']:.3f}" for k, v in row["recall"].items())
    alarms = f"{row['false_positives']['pictures']}/{row['false_positives']['of']}"
    if row["drawn"]:
        recall += f"  AP .5 on {row['drawn']['faces']} drawn boxes: {row['drawn']['ap50']:.4f}"
    landmarks = "–" if row["landmark_error"] is None else f"{row['landmark_error']:.4f}"
    return f"{name:<12}{row['ap50']:>8.4f}{row['ap75']:>8.4f}{landmarks:>11}{alarms:>14}  {recall}"
