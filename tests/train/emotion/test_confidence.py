from __future__ import annotations

import math

import pytest
import torch

from mien_train.emotion.classification import scores
from mien_train.emotion.confidence import (
    abstain_threshold,
    errors_abstained,
    expected_calibration_error,
    temperature,
)


def test_temperature_undoes_overconfidence() -> None:
    generator = torch.Generator().manual_seed(0)
    honest = torch.randn(20000, 4, generator=generator)
    labels = torch.multinomial(honest.softmax(dim=1), 1, generator=generator)[:, 0]
    assert temperature(honest * 2, labels) == pytest.approx(2.0, rel=0.06)


def test_abstaining_starts_where_the_rest_is_right_often_enough() -> None:
    probabilities = torch.tensor([[0.95, 0.05], [0.9, 0.1], [0.7, 0.3], [0.6, 0.4]])
    labels = torch.tensor([0, 0, 0, 1])
    assert abstain_threshold(probabilities, labels, 1.0) == 0.61
    assert abstain_threshold(probabilities, labels, 0.75) == 0.5


def test_calibration_error_by_hand() -> None:
    # Both fall into the bin of 0.8: confidence 0.8, accuracy one half.
    probabilities = torch.tensor([[0.8, 0.2], [0.8, 0.2]])
    assert expected_calibration_error(probabilities, torch.tensor([0, 1])) == pytest.approx(0.3)


def test_scores_by_hand() -> None:
    found = scores(torch.tensor([0, 0, 1, 1]).numpy(), torch.tensor([0, 1, 1, 1]).numpy(), 3)
    assert found.accuracy == 0.75
    assert found.confusion.tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    assert found.f1.tolist() == pytest.approx([2 / 3, 0.8, 0.0])
    assert found.macro_f1 == pytest.approx((2 / 3 + 0.8) / 3)


def test_errors_among_the_least_confident_readings_are_counted() -> None:
    # Confidences 0.95, 0.85, … 0.55; the readings of the two lowest and of the highest are wrong.
    confidence = torch.tensor([0.95, 0.85, 0.75, 0.65, 0.55])
    probabilities = torch.stack([confidence, 1 - confidence], dim=1)
    labels = torch.tensor([1, 0, 0, 1, 1])
    assert errors_abstained(probabilities, labels, 0.2) == pytest.approx(1 / 3)
    assert errors_abstained(probabilities, labels, 0.5) == pytest.approx(2 / 3)  # of 2.5 readings, 2
    assert math.isnan(errors_abstained(probabilities, torch.zeros(5, dtype=torch.int64)))


@pytest.mark.parametrize(("wrong", "sharper"), [(0, False), (9, False), (10, True)])
def test_no_certainty_follows_from_a_few_images_that_are_read_rightly(wrong: int, sharper: bool) -> None:
    """Unsure logits, and labels that nearly always agree: a lower temperature fits better and better."""
    labels = torch.arange(300) % 3
    logits = torch.nn.functional.one_hot(labels, 3).float()
    labels[:wrong] = (labels[:wrong] + 1) % 3
    assert (temperature(logits, labels) < 1) == sharper
