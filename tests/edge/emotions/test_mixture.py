from __future__ import annotations

import numpy as np
import pytest

from mien.emotions.mixture import Mixture, softmax
from mien.models.expression import Expression, Opinion

SEEN, SOUGHT = ("calm", "joy", "scorn"), ("joy", "calm")


def _logs(*shares: float) -> np.ndarray:
    return np.log(np.array([shares], np.float32))


def _mixed(*opinions: Opinion, offsets: tuple[float, ...] = (0, 0, 0), temperature: float = 1) -> Mixture:
    return Mixture(Expression("mixed", SEEN, opinions, offsets, temperature, 0.5), (SEEN, SOUGHT))


def test_a_sole_output_is_read_as_it_is_to_the_last_bit() -> None:
    logits = np.random.default_rng(0).normal(0, 4, (50, 3)).astype(np.float32)
    found = _mixed(Opinion(0, 1.0), temperature=0.7).probabilities([logits, logits[:, :2]])
    assert np.array_equal(found, softmax(logits / np.float32(0.7)))


def test_opinions_are_multiplied_label_by_label_and_a_stranger_keeps_an_even_share() -> None:
    # Of three labels the second output knows two: they share 2/3, and scorn keeps 1/3. It says joy 1/2, calm 1/6.
    found = _mixed(Opinion(0, 1.0), Opinion(1, 1.0)).probabilities([_logs(0.5, 0.25, 0.25), _logs(0.75, 0.25)])
    parts = np.array([0.5 * 1 / 6, 0.25 * 1 / 2, 0.25 * 1 / 3])
    assert found[0] == pytest.approx(parts / parts.sum(), abs=1e-6)
    assert found.dtype == np.float32


def test_a_weight_is_a_power_and_an_offset_a_factor_and_the_temperature_comes_last() -> None:
    weighed = _mixed(Opinion(0, 2.0), offsets=(0, float(np.log(4)), 0)).probabilities([_logs(0.6, 0.3, 0.1), _logs(1)])
    assert weighed[0] == pytest.approx(np.array([0.36, 4 * 0.09, 0.01]) / 0.73, abs=1e-6)
    cooled = _mixed(Opinion(0, 2.0), offsets=(0, float(np.log(4)), 0), temperature=2)
    roots = np.sqrt([0.36, 0.36, 0.01])
    assert cooled.probabilities([_logs(0.6, 0.3, 0.1), _logs(1)])[0] == pytest.approx(roots / roots.sum(), abs=1e-6)


def test_labels_may_stand_in_another_order_than_the_outputs() -> None:
    turned = Mixture(Expression("intended", ("calm", "joy"), (Opinion(1, 1.0),), (0, 0), 1, 0.5), (SEEN, SOUGHT))
    assert turned.probabilities([_logs(1, 1, 1), _logs(0.9, 0.1)])[0] == pytest.approx([0.1, 0.9], abs=1e-6)


def test_a_sure_output_gives_finite_numbers() -> None:
    sure = np.array([[200.0, -200.0]], np.float32)
    assert np.isfinite(_mixed(Opinion(0, 1.0), Opinion(1, 1.0)).probabilities([_logs(0.2, 0.3, 0.5), sure])).all()


def test_no_face_gives_no_row() -> None:
    empty = np.empty((0, 3), np.float32), np.empty((0, 2), np.float32)
    assert _mixed(Opinion(0, 1.0), Opinion(1, 1.0)).probabilities(empty).shape == (0, 3)
    assert _mixed(Opinion(0, 1.0)).probabilities(empty).shape == (0, 3)


@pytest.mark.parametrize("labels", [SEEN, SEEN[::-1], ("joy", "scorn"), SOUGHT])
@pytest.mark.parametrize("count", [1, 5, 20])
def test_opinions_are_what_their_formula_gives(labels: tuple[str, ...], count: int) -> None:
    random = np.random.default_rng(count)
    outputs = [random.normal(0, 3, (count, len(known))).astype(np.float32) for known in (SEEN, SOUGHT)]
    offsets = tuple(random.normal(0, 1, len(labels)).tolist())
    opinions = (Opinion(0, 1.15), Opinion(1, 0.3))
    total = np.tile(np.array(offsets), (count, 1))
    for opinion, logits, known in zip(opinions, outputs, (SEEN, SOUGHT), strict=True):
        logs = logits - np.log(np.exp(logits.astype(np.float64)).sum(axis=1, keepdims=True))
        shared = np.log(np.mean([label in known for label in labels]))
        says = np.full_like(total, np.log(1 / len(labels)))
        for column, label in enumerate(labels):
            if label in known:
                says[:, column] = logs[:, known.index(label)] + shared
        total += opinion.weight * says
    found = Mixture(Expression("mixed", labels, opinions, offsets, 0.9, 0.5), (SEEN, SOUGHT))
    assert found.logits(outputs) == pytest.approx(total, abs=2e-6)
    assert found.probabilities(outputs) == pytest.approx(softmax((total / 0.9).astype(np.float32)), abs=1e-6)
    assert found.logits(outputs).dtype == found.probabilities(outputs).dtype == np.float32


def test_what_no_network_says_gives_finite_numbers_too() -> None:
    wild = np.array([[1e30, -1e30, 0], [-1e30, -1e30, -1e30], [800, 790, -800]], np.float32)
    found = _mixed(Opinion(0, 1.0), Opinion(1, 0.5)).probabilities([wild, wild[:, :2]])
    assert np.isfinite(found).all()
    assert found.sum(axis=1) == pytest.approx(1)
    assert found.argmax(axis=1)[[0, 2]].tolist() == [0, 0]
