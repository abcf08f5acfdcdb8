"""A sidecar that says in which ways its model's output is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from plain_sidecar import plain

from mien import EmotionClassifier, FaceReader
from mien.errors import MienError
from mien.models import bundle

LABELS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"]
SEVEN = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]


def _entry(name: str, labels: list[str], **changes: Any) -> dict[str, Any]:
    entry = {"name": name, "labels": labels, "weights": {"logits": 1.0}, "offsets": [0.0] * len(labels)}
    return {**entry, "temperature": 0.5, "abstain_below": 0.4, **changes}


class FakeEngine:
    """Gives int8 values that follow from the picture's first pixels."""

    name = "fake"

    def run(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        return ((luma[:1, :8].astype(np.int16) - 128).astype(np.int8),)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled classifier's file may have outputs of its own."""
    monkeypatch.setattr("mien.emotions.classifier.open_engine", lambda *_: FakeEngine())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Sidecar of a model that is read in one way and does not say so."""
    path = tmp_path / "old.json"
    path.write_text(json.dumps(plain()))
    return path


@pytest.fixture
def sidecar(tmp_path: Path) -> Path:
    """The same read in two ways: seven of its labels first, then all."""
    document = plain(labels=SEVEN)
    del document["decision"]
    document["outputs"][0]["labels"] = LABELS
    document["expressions"] = [
        _entry("intended", SEVEN, offsets=[3.0, 0, 0, 0, 0, 0, 0]),
        _entry("perceived", LABELS, temperature=0.6907, abstain_below=0.67),
    ]
    path = tmp_path / "emotion-base.json"
    path.write_text(json.dumps(document))
    return path


def _crops() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (5, 48, 48), dtype=np.uint8)


def test_the_first_expression_is_the_models_own_choice(sidecar: Path) -> None:
    with EmotionClassifier(sidecar) as classifier:
        assert (classifier.expression, list(classifier.labels)) == ("intended", SEVEN)
        assert classifier.abstain_below == 0.4
        found = classifier.probabilities(_crops())
    assert found.shape == (5, 7)
    assert found.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_an_expression_asked_for_reads_as_the_model_without_any_does(sidecar: Path, old: Path) -> None:
    with EmotionClassifier(sidecar, expression="perceived") as one, EmotionClassifier(old) as other:
        assert (one.expression, one.labels) == (other.expression, other.labels)
        assert (one.abstain_below, other.abstain_below) == (0.67, 0.67)
        assert np.array_equal(one.probabilities(_crops()), other.probabilities(_crops()))


@pytest.mark.parametrize(
    "opened", [EmotionClassifier, lambda path, expression: FaceReader("face-base", path, expression=expression)]
)
def test_an_unknown_expression_names_those_that_there_are(opened: Any, sidecar: Path) -> None:
    with pytest.raises(MienError, match=r"^emotion-base: has no expression 'mixed'; choose intended, perceived$"):
        opened(sidecar, expression="mixed")


def test_a_model_that_names_no_expression_has_one(old: Path) -> None:
    assert [one.name for one in bundle.load(old).expressions] == ["perceived"]
    with pytest.raises(MienError, match=r"has no expression 'intended'; choose perceived$"):
        EmotionClassifier(old, expression="intended")
    with pytest.raises(MienError, match="not an emotion classifier"):
        bundle.load("face-base").expression()


def _set(document: Any, keys: tuple[str | int, ...], value: object) -> None:
    for key in keys[:-1]:
        document = document[key]
    document[keys[-1]] = value


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("expressions",), [], "expressions is .*; it must be a list of objects"),
        (("expressions", 0, "name"), "", "expressions 0: name is ''; it must be a text"),
        (("expressions", 0, "name"), "perceived", "it must be a list of objects of different names"),
        (("expressions", 0, "labels"), LABELS, "offsets is .*; it must be 8 numbers, one a label"),
        (("expressions", 1, "labels"), [*LABELS[:7], "boredom"], "no output that has a say knows boredom"),
        (("expressions", 0, "weights"), {}, r"weights is \{\}; it must be an object of weights by output \(logits\)"),
        (("expressions", 0, "weights"), {"smile": 1}, "weights is .*; it must be an object of weights by output"),
        (("expressions", 0, "weights", "logits"), 0, "weights: logits is 0; it must be a number from 1e-06 to 100"),
        (("expressions", 0, "offsets", 2), float("nan"), "offsets is .*; it must be a list of numbers"),
        (("expressions", 0, "offsets", 2), 1e9, "offsets is .*; it must be a list of numbers from -100 to 100"),
        (("expressions", 0, "temperature"), 0, "expressions 0: temperature is 0"),
        (("expressions", 1, "abstain_below"), 2, "expressions 1: abstain_below is 2"),
        (("labels",), LABELS, "labels are not those of intended, the first expression"),
        (("outputs", 0, "labels"), LABELS[:7], "no output that has a say knows contempt"),
        (("outputs", 0, "labels"), [*LABELS, "boredom"], r"9 labels but outputs of shape \[\[1, 8\]\]"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    keys: tuple[str | int, ...], value: object, message: str, sidecar: Path
) -> None:
    document = json.loads(sidecar.read_text())
    _set(document, keys, value)
    sidecar.write_text(json.dumps(document))
    with pytest.raises(MienError, match=message) as caught:
        bundle.load(sidecar)
    assert str(caught.value).startswith(f"{sidecar}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["name", "labels", "weights", "offsets", "temperature", "abstain_below"])
def test_a_missing_key_is_named(key: str, sidecar: Path) -> None:
    document = json.loads(sidecar.read_text())
    del document["expressions"][1][key]
    sidecar.write_text(json.dumps(document))
    with pytest.raises(MienError, match=f"expressions 1: lacks '{key}'"):
        bundle.load(sidecar)


def test_a_second_output_needs_to_be_told_how_it_is_read(old: Path) -> None:
    document = plain()
    document["outputs"].append({**document["outputs"][0], "name": "more"})
    old.write_text(json.dumps(document))
    with pytest.raises(MienError, match=r"8 labels but outputs of shape \[\[1, 8\], \[1, 8\]\]"):
        bundle.load(old)
