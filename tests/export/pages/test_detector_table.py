from __future__ import annotations

import copy
from pathlib import Path

from mien_export.pages import detector_table
from mien_export.records.detector import DetectorReport, Found
from mien_export.records.reading import read

RESULT = Path(__file__).parents[3] / "docs/results/detector.json"


def _grouped(entry: Found, hard: float) -> None:
    entry["groups"] = {
        "hard": {"faces": 40, "ap50": hard, "recall": {}},
        "other": {"faces": 60, "ap50": 0.9, "recall": {}},
    }


def test_hard_sets_have_a_column_where_they_were_measured() -> None:
    found = read(RESULT, DetectorReport)
    grouped = copy.deepcopy(found)
    peers = grouped["evaluations"][0]["peers"]
    assert isinstance(peers, dict)
    for entry in grouped["evaluations"]:
        _grouped(entry, 0.8125)
    for peer in peers.values():
        _grouped(peer, 0.75)
    lines = detector_table.lines(grouped)
    assert lines[0].split(" | ")[2] == "AP, hard sets"
    column = [line.split(" | ")[2] for line in lines[2 : lines.index("")]]
    assert column == ["0.812"] * len(grouped["evaluations"]) + ["0.750"] * len(peers)
    assert "Hard sets: 40 of these faces" in lines[-1]

    for entry in found["evaluations"]:
        entry.pop("groups", None)
    assert "hard sets" not in "\n".join(detector_table.lines(found)).lower()


def test_thresholds_of_their_own_and_touching_pairs_are_told_where_they_were_measured() -> None:
    found = copy.deepcopy(read(RESULT, DetectorReport))
    entry = found["evaluations"][0]
    peers = entry["peers"]
    assert isinstance(peers, dict)
    rows: list[Found] = [entry, *peers.values()]
    for number, row in enumerate(rows):
        row["score_threshold"] = 0.5
        row["touching"] = {"pairs": 20, "both": 18 - number, "share": 0.0}
    text = detector_table.lines(found)[-1]
    assert "at a score of 0.5 for all" in text
    assert "Of 20 pairs of touching faces (boxes that overlap by .05 to .4) both are found by mien 90 %, " in text
    assert f"{next(iter(peers))} 85 %" in text
    for number, row in enumerate(rows):
        row["score_threshold"] = 0.5 + number / 10
        row.pop("touching")
    text = detector_table.lines(found)[-1]
    assert f"at a score of 0.5 for ours, 0.6 for {next(iter(peers))}" in text
    assert "by one rule" in text
    assert "touching" not in text
