"""What is measured under way, and what is concluded from it."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

_PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_GROWTH, MOST_SLOWING = 0.02, 1.2


class Sample(TypedDict):
    """The process at one moment, while no fault was under way.

    Attributes:
        frame: frames processed until then.
        rss_mb: 10⁶ bytes.
        descriptors: open files.
        threads: of the process.
    """

    frame: int
    rss_mb: float
    descriptors: int
    threads: int


class Counts(TypedDict):
    """Frames.

    Attributes:
        captured: numbered by the camera up to the last one that was read.
        processed: whose faces were read.
        dropped: by the pipeline's own count.
        passed: let go by during a pause.
        wrong: moments outside a pause at which the three did not add up to what was captured.
        delivered: handed over by the device, by its count; the last ones were never read.
        damaged: that could not be decoded; they have no number.
        readings: of faces.
    """

    captured: int
    processed: int
    dropped: int
    passed: int
    wrong: int
    delivered: int
    damaged: int
    readings: int


@dataclass(frozen=True, slots=True)
class Conclusion:
    """One of the targets.

    Attributes:
        target: in words.
        value, limit: what was found and what is allowed at most.
    """

    target: str
    value: float
    limit: float

    @property
    def kept(self) -> bool:
        """Whether it was reached; what is no number was not."""
        return self.value <= self.limit


def sample(frame: int) -> Sample:
    """This process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "frame": frame,
        "rss_mb": round(pages * _PAGE / 1e6, 3),
        "descriptors": len(os.listdir("/proc/self/fd")) - 1,  # the folder itself is one
        "threads": threading.active_count(),
    }


def tenth(durations: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The durations of a tenth of the frames, 0 to 9."""
    count = len(durations)
    return durations[count * number // 10 : count * (number + 1) // 10]


def p99(durations: NDArray[np.int64]) -> float:
    """In milliseconds, of nanoseconds."""
    return float(np.percentile(durations, 99)) / 1e6


def conclusions(
    durations: NDArray[np.int64], samples: Sequence[Sample], counts: Counts, unrecovered: int
) -> tuple[Conclusion, ...]:
    """The targets.

    Args:
        durations: int64 (N,), nanoseconds from a frame at hand to the end of the sinks, one a processed frame.
        samples: under way, in their order, of the first and the last tenth as well.
        counts: at the end.
        unrecovered: faults that were not over at the end, or never felt.
    """
    frames = len(durations)
    first = [one for one in samples if one["frame"] <= frames / 10]
    settled = first[len(first) // 2 :]
    last = [one for one in samples if one["frame"] > frames * 9 / 10]

    def middle(chosen: Sequence[Sample], key: str) -> float:
        return float(np.median([one[key] for one in chosen])) if chosen else float("nan")  # type: ignore[literal-required]

    slowing = p99(tenth(durations, 9)) / p99(tenth(durations, 0))
    added = counts["processed"] + counts["dropped"] + counts["passed"]
    return (
        Conclusion(
            "growth of memory after the first tenth",
            middle(last, "rss_mb") / middle(settled, "rss_mb") - 1,
            MOST_GROWTH,
        ),
        Conclusion("descriptors more at the end", middle(last, "descriptors") - middle(settled, "descriptors"), 0),
        Conclusion("threads more at the end", middle(last, "threads") - middle(settled, "threads"), 0),
        Conclusion("p99 of the last tenth over that of the first", slowing, MOST_SLOWING),
        Conclusion("faults not recovered", unrecovered, 0),
        Conclusion("frames neither processed, dropped nor passed", abs(counts["captured"] - added), 0),
        Conclusion("moments at which the counts did not add up", counts["wrong"], 0),
        Conclusion("frames delivered and never read at the end", counts["delivered"] - counts["captured"], 8),
    )
