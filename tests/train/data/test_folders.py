from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien_train import cli
from mien_train.data import emotion_data, folders
from mien_train.recipes import named


def _write(folder: Path, counts: dict[str, int], size: tuple[int, int] = (30, 40)) -> Path:
    for number, (kind, count) in enumerate(counts.items()):
        (folder / kind).mkdir(parents=True)
        for index in range(count):
            image = np.full((*size, 3), 40 * number + index % 5, np.uint8)
            assert cv2.imwrite(str(folder / kind / f"{index:03d}.png"), image)
    return folder


def test_every_image_is_in_one_split_and_a_new_one_moves_no_other(tmp_path: Path) -> None:
    folder = _write(tmp_path / "own", {"sad": 60, "glad": 40})
    before = folders.load(folder)
    assert before.names == ("glad", "sad")
    assert sorted(np.concatenate([s.rows for s in before.splits.values()]).tolist()) == list(range(100))
    assert min(len(s.labels) for s in before.splits.values()) >= 3
    assert cv2.imwrite(str(folder / "glad" / "zz.png"), np.zeros((48, 48), np.uint8))
    after = folders.load(folder)
    for split in ("train", "val", "test"):
        was = {before.paths[row] for row in before.splits[split].rows}
        now = {after.paths[row] for row in after.splits[split].rows} - {"glad/zz.png"}
        assert was == now
    assert after.sha256 != before.sha256


def test_given_splits_are_kept_and_a_missing_validation_comes_out_of_training(tmp_path: Path) -> None:
    _write(tmp_path / "own" / "train", {"a": 50, "b": 50})
    _write(tmp_path / "own" / "test", {"a": 3, "b": 4})
    found = folders.load(tmp_path / "own")
    assert np.bincount(found.splits["test"].labels).tolist() == [3, 4]
    assert len(found.splits["train"].labels) + len(found.splits["val"].labels) == 100
    assert 2 <= len(found.splits["val"].labels) <= 30


def test_images_keep_their_shape_in_the_letterbox(tmp_path: Path) -> None:
    found = folders.load(_write(tmp_path / "own", {"a": 40, "b": 40}, size=(24, 48)))
    image = found.splits["train"].images[0]
    assert image.shape == (48, 48)
    assert (image[24:] == 128).all()
    assert (image[:24] < 60).all()


@pytest.mark.parametrize(
    ("counts", "message"),
    [({"only": 30}, r"holds 1 class folders with images \(only\)"), ({"a": 30, "b": 1}, "class 'b' has [01] images")],
)
def test_too_few_classes_or_images_say_which(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    with pytest.raises(MienError, match=message):
        folders.load(_write(tmp_path / "own", counts))


@pytest.mark.parametrize("name", ["validate", "valid", "test_set"])
def test_a_folder_of_classes_that_is_no_further_split_is_refused(name: str, tmp_path: Path) -> None:
    for split in ("train", "val", name):
        _write(tmp_path / "own" / split, {"a": 3, "b": 3})
    with pytest.raises(MienError, match=f"{name if name != 'valid' else 'val'}.*is no further split"):
        folders.load(tmp_path / "own")


@pytest.mark.parametrize("prefix", [f"p{number}" for number in range(40)])
def test_three_images_of_a_class_are_enough_whatever_they_are_called(prefix: str, tmp_path: Path) -> None:
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        for index in range(3):
            assert cv2.imwrite(str(tmp_path / kind / f"{prefix}{index}.png"), np.full((40, 30), 40 * index, np.uint8))
    found = folders.load(tmp_path)
    for split, least in (("train", 2), ("val", 1)):
        assert np.bincount(found.splits[split].labels, minlength=2).min() == least


def test_three_images_of_a_class_are_enough(tmp_path: Path) -> None:
    found = folders.load(_write(tmp_path / "own", {"a": 3, "b": 3, "c": 8}))
    assert (np.bincount(found.splits["val"].labels) >= 1).all()
    assert (np.bincount(found.splits["train"].labels) >= 2).all()


@pytest.mark.parametrize(
    ("place", "message"),
    [("a/deep/1.png", "a level too deep"), ("uncertain/1.png", "rename it"), ("train/a/1.png", "stands beside train")],
)
def test_images_that_would_be_dropped_and_a_forbidden_name_are_refused(
    tmp_path: Path, place: str, message: str
) -> None:
    folder = _write(tmp_path / "own", {"a": 30, "b": 30})
    (folder / place).parent.mkdir(parents=True)
    assert cv2.imwrite(str(folder / place), np.zeros((48, 48), np.uint8))
    with pytest.raises(MienError, match=message):
        folders.load(folder)


def test_an_unreadable_image_is_named_and_the_command_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _write(tmp_path / "own", {"a": 30, "b": 30})
    (folder / "b" / "006.png").unlink()
    (folder / "b" / "006.png").symlink_to("gone.png")
    with pytest.raises(MienError, match=r"006\.png"):
        folders.load(folder)
    (folder / "b" / "006.png").unlink()
    (folder / "b" / "007.png").write_bytes(b"no picture")
    assert cli.main(["emotion", "--recipe", "quick", "--data", str(folder), "--out", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert "007.png" in message
    assert message.count("\n") == 1


def test_a_recipe_for_fer_suits_itself_to_class_folders(tmp_path: Path, small_data: Path) -> None:
    folder = _write(tmp_path / "own", {"a": 30, "b": 30})
    recipe = named.EMOTION["threeconv-fourfc"]
    assert emotion_data.suited(recipe, folder).labels == "folders"
    assert emotion_data.suited(recipe, small_data) == recipe
    # One of two heads has nothing to learn for the second, and no near copies to leave out.
    alone = emotion_data.suited(named.EMOTION["base"], folder)
    assert (alone.labels, alone.searched, alone.near_copies) == ("folders", 0, "kept")
