from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from mien.faces.decode import (
    Decoder,
    Detections,
    calibrated,
    cell_centres,
    decode_cells,
    joined,
    merged,
    say,
    sigmoid,
    suppress,
)
from mien.faces.face import iou
from mien.models.bundle import Output
from mien.models.quantization import Quantization

STEP = Quantization(0.1, 0)


def _outputs(sides: tuple[tuple[int, int], ...]) -> tuple[Output, ...]:
    return tuple(
        Output(f"{kind}_{index}", (1, height, width, channels), STEP)
        for kind, channels in (("score", 1), ("box", 4), ("landmarks", 10))
        for index, (height, width) in enumerate(sides)
    )


def _empty(outputs: tuple[Output, ...]) -> list[np.ndarray]:
    return [np.full(o.shape, -128 if o.name.startswith("score") else 0, np.int8) for o in outputs]


def test_one_cell_by_hand() -> None:
    # Row 1, column 2 of a map of stride 8: centre (20, 12). Shift (+8·0.5, −8·0.25), size 8·e¹ by 8·e⁰.
    points = np.zeros((1, 10), np.float32)
    points[0, :2] = [1.0, -1.0]
    boxes, landmarks = decode_cells(
        cell_centres(2, 4, 8)[[1 * 4 + 2]], 8, np.array([[0.5, -0.25, 1.0, 0.0]], np.float32), points
    )
    half = 4 * math.e
    assert boxes[0].tolist() == pytest.approx([24 - half, 10 - 4, 24 + half, 10 + 4], rel=1e-6)
    assert landmarks[0, 0].tolist() == [28, 4]
    assert landmarks[0, 1].tolist() == [20, 12]


def test_the_decoder_reads_every_map_and_sorts_by_score() -> None:
    outputs = _outputs(((4, 4), (2, 2)))
    raw = _empty(outputs)
    raw[0][0, 1, 2, 0] = 10  # logit 1 at stride 8
    raw[1][0, 0, 1, 0] = 20  # logit 2 at stride 16, centre (24, 8)
    found = Decoder(outputs, (8, 16), 0.5, 0.5)(tuple(raw))
    assert found.scores.tolist() == pytest.approx([1 / (1 + math.exp(-2)), 1 / (1 + math.exp(-1))])
    assert found.boxes.tolist() == [[16, 0, 32, 16], [16, 8, 24, 16]]
    assert found.landmarks.shape == (2, 5, 2)


def test_one_map_a_stride_says_what_three_maps_say() -> None:
    sides = ((16, 20), (8, 10))
    apart = _outputs(sides)
    generator = np.random.default_rng(3)
    raw = [generator.integers(-128, 128, o.shape).astype(np.int8) for o in apart]
    together = tuple(Output(f"maps_{index}", (1, *side, 15), STEP) for index, side in enumerate(sides))
    joint = tuple(np.concatenate(raw[index::2], axis=3) for index in range(2))
    one, other = Decoder(apart, (8, 16), 0.9, 0.5)(tuple(raw)), Decoder(together, (8, 16), 0.9, 0.5)(joint)
    assert len(one.scores) > 20
    for name in ("boxes", "landmarks", "scores"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_the_threshold_on_raw_values_is_the_threshold_on_scores() -> None:
    outputs = _outputs(((16, 16),))
    raw = _empty(outputs)
    raw[0][0, :, :, 0] = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    for threshold in (0.05, 0.3, 0.5, 0.73, 0.9):
        found = Decoder(outputs, (8,), threshold, 1.0)(tuple(raw))
        scores = sigmoid(STEP.dequantize(np.arange(-128, 128, dtype=np.int16).astype(np.int8)))
        assert len(found.scores) == (scores >= threshold - 1e-6).sum()
        assert found.scores.min() >= threshold - 1e-6


def test_calibrated_scores_are_the_sigmoid_of_a_line_through_the_logits() -> None:
    outputs = _outputs(((16, 16),))
    raw = _empty(outputs)
    raw[0][0, :, :, 0] = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    logits = STEP.dequantize(np.arange(-128, 128, dtype=np.int16).astype(np.int8)).astype(np.float64)
    wanted = 1 / (1 + np.exp(-(1.5 * logits + 0.75)))
    for threshold in (0.05, 0.5, 0.73):
        found = Decoder(outputs, (8,), threshold, 1.0, slope=1.5, shift=0.75)(tuple(raw))
        assert found.scores.tolist() == pytest.approx(np.sort(wanted[wanted >= threshold])[::-1].tolist(), abs=1e-6)


def test_a_score_calibrated_by_hand() -> None:
    assert calibrated(0.5, 2.0, 0.0) == 0.5
    assert calibrated(0.5, 1.0, math.log(3)) == pytest.approx(0.75)
    assert calibrated(0.75, 2.0, 0.0) == pytest.approx(0.9)  # odds of 3 squared
    assert calibrated(0.02, 1.0, 0.0) == pytest.approx(0.02, abs=1e-12)


def test_no_face_gives_empty_arrays_of_the_right_shapes() -> None:
    outputs = _outputs(((4, 4),))
    found = Decoder(outputs, (8,), 0.5, 0.5)(tuple(_empty(outputs)))
    assert (found.boxes.shape, found.landmarks.shape, found.scores.shape) == ((0, 4), (0, 5, 2), (0,))


def test_suppression_keeps_the_best_of_overlapping_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], np.float32)
    found = suppress(Detections(boxes, np.zeros((3, 5, 2), np.float32), np.array([0.6, 0.9, 0.7], np.float32)), 0.5, 9)
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert found.boxes[0].tolist() == [1, 0, 11, 10]


