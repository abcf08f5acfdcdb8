from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.emotions import align

TEMPLATE = np.array([[15, 18], [33, 18], [24, 28], [17, 37], [31, 37]], np.float32)


def _turned(points: np.ndarray, degrees: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    return (points @ turn.T + shift).astype(np.float32)


@pytest.mark.parametrize(("degrees", "scale"), [(0, 1), (30, 2.5), (-75, 0.4), (180, 5)])
def test_similarity_undoes_any_turn_scale_and_shift(degrees: float, scale: float) -> None:
    landmarks = _turned(TEMPLATE, degrees, scale, (100, 60))
    (matrix,) = align.similarity(landmarks[None], TEMPLATE)
    assert landmarks @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(TEMPLATE, abs=1e-3)


@pytest.mark.parametrize("scale", [1.0, 1.7, 3.0, 4.5, 9.0, 14.0])
def test_marks_at_the_landmarks_land_on_the_template_at_every_size(scale: float) -> None:
    frame = np.zeros((900, 900), np.uint8)
    landmarks = _turned(TEMPLATE, 12, scale, (180, 60))
    for x, y in landmarks:
        cv2.circle(frame, (round(float(x)), round(float(y))), max(1, round(1.2 * scale)), 255, -1)
    (crop,) = align.crop(frame, landmarks[None], TEMPLATE)
    assert crop.shape == (48, 48)
    for x, y in TEMPLATE.astype(int):
        patch = crop[y - 4 : y + 5, x - 4 : x + 5].astype(float)
        rows, columns = np.indices(patch.shape)
        assert patch.sum() > 0
        centre = (rows * patch).sum() / patch.sum(), (columns * patch).sum() / patch.sum()
        assert centre == pytest.approx((4, 4), abs=0.75)


def test_a_large_face_is_averaged_not_sampled() -> None:
    checkers = (np.indices((960, 960)).sum(axis=0) % 2 * 255).astype(np.uint8)
    (crop,) = align.crop(checkers, (TEMPLATE * 20)[None], TEMPLATE)
    assert np.abs(crop.astype(int) - 128).max() <= 3


def test_a_face_beyond_the_edge_repeats_the_edge() -> None:
    frame = np.full((100, 100), 77, np.uint8)
    (crop,) = align.crop(frame, (TEMPLATE * 3 - 60)[None], TEMPLATE)
    assert (crop == 77).all()


@pytest.mark.parametrize("scale", [1.0, 1.7, 2.9, 3.5])
@pytest.mark.parametrize("turned", [False, True])
def test_a_frame_too_long_for_opencv_gives_the_crop_of_a_short_one(
    scale: float, turned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (200, 300), dtype=np.uint8), (0, 0), 2)
    long = np.zeros((200, 33_000), np.uint8)
    long[:, -300:] = frame
    landmarks, shift = TEMPLATE * np.float32(scale) + np.float32(100), np.array([32_700, 0], np.float32)
    if turned:
        frame, long, shift = frame.T.copy(), long.T.copy(), shift[::-1]
    real, sides = cv2.warpAffine, []

    def warp(part: np.ndarray, *arguments: object, **options: object) -> object:
        sides.append(max(part.shape))
        return real(part, *arguments, **options)

    monkeypatch.setattr(cv2, "warpAffine", warp)
    (crop,) = align.crop(long, (landmarks + shift)[None], TEMPLATE)
    # OpenCV 4 fails from 32767 pixels on, OpenCV 5 does not.
    assert sides
    assert max(sides) < 32_767
    (expected,) = align.crop(frame, landmarks[None], TEMPLATE)
    # A matrix in float32 places a pixel this far out to some thousandths of it only.
    assert np.abs(crop.astype(int) - expected).max() <= (0 if scale == 1 else 1)


def test_no_faces_give_no_crops() -> None:
    assert align.crop(np.zeros((9, 9), np.uint8), align.landmarks_of([]), TEMPLATE).shape == (0, 48, 48)


def _plain(landmarks: np.ndarray, template: np.ndarray) -> np.ndarray:
    """`align.similarity`, straight from its equation."""
    source, target = (points.astype(np.float64).view(np.complex128)[..., 0] for points in (landmarks, template))
    mean, target_mean = source.mean(axis=1), target.mean()
    apart = source - mean[:, None]
    spread = np.square(np.abs(apart)).sum(axis=1)
    a = (apart.conj() @ (target - target_mean)) / spread
    b = target_mean - a * mean
    return np.stack([np.stack([a.real, -a.imag, b.real], axis=1), np.stack([a.imag, a.real, b.imag], axis=1)], axis=1)


def _faces(count: int, scale: tuple[float, float]) -> np.ndarray:
    random = np.random.default_rng(count)
    turns = zip(random.uniform(-180, 180, count), random.uniform(*scale, count), strict=True)
    where = random.uniform(-40, 340, (count, 2))
    return np.stack([_turned(TEMPLATE, *turn, tuple(at)) for turn, at in zip(turns, where, strict=True)])


@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_the_matrices_are_those_of_the_equation_whichever_template_came_before(count: int) -> None:
    landmarks, template = _faces(count, (0.3, 9)), TEMPLATE.copy()
    for _ in range(3):
        found = align.similarity(landmarks, template)
        np.testing.assert_allclose(found, _plain(landmarks, template), rtol=1e-6, atol=1e-5)
        template *= np.float32(1.1)  # changed in its place: what was worked out for it no longer holds


def test_crops_of_large_faces_are_to_the_last_bit_those_of_corners_found_with_arrays() -> None:
    frame = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8), (0, 0), 2)
    landmarks = _faces(40, (3.2, 12))
    crops = align.crop(frame, landmarks, TEMPLATE)
    for matrix, crop in zip(align.similarity(landmarks, TEMPLATE), crops, strict=True):
        factor = round(1 / float(np.hypot(matrix[0, 0], matrix[1, 0])) / 2)
        assert factor >= 2
        inverse = cv2.invertAffineTransform(matrix)
        corners = np.array([[0, 0], [48, 0], [0, 48], [48, 48]], np.float32) @ inverse[:, :2].T + inverse[:, 2]
        left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - factor, 0, [399, 299])
        right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + factor, [left + 1, top + 1], [400, 300])
        size = (max(1, (right - left) // factor), max(1, (bottom - top) // factor))
        part = cv2.resize(frame[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
        scale = np.array([(right - left) / size[0], (bottom - top) / size[1]], np.float32)
        offset = 0.5 * scale - 0.5 + np.array([left, top], np.float32)
        moved = np.concatenate([matrix[:, :2] * scale, (matrix[:, :2] @ offset + matrix[:, 2])[:, None]], axis=1)
        expected = cv2.warpAffine(part, moved, (48, 48), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        assert np.array_equal(crop, expected)
