from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien_train.data import collection, emotion_data, fer, fer_csv, store
from mien_train.emotion.task import EmotionTask
from mien_train.recipes import named
from mien_train.study import cleaning


def _recipe(name: str, **changes: object) -> emotion_data.EmotionRecipe:
    return dataclasses.replace(named.EMOTION[name], **changes)  # type: ignore[arg-type]


def test_a_holdout_takes_its_share_of_every_class_and_tests_on_both_parts(small_data: Path) -> None:
    found = emotion_data.open_data(_recipe("threeconv-fourfc", holdout=0.25), small_data)
    labels = found.targets.argmax(axis=1)
    whole = np.bincount(np.concatenate([labels, found.val.labels]), minlength=7)
    assert np.bincount(found.val.labels, minlength=7).tolist() == [round(n / 4) for n in whole]
    assert not set(found.val.rows) & set(found.rows)
    source = fer.load(small_data)
    assert sorted(found.test.rows) == sorted(np.flatnonzero(source.usage > 0))


def test_six_classes_leave_disgust_out_and_swap_the_test_parts(small_data: Path) -> None:
    found = emotion_data.open_data(_recipe("elu-sixclass"), small_data)
    source = fer.load(small_data)
    assert found.names == ("anger", "fear", "happiness", "sadness", "surprise", "neutral")
    assert (source.usage[found.test.rows] == 1).all()
    assert (source.usage[found.val.rows] == 2).all()
    names = [fer.FER2013[n] for n in source.labels[found.rows]]
    assert [found.names[k] for k in found.targets.argmax(axis=1)] == names
    assert "disgust" not in names


def test_excluded_rows_are_not_trained_on(small_data: Path, tmp_path: Path) -> None:
    whole = emotion_data.open_data(_recipe("quick"), small_data)
    listed = tmp_path / "rows.csv"
    listed.write_text(f"row,label\n{whole.rows[3]},x\n{whole.rows[5]},y\n")
    found = emotion_data.open_data(_recipe("quick", exclude=str(listed)), small_data)
    assert set(whole.rows) - set(found.rows) == {whole.rows[3], whole.rows[5]}
    with pytest.raises(MienError, match="give a CSV with a column `row`"):
        emotion_data.open_data(_recipe("quick", exclude=str(tmp_path / "none.csv")), small_data)


def test_other_rows_left_out_are_other_data_and_the_list_may_go_afterwards(small_data: Path, tmp_path: Path) -> None:
    whole = emotion_data.open_data(_recipe("quick"), small_data)
    listed = tmp_path / "rows.csv"
    hashes = {whole.sha256}
    for count in (1, 2):
        listed.write_text("row\n" + "\n".join(str(row) for row in whole.rows[:count]))
        hashes.add(emotion_data.open_data(_recipe("quick", exclude=str(listed)), small_data).sha256)
    assert len(hashes) == 3
    listed.unlink()
    assert len(emotion_data.split_of(_recipe("quick", exclude=str(listed)), small_data, "test").labels) == 16


def test_a_csv_without_training_rows_is_refused_by_explore(small_data: Path) -> None:
    text = (small_data / "fer2013.csv").read_text()
    (small_data / "fer2013.csv").write_text(text.replace(",Training", ",PublicTest"))
    (small_data / "fer2013new.csv").unlink()
    with pytest.raises(MienError, match="no row has the Usage Training"):
        collection.load(small_data)


def test_an_image_that_only_its_search_word_speaks_of_counts_in_no_class(small_data: Path) -> None:
    recipe = _recipe("base", near_copies="kept")
    votes = small_data / "fer2013new.csv"
    header, first, *others = votes.read_text().splitlines()
    votes.write_text("\n".join([header, first[: first.index("png") + 3] + ",1" * 8 + ",0,0", *others]) + "\n")
    found = emotion_data.open_data(recipe, small_data)
    assert not found.targets[list(found.rows).index(0)].any()
    assert found.searched is not None
    assert found.searched.targets[list(found.rows).index(0)].any()
    known = emotion_data.split_of(recipe, small_data, "train")
    assert set(found.rows) - set(known.rows) == {0}
    share = EmotionTask(recipe, found)._share.tolist()  # by which "weights" and the sampler go
    counts = np.bincount(known.labels, minlength=8)
    assert counts[0] < counts[1]
    assert share == pytest.approx((counts / counts.sum()).tolist())
    assert len(cleaning._labelled(found).rows) == len(known.rows)


def test_one_class_alone_is_refused(small_data: Path) -> None:
    lines = (small_data / "fer2013.csv").read_text().splitlines()
    (small_data / "fer2013.csv").write_text("\n".join([lines[0], *("3" + line[1:] for line in lines[1:])]))
    with pytest.raises(MienError, match=r"of 1 class \(happiness\); a classifier needs two"):
        emotion_data.open_data(_recipe("twoconv-max"), small_data)


@pytest.mark.parametrize(
    ("changes", "usual"),
    [({}, True), ({"partition": "holdout"}, False), ({"crops": "detector"}, False), ({"labels": "fer2013"}, False)],
)
def test_only_a_recipe_that_selects_on_the_strict_split_is_measured_there(
    changes: dict[str, object], usual: bool
) -> None:
    assert _recipe("quick", **changes).usual is usual


