"""Where readings go: text, JSON Lines, or nowhere; on the command line KIND or KIND:TARGET."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from mien.errors import MienError
from mien.reading import FrameResult, Reading

SPECS = "text, jsonl:PATH, jsonl:- (standard output) or null"
"""What `open_sinks` understands, for help texts and errors."""

_QUIET_FRAMES = 25
_REMEMBERED = 256


def as_record(result: FrameResult, reading: Reading) -> dict[str, Any]:
    """A reading as JSON types, with the picture's or video's path under "image" where there is one."""
    record = {
        "track": reading.track,
        "frame": result.sequence,
        "captured_ms": round(result.captured_at / 1e6, 3),
        "latency_ms": round((result.read_at - result.captured_at) / 1e6, 3),
        "box": [round(v, 1) for v in reading.face.box],
        "score": round(reading.face.score, 4),
        "landmarks": [[round(x, 1), round(y, 1)] for x, y in reading.face.landmarks],
        "emotion": reading.emotion,
        "top": reading.top,
        "reason": reading.reason,
        "probabilities": {label: round(p, 4) for label, p in reading.probabilities.items()},
    }
    return {"image": result.name, **record} if result.name else record


def as_text(result: FrameResult, reading: Reading) -> str:
    """A reading as one line for people."""
    left, top, right, bottom = (round(v) for v in reading.face.box)
    latency = (result.read_at - result.captured_at) / 1e6
    return (
        f"frame {result.sequence:5d}  track {reading.track:3d}  {reading.caption:<15s}  "
        f"box {left},{top} {right},{bottom}  score {reading.face.score:.2f}  {latency:.1f} ms"
    )


class News:
    """Picks the readings that tell a reader something new: a new face, another emotion, another picture, or
    some frames gone by."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[str, str, int]] = {}

    def __call__(self, result: FrameResult) -> list[Reading]:
        """The readings of a frame that are worth a line."""
        news = []
        for reading in result.readings:
            name, emotion, frame = self._told.get(reading.track, ("", "", 0))
            quiet = result.sequence - frame < _QUIET_FRAMES
            if reading.track in self._told and quiet and (name, emotion) == (result.name, reading.emotion):
                continue
            self._told[reading.track] = (result.name, reading.emotion, result.sequence)
            news.append(reading)
        while len(self._told) > _REMEMBERED:  # a kiosk runs for weeks
            del self._told[next(iter(self._told))]
        return news


class StreamSink:
    """Writes lines at once: as JSON Lines every reading, as text those that are news.

    Args:
        stream: open for writing; closed with the sink unless it is standard output.
        name: for errors.
        jsonl: JSON Lines if true, else text.
    """

    def __init__(self, stream: TextIO, name: str, jsonl: bool) -> None:
        self._stream, self._name, self._jsonl = stream, name, jsonl
        self._news = News()

    def write(self, result: FrameResult) -> None:
        """Append the result's readings and flush, so that what was written stays whatever comes after.

        Raises:
            MienError: the file can no longer be written (a full disk).
            BrokenPipeError: whoever read standard output has gone.
        """
        if self._jsonl:
            lines = [json.dumps(as_record(result, r), ensure_ascii=False) for r in result.readings]
        else:
            lines = [as_text(result, r) for r in self._news(result)]
        if not lines:
            return
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise MienError(f"{self._name}: cannot be written any more ({error.strerror}); free some space") from None

    def close(self) -> None:
        """Close the file."""
        if self._stream is not sys.stdout:
            # `write` flushes each line, so a failure here is one that `write` has reported already.
            with suppress(OSError):
                self._stream.close()


class Sinks:
    """Several sinks as one; a context manager that closes them all.

    Args:
        sinks: in the order in which they take a result.
    """

    def __init__(self, sinks: Sequence[StreamSink]) -> None:
        self._sinks = tuple(sinks)
        self._stack = ExitStack()
        for sink in self._sinks:
            self._stack.callback(sink.close)

    def write(self, result: FrameResult) -> None:
        """Hand a result to each; see `StreamSink.write`."""
        for sink in self._sinks:
            sink.write(result)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def open_sinks(specs: Sequence[str]) -> Sinks:
    """Open every sink, before anything is read.

    Args:
        specs: each one of `SPECS`.

    Raises:
        MienError: an unknown sink, or an output that cannot be written; none stays open then.
    """
    with ExitStack() as opened:
        sinks = []
        for spec in specs:
            sink = _open(spec)
            if sink is not None:
                opened.callback(sink.close)
                sinks.append(sink)
        opened.pop_all()
        return Sinks(sinks)


def _open(spec: str) -> StreamSink | None:
    kind, _, target = spec.partition(":")
    if spec == "null":
        return None
    if spec == "text":
        return StreamSink(sys.stdout, "standard output", jsonl=False)
    if kind != "jsonl" or not target:
        raise MienError(f"unknown sink {spec!r}; give {SPECS}")
    if target == "-":
        return StreamSink(sys.stdout, "standard output", jsonl=True)
    try:
        # Appended: a restarted service adds to its log. Line-buffered: a crash loses no whole line.
        file = Path(target).open("a", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        return StreamSink(file, target, jsonl=True)
    except OSError as error:
        raise MienError(f"sink {spec!r}: cannot be written ({error.strerror}); check the folder") from None
