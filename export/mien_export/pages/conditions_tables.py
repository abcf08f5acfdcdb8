"""The README's tables of what the detector sees by size, roll and light, and of how far away a face may be."""

from __future__ import annotations

import math

from mien_export.pages.markdown import grid
from mien_export.records.conditions import Conditions

CAMERAS = (
    ("Camera Module 2", 62.2),
    ("Camera Module 3", 66.0),
    ("Camera Module 3 Wide", 102.0),
)
"""Cameras and their horizontal field of view in degrees, from Raspberry Pi's camera documentation."""

_FACE = 0.19
"""Metres from the forehead's top to the chin, as the detector's boxes run, of a grown-up."""

_GOOD = 0.9


def recall(found: Conditions) -> list[str]:
    """Recall by size, roll and light, beside the peers."""
    names = list(found["conditions"][0]["recall"])
    rows = [
        (row["condition"], str(row["faces"]), *(f"{100 * row['recall'][name]:.0f} %" for name in names))
        for row in found["conditions"]
    ]
    own = "".join(f", {value} for {name}" for name, value in found.get("peer_thresholds", {}).items())
    return [
        *grid(("condition", "faces", *names), rows),
        "",
        f"Recall at a score of {found['score_threshold']}{own}, one validation face in a frame of {found['input'][0]}×"
        f"{found['input'][1]}, {100 * found['usual_height']:.0f} % of its height unless said otherwise. "
        f"`{found['command']}`.",
    ]


def distance(found: Conditions) -> list[str]:
    """How far away a face may be, by camera."""
    height, width = found["input"]
    good = [row for row in found["conditions"] if "height" in row and row["recall"]["mien"] >= _GOOD]
    if not good:
        return [f"At no height of a face is recall {100 * _GOOD:.0f} % or more."]
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
        f"the network's input (with tiles, of the frame), the smallest height above at which recall is "
        f"{100 * _GOOD:.0f} % or more. That is of one face in good light; of all faces 20 to 40 pixels high in "
        f"photographs fewer are found (the detector's card says how many). Masks, turned heads and bad light need more "
        "pixels.",
    ]
