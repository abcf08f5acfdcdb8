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
    "python -m mien_export.arm64": ROOT / "export/mien_export/arm64",
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
    """Each command of a program, and "" for its command line, to the exit statuses that its source can give.

    Counted are numbers that a function returns which returns an int, that it calls `status`, or with which it calls
    something that leaves (`exit`, or one of the `_failed` and `_leave_quietly` of the command lines); for a command,
    those of the function that `set_defaults` names and of what that calls in its file.
    """
    room = ROOMS[program]
    cli = next(path for path in (room / "cli.py", room / "__main__.py") if path.is_file())
    found = {"": _given(ast.parse(cli.read_text(encoding="utf-8")))}
    for path in sorted((room / "commands").glob("*.py")):
        found.update(of_commands(path.read_text(encoding="utf-8")))
    assert found[""]
    return found


def of_commands(text: str) -> dict[str, set[int]]:
    """Each command that a module adds to the statuses it can give; see `statuses`."""
    tree = ast.parse(text)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names, found = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _called(node.value) == "add_parser":
            first = node.value.args[0]
            name = constants[first.id] if isinstance(first, ast.Name) else ast.literal_eval(first)
            names[ast.unparse(node.targets[0])] = str(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == "set_defaults":
            variable = ast.unparse(node.func).split(".")[0]
            found[names[variable]] = _given(*_reached(ast.unparse(node.keywords[0].value), functions))
    return found


def _reached(name: str, functions: Mapping[str, ast.FunctionDef]) -> list[ast.FunctionDef]:
    """A function of a module, and those of the module that it calls, directly or not."""
    names = [name]
    for reached in names:  # which grows under way
        calls = (node for node in ast.walk(functions[reached]) if isinstance(node, ast.Call))
        names += [called for call in calls if (called := _called(call)) in functions and called not in names]
    return [functions[reached] for reached in names]


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).split(".")[-1]


def _given(*nodes: ast.AST) -> set[int]:
    """The exit statuses that some source can give; see `statuses`."""
    found: set[int] = set()
    for node in [inner for outer in nodes for inner in ast.walk(outer)]:
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.returns or ast.Constant(None)) == "int":
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value]
            found = found.union(*map(_numbers, returned))
        elif isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["status"]:
            found |= _numbers(node.value)
        elif isinstance(node, ast.Call) and _called(node) in ("exit", "_failed", "_leave_quietly"):
            found = found.union(*map(_numbers, node.args))
    return found


def _numbers(node: ast.expr) -> set[int]:
    if isinstance(node, ast.IfExp):
        return _numbers(node.body) | _numbers(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and type(node.value) is int else set()


def variables() -> set[str]:
    """Environment variables of our own that the code reads."""
    texts = [path.read_text(encoding="utf-8") for room in ROOMS.values() for path in room.rglob("*.py")]
    return {name for text in texts for name in re.findall(r'environ[^\n]*?"(MIEN_[A-Z]+)"', text)}
