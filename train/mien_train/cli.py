"""The commands of `python -m mien_train`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mien.errors import MienError
from mien_train import data, recipes, report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; exit status 0, 2 on bad input, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except MienError as error:
        print(f"mien_train: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _emotion(options: argparse.Namespace) -> int:
    recipe = recipes.chosen(recipes.EMOTION, options.recipe, options.set)
    folder = data.folder(options.data)
    return _train(options, recipe, folder)


def _face(options: argparse.Namespace) -> int:
    recipe = recipes.chosen(recipes.FACE, options.recipe, options.set)
    folder = data.folder(options.data)
    return _train(options, recipe, folder)


def _train(options: argparse.Namespace, recipe: recipes.Recipe, folder: Path) -> int:
    from mien_train import loop, tasks

    loop.train(tasks.opened(recipe, folder), _run_folder(options), options.seed, options.resume)
    return 0


def _align(options: argparse.Namespace) -> int:
    folder = data.folder(options.data)
    from mien_train import alignment

    found = alignment.store(options.run_folder, options.detector, folder, options.images)
    print(json.dumps(found))  # noqa: T201
    return 0


def _conditions(options: argparse.Namespace) -> int:
    folder = data.folder(options.data)
    import cv2

    from mien_train import conditions, faces

    found, sheet = conditions.measure(options.model, faces.load(folder, "val"), options.faces)
    try:
        options.sheet.parent.mkdir(parents=True, exist_ok=True)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(
            json.dumps({"command": " ".join(sys.argv[1:]), **found}, indent=1) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise MienError(f"{error.filename}: cannot be written ({error.strerror}); choose another place") from None
    if not cv2.imwrite(str(options.sheet), sheet):
        raise MienError(f"{options.sheet}: cannot be written; give a .png file")
    print(f"{options.out}\n{options.sheet}")  # noqa: T201
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    folder = data.folder(options.data)
    from mien_train import evaluation

    found = evaluation.evaluate(options.model, folder, options.split, options.protocol, options.log)
    if options.json:
        print(json.dumps(found))  # noqa: T201
    else:
        print(report.text(found))  # noqa: T201
    return 0


def _run_folder(options: argparse.Namespace) -> Path:
    run: Path = options.out or Path("runs") / f"{options.command}-{options.recipe}"
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(f"{run}: cannot be made a folder ({error.strerror}); choose another --out") from None
    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mien_train", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    tasks = (("emotion", recipes.EMOTION, _emotion), ("face", recipes.FACE, _face))
    for name, table, run in tasks:
        command = commands.add_parser(name, help=f"train the {name} network")
        command.add_argument("--recipe", default="base", help=f"one of {', '.join(table)} (default: base)")
        command.add_argument("--out", type=Path, help="run folder (default: runs/TASK-RECIPE)")
        command.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation (default: 0)")
        command.add_argument("--resume", action="store_true", help="go on with the run in the folder")
        command.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="change a field of the recipe; repeatable"
        )
        _add_data(command)
        command.set_defaults(run=run)
    command = commands.add_parser("align", help="measure the crop template of an emotion run with a face detector")
    command.add_argument("run_folder", type=Path, metavar="RUN", help="run folder of the emotion network")
    command.add_argument("--detector", default="face-base", help="bundled model or sidecar path (default: face-base)")
    command.add_argument("--images", type=int, default=4000, help="training images to look at (default: 4000)")
    _add_data(command)
    command.set_defaults(run=_align)
    command = commands.add_parser("conditions", help="recall of a face detector by size, roll and light, and a picture")
    command.add_argument("--model", type=Path, required=True, metavar="FILE", help=".pt, .onnx or .tflite")
    command.add_argument("--faces", type=int, default=300, help="validation faces to use (default: 300)")
    command.add_argument("--out", type=Path, default=Path("docs/results/face-base-conditions.json"), metavar="FILE")
    command.add_argument("--sheet", type=Path, default=Path("out/conditions.png"), metavar="PNG", help="contact sheet")
    _add_data(command)
    command.set_defaults(run=_conditions)
    command = commands.add_parser("evaluate", help="measure a .pt, .onnx or .tflite file on a held-out split")
    command.add_argument("--model", type=Path, required=True, metavar="FILE", help=".pt, .onnx or .tflite")
    command.add_argument("--split", default="val", choices=("train", "val", "test"), help="default: val")
    command.add_argument(
        "--protocol",
        default="strict",
        choices=("strict", "loose", "fer2013"),
        help="labels of the emotion data (default: strict)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument(
        "--log", type=Path, default=Path("docs/results/test-log.jsonl"), help="where looks at the test split are noted"
    )
    _add_data(command)
    command.set_defaults(run=_evaluate)
    return parser


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="data folder (default: $MIEN_DATA, else ../shared/data)"
    )
