"""A run that failed after it began tells a service manager so by a status of its own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

from mien.cameras import opening
from mien.cli import main
from mien.errors import MienError


@pytest.mark.parametrize(
    ("count", "live", "status"),
    [
        (2, True, 3),
        (0, True, 3),  # a camera that was there and gives nothing may do so after a restart
        (2, False, 3),
        (0, False, 2),  # a recording that cannot be read at all will not be readable later
    ],
)
def test_a_source_that_fails_under_way_is_status_3_and_one_that_never_was_readable_2(
    count: int, live: bool, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mien.reader.FaceDetector", lambda *_, **__: FakeDetector([face()]))
    monkeypatch.setattr("mien.reader.EmotionClassifier", lambda *_, **__: FakeClassifier())
    lost = MienError("the camera is gone; check its cable")
    monkeypatch.setattr(opening, "open_source", lambda *_: FakeCamera(count, live, error=lost))
    assert main(["run", "--source", "demo", "--sink", "null"]) == status
    assert capsys.readouterr().err.splitlines()[-1] == "mien: the camera is gone; check its cable"


def test_a_mistake_of_the_command_line_stays_status_2(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((80, 100), 204, np.uint8))
    assert main(["run", "--source", str(tmp_path), "--sink", "jsonl:/nowhere/log.jsonl"]) == 2
    assert main(["run", "--source", str(tmp_path / "none")]) == 2
