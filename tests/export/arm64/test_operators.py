"""What an interpreter executes: delegates in place of the operators that they took."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ai_edge_litert import interpreter as litert

from mien_export.arm64.operators import DELEGATE, Detail, executed


def detail(index: int, name: str, inputs: list[int], outputs: list[int]) -> Detail:
    return {"index": index, "op_name": name, "inputs": inputs, "outputs": outputs}


class Graph:
    """conv 0→1, resize 1→2, conv 2→3; what is not in `taken` runs by itself."""

    def __init__(self, *taken: Detail) -> None:
        plain = [detail(0, "CONV_2D", [0], [1]), detail(1, "RESIZE", [1], [2]), detail(2, "CONV_2D", [2], [3])]
        self._operators = [*plain, *taken]

    def _get_ops_details(self) -> list[Detail]:
        return self._operators

    def get_output_details(self) -> list[Detail]:
        return [detail(3, "", [], [])]


def test_without_a_delegate_every_operator_is_executed() -> None:
    assert executed(Graph()) == Counter({"CONV_2D": 2, "RESIZE": 1})


def test_what_a_delegate_took_is_no_longer_executed() -> None:
    assert executed(Graph(detail(3, DELEGATE, [0], [3]))) == Counter({DELEGATE: 1})


def test_what_lies_between_two_parts_of_a_delegate_is_executed() -> None:
    parts = detail(3, DELEGATE, [0], [1]), detail(4, DELEGATE, [2], [3])
    assert executed(Graph(*parts)) == Counter({DELEGATE: 2, "RESIZE": 1})


def test_a_real_interpreter_is_read_with_xnnpack_and_without(models: tuple[Path, Path]) -> None:
    path = str(models[1].with_suffix(".tflite"))
    slow = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    found = []
    for options in ({}, {"experimental_op_resolver_type": slow}):
        opened = litert.Interpreter(model_path=path, num_threads=1, **options)
        opened.allocate_tensors()
        found.append(executed(opened))
    assert found[0][DELEGATE] == 1
    assert DELEGATE not in found[1]
    assert found[1]["CONV_2D"] > 3
