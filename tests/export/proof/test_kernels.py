"""When two sets of kernels count as saying the same of a detector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.models import bundle
from mien_export.proof import kernels


@pytest.mark.parametrize(("every", "same"), [(75, True), (10, False)])
def test_a_face_that_one_misses_in_one_frame_is_no_failure_and_in_some_it_is(
    every: int, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = kernels.TfLite

    class Forgetful(real):  # type: ignore[misc,valid-type]
        """Its builtin kernels see no face in the first of so many frames."""

        def __init__(self, model: bytes, kind: str = "xnnpack") -> None:
            super().__init__(model)
            self._forgets, self._frames = kind == "builtin", 0

        def run(self, image: Any) -> Any:
            outputs = super().run(image)
            forgotten = self._forgets and self._frames % every == 0
            self._frames += 1
            return tuple(np.full_like(output, -128) for output in outputs) if forgotten else outputs

    monkeypatch.setattr(kernels, "TfLite", Forgetful)
    model = bundle.load("face-base")
    passed, told = kernels.judged(model, model.artefact("tflite").read_bytes())
    assert passed == same, told
