"""The faults that are injected in turn: how each is done, and how it is seen that it was felt and is over."""

from __future__ import annotations

import select
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from soak.rig import Rig

Course = Callable[[Rig], Iterator[bool]]
"""Injects a fault at its first step, and from then on tells, at every frame, whether it is felt and over."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its name in the report."""

    name: str
    course: Course


def _stalls(rig: Rig, deaf: bool) -> Iterator[bool]:
    before = rig.camera.restarts
    rig.script.deaf, rig.script.silent = deaf, True
    while True:
        yield rig.camera.restarts > before + deaf and rig.camera.state == "running" and not rig.script.silent


def _unplugged(rig: Rig) -> Iterator[bool]:
    before, rig.script.refused, rig.script.unplugged = rig.camera.restarts, 1, True
    while True:
        yield rig.camera.restarts >= before + 2 and rig.camera.state == "running" and not rig.script.refused


def _spoilt(rig: Rig) -> Iterator[bool]:
    before, rig.script.spoilt = rig.camera.damaged, 20
    while True:
        yield rig.camera.damaged >= before + 20


def _odd_sizes(rig: Rig) -> Iterator[bool]:
    rig.script.odd = 20
    while True:
        yield not rig.script.odd


def _black(rig: Rig) -> Iterator[bool]:
    rig.script.black = 100
    while True:
        yield not rig.script.black


def _wrong_times(rig: Rig) -> Iterator[bool]:
    rig.script.wrong_times = 40
    while True:
        yield not rig.script.wrong_times


def _reader_dies(rig: Rig) -> Iterator[bool]:
    rig.reader.close()
    rig.reader = rig.connected()
    while not rig.drained():
        yield False
    while True:
        yield True


def _reader_never_reads(rig: Rig) -> Iterator[bool]:
    lazy = rig.connected()
    hung_up = select.poll()
    hung_up.register(lazy, select.POLLHUP)
    try:
        while not any(event & select.POLLHUP for _, event in hung_up.poll(0)):
            yield False
    finally:
        lazy.close()
    while True:
        yield rig.well("socket")


def _program_hangs(rig: Rig) -> Iterator[bool]:
    before = rig.failures("command")
    rig.hang.touch()
    while rig.failures("command") == before:
        yield False
    rig.hang.unlink()
    while True:
        yield rig.well("command")


def _disk_full(rig: Rig) -> Iterator[bool]:
    before = rig.failures("jsonl")
    rig.fill_disk(True)
    while rig.failures("jsonl") == before:
        yield False
    rig.fill_disk(False)
    while True:
        yield rig.well("jsonl")


def _renamed(rig: Rig) -> Iterator[bool]:
    old = rig.lines.with_suffix(".old")
    rig.lines.rename(old)
    rig.sinks.reopen()
    while not (rig.lines.exists() and rig.lines.stat().st_size):
        yield False
    old.unlink()
    while True:
        yield True


def _locked(rig: Rig) -> Iterator[bool]:
    before = rig.failures("sqlite")
    other = sqlite3.connect(rig.database, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        while rig.failures("sqlite") == before:
            yield False
        other.execute("ROLLBACK")
    finally:
        other.close()
    while True:
        yield rig.well("sqlite")


def _paused(rig: Rig) -> Iterator[bool]:
    began = time.monotonic()
    rig.pipeline.pause()
    timer = threading.Timer(0.2, rig.pipeline.resume)
    timer.start()
    while True:
        yield time.monotonic() - began >= 0.2 and not rig.pipeline.paused and not timer.is_alive()


FAULTS = (
    Fault("the database is locked by another program", _locked),
    Fault("the camera stalls; a restart wakes it", lambda rig: _stalls(rig, False)),
    Fault("the disk of the lines is full", _disk_full),
    Fault("the camera stalls; a restart does not wake it", lambda rig: _stalls(rig, True)),
    Fault("a reader of the socket never reads", _reader_never_reads),
    Fault("the camera is unplugged, and at first not there", _unplugged),
    Fault("the started program hangs", _program_hangs),
    Fault("frames that cannot be decoded", _spoilt),
    Fault("a reader of the socket dies, another comes", _reader_dies),
    Fault("frames of other sizes", _odd_sizes),
    Fault("the file of lines is renamed", _renamed),
    Fault("time stamps that run backwards", _wrong_times),
    Fault("paused, and resumed", _paused),
    Fault("black frames", _black),
)
"""Injected in this order, again and again."""
