"""`emotion` and `face`: train a network."""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from pathlib import Path
from typing import get_args

from mien.errors import MienError
from mien_train.commands.options import Commands, add_data, folder, seed
from mien_train.data import store
from mien_train.recipes import choosing, named
from mien_train.recipes.base import Recipe
from mien_train.recipes.emotion import Imbalance


def add(commands: Commands) -> None:
    """Add both commands."""
    emotion = commands.add_parser("emotion", help="train an emotion classifier, on FER2013 / FER+ or your own folders")
    _add_common(emotion, ", ".join(named.EMOTION))
    emotion.add_argument(
        "--imbalance",
        choices=get_args(Imbalance),
        help="weights: the loss counts rare classes more; sampler: equal counts per class (default: the recipe's)",
    )
    emotion.add_argument("--exclude", type=Path, metavar="CSV", help="rows to leave out, as `clean` writes them")
    emotion.add_argument(
        "--report", type=Path, metavar="DIR", help="then write figures of the validation split as JSON and PNG to DIR"
    )
    emotion.set_defaults(run=_emotion)
    face = commands.add_parser("face", help="train a face detector")
    _add_common(face, ", ".join(named.FACE))
    face.set_defaults(run=_face)


def _add_common(command: argparse.ArgumentParser, names: str) -> None:
    command.add_argument("--recipe", default="base", help=f"one of {names} (default: base)")
    command.add_argument("--out", type=Path, help="run folder (default: runs/TASK-RECIPE)")
    command.add_argument("--seed", type=seed, default=0, help="of weights, order and augmentation (default: 0)")
    command.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a field of the recipe; repeatable"
    )
    command.add_argument("--init", type=Path, metavar="RUN", help="start from the weights of another run or .pt file")
    command.add_argument("--tensorboard", action="store_true", help="also write TensorBoard logs to RUN/tensorboard")
    add_data(command)


def _emotion(options: argparse.Namespace) -> int:
    settings = _settings(options)
    if options.imbalance:
        settings.append(f"imbalance={options.imbalance}")
    if options.exclude:
        settings.append(f"exclude={options.exclude}")
    recipe = choosing.chosen(named.EMOTION, options.recipe, settings)
    where = store.folder(options.data)
    from mien_train.data import emotion_data

    recipe = emotion_data.suited(recipe, where)
    if options.report:
        _place(options.report, "--report")
    run = _train(options, recipe, where)
    if options.report:
        from mien_train import evaluation
        from mien_train.emotion import report
        from mien_train.training import distributed

        if distributed.world().first:
            history = json.loads((run / "history.json").read_text(encoding="utf-8"))
            found = evaluation.evaluate(run / "checkpoint.pt", where, "val")
            report.write(options.report, found, history)
    return 0


def _face(options: argparse.Namespace) -> int:
    recipe = choosing.chosen(named.FACE, options.recipe, _settings(options))
    _train(options, recipe, store.folder(options.data))
    return 0


def _settings(options: argparse.Namespace) -> list[str]:
    settings = [*options.set]
    if options.init:
        settings.append(f"init={options.init / 'checkpoint.pt' if options.init.is_dir() else options.init}")
    return settings


def _place(path: Path, option: str = "--out") -> Path:
    """A folder that can be written into, which is to be known before training and not after.

    Raises:
        MienError: it cannot.
    """
    try:
        with tempfile.TemporaryFile(dir=folder(path, option)):
            return path
    except OSError as error:
        raise MienError(f"{path}: cannot be written into ({error.strerror}); choose another {option}") from None


def _train(options: argparse.Namespace, recipe: Recipe, where: Path) -> Path:
    from mien_train.training import distributed, loop, tasks, tensorboard

    run = _place(options.out or Path("runs") / f"{options.command}-{options.recipe}")
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(distributed.joined())
        log = None
        if options.tensorboard and here.first:
            log = stack.enter_context(tensorboard.Log(run)).write
        loop.train(tasks.opened(recipe, where), run, options.seed, options.resume, log)
    return run
