"""A detector and its portrait counterpart: one build makes both, from one network and with one score threshold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mien.errors import MienError
from mien.models import bundle
from mien_export import build as building
from mien_export import placing
from mien_export.proof import parity
from mien_export.proof.check import Check
from mien_export.proof.verify import verify
from mien_export.sidecar import Calibration
from mien_export.source import Source
from mien_train.face import threshold
from mien_train.face.score_calibration import Judged
from mien_train.networks import registry
from mien_train.training.checkpoint import Checkpoint

CALIBRATION = Calibration(size=4, method="minmax", seed=1, qat=1)
NETWORK = {"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0)}
NAMES = [f"rooms/{number}.webp" for number in range(40)]
JUDGED = Judged(
    np.repeat([0.8, 0.2], 400),
    np.array([True, False, True, False] * 100 + [True, False, False, False] * 100),
    np.arange(800) % 8 < 4,
)


@pytest.fixture
def checkpoint() -> Checkpoint:
    """A detector whose checkpoint holds a score threshold of the float network, as earlier runs do."""
    metrics = {"decode": {"strides": [8, 16, 32], "score_threshold": 0.11, "iou_threshold": 0.4}}
    recipe = {"name": "tiny", "height": 64, "width": 96}
    state = registry.build(NETWORK).state_dict()
    return Checkpoint("face", NETWORK, recipe, ("face",), 7, "ab" * 32, 3, state, metrics)


@pytest.fixture
def source() -> Source:
    """Photographs of one half reach a score of 0.2, in tiles 0.41, those of the other 0.9; each fine-tuning gives other
    weights; of 400 detections with a score of 0.8 half are right, and of as many with one of 0.2 a quarter."""
    first, _ = threshold.halves(NAMES)
    return Source(
        calibration=lambda checkpoint, size: parity.structured(4, *size, seed=1),
        held_out=lambda checkpoint, size: parity.structured(2, *size, seed=2),
        evaluate=lambda path: [{"split": "val", "model": path.name, "ap50": 0.9}],
        finetune=lambda checkpoint, epochs: registry.build(NETWORK).eval(),
        judged=lambda path: JUDGED,
        face_free=lambda path: (NAMES, [0.2 if chooses else 0.9 for chooses in first]),
        tiled=lambda path: (NAMES, [0.41 if chooses else 0.9 for chooses in first]),
        choices=lambda path: {},
    )


@pytest.fixture
def both(checkpoint: Checkpoint, source: Source, tmp_path: Path) -> Path:
    """Sidecar of the landscape detector."""
    made = building.build(checkpoint, tmp_path / "out", "d", CALIBRATION, source, (64, 96))
    assert [model.sidecar.name for model in made] == ["d.json", "d-portrait.json"]
    return made[0].sidecar


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def counterpart_check(path: Path) -> Check:
    (check,) = [check for check in verify(path) if check.name == "portrait counterpart"]
    return check


def test_one_build_makes_both_from_one_network(both: Path) -> None:
    assert sorted(p.name for p in both.parent.iterdir()) == [
        f"{name}.{kind}" for name in ("d-portrait", "d") for kind in ("json", "onnx", "tflite")
    ]
    landscape, portrait = bundle.load(both), bundle.load(both.with_name("d-portrait.json"))
    assert (landscape.height, landscape.width, portrait.height, portrait.width) == (64, 96, 96, 64)
    assert landscape.sidecar.same_run(portrait.sidecar)
    assert counterpart_check(both).passed
    assert counterpart_check(portrait.path).passed


def test_the_threshold_is_chosen_on_one_half_and_reported_on_the_other(both: Path) -> None:
    for path in (both, both.with_name("d-portrait.json")):
        decode = json.loads(path.read_text())["decode"]
        # On the choosing half 0.21 is the lowest hundredth that no photograph reaches; on the other all reach it.
        assert decode["score_threshold"] == 0.21
        assert decode["iou_threshold"] == 0.4
        assert decode["threshold"]["chosen_on"]["count"] == 0
        reported = decode["threshold"]["reported_on"]
        assert reported["share"] == 1.0
        assert reported["n"] + decode["threshold"]["chosen_on"]["n"] == 40


def test_both_read_scores_by_one_map_and_tiles_by_one_threshold(both: Path) -> None:
    for name in ("d", "d-portrait"):
        found = bundle.load(both.with_name(f"{name}.json")).decode
        # From logit ±1.3863 to 0 and −1.0986, the logits of a half and a quarter.
        assert found.score_slope == pytest.approx(1.0986 / 2.7726, abs=0.01)
        assert found.score_shift == pytest.approx(-1.0986 / 2, abs=0.01)
        assert found.tile_threshold == 0.42
        decode = json.loads(both.with_name(f"{name}.json").read_text())["decode"]
        assert decode["calibration"]["error_before"] == pytest.approx((0.3 + 0.05) / 2)
        assert decode["calibration"]["error_after"] < 0.01
        assert decode["tile_choice"]["allowed_share"] == threshold.TILES_SHARE
        assert decode["tile_choice"]["reported_on"]["share"] == 1.0


def test_each_choice_is_made_with_the_former_ones_in_place(
    checkpoint: Checkpoint, source: Source, tmp_path: Path
) -> None:
    seen = []

    def look(what: str, then: Any) -> Callable[[Path], Any]:
        def at(artefact: Path) -> Any:
            found = bundle.load(artefact).decode
            seen.append((what, found.score_slope != 1, found.score_threshold, found.tile_threshold))
            return then

        return at

    watched = replace(
        source,
        judged=look("judged", JUDGED),
        face_free=look("face_free", source.face_free(tmp_path)),
        tiled=look("tiled", source.tiled(tmp_path)),
    )
    building.build(checkpoint, tmp_path, "d", CALIBRATION, watched, (64, 96))
    assert seen == [("judged", False, 0.5, None), ("face_free", True, 0.5, None), ("tiled", True, 0.21, None)]


def test_metrics_are_taken_at_the_chosen_threshold(checkpoint: Checkpoint, source: Source, tmp_path: Path) -> None:
    seen = []

    def evaluate(artefact: Path) -> list[dict[str, object]]:
        seen.append((artefact.name, bundle.load(artefact).decode.score_threshold))
        return [{"split": "val", "model": artefact.name, "ap50": 0.9}]

    building.build(checkpoint, tmp_path, "d", CALIBRATION, replace(source, evaluate=evaluate), (64, 96))
    assert seen == [(f"{name}.{kind}", 0.21) for name in ("d", "d-portrait") for kind in ("tflite", "onnx")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document["training"].update(seed=8), "d-portrait is of another training run; build d again"),
        (lambda document: document["training"].update(epochs=4), "another training run"),
        (lambda document: document["decode"].update(score_threshold=0.2), "score threshold 0.2, in tiles 0.42"),
        (lambda document: document["decode"].update(tile_threshold=0.5), "in tiles 0.5"),
        (lambda document: document["decode"].update(score_slope=1.0), "slope 1.0"),
        (lambda document: document.update(format=2), "not a mien model sidecar"),
    ],
)
def test_a_counterpart_that_is_another_network_fails_its_check(
    change: Callable[[dict[str, Any]], object], message: str, both: Path
) -> None:
    edit(both.with_name("d-portrait.json"), change)
    check = counterpart_check(both)
    assert check.passed is False
    assert message in check.detail


def test_a_counterpart_with_other_weights_fails_its_check(both: Path) -> None:
    path = both.with_name("d-portrait.onnx")
    model = onnx.load(path)
    weight = next(i for i in model.graph.initializer if i.data_type == onnx.TensorProto.INT8 and len(i.dims) == 4)
    array = numpy_helper.to_array(weight).copy()
    array.flat[0] ^= 1
    weight.CopyFrom(numpy_helper.from_array(array, weight.name))
    onnx.save(model, path)
    entry = {"bytes": path.stat().st_size, "sha256": bundle.sha256(path)}
    edit(path.with_suffix(".json"), lambda document: document["files"]["onnx"].update(entry))
    check = counterpart_check(both)
    assert check.passed is False
    assert "d-portrait has other weights" in check.detail


def test_a_detector_alone_is_not_judged(both: Path) -> None:
    for path in both.parent.glob("d-portrait.*"):
        path.unlink()
    check = counterpart_check(both)
    assert check.passed is None
    assert check.detail == "no d-portrait beside it"


def test_a_file_that_cannot_be_put_in_place_leaves_all_six_as_they_were(
    both: Path, checkpoint: Checkpoint, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in both.parent.iterdir()}
    assert len(before) == 6
    real, calls = placing.os.replace, []

    def fails(origin: Path, place: Path) -> None:
        calls.append(place)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        real(origin, place)

    monkeypatch.setattr(placing.os, "replace", fails)
    with pytest.raises(MienError, match="No space left on device"):
        building.build(checkpoint, both.parent, "d", CALIBRATION, source, (64, 96))
    assert len(calls) > 5
    assert {path.name: path.read_bytes() for path in both.parent.iterdir()} == before


def test_a_square_detector_stands_alone(checkpoint: Checkpoint, source: Source, both: Path, tmp_path: Path) -> None:
    (made,) = building.build(checkpoint, tmp_path / "square", "d", CALIBRATION, source, (64, 64))
    assert "portrait counterpart" not in {check.name for check in made.checks}
    assert len(list(made.sidecar.parent.iterdir())) == 3
    with pytest.raises(MienError, match=r"d-portrait\.json: stands beside, and a square detector has no counterpart"):
        building.build(checkpoint, both.parent, "d", CALIBRATION, source, (64, 64))
    with pytest.raises(MienError, match="leave '-portrait' out"):
        building.build(checkpoint, tmp_path, "d-portrait", CALIBRATION, source, (64, 96))


def test_the_bundled_detectors_and_their_counterparts_are_one_network(tmp_path: Path) -> None:
    names = [path.stem for path in bundle.MODELS.glob("face-*.json") if not path.stem.endswith("-portrait")]
    assert len(names) >= 2
    for name in names:
        for path in bundle.MODELS.glob(f"{name}*"):
            shutil.copy(path, tmp_path)
        check = counterpart_check(tmp_path / f"{name}.json")
        assert check.passed, str(check)
    assert np.all([path.is_file() for path in tmp_path.iterdir()])
