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
    """The whole file; `input` is (height, width), `usual_height` a share of the frame's; peers have thresholds of their
    own, except in older results."""

    command: str
    input: list[int]
    score_threshold: float
    peer_thresholds: NotRequired[dict[str, float]]
    usual_height: float
    conditions: list[Condition]
