"""A classifier of two heads: one model, two outputs, three ways to read them; and one head as a model of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.emotions.classifier import EmotionClassifier
from mien.errors import MienError
from mien.models import bundle
from mien_export import build as building
from mien_export import standing
from mien_export.proof import parity
from mien_export.proof.check import CheckError
from mien_export.proof.verify import verify
from mien_export.sidecar import Calibration
from mien_export.source import Source
from mien_train.data.fer import FERPLUS
from mien_train.data.fer_csv import FER2013
from mien_train.emotion.outputs import spoken
from mien_train.face.score_calibration import Judged
from mien_train.networks import registry
from mien_train.training import checkpoint as checkpoints
from mien_train.training.checkpoint import Checkpoint

CALIBRATION = Calibration(size=8, method="minmax", seed=1)
TEMPLATE = [[16.0, 20.0], [32.0, 20.0], [24.0, 28.0], [18.0, 36.0], [30.0, 36.0]]
NETWORK = {"name": "residual", "classes": 15, "widths": (4, 6), "blocks": (0, 1), "down": "average"}


def _way(name: str, labels: tuple[str, ...], offset: float = 0.0, **weights: float) -> dict[str, Any]:
    entry = {"name": name, "labels": list(labels), "weights": weights, "offsets": [offset] + [0.0] * (len(labels) - 1)}
    return {**entry, "temperature": 0.8, "abstain_below": 0.3}


def _found(strict: float, recall: float) -> dict[str, Any]:
    return {"strict": {"accuracy": strict}, "mean_recall": recall}


GOOD = {"mixed": _found(0.86, 0.7), "perceived": _found(0.87, 0.6), "intended": _found(0.7, 0.7)}


@pytest.fixture(scope="module")
def settled_two() -> Checkpoint:
    import torch

    torch.manual_seed(3)
    network = registry.build(NETWORK)
    with torch.no_grad():
        network.head.weight.mul_(8)  # type: ignore[union-attr,operator] # so that the heads have opinions
    metrics = {
        "alignment": {"template": TEMPLATE},
        "expressions": [
            _way("mixed", FERPLUS, -1.0, perceived=1.2, intended=0.5),
            _way("perceived", FERPLUS, perceived=1.0),
            _way("intended", FER2013, -0.5, intended=1.0),
        ],
        "choices": GOOD,
    }
    return Checkpoint(
        "emotion", NETWORK, {"name": "tiny"}, FERPLUS, 7, "ab" * 32, 3, network.eval().state_dict(), metrics
    )


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(
        calibration=lambda checkpoint, size: parity.structured(8, *size, seed=1),
        held_out=lambda checkpoint, size: parity.structured(4, *size, seed=2),
        evaluate=lambda path: [{"split": "val", "model": path.name, "n": 4, "accuracy": 0.9}],
        finetune=lambda checkpoint, epochs: checkpoint.build(),
        judged=lambda path: Judged(np.empty(0), np.empty(0, bool), np.empty(0, bool)),
        face_free=lambda path: ([], []),
        tiled=lambda path: ([], []),
        choices=lambda path: GOOD,
    )


@pytest.fixture(scope="module")
def both(settled_two: Checkpoint, source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("both")
    return building.build(settled_two, out, "two", CALIBRATION, source, (48, 48))[0].sidecar


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    return parity.structured(20, 48, 48, seed=9)


def test_one_model_has_two_outputs_with_scales_of_their_own(both: Path) -> None:
    model = bundle.load(both)
    assert [(o.name, o.shape, o.labels) for o in model.outputs] == [
        ("perceived", (1, 8), FERPLUS),
        ("intended", (1, 7), FER2013),
    ]
    assert model.outputs[0].quantization != model.outputs[1].quantization
    assert (model.labels, model.expression().name) == (FERPLUS, "mixed")
    document = json.loads(both.read_text())
    assert (
        document["parity"] | {"images": 4, "values": 60, "worst": 0, "exact": 1.0, "argmax": 1.0}
        == (document["parity"])
    )
    assert document["choices"] == {"float": GOOD, "int8": GOOD}
    assert "decision" not in document


def test_every_proof_covers_both(both: Path) -> None:
    checks = {check.name: check for check in verify(both)}
    assert len(checks) >= 10
    assert not [check for check in checks.values() if check.passed is False]
    assert "worst 0 LSB, exact 100.000% of 6000 values" in checks["LiteRT against ONNX Runtime, structured"].detail


@pytest.mark.parametrize("name", ["perceived", "intended", "mixed"])
def test_both_artefacts_are_read_alike_and_close_to_the_float_network(
    name: str, both: Path, settled_two: Checkpoint, crops: NDArray[np.uint8], tmp_path: Path
) -> None:
    one, other = (
        EmotionClassifier(both, engine, expression=name).probabilities(crops) for engine in ("litert", "onnx")
    )
    assert np.array_equal(one, other)
    checkpoints.save(settled_two, tmp_path / "checkpoint.pt")
    said = spoken(tmp_path / "checkpoint.pt", crops)
    (chosen,) = [each for each in said.expressions if each.name == name]
    logits = said.read(chosen) / chosen.temperature
    exact = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(one - exact).max() < 0.12
    assert np.abs(one - exact).mean() < 0.02


def test_a_head_alone_is_a_model_of_its_labels(
    both: Path, settled_two: Checkpoint, source: Source, crops: NDArray[np.uint8], tmp_path: Path
) -> None:
    made = building.build(settled_two, tmp_path, "seven", CALIBRATION, source, (48, 48), head="intended")[0]
    assert not [check for check in made.checks if check.passed is False]
    model = bundle.load(made.sidecar)
    assert [(o.name, o.shape, o.labels) for o in model.outputs] == [("logits", (1, 7), FER2013)]
    assert [one.name for one in model.expressions] == ["intended"]
    assert model.sidecar.training.network["classes"] == 7
    assert "choices" not in model.sidecar.document
    for kind in ("tflite", "onnx"):
        assert model.sidecar.files[kind].bytes < bundle.load(both).sidecar.files[kind].bytes
    with EmotionClassifier(made.sidecar) as alone, EmotionClassifier(both, expression="intended") as beside:
        assert (alone.expression, alone.labels) == ("intended", FER2013)
        assert np.abs(alone.probabilities(crops) - beside.probabilities(crops)).max() < 0.02


@pytest.mark.parametrize(
    ("head", "message"),
    [("mixed", "has no head 'mixed' .*; its heads are perceived, intended"), ("both", "its heads are perceived")],
)
def test_an_unknown_head_is_named(
    head: str, message: str, settled_two: Checkpoint, source: Source, tmp_path: Path
) -> None:
    with pytest.raises(MienError, match=message):
        building.build(settled_two, tmp_path, "m", CALIBRATION, source, (48, 48), head=head)


def test_a_network_of_one_head_has_none_to_choose(
    emotion_checkpoint: Checkpoint, source: Source, tmp_path: Path
) -> None:
    with pytest.raises(MienError, match=r"has no head 'intended' .*; it has no heads to choose from"):
        building.build(emotion_checkpoint, tmp_path, "m", CALIBRATION, source, (48, 48), head="intended")


def test_a_run_whose_expressions_were_not_chosen_says_how(
    settled_two: Checkpoint, source: Source, tmp_path: Path
) -> None:
    old = replace(settled_two, metrics={"alignment": {"template": TEMPLATE}, "decision": {"temperature": 1.0}})
    with pytest.raises(MienError, match=r"lacks 'expressions'.*; choose them with `python -m mien_train decide RUN`"):
        building.build(old, tmp_path, "m", CALIBRATION, source, (48, 48))


@pytest.mark.parametrize(
    ("mixed", "passes"),
    [(_found(0.8525, 0.7), True), (_found(0.851, 0.7), False), (_found(0.87, 0.59), False)],
)
def test_a_default_reading_that_int8_spoilt_fails_a_check(
    mixed: dict[str, Any], passes: bool, both: Path, tmp_path: Path
) -> None:
    document = json.loads(both.read_text())
    document["choices"]["int8"] = {**GOOD, "mixed": mixed}
    copy = tmp_path / "two.json"
    copy.write_text(json.dumps(document))
    *_, check = standing.judged(bundle.load(copy).sidecar, tmp_path / "absent.json")
    assert check.name == "the default reading is worth it in int8"
    assert check.passed is passes


def test_a_build_whose_default_reading_is_spoilt_puts_nothing_in_place(
    settled_two: Checkpoint, source: Source, tmp_path: Path
) -> None:
    spoilt = replace(source, choices=lambda path: {**GOOD, "mixed": _found(0.8, 0.7)})
    with pytest.raises(CheckError, match="not the default reading is worth it in int8: mixed: mean of all class"):
        building.build(settled_two, tmp_path, "m", CALIBRATION, spoilt, (48, 48))
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_one_head_is_written_as_before(built: Path) -> None:
    document = json.loads(built.read_text())
    if document["task"] == "emotion":
        assert "expressions" not in document
        assert [output["name"] for output in document["outputs"]] == ["logits"]
        assert set(document["outputs"][0]) == {"name", "shape", "scale", "zero_point"}
