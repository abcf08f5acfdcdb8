"""The command lines of all programs, as argparse knows them and as the docs write them."""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import mien.cli
import mien_export.arm64.__main__
import mien_export.cli
import mien_train.cli
from mien.errors import MienError
from mien_train.recipes import choosing, named

ROOT = Path(__file__).parents[2]
PROGRAMS: dict[str, Callable[[Sequence[str]], int]] = {
    "mien": mien.cli.main,
    "python -m mien_train": mien_train.cli.main,
    "python -m mien_export": mien_export.cli.main,
    "python -m mien_export.arm64": mien_export.arm64.__main__.main,
}
FOREIGN = frozenset({"cd", "head", "openssl", "scp", "source", "strace", "sudo", "unshare"})
"""Programs of others that the docs may name; what they are given is not looked at."""


class _CaughtError(Exception):
    """Carries the parser out of a program that was about to use it."""


@functools.cache
def parser(program: str) -> argparse.ArgumentParser:
    """The parser that a program would parse its command line with."""
    real = argparse.ArgumentParser.parse_args

    def caught(self: argparse.ArgumentParser, *_: object, **__: object) -> argparse.Namespace:
        raise _CaughtError(self)

    argparse.ArgumentParser.parse_args = caught  # type: ignore[assignment,method-assign]
    try:
        PROGRAMS[program]([])
    except _CaughtError as error:
        found: argparse.ArgumentParser = error.args[0]
        return found
    finally:
        argparse.ArgumentParser.parse_args = real  # type: ignore[method-assign]
    raise AssertionError(f"{program} parsed no command line")


@functools.cache
def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command, such as "mien run", and every program without commands, to its parser."""
    found = {}
    for program in PROGRAMS:
        parts = [action for action in parser(program)._actions if isinstance(action, argparse._SubParsersAction)]
        if not parts:
            found[program] = parser(program)
        for action in parts:
            found.update({f"{program} {name}": child for name, child in action.choices.items()})
    assert len(found) > 20
    return found


def options(command: argparse.ArgumentParser) -> dict[str, str]:
    """How each argument of a command is written, such as "--sink SPEC", to its help."""
    found = {}
    for action in command._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        values = action.metavar or (action.choices and "|".join(map(str, action.choices))) or action.dest
        if isinstance(values, tuple):
            values = " ".join(values)
        if action.option_strings:
            default = action.dest.upper() if values == action.dest else values
            written = action.option_strings[0] + ("" if action.nargs == 0 else f" {default}")
        else:
            written = values
        found[written + ("..." if action.nargs in ("+", "*") else "")] = action.help or ""
    return found


def targets() -> set[str]:
    """The Makefile's."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE))


def lines(text: str) -> list[list[str]]:
    """The words of each command of a shell text: continued lines joined, comments left out, divided at && | ; and >."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("&|;<>"):
                found.append(words)
                words = [">"] if set(word) & set("<>") else []
            else:
                words.append(word)
        found.append(words)
    return [words for words in found if words and words[0] != ">"]


def complaint(words: Sequence[str]) -> str | None:
    """What is wrong with a command, in one line; None where every program would take it."""
    words = list(words)
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    if words[0] in ("unshare", "strace"):  # they start another program
        inner = next((i for i, word in enumerate(words) if Path(word).name == "mien"), None)
        return None if inner is None else complaint(words[inner:])
    name = Path(words[0]).name
    if name == "make":
        unknown = [word for word in words[1:] if word not in targets()]
        return f"no target {unknown[0]!r} in the Makefile" if unknown else None
    if name == "mien":
        return _parsed("mien", words[1:])
    if "-m" in words:
        place = words.index("-m") + 1
        module, rest = words[place], words[place + 1 :]
        if f"python -m {module}" in PROGRAMS and name in ("python", "python3", "torchrun"):
            return _parsed(f"python -m {module}", rest)
        if name.startswith("python") and module in ("venv", "pip"):
            return None
        if name.startswith("python") and module == "pytest":
            absent = [word for word in rest if not word.startswith("-") and not (ROOT / word).exists()]
            return f"no {absent[0]!r} here" if absent else None
        return f"unknown module {module!r}"
    if name == "pip":
        pinned = [words[i + 1] for i, word in enumerate(words) if word == "-c"]
        absent = [path for path in pinned if not (ROOT / "edge/constraints" / Path(path).name).is_file()]
        return f"no constraint file {absent[0]!r}" if absent else None
    return None if name in FOREIGN else f"unknown program {name!r}"


def _parsed(program: str, words: Sequence[str]) -> str | None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            found = parser(program).parse_args(words)
        if program == "python -m mien_train":
            _recipe(found)
    except SystemExit as error:
        return None if error.code == 0 else said.getvalue().strip()
    except MienError as error:
        return str(error)
    return None


def _recipe(found: argparse.Namespace) -> None:
    """Refuses recipes, fields and search spaces that do not exist."""
    if found.command == "face":
        choosing.chosen(named.FACE, found.recipe, found.set)
    elif found.command in ("emotion", "sweep"):
        choosing.chosen(named.EMOTION, found.recipe, found.set)
    if found.command == "sweep" and not (ROOT / found.space).is_file():
        raise MienError(f"{found.space}: no such search space")


def mention(code: str) -> str | None:
    """What is wrong with a command that a sentence mentions, such as `mien detect --out DIR`; arguments may lack."""
    program = next((name for name in PROGRAMS if code == name or code.startswith(f"{name} ")), None)
    if code.startswith("make "):
        return complaint(code.split()[:2]) if re.fullmatch(r"make [a-z0-9-]+", code) else None
    if program is None:
        return None
    words = code[len(program) :].split()
    name = program
    if program not in commands() and words and not words[0].startswith("-"):
        name = f"{program} {words[0]}"
        if name not in commands():
            return f"{program} has no command {words[0]!r}"
    known = commands().get(name, parser(program))
    has = {option for action in known._actions for option in action.option_strings}
    unknown = [word for word in words if word.startswith("--") and word not in has]
    return f"{name} has no option {unknown[0]}" if unknown else None
