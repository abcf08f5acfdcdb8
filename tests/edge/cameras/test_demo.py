from __future__ import annotations

import numpy as np
import pytest

from mien.cameras import demo
from mien.cameras.opening import open_source
from mien.errors import MienError


def test_the_demo_is_the_same_every_time_and_keeps_the_face_in_view() -> None:
    try:
        demo.photograph()
    except MienError:
        pytest.skip("scikit-image, which brings the photograph, is not installed")
    with demo.DemoCamera(frames=3) as one, demo.DemoCamera(frames=3) as two:
        for a, b in zip(one.frames(), two.frames(), strict=True):
            assert a.luma.shape == (480, 640)
            assert np.array_equal(a.luma, b.luma)
    heights = []
    for index in range(demo.FRAMES):
        matrix, _, _ = demo.pose(index)
        # The face from hair line to chin and ear to ear: x 175 to 270, y 58 to 183 in the photograph.
        corners = np.array([[175, 58], [270, 58], [175, 183], [270, 183]]) @ matrix[:, :2].T + matrix[:, 2]
        assert corners.min() >= 0
        assert (corners.max(axis=0) <= (640, 480)).all()
        heights.append(125 * float(np.hypot(matrix[0, 0], matrix[1, 0])))
    assert min(heights) == pytest.approx(66, abs=1)
    assert max(heights) == pytest.approx(212, abs=1)


def test_the_demo_without_its_photograph_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MienError, match="pip install --no-deps scikit-image"):
        open_source("demo")
