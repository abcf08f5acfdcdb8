"""A model card, written from a model's results and nothing else (Mitchell et al. 2019)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien.models import bundle
from mien_export import files
from mien_export.pages import detector_tables, emotion_tables

Results = dict[str, Any]

_WEAK_RECALL = {"emotion": 0.6, "face": 0.9}
"""Below this a class, or a condition, is named as a weak spot."""

_USE = {
    "emotion": (
        "Reads the expression of an aligned 48×48 luma crop as calibrated probabilities of {labels}; says `uncertain` "
        "below {abstain}. A reading is of an expression in a picture, not of a feeling, and no ground to judge a "
        "person. Regulation (EU) 2024/1689 prohibits emotion inference at work and in education (Article 5(1)(f)) and "
        "asks deployers elsewhere to inform the people exposed (Article 50(3))."
    ),
    "face": (
        "Finds faces with five landmarks in a luma frame that is letterboxed to {height}×{width} (height × width). It "
        "detects faces; it does not tell whose they are."
    ),
}
_DATA = {
    "emotion": (
        "FER2013 (Goodfellow et al. 2013), pictures collected from the web for a research competition, with FER+ votes "
        "of ten annotators (Barsoum et al. 2016; MIT). Nobody stated a licence for the pictures."
    ),
    "face": (
        "Photographs from public repositories, most of them with no stated licence: portraits, groups, streets, many "
        "masked faces, and face-free pictures. Part of the boxes were drawn by people; the other boxes and all "
        "landmarks are YuNet's opinion, errors included."
    ),
}


def write(model: str, results: Path, out: Path) -> Path:
    """Write OUT/NAME.md.

    Args:
        model: name of a bundled model, or path of a sidecar.
        results: folder of `docs/results`.
        out: folder of the cards.

    Raises:
        MienError: the model or its results are missing, or the card cannot be written.
    """
    found = bundle.load(model)
    task = found.task
    figures = _read(results / ("detector.json" if found.name == "face-base" else f"{found.name}.json"))
    conditions_file = results / f"{found.name}-conditions.json"
    conditions = _read(conditions_file) if task == "face" and conditions_file.is_file() else None
    lines = [f"# {found.name}", "", _USE[task].format(**_facts(found)), "", "## Figures", ""]
    if task == "emotion":
        lines += [*emotion_tables.accuracy(figures), "", *emotion_tables.classes(figures)]
    else:
        lines += detector_tables.quality(figures)
        if conditions:
            lines += ["", *detector_tables.conditions(conditions)]
    lines += ["", "## Weak spots", "", *_weak(task, figures, conditions)]
    lines += ["", "## Data", "", _DATA[task] + f" SHA-256 of the training arrays or labels: "
              f"`{found.sidecar.training.data_sha256}`.", "", "## Files", ""]  # fmt: skip
    for kind, entry in found.sidecar.files.items():
        lines.append(f"- {kind}: `{entry.file}`, {entry.bytes:,} bytes, SHA-256 `{entry.sha256}`")
    lines += ["", "## Licence", "", found.sidecar.licence]
    path = out / f"{found.name}.md"
    files.write_text(path, "\n".join(lines) + "\n")
    return path


def _facts(model: bundle.Bundle) -> dict[str, Any]:
    abstain = model.decision.abstain_below if model.task == "emotion" else None
    return {"labels": ", ".join(model.labels), "abstain": abstain, "height": model.height, "width": model.width}


def _weak(task: str, figures: Results, conditions: Results | None) -> list[str]:
    limit = _WEAK_RECALL[task]
    if task == "emotion":
        wanted = ("tflite", "test", "strict")
        (entry,) = [e for e in figures["evaluations"] if (e["artefact"], e["split"], e["protocol"]) == wanted]
        rows = [
            f"- {label}: recall {row['recall']:.2f} on {row['support']} test images{_taken_for(entry, label)}"
            for label, row in entry["per_class"].items()
            if row["recall"] < limit
        ]
    else:
        entry = figures["evaluations"][0]
        rows = [
            f"- faces {k} pixels high in the input: recall {row['recall']:.2f} of {row['faces']}"
            for k, row in entry["recall"].items()
            if row["recall"] < limit
        ]
        for row in conditions["conditions"] if conditions else []:
            if row["recall"]["mien"] < limit:
                rows.append(f"- {row['condition']}: recall {row['recall']['mien']:.2f} of {row['faces']}")
    rows.append("- Errors by age, sex and skin colour were not measured: the data has no such labels.")
    return [f"Recall below {limit}, from the tables above:", "", *rows]


def _taken_for(entry: dict[str, Any], label: str) -> str:
    labels = list(entry["per_class"])
    row = list(entry["confusion"][labels.index(label)])
    row[labels.index(label)] = -1
    return f", most often taken for {labels[row.index(max(row))]}"


def _read(path: Path) -> Results:
    try:
        found: Results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MienError(f"{path}: not a readable result ({error}); see `make results`") from None
    return found
