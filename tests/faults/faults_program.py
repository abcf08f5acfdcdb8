"""`mien`, with a fault: the first argument names it, the others are mien's.

Cameras with a fault stand in for `--source auto`; they are doubles of what a driver hands over, and all behind them is
the real thing.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mien.cameras import opening
from mien.cameras.base import Camera
from mien.cameras.demo import DemoCamera
from mien.errors import MienError
from mien.frame import Frame

Luma = NDArray[np.uint8]
Change = Callable[[int, Luma], Luma]


def _photograph() -> Luma:
    return next(DemoCamera().frames()).luma.copy()


class Double(Camera):
    """A live camera that sees a face.

    Args:
        change: makes a frame of its number and the photograph, uint8 (480, 640).
        rate: frames a second.
        stamp: of its number and the monotonic clock, makes the time stamp.
        ends: number of the frame in place of which the camera fails; None for never.
        stalls: number of the frame from which on nothing comes.
    """

    live = True
    description = "a camera double"

    def __init__(
        self,
        change: Change = lambda number, luma: luma,
        rate: float = 100.0,
        stamp: Callable[[int, int], int] = lambda number, now: now,
        ends: int | None = None,
        stalls: int | None = None,
        error: Exception | None = None,
    ) -> None:
        self._change, self._rate, self._stamp, self._ends, self._stalls = change, rate, stamp, ends, stalls
        self._error = error or MienError("the double was unplugged; plug it in again")
        self._closed = threading.Event()
        self._photograph = _photograph()

    def frames(self) -> Iterator[Frame]:
        for number in itertools.count():
            if number == self._ends:
                raise self._error
            if number == self._stalls:
                self._closed.wait()
            if self._closed.wait(1 / self._rate):
                return
            stamp = self._stamp(number, time.monotonic_ns())
            yield Frame(self._change(number, self._photograph), stamp, number)

    def close(self) -> None:
        self._closed.set()


def _of_size(height: int, width: int) -> Change:
    def change(number: int, luma: Luma) -> Luma:
        enlarged = np.zeros((height, width), dtype=np.uint8)
        rows, columns = min(height, luma.shape[0]), min(width, luma.shape[1])
        enlarged[:rows, :columns] = luma[:rows, :columns]
        return enlarged

    return change


def _strided(number: int, luma: Luma) -> Luma:
    """Rows with padding, every other column of a wide picture, or upside down in memory: all the same picture."""
    height, width = luma.shape
    padded = np.zeros((height, width + 32), dtype=np.uint8)
    padded[:, :width] = luma
    spread = np.repeat(luma, 2, axis=1)
    return (padded[:, :width], spread[:, ::2], luma[::-1].copy()[::-1])[number % 3]


def _late() -> Camera:
    time.sleep(2)
    return Double()


YEAR_NS = 365 * 86_400 * 10**9


def _wall_clock(shift: Callable[[], int]) -> None:
    """The wall clock is off by so many nanoseconds; the machine calls it synchronised where that is none."""
    from mien.history import clock

    real = time.time_ns
    time.time_ns = lambda: real() + shift()
    clock.Clock._synchronised = lambda self: shift() == 0  # type: ignore[method-assign]


def _clock_that_jumps() -> Callable[[int, int], int]:
    """Right for 50 frames, set back a year, set ahead by two, and right again, and committed in between."""
    from mien.history import sink

    sink._COMMIT_NS = 100_000_000
    shifts, reached = (0, -YEAR_NS, YEAR_NS, 0), [0]
    _wall_clock(lambda: shifts[min(reached[0] // 50, 3)])

    def stamp(number: int, now: int) -> int:
        reached[0] = number
        return now

    return stamp


def _promises() -> None:
    """What is forced to the disk is written down, in ../promised, once it is."""
    from mien.history import sink

    sink._COMMIT_NS = 300_000_000
    file = os.open("../promised", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    commit, fsync = sink.HistorySink._commit, os.fsync

    def committed(self: sink.HistorySink, now: object) -> None:
        commit(self, now)  # type: ignore[arg-type]
        (rows,) = self._connection().execute("SELECT count(*) FROM readings").fetchone()
        os.write(file, f"history.db {rows}\n".encode())

    def synced(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        fsync(descriptor)
        os.write(file, f"readings.jsonl {size}\n".encode())

    sink.HistorySink._commit, os.fsync = committed, synced  # type: ignore[assignment, method-assign]


def _throttled() -> None:
    """The firmware of a Raspberry Pi says: throttled, and the soft temperature limit acts."""
    from mien import machine

    machine._FIRMWARE = os.path.abspath("get_throttled")


CAMERAS: dict[str, Callable[[], Camera]] = {
    "": Double,
    "late": _late,
    "absent": lambda: opening.open_source("v4l2:99"),
    "silent": lambda: Double(stalls=0),
    "stalls": lambda: Double(stalls=5),
    "unplugged": lambda: Double(ends=5),
    "unplugged-at-once": lambda: Double(ends=0),
    "driver-bug": lambda: Double(ends=5, error=ZeroDivisionError("division by zero in the driver")),
    "other-size": lambda: Double(lambda number, luma: luma[::2, ::2].copy() if number % 2 else luma),
    "strides": lambda: Double(_strided),
    "colour": lambda: Double(lambda number, luma: np.dstack([luma] * 3) if number == 5 else luma),
    "floats": lambda: Double(lambda number, luma: luma.astype(np.float32) if number == 5 else luma),  # type: ignore[arg-type,return-value]
    "empty": lambda: Double(lambda number, luma: luma[:0] if number == 5 else luma),
    "black": lambda: Double(lambda number, luma: np.zeros_like(luma)),
    "still": lambda: Double(rate=10),
    "frozen": lambda: Double(stamp=lambda number, now: 1_000_000_000),
    "backwards": lambda: Double(stamp=lambda number, now: now - number * 50_000_000),
    "future": lambda: Double(stamp=lambda number, now: now + 3_600_000_000_000),
    "pixel": lambda: Double(_of_size(1, 1)),
    "line": lambda: Double(_of_size(1, 4000)),
    "huge": lambda: Double(_of_size(6000, 8000), rate=5),
    "clock-jumps": lambda: Double(stamp=_clock_that_jumps()),
    "slow": lambda: Double(rate=1),
    "fast": lambda: Double(rate=200),
}


def _engine_fails(after: int, error: Exception) -> None:
    import ai_edge_litert.interpreter as litert

    real, count = litert.Interpreter.invoke, itertools.count()

    def invoke(self: litert.Interpreter) -> None:
        if next(count) >= after:
            raise error
        real(self)

    litert.Interpreter.invoke = invoke


ENGINES: dict[str, Callable[[], None]] = {
    "engine-missing": lambda: sys.modules.update({"ai_edge_litert.interpreter": None}),  # type: ignore[dict-item]
    "onnx-missing": lambda: sys.modules.update({"onnxruntime": None}),  # type: ignore[dict-item]
    "engine-fails": lambda: _engine_fails(10, RuntimeError("node 7 failed to invoke")),
    "engine-fails-at-once": lambda: _engine_fails(0, RuntimeError("node 7 failed to invoke")),
    "engine-no-memory": lambda: _engine_fails(10, MemoryError("std::bad_alloc")),
}


SYSTEMS: dict[str, Callable[[], None]] = {
    "clock-behind": lambda: _wall_clock(lambda: -YEAR_NS),
    "clock-ahead": lambda: _wall_clock(lambda: 86_400 * 10**9),
    "promises": _promises,
    "throttled": _throttled,
}


def _main() -> int:
    name, *arguments = sys.argv[1:]
    for faults in (ENGINES, SYSTEMS):
        if name in faults:
            faults[name]()
    camera = CAMERAS.get(name, Double)
    real = opening.open_source
    opening.open_source = lambda spec, settings=None: camera() if spec == "auto" else real(spec, settings)  # type: ignore[assignment]
    from mien.__main__ import main

    sys.argv = ["mien", *arguments]
    return main()


if __name__ == "__main__":
    sys.exit(_main())
