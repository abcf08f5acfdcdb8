from __future__ import annotations

import pytest
import torch

from mien.faces.decode import cell_centres, decode_cells
from mien_train.face.assign import assign, cells, pairwise_iou
from mien_train.face.loss import Targets, complete_iou_loss, decode, losses

GRID = cells(64, 64, (8, 16, 32))


def test_cells_are_numbered_map_by_map_and_row_by_row() -> None:
    assert len(GRID.strides) == 64 + 16 + 4
    assert GRID.centres[0].tolist() == [4, 4]
    assert GRID.centres[1].tolist() == [12, 4]
    assert GRID.centres[64].tolist() == [8, 8]
    assert GRID.centres[83].tolist() == [48, 48]


def test_iou_by_hand() -> None:
    first, second = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[5.0, 0, 15, 10]])
    assert torch.allclose(pairwise_iou(first, second), torch.tensor([50 / 150]))


def test_the_best_cell_of_a_face_is_asked_for_its_overlap_and_the_others_for_less() -> None:
    face = torch.tensor([[8.0, 8, 40, 40]])
    boxes = GRID.centres.repeat(1, 2)[None].clone()
    boxes[..., :2] -= 8
    boxes[..., 2:] += 8
    at = int((GRID.centres[:64] == torch.tensor([20.0, 20.0])).all(dim=1).nonzero())
    boxes[0, at] = torch.tensor([8.0, 8, 40, 36])  # IoU 0.875
    found = assign(torch.full((1, 84), 0.5), boxes, face, torch.tensor([0]), torch.tensor([False]), GRID)
    assert found.cell[0, found.wanted[0].argmax()] == at
    assert torch.isclose(found.wanted.max(), torch.tensor(0.875), atol=1e-4)
    assert 1 < found.kept.sum() <= 9
    assert found.counted.all()


def test_a_face_too_small_to_hold_a_cell_is_still_answered_for() -> None:
    face = torch.tensor([[9.0, 9, 11, 11]])
    found = assign(
        torch.full((1, 84), 0.01), torch.rand(1, 84, 4), face, torch.tensor([0]), torch.tensor([False]), GRID
    )
    assert found.kept.any()


def test_an_ignored_face_too_small_to_hold_a_cell_is_no_background_where_it_lies() -> None:
    face = torch.tensor([[9.0, 9, 11, 11]])
    found = assign(torch.full((1, 84), 0.01), torch.rand(1, 84, 4), face, torch.tensor([0]), torch.tensor([True]), GRID)
    assert not found.kept.any()
    assert GRID.centres[~found.counted[0]].tolist() == [[12, 4], [4, 12], [12, 12], [8, 8]]


def test_ignored_faces_take_their_cells_out_of_the_score_loss_but_not_a_real_faces_cells() -> None:
    faces = torch.tensor([[0.0, 0, 32, 32], [0.0, 0, 16, 16]])
    boxes = torch.zeros(1, 84, 4)
    boxes[0, 0] = faces[1]
    found = assign(torch.full((1, 84), 0.5), boxes, faces, torch.tensor([0, 0]), torch.tensor([True, False]), GRID)
    inside = ((GRID.centres > 0) & (GRID.centres < 32)).all(dim=1)
    assert found.kept.any(dim=1).tolist() == [False, True]
    positive = torch.zeros(84, dtype=torch.bool)
    positive[found.cell[found.kept]] = True
    assert torch.equal(found.counted[0], ~inside | positive)


def test_complete_iou_loss_is_zero_for_equal_boxes_and_above_one_for_distant_ones() -> None:
    box = torch.tensor([[0.0, 0, 10, 20]])
    assert complete_iou_loss(box, box).item() < 1e-6
    assert complete_iou_loss(box, box + 100).item() > 1


