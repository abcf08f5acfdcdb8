"""`seeds`: how far the figures of a recipe depend on the seed it was trained with, and on the images it was tested on.

Each seed's int8 TFLite is read under the same protocols as a bundled model's. Which images happen to be in the test
split is the other chance: the interval is of the mean over seeds, over images drawn anew with replacement, all seeds
on the same ones (Efron and Tibshirani 1993, "An introduction to the bootstrap", percentile interval).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from mien import machine
from mien.errors import MienError
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_export import files
from mien_export.records.reading import checked
from mien_export.records.seeds import Figures, Seed, Seeds, Spread
from mien_train.evaluation import evaluate, recipe
from mien_train.model_file import task_of
from mien_train.training.progress import Progress, progress

FOLDER = Path("docs/results")

SAMPLES = 1000
"""Draws of the images."""
_SEED = 0
"""Of these draws."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_LOOKS = (("val", "strict"), ("test", "strict"), ("test", "loose"))


class _Default(TypedDict):
    mean_recall: float


class _Look(TypedDict):
    """Of what `evaluate` says what is used; `right` on test images, `default` where another expression is judged."""

    n: int
    accuracy: float
    macro_f1: float
    mean_recall: float
    default: NotRequired[_Default]
    right: NotRequired[list[bool]]
    made_with: dict[str, str]


