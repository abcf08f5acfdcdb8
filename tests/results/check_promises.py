"""What the committed results must go on saying, whatever is trained or exported anew: `make check-results`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from mien.models import bundle
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.recipes.face import FaceRecipe
from mien_train.recipes.named import EMOTION, FACE

RESULTS = Path(__file__).parents[2] / "docs/results"


def _result(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / name).read_text())
    return found


@pytest.mark.parametrize(
    ("name", "size", "macs", "accuracy", "recall", "lost"),
    [
        ("emotion-base", 400_000, 45e6, 0.86, 0.68, 0.002),
        ("emotion-large", 400_000, 45e6, 0.87, 0.72, 0.002),
        ("emotion-nano", 65_536, 12e6, 0.84, 0.62, 0.004),
    ],
)
def test_the_classifiers_are_small_accurate_and_the_same_in_both_artefacts(
    name: str, size: int, macs: float, accuracy: float, recall: float, lost: float
) -> None:
    found = _result(f"{name}.json")
    assert found["files"]["tflite"]["bytes"] <= size
    assert found["macs"] <= macs
    strict = {
        (e["artefact"], e["expression"]): e
        for e in found["evaluations"]
        if (e["split"], e["protocol"]) == ("test", "strict")
    }
    seen = strict["tflite", "perceived"]
    assert seen["accuracy"] == strict["onnx", "perceived"]["accuracy"] >= accuracy
    assert seen["ece"] <= 0.015
    shown = strict["tflite", seen["default"]["expression"]]
    assert shown["mean_recall"] == strict["onnx", seen["default"]["expression"]]["mean_recall"] >= recall
    choices = {kind: ways["perceived"]["strict"]["accuracy"] for kind, ways in found["choices"].items()}
    assert choices["float"] - choices["int8"] <= lost
    assert found["parity"]["images"] == 3199
    assert found["parity"]["argmax"] >= 0.995
    assert found["parity"]["within_one"] >= 0.99


@pytest.mark.parametrize(("name", "least"), [("detector.json", 0.97), ("face-small.json", 0.98)])
def test_the_detectors_are_near_yunet_on_the_same_pixels(name: str, least: float) -> None:
    for entry in _result(name)["evaluations"]:
        assert entry["ap50"] >= least * entry["peers"]["yunet_n"]["ap50"]


def test_false_alarms_and_size_of_the_base_detector() -> None:
    found = _result("detector.json")
    assert found["files"]["tflite"]["bytes"] <= 150_000
    assert found["macs"] <= 60e6
    assert found["evaluations"][0]["false_positives"]["share"] <= 0.02


@pytest.mark.parametrize(("name", "least"), [("detector.json", 0.99), ("face-small.json", 1.0)])
def test_on_faces_that_a_person_drew_the_detectors_are_about_as_good_as_yunet(name: str, least: float) -> None:
    for entry in _result(name)["evaluations"]:
        assert entry["drawn"]["ap50"] >= least * entry["peers"]["yunet_n"]["drawn"]["ap50"]


@pytest.mark.parametrize("name", ["detector.json", "face-small.json"])
def test_landmarks_are_nearer_to_the_labels_than_those_of_yunet_which_made_them(name: str) -> None:
    for entry in _result(name)["evaluations"]:
        for figure in ("landmark_error", "landmark_median"):
            assert entry[figure] <= entry["peers"]["yunet_n"][figure]


def test_tiles_find_nearly_what_yunet_finds_on_the_full_frame_and_seldom_see_faces_where_there_are_none() -> None:
    found = _result("face-base-tiles.json")
    assert found["ratio"] >= 0.96
    assert found["detectors"]["tiles"]["false_positives"]["share"] <= 0.03


def test_a_face_at_rest_is_shown_steadily_and_a_change_of_expression_soon() -> None:
    found = _result("smoothing.json")
    assert found["faces"]["reported"] >= 100
    assert found["whole_path"]["shown"] <= 1 < found["whole_path"]["unsmoothed"] / 10
    for rate in ("15", "30"):
        at = found["default"]["rates"][rate]
        plain = found["rows"][0]["rates"][rate]["still"]["mean"]
        assert at["still"]["mean"] <= 1 < plain, f"{at['still']['mean']} changes a minute, {plain} without smoothing"
        for kind in ("cut", "faded"):
            assert at[kind]["changes"] >= 100
            assert at[kind]["in_time"] >= 1 - found["limits"]["late"]


def test_every_promise_of_the_bench_was_met() -> None:
    ratios = _result("bench.json")["ratios"]
    wanted = {"whole_path_vs_opencv", "whole_path_vs_float_peers", "whole_path_vs_int8_peers", "twenty_faces"}
    assert wanted | {"cold_start_ratio", "peak_rss_mb", "int8_vs_float_litert_face-base"} <= set(ratios)
    assert [name for name, ratio in ratios.items() if not ratio["value"] <= ratio["target"]] == []
    assert all(ratio["met"] for ratio in ratios.values())


def test_the_chosen_calibration_loses_less_than_the_limit_for_fine_tuning() -> None:
    found = _result("calibration-emotion.json")
    (chosen,) = [r for r in found["rows"] if (r["method"], r["images"]) == ("entropy", 512)]
    assert found["float"] - chosen[found["figure"]] <= 0.003


@pytest.mark.parametrize(("name", "file"), [("face-base", "detector.json"), ("face-small", "face-small.json")])
def test_int8_finds_what_the_float_network_of_its_run_found(name: str, file: str) -> None:
    course, sidecar = _result(f"history-{name}.json"), bundle.load(name).sidecar
    assert (course["recipe"], course["seed"]) == (sidecar.training.recipe, sidecar.training.seed)
    best = max(row["val_ap50"] for row in course["epochs"] if "val_ap50" in row)
    assert best > 0.9
    for entry in _result(file)["evaluations"]:
        assert best - entry["ap50"] <= 0.003


@pytest.mark.parametrize(
    ("name", "recipe", "told"),
    [
        ("emotion-base", EMOTION["base"], {"taught", "teachers"}),  # by `distil`, with its teacher
        ("emotion-large", EMOTION["large"], {"taught", "teachers"}),
        ("emotion-nano", EMOTION["nano"], {"taught", "teachers"}),
        ("face-base-alone", FACE["base"], set()),
        ("face-small", FACE["small"], set()),
    ],
)
def test_the_command_that_is_named_for_a_run_is_the_one_that_made_it(
    name: str, recipe: EmotionRecipe | FaceRecipe, told: set[str]
) -> None:
    course, today = _result(f"history-{name}.json"), json.loads(json.dumps(dataclasses.asdict(recipe)))
    assert {key: course["recipe"].get(key) for key in today if key not in told} == {
        key: value for key, value in today.items() if key not in told
    }
    assert course["epochs"][-1]["epoch"] == today["epochs"]
