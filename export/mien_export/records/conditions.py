"""A result of `mien_train conditions`: recall by size, roll and light, beside the peers."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Condition(TypedDict):
    """Recall of every detector under one condition; `height` is the faces', as a share of the frame's."""

    condition: str
    height: NotRequired[float]
    faces: int
    recall: dict[str, float]


class Conditions(TypedDict):
    """The whole file; `sha256` is the model file's, `input` is (height, width), `usual_height` a share of the frame's.

    Older results lack the hash, and thresholds of the peers' own.
    """

    command: str
    sha256: NotRequired[str]
    input: list[int]
    score_threshold: float
    peer_thresholds: NotRequired[dict[str, float]]
    usual_height: float
    conditions: list[Condition]
