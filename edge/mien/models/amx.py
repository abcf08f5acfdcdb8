"""Keeping LiteRT off the tile unit (AMX) of server processors, where it would be slower by half and more.

XNNPACK, LiteRT's kernels, takes tiles for int8 wherever it may. A tile is 16 rows of 64 bytes; maps of 16 to 64
channels, all that edge networks have, fill a fraction of it. Linux gives a process the tiles only when it asks
(`ARCH_REQ_XCOMP_PERM`), and refuses as long as a thread's alternate signal stack could not hold their registers: so
such a stack is set while XNNPACK first looks at the processor, and taken away again. A process that got the tiles
before, such as by `import onnxruntime` outside mien, keeps them.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import platform
import sys
from collections.abc import Iterator

_AT_MINSIGSTKSZ = 51
_SS_DISABLE = 2
_TILES = 8192
"""Bytes of the tile registers, which a signal's frame holds besides the rest."""


class _Stack(ctypes.Structure):
    """C's `stack_t`."""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """Whatever asks for the tiles meanwhile does not get them; without effect on processors that have none.

    A signal that comes meanwhile is handled on the stack of this thread's that is set here, which holds it.
    """
    size = _too_small_for_tiles()
    if not size:
        yield
        return
    libc = ctypes.CDLL(None)
    before = _Stack()
    with mmap.mmap(-1, size) as memory:
        place = ctypes.c_char.from_buffer(memory)
        libc.sigaltstack(ctypes.byref(_Stack(ctypes.addressof(place), 0, size)), ctypes.byref(before))
        try:
            yield
        finally:
            before.flags &= _SS_DISABLE
            libc.sigaltstack(ctypes.byref(before), None)
            del place


def _too_small_for_tiles() -> int:
    """Bytes of a stack that holds a signal's frame unless tiles are in it; 0 where there are no tiles."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return 0
    frame = int(ctypes.CDLL(None).getauxval(_AT_MINSIGSTKSZ))
    return frame - 1 if frame > _TILES else 0
