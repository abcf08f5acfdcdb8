"""The sink that writes lines to an open stream, at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TextIO

from mien.closing import Closing
from mien.errors import MienError
from mien.outputs.names import shown, writable
from mien.reading import FrameResult

Lines = Callable[[FrameResult], Sequence[str]]
"""Makes lines of a result, without their ends."""


class StreamSink(Closing):
    """Writes the lines of each result at once.

    Args:
        stream: open for writing; closed with the sink unless it is standard output.
        name: for errors.
        lines: makes them.
    """

    def __init__(self, stream: TextIO, name: str, lines: Lines) -> None:
        self._stream, self._name, self._lines = stream, name, lines

    def write(self, result: FrameResult) -> None:
        """Append the result's lines and flush, so that what was written stays whatever comes after.

        Raises:
            MienError: the file can no longer be written (a full disk).
            BrokenPipeError: whoever read standard output has gone.
        """
        lines = self._lines(result)
        if not lines:
            return
        try:
            self._stream.write(writable("\n".join(lines) + "\n", self._stream))
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise MienError(
                f"{shown(self._name)}: cannot be written any more ({error.strerror}); free some space"
            ) from None

    def close(self) -> None:
        """Close the file."""
        if self._stream is not sys.stdout:
            # `write` flushes each line, so a failure here is one that `write` has reported already.
            with suppress(OSError):
                self._stream.close()
