"""What is shown in an epoch: of pictures of one grey each, which no change of size or place alters."""

from __future__ import annotations

import numpy as np
import torch

from mien_train.emotion.augment import KINDS, FaceAugmentation
from mien_train.emotion.views import Views

LABELLED, UNLABELLED = 300, 10


def greys(first: int, count: int) -> np.ndarray:
    return np.repeat(np.arange(first, first + count) % 200, 48 * 48).astype(np.uint8).reshape(-1, 48, 48)


def views(shown: int, augmentation: FaceAugmentation = KINDS["none"]) -> Views:
    return Views(greys(0, LABELLED), greys(100, UNLABELLED), shown, augmentation, torch.device("cpu"))


def test_an_epoch_shows_every_labelled_image_once_and_as_many_others_as_asked() -> None:
    for shown, expected in ((0, 0), (4, 4), (10, 10), (99, 10)):
        made = views(shown)
        seen, rows = made.of(3)
        assert made.count == len(seen) == len(rows) == LABELLED + expected
        assert rows[:LABELLED].tolist() == list(range(LABELLED))
        others = rows[LABELLED:].tolist()
        assert len(set(others)) == expected
        assert set(others) <= set(range(LABELLED, LABELLED + UNLABELLED))
        whole = torch.from_numpy(np.concatenate([greys(0, LABELLED), greys(100, UNLABELLED)]))
        assert torch.equal(seen, whole[rows])  # not augmented


def test_other_epochs_show_other_unlabelled_faces_and_other_views() -> None:
    made = views(4, KINDS["wide"])
    first, again, next_one = made.of(0), views(4, KINDS["wide"]).of(0), made.of(1)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one, other)
    assert first[0].dtype == torch.uint8
    assert not torch.equal(first[1], next_one[1])
    assert not torch.equal(first[0], next_one[0])
    # No two chunks of an epoch, and no two epochs, are varied in the same way.
    factor = [
        (seen[1:].float() / rows[1:, None, None].clamp(min=1)).mean(dim=(1, 2)) for seen, rows in (first, next_one)
    ]
    assert not torch.allclose(factor[0][:44], factor[0][256 : 256 + 44])
    assert not torch.allclose(factor[0], factor[1])
