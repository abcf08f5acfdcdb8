"""The bundled models on real pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien import FaceDetector, read_image
from mien.cameras import demo
from mien.cli import main


@pytest.fixture(scope="module")
def photograph() -> Path:
    return demo.photograph()


@pytest.mark.parametrize("engine", ["litert", "onnx"])
def test_the_demos_face_is_found_in_95_percent_of_its_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    log = tmp_path / "readings.jsonl"
    assert main(["run", "--source", "demo", "--engine", engine, "--sink", f"jsonl:{log}"]) == 0
    frames = {json.loads(line)["frame"] for line in log.read_text().splitlines()}
    assert len(frames) >= 0.95 * demo.FRAMES
    assert f"{demo.FRAMES} frames" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["litert", "onnx"])
def test_the_astronauts_face_and_no_other_is_found(
    photograph: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    assert main(["detect", str(photograph), "--json", "--engine", engine]) == 0
    record = json.loads(capsys.readouterr().out)
    (face,) = record["faces"]
    left, top, right, bottom = face["box"]
    assert 150 < left < 200
    assert 40 < top < 100
    assert 240 < right < 300
    assert 160 < bottom < 220
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert face["emotion"] == "happiness"


def test_a_crowd_is_found_whole(photograph: Path) -> None:
    face = cv2.resize(read_image(photograph)[20:240, 110:330], (70, 70), interpolation=cv2.INTER_AREA)
    with FaceDetector(tiles=True) as detector:
        found = detector.detect(np.tile(np.asarray(face, np.uint8), (24, 24)))
    assert len({(round(f.box.left) // 70, round(f.box.top) // 70) for f in found}) > 0.95 * 24 * 24


def test_every_bundled_model_is_verified(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"face-base", "emotion-base"} <= {row["name"] for row in rows}
    assert all(row["verified"] for row in rows)
