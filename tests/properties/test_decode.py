"""The detector's raw maps: whatever a network gives becomes finite faces, best first, none twice."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from mien.faces.decode import Decoder, Detections, decode_cells, sigmoid, suppress
from mien.faces.face import iou
from mien.models.contract import Output
from mien.models.quantization import Quantization

scales = st.sampled_from([1e-9, 1e-3, 0.05, 1.0, 1e9]) | st.floats(1e-9, 1e9)
quantizations = st.builds(Quantization, scales, st.integers(-128, 127))
thresholds = st.floats(1e-4, 1 - 1e-4)


@st.composite
def maps(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[Output, ...], tuple[np.ndarray, ...]]:
    """Strides, outputs and raw maps of a detector of any quantization that a sidecar may promise."""
    strides = tuple(draw(st.lists(st.sampled_from([4, 8, 16, 32, 1024]), min_size=1, max_size=3, unique=True)))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    extreme = draw(st.booleans())
    outputs, raw = [], []
    for channels in draw(st.sampled_from([(1, 4, 10), (15,)])):
        for stride in strides:
            shape = (1, -(-height // stride), -(-width // stride), channels)
            outputs.append(Output(f"{channels}-{stride}", shape, draw(quantizations)))
            values = generator.choice([-128, 127], shape) if extreme else generator.integers(-128, 128, shape)
            raw.append(values.astype(np.int8))
    return strides, tuple(outputs), tuple(raw)


@given(maps(), thresholds, st.floats(0, 1), st.integers(1, 30))
def test_faces_are_finite_sorted_and_few(
    network: tuple[tuple[int, ...], tuple[Output, ...], tuple[np.ndarray, ...]],
    threshold: float,
    overlap: float,
    most: int,
) -> None:
    strides, outputs, raw = network
    found = Decoder(outputs, strides, threshold, overlap, most)(raw)
    count = len(found.scores)
    assert (found.boxes.shape, found.landmarks.shape) == ((count, 4), (count, 5, 2))
    assert count <= most
    for values in (found.boxes, found.landmarks, found.scores):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert (np.diff(found.scores) <= 0).all()
    # A logit at the threshold itself may be rounded to either side of it.
    assert (found.scores >= threshold - 1e-5).all()
    assert (found.scores <= 1).all()
    assert (found.boxes[:, :2] <= found.boxes[:, 2:]).all()


@given(maps(), thresholds)
def test_no_cell_above_the_threshold_is_overlooked(
    network: tuple[tuple[int, ...], tuple[Output, ...], tuple[np.ndarray, ...]], threshold: float
) -> None:
    strides, outputs, raw = network
    wanted = 0
    for output, score in zip(outputs, raw[: len(strides)], strict=False):
        logits = (score[..., 0].astype(np.float64) - output.quantization.zero_point) * output.quantization.scale
        wanted += int((logits > np.log(threshold / (1 - threshold)) + 1e-9 * (1 + np.abs(logits))).sum())
    # Nothing is suppressed at an overlap of 1.
    assert len(Decoder(outputs, strides, threshold, 1.0, 10**6)(raw).scores) >= wanted


@given(st.integers(0, 300), st.integers(0, 60), st.integers(0, 1000), st.floats(0, 1), st.integers(1, 50))
def test_suppression_keeps_the_best_and_hides_only_what_overlaps_a_kept_face(
    spread: int, count: int, seed: int, overlap: float, most: int
) -> None:
    generator = np.random.default_rng(seed)
    corners = generator.integers(0, spread + 1, (count, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + generator.integers(1, 80, (count, 2))], axis=1, dtype=np.float32)
    scores = (generator.integers(1, 20, count) / 20).astype(np.float32)
    whole = Detections(boxes, np.zeros((count, 5, 2), np.float32), scores)
    kept = suppress(whole, overlap, most)
    if not count:
        assert len(kept.scores) == 0
        return
    assert kept.scores[0] == scores.max()
    considered = np.argsort(-scores, kind="stable")[:most]
    apart = iou(kept.boxes, kept.boxes)
    assert (apart[~np.eye(len(apart), dtype=bool)] <= overlap + 1e-5).all()
    hidden = [index for index in considered if not any((boxes[index] == box).all() for box in kept.boxes)]
    for index in hidden:
        assert (iou(boxes[index : index + 1], kept.boxes) > overlap - 1e-5).any()


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
@example([float("inf"), float("-inf")])
def test_a_score_lies_between_0_and_1_and_grows_with_its_logit(logits: list[float]) -> None:
    scores = sigmoid(np.sort(np.array(logits, np.float32)))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores) >= 0).all()


@given(
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.integers(1, 1024),
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=14, max_size=14),
)
def test_a_cell_s_box_has_its_middle_and_size_where_the_formula_puts_them(
    x: int, y: int, stride: int, raw: list[float]
) -> None:
    centres = np.array([[x, y]], np.float32)
    boxes, points = decode_cells(centres, stride, np.array([raw[:4]], np.float32), np.array([raw[4:]], np.float32))
    left, top, right, bottom = boxes[0].tolist()
    reach = 1e-5 * stride * (1 + max(map(abs, raw))) + 1e-5 * (x + y) + 1e-3 * stride
    assert abs((left + right) / 2 - (x + stride * raw[0])) <= reach
    assert abs((top + bottom) / 2 - (y + stride * raw[1])) <= reach
    assert 0 <= right - left <= stride * 404 + 2 * reach
    assert 0 <= bottom - top <= stride * 404 + 2 * reach
    assert abs(points[0, 0, 0] - (x + stride * raw[4])) <= reach
