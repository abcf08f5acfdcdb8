"""`mien detect`: faces and expressions in pictures."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.options import TILES_HELP, Subparsers, add_models
from mien.errors import MienError
from mien.outputs.names import shown, writable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mien.reading import FrameResult

NAME = "detect"

_LONGEST_STEM = 200
"""Bytes of a name that its pictures' names have; file systems take 255 in all."""


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="read the faces in pictures", description=__doc__)
    parser.add_argument("paths", nargs="+", type=_path, metavar="PATH", help="a picture, or a folder of pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object a picture")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write annotated copies and face crops there")
    parser.add_argument("--score", type=float, metavar="S", help="lowest score of a face, 0 to 1")
    parser.add_argument("--tiles", action="store_true", help=TILES_HELP)
    add_models(parser)
    parser.set_defaults(main=main)


def _path(text: str) -> Path:
    if not text:  # a variable of the shell's that is not set, and no present folder
        raise argparse.ArgumentTypeError("empty; give a picture or a folder")
    return Path(text)


def main(args: argparse.Namespace) -> int:
    """Read every picture; 1 if one of them could not be read."""
    from mien.reader import FaceReader

    paths = _pictures(args.paths)
    writer = _Writer(args.out) if args.out is not None else None
    status = 0
    with FaceReader(
        args.detector,
        args.classifier,
        expression=args.expression,
        engine=args.engine,
        score_threshold=args.score,
        tiles=args.tiles,
    ) as reader:
        for path in paths:
            try:
                luma = _luma(path)
            except MienError as error:
                status = 1
                if args.json:
                    _say(json.dumps({"image": shown(path), "error": str(error)}, ensure_ascii=False))
                else:
                    sys.stderr.write(f"mien: {error}\n")
                continue
            reader.reset()
            result = reader.read(luma)
            _say(_json(path, result) if args.json else _text(path, result))
            if writer is not None:
                writer.write(path, luma, result, reader.template)
    return status


def _pictures(paths: list[Path]) -> list[Path]:
    """Files as they are, folders as their pictures. What is missing or empty is reported in its turn, like a damaged
    file."""
    from mien.cameras.files import pictures_in

    pictures: list[Path] = []
    for path in paths:
        try:
            pictures += pictures_in(path) if _is_folder(path) else [path]
        except MienError:
            pictures.append(path)
    return pictures


def _luma(path: Path) -> NDArray[np.uint8]:
    """A picture's, full range.

    Raises:
        MienError: it cannot be read, or is a folder without any.
    """
    from mien.cameras.files import pictures_in
    from mien.cameras.luma import read_image

    return read_image(pictures_in(path)[0] if _is_folder(path) else path)


def _is_folder(path: Path) -> bool:
    """Whether a path is one's; false where that cannot be told, of which whoever reads it tells."""
    try:
        return path.is_dir()
    except OSError:  # a folder that may not be entered, a name too long
        return False


def _json(path: Path, result: FrameResult) -> str:
    from mien.outputs.records import face_record

    faces = [face_record(reading) for reading in result.readings]
    record = {"image": shown(path), "width": result.width, "height": result.height, "faces": faces}
    return json.dumps(record, ensure_ascii=False)


def _text(path: Path, result: FrameResult) -> str:
    lines = []
    for reading in result.readings:
        left, top, right, bottom = (round(v) for v in reading.face.box)
        lines.append(
            f"{shown(path)}: {reading.caption}, box {left},{top} {right},{bottom}, score {reading.face.score:.2f}"
        )
    return "\n".join(lines) or f"{shown(path)}: no face"


def _say(line: str) -> None:
    # Flushed at once: what was read stays said, whatever happens to the next picture.
    sys.stdout.write(writable(line, sys.stdout) + "\n")
    sys.stdout.flush()


class _Writer:
    """Writes NAME-annotated.png and NAME-face0.png, …; of pictures with one name, the later get a number."""

    def __init__(self, folder: Path) -> None:
        from mien.outputs.files import make_folder

        make_folder(folder)
        self._folder = folder
        self._used: set[str] = set()

    def write(self, path: Path, luma: NDArray[np.uint8], result: FrameResult, template: NDArray[np.float32]) -> None:
        import cv2
        import numpy as np

        from mien.emotions import align
        from mien.outputs.overlay import annotate, marks, write_picture

        stem = os.fsencode(path.stem)[:_LONGEST_STEM].decode("utf-8", "ignore")  # no half letter
        name, count = stem, 1
        while name in self._used:
            count += 1
            name = f"{stem}-{count}"
        self._used.add(name)
        write_picture(self._folder / f"{name}-annotated.png", annotate(luma, marks(result)))
        faces = [reading.face for reading in result.readings]
        for index, crop in enumerate(align.crop(luma, align.landmarks_of(faces), template)):
            face = cv2.resize(crop, (192, 192), interpolation=cv2.INTER_CUBIC)
            write_picture(self._folder / f"{name}-face{index}.png", np.asarray(face, dtype=np.uint8))
