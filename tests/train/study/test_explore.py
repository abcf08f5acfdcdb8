from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_train.data import collection, fer
from mien_train.study import explore
from mien_train.study.disputed import Contested

PICTURES = {"classes.png", "mean-faces.png", "samples.png", "light.png", "near-copies.png"}
MODEL = bundle.MODELS / "emotion-base.tflite"


def _copy_a_training_image_into_test(folder: Path) -> None:
    """Row 0 (training, label 0) also stands in row 40 (PrivateTest, label 0) and 41 (PrivateTest, label 1)."""
    lines = (folder / "fer2013.csv").read_text().splitlines()
    pixels = lines[1].split(",")[1]
    for row in (40, 41):
        label, _, usage = lines[1 + row].split(",")
        lines[1 + row] = f"{label},{pixels},{usage}"
    (folder / "fer2013.csv").write_text("\n".join(lines) + "\n")


def test_the_data_are_counted_compared_and_drawn(small_data: Path, tmp_path: Path) -> None:
    _copy_a_training_image_into_test(small_data)
    out, log = tmp_path / "out", tmp_path / "log.jsonl"
    found = json.loads(json.dumps(explore.explore(small_data, out, MODEL, log).document()))
    assert found["classes"]["strict"]["train"] == dict.fromkeys(fer.FERPLUS, 8)
    assert found["classes"]["fer2013"]["test"] == {**dict.fromkeys(fer.FER2013, 2), "anger": 4}
    assert found["duplicates"]["in_training"]["test"] == {
        "images": 16,
        "with_copy": 2,
        "with_exact_copy": 2,
        "labelled_fer2013": 2,
        "other_label_fer2013": 1,
        "labelled_strict": 2,
        "other_label_strict": 1,
    }
    assert found["duplicates"]["in_training"]["val"]["with_copy"] == 0
    assert found["duplicates"]["pairs"]["within test"] == {"all": 1, "exact": 1}
    accuracy = found["accuracy"]
    groups = ("all", "without_copy", "with_copy", "copy_agrees", "copy_disagrees")
    assert [accuracy[group]["n"] for group in groups] == [16, 14, 2, 1, 1]
    assert accuracy["copy_agrees"]["accuracy"] + accuracy["copy_disagrees"]["accuracy"] <= 1  # one picture, two labels
    (line,) = (json.loads(line) for line in log.read_text().splitlines())
    assert (line["split"], line["protocol"], line["n"]) == ("test", "strict", 16)
    assert json.loads((out / "explore.json").read_text()) == found
    assert {p.name for p in out.glob("*.png")} == PICTURES | {"disagreement.png", "contested.png"}


def test_fer2013_alone_is_enough(small_data: Path, tmp_path: Path) -> None:
    (small_data / "fer2013new.csv").unlink()
    found = explore.explore(small_data, tmp_path / "out", MODEL, tmp_path / "log.jsonl")
    assert list(found.classes) == ["fer2013"]
    assert found.accuracy.protocol == "fer2013"
    assert "disagreement" not in found.document()
    assert {p.name for p in (tmp_path / "out").glob("*.png")} == PICTURES - {"near-copies.png"}  # there are none


def test_class_folders_are_explored_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for label in ("circle", "square"):
            folder = tmp_path / "data" / split / label
            folder.mkdir(parents=True)
            for index in range(count):
                cv2.imwrite(str(folder / f"{index}.png"), rng.integers(0, 255, (48, 48)).astype(np.uint8))
    found = explore.explore(tmp_path / "data", tmp_path / "out", MODEL, tmp_path / "log.jsonl")
    assert found.classes["folders"]["train"] == {"circle": 4, "square": 4}
    assert "does not know circle, square" in found.accuracy.missing
    assert not (tmp_path / "log.jsonl").exists()
    assert {p.name for p in (tmp_path / "out").glob("*.png")} == PICTURES - {"near-copies.png"}


def test_the_label_sets_are_compared_by_hand(small_data: Path) -> None:
    found = explore.disagreement(collection.load(small_data))
    # Row i has FER2013's label i % 8 % 7 and FER+'s i % 8, 12 rows of each; no number has one name in both.
    table = np.array(found.table)
    assert table.sum() == found.n == 96
    assert table[0].tolist() == [12, 0, 0, 0, 0, 0, 0, 12]
    assert found.share == 1.0
    assert set(found.unlabelled.values()) == {0}


def test_the_most_contested_face_is_the_one_with_the_evenest_votes() -> None:
    votes = np.array([[10] + [0] * 9, [5, 5] + [0] * 8, [4, 3, 3] + [0] * 7, [5, 0, 0, 0, 0, 0, 0, 0, 0, 5]], np.uint8)
    found = explore.contested(votes, 3)
    assert [face.row for face in found] == [2, 1, 3]
    assert found[1] == Contested(1, 1.0, {"neutral": 5, "happiness": 5})
    assert found[2].votes == {"neutral": 5, "not a face": 5}


def test_an_edge_is_sharper_than_a_ramp() -> None:
    edge = np.zeros((48, 48), np.uint8)
    edge[:, 24:] = 255
    ramp = np.tile(np.arange(48, dtype=np.uint8), (48, 1))
    sharp, soft = explore.sharpness(np.stack([edge, ramp]))
    assert sharp > 100 * soft


def test_a_detector_is_refused(small_data: Path, tmp_path: Path) -> None:
    with pytest.raises(MienError, match="is no emotion model"):
        explore.explore(small_data, tmp_path / "out", bundle.MODELS / "face-base.tflite", tmp_path / "log.jsonl")
