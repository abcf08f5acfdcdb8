"""`tables`: the README's tables, from docs/results/*.json and nothing else.

A table stands between `<!-- table NAME -->` and `<!-- end -->`; what is between them is replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.errors import MienError

Results = dict[str, Any]


def fill(readme: Path, results: Path) -> str:
    """The text of a README with every table made anew.

    Raises:
        MienError: a result is missing or a table's name is unknown.
    """

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in _TABLES:
            raise MienError(f"{readme}: unknown table {name!r}; known are {', '.join(_TABLES)}")
        file, render = _TABLES[name]
        path = results / file
        if not path.is_file():
            raise MienError(f"{path}: missing, and table {name!r} of {readme.name} needs it; see `make results`")
        lines = render(json.loads(path.read_text(encoding="utf-8")))
        return "\n".join([f"<!-- table {name} -->", *lines, "<!-- end -->"])

    pattern = r"<!-- table (?P<name>\S+) -->\n.*?<!-- end -->"
    return re.sub(pattern, table, readme.read_text(encoding="utf-8"), flags=re.DOTALL)


def _grid(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    ruler = tuple("---" if column == 0 else "--:" for column in range(len(head)))
    return ["| " + " | ".join(row) + " |" for row in (head, ruler, *rows)]


def _emotion(found: Results) -> list[str]:
    rows = []
    for entry in found["evaluations"]:
        label = f"int8 {'TFLite' if entry['artefact'] == 'tflite' else 'ONNX'}"
        size = found["files"][entry["artefact"]]["bytes"]
        split = {"val": "validation", "test": "test"}[entry["split"]]
        rows.append(
            (
                f"{label}, {size / 1000:.0f} kB",
                f"{entry['protocol']}, {split}",
                str(entry["n"]),
                f"{100 * entry['accuracy']:.2f} %",
                f"{entry['macro_f1']:.3f}",
                f"{entry['ece']:.3f}",
            )
        )
    return [
        *_grid(("artefact", "protocol, split", "images", "accuracy", "macro-F1", "calibration error"), rows),
        "",
        _origin(found),
    ]


def _classes(found: Results) -> list[str]:
    (entry,) = [
        e for e in found["evaluations"] if (e["artefact"], e["split"], e["protocol"]) == ("tflite", "test", "strict")
    ]
    rows = [
        (label, f"{row['precision']:.2f}", f"{row['recall']:.2f}", f"{row['f1']:.2f}", str(row["support"]))
        for label, row in entry["per_class"].items()
    ]
    return _grid(("emotion", "precision", "recall", "F1", "test images"), rows)


def _detector(found: Results) -> list[str]:
    rows = []
    for entry in found["evaluations"]:
        size = found["files"][entry["artefact"]]["bytes"]
        rows.append(_detections(f"mien face-base, int8 {entry['artefact']}, {size / 1000:.0f} kB", entry))
    peers = found["evaluations"][0]["peers"]
    if isinstance(peers, dict):
        rows += [_detections(f"{name}, float ONNX", peer) for name, peer in peers.items()]
    entry = found["evaluations"][0]
    return [
        *_grid(
            ("detector", "AP at IoU .5", "AP at IoU .75", "recall", "false alarms", "landmark error"),
            rows,
        ),
        "",
        f"{entry['n']} validation photographs letterboxed to {entry['input'][0]}×{entry['input'][1]}; the "
        f"{entry['faces']} faces at least {entry['smallest']:.0f} pixels high there count. Recall and false alarms "
        f"(face-free photographs with a detection, of {entry['false_positives']['of']}) at a score of "
        f"{entry['score_threshold']}; landmark error as a share of the eyes' distance. " + _origin(found),
    ]


def _detections(name: str, entry: dict[str, Any]) -> tuple[str, ...]:
    seen = sum(k["faces"] * k["recall"] for k in entry["recall"].values()) / entry["faces"]
    return (
        name,
        f"{entry['ap50']:.3f}",
        f"{entry['ap75']:.3f}",
        f"{seen:.3f}",
        str(entry["false_positives"]["pictures"]),
        f"{100 * entry['landmark_error']:.1f} %",
    )


def _origin(found: Results) -> str:
    training, made = found["training"], found["evaluations"][0]["made_with"]
    return (
        f"{found['parameters']:,} parameters, {found['macs'] / 1e6:.1f} million multiply-accumulates; one seed "
        f"({training['seed']}), best epoch {training['epochs']} of {training['recipe']['epochs']}. "
        f"`{found['command']}`, {found['date']}, {found['hardware']['cpu']}, torch {made['torch']}, "
        f"LiteRT {made['ai-edge-litert']}, ONNX Runtime {made['onnxruntime']}."
    )


_TABLES: dict[str, tuple[str, Callable[[Results], list[str]]]] = {
    "emotion": ("emotion-base.json", _emotion),
    "classes": ("emotion-base.json", _classes),
    "detector": ("detector.json", _detector),
}
"""Name of a table to the result it is made from, and how."""
