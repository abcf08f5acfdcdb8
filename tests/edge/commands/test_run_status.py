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


@pytest.mark.parametrize(("service", "status"), [(True, 3), (False, 2)])
def test_a_file_that_cannot_be_opened_is_tried_again_by_a_service_manager(
    service: bool, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if service:
        monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    for sink in ("jsonl:/nowhere/log.jsonl", "sqlite:/nowhere/history.db"):
        assert main(["run", "--source", "demo", "--sink", sink]) == status
        assert "check the folder" in capsys.readouterr().err
    monkeypatch.setattr(opening, "open_source", lambda *_: FakeCamera(1, live=True))
    for source in ("demo", "auto"):  # which starting again does not mend
        assert main(["run", "--source", source, "--sink", "morse:-"]) == 2


def test_a_run_that_is_ended_from_outside_says_what_its_sinks_could_not_write(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mien.reader.FaceDetector", lambda *_, **__: FakeDetector([face()]))
    monkeypatch.setattr("mien.reader.EmotionClassifier", lambda *_, **__: FakeClassifier())
    monkeypatch.setattr(opening, "open_source", lambda *_: FakeCamera(3, live=False, error=KeyboardInterrupt()))
    assert main(["run", "--source", "demo", "--sink", "jsonl:/dev/full", "--sink", "null"]) == 0
    said = capsys.readouterr().err
    assert "mien: sink jsonl:/dev/full: " in said
    assert "No space left on device" in said
    assert "3 results lost" in said
