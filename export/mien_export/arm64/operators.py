"""Which operators an interpreter executes after its delegates have taken theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypedDict

DELEGATE = "DELEGATE"
"""Name of a part of the graph that XNNPACK executes as one."""


class Detail(TypedDict):
    """An operator or a tensor, as the interpreter describes it: a number, and for operators their tensors."""

    index: int
    op_name: str
    inputs: Sequence[int]
    outputs: Sequence[int]


class Described(Protocol):
    """What is needed of `ai_edge_litert.interpreter.Interpreter`."""

    def _get_ops_details(self) -> list[Detail]: ...

    def get_output_details(self) -> list[Detail]:
        """The outputs' tensors."""
        ...


def executed(interpreter: Described) -> Counter[str]:
    """Operators by name, of an interpreter with allocated tensors.

    The interpreter goes on listing the operators that a delegate has taken, with the delegate's parts behind them; so
    this goes back from the outputs, and at each tensor asks the delegate first.
    """
    operators = interpreter._get_ops_details()
    makers: dict[int, Detail] = {}
    for operator in sorted(operators, key=lambda operator: operator["op_name"] == DELEGATE):
        makers.update(dict.fromkeys(map(int, operator["outputs"]), operator))
    waiting = [int(detail["index"]) for detail in interpreter.get_output_details()]
    found: dict[int, str] = {}
    while waiting:
        maker = makers.get(waiting.pop())
        if maker is not None and maker["index"] not in found:
            found[maker["index"]] = maker["op_name"]
            waiting += map(int, maker["inputs"])
    return Counter(found.values())
