"""What was fitted about crops, from the command to the model that keeps it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.emotions.classifier import EmotionClassifier
from mien.faces.face import Box, Face, Landmarks, Point
from mien.laps import Laps
from mien.models import bundle
from mien.models.crop_quality import MEASURES, CropQuality, Measure
from mien_export import sidecar
from mien_train.cli import main
from mien_train.emotion import judging, quality
from mien_train.training import checkpoint

TINY = ["--set", "epochs=1", "--set", "widths=4,8", "--set", "blocks=1,1", "--set", "batch=16"]
SETTINGS = CropQuality(tuple(Measure(index + 0.5, 2.0, 0.25) for index in range(len(MEASURES))))


class Finder:
    """Finds a face of its own at every place of a frame, so that one lies in each picture."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Finder:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        found = []
        for y in range(6, luma.shape[0], 12):
            for x in range(6, luma.shape[1], 12):
                points = [(x - 9, y - 6), (x + 9, y - 6), (x, y + 3), (x - 7, y + 10), (x + 7, y + 10)]
                landmarks = Landmarks(*(Point(float(a), float(b)) for a, b in points))
                found.append(Face(Box(x - 24.0, y - 24.0, x + 24.0, y + 24.0), landmarks, 0.9))
        return tuple(found)


@pytest.fixture
def run(small_data: Path, tmp_path: Path) -> Path:
    """Run folder of a tiny network."""
    assert main(["emotion", "--data", str(small_data), "--out", str(tmp_path / "run"), *TINY]) == 0
    return tmp_path / "run"


def test_the_command_fits_writes_its_figures_and_keeps_the_settings_in_the_checkpoint(
    small_data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(judging, "FaceDetector", Finder)
    monkeypatch.setattr(quality, "LEAST_FACES", 8)
    out = tmp_path / "figures" / "quality.json"
    command = ["quality", str(run), "--data", str(small_data), "--out", str(out)]
    capsys.readouterr()
    before = (run / "checkpoint.pt").read_bytes()
    assert main([*command, "--look"]) == 0
    assert (run / "checkpoint.pt").read_bytes() == before
    assert main(command) == 0
    printed = capsys.readouterr().out
    found = json.loads(out.read_text())
    assert found["command"].startswith("python -m mien_train ")
    assert found["groups"]["clean"]["faces"] == found["groups"]["spoiled"]["faces"] == found["images"] == 16
    assert (found["split"], found["kept_in"]) == ("val", "checkpoint.pt")
    assert found["run"] == {"recipe": "base", "seed": 0, "epochs": 1, "teachers": {}}
    stored = checkpoint.load(run / "checkpoint.pt")
    assert stored.metrics["quality"] == found["settings"]
    assert "area under risk-coverage" in printed.splitlines()[0]
    # From there the export takes it along.
    assert sidecar.settings(stored)["quality"] == found["settings"]
    assert "quality" not in sidecar.settings(dataclasses.replace(stored, metrics={**stored.metrics, "quality": None}))


def test_the_figures_name_the_run_and_who_taught_it(
    small_data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(judging, "FaceDetector", Finder)
    monkeypatch.setattr(quality, "LEAST_FACES", 8)
    teacher = {"recipe": "teacher", "seed": 4, "accuracy": 0.9}
    stored = checkpoint.load(run / "checkpoint.pt")
    taught = dataclasses.replace(stored, metrics={**stored.metrics, "teachers": {"ab12": teacher}})
    checkpoint.save(taught, run / "checkpoint.pt")
    monkeypatch.chdir(run)
    assert main(["quality", ".", "--look", "--data", str(small_data)]) == 0
    # The run's own name, also where it is given as the folder one is in.
    found = json.loads((run / "docs/results/quality-run.json").read_text())
    assert found["run"]["teachers"] == {"ab12": teacher}


def test_an_exported_model_keeps_them_in_its_sidecar_and_uses_them(tmp_path: Path) -> None:
    for path in bundle.MODELS.glob("emotion-base.*"):
        shutil.copy(path, tmp_path)
    before = json.loads((tmp_path / "emotion-base.json").read_text())
    assert judging.keep(tmp_path / "emotion-base.tflite", SETTINGS) == tmp_path / "emotion-base.json"
    after = json.loads((tmp_path / "emotion-base.json").read_text())
    assert {key: value for key, value in after.items() if key != "quality"} == {
        key: value for key, value in before.items() if key != "quality"
    }
    assert after["quality"] == quality.document(SETTINGS)
    with EmotionClassifier(tmp_path / "emotion-base.json") as classifier:
        assert classifier.bundle.sidecar.quality == SETTINGS
        assert classifier.quality is not None


def test_too_few_faces_are_no_ground_for_a_fit(
    small_data: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    out = tmp_path / "quality.json"
    assert main(["quality", str(run), "--data", str(small_data), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "of 16; the fit takes 20 of each" in error
    assert not out.exists()


def test_a_detector_has_no_quality_of_crops(
    small_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = bundle.MODELS / "face-base.tflite"
    assert main(["quality", str(model), "--data", str(small_data), "--out", str(tmp_path / "quality.json")]) == 2
    assert "is a model for 'face'; the quality of crops is a classifier's" in capsys.readouterr().err
