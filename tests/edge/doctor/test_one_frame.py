"""`mien doctor --frame`: what one real frame shows, in figures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_fakes import FakeCamera

from mien.cli import main
from mien.config import RunConfig
from mien.doctor import one_frame
from mien.errors import MienError


def picture(path: Path, luma: int) -> str:
    cv2.imwrite(str(path), np.full((240, 320), luma, np.uint8))
    return str(path)


def checks(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, dict[str, object]]:
    assert main(["doctor", "--json", "--frame", *arguments]) == status
    return {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}


def test_exposure_is_counted_by_hand() -> None:
    luma = np.array([[0, 2, 3, 252], [253, 255, 100, 100]], np.uint8)
    found = one_frame.exposure(luma)
    assert (found.mean, found.black, found.white) == (120.625, 0.25, 0.25)


def test_the_demo_shows_a_face_and_its_exposure(capsys: pytest.CaptureFixture[str]) -> None:
    found = checks(capsys, "--source", "demo")
    assert str(found["frame"]["detail"]).startswith("640x480 from demo")
    assert found["exposure"]["ok"]
    assert found["faces"]["ok"]


@pytest.mark.parametrize(
    ("luma", "told"), [(10, "too dark"), (0, "too dark"), (230, "too bright"), (255, "too bright")]
)
def test_a_dark_or_bright_frame_is_told(
    luma: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mien.toml"
    config.write_text(f'source = "{picture(tmp_path / "a.png", luma)}"\n')
    found = checks(capsys, "--config", str(config))
    assert str(found["exposure"]["detail"]).endswith(told)
    assert found["faces"]["detail"] == "none found"


def test_a_source_that_cannot_be_read_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    found = checks(capsys, "--source", "v4l2:63", status=1)
    assert "/dev/video63: no such camera" in str(found["frame"]["detail"])
    assert "faces" not in found


def test_a_live_camera_is_given_time_to_settle_and_one_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = FakeCamera()
    monkeypatch.setattr(one_frame, "open_source", lambda *_: camera)
    frame, exposure, _ = one_frame.examine(RunConfig())
    assert frame.ok
    assert exposure.detail.startswith("mean luma 19 of 255")  # the twentieth frame: FakeCamera's frame n has luma n
    assert camera.closed
    failing = FakeCamera(3, error=MienError("gone"))
    monkeypatch.setattr(one_frame, "open_source", lambda *_: failing)
    (frame,) = one_frame.examine(RunConfig())
    assert (frame.ok, frame.required, frame.detail) == (False, True, "auto: gone")
