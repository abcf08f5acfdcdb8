from __future__ import annotations

from mien_train.face.task import FALSE_ALARMS, score_threshold


def test_the_lowest_score_that_few_face_free_photographs_reach() -> None:
    best = [0.1] * 960 + [0.45] * 25 + [0.62] * 15  # 4 % from 0.45 on, 1.5 % from 0.62 on
    assert FALSE_ALARMS == 0.018
    assert score_threshold(best) == 0.46
    assert score_threshold([0.1] * 950 + [0.62] * 50) == 0.63


def test_quiet_photographs_and_noisy_ones_stay_within_bounds() -> None:
    assert score_threshold([0.01] * 100) == 0.3
    assert score_threshold([0.99] * 100) == 0.9
    assert score_threshold([]) == 0.5
