"""Images on whose emotion people differ: the two sets of labels, and FER+'s annotators among themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disagreement:
    """FER2013's labels against FER+'s.

    Attributes:
        rows, columns: FER2013's and FER+'s label names.
        table: images by FER2013 label (rows) and FER+ label (columns).
        n: images with both labels.
        share: of them whose labels differ, 0 to 1.
        unlabelled: images by FER2013 label to which FER+ gives none.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    table: Sequence[Sequence[int]]
    n: int
    share: float
    unlabelled: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Contested:
    """A face whose annotators disagree.

    Attributes:
        row: of the data, from 0.
        entropy: of the votes, bits.
        votes: by emotion, most first.
    """

    row: int
    entropy: float
    votes: Mapping[str, int]
