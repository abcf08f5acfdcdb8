"""The face task: photographs with boxes and landmarks in, a detector out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import MienError
from mien.faces.decode import Detections, merged, say, sigmoid
from mien.faces.letterbox import Letterbox, fit
from mien_train.data.faces import Photo, Photos
from mien_train.emotion.task import to_input
from mien_train.face import ahead, compose, scraps, threshold
from mien_train.face.assign import cells
from mien_train.face.covers import cover
from mien_train.face.detection import Truth, average_precision, match
from mien_train.face.disturb import disturb
from mien_train.face.drawn import corrected
from mien_train.face.loss import Targets, decode, losses
from mien_train.face.mining import Mine
from mien_train.face.neighbours import join
from mien_train.face.pacing import paced
from mien_train.networks.face import STRIDES
from mien_train.recipes.face import FaceRecipe
from mien_train.training import distributed
from mien_train.training.progress import warn

IOU_THRESHOLD = 0.55
"""Of two detections that overlap more than this, the deployed detector keeps the better one. At 0.45 it loses faces
behind others; from 0.6 on single faces are found twice."""
FALSE_ALARMS = 0.9 * threshold.ALLOWED_SHARE
"""Largest share of the choosing half of the face-free validation photographs in which the float network may see a face:
a tenth less than what is allowed, for what rounding to int8 may add where the export chooses no threshold anew."""
SMALLEST = 20.0
"""Average precision counts faces at least this many pixels high in the network's input."""
LOWEST = 0.02
"""Detections below this score are not looked at, by any detector."""

LOOK_EVERY = 10
"""Epochs between two looks at the training photographs, which weigh them for mining: one costs about half an epoch."""

_ROOM = 24
"""Rows of targets a picture, on an accelerator: in nearly every batch pictures have fewer faces on average."""


def network_of(recipe: FaceRecipe) -> dict[str, object]:
    """The network that a recipe trains, as `networks.registry.build` takes it."""
    return {
        "name": "face",
        "stem": recipe.stem,
        "width": recipe.channels,
        "blocks": recipe.blocks,
        "deep": recipe.deep,
        "patches": recipe.patches,
        "merge": recipe.merge,
        "finest": recipe.finest,
    }


