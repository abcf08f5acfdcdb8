"""What the code says of itself: the public names with their members, exit statuses, environment variables."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = {
    "mien": ROOT / "edge/mien",
    "python -m mien_train": ROOT / "train/mien_train",
    "python -m mien_export": ROOT / "export/mien_export",
}


def members(name: str, thing: object) -> set[str]:
    """How the docs write what a public name offers: its call, methods with their parameters, properties, attributes."""
    if not isinstance(thing, type):
        assert callable(thing)
        return {name + _parameters(thing)}
    if issubclass(thing, Exception):
        return set()
    found = _documented(thing)
    if not inspect.isabstract(thing) and "__init__" in vars(thing):
        found.add(name + _parameters(thing))
    for attribute in dir(thing):
        value = inspect.getattr_static(thing, attribute)
        if attribute.startswith("_") or attribute in found:
            continue
        if isinstance(value, property):
            found.add(attribute)
        elif inspect.isfunction(value):
            found.add(attribute + _parameters(value))
    return found


def _parameters(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "self"]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def _documented(kind: type) -> set[str]:
    """The names under "Attributes:" in a class's docstring."""
    _, _, rest = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")
    part = re.split(r"^\S", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return {name for line in re.findall(r"^    (\w+(?:, \w+)*): ", part, re.MULTILINE) for name in line.split(", ")}


def statuses(program: str) -> dict[str, set[int]]:
    """File of a program's command line to the exit statuses that it can give, by its source.

    Counted are numbers that a function returns which returns an int, that it calls `status`, or with which it calls
    something that leaves (`exit`, or one of the `_failed` and `_leave_quietly` of the command lines).
    """
    room = ROOMS[program]
    files = [room / "cli.py", *sorted((room / "commands").glob("*.py"))]
    found = {path.stem: of_source(path.read_text(encoding="utf-8")) for path in files}
    assert found["cli"]
    return found


def of_source(text: str) -> set[int]:
    """The exit statuses that a module's source can give; see `statuses`."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.returns or ast.Constant(None)) == "int":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    found |= _numbers(inner.value)
        elif isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["status"]:
            found |= _numbers(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "exit",
            "_failed",
            "_leave_quietly",
        ):
            found |= {number for argument in node.args for number in _numbers(argument)}
    return found


def _numbers(node: ast.expr) -> set[int]:
    if isinstance(node, ast.IfExp):
        return _numbers(node.body) | _numbers(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and type(node.value) is int else set()


def commands_of(program: str) -> Mapping[str, str]:
    """Command of a program to the file that holds it, by the functions that `set_defaults` names."""
    found = {}
    for path in sorted((ROOMS[program] / "commands").glob("*.py")):
        for name in re.findall(r'add_parser\(\s*(?:NAME|"([a-z-]+)")', path.read_text(encoding="utf-8")):
            found[name or path.stem] = path.stem
    return found


def variables() -> set[str]:
    """Environment variables of our own that the code reads."""
    texts = [path.read_text(encoding="utf-8") for room in ROOMS.values() for path in room.rglob("*.py")]
    return {name for text in texts for name in re.findall(r'environ[^\n]*?"(MIEN_[A-Z]+)"', text)}
