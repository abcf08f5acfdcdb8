"""`evaluate`, `conditions`, `tiles`, `align`: measure a trained network."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mien.errors import MienError
from mien_train.commands import printed
from mien_train.commands.options import Commands, add_data, folder, positive, writable, write_json
from mien_train.data import store


def add(commands: Commands) -> None:
    """Add the commands."""
    align = commands.add_parser("align", help="measure the crop template of an emotion run with a face detector")
    align.add_argument("run_folder", type=Path, metavar="RUN", help="run folder of the emotion network")
    align.add_argument("--detector", default="face-base", help="bundled model or sidecar path (default: face-base)")
    align.add_argument("--images", type=positive, default=4000, help="training images to look at (default: 4000)")
    add_data(align)
    align.set_defaults(run=_align)

    conditions = commands.add_parser("conditions", help="recall of a detector by size, roll and light, and a picture")
    conditions.add_argument("--model", type=Path, required=True, metavar="FILE", help=".pt, .onnx or .tflite")
    conditions.add_argument("--faces", type=positive, default=300, help="validation faces to use (default: 300)")
    conditions.add_argument("--out", type=Path, metavar="FILE", help="default: docs/results/MODEL-conditions.json")
    conditions.add_argument(
        "--sheet", type=Path, default=Path("out/conditions.png"), metavar="PNG", help="contact sheet"
    )
    add_data(conditions)
    conditions.set_defaults(run=_conditions)

    tiles = commands.add_parser("tiles", help="recall of small faces with and without tiles, beside YuNet")
    tiles.add_argument("--model", type=Path, required=True, metavar="FILE", help=".pt, .onnx or .tflite")
    tiles.add_argument("--out", type=Path, metavar="FILE", help="default: docs/results/MODEL-tiles.json")
    add_data(tiles)
    tiles.set_defaults(run=_tiles)

    evaluate = commands.add_parser("evaluate", help="measure a .pt, .onnx or .tflite file on a held-out split")
    evaluate.add_argument("--model", type=Path, required=True, metavar="FILE", help=".pt, .onnx or .tflite")
    evaluate.add_argument("--task", choices=("emotion", "face"), help="refuse a model of another task")
    evaluate.add_argument("--split", default="val", choices=("train", "val", "test"), help="default: val")
    evaluate.add_argument(
        "--protocol",
        choices=("strict", "loose", "fer2013", "own"),
        help="labels of the emotion data; own: those the model was trained for (default: strict for a model of FER+'s "
        "emotions, else own)",
    )
    evaluate.add_argument(
        "--expression",
        metavar="NAME",
        help="how an emotion model is read: perceived, intended or mixed, as far as it has it (default: perceived, "
        "else the model's own choice)",
    )
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")
    evaluate.add_argument(
        "--report", type=Path, metavar="DIR", help="also write the figures of an emotion model as JSON and PNG to DIR"
    )
    evaluate.add_argument(
        "--robustness",
        action="store_true",
        help="also the figures of an emotion model on noisy, blurred, dark, covered, hazy and compressed images, and "
        "how often a shift by one pixel changes its choice",
    )
    evaluate.add_argument(
        "--full-path",
        action="store_true",
        help="also the figures of an emotion model on the split's faces set into scenes, where a detector has to "
        "find them; a missed face is an error",
    )
    evaluate.add_argument(
        "--detector",
        metavar="MODEL",
        help="finds the faces of --full-path: bundled model or sidecar path (default: face-base)",
    )
    evaluate.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="note a look at the test split there (default: docs/results/test-log.jsonl, for FER2013's images and if "
        "there is such a folder)",
    )
    add_data(evaluate)
    evaluate.set_defaults(run=_evaluate)


def _align(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    from mien_train.emotion import alignment

    print(json.dumps(alignment.store(options.run_folder, options.detector, where, options.images)))  # noqa: T201
    return 0


def _conditions(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    if options.sheet.suffix.lower() != ".png" or options.sheet.is_dir():
        raise MienError(f"{options.sheet}: is no place for the contact sheet; give a .png file")
    out = options.out or Path(f"docs/results/{options.model.stem}-conditions.json")
    writable(out)
    writable(options.sheet, "--sheet")
    import cv2

    from mien_train.data import faces
    from mien_train.face import conditions

    found, sheet = conditions.measure(options.model, faces.load(where, "val"), options.faces)
    write_json(out, {"sha256": store.file_sha256(options.model), **found})
    if not cv2.imwrite(str(options.sheet), sheet):
        raise MienError(f"{options.sheet}: cannot be written; choose another --sheet")
    print(f"{out}\n{options.sheet}")  # noqa: T201
    return 0


def _tiles(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    out = options.out or Path(f"docs/results/{options.model.stem}-tiles.json")
    writable(out)
    from mien_train.data import faces
    from mien_train.face import tile_evaluation

    write_json(out, tile_evaluation.measure(options.model, faces.load(where, "val")))
    print(out)  # noqa: T201
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    if options.log and options.split == "test":
        writable(options.log, "--log")
    from mien_train import evaluation, model_file
    from mien_train.emotion import report

    task = model_file.task_of(options.model)
    if options.task not in (None, task):
        raise MienError(f"{options.model}: is a model for {task!r}, not {options.task!r}")
    if options.expression and task != "emotion":
        raise MienError(f"{options.model}: --expression is for emotion models; a detector has none")
    if options.protocol and task != "emotion":
        raise MienError(f"{options.model}: --protocol is for emotion models; a detector has one way to be measured")
    if options.detector and not options.full_path:
        raise MienError(f"--detector {options.detector}: finds the faces of --full-path; give that too")
    if options.report:
        if task != "emotion":
            raise MienError(f"{options.model}: --report is for emotion models; a detector's figures come with --json")
        folder(options.report, "--report")
    found = evaluation.evaluate(
        options.model,
        where,
        options.split,
        options.protocol,
        options.log,
        robust=options.robustness,
        full=options.full_path,
        expression=options.expression,
        detector=options.detector or evaluation.DETECTOR,
    )
    if options.report:
        report.write(options.report, found, _history(options.model))
    print(json.dumps(found) if options.json else printed.text(found))  # noqa: T201
    return 0


def _history(model: Path) -> dict[str, object] | None:
    from mien_train.training import history

    path = model.with_name("history.json")
    if model.suffix != ".pt" or not path.is_file():
        return None
    return history.read(path)
