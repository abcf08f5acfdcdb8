"""The score from which a detection counts: chosen on one half of the face-free photographs, reported on the other.

A threshold alarms least on the very photographs that chose it, so a figure from them would flatter the detector.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError

ALLOWED_SHARE = 0.02
"""Share of face-free photographs in which a deployed detector may see a face: a kiosk in front of an empty room then
lights up for one scene in fifty. Lower shares cost recall of small faces faster than they save alarms."""
TILES_SHARE = 0.03
"""The same of a detector that scans tiles: these show a scene ten times, and are asked for where small faces count."""
LEAST, MOST = 0.05, 0.99
"""Thresholds that `choose` gives at the least and at the most."""
UNKNOWN = 0.5
"""Threshold of a detector that was trained without any face-free photograph."""
RECORD, TILES_RECORD = "threshold", "tile_choice"
"""Keys in a model's `decode` under which `Choice.document` stands, of the whole frame's threshold and of the tiles'."""

_SEED = "score threshold 0"
_Z = 1.959964  # of a two-sided interval of 95 %


@dataclass(frozen=True, slots=True)
class Alarms:
    """Face-free photographs in which a detector sees a face.

    Attributes:
        count: of them.
        n: photographs looked at.
        share: count / n, 0 to 1; 0 where n is 0.
        low, high: 95 % score interval of the share (Wilson 1927).
    """

    count: int
    n: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold and how it came about.

    Attributes:
        threshold: hundredths, `LEAST` to `MOST`.
        allowed_share: of the first half's photographs, 0 to 1.
        chosen_on, reported_on: alarms at the threshold on the first half, and on the second.
    """

    threshold: float
    allowed_share: float
    chosen_on: Alarms
    reported_on: Alarms

    def document(self) -> dict[str, object]:
        """JSON types, to stand in a model's `decode` under `RECORD`."""
        return {
            "by": "halves of the face-free validation photographs, by a hash of their names",
            "allowed_share": self.allowed_share,
            "chosen_on": dataclasses.asdict(self.chosen_on),
            "reported_on": dataclasses.asdict(self.reported_on),
        }


def halves(names: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Divide photographs by a hash of their names, so that a new photograph moves no other one.

    Args:
        names: of the photographs.

    Returns:
        bool (n,) each: the half that chooses, and the one that reports. Every photograph is in one of them.
    """
    first = np.array([_digest(name) % 2 == 0 for name in names], np.bool_)
    return first, ~first


def choose(best_scores: Sequence[float] | NDArray[np.floating], allowed_share: float) -> float:
    """The lowest threshold that at most a share of face-free photographs reach.

    Args:
        best_scores: highest score of any detection in each of the photographs, 0 to 1 (0 where there is none).
        allowed_share: 0 to 1.

    Returns:
        Two decimals, rounded up, `LEAST` to `MOST`: `MOST` where too many reach even that, `UNKNOWN` without any
        photograph.

    Raises:
        MienError: a score or the share is not from 0 to 1.
    """
    scores = _checked(best_scores)
    if not 0 <= allowed_share <= 1:
        raise MienError(f"allowed share of false alarms is {allowed_share}; give one from 0 to 1")
    if not len(scores):
        return UNKNOWN
    hundredths = range(round(100 * LEAST), round(100 * MOST))
    return next((h / 100 for h in hundredths if _count(scores, h / 100) <= allowed_share * len(scores)), MOST)


def alarms(best_scores: Sequence[float] | NDArray[np.floating], threshold: float) -> Alarms:
    """How many face-free photographs have a detection of at least this score.

    Args:
        best_scores: as in `choose`.
        threshold: 0 to 1.

    Raises:
        MienError: a score is not from 0 to 1.
    """
    scores = _checked(best_scores)
    count, n = _count(scores, threshold), len(scores)
    low, high = wilson(count, n)
    return Alarms(count, n, count / n if n else 0.0, low, high)


def chosen(names: Sequence[str], best_scores: Sequence[float] | NDArray[np.floating], allowed_share: float) -> Choice:
    """Choose on the first half of the photographs, and report on the second.

    Args:
        names: of the face-free photographs.
        best_scores: of each of them, as in `choose`.
        allowed_share: 0 to 1.

    Raises:
        MienError: a score or the share is not from 0 to 1, or names and scores are not of one number.
    """
    scores = _checked(best_scores)
    if len(names) != len(scores):
        raise MienError(f"{len(names)} photographs but {len(scores)} scores; give one score for each")
    first, second = halves(names)
    threshold = choose(scores[first], allowed_share)
    return Choice(threshold, allowed_share, alarms(scores[first], threshold), alarms(scores[second], threshold))


def by_halves(decode: Mapping[str, object]) -> bool:
    """Whether a model's threshold was chosen on one half, so that the other may report: it holds a record of that."""
    record = decode.get(RECORD)
    return isinstance(record, Mapping) and "reported_on" in record


def allowed(decode: Mapping[str, object]) -> float:
    """Share of face-free photographs at which a model's threshold was chosen, so that a peer's is by the same rule."""
    record = decode.get(RECORD)
    share = record.get("allowed_share") if isinstance(record, Mapping) else None
    return float(share) if isinstance(share, int | float) else ALLOWED_SHARE


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927): low and high, 0 to 1; all of it where n is 0."""
    if not n:
        return 0.0, 1.0
    share = hits / n
    middle = (share + _Z * _Z / (2 * n)) / (1 + _Z * _Z / n)
    half = _Z / (1 + _Z * _Z / n) * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _digest(name: str) -> int:
    text = f"{_SEED}: {name}".encode("utf-8", "surrogateescape")  # a file name need not be UTF-8
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def _checked(best_scores: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float32]:
    """float32 (n,), as the detectors give them: compared as such, 0.46 reaches 0.46."""
    scores = np.asarray(best_scores, np.float32).reshape(-1)
    wrong = scores[~((scores >= 0) & (scores <= 1))]
    if len(wrong):
        raise MienError(f"a photograph's best score is {wrong[0]}; expected 0 to 1")
    return scores


def _count(scores: NDArray[np.float32], threshold: float) -> int:
    return int((scores >= np.float32(threshold)).sum())
