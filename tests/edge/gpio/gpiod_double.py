"""libgpiod's Python binding (2.2 and newer) as it behaves, without a line: names, arguments and errors are its own."""

from __future__ import annotations

import errno
import os
import queue
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any

Value = Enum("Value", "INACTIVE ACTIVE")
Value.__bool__ = lambda self: self is Value.ACTIVE  # type: ignore[attr-defined]
Direction = Enum("Direction", "AS_IS INPUT OUTPUT")
Bias = Enum("Bias", "AS_IS UNKNOWN DISABLED PULL_UP PULL_DOWN")
Edge = Enum("Edge", "NONE RISING FALLING BOTH")
EdgeType = Enum("EdgeType", "RISING_EDGE FALLING_EDGE")


@dataclass
class LineSettings:
    direction: Any = Direction.AS_IS
    edge_detection: Any = Edge.NONE
    bias: Any = Bias.AS_IS
    active_low: bool = False
    debounce_period: timedelta = timedelta()
    output_value: Any = Value.INACTIVE


@dataclass
class Line:
    """What the world sees of a line: whether it is high, and who holds it."""

    high: bool = True
    holder: str = ""
    settings: LineSettings = field(default_factory=LineSettings)
    events: queue.Queue[Any] = field(default_factory=queue.Queue)
    broken: bool = False

    def drive(self, high: bool) -> None:
        """As a switch does: what is held sees an edge, rising where it becomes active."""
        if high != self.high:
            self.high = high
            rising = high != self.settings.active_low
            kind = EdgeType.RISING_EDGE if rising else EdgeType.FALLING_EDGE
            self.events.put(types.SimpleNamespace(event_type=kind))


class Request:
    def __init__(self, line: Line, name: str) -> None:
        self._line, self._name, self._live = line, name, True

    def _checked(self, name: str) -> Line:
        assert self._live, "the request has been released"
        assert name == self._name
        if self._line.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self._line

    def get_value(self, name: str) -> Any:
        line = self._checked(name)
        return Value.ACTIVE if line.high != line.settings.active_low else Value.INACTIVE

    def set_value(self, name: str, value: Any) -> None:
        line = self._checked(name)
        assert line.settings.direction is Direction.OUTPUT
        line.high = bool(value) != line.settings.active_low

    def wait_edge_events(self, timeout: float) -> bool:
        line = self._checked(self._name)
        assert line.settings.edge_detection is Edge.BOTH
        try:
            self._first = line.events.get(timeout=timeout)
        except queue.Empty:
            return False
        return True

    def read_edge_events(self) -> list[Any]:
        events = [self._first]
        while not self._line.events.empty():
            events.append(self._line.events.get())
        return events

    def release(self) -> None:
        self._live = False
        self._line.holder = ""


def module(lines: Mapping[str, Line], path: str = "/dev/gpiochip0") -> Any:
    """For `sys.modules["gpiod"]`: one chip with these lines."""

    class Chip:
        def __init__(self, chip: str) -> None:
            if chip != path:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

        def __enter__(self) -> Chip:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def request_lines(self, config: Mapping[str, LineSettings], consumer: str) -> Request:
            ((name, settings),) = config.items()
            if name not in lines:
                if name.isdecimal():
                    raise ValueError("line offset of out range")
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            line = lines[name]
            if line.holder:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
            line.holder, line.settings = consumer, settings
            if settings.direction is Direction.OUTPUT:
                line.high = bool(settings.output_value) != settings.active_low
            return Request(line, name)

    return types.SimpleNamespace(
        Chip=Chip,
        LineSettings=LineSettings,
        EdgeEvent=types.SimpleNamespace(Type=EdgeType),
        line=types.SimpleNamespace(Value=Value, Direction=Direction, Bias=Bias, Edge=Edge),
    )
