"""Sinks by name: text, JSON Lines, or nowhere; on the command line KIND or KIND:TARGET."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from mien.closing import Closing
from mien.errors import MienError
from mien.outputs.records import JsonLines, new_run
from mien.outputs.stream import StreamSink
from mien.outputs.text import TextLines
from mien.reading import FrameResult

SPECS = "text, jsonl:PATH, jsonl:- (standard output) or null"
"""What `open_sinks` understands, for help texts and errors."""


class Sinks(Closing):
    """Several sinks as one; a context manager that closes them all.

    Args:
        sinks: in the order in which they take a result.
    """

    def __init__(self, sinks: Sequence[StreamSink]) -> None:
        self._sinks = tuple(sinks)

    def write(self, result: FrameResult) -> None:
        """Hand a result to each; see `StreamSink.write`."""
        for sink in self._sinks:
            sink.write(result)

    def close(self) -> None:
        """Close each."""
        for sink in self._sinks:
            sink.close()


def open_sinks(specs: Sequence[str]) -> Sinks:
    """Open every sink of a run, before anything is read; they share the run's id.

    Args:
        specs: each one of `SPECS`.

    Raises:
        MienError: an unknown sink, or an output that cannot be written; none stays open then.
    """
    run = new_run()
    with ExitStack() as opened:
        sinks = []
        for spec in specs:
            sink = _open(spec, run)
            if sink is not None:
                opened.callback(sink.close)
                sinks.append(sink)
        opened.pop_all()
        return Sinks(sinks)


def _open(spec: str, run: str) -> StreamSink | None:
    kind, _, target = spec.partition(":")
    if spec == "null":
        return None
    if spec == "text":
        return StreamSink(sys.stdout, "standard output", TextLines())
    if kind != "jsonl" or not target:
        raise MienError(f"unknown sink {spec!r}; give {SPECS}")
    if target == "-":
        return StreamSink(sys.stdout, "standard output", JsonLines(run))
    try:
        return StreamSink(_appending(Path(target)), target, JsonLines(run))
    except (OSError, ValueError) as error:  # a path with a null byte is a ValueError
        why = error.strerror if isinstance(error, OSError) else error
        raise MienError(f"sink {spec!r}: cannot be written ({why}); check the folder") from None


def _appending(path: Path) -> TextIO:
    """A file open for lines at its end: a restarted service adds to its log.

    A line that a full disk or a power cut left without its end stays by itself; the next one begins after it.
    """
    torn = _is_torn(path)
    file = path.open("a", buffering=1, encoding="utf-8")  # by lines: a crash loses no whole one
    if torn:
        try:
            file.write("\n")
        except OSError:
            file.close()
            raise
    return file


def _is_torn(path: Path) -> bool:
    """Whether a file ends within a line. What cannot be read, or is no plain file (a pipe, a device), does not."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
    except OSError:
        return False
