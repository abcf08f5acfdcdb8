"""Values out of a JSON or TOML document, checked for kind and range: what is wrong becomes a line with its place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mien.errors import MienError

_LONGEST = 60


def shown(value: object) -> str:
    """A value as Python writes it, cut to what fits into a line."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than some thousand digits
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


@dataclass(frozen=True, slots=True)
class Fields:
    """One mapping of a document.

    Attributes:
        values: keys and raw values.
        place: of the mapping, such as "face-base.json: decode".
        remedy: what the reader of an error should do.
    """

    values: Mapping[str, object]
    place: str
    remedy: str

    def wrong(self, key: str, wanted: str) -> MienError:
        """The error for a key that is missing or does not hold what is wanted."""
        if key not in self.values:
            return MienError(f"{self.place}: lacks {key!r} ({wanted}); {self.remedy}")
        return MienError(f"{self.place}: {key} is {shown(self.values[key])}; it must be {wanted}; {self.remedy}")

    def number(self, key: str, least: float, most: float) -> float:
        """A finite number from `least` to `most`.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        # A bool is an int in Python, but never a number in a document; huge integers do not fit a float.
        if isinstance(value, bool) or not isinstance(value, int | float) or not _inside(value, least, most):
            raise self.wrong(key, f"a number from {least:g} to {most:g}")
        return float(value)

    def integer(self, key: str, least: int, most: int) -> int:
        """A whole number from `least` to `most`.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(key, f"a whole number from {least} to {most}")
        return value

    def text(self, key: str) -> str:
        """A string that is not empty.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of one or more different texts.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            raise self.wrong(key, "a list of different texts")
        if len(set(value)) != len(value):
            raise self.wrong(key, "a list of different texts")
        return tuple(value)

    def integers(self, key: str, least: int, most: int) -> tuple[int, ...]:
        """A list of one or more whole numbers, each from `least` to `most`.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(v, int) and not isinstance(v, bool) and least <= v <= most for v in value)
        ):
            raise self.wrong(key, f"a list of whole numbers from {least} to {most}")
        return tuple(value)

    def numbers(self, key: str, least: float, most: float) -> tuple[float, ...]:
        """A list of one or more finite numbers, each from `least` to `most`.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if not isinstance(value, list) or not value or not all(_number(v, least, most) for v in value):
            raise self.wrong(key, f"a list of numbers from {least:g} to {most:g}")
        return tuple(float(v) for v in value)

    def points(self, key: str, count: int, least: float, most: float) -> tuple[tuple[float, float], ...]:
        """A list of so many [x, y], each from `least` to `most`.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if isinstance(value, list) and len(value) == count:
            pairs = [v for v in value if isinstance(v, list) and len(v) == 2]
            if len(pairs) == count and all(_number(x, least, most) for pair in pairs for x in pair):
                return tuple((float(x), float(y)) for x, y in pairs)
        raise self.wrong(key, f"a list of {count} [x, y] from {least:g} to {most:g}")

    def part(self, key: str) -> Fields:
        """A mapping inside.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
            raise self.wrong(key, "an object")
        return Fields(value, f"{self.place}: {key}", self.remedy)

    def parts(self, key: str) -> Iterator[Fields]:
        """The mappings of a list of one or more.

        Raises:
            MienError: there is none.
        """
        value = self.values.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, Mapping) for v in value):
            raise self.wrong(key, "a list of objects")
        for index, inner in enumerate(value):
            yield Fields(inner, f"{self.place}: {key} {index}", self.remedy)

    def require(self, keys: Iterable[str]) -> None:
        """All of these keys are there.

        Raises:
            MienError: some are not; names all of them.
        """
        missing = [key for key in keys if key not in self.values]
        if missing:
            raise MienError(f"{self.place}: lacks {', '.join(missing)}; {self.remedy}")


def _number(value: object, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _inside(value, least, most)


def _inside(value: float, least: float, most: float) -> bool:
    return math.isfinite(value) and least <= value <= most if isinstance(value, float) else least <= value <= most
