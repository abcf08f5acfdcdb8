"""Python, the packages that compute, and the models."""

from __future__ import annotations

import functools
import platform
import sys

from mien.doctor.check import Check, looked

_ANEW = "install mien again: pip install --force-reinstall --no-deps mien-*.whl"
"""Models lie in the package."""


def examine() -> tuple[Check, ...]:
    """Look at each."""
    return (
        Check("python", sys.version_info >= (3, 11), True, platform.python_version()),
        looked(
            "numpy and opencv", True, _arrays, f"{sys.prefix}/bin/python -m pip install numpy opencv-python-headless"
        ),
        *_engines(),
        *_models(),
        *_portraits(),
        looked("demo photograph", False, _photograph),
    )


def _arrays() -> str:
    import cv2
    import numpy as np

    return f"numpy {np.__version__}, OpenCV {cv2.__version__}"


def _engines() -> list[Check]:
    from mien.models import engine

    default = next(iter(engine.ENGINES))
    return [looked(f"engine {name}", name == default, functools.partial(engine.probe, name)) for name in engine.ENGINES]


def _models() -> list[Check]:
    from mien.models import bundle

    names = sorted(path.stem for path in bundle.MODELS.glob("*.json"))
    needed = {"face-base", "emotion-base"}
    return [
        looked(f"model {name}", name in needed, functools.partial(_verified, name), _ANEW)
        for name in sorted(needed.union(names))
    ]


def _verified(name: str) -> str:
    from mien.models import bundle

    model = bundle.load(name)
    kinds = [f"{kind} {model.artefact(kind).stat().st_size} bytes" for kind in model.sidecar.files]
    ways = f"; reads {', '.join(one.name for one in model.expressions)}" if model.expressions else ""
    return ", ".join(kinds) + f", SHA-256 as in the sidecar{ways}"


def _portraits() -> list[Check]:
    """Of each portrait counterpart, that it and its model are of one training run: a detector refuses any other."""
    from mien.models import bundle

    names = sorted(path.stem.removesuffix("-portrait") for path in bundle.MODELS.glob("*-portrait.json"))
    return [looked(f"portrait {name}", True, functools.partial(_paired, name), _ANEW) for name in names]


def _paired(name: str) -> str:
    from mien.models import bundle

    counterpart = bundle.portrait(bundle.load(name))
    return "no counterpart" if counterpart is None else f"{counterpart.path.name} is of the same training run"


def _photograph() -> str:
    from mien.cameras import demo

    return f"scikit-image's {demo.photograph().name}, for `--source demo`"
