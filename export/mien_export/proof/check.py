"""What a proof says of a model: one check, passed or not, and the error of a model that failed one."""

from __future__ import annotations

from dataclasses import dataclass

from mien.errors import MienError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was proven, or not.

    Attributes:
        name: what.
        passed: None when this machine cannot tell.
        detail: figures, or what differs.
    """

    name: str
    passed: bool | None
    detail: str

    def __str__(self) -> str:
        mark = {True: "ok", False: "FAIL", None: "skip"}[self.passed]
        return f"{mark:<5}{self.name:<42}{self.detail}"


class CheckError(MienError):
    """A model was made as asked, and is not good enough to be put in place."""


def listed(name: str, faults: list[str], otherwise: str) -> Check:
    """A check that passes without faults; it shows the first three, else `otherwise`."""
    if not faults:
        return Check(name, True, otherwise)
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return Check(name, False, "; ".join(faults[:3]) + more)
