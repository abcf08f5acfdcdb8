"""Whether this machine can run mien, and what is missing."""

from __future__ import annotations

import functools
import importlib.util
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mien import machine
from mien.errors import MienError


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: such as "engine litert".
        ok: whether it is there and works.
        required: whether mien cannot run without it.
        detail: what was found, or what to do.
    """

    name: str
    ok: bool
    required: bool
    detail: str


def examine(root: Path = Path("/")) -> tuple[Check, ...]:
    """Look at everything that a run needs; nothing is raised.

    Args:
        root: of the file system to look for devices in.
    """
    return (
        Check("python", sys.version_info >= (3, 11), True, platform.python_version()),
        _check("numpy and opencv", True, _arrays),
        *_engines(),
        *_models(),
        *_portraits(),
        _check("demo photograph", False, _photograph),
        _check("camera", False, lambda: _camera(root)),
        Check("board", True, False, machine.board(root) or f"not a Raspberry Pi ({platform.machine()})"),
    )


def runnable(checks: tuple[Check, ...]) -> bool:
    """Whether everything required is there."""
    return all(check.ok for check in checks if check.required)


def _check(name: str, required: bool, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, required, look())
    # A broken native package raises whatever it likes when it is imported.
    except Exception as error:
        text = (str(error).strip().splitlines() or [""])[0]
        return Check(name, False, required, text if isinstance(error, MienError) else f"{type(error).__name__}: {text}")


def _arrays() -> str:
    import cv2
    import numpy as np

    return f"numpy {np.__version__}, OpenCV {cv2.__version__}"


def _engines() -> list[Check]:
    from mien.models import engine

    default = next(iter(engine.ENGINES))
    return [_check(f"engine {name}", name == default, functools.partial(engine.probe, name)) for name in engine.ENGINES]


def _models() -> list[Check]:
    from mien.models import bundle

    names = sorted(path.stem for path in bundle.MODELS.glob("*.json"))
    needed = {"face-base", "emotion-base"}
    return [
        _check(f"model {name}", name in needed, functools.partial(_verified, name))
        for name in sorted(needed.union(names))
    ]


def _verified(name: str) -> str:
    from mien.models import bundle

    model = bundle.load(name)
    kinds = [f"{kind} {model.artefact(kind).stat().st_size} bytes" for kind in model.sidecar.files]
    return ", ".join(kinds) + ", SHA-256 as in the sidecar"


def _portraits() -> list[Check]:
    """Of each portrait counterpart, that it and its model are of one training run: a detector refuses any other."""
    from mien.models import bundle

    names = sorted(path.stem.removesuffix("-portrait") for path in bundle.MODELS.glob("*-portrait.json"))
    return [_check(f"portrait {name}", True, functools.partial(_paired, name)) for name in names]


def _paired(name: str) -> str:
    from mien.models import bundle

    counterpart = bundle.portrait(bundle.load(name))
    return "no counterpart" if counterpart is None else f"{counterpart.path.name} is of the same training run"


def _photograph() -> str:
    from mien.cameras import demo

    return f"scikit-image's {demo.photograph().name}, for `--source demo`"


def _camera(root: Path) -> str:
    from mien.cameras.v4l2 import devices

    found = []
    if importlib.util.find_spec("picamera2") is not None:
        from mien.cameras.picamera2 import listed

        found += [f"picamera2: {model}" for model in listed()]
    found += [f"/dev/video{number}" for number in devices(root)]
    if not found:
        raise MienError("none found; connect one, or use a file or `--source demo`")
    return ", ".join(found)
