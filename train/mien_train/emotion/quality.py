"""`quality`: what a crop's measures say of how far a reading can be trusted, fitted on clean and on spoiled faces.

What a crop lacks divides the logarithms of its probabilities (a temperature for each crop); the weights are those that
make what clean and spoiled validation faces show most probable. Judged by two halves of the faces: each is measured
with weights that were fitted on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from numpy.typing import NDArray
from torch import Tensor

from mien.emotions.quality import REASONS, Quality, flattened, measured, reason
from mien.faces.face import Face
from mien.models.crop_quality import MEASURES, CropQuality, Measure
from mien.reading import AMBIGUOUS
from mien_train.emotion.confidence import expected_calibration_error

LEAST_FACES = 20
"""Clean and spoiled faces that a fit takes at least; far more make it good."""

_USUAL, _WORST = 0.25, 0.01
"""Shares of the clean faces that lie below what is usual, and below it by a lack of 1."""
_ALIKE = 1.0
"""How strongly the weights are held together: lacks come together (a small face is unsharp, too), and without this one
of them would get all of the weight and be the reason of every other one's."""
_START = -2.0
_STEPS = 300
_RESAMPLED = 500
"""Bootstrap samples for the error of a difference."""
_LEAST = 1e-4
"""Probabilities below count as this much."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Faces that were found and read.

    Attributes:
        faces: m of them, frame pixels.
        crops: uint8 (m, 48, 48).
        probabilities: float32 (m, K), calibrated on clean pictures.
        labels: int64 (m,), what they show.
        rows: int64 (m,), the picture that each one was made of.
        kinds: int64 (m,), what was done to it; 0 is nothing.
    """

    faces: Sequence[Face]
    crops: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    kinds: NDArray[np.int64]


def fitted(read: Read, chosen: NDArray[np.bool_] | None = None) -> CropQuality:
    """The settings that make what the faces show most probable.

    Args:
        read: clean and spoiled faces, some of them clean.
        chosen: those to fit on, by a mask (m,); all if None.
    """
    chosen = np.ones(len(read.rows), np.bool_) if chosen is None else chosen
    seen = np.array([measured(face, crop) for face, crop in zip(read.faces, read.crops, strict=True)])
    clean = seen[chosen & (read.kinds == 0)]
    usual = np.quantile(clean, _USUAL, axis=0)
    spread = np.maximum(usual - np.quantile(clean, _WORST, axis=0), 1e-3)
    lacks = torch.from_numpy(np.maximum(usual - seen[chosen], 0) / spread)
    logs = torch.from_numpy(np.log(np.maximum(read.probabilities[chosen], _LEAST))).double()
    weights = _weights(lacks, logs, torch.from_numpy(read.labels[chosen]))
    return CropQuality(
        tuple(
            Measure(round(float(u), 4), round(float(s), 4), round(float(w), 4))
            for u, s, w in zip(usual, spread, weights, strict=True)
        )
    )


