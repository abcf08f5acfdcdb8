"""The sink that writes lines to an open stream, at once."""

from __future__ import annotations

import io
import select
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO

from mien.errors import MienError
from mien.outputs.names import shown, writable
from mien.outputs.target import Target
from mien.reading import FrameResult

Lines = Callable[[FrameResult], Sequence[str]]
"""Makes lines of a result, without their ends."""

_STALLED_SECONDS = 1.0


class StreamSink(Target):
    """Writes the lines of each result at once.

    Args:
        stream: open for writing; closed with the sink unless it is standard output.
        name: for errors.
        lines: makes them.
    """

    def __init__(self, stream: TextIO, name: str, lines: Lines) -> None:
        self._stream, self._name, self._lines = stream, name, lines
        self._result: FrameResult | None = None
        self._left: list[str] = []
        """Lines of `_result` that are not written yet."""

    def write(self, result: FrameResult) -> None:
        """Append the result's lines and flush, so that what was written stays whatever comes after.

        Raises:
            MienError: the file can no longer be written (a full disk).
            TimeoutError: whoever reads the stream does not, so that nothing more fits into it.
            BrokenPipeError: whoever read it has gone.
        """
        if result is not self._result:
            self._result, self._left = result, [*self._left, *self._lines(result)]
        try:
            while self._left:
                self._await_room()
                line = writable(self._left.pop(0) + "\n", self._stream)
                self._stream.write(line)
                self._stream.flush()
        except (BrokenPipeError, TimeoutError):
            raise
        except OSError as error:
            raise MienError(
                f"{shown(self._name)}: cannot be written any more ({error.strerror}); free some space"
            ) from None

    def _await_room(self) -> None:
        """Wait until a write does not block: a thread blocked in one could never be ended."""
        try:
            descriptor = self._stream.fileno()
        except (OSError, io.UnsupportedOperation):  # a stream in memory
            return
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        if not poll.poll(_STALLED_SECONDS * 1000):
            raise TimeoutError(f"{shown(self._name)}: nobody reads it")

    def close(self) -> None:
        """Close the file."""
        if self._stream is not sys.stdout:
            # `write` flushes each line, so a failure here is one that `write` has reported already.
            with suppress(OSError):
                self._stream.close()
