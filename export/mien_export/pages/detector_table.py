"""The README's table of a face detector's precision, beside its peers."""

from __future__ import annotations

from mien_export.pages.markdown import grid, origin
from mien_export.records.detector import DetectorReport, Found, Landmarks


def lines(found: DetectorReport) -> list[str]:
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
    peers = entry["peers"].items() if isinstance(entry["peers"], dict) else ()
    chosen = "the others of them" if entry.get("reporting_half") else "these same photographs"
    own = entry["score_threshold"]
    told = f"{own} for all, which was chosen for ours on {chosen}"
    if any(peer["score_threshold"] != own for _, peer in peers):
        others = ", ".join(f"{peer['score_threshold']} for {name}" for name, peer in peers)
        told = f"{own} for ours, {others}, each chosen on {chosen} by one rule"
    text = (
        f"{entry['n']} validation photographs letterboxed to {entry['input'][0]}×{entry['input'][1]}; the "
        f"{entry['faces']} faces at least {entry['smallest']:.0f} pixels high there count. Most of their labels are "
        f"YuNet's own; those that a person drew ({entry['drawn']['faces'] if entry['drawn'] else 0} faces) are scored "
        f"apart, after one box mapping a detector. Recall and false alarms (face-free photographs with a detection, of "
        f"{alarms['of']}; ours {100 * low:.1f} to {100 * high:.1f} %, 95 % interval) at a score of "
        f"{told}; the face-free ones "
        f"were picked with YuNet's help, so its count says nothing. "
        f"Landmark error as a share of the eyes' distance, against the same labels, median and mean. "
    )
    if noise := entry["label_noise"]:
        text += (
            f"{noise['teacher']}, which gave those landmarks, is itself {_landmarks(noise)} away from them when it "
            f"sees the photographs at {noise['input'][0]}×{noise['input'][1]}; the labels are no more certain than "
            f"that. "
        )
    pairs = [(name, row["touching"]) for name, row in (("mien", entry), *peers) if "touching" in row]
    if pairs and (count := pairs[0][1]["pairs"]):
        shares = ", ".join(f"{name} {100 * row['both'] / count:.0f} %" for name, row in pairs)
        text += f"Of {count} pairs of touching faces (boxes that overlap by .05 to .4) both are found by {shares}. "
    if hard := entry.get("groups", {}).get("hard"):
        text += f"Hard sets: {hard['faces']} of these faces, mostly small, turned, hidden, dark or out of focus. "
    head = ["detector", "AP at IoU .5", "AP at IoU .75", "AP, drawn boxes", "recall", "false alarms", "landmark error"]
    if hard:
        head.insert(2, "AP, hard sets")
    return [*grid(tuple(head), rows), "", text + origin(found, entry["made_with"])]


def _row(name: str, entry: Found, smallest: float) -> tuple[str, ...]:
    counted = [k for k in entry["recall"].values() if k["from"] >= smallest]
    seen = sum(k["faces"] * k["recall"] for k in counted) / sum(k["faces"] for k in counted)
    hard = entry.get("groups", {}).get("hard")
    return (
        name,
        f"{entry['ap50']:.3f}",
        *((f"{hard['ap50']:.3f}",) if hard else ()),
        f"{entry['ap75']:.3f}",
        f"{entry['drawn']['ap50']:.3f}" if entry["drawn"] else "–",
        f"{seen:.3f}",
        str(entry["false_positives"]["pictures"]),
        _landmarks(entry),
    )


def _landmarks(entry: Landmarks) -> str:
    median, mean = entry["landmark_median"], entry["landmark_error"]
    return "–" if median is None or mean is None else f"{100 * median:.1f} % / {100 * mean:.1f} %"
