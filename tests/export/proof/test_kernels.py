"""When two sets of kernels count as saying the same of a detector."""

from __future__ import annotations

import dataclasses
from itertools import islice
from typing import Any

import numpy as np
import pytest

from mien.cameras.demo import DemoCamera
from mien.faces.decode import Decoder
from mien.faces.letterbox import Letterbox
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_export.proof import kernels
from mien_export.proof.runners import TfLite


@pytest.fixture
def detector() -> Bundle:
    return bundle.load("face-base")


def _lowered(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """The builtin kernels' outputs are so many steps lower than the fast ones'."""
    real = kernels.TfLite

    class Lowered(real):  # type: ignore[misc,valid-type]
        def __init__(self, model: bytes, kind: str = "xnnpack") -> None:
            super().__init__(model)
            self._steps = steps if kind == "builtin" else 0

        def run(self, image: Any) -> Any:
            outputs = [output.astype(int) for output in super().run(image)]
            for output in outputs:
                output[..., 0] -= self._steps
            return tuple(np.clip(output, -128, 127).astype(np.int8) for output in outputs)

    monkeypatch.setattr(kernels, "TfLite", Lowered)


def _at_the_edge(detector: Bundle) -> Bundle:
    """With a threshold that half of the clip's faces reach, most of them just so."""
    settings = detector.decode
    decode = Decoder(
        detector.outputs,
        settings.strides,
        settings.score_threshold,
        settings.iou_threshold,
        slope=settings.score_slope,
        shift=settings.score_shift,
    )
    network, box = TfLite(detector.artefact("tflite").read_bytes()), Letterbox(detector.height, detector.width)
    canvases = (box(frame.luma)[0] for frame in DemoCamera().frames())
    scores = np.concatenate([decode(network.run(canvas)).scores for canvas in islice(canvases, 0, None, 10)])
    changed = dataclasses.replace(settings, score_threshold=float(np.median(scores)) - 1e-6)
    return dataclasses.replace(detector, sidecar=dataclasses.replace(detector.sidecar, decode=changed))


@pytest.mark.parametrize(("steps", "same"), [(0, True), (1, True), (100, False)])
def test_rounding_decides_which_faces_just_reach_the_threshold_and_nothing_more(
    steps: int, same: bool, detector: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _at_the_edge(detector)
    _lowered(monkeypatch, steps)
    passed, told = kernels.judged(model, model.artefact("tflite").read_bytes())
    assert passed == same, told
