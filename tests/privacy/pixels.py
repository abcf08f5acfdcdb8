"""Looks for pictures in whatever a run has written: as files of a picture format, as rows of luma, and packed ones."""

from __future__ import annotations

import base64
import binascii
import bz2
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

LENGTH = 16
"""Bytes of a fragment of a row. Of any 31 pixels in a row that were written, one fragment is whole."""

_SIGNATURES = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"II*\0": "a TIFF picture",
    b"WEBPVP8": "a WebP picture",
    b"ftypisom": "an MP4 clip",
    b"\x93NUMPY": "an array of numpy's",
}
_DISTINCT = 4
"""Values that a fragment has at least: an even wall looks like the padding of anything."""
_DEEPEST = 3
_COARSE = "16 bits each"
_SEVERAL = 8


def fragments(planes: Iterable[NDArray[np.uint8]]) -> frozenset[bytes]:
    """The fragments of planes of luma, uint8 (H, W) each, at every `LENGTH`-th column; flat ones are left out.

    Of each plane also as it is mirrored, on its side, and as an engine takes it (int8, luma − 128).
    """
    found: set[bytes] = set()
    for upright in planes:
        for plane in (upright, upright[:, ::-1], upright.T):
            width = plane.shape[1] // LENGTH * LENGTH
            # (H, W) → one fragment a row: (H·W/16, 16)
            rows = np.ascontiguousarray(plane[:, :width]).reshape(-1, LENGTH)
            varied = (np.diff(np.sort(rows, axis=1), axis=1) != 0).sum(axis=1) >= _DISTINCT - 1
            for kind in (rows[varied], rows[varied] ^ np.uint8(0x80)):
                found.update(row.tobytes() for row in kind)
    assert found, "planes without a single varied row cannot be looked for"
    return frozenset(found)


def found_in(content: bytes, wanted: frozenset[bytes]) -> list[str]:
    """What of a picture is in some bytes, in words; nothing if there is none.

    Args:
        content: of a file or a stream.
        wanted: of `fragments`.
    """
    return [*dict.fromkeys(_found(content, wanted, ""))]


def _found(content: bytes, wanted: frozenset[bytes], packed: str, depth: int = 0) -> Iterator[str]:
    for signature, what in _SIGNATURES.items():
        if signature in content:
            yield what + packed
    windows = (content[at : at + LENGTH] for at in range(len(content) - LENGTH + 1))
    # Every second byte of a database's page counts up as a wall in a soft light does: one fragment says little there.
    least = _SEVERAL if packed.endswith(_COARSE) else 1
    found: set[bytes] = set()
    for window in windows:
        if window in wanted:
            found.add(window)
            if len(found) == least:
                yield "rows of luma" + packed
                break
    if depth < _DEEPEST:
        for how, inner in _unpacked(content):
            yield from _found(inner, wanted, f"{packed} in {how}", depth + 1)


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    for run in re.findall(rb"[A-Za-z0-9+/_-]{40,}", content):
        for start in range(4):  # text before it may belong to the same characters
            part = run[start : start + (len(run) - start) // 4 * 4]
            yield "base64", base64.b64decode(part.replace(b"-", b"+").replace(b"_", b"/"))
    for run in re.findall(rb"(?:[0-9A-Fa-f]{2}){16,}", content):
        for start in range(2):
            part = run[start : start + (len(run) - start) // 2 * 2]
            yield "hexadecimal", binascii.unhexlify(part)
    for run in re.findall(rb"(?:[0-9A-Fa-f]{2}[\s:,-]){15,}[0-9A-Fa-f]{2}", content):
        yield "hexadecimal", binascii.unhexlify(re.sub(rb"[\s:,-]", b"", run))
    if b"\\x" in content:  # as Python spells bytes
        yield "escapes", re.sub(rb"\\x([0-9a-f]{2})", lambda match: binascii.unhexlify(match[1]), content)
    for run in re.findall(rb"(?:%(number)b[\s,;\[\]()]+){15,}%(number)b" % {b"number": _NUMBER}, content):
        yield from _levels("decimal numbers", np.array([float(number) for number in re.findall(_NUMBER, run)]))
    for start in range(4):
        words = np.frombuffer(content, np.float32, (len(content) - start) // 4, start)
        if len(words) >= LENGTH:
            with np.errstate(invalid="ignore"):
                numbers = np.nan_to_num(words.astype(np.float64), nan=-1e9, posinf=-1e9, neginf=-1e9)
            yield from _levels("float32", numbers)
    yield from ((_COARSE, content[start::2]) for start in range(2))
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|BZh|\xfd7zXZ", content):
        try:
            yield "a packed stream", _decompressed(content[match.start() :])
        except (zlib.error, OSError, lzma.LZMAError):
            continue


_NUMBER = rb"-?\d{1,3}(?:\.\d*)?(?:e[-+]?\d+)?"


def _levels(how: str, numbers: NDArray[np.float64]) -> Iterator[tuple[str, bytes]]:
    """Numbers as luma, if they are luma itself, luma − 128, luma / 255, or the networks' (luma − 128) / 64."""
    for gain, offset in ((1, 0), (1, 128), (255, 0), (64, 128)):
        scaled = np.rint(np.clip(numbers, -1e6, 1e6) * gain + offset)
        yield how, np.where((scaled < 0) | (scaled > 255), 0, scaled).astype(np.uint8).tobytes()


def _decompressed(content: bytes) -> bytes:
    if content.startswith(b"BZh"):
        return bz2.BZ2Decompressor().decompress(content)
    if content.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(content)
    return zlib.decompressobj(wbits=47).decompress(content)
