"""What the counted instructions may take on a Raspberry Pi: a projection, no measurement."""

from __future__ import annotations

from dataclasses import dataclass

from mien_export.arm64.core import Core, named
from mien_export.arm64.result import Result, WayRow

LEAST, MOST = 0.25, 0.75
"""Instructions a cycle, as a share of the most that a core starts a cycle. An assumption, and nothing measured."""

RESTS_ON = (
    f"Projection, not measured: `mien bench` on the device replaces it. Milliseconds = counted instructions / "
    f"(instructions a cycle × clock). How many instructions a cycle a core really executes was not measured: the range "
    f"is an assumption, {LEAST:.0%} to {MOST:.0%} of what the core can start in one cycle at most (Arm's manuals: two "
    f"on a Cortex-A53, three on an A72, four on an A76). One thread, a cool board at its full clock, nothing else "
    f"running; memory and the camera are not in it."
)


@dataclass(frozen=True, slots=True)
class Projection:
    """One frame on a board.

    Attributes:
        board: its name.
        core: of its processor.
        gigahertz: its clock.
        rate: lowest and highest instructions a cycle that were assumed.
        low, high: milliseconds between which the frame may lie.
    """

    board: str
    core: str
    gigahertz: float
    rate: tuple[float, float]
    low: float
    high: float


def project(instructions: int, core: Core) -> list[Projection]:
    """Project so many instructions to every board with a core."""
    slow, fast = core.width * LEAST, core.width * MOST
    found = []
    for board in core.boards:
        least, most = (instructions / (rate * board.gigahertz * 1e6) for rate in (fast, slow))
        found.append(Projection(board.name, core.name, board.gigahertz, (slow, fast), least, most))
    return found


def boards(result: Result, row: WayRow) -> list[Projection]:
    """Project a counted way of a frame to every board whose core was emulated."""
    return [projection for core in result.cores for projection in project(row.whole(core), named(core))]
