"""Looks for pictures in whatever a run has written: as files of a picture format, as rows of luma, and packed ones."""

from __future__ import annotations

import base64
import binascii
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


def fragments(planes: Iterable[NDArray[np.uint8]]) -> frozenset[bytes]:
    """The fragments of planes of luma, uint8 (H, W) each, at every `LENGTH`-th column; flat ones are left out."""
    found: set[bytes] = set()
    for plane in planes:
        width = plane.shape[1] // LENGTH * LENGTH
        # (H, W) → one fragment a row: (H·W/16, 16)
        rows = np.ascontiguousarray(plane[:, :width]).reshape(-1, LENGTH)
        varied = (np.diff(np.sort(rows, axis=1), axis=1) != 0).sum(axis=1) >= _DISTINCT - 1
        found.update(row.tobytes() for row in rows[varied])
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
    if any(content[at : at + LENGTH] in wanted for at in range(len(content) - LENGTH + 1)):
        yield "rows of luma" + packed
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
    for run in re.findall(rb"(?:\d{1,3}[\s,;\[\]]+){15,}\d{1,3}", content):
        yield "decimal numbers", bytes(number for number in map(int, re.findall(rb"\d+", run)) if number < 256)
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", content):
        try:
            yield "zlib", zlib.decompressobj(wbits=47).decompress(content[match.start() :])
        except zlib.error:
            continue
