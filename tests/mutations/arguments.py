"""Command lines with odd values: each ends with one of mien's statuses, and a bad one with one line."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from random import Random

import cv2
import numpy as np

from mien import cli
from mien.errors import MienError
from mutations.kinds import ImplausibleError, Trial

_ODD = (
    *(
        "",
        " ",
        "0",
        "-1",
        "1",
        "2",
        "0.5",
        "1.5",
        "-0.5",
        "1e400",
        "1e-400",
        "nan",
        "inf",
        "-inf",
        "9" * 30,
        "9" * 5000,
    ),
    *(
        "0x10",
        "1_0",
        "é",
        "\udcff",
        "a\nb",
        "x" * 300,
        "x" * 5000,
        "../..",
        "/",
        ".",
        "/dev/null",
        "/dev/zero",
        "/proc/self/mem",
    ),
    *(
        "face-base",
        "emotion-base",
        "litert",
        "onnx",
        "tflite",
        "v4l2:0",
        "v4l2:9999999999",
        "auto",
        "jsonl:",
        "jsonl:/",
    ),
    *("text", "null", "{folder}", "{picture}", "{pipe}", "{loop}", "{broken}", "{absent}", "{toml}"),
)
_OPTIONS = {
    "detect": ("--score", "--engine", "--detector", "--classifier", "--tiles", "--json"),
    "run": (
        *("--source", "--config", "--sink", "--max-frames", "--threads", "--score", "--scan-every", "--tiles"),
        *(
            "--camera",
            "--width",
            "--height",
            "--rate",
            "--rotate",
            "--mirror",
            "--engine",
            "--detector",
            "--classifier",
        ),
    ),
    "models": ("--json",),
    "bench": ("--seconds", "--threshold", "--compare"),
}
_FLAGS = frozenset(("--tiles", "--json", "--mirror"))


def prepare(folder: Path) -> Trial:
    """A folder with a picture, a broken one, a pipe, and a link to itself."""
    pictures = folder / "pictures"
    pictures.mkdir()
    places = {name: folder / name for name in ("pipe", "loop", "broken.png", "absent", "kiosk.toml", "picture.png")}
    for path in (places["picture.png"], pictures / "a.png"):
        cv2.imwrite(str(path), np.full((48, 64), 90, np.uint8))
    places["broken.png"].write_bytes(b"\x89PNG\r\n\x1a\n")
    places["kiosk.toml"].write_text("[camera]\nrotation = 90\nmirror = true\n")
    os.mkfifo(places["pipe"])
    places["loop"].symlink_to(places["loop"])
    named = {name.split(".")[0]: str(path) for name, path in places.items()}
    named |= {"folder": str(pictures), "toml": named.pop("kiosk")}

    def value(generator: Random) -> str:
        text = generator.choice(_ODD)
        return text.format(**named) if text.startswith("{") else text

    def trial(generator: Random) -> None:
        command = generator.choice(tuple(_OPTIONS))
        line = [command, named["folder"]] if command == "detect" else [command]
        if command == "run":
            line += [
                "--source",
                generator.choice((named["folder"], named["picture"])),
                "--sink",
                "null",
                "--max-frames",
                "2",
            ]
        if command == "bench":
            line += ["--compare", named["toml"], named["toml"]]  # measures nothing
        if command == "detect" and generator.random() < 0.5:
            line.insert(2, value(generator))
        for _ in range(generator.choice((1, 1, 2))):
            option = generator.choice(_OPTIONS[command])
            line += (
                [option]
                if option in _FLAGS
                else [option, *(value(generator) for _ in range(1 + (option == "--compare")))]
            )
        _check(line)

    return trial


def _check(line: list[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = cli.main(line)
        except SystemExit as left:
            status = left.code  # type: ignore[assignment]
    if status not in (0, 1, 2):
        raise ImplausibleError(f"{line}: status {status!r}")
    said = err.getvalue()
    if status == 2 and (said.count("\n") != 1 or not said.startswith("mien")):
        raise ImplausibleError(f"{line}: status 2 and {said!r}")
    if status == 2:
        raise MienError(said.rstrip("\n"))