def write(name: str, models: Sequence[Path], data: Path, command: str, out: Path | None = None) -> Path:
    """Measure several seeds of a recipe, write docs/results/seeds-NAME.json; each look at the test split is noted.

    Args:
        name: of the model that has this recipe, such as "emotion-base"; a bundled one's recipe is compared.
        models: int8 TFLite files, each beside its sidecar.
        data: data folder.
        command: that makes this result.
        out: another place for the result.

    Raises:
        MienError: the name or a model cannot be used, they are not of one recipe and of different seeds, or the data
            or the place cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise MienError(f"{name} is no name for a model; give one such as emotion-base, then the .tflite files")
    found = same_recipe(models)
    if (bundle.MODELS / f"{name}.json").is_file() and (differing := _differing(bundle.load(name), found[0])):
        raise MienError(
            f"{models[0]}: was trained otherwise than the bundled {name} ({', '.join(differing)}); give exports of its "
            "recipe, or another NAME"
        )
    path = out or FOLDER / f"seeds-{name}.json"
    files.writable(path)
    files.write_json(path, measure(name, models, found, data, command))
    return path


def same_recipe(models: Sequence[Path]) -> list[Bundle]:
    """The sidecars of models that differ in nothing but their seed.

    Raises:
        MienError: fewer than two, one is no TFLite of an emotion classifier of FER+'s labels, two have the same seed,
            or they were trained with different settings or on different data.
    """
    if len(models) < 2:
        raise MienError(f"{len(models)} model given; how seeds differ shows from two on")
    found: list[Bundle] = []
    by_seed: dict[int, Path] = {}
    for path in models:
        if path.suffix != ".tflite" or task_of(path) != "emotion":
            raise MienError(f"{path}: is no int8 TFLite of an emotion classifier; give the .tflite files of a `build`")
        if not recipe(path).usual:
            raise MienError(f"{path}: was not trained on FER+'s labels, by which the protocols judge; leave it out")
        model = bundle.load(path)
        training = model.sidecar.training
        if (other := by_seed.setdefault(training.seed, path)) is not path:
            raise MienError(f"{path}: has seed {training.seed}, as {other} has; give each seed once")
        differing = _differing(found[0], model) if found else []
        if differing:
            raise MienError(
                f"{path}: was trained otherwise than {models[0]} ({', '.join(differing)}); give exports of one recipe"
            )
        found.append(model)
    return found


def _differing(one: Bundle, other: Bundle) -> list[str]:
    """What of two trainings is not the same, seed and best epoch aside."""
    mine, theirs = one.sidecar.training, other.sidecar.training
    fields = sorted(name for name in {*mine.recipe, *theirs.recipe} if mine.recipe.get(name) != theirs.recipe.get(name))
    network = [] if fields or mine.network == theirs.network else ["network"]
    return [*fields, *network, *([] if mine.data_sha256 == theirs.data_sha256 else ["data"])]


def measure(name: str, models: Sequence[Path], found: Sequence[Bundle], data: Path, command: str) -> Seeds:
    """Evaluate every model on every split and protocol; see `write`."""
    seeds: list[Seed] = []
    right: dict[str, list[list[bool]]] = {"strict": [], "loose": []}
    read: dict[tuple[str, str], _Look] = {}
    looks: Progress[None] = progress(None, "seeds", total=len(models) * len(_LOOKS), unit="looks")
    with looks:
        for path, model in zip(models, found, strict=True):
            for split, protocol in _LOOKS:
                looks.note(f"seed {model.sidecar.training.seed}, {protocol} {split}")
                look = evaluate(path, data, split, protocol, each=split == "test")
                read[split, protocol] = checked(look, _Look, f"evaluation of {path}")
                looks.step()
            for protocol, rows in right.items():
                rows.append(read["test", protocol]["right"])
            seeds.append(_seed(model, read))
    return {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "model": name,
        "recipe": str(found[0].sidecar.training.recipe["name"]),
        "bootstrap": {"samples": SAMPLES, "seed": _SEED},
        "seeds": seeds,
        "validation": {"n": read["val", "strict"]["n"], **_over([row["validation"] for row in seeds])},
        "strict": _spread([row["strict"] for row in seeds], np.array(right["strict"])),
        "loose": _spread([row["loose"] for row in seeds], np.array(right["loose"])),
        "made_with": read["test", "strict"]["made_with"],
        "hardware": machine.facts(),
    }


def _seed(model: Bundle, read: dict[tuple[str, str], _Look]) -> Seed:
    artefact = model.sidecar.files["tflite"]
    return {
        "seed": model.sidecar.training.seed,
        "file": artefact.file,
        "sha256": artefact.sha256,
        "epochs": model.sidecar.training.epochs,
        "default": model.expressions[0].name,
        "validation": read["val", "strict"]["accuracy"],
        "strict": _figures(read["test", "strict"]),
        "loose": _figures(read["test", "loose"]),
    }


def _figures(found: _Look) -> Figures:
    # Where what is judged is the default, evaluate says it once.
    recall = found["default"]["mean_recall"] if "default" in found else found["mean_recall"]
    return {"accuracy": found["accuracy"], "macro_f1": found["macro_f1"], "mean_recall": recall}


class _Over(TypedDict):
    mean: float
    deviation: float


def _over(values: Sequence[float]) -> _Over:
    """Mean and sample standard deviation of two values or more."""
    return {"mean": round(float(np.mean(values)), 5), "deviation": round(float(np.std(values, ddof=1)), 5)}


def _spread(rows: Sequence[Figures], right: NDArray[np.bool_]) -> Spread:
    """Of figures of S seeds, and bool (S, n), which images each seed read rightly."""
    accuracy = _over([row["accuracy"] for row in rows])
    macro_f1 = _over([row["macro_f1"] for row in rows])
    mean_recall = _over([row["mean_recall"] for row in rows])
    low, high = interval(right)
    return {
        "n": right.shape[1],
        "mean": {"accuracy": accuracy["mean"], "macro_f1": macro_f1["mean"], "mean_recall": mean_recall["mean"]},
        "deviation": {
            "accuracy": accuracy["deviation"],
            "macro_f1": macro_f1["deviation"],
            "mean_recall": mean_recall["deviation"],
        },
        "interval95": [round(low, 5), round(high, 5)],
    }


def interval(right: NDArray[np.bool_], samples: int = SAMPLES, seed: int = _SEED) -> tuple[float, float]:
    """The bootstrap 95 % interval of the mean accuracy, over images.

    Args:
        right: bool (S, n), which images each of S seeds read rightly; n above 0.
        samples: draws of n images with replacement, the same ones for every seed.
        seed: of the draws.
    """
    shares = right.mean(axis=0)
    rng = np.random.default_rng(seed)
    means = [shares[rng.integers(len(shares), size=len(shares))].mean() for _ in range(samples)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
