from __future__ import annotations

import dataclasses
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MienError
from mien_train.cli import main
from mien_train.data import fer, sample
from mien_train.recipes.named import EMOTION
from mien_train.study import compare, compare_kept, compare_page, compare_rows
from mien_train.study.compare_plan import Plan
from mien_train.study.compare_rows import Epochs, Failed, Measured, Row
from mien_train.study.contestants import CONTESTANTS

SWEEP = {
    "command": "python -m mien_train sweep deep --space depth.toml --seed 0",
    "made_with": {"torch": "2", "optuna": "4"},
    "protocol": {"labels": "fer2013", "partition": "usage", "score": "accuracy"},
    "recipe": {"name": "deep"},
    "space": {"sampler": "grid", "widths": {"choices": [[8], [8, 16]]}},
    "seed": 0,
    "data_sha256": "data",
    "best": 1,
    "trials": [
        {"number": n, "state": "complete", "values": {"widths": w}, "score": score, "epochs": 10, "seconds": 90,
         "parameters": 5000}
        for n, w, score in ((0, [8], 0.5), (1, [8, 16], 0.6))
    ],
}  # fmt: skip


class Reports:
    """Keeps what `compare` reports, as JSON."""

    def __init__(self) -> None:
        self.rows: list[list[dict[str, Any]]] = []
        self.histories: list[list[str]] = []

    def __call__(self, rows: Sequence[Row], histories: Mapping[str, Epochs]) -> None:
        self.rows.append(json.loads(json.dumps(compare_rows.document(rows))))
        self.histories.append(list(histories))


def _plan(data: Path, folder: Path) -> Plan:
    return Plan(folder / "runs", data, jobs=2, quick=True, log=folder / "log.jsonl")


def _row(name: str, accuracy: float, **changes: Any) -> Measured:
    recipe = EMOTION[name.split(" ")[0]] if name != "gone" else EMOTION["deep"]
    told: dict[str, Any] = {
        "recipe": name, "protocol": "FER2013", "published": None, "accuracy": accuracy, "weighted_precision": 0.5,
        "weighted_recall": accuracy, "weighted_f1": 0.5, "macro_f1": 0.5, "n": 16, "met": None, "strict_accuracy": None,
        "loose_accuracy": None, "int8_accuracy": None, "parameters": 1000, "macs": 2_000_000, "int8_bytes": None,
        "latency_ratio": None, "latency_beside": None, "remark": "old", "per_class": {}, "confusion": [[1]],
        "seed": 0, "epochs": 1, "best_epoch": 1, "seconds": 2.0, "settings": json.loads(json.dumps(asdict(recipe))),
        "made_with": {"cpu": "one", "torch": "2", "ai-edge-litert": "2"}, "command": "compare",
    }  # fmt: skip
    return Measured(**{**told, **changes})


def _failed(name: str) -> Failed:
    return Failed(name, "FER2013", {"accuracy": 0.56}, "it died by SIGSEGV", "a remark", 0, {}, "compare")


def test_contestants_have_names_and_folders_of_their_own_and_start_from_one_another() -> None:
    assert len({c.name for c in CONTESTANTS}) == len({c.folder for c in CONTESTANTS}) == len(CONTESTANTS) > 10
    assert all(c.start in {other.name for other in CONTESTANTS} for c in CONTESTANTS if c.start)


