"""What a reader must know before believing a measurement: a busy, throttled, hot or slowly clocked machine."""

from __future__ import annotations

import os
import time

from mien import machine
from mien.machine import State

_BUSY = 0.15  # of a core, on average
_HOT = 80.0  # °C, where a Raspberry Pi begins to slow down
_OWN_CLOCK = ("intel_pstate", "amd-pstate-epp")  # drivers whose "powersave" still reaches the full clock
_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")


class Watch:
    """Looks at the machine when it is made and when asked for remarks.

    Attributes:
        before: `mien.machine.state` at the beginning.
        after: the same at the end; as `before` until `remarks` is called.
    """

    def __init__(self) -> None:
        self.before = self.after = machine.state()
        self._began, self._own = time.monotonic(), _own_seconds()

    def remarks(self) -> list[str]:
        """One sentence a reason for doubt, none on a quiet machine."""
        self.after = machine.state()
        seconds, own = time.monotonic() - self._began, _own_seconds() - self._own
        return remarks(self.before, self.after, seconds, own)


def remarks(before: State, after: State, seconds: float, own: float) -> list[str]:
    """Reasons for doubt in two states of the machine.

    Args:
        before, after: of `mien.machine.state`.
        seconds: between them.
        own: processor seconds that the measurement itself used.
    """
    found = []
    used = _change(before["cpu_seconds"], after["cpu_seconds"])
    others = (used - own) / seconds if used is not None and seconds > 0 else 0.0
    if others > _BUSY:
        found.append(f"busy: other programs used {others:.1f} cores during the run; close them and measure again")
    bits = [int(state["throttled"] or "0", 16) for state in (before, after)]
    # Of what happened since the start, only what is new happened during the run.
    limits = [name for i, name in enumerate(_BITS) if (bits[0] | bits[1] | (bits[1] & ~bits[0]) >> 16) >> i & 1]
    if limits:
        found.append(f"throttled: the board reports {', '.join(limits)}; check its power supply and cooling")
    if _change(before["throttle_count"], after["throttle_count"]):
        found.append("throttled: the processor slowed down because of heat during the run; cool it and measure again")
    hottest = max((state["temperature"] for state in (before, after) if state["temperature"] is not None), default=0.0)
    if hottest >= _HOT:
        found.append(f"hot: the processor reached {hottest:.0f} °C; a Raspberry Pi slows down from {_HOT:.0f} °C")
    if after["governor"] == "powersave" and after["driver"] not in _OWN_CLOCK:
        found.append("slow clock: the governor is powersave; set it to performance or ondemand and measure again")
    return found


def _change(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _own_seconds() -> float:
    """Processor seconds of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
