"""Runs of mien into which a violation may be planted: it is handed each frame, as the reader is."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_PROGRAM = """
import sys
from mien.reader import FaceReader

def violate(frame):
    {violation}

def read_frame(self, frame, *rest, read=FaceReader.read_frame):
    violate(frame)
    return read(self, frame, *rest)

FaceReader.read_frame = read_frame
from mien.cli import main
sys.exit(main(sys.argv[1:]))
"""

NATIVE_SOCKET = "import ctypes; ctypes.CDLL(None).socket(2, 1, 0)"
SOCKET = "import socket; socket.socket().close()"
PICTURE = "import cv2; cv2.imwrite('frame.png', frame.luma)"
MEMORY_FILE = "import os; os.write(os.memfd_create('frame'), frame.luma.tobytes())"
SHARED_MEMORY = "open('/dev/shm/mien-planted', 'wb').write(frame.luma.tobytes())"
TEMPORARY = "import tempfile; tempfile.TemporaryFile().write(frame.luma.tobytes())"
NATIVE_FILE = "import ctypes; ctypes.CDLL(None).open(b'/tmp/mien-planted', 0o101, 0o600)"
RING = "import ctypes; ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(200))"
PROGRAM = "import subprocess; subprocess.run(['/bin/true'])"
LOCAL_SOCKET = "import socket as s; s.socket(s.AF_UNIX, s.SOCK_DGRAM).connect_ex('/dev/log')"
ABSTRACT_SOCKET = "import socket as s; s.socket(s.AF_UNIX).bind(chr(0) + 'mien-planted')"
SYSTEM_V = "import ctypes; ctypes.CDLL(None).shmget(0, 4096, 0o600)"
ATTRIBUTE = "import os; os.setxattr('readings.jsonl', 'user.frame', frame.luma[:4].tobytes())"


def command(arguments: Sequence[str], violation: str = "") -> list[str]:
    """The command line of `mien` with these arguments; with a statement to execute for every `frame`, if given."""
    if violation:
        return [sys.executable, "-c", _PROGRAM.format(violation=violation), *arguments]
    return [sys.executable, "-m", "mien", *arguments]
