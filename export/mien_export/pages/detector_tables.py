"""The README's tables about the face detector."""

from __future__ import annotations

import math
from typing import Any

from mien_export.pages.markdown import grid, origin

Results = dict[str, Any]

CAMERAS = (
    ("Camera Module 2", 62.2),
    ("Camera Module 3", 66.0),
    ("Camera Module 3 Wide", 102.0),
)
"""Cameras and their horizontal field of view in degrees, from Raspberry Pi's camera documentation."""

_FACE = 0.19
"""Metres from the forehead's top to the chin, as the detector's boxes run, of a grown-up."""

_GOOD = 0.9


def quality(found: Results) -> list[str]:
    """Average precision, recall, false alarms and landmarks, beside the peers."""
    rows = []
    for entry in found["evaluations"]:
        size = found["files"][entry["artefact"]]["bytes"]
        rows.append(
            _row(f"mien {found['model']}, int8 {entry['artefact']}, {size / 1000:.0f} kB", entry, entry["smallest"])
        )
    entry = found["evaluations"][0]
    if isinstance(entry["peers"], dict):
        rows += [_row(f"{name}, float ONNX", peer, entry["smallest"]) for name, peer in entry["peers"].items()]
    alarms = entry["false_positives"]
    low, high = alarms["interval95"]
    text = (
        f"{entry['n']} validation photographs letterboxed to {entry['input'][0]}×{entry['input'][1]}; the "
        f"{entry['faces']} faces at least {entry['smallest']:.0f} pixels high there count. Most of their labels are "
        f"YuNet's own; those that a person drew ({entry['drawn']['faces'] if entry['drawn'] else 0} faces) are scored "
        f"apart, after one box mapping a detector. Recall and false alarms (face-free photographs with a detection, of "
        f"{alarms['of']}; ours {100 * low:.1f} to {100 * high:.1f} %, 95 % interval) at a score of "
        f"{entry['score_threshold']} for all, which was chosen for ours on these same photographs; the face-free ones "
        f"were picked with YuNet's help, so its count says nothing. "
        f"Landmark error as a share of the eyes' distance, against the same labels, median and mean. "
    )
    if noise := entry["label_noise"]:
        text += (
            f"{noise['teacher']}, which gave those landmarks, is itself {_landmarks(noise)} away from them when it "
            f"sees the photographs at {noise['input'][0]}×{noise['input'][1]}; the labels are no more certain than "
            f"that. "
        )
    head = ("detector", "AP at IoU .5", "AP at IoU .75", "AP, drawn boxes", "recall", "false alarms", "landmark error")
    return [*grid(head, rows), "", text + origin(found)]


def conditions(found: Results) -> list[str]:
    """Recall by size, roll and light, beside the peers."""
    names = list(found["conditions"][0]["recall"])
    rows = [
        (row["condition"], str(row["faces"]), *(f"{100 * row['recall'][name]:.0f} %" for name in names))
        for row in found["conditions"]
    ]
    return [
        *grid(("condition", "faces", *names), rows),
        "",
        f"Recall at a score of {found['score_threshold']}, one validation face in a frame of {found['input'][0]}×"
        f"{found['input'][1]}, {100 * found['usual_height']:.0f} % of its height unless said otherwise. "
        f"`{found['command']}`.",
    ]


def tiles(found: Results) -> list[str]:
    """Recall of small faces with and without tiles, beside a detector that sees the frame at full size."""
    named = {"whole": "mien, whole frame", "tiles": "mien, with tiles"}
    heights = [f"{bounds} px" for bounds in found["detectors"]["whole"]["by_height"]]
    rows = []
    for name, row in found["detectors"].items():
        alarms = row["false_positives"]
        rows.append(
            (
                named.get(name, f"{name}, full frame"),
                str(row["runs"]),
                f"{row['score_threshold']:.2f}",
                f"{100 * row['recall']:.1f} %",
                *(f"{100 * part['recall']:.1f} %" for part in row["by_height"].values()),
                f"{100 * alarms['share']:.1f} %",
            )
        )
    height, width = found["frame"]
    return [
        *grid(("detector", "runs a frame", "score", "recall", *heights, "false alarms"), rows),
        "",
        f"{found['photographs']} validation photographs of groups in frames of {width}×{height}, faces at least "
        f"{found['smallest']:.0f} pixels high. Score: the threshold; ours is the model's own, the other's the "
        f"lowest from which less than 2 % of {found['face_free']} face-free photographs alarm it, which is the rule "
        f"that gave ours (they were picked with YuNet's help). False alarms: share of these photographs with a "
        f"detection. `{found['command']}`.",
    ]


def distance(found: Results) -> list[str]:
    """How far away a face may be, by camera."""
    height, width = found["input"]
    good = [row for row in found["conditions"] if "height" in row and row["recall"]["mien"] >= _GOOD]
    smallest = height * min(row["height"] for row in good)
    rows = []
    for camera, view in CAMERAS:
        focal = 1 / (2 * math.tan(math.radians(view / 2)))
        metres = [_FACE * pixels * focal / smallest for pixels in (width, 640)]
        rows.append((camera, f"{view:g}°", *(f"{m:.1f} m" for m in metres)))
    return [
        *grid(("camera", "horizontal view", "whole frame", "with tiles, 640×480"), rows),
        "",
        f"From geometry, not measured with these cameras: a face of {100 * _FACE:.0f} cm at {smallest:.0f} pixels of "
        f"the network's input, the smallest height above at which recall is {100 * _GOOD:.0f} % or more. Masks, turned "
        f"heads and bad light need more pixels.",
    ]


def _row(name: str, entry: dict[str, Any], smallest: float) -> tuple[str, ...]:
    counted = [k for k in entry["recall"].values() if k["from"] >= smallest]
    seen = sum(k["faces"] * k["recall"] for k in counted) / sum(k["faces"] for k in counted)
    return (
        name,
        f"{entry['ap50']:.3f}",
        f"{entry['ap75']:.3f}",
        f"{entry['drawn']['ap50']:.3f}" if entry["drawn"] else "–",
        f"{seen:.3f}",
        str(entry["false_positives"]["pictures"]),
        _landmarks(entry),
    )


def _landmarks(entry: dict[str, Any]) -> str:
    figures = [entry[key] for key in ("landmark_median", "landmark_error")]
    return "–" if None in figures else " / ".join(f"{100 * value:.1f} %" for value in figures)
