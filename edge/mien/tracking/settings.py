"""How steady what is shown of a face is."""

from __future__ import annotations

from dataclasses import dataclass

from mien.errors import MienError

_LONGEST = 60.0
_QUICKEST = 10.0
_WIDEST = 0.25


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """The keys of the table `[smoothing]`. The defaults keep both limits of `python -m mien_train smoothing`.

    Attributes:
        seconds: after which an old reading of a face whose expression rests weighs 1/e; 0 for no smoothing.
        response: how much less smoothing a changing expression gets: 0 for as much as one that rests.
        margin: of probability by which another emotion must be ahead, or an emotion beyond the threshold of
            "uncertain", until it is shown; 0 for none.
        patience: seconds after which what is not so far ahead is shown too, if it has led all the while, and twice as
            many each time that this happens again within a minute. Without an end to it, a change into an expression
            that is just above the threshold would never be shown.

    Raises:
        MienError: a value out of range.
    """

    seconds: float = 0.4
    response: float = 0.05
    margin: float = 0.25
    patience: float = 0.25

    def __post_init__(self) -> None:
        for name, most, unit in (
            ("seconds", _LONGEST, " seconds"),
            ("response", _QUICKEST, ""),
            ("margin", _WIDEST, ""),
            ("patience", _LONGEST, " seconds"),
        ):
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise MienError(f"smoothing {name} is {value:g}; give 0 to {most:g}{unit}")
