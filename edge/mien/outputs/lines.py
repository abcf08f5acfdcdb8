"""A file of lines that grows for months: rotated, followed when it is renamed, whole after a crash or a full disk."""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien.outputs.stream import Lines
from mien.outputs.target import Target
from mien.reading import FrameResult

FSYNC = ("never", "seconds", "line")
_SYNC_SECONDS = 10.0
_MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class JsonlSettings:
    """How files of JSON Lines are kept. The names are the keys of the TOML file's table `jsonl`.

    Attributes:
        interval: at most one line a face in so many seconds, from a live camera; 0 for every frame. Of recordings
            every frame is written.
        on_change: a line only where a face appears or its shown emotion changes, in place of `interval`.
        rotate_bytes: size above which the file becomes FILE.1, and FILE.1 becomes FILE.2; 0 for no rotation.
        keep: rotated files that stay.
        fsync: when lines are forced to the disk: "never" (the kernel does within half a minute), "seconds" (10 s at
            most are lost in a power cut) or "line".

    Raises:
        MienError: a value out of range.
    """

    interval: float = 1.0
    on_change: bool = False
    rotate_bytes: int = 0
    keep: int = 5
    fsync: str = "seconds"

    def __post_init__(self) -> None:
        if not 0 <= self.interval <= 86_400:
            raise MienError(f"jsonl interval is {self.interval:g}; give 0 to 86400 seconds")
        if self.rotate_bytes and self.rotate_bytes < 4096:
            raise MienError(f"jsonl rotate_bytes is {self.rotate_bytes}; give 4096 or more, or 0 for no rotation")
        if not 1 <= self.keep <= _MOST_KEPT:
            raise MienError(f"jsonl keep is {self.keep}; give 1 to {_MOST_KEPT} files")
        if self.fsync not in FSYNC:
            raise MienError(f"jsonl fsync is {self.fsync!r}; give {', '.join(FSYNC)}")


class LinesFile(Target):
    """Appends lines to a file. A line that a full disk or a power cut left without its end stays by itself.

    Args:
        path: of the file; a pipe or a device is written as it is, and neither rotated nor reopened.
        lines: makes them of a result.
        settings: how it is kept.

    Raises:
        OSError: it cannot be opened for writing.
    """

    def __init__(self, path: Path, lines: Lines, settings: JsonlSettings) -> None:
        self._path = self._place = path
        self._lines, self._settings = lines, settings
        self._file = -1
        self._result: FrameResult | None = None
        self._left: list[bytes] = []
        self._torn = self._regular = self._reopen = False
        self._synced, self._unsynced = time.monotonic(), False
        self._open()

    def _open(self) -> None:
        # Asked before it is opened, for what cannot be read is no reason not to write.
        self._place = Path(os.path.realpath(self._path))  # a link leads to where the lines and the rotated files are
        self._torn = _is_torn(self._path)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._regular = stat.S_ISREG(os.fstat(self._file).st_mode)
        self._reopen = False

    def write(self, result: FrameResult) -> None:
        """Append the result's lines at once: a crash of mien loses none of them.

        Raises:
            MienError: the disk is full, or the file can no longer be written for another reason.
        """
        if result is not self._result:
            self._result = result
            self._left += [f"{line}\n".encode() for line in self._lines(result)]
        if not self._left:
            return
        try:
            self._find_place()
            while self._left:
                self._append(self._left[0])
                del self._left[0]
            self._sync(now=self._settings.fsync == "line")
        except BrokenPipeError as error:  # a named pipe whose reader may come back, and not standard output
            raise self._unwritten(error) from None
        except OSError as error:
            raise self._unwritten(error) from None

    def idle(self) -> None:
        """Sync what is due."""
        if self._file < 0:
            return
        try:
            self._sync(now=False)
        except OSError as error:
            raise self._unwritten(error) from None

    def reopen(self) -> None:
        """Open the file anew before the next line."""
        self._reopen = True

    def close(self) -> None:
        """Sync, unless that is never wanted, and close."""
        if self._file >= 0:
            with suppress(OSError):
                if self._settings.fsync != "never" and self._regular:
                    os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _unwritten(self, error: OSError) -> MienError:
        return MienError(f"cannot be written any more ({error.strerror}); free some space")

    def _find_place(self) -> None:
        """Follow a rename or a deletion, and rotate a file that is large enough."""
        if self._file < 0:
            self._open()
        if not self._regular:
            return
        ours = os.fstat(self._file)
        try:
            there = os.stat(self._path)
            moved = (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev)
        except FileNotFoundError:
            moved = True
        limit = self._settings.rotate_bytes
        if limit and not moved and ours.st_size and ours.st_size + len(self._left[0]) > limit:
            self._sync(now=self._settings.fsync != "never")
            rotate(self._place, self._settings.keep)
            moved = True
        if moved or self._reopen:
            # Opened before the old one is let go: where that fails, the next try finds all as it was.
            old = self._file
            self._open()
            os.close(old)

    def _append(self, line: bytes) -> None:
        if self._torn:
            os.write(self._file, b"\n")
            self._torn = False
        done = 0
        try:
            while done < len(line):
                done += os.write(self._file, line[done:])
        except OSError:
            self._torn = 0 < done < len(line)
            raise
        self._unsynced = True

    def _sync(self, now: bool) -> None:
        due = self._settings.fsync == "seconds" and time.monotonic() - self._synced >= _SYNC_SECONDS
        if self._regular and self._unsynced and (now or due):
            os.fsync(self._file)
            self._synced, self._unsynced = time.monotonic(), False


def rotated(path: Path) -> list[Path]:
    """The rotated files of a file that are there, newest first: PATH.1, PATH.2 and so on."""
    found = []
    for there in path.parent.glob(f"{_escaped(path.name)}.*"):
        suffix = there.name[len(path.name) + 1 :]
        # Others' names, such as of a date or with a zero before, are not ours to rename and delete.
        if re.fullmatch("[1-9][0-9]{0,3}", suffix) and int(suffix) <= _MOST_KEPT:
            found.append((int(suffix), there))
    return [there for _, there in sorted(found)]


def rotate(path: Path, keep: int) -> None:
    """Rename PATH to PATH.1, PATH.1 to PATH.2 and so on; of those so many stay.

    Raises:
        OSError: one cannot be renamed or removed; nothing is lost then.
    """
    for there in reversed(rotated(path)):
        number = int(there.name[len(path.name) + 1 :])
        if number >= keep:
            there.unlink()
        else:
            there.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _is_torn(path: Path) -> bool:
    """Whether a file ends within a line. What cannot be read, or is no plain file (a pipe, a device), does not."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
    except OSError:
        return False
