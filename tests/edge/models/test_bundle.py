from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mien import EmotionClassifier, FaceDetector
from mien.errors import MienError
from mien.models import bundle
from mien.models.quantization import Quantization


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The bundled models, to be damaged."""
    folder = tmp_path / "models"
    shutil.copytree(bundle.MODELS, folder)
    return folder


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_every_bundled_model_is_whole() -> None:
    models = bundle.installed()
    assert {"emotion-base", "face-base"} <= {m.name for m in models}
    for model in models:
        for kind in model.sidecar.files:
            assert model.artefact(kind).stat().st_size == model.sidecar.files[kind].bytes


def test_a_changed_byte_is_refused(copied: Path) -> None:
    path = copied / "emotion-base.tflite"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(MienError, match=r"SHA-256 is .* but emotion-base\.json says .*; the file was changed"):
        EmotionClassifier(copied / "emotion-base.json")


def test_a_missing_artefact_is_named(copied: Path) -> None:
    (copied / "face-base.tflite").unlink()
    with pytest.raises(MienError, match=r"face-base\.tflite: missing"):
        FaceDetector(copied / "face-base.json")


def test_a_label_too_many_is_refused(copied: Path) -> None:
    path = copied / "emotion-base.json"
    _edit(path, labels=[*json.loads(path.read_text())["labels"], "boredom"])
    with pytest.raises(MienError, match="9 labels but outputs of shape"):
        EmotionClassifier(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "not a mien model sidecar of format 1"),
        ({"task": "dance"}, "task is 'dance'"),
        ({"outputs": [{"name": "logits"}]}, r"outputs 0: lacks 'shape'"),
        ({"input": {"height": 48, "width": 48, "scale": 0.1, "zero_point": 3}}, "zero_point is 3; it must be 0"),
    ],
)
def test_a_sidecar_that_breaks_the_contract_is_refused(copied: Path, changes: dict[str, object], message: str) -> None:
    path = copied / "emotion-base.json"
    _edit(path, **changes)
    with pytest.raises(MienError, match=message):
        bundle.load(path)


def test_a_model_for_the_other_task_is_refused() -> None:
    with pytest.raises(MienError, match="not a face detector"):
        FaceDetector("emotion-base")
    with pytest.raises(MienError, match="not an emotion classifier"):
        EmotionClassifier("face-base")


def test_an_unknown_model_names_the_bundled_ones() -> None:
    with pytest.raises(MienError, match=r"no model named 'face-huge'; bundled are .*face-base"):
        bundle.load("face-huge")


def test_quantizing_rounds_half_to_even_and_clips() -> None:
    step = Quantization(0.5, 3)
    assert step.quantize(np.array([0.25, 0.75, 1000, -1000], np.float32)).tolist() == [3, 5, 127, -128]
    assert step.dequantize(np.array([-128, 127], np.int8)).tolist() == [-65.5, 62.0]
