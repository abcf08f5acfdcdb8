"""`compare`: every contestant trained and measured under one protocol, resumably.

Each is trained and exported by the same commands that a user would type, in processes of their own: `mien_train
emotion`, then `mien_export build`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mien import machine
from mien.errors import MienError
from mien.models import bundle
from mien_train import evaluation
from mien_train.networks import registry
from mien_train.recipes import definition, named
from mien_train.study import pace
from mien_train.study.contestants import CONTESTANTS, Contestant
from mien_train.training import checkpoint
from mien_train.training.progress import progress

_OURS = "base"
_QUICK = ("epochs=1",)
_NOT_QUANTIZED = "two-stage"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to compare.

    Attributes:
        runs: folder of the run folders; a complete run in it is not trained again.
        data: data folder.
        seed: of every training.
        jobs: trainings at a time, which share the processor's cores.
        quick: one epoch each.
        log: gets a line for each look at a test split.
    """

    runs: Path
    data: Path
    seed: int = 0
    jobs: int = 1
    quick: bool = False
    log: Path = evaluation.TEST_LOG


def compare(plan: Plan, names: Sequence[str] = ()) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Train and measure.

    Args:
        plan: where and how.
        names: recipes to compare; all if empty.

    Returns:
        One row a contestant, JSON types, and the histories of their runs by contestant.

    Raises:
        MienError: an unknown recipe, a training that fails (its log is named), or unusable data.
    """
    for name in names:
        if name not in {c.recipe for c in CONTESTANTS}:
            raise MienError(f"unknown recipe {name!r}; {definition.nearest(name, {c.recipe: c for c in CONTESTANTS})}")
    chosen = [c for c in CONTESTANTS if not names or c.recipe in names]
    trained = [c for c in chosen if c.recipe != _OURS]
    for wave in ([c for c in trained if not c.start], [c for c in trained if c.start]):
        _train_all(plan, wave)
    artefacts = {c.name: _exported(plan, c) for c in progress(trained, "export", unit="models")}
    ours = bundle.load("emotion-base")
    paces = pace.ratios({**{n: p for n, p in artefacts.items() if p}, _OURS: ours.path}, _OURS)
    bar = tqdm(chosen, desc="evaluate", unit=" models", disable=None)
    rows = [_row(plan, c, ours.path if c.recipe == _OURS else artefacts[c.name], paces.get(c.name)) for c in bar]
    histories = {
        c.name: json.loads((_run(plan, c) / "history.json").read_text(encoding="utf-8"))["epochs"] for c in trained
    }
    return rows, histories


def _run(plan: Plan, contestant: Contestant) -> Path:
    return plan.runs / contestant.folder


def settings_of(plan: Plan, contestant: Contestant) -> list[str]:
    """`name=value` changes of the contestant's recipe under this plan."""
    start = [c for c in CONTESTANTS if c.name == contestant.start]
    init = [f"init={_run(plan, start[0]) / 'checkpoint.pt'}"] if start else []
    return [*contestant.settings, *init, *(_QUICK if plan.quick else ())]


def _complete(plan: Plan, contestant: Contestant) -> bool:
    """Whether the run came to its end.

    Raises:
        MienError: it was another run.
    """
    path = _run(plan, contestant) / "checkpoint.pt"
    if not path.is_file():
        return False
    stored = checkpoint.load(path)
    recipe = definition.chosen(named.EMOTION, contestant.recipe, settings_of(plan, contestant))
    if (definition.recipe_of(stored.task, stored.recipe), stored.seed) != (recipe, plan.seed):
        raise MienError(f"{path.parent}: was trained with another recipe or seed; remove it or choose another --runs")
    return not stored.resume


