"""Sinks by name, each in a thread of its own; on the command line KIND or KIND:TARGET."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mien.closing import Closing
from mien.errors import MienError, OutputError, RunError
from mien.history.settings import HistorySettings
from mien.outputs.lines import JsonlSettings, LinesFile
from mien.outputs.local_socket import SocketSink
from mien.outputs.mqtt import MqttSettings, MqttSink, broker
from mien.outputs.program import CommandSettings, CommandSink
from mien.outputs.queued import LOG, Queued, SinkState
from mien.outputs.records import JsonLines, new_run
from mien.outputs.stream import StreamSink
from mien.outputs.text import TextLines
from mien.outputs.thinning import Thinning
from mien.reading import FrameResult

SPECS = (
    "text, jsonl:PATH, jsonl:- (standard output), sqlite:PATH, mqtt://HOST/TOPIC, mqtts://HOST/TOPIC, socket:PATH, "
    "command or null"
)
"""What `open_sinks` understands, for help texts and errors."""

_FLUSH_SECONDS = 5.0
_JSONL = JsonlSettings()
_HISTORY = HistorySettings()
_MQTT = MqttSettings()
_COMMAND = CommandSettings()


@dataclass(frozen=True, slots=True)
class SinkSettings:
    """The tables of settings of the sinks, by the names that they have in the TOML file."""

    jsonl: JsonlSettings = _JSONL
    history: HistorySettings = _HISTORY
    mqtt: MqttSettings = _MQTT
    command: CommandSettings = _COMMAND


class Sinks(Closing):
    """Several sinks as one; a context manager that closes them all.

    Args:
        sinks: in the order in which they take a result.
    """

    def __init__(self, sinks: Sequence[Queued]) -> None:
        self._sinks = tuple(sinks)

    @property
    def states(self) -> tuple[SinkState, ...]:
        """How each is doing, in their order. From any thread."""
        return tuple(sink.state for sink in self._sinks)

    def write(self, result: FrameResult) -> None:
        """Queue a result for each.

        Raises:
            BrokenPipeError: whoever read standard output has gone, and there is no other sink.
        """
        for sink in self._sinks:
            sink.write(result)
        if self._sinks and all(sink.ended for sink in self._sinks):
            raise BrokenPipeError

    def flush(self, seconds: float = _FLUSH_SECONDS) -> bool:
        """Wait until all that was queued is written; False if that took too long, or one fails."""
        deadline = time.monotonic() + seconds
        return all(sink.flush(deadline - time.monotonic()) for sink in self._sinks)

    def reopen(self) -> None:
        """Open files anew before their next line, after they were renamed. From any thread, or a signal handler."""
        for sink in self._sinks:
            sink.reopen()

    def finish(self) -> None:
        """Close, and fail if one could not write what it was given.

        Raises:
            RunError: names the first one that was failing at the end.
        """
        self.close()
        for state in self.states:
            if state.state == "failing":
                raise RunError(state.said)

    def close(self) -> None:
        """Write what waits, 5 s at most where a sink is slow, and close each."""
        for sink in self._sinks:
            sink.end()
        deadline = time.monotonic() + _FLUSH_SECONDS
        for sink in self._sinks:
            sink.join(deadline)


def open_sinks(specs: Sequence[str], settings: SinkSettings | None = None, *, live: bool = False) -> Sinks:
    """Open every sink of a run, before anything is read; they share the run's id.

    Args:
        specs: each one of `SPECS`.
        settings: of the kinds of sinks; the defaults if None.
        live: whether results come from a live camera: a slow sink then loses the oldest ones, where a recording waits
            for it, and intervals apply.

    Raises:
        MienError: an unknown sink, or an output that cannot be written; none stays open then.
    """
    run, settings = new_run(), settings or SinkSettings()
    with ExitStack() as opened:
        sinks = []
        for spec in specs:
            sink = _open(spec, run, settings, live)
            if sink is not None:
                opened.callback(sink.close)
                LOG.info("sink %s: takes readings", sink.state.name)
                sinks.append(sink)
        opened.pop_all()
        return Sinks(sinks)


def _open(spec: str, run: str, settings: SinkSettings, live: bool) -> Queued | None:
    kind, _, target = spec.partition(":")
    if spec == "null":
        return None
    if spec == "text":
        return Queued(StreamSink(sys.stdout, "standard output", TextLines()), spec, patient=not live)
    if kind == "jsonl" and target:
        chosen = settings.jsonl
        thin = Thinning(chosen.interval if live else 0, chosen.on_change)
        if target == "-":
            stream = StreamSink(sys.stdout, "standard output", JsonLines(run))
            return Queued(stream, spec, thin=thin, patient=not live)
        try:
            file = LinesFile(Path(target), JsonLines(run), chosen)
        except (OSError, ValueError) as error:  # a path with a null byte is a ValueError
            why = error.strerror if isinstance(error, OSError) else error
            raise OutputError(f"sink {spec!r}: cannot be written ({why}); check the folder") from None
        return Queued(file, spec, thin=thin, patient=not live)
    if kind == "sqlite" and target:
        from mien.history.sink import HistorySink  # sqlite3 is loaded only where it is wanted

        return Queued(HistorySink(Path(target), run, settings.history), spec, patient=not live)
    if kind in ("mqtt", "mqtts"):
        return Queued(MqttSink(broker(spec), run, settings.mqtt, live=live), spec, patient=not live)
    if kind == "socket" and target:
        return Queued(SocketSink(Path(target), JsonLines(run)), spec, patient=not live)
    if spec == "command":
        changes = Thinning(0, on_change=True)
        return Queued(CommandSink(run, settings.command), spec, thin=changes, patient=not live)
    raise MienError(f"unknown sink {spec!r}; give {SPECS}")
