"""`compare`: every contestant trained and measured under one protocol, resumably.

Each is trained and exported by the same commands that a user would type, in processes of their own: `mien_train
emotion`, then `mien_export build`. What dies with one of them is that one's row; the others go on.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

from mien.errors import MienError, one_line
from mien.models import bundle
from mien_train.data import fer
from mien_train.recipes import choosing
from mien_train.study import compare_measure, pace
from mien_train.study.command_line import command
from mien_train.study.compare_plan import Plan
from mien_train.study.compare_rows import Epochs, Failed, Measured, Row, in_order
from mien_train.study.contestants import CONTESTANTS, OURS, Contestant
from mien_train.training import checkpoint
from mien_train.training.progress import progress

Report = Callable[[Sequence[Row], Mapping[str, Epochs]], None]
"""Gets the rows and histories so far, each time that one is finished."""

_NOT_QUANTIZED = "two-stage"


class _ProcessError(Exception):
    """A process of a contestant's ended badly; says how, in one line."""


def compare(plan: Plan, names: Sequence[str], report: Report) -> tuple[list[Row], dict[str, Epochs]]:
    """Train and measure.

    Args:
        plan: where and how.
        names: recipes to compare; all if empty.
        report: is called with what is finished so far, latencies excepted, which are measured together at the end.

    Returns:
        One row a contestant, in their order, and the histories of their runs by contestant. A contestant whose
        training, export or measurement failed, also by a signal, has a `Failed` row.

    Raises:
        MienError: an unknown recipe, unusable data, or a run folder of another recipe or seed.
    """
    known = {c.recipe: c for c in CONTESTANTS}
    for name in names:
        if name not in known:
            raise MienError(f"unknown recipe {name!r}; {choosing.nearest(name, known)}")
    chosen = [c for c in CONTESTANTS if not names or c.recipe in names]
    trained = [c for c in chosen if c.recipe != OURS]
    complete = {c.name for c in trained if plan.complete(c)}
    fer.load(plan.data)  # before the long work: damaged data would fail every training in turn
    rows: dict[str, Row] = {}
    histories: dict[str, Epochs] = {}
    sidecars: dict[str, Path] = {}

    def settle(contestant: Contestant, failure: str) -> None:
        try:
            if failure:
                raise _ProcessError(failure)
            sidecar = _exported(plan, contestant)
            rows[contestant.name] = compare_measure.trained(plan, contestant, sidecar)
            histories[contestant.name] = compare_measure.history(plan, contestant)
            if sidecar:
                sidecars[contestant.name] = sidecar
        except Exception as error:  # whatever it is, it is this one's, and hours of the others are at stake
            told = str(error) if isinstance(error, _ProcessError | MienError) else repr(error)
            rows[contestant.name] = _failed(plan, contestant, told)
        report(in_order(list(rows.values())), histories)

    for contestant in (c for c in chosen if c.recipe == OURS):
        rows[contestant.name] = compare_measure.ours(plan, contestant)
        report(in_order(list(rows.values())), histories)
    for wave in ([c for c in trained if not c.start], [c for c in trained if c.start]):
        orphans = [c for c in wave if isinstance(rows.get(c.start), Failed)]
        for contestant in orphans:
            settle(contestant, f"starts from {contestant.start}, which failed")
        for contestant, failure in _trained(plan, [c for c in wave if c not in orphans], complete):
            settle(contestant, failure)
    if sidecars:
        paces = pace.ratios({**sidecars, OURS: bundle.load(compare_measure.OUR_MODEL).path}, OURS)
        ours = compare_measure.our_digits()
        for name, row in rows.items():
            if isinstance(row, Measured):
                beside = ours if name in paces else None
                rows[name] = dataclasses.replace(row, latency_ratio=paces.get(name), latency_beside=beside)
        report(in_order(list(rows.values())), histories)
    return in_order(list(rows.values())), histories


def _trained(plan: Plan, contestants: Sequence[Contestant], complete: set[str]) -> Iterator[tuple[Contestant, str]]:
    """Each contestant as soon as its training is done; and how it failed, or nothing."""
    for contestant in contestants:
        if contestant.name in complete:
            yield contestant, ""
    waiting = [c for c in contestants if c.name not in complete]
    if not waiting:
        return
    cores = len(os.sched_getaffinity(0))
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(1, cores // plan.jobs))}

    def train(contestant: Contestant) -> str:
        settings = [word for setting in plan.settings(contestant) for word in ("--set", setting)]
        run = plan.run(contestant)
        words = ["emotion", "--recipe", contestant.recipe, "--out", str(run), "--resume", "--seed", str(plan.seed)]
        try:
            _call("mien_train", [*words, "--data", str(plan.data), *settings], run, environment)
        except (_ProcessError, OSError) as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(plan.jobs) as pool:
        futures: dict[Future[str], Contestant] = {pool.submit(train, c): c for c in waiting}
        try:
            for future in progress(as_completed(futures), "train", len(futures), "recipes"):
                yield futures[future], future.result()
        except BaseException:  # Ctrl-C, or who asked for them is no longer there: what has not begun never does
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _exported(plan: Plan, contestant: Contestant) -> Path | None:
    """Sidecar of the int8 model, built unless it is newer than the checkpoint; None for what int8 cannot hold."""
    run = plan.run(contestant)
    if checkpoint.load(run / "checkpoint.pt").network["name"] == _NOT_QUANTIZED:
        return None
    path = run / "model.json"
    if not path.is_file() or path.stat().st_mtime < (run / "checkpoint.pt").stat().st_mtime:
        # How good it is stands in the table; a run folder is no place that others load models from.
        words = ["build", str(run), "--out", str(run), "--name", "model", "--force", "--data", str(plan.data)]
        _call("mien_export", words, run, os.environ)
    return path


def _call(module: str, words: Sequence[str], run: Path, environment: Mapping[str, str]) -> None:
    """Run a command with its output in the run's log.

    Raises:
        _ProcessError: it ended with another status than 0, or by a signal.
        OSError: the log cannot be written.
    """
    run.mkdir(parents=True, exist_ok=True)
    log = run / "log.txt"
    with log.open("a", encoding="utf-8") as file:
        line = [sys.executable, "-m", module, *words]
        done = subprocess.run(line, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((text.split("\r")[-1].strip() for text in reversed(lines) if text.strip()), "no output")
        raise _ProcessError(f"python -m {module} {words[0]} {_ending(done.returncode)}: {last} (all of it: {log})")


def _ending(status: int) -> str:
    """How a process ended, by its status; below 0 stands a signal."""
    if status > 0:
        return f"failed with status {status}"
    known = {member.value: member.name for member in signal.Signals}
    return f"died by {known.get(-status, f'signal {-status}')}"


def _failed(plan: Plan, contestant: Contestant, error: str) -> Failed:
    return Failed(
        recipe=contestant.name,
        protocol=contestant.tested,
        published=contestant.published or None,
        error=one_line(" ".join(error.split())),
        remark=contestant.remark,
        seed=plan.seed,
        settings=compare_measure.plain(plan.recipe(contestant)),
        command=command(),
    )
