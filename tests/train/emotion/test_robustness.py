"""How robust a classifier is: what each change does to pixels, and what is counted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien_train.emotion import robustness


def images(n: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (n, 48, 48)).astype(np.uint8)


def test_a_cover_is_luma_200_from_row_28_on() -> None:
    before = images()
    after = robustness.CHANGES["cover"](before)
    assert (after[:, 28:] == 200).all()
    assert (after[:, :28] == before[:, :28]).all()
    assert not (before[:, 28:] == 200).all()  # the images given are left alone


def test_gamma_darkens_by_the_power_of_two_and_a_half() -> None:
    after = robustness.CHANGES["gamma"](np.full((1, 48, 48), 128, np.uint8))
    assert (after == 46).all()  # 255 · (128 / 255) ** 2.5 = 45.5


def test_contrast_shrinks_to_two_fifths_about_each_images_own_mean() -> None:
    before = np.zeros((2, 48, 48), np.uint8)
    before[0, :24] = 100  # mean 50: 100 → 70, 0 → 30
    before[1] = 10
    after = robustness.CHANGES["contrast"](before)
    assert (after[0, :24] == 70).all()
    assert (after[0, 24:] == 30).all()
    assert (after[1] == 10).all()


def test_noise_is_the_same_in_every_run_and_clipped() -> None:
    before = np.repeat(np.array([0, 128, 255], np.uint8), 48 * 48).reshape(3, 48, 48)
    first, second = robustness.CHANGES["noise"](before), robustness.CHANGES["noise"](before)
    assert (first == second).all()
    apart = first[1].astype(float) - 128
    assert abs(apart.mean()) < 1.5
    assert apart.std() == pytest.approx(20, abs=1)
    assert (first[0] == 0).mean() == pytest.approx(0.5, abs=0.05)  # clipped, not wrapped around
    assert (first[2] == 255).mean() == pytest.approx(0.5, abs=0.05)


def test_blur_goes_by_way_of_20_by_20_pixels() -> None:
    before = np.zeros((1, 48, 48), np.uint8)
    before[0, :, ::2] = 200  # stripes of one pixel are gone, their mean is left
    after = robustness.CHANGES["blur"](before)[0]
    small = cv2.resize(before[0], (20, 20), interpolation=cv2.INTER_AREA)
    assert (after == cv2.resize(small, (48, 48), interpolation=cv2.INTER_LINEAR)).all()
    assert np.abs(after.astype(int) - 100).max() <= 20


def test_jpeg_leaves_blocks_of_eight_pixels_at_quality_15() -> None:
    before = images(1)
    after = robustness.CHANGES["jpeg"](before)[0]
    _, coded = cv2.imencode(".jpg", before[0], [cv2.IMWRITE_JPEG_QUALITY, 15])
    assert (after == cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)).all()
    assert not (after == before[0]).all()


def test_a_shift_is_one_pixel_each_way_and_repeats_the_border() -> None:
    before = images(1)
    left, right, up, down = (after[0] for after in robustness.shifted(before))
    assert (left[:, :-1] == before[0, :, 1:]).all()
    assert (left[:, -1] == before[0, :, -1]).all()
    assert (right[:, 1:] == before[0, :, :-1]).all()
    assert (right[:, 0] == before[0, :, 0]).all()
    assert (up[:-1] == before[0, 1:]).all()
    assert (up[-1] == before[0, -1]).all()
    assert (down[1:] == before[0, :-1]).all()
    assert (down[0] == before[0, 0]).all()


def test_the_figures_are_those_worked_out_by_hand() -> None:
    """A reader that calls a picture bright by the pixel in row 30, column 10, and else dark."""
    seen = np.zeros((4, 48, 48), np.uint8)
    seen[0, 30, 10] = seen[1, 30, 10] = 255  # bright; a shift of any direction loses the pixel: 4 of 4 changed
    seen[2, 30, 11] = 255  # dark; bright after the shift to the left: 1 of 4 changed
    labels = np.array([1, 1, 0, 0])

    def read(given: NDArray[np.uint8]) -> NDArray[np.int64]:
        return (given[:, 30, 10] > 100).astype(np.int64)

    found = robustness.measure(read, seen, labels, ("dark", "bright"))
    assert found["shift"] == {"changed": (4 + 4 + 1 + 0) / 16}
    # Rows 28 on are covered with 200: all are bright.
    assert found["cover"]["accuracy"] == 0.5
    assert found["cover"]["recall"] == {"dark": 0.0, "bright": 1.0}
    assert found["cover"]["macro_f1"] == pytest.approx((0 + 2 / 3) / 2, abs=1e-4)
    # Four tenths of 255 are 102 and a little of the mean: nothing changes.
    assert found["contrast"]["accuracy"] == found["gamma"]["accuracy"] == 1.0
    assert found["clean"]["accuracy"] == 1.0
    assert list(found) == ["clean", "noise", "blur", "gamma", "cover", "contrast", "jpeg", "shift"]


def test_a_label_without_images_has_no_recall() -> None:
    found = robustness.measure(
        lambda given: np.zeros(len(given), np.int64), images(2), np.zeros(2, np.int64), ("a", "b")
    )
    assert found["noise"]["recall"] == {"a": 1.0, "b": None}
