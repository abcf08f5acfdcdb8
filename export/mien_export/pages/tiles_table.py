"""The README's table of small faces with and without tiles, out of docs/results/face-base-tiles.json."""

from __future__ import annotations

from mien_export.pages.markdown import grid
from mien_export.records.tiles import Tiles


def lines(found: Tiles) -> list[str]:
    """Recall of small faces with and without tiles, beside a detector that sees the frame at full size."""
    named = {"whole": "mien, whole frame", "tiles": "mien, with tiles"}
    heights = [f"{bounds} px" for bounds in found["detectors"]["whole"]["by_height"]]
    rows = []
    for name, row in found["detectors"].items():
        alarms = row["false_positives"]
        rows.append(
            (
                named.get(name, f"{name}, full frame"),
                f"{row['runs']} + {row['second_looks']:.1f}" if row.get("second_looks") else str(row["runs"]),
                f"{row['score_threshold']:.2f}",
                f"{100 * row['recall']:.1f} %",
                *(f"{100 * part['recall']:.1f} %" for part in row["by_height"].values()),
                f"{100 * alarms['share']:.1f} %",
            )
        )
    height, width = found["frame"]
    looked = found["detectors"]["tiles"].get("second_looks")
    again = " After the plus: second looks at what only a tile shows." if looked else ""
    return [
        *grid(("detector", "runs a frame", "score", "recall", *heights, "false alarms"), rows),
        "",
        f"{found['photographs']} validation photographs of groups in frames of {width}×{height}, faces at least "
        f"{found['smallest']:.0f} pixels high. Score: the threshold; ours are the model's own, the other's was chosen "
        f"by the rule, and on the face-free photographs, that gave ours for the whole frame. False alarms: share of "
        f"{found['face_free']} other such photographs with a detection (they were picked with YuNet's help).{again} "
        f"`{found['command']}`.",
    ]