def test_the_training_decoder_and_the_runtime_decoder_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = tuple(
        torch.randn(1, channels, 64 // stride, 64 // stride, generator=generator)
        for channels in (1, 4, 10)
        for stride in (8, 16, 32)
    )
    found = decode(outputs, GRID)
    begin = 0
    for level, stride in enumerate((8, 16, 32)):
        side = 64 // stride
        flat = outputs[3 + level][0].permute(1, 2, 0).reshape(-1, 4).numpy()
        points = outputs[6 + level][0].permute(1, 2, 0).reshape(-1, 10).numpy()
        boxes, landmarks = decode_cells(cell_centres(side, side, stride), stride, flat, points)
        end = begin + side * side
        assert torch.allclose(found.boxes[0, begin:end], torch.from_numpy(boxes), atol=1e-3)
        assert torch.allclose(found.landmarks[0, begin:end], torch.from_numpy(landmarks), atol=1e-3)
        begin = end


def test_faces_without_landmarks_give_no_landmark_loss() -> None:
    outputs = tuple(torch.zeros(1, c, 64 // s, 64 // s, requires_grad=True) for c in (1, 4, 10) for s in (8, 16, 32))
    targets = Targets(
        torch.tensor([0]),
        torch.tensor([[8.0, 8, 40, 40]]),
        torch.full((1, 5, 2), torch.nan),
        torch.tensor([False]),
        torch.ones(1),
    )
    parts = losses(decode(outputs, GRID), targets, GRID)
    assert parts["landmarks"].item() == 0
    assert parts["box"].item() > 0
    torch.stack(list(parts.values())).sum().backward()
    assert all(torch.isfinite(o.grad).all() for o in outputs if o.grad is not None)


def _predicted(face: list[float]) -> tuple[torch.Tensor, ...]:
    """Raw maps of which every cell sees this face, with a logit of 0 everywhere."""
    maps: list[torch.Tensor] = []
    for kind in ("score", "box", "landmarks"):
        begin = 0
        for stride in (8, 16, 32):
            side = 64 // stride
            centres = GRID.centres[begin : begin + side * side].reshape(side, side, 2)
            begin += side * side
            middle = torch.tensor([(face[0] + face[2]) / 2, (face[1] + face[3]) / 2])
            size = torch.tensor([face[2] - face[0], face[3] - face[1]])
            if kind == "score":
                value = torch.zeros(side, side, 1)
            elif kind == "box":
                value = torch.cat([(middle - centres) / stride, (size / stride).log().expand(side, side, 2)], dim=2)
            else:
                value = ((middle - centres) / stride).repeat(1, 1, 5)
            maps.append(value.permute(2, 0, 1)[None])
    return tuple(maps)


def test_a_doubtful_label_asks_for_a_lower_score() -> None:
    face = [8.0, 8, 40, 40]
    outputs = _predicted(face)

    def score_loss(certainty: float, doubt: float) -> float:
        targets = Targets(
            torch.tensor([0]),
            torch.tensor([face]),
            torch.zeros(1, 5, 2),
            torch.tensor([False]),
            torch.tensor([certainty]),
        )
        return losses(decode(outputs, GRID), targets, GRID, doubt)["score"].item()

    # At a logit of 0 every cell's entropy is ln 2, whatever is asked; what is asked divides their sum.
    sure = score_loss(1.0, 1.0)
    assert score_loss(0.8, 0.0) == pytest.approx(sure)
    assert score_loss(0.8, 1.0) == pytest.approx(sure / 0.8, rel=1e-4)
    assert score_loss(0.8, 0.5) == pytest.approx(sure / 0.9, rel=1e-4)


def test_nothing_is_made_on_another_device_than_the_batch_is_on() -> None:
    face = torch.tensor([[8.0, 8, 40, 40], [0.0, 0, 8, 8]])
    targets = Targets(
        torch.tensor([0, 0]), face, torch.zeros(2, 5, 2), torch.tensor([False, True]), torch.tensor([1.0, 1.0])
    )
    outputs = _predicted([8.0, 8, 40, 40])
    with torch.device("meta"):  # what names no device is made without data, and can't meet what has some
        parts = losses(decode(outputs, GRID), targets, GRID)
    assert all(torch.isfinite(part) for part in parts.values())
    assert GRID.to(torch.device("meta")).centres.device.type == "meta"
    assert targets.rows(3).device == targets.boxes.device


def test_two_touching_faces_each_keep_cells_of_their_own() -> None:
    # Side by side, a quarter of each hidden behind the other: 32 pixels wide, 24 apart.
    faces = torch.tensor([[4.0, 16, 36, 52], [28.0, 16, 60, 52]])
    nearer = (GRID.centres[:, 0] < 32).long()  # every cell predicts the face that it is nearer to
    boxes = faces[1 - nearer][None]
    found = assign(
        torch.full((1, 84), 0.5), boxes, faces, torch.zeros(2, dtype=torch.long), torch.zeros(2).bool(), GRID
    )
    for face in (0, 1):
        assert found.kept[face].sum() >= 4
        assert found.wanted[face].max() > 0.99
    cells_kept = found.cell[found.kept].tolist()
    assert len(set(cells_kept)) == len(cells_kept)


def test_a_cell_that_overlaps_two_faces_equally_answers_for_one_of_them() -> None:
    faces = torch.tensor([[16.0, 16, 48, 48], [16.0, 16, 48, 48]])
    boxes = torch.zeros(1, 84, 4)  # no overlap with either: all are equal
    found = assign(
        torch.full((1, 84), 0.01), boxes, faces, torch.zeros(2, dtype=torch.long), torch.zeros(2).bool(), GRID
    )
    cells_kept = found.cell[found.kept].tolist()
    assert cells_kept
    assert len(set(cells_kept)) == len(cells_kept)


def test_rows_that_are_no_face_change_nothing() -> None:
    face = [8.0, 8, 40, 40]
    targets = Targets(
        torch.tensor([0, 0]),
        torch.tensor([face, [40.0, 40, 60, 60]]),
        torch.tensor([[[20.0, 20]] * 5, [[torch.nan, torch.nan]] * 5]),
        torch.tensor([False, True]),
        torch.tensor([0.9, 0.5]),
    )
    parts, gradients = [], []
    for count in (2, 7):
        outputs = tuple(output.requires_grad_() for output in _predicted([10.0, 10, 36, 44]))
        packed = targets.rows(count)
        assert packed.shape == (count, 17)
        found = losses(decode(outputs, GRID), Targets.of(packed), GRID, 0.5)
        torch.stack(list(found.values())).sum().backward()
        parts.append(torch.stack(list(found.values())))
        gradients.append(torch.cat([output.grad.flatten() for output in outputs if output.grad is not None]))
    assert torch.equal(parts[0], parts[1])
    assert torch.equal(gradients[0], gradients[1])
    assert gradients[0].isfinite().all()
    assert gradients[0].any()