def test_two_systems_are_trained_exported_measured_and_shown_and_not_trained_twice(
    small_data: Path, tmp_path: Path
) -> None:
    plan, reports = _plan(small_data, tmp_path), Reports()
    rows, histories = compare.compare(plan, ["twoconv-max", "elu-twostage"], reports)
    plain, staged = rows
    assert isinstance(plain, Measured)
    assert isinstance(staged, Measured)
    assert plain.recipe == "twoconv-max"
    assert plain.n == 16  # the small data's private test images
    assert plain.published == {"accuracy": 0.56}
    assert plain.met == {"accuracy": plain.accuracy >= 0.56}
    assert plain.latency_ratio is not None
    assert plain.latency_ratio > 0
    assert plain.int8_bytes is not None
    assert plain.int8_bytes > plain.parameters
    assert staged.int8_bytes is staged.latency_ratio is staged.int8_accuracy is None
    assert staged.strict_accuracy is None  # its epoch was chosen on those images
    assert [len(found) for found in reports.rows] == [1, 2, 2]  # as they come, and once more with the latencies
    assert compare_rows.document(compare_rows.parsed(reports.rows[-1], "compare.json")) == reports.rows[-1]
    assert [len(epochs) for epochs in histories.values()] == [1, 1]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 5

    checkpoint = tmp_path / "runs" / "twoconv-max" / "checkpoint.pt"
    before = checkpoint.stat().st_mtime_ns
    again, _ = compare.compare(plan, ["twoconv-max"], Reports())
    assert checkpoint.stat().st_mtime_ns == before
    assert isinstance(again[0], Measured)
    assert again[0].accuracy == plain.accuracy

    other = tmp_path / "other"
    shutil.copytree(small_data, other)
    pixels = (other / "fer2013.csv").read_text()
    (other / "fer2013.csv").write_text(re.sub("\n0,[0-9]+ ", "\n0,200 ", pixels, count=1))  # another first pixel
    elsewhere = dataclasses.replace(plan, data=other)
    (failed,), _ = compare.compare(elsewhere, ["twoconv-max"], Reports())
    assert isinstance(failed, Failed)
    assert "was trained on other data than" in failed.error

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


