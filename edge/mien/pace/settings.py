"""When fewer frames of a live camera are read, and how many."""

from __future__ import annotations

from dataclasses import dataclass

from mien.errors import MienError

_LONGEST = 86_400.0
_IDLE_RATES = (0.5, 240.0)  # a frame in two seconds: a face is followed from one to the next, and health knows no stall
_LIMITS = (40.0, 110.0)
_MARGINS = (1.0, 30.0)
_LOWEST_RATES = (1.0, 15.0)


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """When fewer frames of a live camera are read. The names are the keys of the TOML file's table `pace`.

    Attributes:
        idle_after: seconds without a face after which only `idle_rate` frames a second are read; 0 for never.
        idle_rate: frames a second at most, meanwhile; the first face ends it. Whoever comes into view is seen up to
            1 / `idle_rate` seconds late, and whoever passes by faster is not seen.
        temperature_limit: degrees Celsius of the processor from which on fewer frames are read, step by step: 15, 10,
            7, 5, 3, 2 and 1 a second; 0 for no limit. A Raspberry Pi's firmware slows it down from 80 on. On PCs, whose
            processors know how to help themselves, it does not count.
        temperature_margin: degrees below the limit at which it goes back, step by step.
        lowest_rate: frames a second under which heat never lowers them.

    Raises:
        MienError: a value out of range.
    """

    idle_after: float = 0.0
    idle_rate: float = 2.0
    temperature_limit: float = 75.0
    temperature_margin: float = 5.0
    lowest_rate: float = 2.0

    def __post_init__(self) -> None:
        if self.idle_after and not 1 <= self.idle_after <= _LONGEST:
            raise MienError(f"pace idle_after is {self.idle_after:g}; give 1 to {_LONGEST:.0f} seconds, or 0 for never")
        if self.temperature_limit and not _LIMITS[0] <= self.temperature_limit <= _LIMITS[1]:
            raise MienError(
                f"pace temperature_limit is {self.temperature_limit:g}; give {_LIMITS[0]:g} to {_LIMITS[1]:g} °C, "
                "or 0 for none"
            )
        for name, (least, most), unit in (
            ("idle_rate", _IDLE_RATES, "frames a second"),
            ("temperature_margin", _MARGINS, "°C"),
            ("lowest_rate", _LOWEST_RATES, "frames a second"),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise MienError(f"pace {name} is {value:g}; give {least:g} to {most:g} {unit}")
