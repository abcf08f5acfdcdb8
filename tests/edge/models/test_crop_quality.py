"""A sidecar may say what keeps crops from being read; one that says it must say all of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mien.emotions.classifier import EmotionClassifier
from mien.errors import MienError
from mien.models import bundle
from mien.models.crop_quality import MEASURES, Measure


@pytest.fixture
def sidecar(tmp_path: Path) -> Path:
    """A copy of the bundled classifier, whose sidecar says what is usual of a crop."""
    for suffix in (".tflite", ".onnx"):
        shutil.copy(bundle.MODELS / f"emotion-base{suffix}", tmp_path)
    document = json.loads((bundle.MODELS / "emotion-base.json").read_text())
    document["quality"] = {
        name: {"usual": index + 0.5, "spread": 2.0, "weight": 0.25} for index, name in enumerate(MEASURES)
    }
    path = tmp_path / "emotion-base.json"
    path.write_text(json.dumps(document))
    return path


def test_what_a_sidecar_says_of_crops_reaches_the_classifier(sidecar: Path) -> None:
    found = bundle.load(sidecar).sidecar.quality
    assert found is not None
    assert found.measures[2] == Measure(2.5, 2.0, 0.25)
    assert len(found.measures) == len(MEASURES)
    with EmotionClassifier(sidecar) as classifier:
        assert classifier.quality is not None


def test_a_sidecar_that_says_nothing_of_crops_is_read_as_before(sidecar: Path) -> None:
    document = json.loads(sidecar.read_text())
    del document["quality"]
    sidecar.write_text(json.dumps(document))
    with EmotionClassifier(sidecar) as classifier:
        assert classifier.quality is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("yaw", None, "quality: yaw is None; it must be an object"),
        ("light", {"usual": 1, "spread": 0, "weight": 1}, "quality: light: spread is 0; it must be a number from"),
        ("rows", {"usual": 1, "spread": 1, "weight": -1}, "quality: rows: weight is -1; it must be a number from 0"),
        ("score", {"usual": 1, "spread": 1}, "quality: score: lacks 'weight'"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(name: str, value: Any, message: str, sidecar: Path) -> None:
    document = json.loads(sidecar.read_text())
    document["quality"][name] = value
    sidecar.write_text(json.dumps(document))
    with pytest.raises(MienError) as caught:
        bundle.load(sidecar)
    assert str(caught.value).startswith(f"{sidecar}: {message}")


@pytest.mark.parametrize("name", MEASURES)
def test_a_missing_measure_is_named(name: str, sidecar: Path) -> None:
    document = json.loads(sidecar.read_text())
    del document["quality"][name]
    sidecar.write_text(json.dumps(document))
    with pytest.raises(MienError, match=f"quality: lacks '{name}'"):
        bundle.load(sidecar)
