"""The sink `command`: starts a program when what is shown of a face changes; never through a shell."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

from mien.errors import MienError
from mien.outputs.names import shown
from mien.outputs.records import JsonLines
from mien.outputs.target import TakenError, Target
from mien.reading import FrameResult


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """What the sink `command` starts. The names are the keys of the TOML file's table `command`.

    Attributes:
        argv: the program and its arguments; no shell looks at them.
        interval: least seconds between two starts; of the changes in between the last is told.
        timeout: seconds after which a program that does not end is killed.

    Raises:
        MienError: a value out of range.
    """

    argv: tuple[str, ...] = ()
    interval: float = 1.0
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.interval <= 86_400:
            raise MienError(f"command interval is {self.interval:g}; give 0.1 to 86400 seconds")
        if not 0.1 <= self.timeout <= 3600:
            raise MienError(f"command timeout is {self.timeout:g}; give 0.1 to 3600 seconds")
        if any("\0" in word for word in self.argv):
            raise MienError("command argv holds a null byte; give a program and its arguments")


class CommandSink(Target):
    """Starts a program with the lines of JSON of a changed frame on its standard input, and waits for its end.

    Its standard output is thrown away; its standard error is mien's.

    Args:
        run: id of the run.
        settings: what to start.

    Raises:
        MienError: there is no such program.
    """

    def __init__(self, run: str, settings: CommandSettings) -> None:
        self._lines, self._settings = JsonLines(run), settings
        if not settings.argv:
            raise MienError('sink \'command\': nothing to start; give [command] argv = ["PROGRAM", "ARGUMENT"]')
        if shutil.which(settings.argv[0]) is None:
            raise MienError(f"command argv: no program {shown(settings.argv[0])!r} that may be run; give its path")
        self._pending: dict[int, FrameResult] = {}
        self._started = -settings.interval
        self._failure: MienError | None = None  # of the last start

    def write(self, result: FrameResult) -> None:
        """Tell a change: at once, or when the interval is over.

        Args:
            result: only with the readings that changed; see `mien.outputs.thinning.Thinning`.

        Raises:
            TakenError: the program failed or was killed.
        """
        for reading in result.readings:
            self._pending[reading.track] = result  # of each face the last change
        try:
            self.idle()
        except MienError as error:
            raise TakenError(str(error)) from None

    def idle(self) -> None:
        """Tell what waits, if it is time."""
        if self._pending and time.monotonic() - self._started >= self._settings.interval:
            self._start()

    def close(self) -> None:
        """Tell what waits.

        Raises:
            MienError: the program, started last, failed or was killed: what it was told is told to nobody else.
        """
        if self._pending:
            self._start()
        elif self._failure is not None:
            raise self._failure

    def _start(self) -> None:
        self._failure = None
        try:
            self._told()
        except MienError as error:
            self._failure = error
            raise

    def _told(self) -> None:
        pending, self._pending = self._pending, {}
        lines = []
        for track, result in pending.items():
            made = self._lines(result)
            lines += [line for line, one in zip(made, result.readings, strict=True) if one.track == track]
        self._started = time.monotonic()
        name = shown(self._settings.argv[0])
        try:
            # A session of its own: what it starts in turn is killed with it, and Ctrl-C is not its business.
            with subprocess.Popen(
                self._settings.argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
            ) as program:
                try:
                    program.communicate(("\n".join(lines) + "\n").encode(), self._settings.timeout)
                except subprocess.TimeoutExpired:
                    with suppress(ProcessLookupError):
                        os.killpg(program.pid, signal.SIGKILL)
                    raise MienError(f"{name}: did not end within {self._settings.timeout:g} s and was killed") from None
        except OSError as error:
            raise MienError(f"{name}: cannot be started ({error.strerror}); check the program") from None
        if program.returncode:
            raise MienError(f"{name}: ended with status {program.returncode}; see what it wrote")
