"""`emotion`, `distil` and `face`: train a network."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from mien.errors import MienError
from mien_train.commands.options import Commands, add_data, folder, seed
from mien_train.data import store
from mien_train.recipes import choosing, named
from mien_train.recipes.base import Recipe
from mien_train.recipes.emotion import EmotionRecipe, Imbalance
from mien_train.training.progress import say

if TYPE_CHECKING:
    from mien_train.training.loop import Task


TEACHERS: Mapping[str, tuple[str, ...]] = {
    "cores": ("teacher:0",),
    "accelerator": ("teacher-large:0",),
}
"""Who teaches where nobody is named: what two cores train in a night, and what an accelerator trains in minutes."""

_TAUGHT = 0.6
"""Share of the loss that teachers have where the recipe names none."""

_TAUGHT_FACE = 0.5
"""The same of a detector's teacher."""


def add(commands: Commands) -> None:
    """Add the commands."""
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
    _add_distil(commands)
    face = commands.add_parser("face", help="train a face detector")
    _add_common(face, ", ".join(named.FACE))
    face.add_argument(
        "--teacher",
        type=Path,
        metavar="RUN",
        help="a finished run of a larger detector, trained on the same photographs at the same input size, which says "
        "what it sees in every training picture",
    )
    face.set_defaults(run=_face)


def _add_distil(commands: Commands) -> None:
    distil = commands.add_parser(
        "distil",
        help="train an emotion classifier that several larger ones teach",
        description="Train an emotion classifier on its labels and on the averaged answers of teachers, for the same "
        "augmented views. Teachers that are named as RECIPE:SEED are trained first, as far as they are not yet; what "
        "they answer is kept in the cache. With --resume all of it goes on where it was interrupted.",
    )
    _add_common(distil, ", ".join(named.EMOTION))
    distil.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="RUN|RECIPE:SEED",
        help="a finished run, or a recipe and a seed to train one with; repeatable",
    )
    distil.add_argument(
        "--teachers",
        choices=tuple(TEACHERS),
        help="without --teacher: "
        + "; ".join(f"{name}: {', '.join(words)}" for name, words in TEACHERS.items())
        + " (default: accelerator where there is one)",
    )
    distil.add_argument(
        "--teacher-set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change a field of the recipes that teachers are trained with; repeatable",
    )
    distil.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of teachers' runs (default: runs)"
    )
    distil.set_defaults(run=_distil)


def _add_common(command: argparse.ArgumentParser, names: str, usual: str = "base") -> None:
    command.add_argument("--recipe", default=usual, help=f"one of {names} (default: {usual})")
    command.add_argument("--out", type=Path, help="run folder (default: runs/TASK-RECIPE)")
    command.add_argument("--seed", type=seed, default=0, help="of weights, order and augmentation (default: 0)")
    command.add_argument("--resume", action="store_true", help="go on with the run in the folder")
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="change a field of the recipe; repeatable"
    )
    command.add_argument(
        "--init",
        type=Path,
        metavar="RUN",
        help="start from the weights of another run, .pt file, or exported .onnx file",
    )
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
    if recipe.taught:
        raise MienError(f"taught is {recipe.taught:g}, but `emotion` has no teachers; use `distil`, or set taught to 0")
    if options.report:
        _place(options.report, "--report")
    run = _train(options, recipe, where)
    if options.report:
        from mien_train import evaluation
        from mien_train.emotion import report
        from mien_train.training import distributed, history

        if distributed.world().first:
            found = evaluation.evaluate(run / "checkpoint.pt", where, "val")
            report.write(options.report, found, history.read(run / "history.json"))
    return 0


