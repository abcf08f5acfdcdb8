"""tflite-runtime 2.14 runs the bundled models: `make test-tflite-runtime`, in an environment that has it.

Its fast kernels round otherwise than LiteRT's, so what is compared is the answer; its reference kernels do not, so
their outputs are compared bit by bit.
"""

from __future__ import annotations

import importlib
import itertools
import platform
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pictures
import pytest
import reference
from numpy.typing import NDArray

from mien.cameras import demo
from mien.cameras.luma import read_image
from mien.emotions.classifier import EmotionClassifier
from mien.faces.detector import FaceDetector
from mien.faces.face import Face, iou
from mien.models import bundle, engine
from mien.models.bundle import Bundle

AGREEMENT, OVERLAP = 0.97, 0.8
DECIDED, SAME = 0.1, 0.99
"""A picture is decided where LiteRT's two best classes are so far apart; of those so many must have the same class."""
SLACK = 0.05
"""By so much less than the model's threshold may one engine score a face that the other shows."""
COUNT = 1000
EVERY = 5
"""One frame of the demo clip in so many is looked at."""

MODELS = sorted(path.stem for path in bundle.MODELS.glob("*.json"))


def models(task: str) -> list[Bundle]:
    found = [model for model in bundle.installed() if model.task == task]
    assert found, f"no model for {task!r} is bundled"
    return found


def same_class(model: Bundle, crops: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which crops, uint8 (n, 48, 48), both interpreters put into the same class, and which are decided: bool (n,)."""
    ours, theirs = (EmotionClassifier(model.path, name).probabilities(crops) for name in ("tflite", "litert"))
    second, best = np.sort(theirs, axis=1)[:, -2:].T
    return ours.argmax(axis=1) == theirs.argmax(axis=1), best - second >= DECIDED


def boxes(faces: Sequence[Face]) -> NDArray[np.float32]:
    return np.array([face.box for face in faces], dtype=np.float32).reshape(-1, 4)


def test_this_is_the_environment_that_tflite_runtime_needs() -> None:
    assert platform.python_version_tuple()[:2] == ("3", "11")
    assert np.__version__ == "1.26.4"
    assert cv2.__version__.startswith("4.11.")
    found = engine.available()
    assert (found["tflite"], found["litert"]) == ("2.14.0", "2.1.6")


@pytest.mark.parametrize("name", MODELS)
def test_every_bundled_model_loads_and_runs(name: str) -> None:
    model = bundle.load(name)
    loaded = engine.open_engine(model, "tflite")
    outputs = loaded.run(pictures.noise(1, model.height, model.width, 0)[0])
    assert [output.shape for output in outputs] == [output.shape for output in model.outputs]
    assert all(output.dtype == np.int8 for output in outputs)


@pytest.mark.parametrize("interpreter", ["tflite_runtime.interpreter", "ai_edge_litert.interpreter"])
@pytest.mark.parametrize("name", MODELS)
def test_the_reference_kernels_give_the_golden_outputs(name: str, interpreter: str) -> None:
    model = bundle.load(name)
    expected = model.sidecar.document["golden"]["sha256"]
    assert expected
    assert reference.hashes(importlib.import_module(interpreter), model) == expected


@pytest.mark.parametrize("kind", ["drawn", "fer2013"])
def test_the_class_is_the_one_that_litert_gives(kind: str, told: Callable[[str], None]) -> None:
    crops = pictures.drawn(COUNT, 48, 48, seed=11) if kind == "drawn" else pictures.fer2013(COUNT)
    if crops is None:
        pytest.skip("FER2013 is not beside this checkout")
    assert len(crops) == COUNT
    for model in models("emotion"):
        same, decided = same_class(model, crops)
        told(
            f"{model.name}: same class as LiteRT on {same.mean():.1%} of {COUNT} pictures ({kind}), on "
            f"{same[decided].mean():.1%} of the {decided.mean():.0%} that are decided"
        )
        assert decided.mean() >= 0.8
        assert same[decided].mean() >= SAME
        # Of drawn faces a sixth is a toss-up, of photographs a twentieth.
        assert kind == "drawn" or same.mean() >= AGREEMENT


def test_the_detector_finds_the_faces_that_litert_finds(told: Callable[[str], None]) -> None:
    frames = [read_image(demo.photograph())]
    frames += [frame.luma.copy() for frame in itertools.islice(demo.DemoCamera().frames(), 0, None, EVERY)]
    assert len(frames) > 20
    for model in models("face"):
        least = model.decode.score_threshold
        # The kernels differ by a few steps: what one engine shows, the other must see, if a little below the threshold.
        ours, theirs = (FaceDetector(model.path, name, score_threshold=least - SLACK) for name in ("tflite", "litert"))
        worst, faces = 1.0, 0
        for frame in frames:
            # The runtime gives a portrait twin portrait frames only: here the clip's middle, which holds the face.
            luma = frame[:, 100:540] if model.height > model.width else frame
            found, expected = ours.detect(luma), theirs.detect(luma)
            for some, others in ((found, expected), (expected, found)):
                shown = boxes([face for face in some if face.score >= least])
                faces += len(shown) if some is found else 0
                if len(shown):
                    worst = min(worst, float(iou(shown, boxes(others)).max(axis=1, initial=0).min()))
        told(f"{model.name}: {faces} faces in {len(frames)} pictures, as with LiteRT; lowest overlap {worst:.3f}")
        assert faces
        assert worst >= OVERLAP