class FaceTask:
    """Trains on composed pictures; selects by average precision at IoU 0.5 on the validation photographs."""

    name = "face"
    labels = ("face",)
    score = "ap50"

    def __init__(self, recipe: FaceRecipe, train: Photos, val: Photos) -> None:
        self.recipe = recipe
        photos = corrected(train.photos, recipe.by_hand)
        self._mine = Mine(photos)
        if not self._mine.with_faces or not val.photos:
            raise MienError("the data has no photographs with faces to train on, or none to validate on")
        if not recipe.taught and not any(np.isfinite(p.landmarks[~p.ignore]).all(axis=(1, 2)).any() for p in photos):
            warn(
                "no face of the training photographs has landmarks, by which faces are turned upright to be read: this "
                "network will find faces, and its landmarks will mean nothing; a --teacher can say where they are"
            )
        size = recipe.height, recipe.width
        truths = (truth_of(photo, fit(photo.luma.shape[:2], size).scale, SMALLEST) for photo in val.photos)
        if all(truth.ignore.all() for truth in truths):  # no epoch could be told from another
            raise MienError(
                f"no face of the validation photographs is {SMALLEST:.0f} pixels high in an input of "
                f"{recipe.height}×{recipe.width}; add photographs, or enlarge the input"
            )
        self._scraps = scraps.cut(photos, np.random.default_rng(0))
        self._val = val.photos
        self.data_sha256 = train.sha256
        self.device = distributed.device()
        self._grid = cells(recipe.height, recipe.width, STRIDES)
        self._grid_there = self._grid.to(self.device)
        self._processes = ahead.processes(self.device)
        self._composing: Iterator[tuple[Tensor, Targets]] = iter(())
        self._composed_next: tuple[int, int] | None = None
        self.network = network_of(recipe)

    def steps(self) -> int:
        """Optimizer steps of one epoch: each photograph with faces comes about once."""
        return math.ceil(len(self._mine.with_faces) / self.recipe.batch)

    def batches(self, epoch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs float32 (N, 1, H, W) and their faces, as `Targets.rows` packs them; composed ahead."""
        if self._composed_next != (seed, epoch):
            self._composing = self._composed(epoch, seed)
        self._composed_next = None  # a pass that is given up is begun anew
        for luma, targets in itertools.islice(self._composing, self.steps()):
            count, room = len(targets.image), _ROOM * len(luma)
            if self.device.type != "cpu":  # of few shapes, so that a step can be recorded
                count = max(1, math.ceil(count / room)) * room
            yield to_input(luma.to(self.device)[:, None].float()), targets.rows(count)
        self._composed_next = (seed, epoch + 1) if (epoch + 1) % LOOK_EVERY else None

    def _composed(self, first: int, seed: int) -> Iterator[tuple[Tensor, Targets]]:
        """Batches of this epoch and of those after it, up to the next look at the photographs, which weighs them anew.

        Of several epochs, so that those who compose are not sent away and called again after each.
        """
        steps = self.steps()

        def batch(number: int) -> tuple[Tensor, Targets]:
            epoch, step = first + number // steps, number % steps
            recipe = paced(self.recipe, epoch)
            pictures = range(step * recipe.batch, (step + 1) * recipe.batch)
            return _batch([self._picture(np.random.default_rng(_seeds(seed, epoch, n)), recipe) for n in pictures])

        look = first - first % LOOK_EVERY + LOOK_EVERY
        last = max(first + 1, min(look, self.recipe.epochs))
        return ahead.composed(batch, (last - first) * steps, self._processes)

    def look(self, network: nn.Module, epoch: int) -> None:
        """Before every tenth epoch but the first: weigh the training photographs by what the network finds in them."""
        if self.recipe.mined and epoch and epoch % LOOK_EVERY == 0:
            self._mine.learn(self._seen(network, [*self._mine.with_faces, *self._mine.free]))

    @property
    def memory(self) -> Mapping[str, Tensor]:
        """What the last look has shown."""
        return self._mine.memory

    def recall(self, memory: Mapping[str, Tensor]) -> None:
        """Take back what `memory` gave."""
        self._mine.recall(memory)

    def loss(self, outputs: tuple[Tensor, ...], targets: Tensor) -> dict[str, Tensor]:
        """Score, box and landmark losses with the recipe's weights; targets as `batches` gives them."""
        found = decode(outputs, self._grid_there)
        return self.weighted(losses(found, Targets.of(targets), self._grid_there, self.recipe.doubt))

    def weighted(self, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parts of a loss with the recipe's weights."""
        return {
            "score": parts["score"],
            "box": parts["box"] * self.recipe.box_weight,
            "landmarks": parts["landmarks"] * self.recipe.landmark_weight,
        }

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Average precision at IoU 0.5 of faces at least `SMALLEST` pixels high in the input; hard sets apart too."""
        matches, faces = [], []
        for photo, scale, seen in self._seen(network, self._val):
            truth = truth_of(photo, scale, SMALLEST)
            matches.append(match(seen.boxes, seen.scores, truth, 0.5, SMALLEST))
            faces.append(int((~truth.ignore).sum()))
        found = {"ap50": average_precision(matches, sum(faces))}
        hard = [index for index, photo in enumerate(self._val) if photo.hard]
        if count := sum(faces[index] for index in hard):
            found["ap50_hard"] = average_precision([matches[index] for index in hard], count)
        return found

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
            fitted = [(canvas.copy(), where) for canvas, where in (box(photo.luma) for photo in some)]
            inputs = to_input(torch.from_numpy(np.stack([canvas for canvas, _ in fitted]))[:, None].float())
            inputs = inputs.to(self.device).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=False):
                found = decode(tuple(output.cpu() for output in network(inputs)), self._grid)
            for index, (photo, (_, where)) in enumerate(zip(some, fitted, strict=True)):
                yield photo, where.scale, detections(found.logits[index], found.boxes[index], found.landmarks[index])

    def _picture(self, rng: np.random.Generator, recipe: FaceRecipe) -> compose.Picture:
        def draw() -> compose.Chosen:
            return self._mine.draw(rng.random() < recipe.negatives, recipe.mined, rng)

        if rng.random() < recipe.mosaic:
            picture = compose.mosaic([draw().photo for _ in range(4)], recipe, rng)
        else:
            picture = compose.single(draw(), recipe, rng)
        if rng.random() < recipe.joined:
            picture = join(picture, self._scraps, rng)
        if rng.random() < recipe.covered:
            picture = cover(picture, self._scraps, rng)
        return disturb(picture, recipe, rng)


def truth_of(photo: Photo, scale: float, smallest: float) -> Truth:
    """A photograph's faces in input pixels; those lower than `smallest` pixels are ignored."""
    boxes = photo.boxes * np.float32(scale)
    return Truth(boxes, photo.ignore | (boxes[:, 3] - boxes[:, 1] < smallest), photo.landmarks * np.float32(scale))


def detections(logits: Tensor, boxes: Tensor, landmarks: Tensor) -> Detections:
    """One image's cells, float32 (A,), (A, 4), (A, 5, 2) → its detections down to a score of `LOWEST`."""
    chosen = logits > math.log(LOWEST / (1 - LOWEST))
    scored = logits[chosen].numpy()
    candidates = Detections(boxes[chosen].numpy(), landmarks[chosen].numpy(), sigmoid(scored))
    return merged(candidates, say(scored), IOU_THRESHOLD, 400)


def _seeds(seed: int, epoch: int, number: int) -> np.random.SeedSequence:
    """Of one picture of an epoch."""
    return np.random.SeedSequence([seed, epoch], spawn_key=(number,))


def _batch(pictures: list[compose.Picture]) -> tuple[Tensor, Targets]:
    image = np.repeat(np.arange(len(pictures)), [len(p.boxes) for p in pictures])
    return torch.from_numpy(np.stack([p.luma for p in pictures])), Targets(
        torch.from_numpy(image),
        torch.from_numpy(np.concatenate([p.boxes for p in pictures])),
        torch.from_numpy(np.concatenate([p.landmarks for p in pictures])),
        torch.from_numpy(np.concatenate([p.ignore for p in pictures])),
        torch.from_numpy(np.concatenate([p.certainty for p in pictures])),
    )