def _train_all(plan: Plan, contestants: Sequence[Contestant]) -> None:
    waiting = [c for c in contestants if not _complete(plan, c)]
    if not waiting:
        return
    cores = len(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, cores // plan.jobs))}
    with (
        ThreadPoolExecutor(plan.jobs) as pool,
        tqdm(total=len(waiting), desc="train", unit=" recipes", disable=None) as bar,
    ):

        def train(contestant: Contestant) -> None:
            run = _run(plan, contestant)
            settings = [word for setting in settings_of(plan, contestant) for word in ("--set", setting)]
            _call(
                [
                    *("mien_train", "emotion", "--recipe", contestant.recipe, "--out", str(run), "--resume"),
                    *("--seed", str(plan.seed), "--data", str(plan.data), *settings),
                ],
                run,
                environment,
            )
            bar.update()

        try:
            for future in [pool.submit(train, c) for c in waiting]:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _exported(plan: Plan, contestant: Contestant) -> Path | None:
    """Sidecar of the int8 model, built unless it is newer than the checkpoint; None for what int8 cannot hold."""
    run = _run(plan, contestant)
    if checkpoint.load(run / "checkpoint.pt").network["name"] == _NOT_QUANTIZED:
        return None
    path = run / "model.json"
    if not path.is_file() or path.stat().st_mtime < (run / "checkpoint.pt").stat().st_mtime:
        _call(
            ["mien_export", "build", str(run), "--out", str(run), "--name", "model", "--data", str(plan.data)],
            run,
            dict(os.environ),
        )
    return path


def _call(words: list[str], run: Path, environment: dict[str, str]) -> None:
    run.mkdir(parents=True, exist_ok=True)
    log = run / "log.txt"
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(
            [sys.executable, "-m", *words], stdout=file, stderr=subprocess.STDOUT, env=environment, check=False
        )
    if done.returncode:
        last = (log.read_text(encoding="utf-8").strip().splitlines() or ["no output"])[-1]
        raise MienError(f"python -m {' '.join(words)} failed with status {done.returncode}: {last} (all of it: {log})")


def _row(plan: Plan, contestant: Contestant, sidecar: Path | None, ratio: float | None) -> dict[str, Any]:
    model = bundle.load(sidecar) if sidecar else None
    ours = contestant.recipe == _OURS
    assert model or not ours
    float_model = model.artefact("tflite") if ours and model else _run(plan, contestant) / "checkpoint.pt"
    stored = None if ours else checkpoint.load(float_model)
    recipe = evaluation.recipe(float_model)
    own = evaluation.evaluate(float_model, plan.data, "test", "own", plan.log)
    strict, loose = None, None
    if recipe.partition != "swapped" and recipe.crops == "direct":
        # A swapped run selected its epoch on the private images, so that they can no longer test it.
        strict = own if recipe.usual else evaluation.evaluate(float_model, plan.data, "test", "strict", plan.log)
        loose = evaluation.evaluate(float_model, plan.data, "test", "loose", plan.log)
    int8 = own if ours else model and evaluation.evaluate(model.artefact("tflite"), plan.data, "test", "own", plan.log)
    network = stored.network if stored else model.sidecar.training.network  # type: ignore[union-attr]
    parameters, macs = registry.count(registry.build(network).eval(), 48, 48)
    history = [] if ours else json.loads((float_model.parent / "history.json").read_text(encoding="utf-8"))["epochs"]
    return {
        "recipe": contestant.name,
        "protocol": contestant.tested,
        "published": contestant.published or None,
        **{k: own[k] for k in ("accuracy", "weighted_precision", "weighted_recall", "weighted_f1", "macro_f1", "n")},
        "met": {k: own[k] >= v for k, v in contestant.published.items()} or None,
        "strict_accuracy": strict and strict["accuracy"],
        "loose_accuracy": loose and loose["accuracy"],
        "int8_accuracy": int8 and int8["accuracy"],
        "parameters": parameters,
        "macs": macs,
        "int8_bytes": model and model.sidecar.files["tflite"].bytes,
        "latency_ratio": ratio,
        "remark": contestant.remark,
        "per_class": own["per_class"],
        "confusion": own["confusion"],
        "seed": stored.seed if stored else model.sidecar.training.seed,  # type: ignore[union-attr]
        "epochs": len(history) or recipe.epochs,
        "best_epoch": stored.epoch if stored else model.sidecar.training.epochs,  # type: ignore[union-attr]
        "seconds": round(sum(row["seconds"] for row in history), 1) if history else None,
        "settings": dataclasses.asdict(recipe),
        "made_with": {**own["made_with"], "cpu": machine.facts()["cpu"]},
    }


def plan_of(runs: Path, data: Path, seed: int, jobs: int, quick: bool) -> Plan:
    """A plan; a quick look keeps its runs and its looks at the test split apart from the real ones."""
    if quick:
        quick_runs = runs.parent / f"{runs.resolve().name}-quick"
        return Plan(quick_runs, data, seed, jobs, True, quick_runs / "test-log.jsonl")
    return Plan(runs, data, seed, jobs)
