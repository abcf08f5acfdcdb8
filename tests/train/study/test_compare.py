from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MienError
from mien_train.recipes.named import EMOTION
from mien_train.study import compare, compare_kept, compare_page
from mien_train.study.contestants import CONTESTANTS

SWEEP = {
    "command": "python -m mien_train sweep deep --space depth.toml --seed 0",
    "made_with": {"torch": "2", "optuna": "4"},
    "protocol": {"labels": "fer2013", "partition": "usage", "score": "accuracy"},
    "recipe": {"name": "deep"},
    "space": {"sampler": "grid", "widths": {"choices": [[8], [8, 16]]}},
    "seed": 0,
    "trials": [
        {"number": n, "state": "complete", "values": {"widths": w}, "score": score, "epochs": 10, "seconds": 90,
         "parameters": 5000}
        for n, w, score in ((0, [8], 0.5), (1, [8, 16], 0.6))
    ],
}  # fmt: skip


def _plan(data: Path, folder: Path) -> compare.Plan:
    return compare.Plan(folder / "runs", data, jobs=2, quick=True, log=folder / "log.jsonl")


def test_contestants_have_names_and_folders_of_their_own_and_start_from_one_another() -> None:
    assert len({c.name for c in CONTESTANTS}) == len({c.folder for c in CONTESTANTS}) == len(CONTESTANTS) > 10
    assert all(c.start in {other.name for other in CONTESTANTS} for c in CONTESTANTS if c.start)


def test_two_systems_are_trained_exported_measured_and_shown_and_not_trained_twice(
    small_data: Path, tmp_path: Path
) -> None:
    plan = _plan(small_data, tmp_path)
    rows, histories = compare.compare(plan, ["twoconv-max", "elu-twostage"])
    plain, staged = rows
    assert plain["recipe"] == "twoconv-max"
    assert plain["n"] == 16  # the small data's private test images
    assert plain["published"] == {"accuracy": 0.56}
    assert plain["met"] == {"accuracy": plain["accuracy"] >= 0.56}
    assert plain["latency_ratio"] > 0
    assert plain["int8_bytes"] > plain["parameters"]
    assert staged["int8_bytes"] is staged["latency_ratio"] is staged["int8_accuracy"] is None
    assert staged["strict_accuracy"] is None  # its epoch was chosen on those images
    assert [len(epochs) for epochs in histories.values()] == [1, 1]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 5

    checkpoint = tmp_path / "runs" / "twoconv-max" / "checkpoint.pt"
    before = checkpoint.stat().st_mtime_ns
    again, _ = compare.compare(plan, ["twoconv-max"])
    assert checkpoint.stat().st_mtime_ns == before
    assert again[0]["accuracy"] == plain["accuracy"]

    page = tmp_path / "docs" / "compare.md"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "sweep-depth.json").write_text(json.dumps(SWEEP))
    compare_page.write(rows, histories, tmp_path / "results", page)
    assert json.loads((tmp_path / "results" / "compare.json").read_text())[0]["recipe"] == "twoconv-max"
    assert (tmp_path / "results" / "compare.png").stat().st_size > 1000
    assert "| twoconv-max | FER2013, 3,589 private test images | accuracy 56.00 |" in page.read_text()
    assert "](../results/compare.png)" in page.read_text()
    assert "## A sweep of deep: widths" in page.read_text()
    assert "| 1 | 0.6000 | 10 | 90 | 5000 | complete | 8,16 |\n| 0 | 0.5000 |" in page.read_text()
    assert "sweep-depth.png" not in page.read_text()  # no picture was kept


def test_only_some_recipes_leave_the_rows_of_the_others_that_still_hold(tmp_path: Path) -> None:
    plan = compare.Plan(tmp_path / "runs", tmp_path, seed=0, jobs=1, quick=False)

    def row(name: str, accuracy: float, **changes: Any) -> dict[str, Any]:
        recipe = EMOTION[name.split(" ")[0]] if name != "gone" else EMOTION["deep"]
        settings = json.loads(json.dumps(asdict(recipe)))
        kept = {"recipe": name, "accuracy": accuracy, "remark": "old", "seed": 0, "settings": settings}
        return {**kept, **changes}

    old = [row("gone", 0.1), row("deep", 0.2), row("twoconv-avg", 0.3), row("elu-sixclass", 0.4, seed=7)]
    old.append(row("mini-xception", 0.5, settings={**row("mini-xception", 0)["settings"], "epochs": 3}))
    (tmp_path / "compare.json").write_text(json.dumps(old))
    (tmp_path / "compare-curves.json").write_text(
        json.dumps({"epochs": {"gone": [1], "deep": [2], "twoconv-avg": [3]}})
    )
    shown, histories = compare_kept.merged(plan, [row("deep", 0.9)], {"deep": [9]}, compare_kept.read(tmp_path))
    assert [(r["recipe"], r["accuracy"]) for r in shown] == [("twoconv-avg", 0.3), ("deep", 0.9)]
    assert shown[0]["remark"] == next(c.remark for c in CONTESTANTS if c.name == "twoconv-avg")
    assert histories == {"twoconv-avg": [3], "deep": [9]}
    assert compare_kept.read(tmp_path / "none") == ([], {})
    (tmp_path / "compare.json").write_text("{")
    with pytest.raises(MienError, match=r"compare\.json: not readable"):
        compare_kept.read(tmp_path)


def test_a_failing_training_names_its_log(small_data: Path, tmp_path: Path) -> None:
    (small_data / "fer2013.csv").write_text("emotion,pixels,Usage\n9,1 2 3,Training\n")
    with pytest.raises(MienError, match=r"twoconv-max .* failed with status 2: .*emotion is '9'.*log\.txt"):
        compare.compare(_plan(small_data, tmp_path), ["twoconv-max"])


def test_an_unknown_recipe_names_the_nearest(small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(MienError, match="did you mean 'mini-xception'"):
        compare.compare(_plan(small_data, tmp_path), ["mini-xeption"])
