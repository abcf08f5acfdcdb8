"""What a sidecar says of crops that are hard to read: what is usual of each measure, and what less of it costs."""

from __future__ import annotations

from dataclasses import dataclass

from mien.models.fields import Fields

MEASURES = ("height", "sharpness", "light", "contrast", "yaw", "roll", "score", "rows", "columns")
"""What `mien.emotions.quality.measured` gives, in its order; less is worse in each case."""

_MOST = 1e6


@dataclass(frozen=True, slots=True)
class Measure:
    """One of `MEASURES`.

    Attributes:
        usual: that three clear faces in four reach; less counts as a lack.
        spread: how far below it the worst clear face in a hundred lies, above 0: a lack of 1.
        weight: of a lack of 1 in the temperature of the probabilities, 0 or more.
    """

    usual: float
    spread: float
    weight: float


@dataclass(frozen=True, slots=True)
class CropQuality:
    """Every one of `MEASURES`, in their order."""

    measures: tuple[Measure, ...]


def parse(fields: Fields) -> CropQuality:
    """A sidecar's `quality`.

    Raises:
        MienError: a measure is missing, or one of its values is or is out of range.
    """
    parts = [fields.part(name) for name in MEASURES]
    return CropQuality(
        tuple(
            Measure(
                part.number("usual", -_MOST, _MOST), part.number("spread", 1e-6, _MOST), part.number("weight", 0, 100)
            )
            for part in parts
        )
    )
