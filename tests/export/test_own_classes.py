"""Class folders of a user's own: from images to the runtime."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cameras.luma import read_image
from mien.emotions.classifier import EmotionClassifier
from mien.faces.letterbox import Letterbox
from mien_export import cli as export_cli
from mien_train import cli as train_cli
from mien_train.data import folders

_CLASSES = ("circle", "square", "two triangles")


def _drawn(kind: str, rng: np.random.Generator) -> np.ndarray:
    side, wide = (int(n) for n in rng.integers(40, 120, 2))
    dark, bright = (tuple(int(n) for n in rng.integers(*bounds, 3)) for bounds in ((0, 90), (150, 256)))
    image = np.full((side, wide, 3), dark, np.uint8)
    x, y, r = wide // 2, side // 2, int(min(side, wide) * rng.uniform(0.25, 0.4))
    if kind == "circle":
        cv2.circle(image, (x, y), r, bright, -1)
    elif kind == "square":
        cv2.rectangle(image, (x - r, y - r), (x + r, y + r), bright, -1)
    else:
        for sign in (-1, 1):
            points = np.array([[x, y], [x - r, y + sign * r], [x + r, y + sign * r]], np.int32)
            cv2.fillPoly(image, [points], bright)
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if rng.random() < 0.5 else image


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """Three classes of 60 images of any size, colour and grey, PNG and JPEG."""
    rng = np.random.default_rng(0)
    for kind in _CLASSES:
        (tmp_path / "shapes" / kind).mkdir(parents=True)
        for number in range(60):
            suffix = "png" if number % 2 else "jpg"
            assert cv2.imwrite(str(tmp_path / "shapes" / kind / f"{number}.{suffix}"), _drawn(kind, rng))
    return tmp_path / "shapes"


def test_three_classes_of_shapes_train_evaluate_export_and_run(
    shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, run, out = ["--data", str(shapes)], tmp_path / "run", tmp_path / "models"
    small = [
        word
        for s in ("epochs=14", "batch=16", "widths=8,16,16", "blocks=1,1,1", "ema=0.9", "augmentation=light")
        for word in ("--set", s)
    ]
    assert train_cli.main(["emotion", "--recipe", "quick", "--out", str(run), *small, *data]) == 0
    capsys.readouterr()
    assert train_cli.main(["evaluate", "--model", str(run / "checkpoint.pt"), "--json", *data]) == 0
    found = json.loads(capsys.readouterr().out)
    assert tuple(found["per_class"]) == _CLASSES
    assert found["accuracy"] > 0.8

    assert export_cli.main(["build", str(run), "--out", str(out), "--name", "shapes", *data]) == 0
    report = tmp_path / "report"
    log = ["--log", str(tmp_path / "log.jsonl")]
    words = ["evaluate", "--model", str(out / "shapes.tflite"), "--split", "test", "--report", str(report), *log, *data]
    assert train_cli.main(words) == 0
    assert sorted(p.name for p in report.iterdir()) == ["confusion.png", "per_class.png", "report.json"]

    for engine in ("litert", "onnx"):
        classifier = EmotionClassifier(out / "shapes.json", engine)
        assert classifier.labels == _CLASSES
        test = folders.load(shapes).splits["test"]
        predicted = classifier.probabilities(test.images).argmax(axis=1)
        assert len(test.labels) >= 6
        assert (predicted == test.labels).mean() > 0.8
    fitted = Letterbox(48, 48)(read_image(shapes / "circle" / "1.png"))[0]
    assert classifier.verdict(classifier.probabilities(fitted[None])[0]).emotion in (*_CLASSES, "uncertain")

    build = ["build", str(run), "--out", str(out), "--name", "shapes", *data]
    capsys.readouterr()
    (shapes / "circle" / "0.jpg").unlink()
    assert export_cli.main([*build, "--qat", "1"]) == 2
    assert "is other data than the network was trained on" in capsys.readouterr().err
    assert train_cli.main(["align", str(run), *data]) == 2
    assert "was trained on other data" in capsys.readouterr().err
    (shapes / "circle").rename(shapes / "wheel")
    assert export_cli.main(build) == 2
    assert "holds the classes square, two triangles, wheel" in capsys.readouterr().err
    before = (out / "shapes.json").read_bytes()
    assert export_cli.main(["results", str(out / "shapes.json"), *data]) == 2
    assert "is none of the bundled models" in capsys.readouterr().err
    assert (out / "shapes.json").read_bytes() == before
