"""A model on disk: NAME.tflite and NAME.onnx beside NAME.json, the sidecar that is their contract."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien.models.quantization import Quantization

FORMAT = 1
MODELS = Path(__file__).parent
"""Folder of the models inside the package."""

_COMMON = ("format", "name", "task", "input", "outputs", "labels", "files", "metrics", "training", "licence")
_BY_TASK = {"emotion": ("alignment", "decision"), "face": ("decode",)}


@dataclass(frozen=True, slots=True)
class Output:
    """One output tensor: its name, shape in TFLite order (1, H, W, C) or (1, K), and quantization."""

    name: str
    shape: tuple[int, ...]
    quantization: Quantization


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model whose sidecar has been read and checked.

    Attributes:
        path: the sidecar file.
        name: such as "emotion-base".
        task: "emotion" or "face".
        height, width: input size in pixels; the input is one channel of luma.
        outputs: in the order in which both artefacts give them.
        labels: class names in output order ("face" alone for a detector).
        sidecar: the whole JSON document.
    """

    path: Path
    name: str
    task: str
    height: int
    width: int
    outputs: tuple[Output, ...]
    labels: tuple[str, ...]
    sidecar: Mapping[str, Any]

    def artefact(self, kind: str) -> Path:
        """Path of the "tflite" or "onnx" file, after its size and SHA-256 were compared with the sidecar.

        Raises:
            MienError: the sidecar lists no such file, it is missing, or its hash differs.
        """
        entry = self.sidecar["files"].get(kind)
        if entry is None:
            raise MienError(f"{self.path}: lists no {kind} file; it has {', '.join(self.sidecar['files'])}")
        path: Path = self.path.parent / entry["file"]
        if not path.is_file():
            raise MienError(f"{path}: missing, though {self.path.name} lists it; reinstall or export the model again")
        digest = sha256(path)
        if digest != entry["sha256"]:
            raise MienError(
                f"{path}: SHA-256 is {digest[:12]}… but {self.path.name} says {entry['sha256'][:12]}…; "
                "the file was changed or damaged, reinstall or export the model again"
            )
        return path


def load(name: str | Path) -> Bundle:
    """Read and check a sidecar.

    Args:
        name: the name of a bundled model ("emotion-base"), or a path to a sidecar or to one of its files.

    Raises:
        MienError: no such model, or the sidecar breaks the contract.
    """
    path = _sidecar_path(name)
    try:
        sidecar = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MienError(f"{path}: not a readable model sidecar ({error})") from None
    return _checked(path, sidecar)


def installed() -> tuple[Bundle, ...]:
    """Every model in the package, by name."""
    return tuple(load(path) for path in sorted(MODELS.glob("*.json")))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sidecar_path(name: str | Path) -> Path:
    path = Path(name)
    if path.suffix in {".json", ".tflite", ".onnx"}:
        path = path.with_suffix(".json")
        if not path.is_file():
            raise MienError(f"{path}: no such model sidecar; a model is NAME.json beside NAME.tflite or NAME.onnx")
        return path
    bundled = MODELS / f"{name}.json"
    if not bundled.is_file():
        known = ", ".join(p.stem for p in sorted(MODELS.glob("*.json"))) or "none"
        raise MienError(f"no model named {str(name)!r}; bundled are {known}; a path to a .json sidecar works too")
    return bundled


def _checked(path: Path, sidecar: Any) -> Bundle:
    if not isinstance(sidecar, dict) or sidecar.get("format") != FORMAT:
        raise MienError(f"{path}: not a mien model sidecar of format {FORMAT}")
    task = sidecar.get("task")
    if task not in _BY_TASK:
        raise MienError(f"{path}: task is {task!r}; it must be one of {', '.join(_BY_TASK)}")
    missing = [key for key in (*_COMMON, *_BY_TASK[task]) if key not in sidecar]
    if missing:
        raise MienError(f"{path}: lacks {', '.join(missing)}; export the model again")
    try:
        outputs = tuple(
            Output(o["name"], tuple(o["shape"]), Quantization(float(o["scale"]), int(o["zero_point"])))
            for o in sidecar["outputs"]
        )
        height, width = int(sidecar["input"]["height"]), int(sidecar["input"]["width"])
        scale, zero_point = sidecar["input"]["scale"], sidecar["input"]["zero_point"]
    except (KeyError, TypeError, ValueError) as error:
        raise MienError(f"{path}: malformed input or outputs ({error!r}); export the model again") from None
    if scale <= 0 or zero_point != 0:
        raise MienError(f"{path}: input zero point must be 0 (int8 = luma − 128) and its scale above 0")
    labels = tuple(sidecar["labels"])
    if task == "emotion" and (len(outputs) != 1 or outputs[0].shape != (1, len(labels))):
        raise MienError(
            f"{path}: {len(labels)} labels but outputs of shape {[list(o.shape) for o in outputs]}; "
            "the model and its label contract do not belong together"
        )
    return Bundle(path, sidecar["name"], task, height, width, outputs, labels, sidecar)