def _weights(lacks: Tensor, logs: Tensor, labels: Tensor) -> list[float]:
    """Weights of 0 or more for lacks (m, M), given log-probabilities (m, K) and labels (m,)."""
    raw = torch.full((lacks.shape[1] + 1,), 0.0, dtype=torch.double, requires_grad=True)  # the last: what they share
    optimizer = torch.optim.LBFGS([raw], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        weights = F.softplus(raw + _START)
        loss = F.cross_entropy(logs / (1 + lacks @ weights[:-1])[:, None], labels)
        loss = loss + _ALIKE * (weights[:-1] - weights[-1]).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    found: list[float] = F.softplus(raw.detach() + _START)[:-1].tolist()
    return found


def document(settings: CropQuality) -> dict[str, Any]:
    """The settings as a sidecar's `quality`."""
    return {
        name: {"usual": measure.usual, "spread": measure.spread, "weight": measure.weight}
        for name, measure in zip(MEASURES, settings.measures, strict=True)
    }


def judged(read: Read, kinds: Sequence[str], abstain_below: float, seed: int = 0) -> dict[str, Any]:
    """How good the score is beside the best probability alone, on faces that its weights were not fitted on.

    Args:
        read: clean and spoiled faces.
        kinds: names of what was done to them.
        abstain_below: under which a reading is uncertain.
        seed: of the bootstrap.

    Returns:
        JSON types. For clean, spoiled and all faces: area under the risk-coverage curve of both scores, their
        difference with its bootstrap error, and both calibration errors. For each of `kinds`: accuracy, the shares that
        are uncertain by both scores, the share of errors among those that are not, and the shares of the reasons.
    """
    half = read.rows % 2 == 0
    pulls = np.zeros((len(read.rows), len(REASONS)), np.float32)
    for part in (half, ~half):
        faces = [face for face, here in zip(read.faces, part.tolist(), strict=True) if here]
        pulls[part] = Quality(fitted(read, ~part)).pulls(faces, read.crops[part])
    right = read.probabilities.argmax(axis=1) == read.labels
    both = {"softmax": read.probabilities, "quality": flattened(read.probabilities, pulls)}
    best = {name: rows.max(axis=1) for name, rows in both.items()}
    rng = np.random.default_rng(seed)
    groups = {"clean": read.kinds == 0, "spoiled": read.kinds > 0, "all": np.ones(len(right), np.bool_)}
    return {
        "groups": {name: _group(both, best, right, read.labels, here, rng) for name, here in groups.items()},
        "kinds": {name: _kind(best, right, pulls, read.kinds == k, abstain_below) for k, name in enumerate(kinds)},
    }


def _group(
    both: Mapping[str, NDArray[np.float32]],
    best: Mapping[str, NDArray[np.float32]],
    right: NDArray[np.bool_],
    labels: NDArray[np.int64],
    here: NDArray[np.bool_],
    rng: np.random.Generator,
) -> dict[str, Any]:
    scores, truth = {name: values[here] for name, values in best.items()}, right[here]
    apart = []
    for _ in range(_RESAMPLED):
        drawn = rng.integers(len(truth), size=len(truth))
        apart.append(
            risk_area(scores["quality"][drawn], truth[drawn]) - risk_area(scores["softmax"][drawn], truth[drawn])
        )
    told = torch.from_numpy(labels[here])
    return {
        "faces": int(here.sum()),
        "accuracy": round(float(truth.mean()), 5),
        "risk_area": {name: round(risk_area(values, truth), 5) for name, values in scores.items()},
        "difference": {"mean": round(float(np.mean(apart)), 5), "error": round(float(np.std(apart)), 5)},
        "calibration_error": {
            name: round(expected_calibration_error(torch.from_numpy(rows[here]), told), 5)
            for name, rows in both.items()
        },
    }


def _kind(
    best: Mapping[str, NDArray[np.float32]],
    right: NDArray[np.bool_],
    pulls: NDArray[np.float32],
    here: NDArray[np.bool_],
    abstain_below: float,
) -> dict[str, Any]:
    unsure = {name: values[here] < abstain_below for name, values in best.items()}
    why = [reason(row) for row in pulls[here][unsure["quality"]]]
    return {
        "faces": int(here.sum()),
        "accuracy": _share(right[here]),
        "uncertain": {name: _share(values) for name, values in unsure.items()},
        "errors_shown": {name: _share(~right[here][~values]) for name, values in unsure.items()},
        "reasons": {name: _share(np.array([one == name for one in why])) for name in (*REASONS, AMBIGUOUS)},
    }


def risk_area(score: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> float:
    """Area under the risk-coverage curve: the mean, over every coverage, of the errors' share among the surest faces.

    Args:
        score: (n,), higher is surer, n above 0; equal ones stand in the order given.
        right: bool (n,).
    """
    order = np.argsort(-score, kind="stable")
    return float((np.cumsum(~right[order]) / np.arange(1, len(order) + 1)).mean())


def _share(values: NDArray[np.bool_]) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None
