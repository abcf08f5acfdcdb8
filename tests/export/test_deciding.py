"""Reading an exported detector's scores anew: `mien_export decide`."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_export import cli, deciding, sets
from mien_export.proof.check import CheckError
from mien_export.proof.verify import verify
from mien_export.source import Source
from mien_train.face import threshold
from mien_train.face.score_calibration import Judged
from mien_train.face.task import IOU_THRESHOLD

NAME = "face-tiny"
NAMES = [f"rooms/{number}.webp" for number in range(40)]


pytestmark = pytest.mark.parametrize("built", ["face"], indirect=True)


@pytest.fixture
def model(built: Path, tmp_path: Path) -> Path:
    """Sidecar of a detector and of its counterpart as an earlier version wrote them: two numbers for scores."""
    for file in built.parent.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    for name in (NAME, f"{NAME}-portrait"):
        path = tmp_path / f"{name}.json"
        document = json.loads(path.read_text())
        document["decode"] = {"strides": [8, 16, 32], "score_threshold": 0.44, "iou_threshold": 0.45}
        document["metrics"] = [{"split": "val", "model": f"{name}.tflite", "ap50": 0.7}]
        path.write_text(json.dumps(document))
    return tmp_path / f"{NAME}.json"


@pytest.fixture
def source() -> Source:
    """Photographs of one half reach a score of 0.2, in tiles 0.41; of 400 detections of 0.8 half are right."""
    first, _ = threshold.halves(NAMES)
    right = np.array([True, False, True, False] * 100 + [True, False, False, False] * 100)
    judged = Judged(np.repeat([0.8, 0.2], 400), right, np.arange(800) % 8 < 4)

    def never(*_: object) -> Any:
        raise AssertionError("the networks stay as they are")

    return Source(
        calibration=never,
        held_out=never,
        finetune=never,
        choices=never,
        judged=lambda path: judged,
        face_free=lambda path: (NAMES, [0.2 if chooses else 0.9 for chooses in first]),
        tiled=lambda path: (NAMES, [0.41 if chooses else 0.9 for chooses in first]),
        evaluate=lambda path: [{"split": "val", "model": path.name, "ap50": 0.9, "peers": {}}],
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_scores_are_read_anew_and_the_networks_stay(model: Path, source: Source) -> None:
    before = _files(model.parent)
    found = deciding.anew(bundle.load(model), source)
    assert list(dict.fromkeys(path.name for path, _ in found)) == [f"{NAME}.json", f"{NAME}-portrait.json"]
    assert all(check.passed is not False for _, check in found)
    after = _files(model.parent)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {f"{NAME}.json", f"{NAME}-portrait.json"}
    for path in (model, model.with_name(f"{NAME}-portrait.json")):
        document, old = json.loads(path.read_text()), json.loads(before[path.name])
        decode = bundle.load(path).decode
        assert (decode.score_threshold, decode.tile_threshold, decode.iou_threshold) == (0.21, 0.42, IOU_THRESHOLD)
        assert decode.score_slope != 1
        assert [entry["ap50"] for entry in document["metrics"]] == [0.9, 0.9]
        assert "peers" not in document["metrics"][0]
        kept = {"training", "golden", "tflite", "onnx", "calibration", "parity"} & old.keys()
        assert {key: document[key] for key in kept} == {key: old[key] for key in kept}
        assert len(kept) >= 4
    assert all(check.passed is not False for check in verify(model))


def test_the_same_photographs_decide_the_same(model: Path, source: Source) -> None:
    deciding.anew(bundle.load(model), source)
    once = _files(model.parent)
    deciding.anew(bundle.load(model), source)
    assert _files(model.parent) == once


def test_what_is_not_good_enough_so_stays_as_it_was(model: Path, source: Source) -> None:
    before = _files(model.parent)
    poor = dataclasses.replace(source, evaluate=lambda path: [{"split": "val", "model": path.name, "ap50": 0.4}])
    with pytest.raises(CheckError, match=rf"{NAME} is read as before: not good enough: ap50 of {NAME} is 0\.400"):
        deciding.anew(bundle.load(model), poor)
    assert _files(model.parent) == before


def test_what_is_clearly_worse_so_on_the_same_photographs_needs_force(model: Path, source: Source) -> None:
    deciding.anew(bundle.load(model), source)
    before = _files(model.parent)
    worse = dataclasses.replace(source, evaluate=lambda path: [{"split": "val", "model": path.name, "ap50": 0.85}])
    with pytest.raises(
        CheckError, match=r"not no worse than what it replaces: ap50 0\.850, 0\.900 of .*; or give --force"
    ):
        deciding.anew(bundle.load(model), worse)
    assert _files(model.parent) == before
    deciding.anew(bundle.load(model), worse, force=True)
    assert json.loads(model.read_text())["metrics"][0]["ap50"] == 0.85


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ({"face_free": lambda path: ([], [])}, "no validation photograph is free of faces; add some"),
        (
            {"judged": lambda path: Judged(np.array([0.9, 0.2]), np.array([True, False]), np.array([True, True]))},
            "fewer than 100 are right, or fewer are wrong; give --data with more photographs",
        ),
    ],
)
def test_photographs_that_cannot_decide_leave_all_as_it_was(
    missing: dict[str, Any], message: str, model: Path, source: Source
) -> None:
    before = _files(model.parent)
    with pytest.raises(MienError, match=message):
        deciding.anew(bundle.load(model), dataclasses.replace(source, **missing))
    assert _files(model.parent) == before


def test_a_classifier_and_a_counterpart_are_refused(model: Path, source: Source) -> None:
    with pytest.raises(MienError, match="emotion-base: is a model for 'emotion', not a detector"):
        deciding.anew(bundle.load("emotion-base"), source)
    with pytest.raises(MienError, match=f"{NAME}-portrait: is read as its landscape model is; give that"):
        deciding.anew(bundle.load(model.with_name(f"{NAME}-portrait.json")), source)


def test_a_detector_without_a_counterpart_is_read_alone(model: Path, source: Source) -> None:
    for file in model.parent.glob(f"{NAME}-portrait.*"):
        file.unlink()
    assert {path.name for path, _ in deciding.anew(bundle.load(model), source)} == {f"{NAME}.json"}


def test_the_command_says_what_it_wrote(
    model: Path, source: Source, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(sets, "source", lambda folder: asked.append(folder) or source)
    assert cli.main(["decide", str(model), "--data", "photographs"]) == 0
    assert asked == [Path("photographs")]
    printed = capsys.readouterr().out
    assert f"{model}: ok   good enough" in printed
