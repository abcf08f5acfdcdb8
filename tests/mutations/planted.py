"""Faults put into mien on purpose, in a process of their own: what the cases must find."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from random import Random
from typing import Any, NoReturn

import numpy as np

from mien.cameras import luma
from mien.emotions import mixture
from mien.errors import MienError
from mien.models import contract
from mutations import pictures, sidecars
from mutations.kinds import Trial


def raises(folder: Path) -> Trial:
    """A loader that raises what no user understands."""
    trial = sidecars.prepare(folder)

    def parse(document: object, place: str) -> NoReturn:
        raise ValueError("planted")

    contract.parse = parse
    return trial


def no_number(folder: Path) -> Trial:
    """A classifier whose probabilities are none."""
    trial = sidecars.prepare(folder)

    def softmax(logits: Any) -> Any:
        return np.full_like(logits, np.nan)

    mixture.softmax = softmax
    return trial


def hangs(folder: Path) -> Trial:
    """A decoder that never ends."""
    trial = pictures.prepare(folder)
    luma.cv2.imdecode = lambda *_: time.sleep(3600)
    return trial


def makes_up(folder: Path) -> Trial:
    """A decoder that fills in what is missing."""
    trial = pictures.prepare(folder)
    luma.read_image = pictures.read_image = lambda path: np.zeros((61, 64), np.uint8)
    return trial


def dies(folder: Path) -> Trial:
    """A native library that crashes."""

    def trial(generator: Random) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    return trial


def grows(folder: Path) -> Trial:
    """A decoder that takes a gigabyte."""

    def trial(generator: Random) -> None:
        np.ones(1 << 30, np.uint8)

    return trial


def chatters(folder: Path) -> Trial:
    """A native library with something to say."""

    def trial(generator: Random) -> None:
        os.write(2, b"libfoo: bad marker\n")

    return trial


def two_lines(folder: Path) -> Trial:
    """An error that is no line."""

    def trial(generator: Random) -> None:
        error = MienError("one")
        error.args = ("one\ntwo",)  # what its constructor would not let pass
        raise error

    return trial


def sound(folder: Path) -> Trial:
    """Nothing wrong."""

    def trial(generator: Random) -> None:
        if generator.random() < 0.5:
            raise MienError("refused")

    return trial
