"""What is put under load: the whole pipeline with every local sink, and the ways to disturb it."""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from mien.cameras.live import LiveCamera
from mien.cameras.settings import CameraSettings
from mien.closing import Closing
from mien.history.settings import HistorySettings
from mien.outputs.lines import JsonlSettings
from mien.outputs.program import CommandSettings
from mien.outputs.sinks import Sinks, SinkSettings, open_sinks
from mien.pipeline import Pipeline
from mien.reader import FaceReader
from soak.device import Script, SoakDevice
from soak.scene import frames

_MEGABYTE = 1_000_000


class Rig(Closing):
    """A run with everything on.

    Args:
        folder: empty; the sinks write there.

    Attributes:
        script: what the camera does.
        camera, pipeline, sinks: of the run.
        lines, database: files of the sinks.
        hang: a file; while it is there, the started program does not end.
        reader: a socket that is connected to the sink and read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.script = folder, Script()
        self.lines, self.database, self.hang = folder / "readings.jsonl", folder / "history.db", folder / "hang"
        self._socket = folder / "socket"
        program = f'cat > /dev/null; if [ -e "{self.hang}" ]; then sleep 30; fi'
        settings = SinkSettings(
            jsonl=JsonlSettings(interval=0, rotate_bytes=20 * _MEGABYTE, keep=2),
            history=HistorySettings(group=1, readings=True, interval=0.2),
            command=CommandSettings(("sh", "-c", program), interval=1.0, timeout=1.0),
        )
        specs = ["text", f"jsonl:{self.lines}", f"sqlite:{self.database}", f"socket:{self._socket}", "command", "null"]
        loop = frames()
        self._full = False
        with ExitStack() as stack:
            self.camera = LiveCamera(
                lambda inbox: SoakDevice(inbox, self.script, loop), CameraSettings(), stall=0.5, first=2.0, pause=0.05
            )
            stack.enter_context(self.camera)
            self.sinks: Sinks = stack.enter_context(_opened_quietly(specs, settings))
            self.pipeline = Pipeline(
                self.camera, stack.enter_context(FaceReader("face-small", "emotion-base")), sinks=[self.sinks]
            )
            self.reader = self.connected()
            stack.callback(lambda: self.reader.close())
            stack.callback(self._disk())
            self._stack = stack.pop_all()

    def close(self) -> None:
        """End the run."""
        self.script.silent = self._full = False
        self.pipeline.stop()
        self._stack.close()

    def connected(self) -> socket.socket:
        """A new reader of the socket's lines, which does not wait."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(str(self._socket))
        made.setblocking(False)
        return made

    def drained(self) -> int:
        """Read what the socket has sent; how many bytes."""
        with suppress(BlockingIOError):
            return len(self.reader.recv(1 << 18))
        return 0

    def failures(self, kind: str) -> int:
        """How often the sink of that kind has failed."""
        return next(state.failures for state in self.sinks.states if state.name.startswith(kind))

    def well(self, kind: str) -> bool:
        """Whether it works."""
        return next(state.state for state in self.sinks.states if state.name.startswith(kind)) == "ok"

    def fill_disk(self, full: bool) -> None:
        """Whether there is no room for another byte in the file of lines."""
        self._full = full

    def _disk(self) -> object:
        """Let writes to the file of lines fail while the disk is full; gives the way back."""
        write = os.write

        def limited(descriptor: int, content: bytes) -> int:
            if self._full and os.readlink(f"/proc/self/fd/{descriptor}").startswith(str(self.lines)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, content)

        os.write = limited

        def restore() -> None:
            os.write = write

        return restore


def _opened_quietly(specs: list[str], settings: SinkSettings) -> Sinks:
    """Sinks whose standard output nobody reads."""
    shown, sys.stdout = sys.stdout, Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 # the sink has it to its end
    try:
        return open_sinks(specs, settings, live=True)
    finally:
        sys.stdout = shown
