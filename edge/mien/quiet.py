"""Silence for native libraries that write on standard error what also comes back as an error."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator


class _Silence:
    """How many want it at present, and the descriptor that gets standard error back."""

    turn = threading.Lock()
    wanted = 0
    kept = -1


@contextlib.contextmanager
def native_stderr_closed() -> Iterator[None]:
    """Whatever is written on standard error meanwhile, by whichever thread, goes nowhere; safe from several threads.

    For decoders and interpreters that offer no switch for their remarks. What goes wrong still arrives as an exception
    or a result.
    """
    with _Silence.turn:
        if not _Silence.wanted:
            _Silence.kept = _closed()
        _Silence.wanted += 1
    try:
        yield
    finally:
        with _Silence.turn:
            _Silence.wanted -= 1
            if not _Silence.wanted and _Silence.kept >= 0:
                _flush()
                os.dup2(_Silence.kept, 2)
                os.close(_Silence.kept)


def _closed() -> int:
    _flush()
    try:
        kept = os.dup(2)
    except OSError:  # a daemon's may be closed already
        return -1
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept


def _flush() -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # full, or closed
            sys.stderr.flush()
