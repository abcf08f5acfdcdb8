"""The size that a picture file states in its header, read before anything is decoded.

A file of some hundred kilobytes can state gigabytes of pixels. Of the formats here the size is known first; any
other is no picture to mien, so that no decoder gets to allocate what nobody looked at.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

FORMATS = "JPEG, PNG, WebP, BMP, TIFF, PGM or PPM"
"""What `size` knows, for errors."""

_Size = tuple[int, int]
_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323  # tags of TIFF
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's "start of frame" markers, all codings
_BARE = frozenset((0x01, *range(0xD0, 0xDA)))  # JPEG's markers without a segment
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")
"""Of a part of a JPEG, or of its end. Among compressed pixels a zero, or the mark of a restart, follows every FF."""
_MOST_PARTS = 100_000
_FULL_BMP = 36
"""Bytes of a BMP's header from which on it has sizes of four bytes; OpenCV takes it for the old kind otherwise."""


def size(data: bytes | memoryview) -> _Size | None:
    """The (height, width) in pixels that a picture states.

    Args:
        data: the whole file.

    Returns:
        Either may be 0, as written; of a TIFF in tiles, the larger of picture and tile. None if it is none of
        `FORMATS`, or cut short before its size.
    """
    view = memoryview(data)
    start = bytes(view[:16])
    for signature, read in _READERS:
        if start.startswith(signature):
            try:
                return read(view)
            except (struct.error, IndexError, ValueError):  # the file ends first, or it is no number
                return None
    return None


def scans(data: bytes, most: int) -> int:
    """How often a JPEG passes over its pixels; 1 of other formats. Each may be empty, and still takes its time.

    What follows the picture's end is not looked at: telephones put a film there.

    Args:
        data: the whole file.
        most: beyond which nobody wants to know, and `most` + 1 is said; also where it has more parts than any picture.
    """
    if not data.startswith(b"\xff\xd8"):
        return 1
    count = parts = 0
    place = 2
    while count <= most and (found := _MARKER.search(data, place)) and data[found.end() - 1] != 0xD9:
        place, marker, parts = found.end(), data[found.end() - 1], parts + 1
        if parts > _MOST_PARTS:
            return most + 1
        count += marker == 0xDA
        if marker >= 0xC0:  # decoders skip the length of no other
            place += max(2, int.from_bytes(data[place : place + 2], "big"))
    return count


def unscaled(data: bytes) -> int:
    """The largest value that a binary PGM or PPM states, if it is another than that of its bytes; else 0.

    OpenCV takes such values for those of all 8 or 16 bits.
    """
    if not data.startswith((b"P5", b"P6")):
        return 0
    words = _words(memoryview(data), 3)
    largest = int(words[2]) if len(words) == 3 and words[2].isdigit() else 255
    return 0 if largest in (0, 255, 65535) else largest


def intact(data: bytes) -> bool:
    """Whether the parts of a PNG are as long as they say; true of other formats.

    OpenCV makes room for a part before it looks for its end: four bytes can ask for as many gigabytes.
    """
    if not data.startswith(b"\x89PNG"):
        return True
    place = 8
    while place + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place += 12 + length  # with the length itself, the part's name and its checksum
    return False


def _png(data: memoryview) -> _Size | None:
    width, height = struct.unpack_from(">II", data, 16)
    return (height, width) if bytes(data[12:16]) == b"IHDR" else None


def _jpeg(data: memoryview) -> _Size | None:
    place = 2
    while True:
        # As the decoder does: what lies between segments is skipped, and a marker may have any number of fill bytes.
        while data[place] != 0xFF:
            place += 1
        while data[place] == 0xFF:
            place += 1
        marker = data[place]
        place += 1
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 3)
            return height, width
        if marker == 0xDA:  # pixels, before any size
            return None
        if marker not in _BARE and marker != 0:
            place += max(2, struct.unpack_from(">H", data, place)[0])


def _webp(data: memoryview) -> _Size | None:
    kind = bytes(data[12:16])
    if bytes(data[8:12]) != b"WEBP":
        return None
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return (height, width) if len(data) >= 30 else None
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return height & 0x3FFF, width & 0x3FFF
    return None


def _bmp(data: memoryview) -> _Size:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<ii" if header >= _FULL_BMP else "<HH", data, 18)
    return abs(height), abs(width)  # a height below 0 says that the top row comes first


def _tiff(data: memoryview) -> _Size | None:
    order = "<" if data[0] == 0x49 else ">"
    found: dict[int, int] = {}
    for tag, value in _tags(data, order):
        found[tag] = max(value, found.get(tag, 0))  # of a tag given twice, decoders take either
    if _WIDTH not in found or _HEIGHT not in found:
        return None
    return max(found[_HEIGHT], found.get(_TILE_HEIGHT, 0)), max(found[_WIDTH], found.get(_TILE_WIDTH, 0))


def _tags(data: memoryview, order: str) -> Iterator[tuple[int, int]]:
    """Tags of the first directory with one value, which stands in the entry itself; classic TIFF and BigTIFF."""
    (version,) = struct.unpack_from(order + "H", data, 2)
    big = version == 43
    (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, place)
    place += 8 if big else 2
    formats = {1: "B", 3: "H", 4: "I", 16: "Q"}
    for _ in range(min(count, len(data))):
        tag, kind = struct.unpack_from(order + "HH", data, place)
        if kind in formats:
            yield tag, struct.unpack_from(order + formats[kind], data, place + (12 if big else 8))[0]
        place += 20 if big else 12


def _pnm(data: memoryview) -> _Size | None:
    words = _words(data, 2)
    return (int(words[1]), int(words[0])) if len(words) == 2 else None


def _words(data: memoryview, count: int) -> list[bytes]:
    """The first words of a PNM after its magic: numbers parted by blanks; a comment runs from # to its line's end."""
    words: list[bytes] = []
    for line in bytes(data[2:4096]).split(b"\n"):
        words += line.split(b"#", 1)[0].split()
        if len(words) >= count:
            break
    return words[:count]


_READERS: tuple[tuple[bytes, Callable[[memoryview], _Size | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"RIFF", _webp),
    (b"BM", _bmp),
    *((signature, _tiff) for signature in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    *((b"P%d" % kind, _pnm) for kind in range(1, 7)),
)
