"""The face task: photographs with boxes and landmarks in, a detector out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import MienError
from mien.faces.decode import Detections, sigmoid, suppress
from mien.faces.letterbox import Letterbox
from mien_train.data.faces import Photo, Photos
from mien_train.emotion.task import to_input
from mien_train.face import compose, threshold
from mien_train.face.assign import cells
from mien_train.face.detection import Truth, average_precision, match
from mien_train.face.disturb import disturb
from mien_train.face.loss import Targets, decode, losses
from mien_train.networks.face import STRIDES
from mien_train.recipes.face import FaceRecipe

IOU_THRESHOLD = 0.45
"""Of two detections that overlap more than this, the deployed detector keeps the better one."""
FALSE_ALARMS = 0.9 * threshold.ALLOWED_SHARE
"""Largest share of the choosing half of the face-free validation photographs in which the float network may see a face:
a tenth less than what is allowed, for what rounding to int8 may add where the export chooses no threshold anew."""
SMALLEST = 20.0
"""Average precision counts faces at least this many pixels high in the network's input."""
LOWEST = 0.02
"""Detections below this score are not looked at, by any detector."""

_THREADS = 2


class FaceTask:
    """Trains on composed pictures; selects by average precision at IoU 0.5 on the validation photographs."""

    name = "face"
    labels = ("face",)
    score = "ap50"
    device = torch.device("cpu")  # assignment and composing keep the processor as busy as the network

    def __init__(self, recipe: FaceRecipe, train: Photos, val: Photos) -> None:
        self.recipe = recipe
        self._with_faces = [p for p in train.photos if not p.face_free]
        self._without = [p for p in train.photos if p.face_free]
        if not self._with_faces or not val.photos:
            raise MienError("the data has no photographs with faces to train on, or none to validate on")
        self._val = val.photos
        self.data_sha256 = train.sha256
        self._grid = cells(recipe.height, recipe.width, STRIDES)
        self.network = {"name": "face", "stem": recipe.stem, "width": recipe.channels, "blocks": recipe.blocks}

    def steps(self) -> int:
        """Optimizer steps of one epoch: each photograph with faces comes about once."""
        return math.ceil(len(self._with_faces) / self.recipe.batch)

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Targets]]:
        """Inputs float32 (N, 1, H, W) and their faces; composed ahead in threads."""
        cv2.setNumThreads(1)
        root = np.random.SeedSequence([seed, epoch])
        ahead: deque[list[Future[compose.Picture]]] = deque()
        with ThreadPoolExecutor(_THREADS) as pool:
            seeds = iter(root.spawn(self.steps() * self.recipe.batch))

            def submit() -> None:
                ahead.append([pool.submit(self._picture, next(seeds)) for _ in range(self.recipe.batch)])

            for _ in range(min(2, self.steps())):
                submit()
            for step in range(self.steps()):
                pictures = [future.result() for future in ahead.popleft()]
                if step + 2 < self.steps():
                    submit()
                yield _batch(pictures)

    def loss(self, outputs: tuple[Tensor, ...], targets: Targets) -> dict[str, Tensor]:
        """Score, box and landmark losses with the recipe's weights."""
        parts = losses(outputs, targets, self._grid)
        return {
            "score": parts["score"],
            "box": parts["box"] * self.recipe.box_weight,
            "landmarks": parts["landmarks"] * self.recipe.landmark_weight,
        }

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Average precision at IoU 0.5 of faces at least `SMALLEST` pixels high in the input."""
        matches, faces = [], 0
        for photo, scale, seen in self._seen(network, self._val):
            truth = truth_of(photo, scale, SMALLEST)
            matches.append(match(seen.boxes, seen.scores, truth, 0.5, SMALLEST))
            faces += int((~truth.ignore).sum())
        return {"ap50": average_precision(matches, faces)}

    def finish(self, network: nn.Module) -> dict[str, Any]:
        """How the runtime decodes the maps."""
        free = [photo for photo in self._val if photo.face_free]
        best = [float(seen.scores.max(initial=0)) for _, _, seen in self._seen(network, free)]
        choice = threshold.chosen([photo.name for photo in free], best, FALSE_ALARMS)
        return {
            "decode": {
                "strides": list(STRIDES),
                "score_threshold": choice.threshold,
                "iou_threshold": IOU_THRESHOLD,
                threshold.RECORD: choice.document(),
            }
        }

    def _seen(self, network: nn.Module, photos: Sequence[Photo]) -> Iterator[tuple[Photo, float, Detections]]:
        """Each photograph with its scale in the network's input, and what the network sees in it."""
        box = Letterbox(self.recipe.height, self.recipe.width)
        for begin in range(0, len(photos), 32):
            some = photos[begin : begin + 32]
            fitted = [(canvas.copy(), fit) for canvas, fit in (box(photo.luma) for photo in some)]
            inputs = to_input(torch.from_numpy(np.stack([canvas for canvas, _ in fitted]))[:, None].float())
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=False):
                found = decode(network(inputs.contiguous(memory_format=torch.channels_last)), self._grid)
            for index, (photo, (_, fit)) in enumerate(zip(some, fitted, strict=True)):
                yield photo, fit.scale, detections(found.logits[index], found.boxes[index], found.landmarks[index])

    def _picture(self, seed: np.random.SeedSequence) -> compose.Picture:
        rng = np.random.default_rng(seed)
        height, width = self.recipe.height, self.recipe.width

        def photo() -> Photo:
            negative = rng.random() < self.recipe.negatives
            pool = self._without if negative and self._without else self._with_faces
            return pool[rng.integers(len(pool))]

        if rng.random() < self.recipe.mosaic:
            picture = compose.mosaic([photo() for _ in range(4)], height, width, rng)
        else:
            picture = compose.single(photo(), height, width, rng, self.recipe.tiles)
        return disturb(picture, rng)


def truth_of(photo: Photo, scale: float, smallest: float) -> Truth:
    """A photograph's faces in input pixels; those lower than `smallest` pixels are ignored."""
    boxes = photo.boxes * np.float32(scale)
    return Truth(boxes, photo.ignore | (boxes[:, 3] - boxes[:, 1] < smallest), photo.landmarks * np.float32(scale))


def detections(logits: Tensor, boxes: Tensor, landmarks: Tensor) -> Detections:
    """One image's cells, float32 (A,), (A, 4), (A, 5, 2) → its detections down to a score of `LOWEST`."""
    chosen = logits > math.log(LOWEST / (1 - LOWEST))
    candidates = Detections(boxes[chosen].numpy(), landmarks[chosen].numpy(), sigmoid(logits[chosen].numpy()))
    return suppress(candidates, IOU_THRESHOLD, 400)


def _batch(pictures: list[compose.Picture]) -> tuple[Tensor, Targets]:
    luma = torch.from_numpy(np.stack([p.luma for p in pictures]))
    image = np.repeat(np.arange(len(pictures)), [len(p.boxes) for p in pictures])
    return to_input(luma[:, None].float()), Targets(
        torch.from_numpy(image),
        torch.from_numpy(np.concatenate([p.boxes for p in pictures])),
        torch.from_numpy(np.concatenate([p.landmarks for p in pictures])),
        torch.from_numpy(np.concatenate([p.ignore for p in pictures])),
    )