def test_both_names_both_column_orders_and_a_zip_give_the_same_images(small_data: Path, tmp_path: Path) -> None:
    lines = (small_data / "fer2013.csv").read_text().splitlines()[1:]
    text = "emotion, Usage, pixels\n" + "\n".join(
        f"{emotion},{usage},{pixels}" for emotion, pixels, usage in (line.split(",") for line in lines)
    )
    (tmp_path / "icml_face_data.csv").write_text(text)
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        archive.writestr("icml_face_data.csv", text)
    (tmp_path / "zip").mkdir()
    (tmp_path / "zipped.zip").rename(tmp_path / "zip" / "fer2013.zip")
    expected = fer_csv.read_pixels(small_data / "fer2013.csv")
    for folder in (tmp_path, tmp_path / "zip"):
        found = fer_csv.read_pixels(fer_csv.find_pixels(folder))
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_without_votes_fer2013_trains_and_ferplus_says_what_is_missing(small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "fer2013.csv").write_bytes((small_data / "fer2013.csv").read_bytes())
    assert len(emotion_data.open_data(_recipe("twoconv-max"), tmp_path).names) == 7
    with pytest.raises(MienError, match=r"holds no fer2013new\.csv"):
        emotion_data.open_data(_recipe("quick"), tmp_path)


def test_a_truncated_archive_is_named(small_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(small_data / "fer2013.csv", "fer2013.csv")
    raw = (tmp_path / "whole.zip").read_bytes()
    (tmp_path / "fer2013.zip").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(MienError, match=r"fer2013\.zip: cannot be read .*cut short"):
        fer_csv.read_pixels(tmp_path / "fer2013.zip")


def test_an_archive_of_an_unknown_compression_is_named(small_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "fer2013.zip", "w") as archive:
        archive.write(small_data / "fer2013.csv", "fer2013.csv")
    raw = bytearray((tmp_path / "fer2013.zip").read_bytes())
    for place in (8, raw.rindex(b"PK\x01\x02") + 10):  # the method, in the file's own header and in the directory's
        raw[place : place + 2] = (77).to_bytes(2, "little")
    (tmp_path / "fer2013.zip").write_bytes(raw)
    with pytest.raises(MienError, match=r"fer2013\.zip: cannot be read"):
        fer_csv.read_pixels(tmp_path / "fer2013.zip")


def test_a_second_head_learns_the_labels_of_every_face(small_data: Path) -> None:
    source = fer.load(small_data)
    assert source.votes is not None
    votes = source.votes.copy()
    votes[0] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]  # nobody sees a face in the first training image
    votes[1] = [0, 0, 0, 0, 0, 0, 0, 0, 10, 0]  # a face, but of no known emotion, in the second
    changed = dataclasses.replace(source, votes=votes)
    recipe = named.EMOTION["base"]
    assert (recipe.labels, recipe.near_copies) == ("truncated", "left-out")
    found = emotion_data._of_fer(_recipe("base", near_copies="kept"), changed)
    assert found.searched is not None
    assert 0 not in found.rows
    (second,) = np.flatnonzero(found.rows == 1)
    assert found.targets[second].sum() == 0
    assert found.searched.targets[second].argmax() == source.labels[1]
    others = np.delete(np.arange(len(found.rows)), second)
    assert (found.targets[others].sum(axis=1) == 1).all()
    assert (found.searched.targets.argmax(axis=1) == source.labels[found.rows]).all()
    assert found.searched.val.names == fer.FER2013


def test_near_copies_of_held_out_images_can_be_left_out(small_data: Path) -> None:
    source = fer.load(small_data)
    rng = np.random.default_rng(0)
    images = np.repeat(np.repeat(rng.integers(0, 255, (len(source.images), 12, 12), np.uint8), 4, 1), 4, 2)
    train, test = (np.flatnonzero(source.usage == usage) for usage in (0, 2))
    images[train[3]] = images[test[0]] // 2 + 60  # the same photograph in another light
    changed = dataclasses.replace(source, images=images, sha256="0123456789abcdef0")
    assert emotion_data.near_copies(changed).tolist() == [train[3]]
    assert emotion_data.near_copies(changed).tolist() == [train[3]]  # out of the cache
    kept = emotion_data._of_fer(_recipe("quick"), changed)
    found = emotion_data._of_fer(_recipe("quick", near_copies="left-out"), changed)
    assert set(kept.rows) - set(found.rows) == {train[3]}


def test_a_second_head_needs_ferplus_labels() -> None:
    with pytest.raises(MienError, match=r"searched is 0\.5, but a second head needs FER"):
        _recipe("quick", searched=0.5, labels="fer2013")


def test_a_torn_list_of_near_copies_is_made_anew(small_data: Path) -> None:
    source = fer.load(small_data)
    found = emotion_data.near_copies(source)
    (cached,) = store.cache().glob(f"near-copies-{source.sha256[:16]}.npz")
    whole = cached.read_bytes()
    for torn in (b"", whole[: len(whole) // 2], b"PK\3\4"):
        cached.write_bytes(torn)
        assert emotion_data.near_copies(source).tolist() == found.tolist()
        assert cached.read_bytes() == whole
