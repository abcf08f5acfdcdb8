"""What a sidecar promises of its model, parsed once into frozen dataclasses that runtime, training and export share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mien.errors import MienError
from mien.models import crop_quality, expression
from mien.models.crop_quality import CropQuality
from mien.models.expression import Expression
from mien.models.fields import Fields
from mien.models.quantization import Quantization

FORMAT = 1
MAPS = (1, 4, 10)
"""Channels of a detector's score, box and landmarks: three outputs a stride, or one with all of them in this order."""
SLOPES, SHIFTS = (0.1, 10.0), (-10.0, 10.0)
"""Least and most that a detector's scores may be calibrated by: a rising map, and of finite scores."""
Task = Literal["emotion", "face"]

_REMEDY = "export the model again"
_COMMON = ("name", "input", "outputs", "labels", "files", "metrics", "training", "licence")
_MOST_PIXELS = 8192
_MOST_CELLS = 1 << 24
_FILE = re.compile(r"[^/\\\0]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Output:
    """One output tensor.

    Attributes:
        name: in both artefacts.
        shape: in TFLite order, (1, H, W, C) or (1, K).
        quantization: of its values.
        labels: K class names of a classifier's output, empty for a detector's.
    """

    name: str
    shape: tuple[int, ...]
    quantization: Quantization
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decode:
    """How a detector's maps become faces.

    Attributes:
        strides: pixels per cell of each level.
        score_threshold: lowest score of a face, 0 to 1, both exclusive.
        iou_threshold: of two candidates in one view that overlap more than this, the better one is the face.
        tile_threshold: lowest score of a face that only tiles show, in the tile and in a second look; None where the
            sidecar names none: tiles are then believed at `score_threshold`, without a second look.
        score_slope, score_shift: a score is the sigmoid of slope × logit + shift, so that it is the share of
            detections of this score that are right; 1 and 0 where the sidecar names none.
    """

    strides: tuple[int, ...]
    score_threshold: float
    iou_threshold: float
    tile_threshold: float | None = None
    score_slope: float = 1.0
    score_shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Alignment:
    """Where a classifier wants the five landmarks: (x, y) each, crop pixels."""

    template: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Artefact:
    """One model file: its name beside the sidecar, size in bytes and SHA-256."""

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Training:
    """Where the weights come from.

    Attributes:
        recipe: every field of the recipe, as JSON; `mien_train.recipes` reads it.
        network: name and arguments of the network, as JSON.
        seed: of the run.
        data_sha256: of the training arrays.
        epochs: after which the weights were taken.
    """

    recipe: Mapping[str, Any]
    network: Mapping[str, Any]
    seed: int
    data_sha256: str
    epochs: int


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A checked sidecar.

    Attributes:
        name: such as "emotion-base".
        task: "emotion" or "face".
        height, width: of the input, pixels; it is one channel of luma.
        input_scale: real units per luma step; luma 128 is 0.
        outputs: in the order in which both artefacts give them.
        labels: class names of the first expression ("face" alone for a detector).
        files: "tflite" and "onnx" to their file.
        training: where the weights come from.
        licence: of the weights.
        decode: of a detector, else None.
        alignment: of a classifier, else None.
        expressions: ways to read a classifier's outputs, the model's own choice first; empty for a detector.
        document: the whole JSON document, for pages and proofs (metrics, parity, golden outputs).
        quality: what keeps crops from being read; None for a detector, and where it was not fitted.
    """

    name: str
    task: Task
    height: int
    width: int
    input_scale: float
    outputs: tuple[Output, ...]
    labels: tuple[str, ...]
    files: Mapping[str, Artefact]
    training: Training
    licence: str
    decode: Decode | None
    alignment: Alignment | None
    expressions: tuple[Expression, ...]
    document: Mapping[str, Any]
    quality: CropQuality | None = None

    def same_run(self, other: Sidecar) -> bool:
        """Whether both models' weights come from one training run."""
        mine, theirs = self.training, other.training
        return (mine.recipe, mine.network, mine.seed, mine.data_sha256, mine.epochs) == (
            theirs.recipe,
            theirs.network,
            theirs.seed,
            theirs.data_sha256,
            theirs.epochs,
        )


def parse(document: object, place: str) -> Sidecar:
    """Check a sidecar's document.

    Args:
        document: decoded JSON.
        place: of the document, for errors.

    Raises:
        MienError: a field is missing, of the wrong kind, out of range, or contradicts another; one line.
    """
    if not isinstance(document, Mapping) or document.get("format") != FORMAT:
        raise MienError(f"{place}: not a mien model sidecar of format {FORMAT}")
    fields = Fields(document, place, _REMEDY)
    task = document.get("task")
    if task != "emotion" and task != "face":
        raise fields.wrong("task", "emotion or face")
    fields.require(_COMMON)
    wanted = fields.part("input")
    height, width = (wanted.integer(side, 1, _MOST_PIXELS) for side in ("height", "width"))
    if wanted.integer("zero_point", -128, 127) != 0:
        raise wanted.wrong("zero_point", "0 (int8 = luma − 128)")
    labels = fields.texts("labels")
    emotion = task == "emotion"
    several = emotion and "expressions" in document
    known = labels if emotion and not several else ()
    outputs = tuple(_output(part, part.texts("labels") if several else known) for part in fields.parts("outputs"))
    name = fields.text("name")
    if not _FILE.fullmatch(name) or name in (".", ".."):
        raise fields.wrong("name", "a file name without folders")
    sidecar = Sidecar(
        name=name,
        task="emotion" if emotion else "face",
        height=height,
        width=width,
        input_scale=wanted.number("scale", 1e-9, 1e9),
        outputs=outputs,
        labels=labels,
        files=_files(fields.part("files")),
        training=_training(fields.part("training")),
        licence=fields.text("licence"),
        decode=None if emotion else _decode(fields.part("decode")),
        alignment=_alignment(fields.part("alignment"), height, width) if emotion else None,
        expressions=(
            _expressions(fields, outputs)
            if several
            else (expression.alone(labels, fields.part("decision")),)
            if emotion
            else ()
        ),
        document=document,
        quality=crop_quality.parse(fields.part("quality")) if emotion and "quality" in document else None,
    )
    _agree(sidecar, place)
    return sidecar


def _output(fields: Fields, labels: tuple[str, ...]) -> Output:
    shape = fields.integers("shape", 1, _MOST_CELLS)
    if len(shape) not in (2, 4) or shape[0] != 1:
        raise fields.wrong("shape", "[1, classes] or [1, height, width, channels]")
    scale = fields.number("scale", 1e-9, 1e9)
    quantization = Quantization(scale, fields.integer("zero_point", -128, 127))
    return Output(fields.text("name"), shape, quantization, labels)


def _files(fields: Fields) -> Mapping[str, Artefact]:
    found = {}
    for kind in fields.values:
        part = fields.part(kind)
        name, digest = part.text("file"), part.text("sha256")
        # A name with a folder in it could point out of the model's own folder.
        if not _FILE.fullmatch(name) or name in (".", ".."):
            raise part.wrong("file", "a file name without folders")
        if not _SHA256.fullmatch(digest):
            raise part.wrong("sha256", "64 hexadecimal digits")
        found[kind] = Artefact(name, part.integer("bytes", 1, 1 << 40), digest)
    if not found:
        raise MienError(f"{fields.place}: lists no file; {fields.remedy}")
    return found


def _training(fields: Fields) -> Training:
    return Training(
        fields.part("recipe").values,
        fields.part("network").values,
        fields.integer("seed", 0, 1 << 62),
        fields.text("data_sha256"),
        fields.integer("epochs", 0, 1 << 31),
    )


def _decode(fields: Fields) -> Decode:
    least, most = 1e-4, 1 - 1e-4  # of a threshold: at 0 and 1 its logit is infinite
    given = fields.values
    return Decode(
        fields.integers("strides", 1, 1024),
        fields.number("score_threshold", least, most),
        fields.number("iou_threshold", 0, 1),
        fields.number("tile_threshold", least, most) if "tile_threshold" in given else None,
        fields.number("score_slope", *SLOPES) if "score_slope" in given else 1.0,
        fields.number("score_shift", *SHIFTS) if "score_shift" in given else 0.0,
    )


def _alignment(fields: Fields, height: int, width: int) -> Alignment:
    side = max(height, width)
    template = fields.points("template", 5, -side, 2 * side)
    if len(set(template)) < 3:
        raise fields.wrong("template", "five points, three of them different at least")
    return Alignment(template)


def _expressions(fields: Fields, outputs: tuple[Output, ...]) -> tuple[Expression, ...]:
    known = [(output.name, output.labels) for output in outputs]
    found = tuple(expression.parse(part, known) for part in fields.parts("expressions"))
    names = [one.name for one in found]
    if len(set(names)) != len(names):
        raise fields.wrong("expressions", "a list of objects of different names")
    if fields.texts("labels") != found[0].labels:
        raise MienError(f"{fields.place}: labels are not those of {names[0]}, the first expression; {_REMEDY}")
    return found


def _agree(sidecar: Sidecar, place: str) -> None:
    """Outputs, labels and decoding fit each other."""
    shapes = [list(output.shape) for output in sidecar.outputs]
    if len({output.name for output in sidecar.outputs}) != len(shapes):
        raise MienError(f"{place}: two outputs have one name; {_REMEDY}")
    if sidecar.decode is None:
        counts = [len(output.labels) for output in sidecar.outputs]
        if "expressions" not in sidecar.document:
            counts = counts[:1]  # nothing would say how a second output is to be read
        if shapes != [[1, count] for count in counts]:
            raise MienError(
                f"{place}: {' and '.join(map(str, counts))} labels but outputs of shape {shapes}; "
                "the model and its label contract do not belong together"
            )
        return
    if len(sidecar.labels) != 1:
        raise MienError(f"{place}: a detector has one label, not {len(sidecar.labels)}; {_REMEDY}")
    maps = [[1, -(-sidecar.height // s), -(-sidecar.width // s)] for s in sidecar.decode.strides]
    apart = [[*size, channels] for channels in MAPS for size in maps]
    together = [[*size, sum(MAPS)] for size in maps]
    if shapes not in (apart, together):
        raise MienError(
            f"{place}: outputs of shape {shapes} do not fit an input of {sidecar.height}×{sidecar.width} at strides "
            f"{list(sidecar.decode.strides)}; {_REMEDY}"
        )
