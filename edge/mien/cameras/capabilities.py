"""What a /dev/video* says of itself, asked of its driver."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

# From linux/videodev2.h: requests, and the structures they fill.
_QUERYCAP, _ENUM_FMT = 0x80685600, 0xC0405602
_CAPABILITY = struct.Struct("=16s32s32sIII12x")
_FORMAT = struct.Struct("=III32sII12x")
_CAPTURE, _STREAMING, _DEVICE_CAPS = 0x1, 0x04000000, 0x80000000
_MOST_FORMATS = 64

Control: TypeAlias = Callable[[int, bytearray], object]


@dataclass(frozen=True, slots=True)
class Device:
    """A device of Video4Linux.

    Attributes:
        card: the driver's name of it.
        captures: whether frames can be streamed from it.
        formats: four letters each, such as "YUYV".
    """

    card: str
    captures: bool
    formats: tuple[str, ...]


def ask(path: Path) -> Device:
    """Open a device and ask what it is; another program may be streaming from it meanwhile.

    Raises:
        OSError: it cannot be opened (no permission, unplugged), or is no Video4Linux device.
    """
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return described(lambda request, buffer: fcntl.ioctl(handle, request, buffer))
    finally:
        os.close(handle)


def described(control: Control) -> Device:
    """What a device is, by its answers.

    Args:
        control: puts a request to the driver: its number, and the structure that is filled; OSError if it refuses.
    """
    buffer = bytearray(_CAPABILITY.size)
    control(_QUERYCAP, buffer)
    _, card, _, _, every, own = _CAPABILITY.unpack(buffer)
    can = own if every & _DEVICE_CAPS else every
    formats = []
    for number in range(_MOST_FORMATS):
        buffer = bytearray(_FORMAT.pack(number, _CAPTURE, 0, b"", 0, 0))
        try:
            control(_ENUM_FMT, buffer)
        except OSError:  # there are no more
            break
        formats.append(_FORMAT.unpack(buffer)[4].to_bytes(4, "little").decode("ascii", "replace").strip())
    captures = bool(can & _CAPTURE and can & _STREAMING)
    return Device(card.split(b"\0")[0].decode("utf-8", "replace"), captures, tuple(formats))