def test_a_face_is_where_its_candidates_say_on_average() -> None:
    # The second agrees with the best (9 of 11 columns), the third hides behind it (6 of 14) without a say, the fourth
    # is a face of its own.
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [4, 0, 14, 10], [30, 0, 40, 10]], np.float32)
    points = np.arange(40, dtype=np.float32).reshape(4, 5, 2)
    whole = Detections(boxes, points, np.array([0.99, 0.8, 0.9, 0.95], np.float32))
    weights = np.array([0.9, 0.3, 0.6, 0.7], np.float32)
    found = merged(whole, weights, 0.4, 9)
    assert found.scores.tolist() == suppress(whole, 0.4, 9).scores.tolist() == pytest.approx([0.99, 0.95])
    assert found.boxes.tolist() == [pytest.approx([0.25, 0, 10.25, 10]), [30, 0, 40, 10]]
    assert found.landmarks == pytest.approx(np.stack([points[0] * 0.75 + points[1] * 0.25, points[3]]))
    alone = merged(Detections(boxes[2:], points[2:], whole.scores[2:]), weights[2:], 0.4, 9)
    assert alone.boxes.tolist() == [[30, 0, 40, 10], [4, 0, 14, 10]]


def _drawn(seed: int, count: int) -> Detections:
    random = np.random.default_rng(seed)
    places, sides = random.uniform(0, 20, (count, 2)), random.uniform(5, 30, (count, 2))
    boxes = np.concatenate([places, places + sides], axis=1).astype(np.float32)
    points, scores = random.normal(0, 9, (count, 5, 2)), random.random(count)
    return Detections(boxes, points.astype(np.float32), scores.astype(np.float32))


@pytest.mark.parametrize("count", [9, 14, 80])  # in plain numbers, and as arrays
@pytest.mark.parametrize("seed", range(4))
def test_each_candidate_has_a_say_in_the_one_face_that_it_agrees_with_most(seed: int, count: int) -> None:
    whole = _drawn(seed, count)
    told = np.random.default_rng(seed + 9).uniform(0.1, 1, count).astype(np.float32)
    kept, found = suppress(whole, 0.5, 60), merged(whole, told, 0.5, 60)
    overlaps = iou(kept.boxes, whole.boxes)
    weights = np.where((overlaps == overlaps.max(axis=0)) & (overlaps >= 0.65), told, 0)
    if count == 80:
        assert (np.count_nonzero(weights, axis=1) > 1).any()
    weights /= weights.sum(axis=1, keepdims=True)
    assert np.array_equal(found.scores, kept.scores)
    assert found.boxes == pytest.approx(weights @ whole.boxes, abs=1e-4)
    assert found.landmarks == pytest.approx(np.tensordot(weights, whole.landmarks, 1), abs=1e-4)


def test_of_two_faces_that_overlap_much_neither_has_a_say_in_the_other() -> None:
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [2.2, 0, 12.2, 10]], np.float32)  # 0.67 and 0.96
    scores = np.array([0.9, 0.8, 0.4], np.float32)
    found = merged(Detections(boxes, np.zeros((3, 5, 2), np.float32), scores), scores, 0.7, 9)
    assert found.boxes[0].tolist() == [0, 0, 10, 10]
    assert found.boxes[1] == pytest.approx([2.0667, 0, 12.0667, 10], abs=1e-3)


def test_boxes_without_a_size_are_faces_like_others_and_no_score_is_no_face() -> None:
    boxes = np.array([[5, 5, 5, 5], [5, 5, 5, 5], [0, 0, 9, 9]], np.float32)
    scores, points = np.array([0.5, 0.4, 0.3], np.float32), np.zeros((3, 5, 2), np.float32)
    found = merged(Detections(boxes, points, scores), scores, 0.5, 9)
    assert np.isfinite(found.boxes).all()
    assert found.boxes[0].tolist() == [5, 5, 5, 5]
    nothing = merged(Detections(boxes, points, np.zeros(3, np.float32)), scores, 0.5, 9)
    assert (nothing.boxes.shape, nothing.landmarks.shape, nothing.scores.shape) == ((0, 4), (0, 5, 2), (0,))


