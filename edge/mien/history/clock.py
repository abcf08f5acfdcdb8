"""What time it is, and whether that can be believed: a Raspberry Pi without a battery starts in the past."""

from __future__ import annotations

import ctypes
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SET = Path("/run/systemd/timesync/synchronized")
"""There once systemd-timesyncd has set the clock since the start of the machine."""
_TIME_ERROR = 5
"""What adjtimex(2) answers while nothing has set the clock by a time server or a receiver."""
_TIMEX_BYTES = 512
"""More than `struct timex` has anywhere; with its first member, `modes`, 0 it is only written."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks.

    Attributes:
        monotonic_ns: nanoseconds since about the start of the machine; never jumps.
        wall_ms: milliseconds since 1970, as the machine believes.
        trusted: whether the machine's clock is synchronised.
    """

    monotonic_ns: int
    wall_ms: int
    trusted: bool

    def wall_at(self, monotonic_ns: int) -> int:
        """Milliseconds since 1970 of another moment of the monotonic clock, by what is believed at this one."""
        return self.wall_ms - round((self.monotonic_ns - monotonic_ns) / 1e6)


class Clock:
    """The machine's clocks.

    Attributes:
        boot: id of this start of the machine, by which monotonic times of two starts are told apart.
    """

    def __init__(self) -> None:
        try:
            self.boot = _BOOT_ID.read_text("ascii").strip()
        except OSError:  # no Linux: the monotonic clock is then told apart by process
            self.boot = str(uuid.uuid4())
        self._libc = ctypes.CDLL(None)

    def now(self) -> Moment:
        """This moment."""
        return Moment(time.monotonic_ns(), time.time_ns() // 1_000_000, self._synchronised())

    def _synchronised(self) -> bool:
        try:
            answer = self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        except AttributeError:  # no Linux
            return True
        # ProtectClock= of the service refuses the question with the setting.
        return int(answer) < _TIME_ERROR if answer >= 0 else _SET.exists()
