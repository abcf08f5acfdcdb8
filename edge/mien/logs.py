"""What mien's parts say of their work, on standard error; nothing but warnings unless somebody asks for more."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mien.errors import one_line

LOG = logging.getLogger("mien")
"""Parent of every logger of mien's. What is logged is numbers, names and states: no array, and so no pixel."""


class _Lines(logging.Formatter):
    """One line an event, whatever is in it; below it where an exception came from, if it tells of one."""

    def format(self, record: logging.LogRecord) -> str:
        line = one_line(f"{self.formatTime(record)} {record.levelname.lower()} {record.name}: {record.getMessage()}")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


@contextmanager
def verbose(much: int = 2) -> Iterator[None]:
    """Meanwhile what mien logs is written on standard error.

    Args:
        much: 1 for what each part begins and ends, and how it is doing; 2 or more for each frame as well; 0 for nothing
            beyond what is written anyway.
    """
    if not much:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    before = LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO if much == 1 else logging.DEBUG)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        LOG.setLevel(before)