def test_huge_exponents_and_logits_stay_finite() -> None:
    boxes, _ = decode_cells(cell_centres(1, 1, 32), 32, np.full((1, 4), 100, np.float32), np.zeros((1, 10), np.float32))
    assert np.isfinite(boxes).all()
    assert sigmoid(np.array([-1000, 0, 1000], np.float32)).tolist() == [0, 0.5, 1]


def test_cells_have_their_say_by_the_cube_of_their_scores_before_calibration() -> None:
    assert say(np.array([0.0, math.log(3), 100], np.float32)) == pytest.approx([1 / 8, 27 / 64, 1])
    assert say(np.array([-1000], np.float32)).item() > 0  # a face of such cells alone still has a place
    outputs = _outputs(((1, 2),))
    raw = _empty(outputs)
    raw[0][0, 0, :, 0] = [0, 20]  # logits 0 and 2: scores of 0.5 and 0.881
    raw[1][..., 2:] = 14  # both boxes have 8·e^1.4 pixels a side
    raw[1][0, 0, 1, 0] = -5  # the second lies half a cell to the left of its own centre
    weights = [0.5**3, (1 / (1 + math.exp(-2))) ** 3]
    middle = (4 * weights[0] + 8 * weights[1]) / sum(weights)
    for slope, shift in ((1.0, 0.0), (2.0, 1.0)):
        found = Decoder(outputs, (8,), 0.4, 0.5, slope=slope, shift=shift)(tuple(raw))
        assert found.boxes[:, 0::2].mean(axis=1).tolist() == pytest.approx([middle], abs=1e-4)
        assert found.scores.tolist() == pytest.approx([1 / (1 + math.exp(-2 * slope - shift))])


def _by_formula(outputs: tuple[Output, ...], strides: tuple[int, ...], raw: tuple[np.ndarray, ...]) -> Detections:
    """Every cell whose score is 0.5 or more, decoded by the formulas alone, and joined to faces."""
    parts, logits, levels = [], [], len(strides)
    for level, stride in enumerate(strides):
        score, box, points = (
            outputs[kind * levels + level].quantization.dequantize(raw[kind * levels + level].reshape(-1, width))
            for kind, width in enumerate((1, 4, 10))
        )
        cells = np.flatnonzero(score >= 0)
        centres = cell_centres(*raw[level].shape[1:3], stride)
        boxes, landmarks = decode_cells(centres[cells], stride, box[cells], points[cells])
        parts.append(Detections(boxes, landmarks, sigmoid(score[cells, 0])))
        logits.append(score[cells, 0])
    return merged(joined(parts), say(np.concatenate(logits)), 0.9, 400)


@pytest.mark.parametrize("seed", range(8))
def test_the_tables_give_to_the_last_bit_what_the_formulas_give(seed: int) -> None:
    random, strides = np.random.default_rng(seed), (8, 16)
    outputs = tuple(
        Output(o.name, o.shape, Quantization(float(random.uniform(0.01, 0.2)), int(random.integers(-90, 90))))
        for o in _outputs(((6, 8), (3, 4)))
    )
    raw = tuple(random.integers(-128, 128, o.shape).astype(np.int8) for o in outputs)
    if seed % 2:  # nothing in one of the maps
        raw[seed // 2 % 2][:] = -128
    found = Decoder(outputs, strides, 0.5, 0.9)(raw)
    expected = _by_formula(outputs, strides, raw)
    assert len(expected.scores) > 1
    for part in ("boxes", "landmarks", "scores"):
        one, other = getattr(found, part), getattr(expected, part)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes()), part


def test_boxes_of_all_sizes_are_suppressed_as_by_arrays() -> None:
    random = np.random.default_rng(5)
    places, sides = random.uniform(0, 60, (200, 2)), random.uniform(0, 40, (200, 2))
    boxes = np.concatenate([places, places + sides], axis=1).astype(np.float32)
    scores = random.uniform(0.1, 0.9, 200).astype(np.float32)
    found = suppress(Detections(boxes, np.zeros((200, 5, 2), np.float32), scores), 0.3, 150)
    widths = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(widths, scores, 0.0, 0.3, top_k=150)  # type: ignore[arg-type]
    assert 5 < len(kept) < 150
    assert found.boxes.tobytes() == boxes[np.asarray(kept)].tobytes()
