"""Slowing down before the firmware does: fewer frames where the processor is hot, one step at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mien.machine import Warmth
from mien.pace.settings import PaceSettings

RATES = (15.0, 10.0, 7.0, 5.0, 3.0, 2.0, 1.0)
"""Frames a second, from step to step."""

SECONDS = 15.0
"""Between two steps: a processor with its heat sink takes so long to show what a step has done."""

_SLOWED = 0b1110
"""Of the firmware's bits: at present the clock is capped, or it is throttled, or its soft limit acts."""

_LESS = 0.9
"""Of what was read until now: a step that lowers it by less is none."""

_log = logging.getLogger("mien.pace")


class Heat:
    """The rate that heat allows.

    Args:
        settings: its limit, margin and lowest rate.
        feel: how warm it is.

    Attributes:
        limit: frames a second at most; None for as many as come.
        remark: why it is limited, for people; empty if it is not.
    """

    def __init__(self, settings: PaceSettings, feel: Callable[[], Warmth]) -> None:
        self._settings, self._feel = settings, feel
        self.limit: float | None = None
        self.remark = ""

    def step(self, come: float, read: float) -> None:
        """Look at the temperature, and change the limit by one step at most.

        Args:
            come, read: frames a second that came, and that were read, since the last step.
        """
        settings = self._settings
        if not settings.temperature_limit:
            return
        degrees, bits = self._feel()
        slowed = bool((bits or 0) & _SLOWED)
        warm = "" if degrees is None else f"{degrees:.0f} °C"
        if slowed or (degrees is not None and degrees >= settings.temperature_limit):
            now = read if self.limit is None else min(read, self.limit)
            self.limit = next((r for r in RATES if settings.lowest_rate <= r <= _LESS * now), self.limit)
            why = [warm] * bool(warm) + ["the firmware slows it down"] * slowed
            self._tell(", ".join(why), "" if slowed else f", the limit is {settings.temperature_limit:g}")
        elif self.limit is not None and (
            degrees is None or degrees <= settings.temperature_limit - settings.temperature_margin
        ):
            self.limit = next((r for r in reversed(RATES) if self.limit < r < come), None)
            self._tell(warm or "no temperature any more", "")

    def _tell(self, why: str, more: str) -> None:
        allowed = (
            "every frame is read again" if self.limit is None else f"at most {self.limit:g} frames a second are read"
        )
        before, self.remark = self.remark, "" if self.limit is None else f"{why}: {allowed}"
        if allowed not in before and (before or self.remark):
            _log.warning("mien: %s%s: %s", why, more, allowed)
