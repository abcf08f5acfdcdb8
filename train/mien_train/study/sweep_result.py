"""What a sweep found: what `sweep.json` holds, and what tables and pictures are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from mien.models.fields import Fields

STATES = ("complete", "pruned", "failed", "interrupted", "running")
_REMEDY = "it is not the result of a sweep; remove it"


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial.

    Attributes:
        number: of the trial, from 0.
        state: one of `STATES`.
        values: of the varied fields, as JSON; less than all where the trial was cut off.
        score: best validation score, or None.
        epochs, seconds: trained so far.
        parameters: of the network; 0 where it could not be built.
        best_epoch: whose weights were kept, or None.
        folder: of the trial in the sweep's folder, or None.
        repeats: number of the trial of which this is another try, or None.
        error: why it failed, or None.
    """

    number: int
    state: str
    values: Mapping[str, object]
    score: float | None
    epochs: int
    seconds: float
    parameters: int
    best_epoch: int | None = None
    folder: str | None = None
    repeats: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep.

    Attributes:
        command: that goes on with it.
        made_with: versions and processor.
        protocol: "split", "labels", "partition", and "score": the figure that decides.
        recipe: that the trials start from, as JSON.
        space: what is varied, as the TOML file has it.
        seed: of the search and of every training.
        data_sha256: of the training arrays.
        best: number of the best complete trial, or None.
        trials: by number.
    """

    command: str
    made_with: Mapping[str, str]
    protocol: Mapping[str, str]
    recipe: Mapping[str, object]
    space: Mapping[str, object]
    seed: int
    data_sha256: str
    best: int | None = None
    trials: tuple[Tried, ...] = ()

    @property
    def sampler(self) -> str:
        """How trials were chosen; see `mien_train.study.sweep_space`."""
        return str(self.space.get("sampler", "tpe"))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the varied fields."""
        return tuple(name for name in self.space if name != "sampler")

    def definition(self) -> Mapping[str, object]:
        """What makes it this sweep and no other."""
        return {"recipe": self.recipe, "space": self.space, "seed": self.seed, "data_sha256": self.data_sha256}

    def document(self) -> dict[str, object]:
        """JSON types; what a trial does not have is left out."""
        trials = [
            {k: v for k, v in dataclasses.asdict(t).items() if v is not None or k == "score"} for t in self.trials
        ]
        return {**dataclasses.asdict(self), "trials": trials}


def parsed(document: object, place: str) -> Sweep:
    """A sweep.json.

    Args:
        document: decoded JSON.
        place: of it, for errors.

    Raises:
        MienError: it is no result of a sweep.
    """
    fields = Fields({"sweep": document}, place, _REMEDY).part("sweep")
    trials = fields.values.get("trials")
    found = Sweep(
        command=fields.text("command"),
        made_with=_texts(fields.part("made_with")),
        protocol=_texts(fields.part("protocol")),
        recipe=fields.part("recipe").values,
        space=fields.part("space").values,
        seed=fields.integer("seed", 0, 1 << 62),
        data_sha256=fields.text("data_sha256"),
        best=None if fields.values.get("best") is None else fields.integer("best", 0, 1 << 31),
        trials=() if trials == [] else tuple(_tried(part) for part in fields.parts("trials")),
    )
    Fields(found.protocol, place, _REMEDY).text("score")
    return found


def _tried(fields: Fields) -> Tried:
    state, values = fields.text("state"), fields.values
    if state not in STATES:
        raise fields.wrong("state", f"one of {', '.join(STATES)}")
    return Tried(
        number=fields.integer("number", 0, 1 << 31),
        state=state,
        values=fields.part("values").values,
        score=None if values.get("score") is None else fields.number("score", -1e12, 1e12),
        epochs=fields.integer("epochs", 0, 1 << 31),
        seconds=fields.number("seconds", 0, 1e12),
        parameters=fields.integer("parameters", 0, 1 << 40),
        best_epoch=fields.integer("best_epoch", 0, 1 << 31) if "best_epoch" in values else None,
        folder=fields.text("folder") if "folder" in values else None,
        repeats=fields.integer("repeats", 0, 1 << 31) if "repeats" in values else None,
        error=fields.text("error") if "error" in values else None,
    )


def _texts(fields: Fields) -> Mapping[str, str]:
    return {key: fields.text(key) for key in fields.values}