def _distil(options: argparse.Namespace) -> int:
    plain = options.recipe in named.EMOTION and not named.EMOTION[options.recipe].taught
    settings = [*([f"taught={_TAUGHT}"] if plain else []), *_settings(options)]
    recipe = choosing.chosen(named.EMOTION, options.recipe, settings)
    if not recipe.taught:
        raise MienError("taught is 0, so that nobody would teach; leave it out, or train with `emotion`")
    where = store.folder(options.data)
    from mien_train.data import emotion_data
    from mien_train.training import distributed

    recipe = emotion_data.suited(recipe, where)
    if recipe.labels != "folders" and recipe.near_copies == "kept":
        raise MienError(
            f"recipe {recipe.name} keeps training images that are near copies of validation images, which teachers "
            "would have by heart; set near_copies to left-out"
        )
    if options.teacher and options.teachers:
        raise MienError("--teachers says who teaches where no --teacher does; leave one of the two out")
    usual = "accelerator" if distributed.device().type != "cpu" else "cores"
    words = options.teacher or TEACHERS[options.teachers or usual]
    planned = [_teacher(word, options, recipe) for word in words]  # a wrong word is told before the long work
    if options.teacher_set and all(theirs is None for _, theirs in planned):
        raise MienError("--teacher-set changes how teachers are trained, and all of these are finished; leave it out")
    out = _place(options.out or Path("runs") / f"distil-{options.recipe}")
    runs = [run if theirs is None else _trained(run, theirs, options, where) for run, theirs in planned]
    from mien_train.training import tasks

    _loop(options, tasks.taught(recipe, where, runs), out)
    return 0


@dataclass(frozen=True)
class _Planned:
    """How a teacher is trained."""

    recipe: EmotionRecipe
    seed: int


def _teacher(word: str, options: argparse.Namespace, student: EmotionRecipe) -> tuple[Path, _Planned | None]:
    """A teacher's run folder, and how it is trained where the word says so.

    Raises:
        MienError: neither a run that is there nor a recipe and a seed, or a recipe that does not suit the student.
    """
    name, separator, number = word.rpartition(":")
    if Path(word).exists() or not separator or not number.isdecimal():
        if not Path(word).exists():
            raise MienError(f"--teacher {word}: no such run; give a run folder, a .pt file or RECIPE:SEED")
        return Path(word), None
    from mien_train.data import emotion_data
    from mien_train.emotion import teachers

    recipe = choosing.chosen(named.EMOTION, name, options.teacher_set)
    if student.labels == "folders":
        recipe = emotion_data.for_folders(recipe)
    teachers.suits(f"--teacher {word}", recipe, student)
    try:
        return options.runs / f"emotion-{name}-{number}", _Planned(recipe, seed(number))
    except argparse.ArgumentTypeError as error:
        raise MienError(f"--teacher {word}: {error}") from None


def _trained(run: Path, teacher: _Planned, options: argparse.Namespace, where: Path) -> Path:
    """The folder of a teacher's finished run, which is begun, or gone on with, or taken as it is."""
    from mien_train.training import checkpoint, loop, tasks

    path = run / "checkpoint.pt"
    complete = path.is_file() and not checkpoint.load(path).resume
    say(f"teacher {run}")
    loop.train(tasks.opened(teacher.recipe, where), _place(run, "--runs"), teacher.seed, options.resume or complete)
    return run


def _face(options: argparse.Namespace) -> int:
    plain = options.recipe in named.FACE and not named.FACE[options.recipe].taught
    settings = [*([f"taught={_TAUGHT_FACE}"] if options.teacher and plain else []), *_settings(options)]
    recipe = choosing.chosen(named.FACE, options.recipe, settings)
    for name, weight in (("taught", recipe.taught), ("hinted", recipe.hinted)):
        if weight and not options.teacher:
            raise MienError(f"{name} is {weight:g}, but nobody teaches; name a run with --teacher, or leave it out")
    if options.teacher and not recipe.taught:
        raise MienError("taught is 0, so that --teacher would say nothing; leave one of the two out")
    where = store.folder(options.data)
    if options.teacher is None:
        _train(options, recipe, where)
        return 0
    if not options.teacher.exists():
        raise MienError(f"--teacher {options.teacher}: no such run; give a run folder or a .pt file")
    run = _place(options.out or Path("runs") / f"face-{options.recipe}")
    from mien_train.training import tasks

    _loop(options, tasks.taught_face(recipe, where, options.teacher), run)
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
    from mien_train.training import distributed, tasks

    run = _place(options.out or Path("runs") / f"{options.command}-{options.recipe}")
    with distributed.joined():
        _loop(options, tasks.opened(recipe, where), run)
    return run


def _loop(options: argparse.Namespace, task: Task, run: Path) -> None:
    from mien_train.training import distributed, loop, tensorboard

    with contextlib.ExitStack() as stack:
        log = None
        if options.tensorboard and distributed.world().first:
            log = stack.enter_context(tensorboard.Log(run)).write
        loop.train(task, run, options.seed, options.resume, log)
