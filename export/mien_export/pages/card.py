"""A model card, written from a model's results and nothing else (Mitchell et al. 2019)."""

from __future__ import annotations

from pathlib import Path

from mien.errors import MienError
from mien.models import bundle
from mien_export import files
from mien_export.pages import conditions_tables, detector_table, emotion_tables, quality_table
from mien_export.records.conditions import Conditions
from mien_export.records.detector import DetectorReport
from mien_export.records.emotion import EmotionEvaluation, EmotionReport, main_test
from mien_export.records.quality import JudgedQuality
from mien_export.records.reading import read

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
    file = results / ("detector.json" if found.name == "face-base" else f"{found.name}.json")
    use = _USE[found.task].format(**_facts(found))
    judged = quality_table.of(found, results) if found.task == "emotion" else None
    if found.task == "emotion":
        emotion = read(file, EmotionReport)
        measured, figures = emotion["files"], _emotion(emotion, judged)
    else:
        face = read(file, DetectorReport)
        measured, figures = face["files"], _face(file, face, found.name)
    if measured != found.sidecar.document["files"]:
        raise MienError(f"{file}: is of another {found.name}; run `mien_export results {model}` first")
    lines = [f"# {found.name}", "", use, "", "## Figures", "", *figures]
    lines += ["- Errors by age, sex and skin colour were not measured: the data has no such labels."]
    lines += ["", "## Data", "", _DATA[found.task] + f" SHA-256 of the training arrays or labels: "
              f"`{found.sidecar.training.data_sha256}`."]  # fmt: skip
    if judged is not None and (taught := quality_table.taught(judged)):
        lines += ["", taught]
    lines += ["", "## Files", ""]
    for kind, entry in found.sidecar.files.items():
        lines.append(f"- {kind}: `{entry.file}`, {entry.bytes:,} bytes, SHA-256 `{entry.sha256}`")
    lines += ["", "## Licence", "", found.sidecar.licence]
    path = out / f"{found.name}.md"
    files.write_text(path, "\n".join(lines) + "\n")
    return path


def _facts(model: bundle.Bundle) -> dict[str, str | float | None]:
    abstain = model.expression().abstain_below if model.task == "emotion" else None
    return {"labels": ", ".join(model.labels), "abstain": abstain, "height": model.height, "width": model.width}


def _emotion(found: EmotionReport, judged: JudgedQuality | None) -> list[str]:
    """Figures and weak spots of a classifier."""
    entry = main_test(found)
    choices = emotion_tables.choices(found)
    told = [
        "",
        "Ways to read a face, by what people see (FER+'s strict labels) and by what its picture was searched for "
        "(FER2013's own); the first is what the runtime shows by default:",
        "",
        *choices,
    ]
    return [
        *emotion_tables.accuracy(found),
        "",
        *emotion_tables.classes(found),
        *(told if choices else []),
        *(["", *robust] if (robust := emotion_tables.robustness(found)) else []),
        *(["", *quality_table.lines(judged)] if judged is not None else []),
        *_weak_spots(_WEAK_RECALL["emotion"]),
        *(
            f"- {label}: recall {row['recall']:.2f} on {row['support']} test images{_taken_for(entry, label)}"
            for label, row in entry["per_class"].items()
            if row["recall"] < _WEAK_RECALL["emotion"]
        ),
    ]


def _face(file: Path, found: DetectorReport, name: str) -> list[str]:
    """Figures and weak spots of a detector."""
    limit = _WEAK_RECALL["face"]
    lines = detector_table.lines(found)
    weak = [
        f"- faces {k} pixels high in the input: recall {band['recall']:.2f} of {band['faces']}"
        for k, band in found["evaluations"][0]["recall"].items()
        if band["recall"] < limit
    ]
    measured = file.with_name(f"{name}-conditions.json")
    if measured.is_file():
        conditions = read(measured, Conditions)
        lines += ["", *conditions_tables.recall(conditions)]
        weak += [
            f"- {row['condition']}: recall {row['recall']['mien']:.2f} of {row['faces']}"
            for row in conditions["conditions"]
            if row["recall"]["mien"] < limit
        ]
    return [*lines, *_weak_spots(limit), *weak]


def _weak_spots(limit: float) -> list[str]:
    return ["", "## Weak spots", "", f"Recall below {limit}, from the tables above:", ""]


def _taken_for(entry: EmotionEvaluation, label: str) -> str:
    labels = list(entry["per_class"])
    row = list(entry["confusion"][labels.index(label)])
    row[labels.index(label)] = -1
    return f", most often taken for {labels[row.index(max(row))]}"
