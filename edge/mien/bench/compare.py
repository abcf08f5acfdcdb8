"""Two results side by side: how much slower the second one is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien import contents
from mien.errors import MienError
from mien.models.fields import shown

_LARGEST = 16 << 20  # bytes of a result


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure of both results.

    Attributes:
        name: what was measured, such as "litert, 1 thread, 4 faces: whole p50".
        before, after: milliseconds or megabytes, above 0.
        gate: whether it decides; single stages and extremes are shown only.
    """

    name: str
    before: float
    after: float
    gate: bool

    @property
    def value(self) -> float:
        """After over before: above 1 is slower or larger."""
        return self.after / self.before


def read(path: Path) -> dict[str, Any]:
    """A result of `mien bench --out`.

    Raises:
        MienError: the file cannot be read or is no such result.
    """
    try:
        result = json.loads(contents.read(path, _LARGEST).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MienError(f"{path}: not a readable result ({error}); give files written by `mien bench --out`") from None
    if not isinstance(result, dict) or not isinstance(result.get("runs"), list) or not result["runs"]:
        raise MienError(f"{path}: holds no runs; give files written by `mien bench --out`")
    for key, good, wanted in (
        ("remarks", _are_remarks(result.get("remarks", [])), "a list of texts"),
        ("models", _are_models(result.get("models")), "digests by name and kind"),
    ):
        if not good:
            raise _malformed(path, f"{key} is {shown(result[key])}, not {wanted}")
    return result


def _are_remarks(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(remark, str) for remark in value)


def _are_models(value: object) -> bool:
    """Whether it is what `mien.bench.document.Result` says of models, or None: older results have none."""
    if value is None:
        return True
    return isinstance(value, dict) and all(
        isinstance(files, dict) and files and all(isinstance(digest, str) for digest in files.values())
        for files in value.values()
    )


def _malformed(path: Path, what: str) -> MienError:
    return MienError(f"{path}: a malformed result ({what}); measure again with `mien bench --out`")


def compare(before: Path, after: Path) -> tuple[Ratio, ...]:
    """Ratios of everything that both results measured.

    Raises:
        MienError: a file cannot be used, or the two have no run in common.
    """
    first, second = _figures(before), _figures(after)
    shared = tuple(
        Ratio(name, value, second[name][0], gate)
        for name, (value, gate) in first.items()
        if name in second and value > 0
    )
    if not any(ratio.gate for ratio in shared):
        raise MienError(f"{before} and {after} have no run in common; measure the same engines and threads")
    return shared


def missing(before: Path, after: Path) -> list[str]:
    """Figures that decide, which the first result has and the second has not."""
    second = _figures(after)
    return [name for name, (_, gate) in _figures(before).items() if gate and name not in second]


def caveats(before: Path, after: Path) -> list[str]:
    """Why the two may not be comparable: other machines, other models, and the remarks of each."""
    first, second = read(before), read(after)
    sides = {
        # docs/results calls the machine "hardware".
        "machines": [result.get("machine") or result.get("hardware") for result in (first, second)],
        "models": [result.get("models") for result in (first, second)],
    }
    found = [
        f"the {what} differ: {_short(one)} and {_short(other)}"
        for what, (one, other) in sides.items()
        if _identity(one) != _identity(other)
    ]
    judged = ((before, first), (after, second))
    return found + [f"{path}: {remark}" for path, result in judged for remark in result.get("remarks", [])]


def text(ratios: tuple[Ratio, ...], threshold: float) -> str:
    """One line a ratio; those past the threshold are marked."""
    lines = [f"{'':<58}{'before':>10}{'after':>10}{'ratio':>8}"]
    for ratio in ratios:
        mark = f"  past {threshold:g}" if ratio.gate and ratio.value > threshold else ""
        lines.append(f"{ratio.name:<58}{ratio.before:>10.3f}{ratio.after:>10.3f}{ratio.value:>8.2f}{mark}")
    return "\n".join(lines)


def _figures(path: Path) -> dict[str, tuple[float, bool]]:
    try:
        found = dict(_listed(read(path)))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:  # a part of another shape
        raise _malformed(path, repr(error)) from None
    for name, (value, _) in found.items():
        if not math.isfinite(value):
            raise _malformed(path, f"{name} is {value}")
    return found


def _listed(result: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, bool]]]:
    for run in result["runs"]:
        plural = "" if run["threads"] == 1 else "s"
        key = f"{run['engine']}, {run['threads']} thread{plural}, {run['faces']} faces"
        yield f"{key}: whole p50", (float(run["whole"]["p50"]), True)
        yield f"{key}: whole p99", (float(run["whole"]["p99"]), False)
        for stage, figures in run["stages"].items():
            yield f"{key}: {stage} p50", (float(figures["p50"]), False)
    for start in result.get("cold_start", []):
        if "error" not in start:
            yield f"{start['engine']}: cold start", (float(start["first_reading_ms"]), True)
            if start["peak_rss_mb"] is not None:
                yield f"{start['engine']}: peak memory, MB", (float(start["peak_rss_mb"]), True)


def _identity(value: Any) -> Any:
    if isinstance(value, Mapping) and "cpu" in value:
        return [value.get(key) for key in ("cpu", "cores", "architecture", "board")]
    return value


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and "cpu" in value:
        return str(value.get("board") or value["cpu"])
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {next(iter(files.values()))[:8]}" for name, files in value.items())
    return "not said"
