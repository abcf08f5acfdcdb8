"""The sink `socket:PATH`: JSON Lines for every program on this device that connects to a UNIX socket."""

from __future__ import annotations

import os
import select
import socket
import stat
from contextlib import suppress
from pathlib import Path

from mien.errors import MienError
from mien.outputs.names import shown
from mien.outputs.stream import Lines
from mien.outputs.target import Target
from mien.reading import FrameResult

_MOST_READERS = 16


class SocketSink(Target):
    """Sends the lines of each result to whoever is connected, from then on; what was before is not sent.

    A reader who is so slow that the kernel's buffer is full (about 200 kB) is disconnected, so that nobody gets half a
    line and the others wait for nobody.

    Args:
        path: of the socket; its owner and group may connect. One that was left behind by a crash is replaced.
        lines: makes them.

    Raises:
        MienError: the socket cannot be made, or another program listens there.
    """

    def __init__(self, path: Path, lines: Lines) -> None:
        self._path, self._lines = path, lines
        self._readers: list[socket.socket] = []
        self._server: socket.socket | None = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _clear(path)
            self._server.bind(str(path))
            path.chmod(0o660)
            self._server.listen(_MOST_READERS)
            self._server.setblocking(False)
        except (OSError, ValueError) as error:
            self._server.close()
            why = (error.strerror or error) if isinstance(error, OSError) else error
            raise MienError(f"sink 'socket:{shown(path)}': cannot be opened ({why}); check the folder") from None
        except MienError:
            self._server.close()
            raise

    def write(self, result: FrameResult) -> None:
        """Send the result's lines to every reader."""
        self.idle()
        lines = self._lines(result)
        if not lines or not self._readers:
            return
        content = ("\n".join(lines) + "\n").encode()
        for reader in list(self._readers):
            try:
                whole = reader.send(content) == len(content)
            except OSError:  # gone, or its buffer is full
                whole = False
            if not whole:
                self._drop(reader)

    def idle(self) -> None:
        """Let in whoever has connected."""
        while self._server is not None:
            try:
                reader, _ = self._server.accept()
            except OSError:  # nobody
                return
            if len(self._readers) >= _MOST_READERS:
                self._forget()
            if len(self._readers) >= _MOST_READERS:
                self._drop(self._readers[0])  # the oldest: it may be one that never ends
            reader.setblocking(False)
            self._readers.append(reader)

    def close(self) -> None:
        """Disconnect everybody and remove the socket."""
        for reader in list(self._readers):
            self._drop(reader)
        if self._server is not None:
            self._server.close()
            self._server = None
            with suppress(OSError):
                self._path.unlink()

    def _forget(self) -> None:
        """Drop who has gone, which is noticed otherwise when the next line is sent."""
        watch = select.poll()
        for reader in self._readers:
            watch.register(reader, 0)  # asks for nothing: the end of both ways is always told
        gone = {number for number, _ in watch.poll(0)}
        for reader in [reader for reader in self._readers if reader.fileno() in gone]:
            self._drop(reader)

    def _drop(self, reader: socket.socket) -> None:
        self._readers.remove(reader)
        reader.close()


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens at; what is no socket stays, and is an error when it is bound."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise MienError(f"sink 'socket:{shown(path)}': another program listens there; choose another path")
