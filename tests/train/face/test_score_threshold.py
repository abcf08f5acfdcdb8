from __future__ import annotations

import json

import numpy as np
import pytest

from mien.errors import MienError
from mien_train.face import threshold


def test_the_lowest_hundredth_that_few_enough_photographs_reach() -> None:
    best = [0.1] * 960 + [0.45] * 25 + [0.62] * 15  # 4 % from 0.45 on, 1.5 % from 0.62 on
    assert threshold.choose(best, 0.018) == 0.46
    assert threshold.choose(best, 0.04) == 0.11
    assert threshold.choose(best, 0.014) == 0.63
    assert threshold.choose(best, 1) == 0.05


def test_a_score_between_two_hundredths_is_rounded_up() -> None:
    assert threshold.choose([0.1, 0.1, 0.1, 0.4512], 0) == 0.46
    assert threshold.choose([0.1, 0.1, 0.1, 0.4512], 0.25) == 0.11  # one of four may alarm


def test_float32_scores_compare_as_the_detectors_do() -> None:
    best = np.full(4, 0.46, np.float32)  # 0.46000000834 as a double
    assert threshold.choose(best, 0) == 0.47
    assert threshold.alarms(best, 0.46).count == 4
    assert threshold.alarms(best.astype(np.float64), 0.46).count == 4


def test_quiet_photographs_noisy_ones_and_none_stay_within_bounds() -> None:
    assert threshold.choose([0.01] * 100, 0.02) == 0.05
    assert threshold.choose([0.995] * 100, 0.02) == 0.99
    assert threshold.choose([], 0.02) == 0.5


@pytest.mark.parametrize("best", [[0.2, float("nan")], [1.5], [-0.1]])
def test_what_is_no_score_is_refused(best: list[float]) -> None:
    with pytest.raises(MienError, match="best score is"):
        threshold.choose(best, 0.02)
    with pytest.raises(MienError, match="best score is"):
        threshold.alarms(best, 0.5)


def test_a_share_beyond_all_photographs_is_refused() -> None:
    with pytest.raises(MienError, match="allowed share of false alarms is 2"):
        threshold.choose([0.2], 2)


def test_alarms_by_hand() -> None:
    found = threshold.alarms([0.3, 0.5, 0.7, 0.2], 0.5)
    assert (found.count, found.n, found.share) == (2, 4, 0.5)
    # z² = 3.84146: middle (.5 + 3.84146 / 8) / (1 + 3.84146 / 4) = .5,
    # half 1.959964 / 1.960365 × √(.0625 + 3.84146 / 64) = .999795 × .350034
    assert (found.low, found.high) == pytest.approx((0.150038, 0.849962), abs=1e-5)
    nothing = threshold.alarms([], 0.5)
    assert (nothing.count, nothing.n, nothing.share, nothing.low, nothing.high) == (0, 0, 0.0, 0.0, 1.0)


def test_wilson_interval_by_hand() -> None:
    low, high = threshold.wilson(0, 100)  # z² / (n + z²) = 3.8415 / 103.8415
    assert low == 0.0
    assert high == pytest.approx(0.036994, abs=1e-5)


def test_every_photograph_is_in_one_half_and_a_new_one_moves_no_other() -> None:
    names = [f"rooms/{k:05d}.webp" for k in range(400)]
    first, second = threshold.halves(names)
    assert np.array_equal(first, ~second)
    assert 160 < first.sum() < 240  # a fair coin gives less than that in one of 20,000 tries
    more, _ = threshold.halves(["animals/99999.webp", *names])
    assert np.array_equal(more[1:], first)
    turned, _ = threshold.halves(names[::-1])
    assert np.array_equal(turned[::-1], first)


def test_the_halves_are_these_on_every_machine() -> None:
    first, _ = threshold.halves([f"rooms/{k:05d}.webp" for k in range(8)])
    assert np.flatnonzero(first).tolist() == []


def test_a_name_that_is_not_utf8_has_a_half() -> None:
    first, second = threshold.halves([b"rooms/\xff.webp".decode("utf-8", "surrogateescape")])
    assert first[0] != second[0]


def test_the_choice_is_made_on_the_first_half_and_reported_on_the_second() -> None:
    names = [f"rooms/{k:05d}.webp" for k in range(40)]
    first, _ = threshold.halves(names)
    best = np.where(first, 0.3, 0.6)  # the second half alarms at whatever suits the first
    found = threshold.chosen(names, best, 0.02)
    assert found.threshold == 0.31
    assert (found.chosen_on.count, found.chosen_on.n) == (0, first.sum())
    assert (found.reported_on.count, found.reported_on.n) == (40 - first.sum(), 40 - first.sum())
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["reported_on"]["share"] == 1
    assert threshold.by_halves({"score_threshold": 0.31, threshold.RECORD: document})
    assert not threshold.by_halves({"score_threshold": 0.31})
    assert threshold.allowed({threshold.RECORD: {**document, "allowed_share": 0.01}}) == 0.01
    assert threshold.allowed({"score_threshold": 0.31}) == threshold.ALLOWED_SHARE


def test_scores_of_other_photographs_are_refused() -> None:
    with pytest.raises(MienError, match="2 photographs but 1 scores"):
        threshold.chosen(["rooms/0.webp", "rooms/1.webp"], [0.5], 0.02)