def test_what_dies_by_a_signal_is_marked_and_the_others_are_finished(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
        case "$*" in *"emotion --recipe twoconv-max "*) echo epoch 1 is done; kill -SEGV $$;; esac
        exec {sys.executable} "$@"
        """
    )
    python.chmod(0o755)
    monkeypatch.setattr(compare.sys, "executable", str(python))
    monkeypatch.chdir(tmp_path)
    command = ["compare", "--quick", "--recipes", "twoconv-max,elu-twostage", "--data", str(small_data)]
    monkeypatch.setattr("mien_train.study.compare_plan.QUICK_EVERY", 1)
    assert main(command) == 1
    told = capsys.readouterr()
    reason = "python -m mien_train emotion died by SIGSEGV: epoch 1 is done (all of it: "
    assert told.err.count(f"mien_train: twoconv-max: {reason}") == 1
    assert "| twoconv-max | FER2013, 3,589 private test images | accuracy 56.00 | failed | – |" in told.out
    dead, alive = json.loads(Path("out/compare/compare.json").read_text())
    assert dead["error"].startswith(reason)
    assert (alive["recipe"], alive["n"]) == ("elu-twostage", 14)  # public test images without disgust
    page = Path("out/compare/compare.md").read_text()
    assert f"- **twoconv-max**: failed: {reason}" in page
    assert "**A quick look**" in page


def test_what_starts_from_a_failed_system_fails_with_it(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(module: str, words: Sequence[str], run: Path, environment: Mapping[str, str]) -> None:
        raise compare._ProcessError("died")

    monkeypatch.setattr(compare, "_call", call)
    rows, histories = compare.compare(_plan(small_data, tmp_path), ["fiveblock-ferplus"], Reports())
    assert [row.error for row in rows if isinstance(row, Failed)] == [
        "died", "died", "starts from fiveblock-ferplus, which failed",
    ]  # fmt: skip
    assert histories == {}


def test_a_measurement_that_cannot_be_made_fails_that_system_alone(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(plan: Plan, contestant: Any, sidecar: Any) -> Measured:
        if contestant.recipe == "deep":
            raise TypeError("Invoked with:\nmany lines")
        return _row(contestant.name, 0.5)

    monkeypatch.setattr(compare, "_call", lambda *_: None)
    monkeypatch.setattr(compare, "_exported", lambda *_: None)
    monkeypatch.setattr(compare.compare_measure, "trained", measured)
    monkeypatch.setattr(compare.compare_measure, "history", lambda *_: [])
    rows, _ = compare.compare(_plan(small_data, tmp_path), ["deep", "mini-xception"], Reports())
    assert [type(row) for row in rows] == [Failed, Measured]
    assert isinstance(rows[0], Failed)
    assert rows[0].error == "TypeError('Invoked with:\\nmany lines')"


def test_damaged_data_end_the_comparison_before_it_begins(small_data: Path, tmp_path: Path) -> None:
    (small_data / "fer2013.csv").write_text("emotion,pixels,Usage\n9,1 2 3,Training\n")
    with pytest.raises(MienError, match="emotion is '9'"):
        compare.compare(_plan(small_data, tmp_path), ["twoconv-max"], Reports())
    assert not (tmp_path / "runs").exists()


def test_a_failing_training_names_its_log(small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare.fer, "load", lambda data: None)
    (small_data / "fer2013.csv").write_text("emotion,pixels,Usage\n9,1 2 3,Training\n")
    (row,), _ = compare.compare(_plan(small_data, tmp_path), ["twoconv-max"], Reports())
    assert isinstance(row, Failed)
    assert row.error.startswith("python -m mien_train emotion failed with status 2: ")
    assert "emotion is '9'" in row.error
    assert "log.txt" in row.error


def test_a_page_with_a_failed_system_and_one_that_was_changed_after_a_test(tmp_path: Path) -> None:
    rows: list[Row] = [
        _row("twoconv-max", 0.5, published={"accuracy": 0.56}),
        _failed("twoconv-avg"),
        _row("deep", 0.6),
    ]
    histories: dict[str, Epochs] = {"deep": [{"epoch": 1, "loss_cross_entropy": 1.5, "val_loss": 1.4, "seconds": 2}]}
    page = tmp_path / "compare.md"
    compare_page.write(rows, histories, tmp_path, page)
    assert compare_kept.read(tmp_path)[0] == rows
    text = page.read_text()
    assert "the settings of all systems but `twoconv-max`: these were changed after a first look" in text
    assert "every setting" not in text
    assert "- **twoconv-avg**: failed: it died by SIGSEGV; a remark." in text
    compare_page.write([_row("deep", 0.6)], {}, tmp_path, page)
    assert "The epoch and every setting were chosen on validation images." in page.read_text()
    compare_page.write([_failed("deep")], {}, tmp_path, page)
    assert "| deep | FER2013 | accuracy 56.00 | failed |" in page.read_text()


def test_the_committed_page_is_what_the_committed_figures_give(tmp_path: Path) -> None:
    docs = Path(__file__).parents[3] / "docs"
    rows, histories = compare_kept.read(docs / "results")
    assert len(rows) == len(CONTESTANTS)
    page = tmp_path / "docs" / "compare.md"
    (tmp_path / "docs" / "results").mkdir(parents=True)
    for path in (docs / "results").glob("sweep-*"):
        (tmp_path / "docs" / "results" / path.name).write_bytes(path.read_bytes())
    shown = [compare_kept.told_now(row) for row in rows]
    compare_page.show(shown, histories, tmp_path / "docs" / "results", page)
    assert page.read_text() == (docs / "compare.md").read_text()


def test_only_some_recipes_leave_the_rows_of_the_others_that_still_hold(tmp_path: Path) -> None:
    plan = Plan(tmp_path / "runs", tmp_path, seed=0, jobs=1, quick=False)
    other = {**_row("mini-xception", 0).settings, "epochs": 3}
    old = [_row("gone", 0.1), _row("deep", 0.2), _row("twoconv-avg", 0.3), _row("elu-sixclass", 0.4, seed=7)]
    old.append(_row("mini-xception", 0.5, settings=other))
    (tmp_path / "compare.json").write_text(json.dumps(compare_rows.document(old)))
    epochs = {"gone": [{"epoch": 1}], "deep": [{"epoch": 2}], "twoconv-avg": [{"epoch": 3}]}
    (tmp_path / "compare-curves.json").write_text(json.dumps({"epochs": epochs}))
    fresh: Epochs = [{"epoch": 9}]
    shown, histories = compare_kept.merged(plan, [_row("deep", 0.9)], {"deep": fresh}, compare_kept.read(tmp_path))
    assert [(r.recipe, r.accuracy) for r in shown if isinstance(r, Measured)] == [("twoconv-avg", 0.3), ("deep", 0.9)]
    assert shown[0].remark == next(c.remark for c in CONTESTANTS if c.name == "twoconv-avg")
    assert histories == {"twoconv-avg": [{"epoch": 3}], "deep": fresh}
    assert compare_kept.read(tmp_path / "none") == ([], {})


@pytest.mark.parametrize("stays", [True, False])
def test_our_row_stays_while_it_is_of_the_bundled_model(stays: bool, tmp_path: Path) -> None:
    beside = compare.compare_measure.our_digits() if stays else "0123456789ab"
    ours = _row("base", 0.9, seed=5, latency_beside=beside)
    plan = Plan(tmp_path / "runs", tmp_path, seed=0, jobs=1, quick=False)
    shown, _ = compare_kept.merged(plan, [_row("deep", 0.9)], {}, ([ours], {}))
    assert [row.recipe for row in shown] == (["deep", "base"] if stays else ["deep"])


@pytest.mark.parametrize("text", ["{", "{}", "[3]", '[{"recipe": "deep"}]', "[" * 100_000, "\udcff"])
def test_rows_that_are_none_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "compare.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(MienError, match=r"compare\.json.*; remove") as said:
        compare_kept.read(tmp_path)
    assert "\n" not in str(said.value)


def test_the_bundled_classifier_alone_is_measured_and_reported(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare.compare_measure, "ours", lambda plan, contestant: _row("base", 0.9))
    reports = Reports()
    rows, _ = compare.compare(_plan(small_data, tmp_path), ["base"], reports)
    assert [row.recipe for row in rows] == ["base"]
    assert [[row["recipe"] for row in reported] for reported in reports.rows] == [["base"]]


def test_a_latency_beside_an_earlier_model_of_ours_is_marked() -> None:
    rows = [
        _row("deep", 0.5, latency_ratio=0.75, latency_beside="old"),
        _row("mini-xception", 0.5, latency_ratio=0.5, latency_beside="new"),
        _row("twoconv-avg", 0.5, latency_ratio=0.25),
        _row("base", 0.5, latency_ratio=1.0, latency_beside="new"),
    ]
    assert [line.split("|")[-2].strip() for line in compare_page.table(rows).splitlines()[2:]] == [
        "0.75 †", "0.50", "0.25 †", "1.00",
    ]  # fmt: skip
    assert "†" not in compare_page.table(rows[:3])  # ours is not shown: nothing to be compared with


def test_an_unknown_recipe_names_the_nearest(small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(MienError, match="did you mean 'mini-xception'"):
        compare.compare(_plan(small_data, tmp_path), ["mini-xeption"], Reports())


def test_a_quick_look_takes_a_few_images_of_each_label_and_split(small_data: Path, tmp_path: Path) -> None:
    whole, few = fer.load(small_data), fer.load(sample.write(small_data, tmp_path / "few", 4))
    rows = sample.chosen(whole, 4)
    assert (few.images == whole.images[rows]).all()
    assert (few.labels == whole.labels[rows]).all()
    assert (few.usage == whole.usage[rows]).all()
    assert whole.votes is not None
    assert few.votes is not None
    assert (few.votes == whole.votes[rows]).all()
    assert {(u, k) for u, k in zip(few.usage.tolist(), few.labels.tolist(), strict=True)} == {
        (u, k) for u, k in zip(whole.usage.tolist(), whole.labels.tolist(), strict=True)
    }
    assert len(rows) < len(whole.images) / 2
