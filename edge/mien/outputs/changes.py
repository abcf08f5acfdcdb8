"""Which readings are worth a line to people: those that tell of a change."""

from __future__ import annotations

from mien.reading import FrameResult, Reading

_QUIET_FRAMES = 25
_REMEMBERED = 256


class Changes:
    """Picks the readings that tell of a new face, another emotion or another picture, and one now and then besides."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[str, str, int]] = {}

    def __call__(self, result: FrameResult) -> list[Reading]:
        """The readings of a frame that are worth a line."""
        changed = []
        for reading in result.readings:
            before = self._told.pop(reading.track, None)
            now = (result.name, reading.emotion, result.sequence)
            if before is None or before[:2] != now[:2] or result.sequence - before[2] >= _QUIET_FRAMES:
                changed.append(reading)
                before = now
            self._told[reading.track] = before  # last in order: it is still in view
        while len(self._told) > _REMEMBERED:  # a kiosk runs for weeks
            del self._told[next(iter(self._told))]
        return changed
