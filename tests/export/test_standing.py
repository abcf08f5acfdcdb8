"""A model takes no other one's place if it is clearly worse, and none at all if it is no good."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from mien.models import bundle
from mien_export import build as building
from mien_export import standing
from mien_export.build import Built
from mien_export.cli import main
from mien_export.proof import parity
from mien_export.proof.check import CheckError
from mien_export.sidecar import Calibration
from mien_export.source import Source
from mien_train.face.score_calibration import Judged
from mien_train.training import checkpoint as checkpoints
from mien_train.training.checkpoint import Checkpoint

CALIBRATION = Calibration(size=4, method="minmax", seed=1)
TRAIN_CONFTEST = Path(__file__).parents[1] / "train" / "conftest.py"

Builder = Callable[..., tuple[Built, ...]]


def entry(**fields: object) -> dict[str, object]:
    support = {"neutral": {"support": 60}, "happiness": {"support": 30}, "surprise": {"support": 10}}
    return {"split": "val", "model": "m.tflite", "protocol": "strict", "n": 100, "per_class": support, **fields}


@pytest.fixture
def make(emotion_checkpoint: Checkpoint, tmp_path: Path) -> Builder:
    """Builds m with a metrics entry of these fields."""
    source = Source(
        calibration=lambda checkpoint, size: parity.structured(4, *size, seed=1),
        held_out=lambda checkpoint, size: parity.structured(2, *size, seed=2),
        evaluate=lambda path: [],
        finetune=lambda checkpoint, epochs: checkpoint.build(),
        judged=lambda path: Judged(np.empty(0), np.empty(0, bool), np.empty(0, bool)),
        face_free=lambda path: ([], []),
        tiled=lambda path: ([], []),
        choices=lambda path: {},
    )

    def build(force: bool = False, data: str = "ab" * 32, **fields: object) -> tuple[Built, ...]:
        trained = Checkpoint(**{**asdict(emotion_checkpoint), "data_sha256": data})
        told = replace(source, evaluate=lambda path: [entry(**fields)])
        return building.build(trained, tmp_path, "m", CALIBRATION, told, (48, 48), force)

    return build


def accuracy_of(folder: Path) -> float:
    value: float = json.loads((folder / "m.json").read_text())["metrics"][0]["accuracy"]
    return value


def test_a_clearly_worse_model_does_not_replace_the_one_that_stands(make: Builder, tmp_path: Path) -> None:
    make(accuracy=0.87)
    with pytest.raises(CheckError, match=r"accuracy 0\.849, 0\.870 of the m that stands there, 0\.02 less is allowed"):
        make(accuracy=0.849)
    assert accuracy_of(tmp_path) == 0.87
    make(accuracy=0.851)
    assert accuracy_of(tmp_path) == 0.851
    make(accuracy=0.7, force=True)
    assert accuracy_of(tmp_path) == 0.7


def test_models_measured_on_other_pictures_are_not_compared(make: Builder, tmp_path: Path) -> None:
    make(accuracy=0.87)
    make(accuracy=0.7, data="cd" * 32)
    make(accuracy=0.65, data="cd" * 32, protocol="own")
    assert accuracy_of(tmp_path) == 0.65


def test_a_classifier_at_chance_is_put_nowhere(make: Builder, tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"accuracy of m is 0\.600, always naming the commonest class gives 0\.600"):
        make(accuracy=0.6)
    with pytest.raises(CheckError, match="has no accuracy on validation pictures"):
        make()
    assert list(tmp_path.iterdir()) == []
    make(accuracy=0.61)


def test_a_damaged_model_is_replaced_without_comparison(make: Builder, tmp_path: Path) -> None:
    make(accuracy=0.87)
    (tmp_path / "m.json").write_text("{")
    make(accuracy=0.7)
    assert accuracy_of(tmp_path) == 0.7


def test_a_model_of_the_other_task_is_not_replaced(make: Builder, models: tuple[Path, Path]) -> None:
    made = make(accuracy=0.87)
    _, other = standing.judged(bundle.load(made[0].sidecar).sidecar, models[0])
    assert other.passed is False
    assert "is a model for 'face', not 'emotion'; give another --name" in other.detail


def test_a_detector_that_finds_nothing_ends_with_status_1_and_forced_it_is_put_in_place(
    changed: Callable[..., Checkpoint], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way with real photographs: their face-free ones choose the threshold, the rest measure."""
    import torch

    from mien_train.networks import registry

    runpy.run_path(str(TRAIN_CONFTEST))["write_faces"](tmp_path / "data", 32)
    torch.manual_seed(0)
    network = {"name": "face", "stem": (4, 4), "width": 8, "blocks": (1, 0, 0)}
    decode = {"strides": [8, 16, 32], "iou_threshold": 0.45}
    recipe = {"name": "tiny", "height": 64, "width": 96}
    state = registry.build(network).state_dict()
    trained = Checkpoint("face", network, recipe, ("face",), 7, "ab" * 32, 3, state, {"decode": decode})
    checkpoints.save(trained, tmp_path / "run" / "checkpoint.pt")
    out = tmp_path / "out"
    arguments = [
        "build",
        str(tmp_path / "run"),
        "--out",
        str(out),
        "--data",
        str(tmp_path / "data"),
        "--method",
        "minmax",
    ]
    assert main(arguments) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "face-tiny was not put into" in error
    assert "at least 0.5 is needed; train a better one, or give --force" in error
    assert list(out.iterdir()) == []

    assert main([*arguments, "--force"]) == 0
    assert len(list(out.iterdir())) == 6
    document = json.loads((out / "face-tiny.json").read_text())
    record = document["decode"]["threshold"]
    assert record["chosen_on"]["n"] + record["reported_on"]["n"] == 4
    assert document["decode"]["score_threshold"] < 0.3  # an untrained network's scores are low
    figures = document["metrics"][0]
    assert figures["reporting_half"] is True
    assert figures["score_threshold"] == document["decode"]["score_threshold"]
    assert figures["false_positives"]["of"] == record["reported_on"]["n"]
    assert figures["false_positives"]["pictures"] == record["reported_on"]["count"]
