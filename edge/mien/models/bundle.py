"""A model on disk: NAME.tflite and NAME.onnx beside NAME.json, the sidecar that is their contract."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mien import contents
from mien.errors import MienError
from mien.models import contract, digest
from mien.models.contract import Alignment, Decode, Output, Sidecar, Task
from mien.models.expression import Expression
from mien.models.fields import shown

MODELS = Path(__file__).parent
"""Folder of the models inside the package."""

_LARGEST = 16 << 20
"""Bytes of a sidecar: the bundled ones have 16 kB."""

_LARGEST_MODEL = 1 << 30
"""Bytes of a model file: the bundled ones have less than a megabyte."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model whose sidecar has been read and checked.

    Attributes:
        path: the sidecar file.
        sidecar: what it promises.
    """

    path: Path
    sidecar: Sidecar

    @property
    def name(self) -> str:
        """Such as "emotion-base"."""
        return self.sidecar.name

    @property
    def task(self) -> Task:
        """ "emotion" or "face"."""
        return self.sidecar.task

    @property
    def height(self) -> int:
        """Of the input, pixels."""
        return self.sidecar.height

    @property
    def width(self) -> int:
        """Of the input, pixels."""
        return self.sidecar.width

    @property
    def outputs(self) -> tuple[Output, ...]:
        """In the order in which both artefacts give them."""
        return self.sidecar.outputs

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the first expression ("face" alone for a detector)."""
        return self.sidecar.labels

    @property
    def decode(self) -> Decode:
        """How a detector's maps become faces.

        Raises:
            MienError: the model is no detector.
        """
        if self.sidecar.decode is None:
            raise MienError(f"{self.path}: is a model for {self.task!r}, not a face detector")
        return self.sidecar.decode

    @property
    def alignment(self) -> Alignment:
        """Where a classifier wants the landmarks.

        Raises:
            MienError: the model is no classifier.
        """
        if self.sidecar.alignment is None:
            raise MienError(f"{self.path}: is a model for {self.task!r}, not an emotion classifier")
        return self.sidecar.alignment

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Ways to read a classifier's outputs, the model's own choice first; empty for a detector."""
        return self.sidecar.expressions

    def expression(self, name: str | None = None) -> Expression:
        """One way to read a classifier's outputs.

        Args:
            name: such as "perceived"; None for the model's own choice.

        Raises:
            MienError: the model has no such expression, or is no classifier.
        """
        if not self.expressions:
            raise MienError(f"{self.path}: is a model for {self.task!r}, not an emotion classifier")
        if name is None:
            return self.expressions[0]
        found = next((one for one in self.expressions if one.name == name), None)
        if found is None:
            has = ", ".join(one.name for one in self.expressions)
            raise MienError(f"{self.name}: has no expression {shown(name)}; choose {has}")
        return found

    def artefact(self, kind: str) -> Path:
        """Path of the "tflite" or "onnx" file, after it was compared with the sidecar.

        Raises:
            MienError: as `content`.
        """
        self.content(kind)
        return self.place(kind)

    def place(self, kind: str) -> Path:
        """Where the "tflite" or "onnx" file should be.

        Raises:
            MienError: the sidecar lists no such file.
        """
        entry = self.sidecar.files.get(kind)
        if entry is None:
            raise MienError(f"{self.path}: lists no {kind} file; it has {', '.join(self.sidecar.files)}")
        return self.path.parent / entry.file

    def content(self, kind: str) -> bytes:
        """The bytes of the "tflite" or "onnx" file, after their SHA-256 was compared with the sidecar.

        Read once: what was compared is what an interpreter gets, whatever becomes of the file meanwhile.

        Raises:
            MienError: the sidecar lists no such file, it is missing or cannot be read, or its hash differs.
        """
        path = self.place(kind)
        if not _is_file(path):
            raise MienError(f"{path}: missing, though {self.path.name} lists it; reinstall or export the model again")
        content, promised = contents.read(path, _LARGEST_MODEL), self.sidecar.files[kind].sha256
        found = digest.sha256(content)
        if found != promised:
            raise MienError(
                f"{path}: SHA-256 is {found[:12]}… but {self.path.name} says {promised[:12]}…; "
                "the file was changed or damaged, reinstall or export the model again"
            )
        return content


def load(name: str | Path) -> Bundle:
    """Read and check a sidecar.

    Args:
        name: the name of a bundled model ("emotion-base"), or a path to a sidecar or to one of its files.

    Raises:
        MienError: no such model, or the sidecar breaks the contract.
    """
    path = _sidecar_path(name)
    raw = contents.read(path, _LARGEST)
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise MienError(f"{path}: not a readable model sidecar ({error})") from None
    return Bundle(path, contract.parse(document, str(path)))


def portrait(model: Bundle) -> Bundle | None:
    """The counterpart NAME-portrait of a detector, for frames higher than wide; None if there is none.

    Raises:
        MienError: it breaks the contract, or comes of another training run: the two would then find other faces.
    """
    path = model.path.with_name(f"{model.name}-portrait.json")
    if not _is_file(path):
        return None
    found = load(path)
    if found.task != model.task or not found.sidecar.same_run(model.sidecar):
        raise MienError(
            f"{path}: is of another training run than {model.path.name}; export both with one `build`, or remove it"
        )
    return found


def installed() -> tuple[Bundle, ...]:
    """Every model in the package, by name."""
    return tuple(load(path) for path in sorted(MODELS.glob("*.json")))


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return digest.sha256(path.read_bytes())


def _sidecar_path(name: str | Path) -> Path:
    path = Path(name)
    if path.suffix in {".json", ".tflite", ".onnx"}:
        path = path.with_suffix(".json")
        if not _is_file(path):
            raise MienError(f"{path}: no such model sidecar; a model is NAME.json beside NAME.tflite or NAME.onnx")
        return path
    bundled = MODELS / f"{name}.json"
    if not _is_file(bundled):
        known = ", ".join(p.stem for p in sorted(MODELS.glob("*.json"))) or "none"
        raise MienError(f"no model named {str(name)!r}; bundled are {known}; a path to a .json sidecar works too")
    return bundled


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, a link to itself, a folder that may not be entered
        return False
