"""What a sweep varies: a TOML file with one table per recipe field.

    sampler = "tpe"            # the default; or "grid", or "one-at-a-time"

    [learning_rate]            # a number: from low to high, both included
    low = 1e-3
    high = 1e-2
    log = true                 # evenly in its logarithm; or step = 5e-4, in steps from low

    [widths]                   # any field: one of some values; a list where the field holds several
    choices = [[16, 32], [16, 32, 64]]

- `tpe` looks where earlier trials were good (Optuna's TPE) and stops the clearly worse ones early.
- `grid` trains every combination of the choices once.
- `one-at-a-time` trains the recipe as it is, then each choice of each field with all other fields left as they are.

The last two take choices only, and stop no trial early, since their results are read side by side.
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.errors import MienError
from mien_train.recipes import choosing
from mien_train.recipes.named import EMOTION

if TYPE_CHECKING:
    from optuna import Trial

Values = dict[str, Any]
"""Recipe fields by name, each of the type that the recipe has."""

SAMPLERS = ("tpe", "grid", "one-at-a-time")
_KEYS = dict.fromkeys(("low", "high", "log", "step", "choices"))
_JUDGES = ("labels", "partition", "holdout", "crops", "validate_every")
"""Fields that change which validation images are asked, or how often: their trials could not be compared."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included.

    Attributes:
        low, high: bounds, both int or both float.
        log: drawn evenly in the logarithm.
        step: between values, from low; None for any value (1 for integers).
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """A checked space.

    Attributes:
        sampler: one of `SAMPLERS`.
        fields: by name, a range or the values to choose from, of the type that the recipe's field has.
        own: the recipe's own value of each of these fields.
        document: the file's content, as read.
    """

    sampler: str
    fields: dict[str, Range | tuple[Any, ...]]
    own: Values
    document: Mapping[str, object]

    def points(self) -> list[Values]:
        """Every combination that `grid` and `one-at-a-time` train, in order and none twice; none for `tpe`."""
        lists = {name: values for name, values in self.fields.items() if isinstance(values, tuple)}
        found: list[Values] = []
        if self.sampler == "grid":
            found = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
        elif self.sampler == "one-at-a-time":
            found = [self.own, *({**self.own, name: value} for name, values in lists.items() for value in values)]
        return [point for index, point in enumerate(found) if point not in found[:index]]

    def suggest(self, trial: Trial) -> Values:
        """The values of one trial."""
        return self.decoded({name: _suggested(trial, name, values) for name, values in self.fields.items()})

    def decoded(self, stored: Mapping[str, Any]) -> Values:
        """Values as the recipe has them, from what Optuna stores of a trial (less than all, if it was cut off)."""
        found = dict(stored)
        for name, values in self.fields.items():
            if name in found and isinstance(values, tuple):
                found[name] = {encoded(value): value for value in values}[found[name]]
        return found


def load(path: Path, recipe: str, settings: Sequence[str]) -> Space:
    """Read a space for a recipe with `field=value` settings applied.

    Raises:
        MienError: the file, or a field or bound in it, is no good; the field and the nearest valid name are named.
    """
    base = choosing.chosen(EMOTION, recipe, settings)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MienError(f"{path}: cannot be read ({error.strerror}); give a space file with --space") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MienError(f"{path}: not a TOML file ({error})") from None
    tables = dict(document)
    sampler = tables.pop("sampler", SAMPLERS[0])
    if sampler not in SAMPLERS:
        raise MienError(f"{path}: sampler is {sampler!r}; choose one of {', '.join(SAMPLERS)}")
    if not tables:
        raise MienError(f"{path}: varies nothing; add a table such as [learning_rate] with low and high")
    own = {name: getattr(base, name) for name in tables if hasattr(base, name)}
    fields: dict[str, Range | tuple[Any, ...]] = {}
    for name, table in tables.items():
        try:
            fields[name] = _field(name, table, recipe, settings)
        except MienError as error:
            raise MienError(f"{path}: [{name}] {str(error).removeprefix('--set ')}") from None
        values = fields[name]
        if sampler != SAMPLERS[0] and isinstance(values, Range):
            raise MienError(f"{path}: [{name}] has low and high; sampler {sampler!r} takes choices only")
        if sampler == "one-at-a-time" and isinstance(values, tuple) and own[name] not in values:
            fields[name] = (own[name], *values)
    return Space(sampler, fields, own, document)


def encoded(value: Any) -> Any:
    """A value as Optuna stores it: a list of several becomes text, such as "16,32"."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def _suggested(trial: Trial, name: str, values: Range | tuple[Any, ...]) -> Any:
    if isinstance(values, tuple):
        return trial.suggest_categorical(name, [encoded(value) for value in values])
    if isinstance(values.low, int):
        return trial.suggest_int(name, values.low, int(values.high), step=int(values.step or 1), log=values.log)
    return trial.suggest_float(name, values.low, values.high, step=values.step, log=values.log)


def _field(name: str, table: Any, recipe: str, settings: Sequence[str]) -> Range | tuple[Any, ...]:
    def typed(value: Any) -> Any:
        chosen = choosing.chosen(EMOTION, recipe, [*settings, f"{name}={_text(value)}"])
        return getattr(chosen, name)

    example = getattr(choosing.chosen(EMOTION, recipe, settings), name, None)
    if example is None or name == "name":
        typed(None)  # says that there is no such field, and which is nearest
    if name in _JUDGES:
        raise MienError("changes how trials are judged, so that they could not be compared; use --set instead")
    if not isinstance(table, dict):
        raise MienError("is not a table; give low and high, or choices")
    for key in table:
        if key not in _KEYS:
            raise MienError(f"has no setting {key!r}; {choosing.nearest(key, _KEYS)}")
    if "choices" in table:
        choices = table["choices"]
        if len(table) > 1 or not isinstance(choices, list) or not choices:
            raise MienError("takes a list of choices that is not empty, and nothing beside it")
        return tuple(dict.fromkeys(typed(value) for value in choices))
    if isinstance(example, bool) or not isinstance(example, int | float):
        raise MienError(f"holds no single number ({example!r}); give choices")
    if not {"low", "high"} <= table.keys():
        raise MienError("needs low and high, or choices")
    step = typed(table["step"]) if "step" in table else None
    return _checked(Range(typed(table["low"]), typed(table["high"]), table.get("log", False), step))


def _checked(found: Range) -> Range:
    if not found.low < found.high:
        raise MienError(f"low is {found.low} and high is {found.high}; low must be smaller")
    if not isinstance(found.log, bool):
        raise MienError(f"log is {found.log!r}; give true or false")
    if found.log and (found.low <= 0 or found.step is not None):
        raise MienError("log takes a low above 0, and no step")
    if found.step is not None:
        low, high, step = (Decimal(str(value)) for value in (found.low, found.high, found.step))
        if step <= 0 or (high - low) % step:
            raise MienError(f"step is {found.step}; give one that leads from {found.low} to {found.high} exactly")
    return found


def _text(value: Any) -> str:
    """A TOML value as `--set` takes it."""
    if isinstance(value, list):
        return json.dumps(value)[1:-1]
    return str(value).lower() if isinstance(value, bool) else str(value)
