"""`mien detect`: faces and expressions in pictures."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.commands.options import TILES_HELP, Subparsers, add_engine, open_models
from mien.errors import MienError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mien.faces.face import Face

NAME = "detect"


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="read the faces in pictures", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a picture, or a folder of pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object a picture")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write annotated copies and face crops there")
    parser.add_argument("--score", type=float, metavar="S", help="lowest score of a face, 0 to 1")
    parser.add_argument("--tiles", action="store_true", help=TILES_HELP)
    add_engine(parser)
    parser.set_defaults(main=main)


def main(args: argparse.Namespace) -> int:
    """Read every picture; 1 if one of them could not be read."""
    from mien.cameras.luma import read_image
    from mien.emotions import align

    paths = _pictures(args.paths)
    writer = _Writer(args.out) if args.out is not None else None
    detector, classifier = open_models(args.engine, 1, score=args.score, tiles=args.tiles)
    status = 0
    for path in paths:
        try:
            luma = read_image(path)
        except MienError as error:
            status = 1
            if args.json:
                _say(json.dumps({"image": str(path), "error": str(error)}, ensure_ascii=False))
            else:
                sys.stderr.write(f"mien: {error}\n")
            continue
        faces = detector.detect(luma)
        crops = align.crop(luma, align.landmarks_of(faces), classifier.template)
        rows = classifier.probabilities(crops)
        emotions = [classifier.emotion(row) for row in rows]
        found = [
            _record(face, emotion, dict(zip(classifier.labels, row.tolist(), strict=True)))
            for face, emotion, row in zip(faces, emotions, rows, strict=True)
        ]
        height, width = luma.shape
        if args.json:
            record = {"image": str(path), "width": width, "height": height, "faces": found}
            _say(json.dumps(record, ensure_ascii=False))
        else:
            _say(_text(path, found))
        if writer is not None:
            best = rows.max(axis=1).tolist() if len(rows) else []
            writer.write(path, luma, faces, crops, list(zip(emotions, best, strict=True)))
    return status


def _pictures(paths: list[Path]) -> list[Path]:
    """Files as they are, folders as their pictures. A missing file is reported in its turn, like a damaged one."""
    from mien.cameras.files import pictures_in

    pictures: list[Path] = []
    for path in paths:
        pictures += pictures_in(path) if path.is_dir() else [path]
    return pictures


def _record(face: Face, emotion: str, probabilities: dict[str, float]) -> dict[str, Any]:
    return {
        "box": [round(v, 1) for v in face.box],
        "score": round(face.score, 4),
        "landmarks": [[round(x, 1), round(y, 1)] for x, y in face.landmarks],
        "emotion": emotion,
        "probabilities": {label: round(p, 4) for label, p in probabilities.items()},
    }


def _text(path: Path, found: list[dict[str, Any]]) -> str:
    if not found:
        return f"{path}: no face"
    lines = []
    for face in found:
        left, top, right, bottom = (round(v) for v in face["box"])
        best = max(face["probabilities"].values())
        where = f"box {left},{top} {right},{bottom}, score {face['score']:.2f}"
        lines.append(f"{path}: {face['emotion']} {best:.0%}, {where}")
    return "\n".join(lines)


def _say(line: str) -> None:
    # Flushed at once: what was read stays said, whatever happens to the next picture.
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class _Writer:
    """Writes NAME-annotated.png and NAME-face0.png, …; of pictures with one name, the later get a number."""

    def __init__(self, folder: Path) -> None:
        from mien.outputs.clip import make_folder

        make_folder(folder)
        self._folder = folder
        self._used: set[str] = set()

    def write(
        self,
        path: Path,
        luma: NDArray[np.uint8],
        faces: tuple[Face, ...],
        crops: NDArray[np.uint8],
        readings: list[tuple[str, float]],
    ) -> None:
        import cv2

        from mien.outputs.overlay import Mark, annotate, caption

        name, count = path.stem, 1
        while name in self._used:
            count += 1
            name = f"{path.stem}-{count}"
        self._used.add(name)
        marks = [Mark(face, caption(*reading)) for face, reading in zip(faces, readings, strict=True)]
        self._save(f"{name}-annotated.png", annotate(luma, marks))
        for index, crop in enumerate(crops):
            self._save(f"{name}-face{index}.png", cv2.resize(crop, (192, 192), interpolation=cv2.INTER_CUBIC))

    def _save(self, name: str, picture: Any) -> None:
        from mien.outputs.overlay import write_picture

        if not write_picture(str(self._folder / name), picture):
            raise MienError(f"{self._folder / name}: cannot be written; check the space and permissions there")
