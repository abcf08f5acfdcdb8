"""Ratios of latency within one run, with room for a machine that is not quite quiet; `make bench` judges strictly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mien.bench.measure import WholePath
from mien.bench.scene import scene
from mien.emotions.classifier import EmotionClassifier
from mien.faces.detector import FaceDetector
from mien.models import bundle
from mien_export.peers import contest
from mien_export.peers.catalogue import MINI_FLOAT, MINI_INT8, YUNET_FLOAT, YUNET_INT8
from mien_export.peers.contest import Outcome
from mien_train.face.detectors import peers_folder

Benchmark = Any
"""pytest-benchmark's fixture, which ships no types."""

MODELS = "face-base", "emotion-base"

if not all((bundle.MODELS / f"{name}.json").is_file() for name in MODELS):
    pytest.skip("no model is bundled yet", allow_module_level=True)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Everything in turns, so that a drifting machine treats all alike."""
    return contest.run(MODELS, ("litert", "onnx"), scene(), peers_folder(), seconds=8)


def theirs(outcome: Outcome, *names: str) -> float:
    for name in names:
        if name not in outcome.peers:
            pytest.skip(f"{name} is not in {peers_folder()}")
    return sum(outcome.peers[name][0] for name in names)


@pytest.fixture
def timed(benchmark: Benchmark) -> Callable[[float], None]:
    """Show one frame with one face in pytest-benchmark's table, and note the ratio there."""
    path = WholePath(scene(), FaceDetector(), EmotionClassifier(), 1)

    def show(ratio: float) -> None:
        benchmark.extra_info["ratio"] = ratio
        benchmark.pedantic(path.turn, args=(1,), rounds=50, warmup_rounds=5)

    return show


@pytest.mark.parametrize(
    ("detector", "classifier", "most"), [(YUNET_FLOAT, MINI_FLOAT, 0.5), (YUNET_INT8, MINI_INT8, 1.0)]
)
def test_the_whole_path_is_faster_than_its_peers(
    outcome: Outcome, timed: Callable[[float], None], detector: str, classifier: str, most: float
) -> None:
    ratio = outcome.whole["litert", 1] / theirs(outcome, detector, classifier)
    timed(ratio)
    assert ratio <= most


def test_the_detector_is_faster_than_yunet_in_float(outcome: Outcome) -> None:
    theirs(outcome, YUNET_FLOAT)
    assert outcome.networks["face-base", "litert", "int8"] <= outcome.peers[YUNET_FLOAT][1]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("engine", "most"), [("litert", 1.0), ("onnx", 1.6)])
def test_int8_is_worth_it(outcome: Outcome, model: str, engine: str, most: float) -> None:
    assert outcome.networks[model, engine, "int8"] <= most * outcome.networks[model, engine, "float"]


def test_twenty_faces_cost_little_more_than_their_classification(outcome: Outcome) -> None:
    own = outcome.networks["emotion-base", "litert", "int8"]
    assert outcome.whole["litert", 20] <= 1.2 * (outcome.whole["litert", 1] + 19 * 1.5 * own)
