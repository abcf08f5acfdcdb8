from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.errors import MienError
from mien.faces.face import Box, Face, Point
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_train.data import crops, faces, fer, unlabelled
from mien_train.data.faces import Photo


def face(left: float, top: float, side: float, score: float = 0.9) -> Face:
    """A square face whose landmarks lie as the template has them."""
    points = (crops.template_of("emotion-base") * side / 48 + [left, top]).tolist()
    marks = tuple(Point(x, y) for x, y in points)
    return Face(Box(left, top, left + side, top + side), marks, score)  # type: ignore[arg-type]


class Seeing:
    """A detector that sees the same faces in every photograph, and counts them."""

    looked = 0
    faces: Sequence[Face] = ()

    def __init__(self, model: str) -> None:
        self.bundle: Bundle = bundle.load(model)

    def __enter__(self) -> Seeing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def detect(self, luma: NDArray[np.uint8]) -> Sequence[Face]:
        Seeing.looked += 1
        return Seeing.faces


@pytest.fixture(autouse=True)
def seeing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(unlabelled, "FaceDetector", Seeing)
    Seeing.looked, Seeing.faces = 0, ()


def photographs(small_data: Path) -> tuple[Photo, ...]:
    return faces.load(small_data, "train").photos


def test_large_and_plain_faces_are_cut_out_once_and_kept(small_data: Path) -> None:
    least = unlabelled.LEAST_HEIGHT
    Seeing.faces = (face(50, 30, 48), face(2, 2, least), face(2, 2, least - 1), face(2, 2, 60, score=0.5))
    source, seen = fer.load(small_data), photographs(small_data)
    found = unlabelled.load(small_data, source)
    assert found.shape == (2 * len(seen), 48, 48)
    for photo, cut in zip(seen, found[::2], strict=True):
        assert np.abs(cut.astype(int) - photo.luma[30:78, 50:98]).max() <= 1
    assert Seeing.looked == len(seen)
    assert np.array_equal(unlabelled.load(small_data, source), found)
    assert Seeing.looked == len(seen)


def test_a_face_that_shows_a_validation_or_test_image_is_left_out(small_data: Path) -> None:
    source, seen = fer.load(small_data), photographs(small_data)
    Seeing.faces = (face(50, 30, 48),)
    assert len(unlabelled.load(small_data, source)) == len(seen)
    (noise,) = (photo for photo in seen if photo.face_free)  # the others look alike
    for usage, left_out in ((0, 0), (1, 1), (2, 1)):  # its crop among FER2013's images, half as bright
        images = source.images.copy()
        images[np.flatnonzero(source.usage == usage)[0]] = noise.luma[30:78, 50:98] // 2
        copied = fer.Fer(images, source.labels, source.votes, source.usage, f"copied into {usage}")
        assert len(unlabelled.load(small_data, copied)) == len(seen) - left_out


def test_no_photographs_and_photographs_without_a_face(small_data: Path, tmp_path: Path) -> None:
    source = fer.load(small_data)
    assert unlabelled.load(small_data, source).shape == (0, 48, 48)
    with pytest.raises(MienError, match="not a readable list of faces"):
        unlabelled.load(tmp_path, source)
