"""`sweep`: many trainings of one recipe with other settings, chosen by Optuna, judged on the validation split alone.

A study lives in an Optuna storage: a SQLite file in the sweep's folder, or any database that several machines reach.
A second call goes on with it. A trial whose process died or was stopped is repeated, from its last completed epoch
where its folder is at hand; a trial that failed for a reason (a loss that diverged) is not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mien.errors import MienError
from mien_train import evaluation
from mien_train.data import emotion_data, files
from mien_train.networks import registry
from mien_train.recipes import choosing
from mien_train.recipes.emotion import EmotionRecipe
from mien_train.recipes.named import EMOTION
from mien_train.study import sweep_pictures, sweep_result, sweep_space, sweep_study
from mien_train.study.sweep_result import Sweep, Tried
from mien_train.study.sweep_space import Space
from mien_train.training import history, loop, tasks
from mien_train.training.progress import say

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

DEFAULT_TRIALS = 20
"""Trials of a `tpe` sweep for which no number is given."""


def sweep(
    recipe_name: str,
    space: Path,
    data: Path,
    out: Path,
    storage: str | None,
    trials: int | None,
    seed: int,
    settings: Sequence[str],
) -> Sweep:
    """Train until the study has the wanted number of trials; write `sweep.json` and `sweep.png` to `out`.

    Args:
        recipe_name: emotion recipe that the trials start from.
        space: TOML file, see `mien_train.study.sweep_space`.
        data: data folder.
        out: sweep folder; trial N trains in `out/trial-N`.
        storage: Optuna storage URL, or None for `out/study.db`.
        trials: wanted in all, earlier calls and other machines included; None for all of a grid or one-at-a-time,
            and for `DEFAULT_TRIALS` of a tpe sweep.
        seed: of the search, and the same one of every training.
        settings: `field=value` replacements in the recipe.

    Returns:
        What `sweep.json` holds.

    Raises:
        MienError: a bad space, recipe, storage or data, a folder of another sweep, no trial succeeded, or a file or
            the storage cannot be written.
        KeyboardInterrupt: after saving; the same call goes on.
    """
    optuna = _optuna()
    varied = sweep_space.load(space, recipe_name, settings)
    recipe = emotion_data.suited(choosing.chosen(EMOTION, recipe_name, settings), data)
    task = tasks.opened(recipe, data)
    words = ["python", "-m", "mien_train", "sweep", recipe_name, "--space", str(space), "--seed", str(seed)]
    words += [word for setting in settings for word in ("--set", setting)]
    head = Sweep(
        command=shlex.join(words + (["--trials", str(trials)] if trials else [])),
        made_with={**evaluation.made_with(), "optuna": version("optuna")},
        protocol={"split": "val", "labels": recipe.labels, "partition": recipe.partition, "score": task.score},
        recipe=json.loads(json.dumps(dataclasses.asdict(recipe))),
        space=varied.document,
        seed=seed,
        data_sha256=task.data_sha256,
    )
    job = _Job(recipe, varied, data, out, seed, head)
    _begin(job)
    points = varied.points()
    # Trials of a list are read side by side: none is stopped early.
    pruner = optuna.pruners.NopPruner() if points else optuna.pruners.MedianPruner(5, n_warmup_steps=recipe.epochs // 4)
    study = sweep_study.opened(optuna, storage or f"sqlite:///{out / 'study.db'}", job.name(), pruner)
    for point in points:
        asked = {name: sweep_space.encoded(value) for name, value in point.items()}
        if asked not in [trial.user_attrs.get("asked") for trial in study.get_trials(deepcopy=False)]:
            study.enqueue_trial(asked, user_attrs={"asked": asked})
    try:
        while sweep_study.left(optuna, study, trials or len(points) or DEFAULT_TRIALS, bool(points)):
            # A reason for failing is kept with the trial; the sweep goes on without it.
            study.optimize(lambda trial: _trained(optuna, job, trial), n_trials=1, catch=(MienError,))
            _write(job, study)
        found = _write(job, study)
    except KeyboardInterrupt:
        _write(job, study)
        say(f"stopped; the same command goes on (sweep folder {out})")
        raise
    except optuna.exceptions.StorageInternalError as error:
        raise MienError(f"--storage: cannot be used ({error}); free some space, or give another one") from None
    if not any(trial.score is not None for trial in found.trials):
        reasons = [trial.error for trial in found.trials if trial.error]
        raise MienError(f"no trial succeeded; the first said: {reasons[0] if reasons else 'nothing'}")
    sweep_pictures.draw(out / "sweep.png", found)
    return found


@dataclass(frozen=True, slots=True)
class _Job:
    """What every trial of a sweep shares; `head` is the part of its result that is known before."""

    recipe: EmotionRecipe
    space: Space
    data: Path
    out: Path
    seed: int
    head: Sweep

    def name(self) -> str:
        """Of the study: sweeps that differ in anything never meet in a storage that they share."""
        digest = hashlib.sha256(json.dumps(self.head.definition(), sort_keys=True).encode()).hexdigest()
        return f"mien-{self.recipe.name}-{digest[:12]}"


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError:
        raise MienError("optuna is not installed; install it: pip install 'mien[train]'") from None
    # Its remarks on a failed trial are tracebacks; the reason stands in our table.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _begin(job: _Job) -> None:
    path = job.out / "sweep.json"
    try:
        job.out.mkdir(parents=True, exist_ok=True)
        stored = sweep_result.parsed(json.loads(path.read_text(encoding="utf-8")), str(path)) if path.exists() else None
    except OSError as error:
        raise MienError(f"{job.out}: cannot be used ({error.strerror}); choose another --out") from None
    except (ValueError, RecursionError):
        raise MienError(f"{path}: not the result of a sweep; choose another --out") from None
    if stored is None:
        return
    ours, theirs = job.head.definition(), stored.definition()
    differing = [key for key, value in ours.items() if theirs[key] != value]
    if differing:
        raise MienError(f"{job.out}: holds a sweep begun with another {' and '.join(differing)}; choose another --out")


def _trained(optuna: ModuleType, job: _Job, trial: Trial) -> float:
    """Train one trial; its validation score."""
    # Seeded by the trial's number, a resumed sweep draws what an unbroken one draws, and two machines differ.
    trial.study.sampler = optuna.samplers.TPESampler(seed=(job.seed * 100_003 + trial.number) % 2**32)
    folder = job.out / trial.user_attrs.get("folder", f"trial-{trial.number}")
    trial.set_user_attr("folder", folder.name)
    try:
        folder.mkdir(exist_ok=True)
        return _scored(optuna, job, trial, folder)
    except MienError as error:
        trial.set_user_attr("error", str(error))
        raise
    except (KeyboardInterrupt, OSError):  # no fault of its settings
        sweep_study.queue_again(optuna, trial.study, trial.number)
        raise


def _scored(optuna: ModuleType, job: _Job, trial: Trial, folder: Path) -> float:
    values = job.space.suggest(trial)
    say(f"trial {trial.number}: " + ", ".join(f"{k} {sweep_pictures.label(v)}" for k, v in values.items()))
    task = tasks.opened(choosing.changed(job.recipe, values), job.data)
    try:
        network = registry.build(task.network)
    except (MienError, ValueError, RuntimeError) as error:
        raise MienError(f"these settings make no network ({error}); mend the space") from None
    trial.set_user_attr("parameters", sum(p.numel() for p in network.parameters()))
    seconds = 0.0

    def noted(row: Mapping[str, float]) -> None:
        nonlocal seconds
        seconds += row["seconds"]
        trial.set_user_attr("epochs", int(row["epoch"]))
        trial.set_user_attr("seconds", round(seconds, 1))
        if f"val_{task.score}" in row:
            trial.report(row[f"val_{task.score}"], int(row["epoch"]))

    def on_epoch(row: Mapping[str, float]) -> None:
        noted(row)
        if trial.should_prune():
            raise optuna.TrialPruned

    if (folder / "history.json").exists():
        for row in history.read(folder / "history.json")["epochs"]:
            noted(row)
    trained = loop.train(task, folder, job.seed, resume=True, on_epoch=on_epoch)
    trial.set_user_attr("best_epoch", trained.epoch)
    return float(trained.metrics[task.score])


def _write(job: _Job, study: Study) -> Sweep:
    trials = tuple(_tried(job, trial) for trial in study.get_trials(deepcopy=False) if trial.state.name != "WAITING")
    done = [(trial.score, -trial.number) for trial in trials if trial.state == "complete" and trial.score is not None]
    found = dataclasses.replace(job.head, best=-max(done)[1] if done else None, trials=trials)
    files.write_json(job.out / "sweep.json", found.document())
    return found


def _tried(job: _Job, trial: FrozenTrial) -> Tried:
    noted, state = trial.user_attrs, trial.state.name.lower()
    if state == "fail":
        state = "failed" if "error" in noted else "interrupted"
    # A pruned trial's score is the best that it reached, as a complete one's is.
    score = trial.value if state == "complete" else max(trial.intermediate_values.values(), default=None)
    return Tried(
        number=trial.number,
        state=state,
        values=json.loads(json.dumps(job.space.decoded(trial.params))),
        score=score if state in ("complete", "pruned") else None,
        epochs=noted.get("epochs", 0),
        seconds=noted.get("seconds", 0.0),
        parameters=noted.get("parameters", 0),
        best_epoch=noted.get("best_epoch"),
        folder=noted.get("folder"),
        repeats=sweep_study.repeats(trial),
        error=noted.get("error"),
    )
