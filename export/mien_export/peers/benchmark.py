"""`peers`: `mien bench` on this machine, the same in turns with other people's models, and what follows from both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mien import machine
from mien.bench import report, result
from mien.bench.document import Result
from mien.bench.measure import bundled
from mien.bench.remarks import Watch
from mien.bench.rounds import Progress
from mien.bench.scene import scene
from mien.errors import MienError
from mien.models import bundle, engine
from mien_export import files
from mien_export.peers import accuracy, contest
from mien_export.peers.ratios import ENGINE, ratios
from mien_export.records.bench import Bench
from mien_train.data import store

MODELS = "face-base", "emotion-base"
"""Names of the detector and the classifier that are measured."""

Step = Callable[[str], Progress | None]


def measure(seconds: float, starts: int, where: Path, command: list[str], step: Step) -> Bench:
    """Measure mien, then mien and its peers in turns.

    Args:
        seconds: for the frames of each of the two.
        starts: fresh processes of each kind for the cold start.
        where: folder of the peers; what is missing there is skipped, and the result says so.
        command: that makes this result.
        step: opens the progress of a named step.

    Returns:
        Everything measured, and what follows from it.

    Raises:
        MienError: a model or an engine of mien's cannot be used.
    """
    engines = tuple(name for name, version in engine.available().items() if version is not None)
    if ENGINE not in engines:
        raise MienError(f"engine {ENGINE} is not usable here; install it: pip install ai-edge-litert")
    settings = result.Settings(engines, tuple(dict.fromkeys((1, machine.usable_cores()))), seconds, starts)
    own = result.run(bundled, settings, command, step)
    accuracies = _accuracies(where)
    watch = Watch()
    outcome = contest.run(MODELS, engines, scene(), where, seconds, step("peers"), bundle.installed())
    return {
        "command": own["command"],
        "date": own["date"],
        "hardware": own["machine"],
        "remarks": list(dict.fromkeys([*own["remarks"], *watch.remarks()])),
        "state_after": watch.after,
        "settings": own["settings"],
        "models": own["models"],
        "runs": own["runs"],
        "cold_start": own["cold_start"],
        "peers": [{**row, "strict_accuracy": accuracies.get(row["name"])} for row in outcome.rows],
        "ratios": ratios(outcome, own["cold_start"]),
    }


def _accuracies(where: Path) -> dict[str, float]:
    """Of the peers' classifiers, where the data is there to measure them on."""
    try:
        return accuracy.measure(where, store.folder(None))
    except MienError:
        return {}


def write(document: Bench, path: Path) -> None:
    """Write a result.

    Raises:
        MienError: the file cannot be written.
    """
    files.write_json(path, document)


def text(document: Bench) -> str:
    """The tables of `mien bench`, then peers and ratios, one line each."""
    lines = [report.text(_own(document)), "", "in turns with peers, one thread"]
    lines.append(f"{'median milliseconds':<48}{'network':>10}{'from luma':>10}")
    for row in document["peers"]:
        words = (row["name"], row.get("precision"), row.get("engine"), row.get("faces"))
        label = " ".join(str(word) for word in words if word is not None)
        if "skipped" in row:
            lines.append(f"{label}: skipped, {row['skipped']}")
            continue
        cells = (f"{spread['p50']:.3f}" if spread else "–" for spread in (row.get("network"), row.get("path")))
        lines.append(f"{label:<48}" + "".join(f"{cell:>10}" for cell in cells))
    lines.append("")
    for name, ratio in document["ratios"].items():
        if ratio["value"] is None:
            lines.append(f"{name:<48}not measured: {ratio['reason']}")
        else:
            verdict = "met" if ratio["met"] else "NOT MET"
            lines.append(f"{name:<48}{ratio['value']:>10.3f}  of {ratio['target']:g} allowed, {verdict}")
    return "\n".join(lines)


def _own(document: Bench) -> Result:
    """What of it `mien bench` measured."""
    return {
        "command": document["command"],
        "date": document["date"],
        "machine": document["hardware"],
        "state_after": document["state_after"],
        "remarks": document["remarks"],
        "settings": document["settings"],
        "models": document["models"],
        "runs": document["runs"],
        "cold_start": document["cold_start"],
    }
