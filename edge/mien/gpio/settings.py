"""Which GPIO lines a switch and an LED are at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mien.errors import MienError

WHENS = ("closed", "open", "pressed")


@dataclass(frozen=True, slots=True)
class GpioSettings:
    """Which GPIO lines a switch and an LED are at. The names are the keys of the TOML file's table `gpio`.

    Attributes:
        chip: device of the lines; on a Raspberry Pi 5 with a kernel before 6.6.45 it is /dev/gpiochip4.
        pause_line: name or number of the line whose switch, between it and ground, pauses the run, such as "GPIO17";
            empty for none. The board's own pull-up is turned on.
        pause_when: "closed": paused for as long as the switch is closed; "open": for as long as it is open, so that a
            cut wire pauses too; "pressed": each press pauses or resumes.
        led_line: name or number of the line of an LED that is on only while a camera's frames are taken; empty for
            none.

    Raises:
        MienError: a value that none of them can have.
    """

    chip: str = "/dev/gpiochip0"
    pause_line: str = ""
    pause_when: str = "closed"
    led_line: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"/dev/[A-Za-z0-9_./-]+", self.chip):
            raise MienError(f"gpio chip is {self.chip!r}; give a device, such as /dev/gpiochip0")
        if self.pause_when not in WHENS:
            raise MienError(f"gpio pause_when is {self.pause_when!r}; give {', '.join(WHENS)}")
        if self.pause_line and self.pause_line == self.led_line:
            raise MienError(f"gpio pause_line and led_line are both {self.led_line!r}; give each its own")

    @property
    def used(self) -> bool:
        """Whether there is a switch or an LED."""
        return bool(self.pause_line or self.led_line)
