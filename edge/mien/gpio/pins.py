"""The kernel's GPIO lines through libgpiod's own Python binding. The one module that needs it, loaded on use."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from mien.closing import Closing
from mien.errors import MienError

_CONSUMER = "mien"
_DEBOUNCE = timedelta(milliseconds=20)


class SwitchPin(Closing):
    """A line with a switch to ground, held until it is closed. From one thread.

    Args:
        chip: device of the line.
        line: its name or number.
        inverted: whether an open switch counts as active.

    Raises:
        MienError: libgpiod is not installed, or the line cannot be had.
    """

    def __init__(self, chip: str, line: str, *, inverted: bool = False) -> None:
        gpiod = _imported()
        kinds = gpiod.line
        settings = gpiod.LineSettings(
            direction=kinds.Direction.INPUT,
            bias=kinds.Bias.PULL_UP,  # open it is high, closed low
            active_low=not inverted,
            edge_detection=kinds.Edge.BOTH,
            debounce_period=_DEBOUNCE,
        )
        self._line, self._rising = line, gpiod.EdgeEvent.Type.RISING_EDGE
        self._request = _requested(gpiod, chip, line, settings)

    @property
    def active(self) -> bool:
        """Whether it is closed; open if inverted.

        Raises:
            OSError: it cannot be read.
        """
        return bool(self._request.get_value(self._line))

    def wait(self, seconds: float) -> int:
        """Wait for a change, so many seconds at most; how often it has become active meanwhile.

        Raises:
            OSError: it cannot be read.
        """
        if not self._request.wait_edge_events(seconds):
            return 0
        return sum(event.event_type == self._rising for event in self._request.read_edge_events())

    def close(self) -> None:
        """Let go of the line."""
        self._request.release()


class LedPin(Closing):
    """A line with an LED, off at first and off when it is closed.

    Args:
        chip: device of the line.
        line: its name or number.

    Raises:
        MienError: libgpiod is not installed, or the line cannot be had.
    """

    def __init__(self, chip: str, line: str) -> None:
        gpiod = _imported()
        self._line, self._values = line, gpiod.line.Value
        settings = gpiod.LineSettings(direction=gpiod.line.Direction.OUTPUT, output_value=self._values.INACTIVE)
        self._request = _requested(gpiod, chip, line, settings)

    def set(self, on: bool) -> None:
        """Turn it on or off.

        Raises:
            OSError: it cannot be turned.
        """
        self._request.set_value(self._line, self._values.ACTIVE if on else self._values.INACTIVE)

    def close(self) -> None:
        """Let go of the line."""
        self._request.release()


def _requested(gpiod: Any, chip: str, line: str, settings: Any) -> Any:
    with _failing(chip, "is there such a chip (gpiodetect), and may this user open it (group gpio)?"):
        opened = gpiod.Chip(chip)
    with opened, _failing(f"{chip}: line {line!r}", "is there such a line, and no other program's (gpioinfo)?"):
        return opened.request_lines({line: settings}, consumer=_CONSUMER)


@contextmanager
def _failing(what: str, hint: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # a number that the chip does not have is a ValueError
        why = error.strerror if isinstance(error, OSError) else error
        raise MienError(f"{what}: cannot be used ({why}); {hint}") from None


def _imported() -> Any:
    try:
        gpiod = importlib.import_module("gpiod")
    except ImportError as error:
        raise MienError(
            f"[gpio] needs gpiod, which is not installed ({error}); install it: pip install gpiod"
        ) from None
    if not hasattr(gpiod, "LineSettings"):  # version 1, as Debian 12 has it, is another library
        raise MienError("[gpio] needs gpiod 2.2 or newer, and an older one is installed; install it: pip install gpiod")
    return gpiod
