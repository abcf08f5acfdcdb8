"""One process of cases: reads `[target, kind, seed]` a line, writes `[verdict, text]` a line."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from random import Random
from typing import TextIO

from mien.errors import MienError
from mutations.kinds import ImplausibleError, Trial

_MOST_GROWTH = 700 << 10
"""KiB by which one case may raise the process's peak memory: a video frame of the largest size takes 400 MB."""

_LONGEST = 1500


def main() -> None:
    """Answer cases until there are no more."""
    folder = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    remarks = (folder / "stderr").open("w+", encoding="utf-8", errors="replace")
    os.dup2(remarks.fileno(), 2)
    trials: dict[str, Trial] = {}
    for line in sys.stdin:
        target, kind, seed = json.loads(line)
        if target not in trials:
            module, name = target.split(":")
            place = folder / kind
            place.mkdir()
            trials[target] = getattr(importlib.import_module(module), name)(place)
        answers.write(json.dumps(judged(trials[target], Random(f"{kind}:{seed}"), remarks)) + "\n")
        answers.flush()


def judged(trial: Trial, generator: Random, remarks: TextIO) -> tuple[str, str]:
    """Verdict and text of one case; `remarks` is where standard error goes."""
    remarks.seek(0)
    remarks.truncate()
    before = _peak()
    verdict, text = _tried(trial, generator)
    grown = _peak() - before
    remarks.seek(0)
    said = remarks.read().strip()
    if verdict != "failed" and grown > _MOST_GROWTH:
        return "failed", f"took {grown >> 10} MiB ({verdict}: {text})"
    if verdict != "failed" and said:
        return "failed", f"wrote on standard error: {said[:_LONGEST]!r} ({verdict}: {text})"
    return verdict, text


def _peak() -> int:
    """KiB. `getrusage` would count the parent's memory from before this program was loaded."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def _tried(trial: Trial, generator: Random) -> tuple[str, str]:
    try:
        trial(generator)
    except MienError as error:
        text = str(error)
        if not text or "\n" in text or "\r" in text or len(text) > _LONGEST:
            return "failed", f"refused, but not in one line: {text[:_LONGEST]!r}"
        return "refused", text.encode("utf-8", "backslashreplace").decode()
    except ImplausibleError as error:
        return "failed", f"wrong without a word: {error}"
    except BaseException:
        # The place it came from, then what it was.
        lines = traceback.format_exc().strip().splitlines()
        return "failed", "traceback: " + " | ".join(line.strip() for line in lines[-5:])
    return "fine", ""


if __name__ == "__main__":
    main()
