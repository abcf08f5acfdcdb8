"""Cases in processes of their own, watched: one that dies, hangs or grows is told from one that answers."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutations.kinds import Kind

_START_SECONDS = 60.0
"""More for a process's first case of a kind: imports, and the undamaged files."""


@dataclass(frozen=True, slots=True)
class Case:
    """A kind's name and the seed of one damage."""

    kind: str
    seed: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.seed}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case.

    Attributes:
        case: which.
        verdict: "fine", "refused", "failed", or "crashed" where a native library died of it.
        text: the line of refusal, or what went wrong.
        seconds: it took.
    """

    case: Case
    verdict: str
    text: str
    seconds: float


class _Child:
    """A worker process and the case it is at."""

    def __init__(self, folder: Path) -> None:
        here = Path(__file__).parents[1]
        path = os.pathsep.join(dict.fromkeys([str(here), *(p for p in sys.path if p)]))
        environment = {**os.environ, "PYTHONPATH": path, "OPENCV_LOG_LEVEL": "ERROR", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
        self.folder = folder
        folder.mkdir(parents=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mutations.worker", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self.case: Case | None = None
        self.began = self.until = 0.0
        self._known: set[str] = set()

    def begin(self, case: Case, kind: Kind) -> None:
        assert self.process.stdin is not None
        self.case, self.began = case, time.monotonic()
        self.until = self.began + kind.seconds + (0 if case.kind in self._known else _START_SECONDS)
        self._known.add(case.kind)
        self.process.stdin.write(json.dumps([kind.target, case.kind, case.seed]) + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait()


def outcomes(kinds: Mapping[str, Kind], cases: Sequence[Case], children: int = 2) -> Iterator[Outcome]:
    """Run cases, in as many processes; yields as they end, in no certain order.

    A process that dies or hangs is replaced, so that every case has an outcome.
    """
    left = iter(cases)
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder, selectors.DefaultSelector() as selector:
        numbers = iter(range(1_000_000))
        running: list[_Child] = []

        def start() -> None:
            case = next(left, None)
            if case is None:
                return
            child = _Child(Path(folder) / str(next(numbers)))
            running.append(child)
            selector.register(child.process.stdout, selectors.EVENT_READ, child)  # type: ignore[arg-type]
            child.begin(case, kinds[case.kind])

        def drop(child: _Child) -> None:
            selector.unregister(child.process.stdout)  # type: ignore[arg-type]
            running.remove(child)
            child.end()

        try:
            for _ in range(min(children, len(cases))):
                start()
            while running:
                wait = max(0.0, min(child.until for child in running) - time.monotonic())
                for key, _ in selector.select(wait + 0.05):
                    child: _Child = key.data
                    line = child.process.stdout.readline()  # type: ignore[union-attr]
                    seconds = time.monotonic() - child.began
                    assert child.case is not None
                    if not line:
                        drop(child)
                        yield _dead(child, kinds[child.case.kind], seconds)
                        start()
                        continue
                    yield Outcome(child.case, *json.loads(line), seconds)
                    case = next(left, None)
                    if case is None:
                        drop(child)
                    else:
                        child.begin(case, kinds[case.kind])
                for child in [child for child in running if time.monotonic() > child.until]:
                    assert child.case is not None
                    drop(child)
                    allowed = kinds[child.case.kind].seconds
                    yield Outcome(child.case, "failed", f"hangs: no answer in {allowed:g} s", allowed)
                    start()
        finally:
            for child in list(running):
                drop(child)


def _dead(child: _Child, kind: Kind, seconds: float) -> Outcome:
    assert child.case is not None
    status = child.process.returncode
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"left with status {status}"
    return Outcome(child.case, "crashed" if kind.native and status < 0 else "failed", f"process {how}", seconds)
