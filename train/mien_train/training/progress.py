"""How far long work has come: a bar on a terminal, and elsewhere a plain line about every half minute."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Generic, NoReturn, TypeVar

from tqdm import tqdm

T = TypeVar("T")

EVERY = 30.0
"""Seconds between two lines where there is no terminal: a log of a night's training stays readable."""


class Progress(Generic[T]):
    """Iterates over what it was given, or is moved by `step`, and shows how far it is on standard error.

    A context manager, for work that is moved by `step`. Bars may stand within bars, on a terminal one below the other;
    without one each speaks for itself, so that short ones within a long one stay silent.

    Args:
        iterable: what is worked through; None where `step` counts.
        desc: what is done, such as "epoch 3".
        total: number of steps; None for the length of the iterable, if it has one.
        unit: what is counted, in the plural: "images".
    """

    def __init__(self, iterable: Iterable[T] | None, desc: str, total: int | None, unit: str) -> None:
        self._iterable: Iterable[T] = iterable if iterable is not None else ()
        self._desc, self._unit = desc, unit
        self._total = len(iterable) if total is None and isinstance(iterable, Sized) else total
        self._done = 0
        self._begun = self._spoken = time.monotonic()
        self._note = ""
        first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes the first alone speaks
        self._bar: tqdm[NoReturn] | None = None
        self._silent = not first
        if first and sys.stderr.isatty():
            self._bar = tqdm(total=self._total, desc=desc, unit=f" {unit}", leave=False)

    def __iter__(self) -> Iterator[T]:
        """The items, each counted when the next one is asked for."""
        with self:
            for item in self._iterable:
                yield item
                self.step()

    def step(self, count: int = 1) -> None:
        """Say that so many more are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif not self._silent and time.monotonic() - self._spoken >= EVERY:
            self._speak()

    def note(self, text: str) -> None:
        """What stands behind the figures from now on, such as a loss."""
        self._note = text
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Progress[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _speak(self) -> None:
        self._spoken = time.monotonic()
        of = f" of {self._total}" if self._total is not None else ""
        note = f", {self._note}" if self._note else ""
        line = f"{self._desc}: {self._done}{of} {self._unit}, {self._spoken - self._begun:.0f} s{note}"
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def progress(
    iterable: Iterable[T] | None = None, desc: str = "", total: int | None = None, unit: str = "steps"
) -> Progress[T]:
    """Work with its progress shown: `for image in progress(images, "landmarks", unit="images")`."""
    return Progress(iterable, desc, total, unit)


def warn(line: str) -> None:
    """Print a line that must not be missed to standard error, between bars."""
    tqdm.write(f"warning: {line}", file=sys.stderr)


def say(line: str) -> None:
    """Print a line of a result to standard output at once, between bars and not through them."""
    tqdm.write(line)
    sys.stdout.flush()  # a pipe or a file would else get an hour's lines at the end
