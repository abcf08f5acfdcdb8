"""Sidecars damaged, and their models run with what is left of them."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from mien import EmotionClassifier, FaceDetector, read_image
from mien.cameras.demo import photograph
from mien.emotions import align
from mien.faces.face import Face
from mien.models import bundle
from mutations import damage
from mutations.kinds import ImplausibleError, Trial

_RARE = ("metrics", "parity", "calibration", "golden", "versions", "format")
_RAW = 0.15
"""Share of cases that damage the file's bytes rather than a field."""


def prepare(folder: Path) -> Trial:
    """Copies of the bundled models, and what they say undamaged."""
    names = ("emotion-base", "face-base", "face-base-portrait", "face-small")
    for name in names:
        for path in bundle.MODELS.glob(f"{name}.*"):
            shutil.copy(path, folder)
    luma = read_image(photograph())[:320, :400].copy()
    (face,) = FaceDetector(folder / "face-base.json").detect(luma)
    template = EmotionClassifier(folder / "emotion-base.json").template
    crops = align.crop(luma, align.landmarks_of([face]), template)
    label = int(EmotionClassifier(folder / "emotion-base.json").probabilities(crops).argmax())
    mixture = _mixture(bundle.load(folder / "emotion-base.json"))
    texts = {name: (folder / f"{name}.json").read_bytes() for name in names}

    def trial(generator: Random) -> None:
        name = generator.choice(("emotion-base", "emotion-base", "face-base", "face-base", *names[2:]))
        path = folder / f"{name}.json"
        try:
            path.write_bytes(_damaged(generator, texts[name]))
            engine = "litert" if generator.random() < 0.85 else "onnx"
            if name == "emotion-base":
                _classify(path, engine, luma, face, crops, label, mixture)
            else:
                # A portrait model is reached as the counterpart of its own, by a frame that is higher than wide.
                portrait = name.endswith("-portrait")
                model = folder / f"{name.removesuffix('-portrait')}.json"
                _detect(model, engine, luma[:, 120:330].copy() if portrait else luma, face, 120 if portrait else 0)
        finally:
            path.write_bytes(texts[name])

    return trial


def _damaged(generator: Random, text: bytes) -> bytes:
    if generator.random() < _RAW:
        return generator.choice((damage.bytes_of(generator, text), b"[" * 100_000, text.replace(b"0", b"NaN", 3)))
    return damage.json_of(damage.document(generator, json.loads(text), _RARE))


def _mixture(model: bundle.Bundle) -> object:
    """What decides which label is the best."""
    own = model.expression()
    return own.labels, own.opinions, own.offsets, [output.labels for output in model.outputs]


def _classify(path: Path, engine: str, luma: Any, face: Face, crops: Any, label: int, mixture: object) -> None:
    with EmotionClassifier(path, engine) as classifier:
        (row,) = classifier.probabilities(crops)
        if row.shape != (len(classifier.labels),) or not np.isfinite(row).all():
            raise ImplausibleError(f"probabilities are {row.tolist()}")
        if not (row >= 0).all() or not math.isclose(float(row.sum()), 1, abs_tol=1e-4):
            raise ImplausibleError(f"probabilities are {row.tolist()}, and their sum is {row.sum()}")
        # Whatever the temperature, the order of the logits stays.
        if row[label] < row.max() and _mixture(classifier.bundle) == mixture:
            raise ImplausibleError(f"label {label} was the best, now it is {int(row.argmax())}")
        verdict = classifier.verdict(row)
        if verdict.top != classifier.labels[int(row.argmax())]:
            raise ImplausibleError(f"verdict is {verdict} of {row.tolist()}")
        again = align.crop(luma, align.landmarks_of([face]), classifier.template)
        if again.shape != (1, 48, 48):
            raise ImplausibleError(f"crops are {again.shape}")
        if not np.isfinite(classifier.probabilities(again)).all():
            raise ImplausibleError("probabilities of the crop are not finite")


def _detect(path: Path, engine: str, luma: Any, expected: Face, shift: int) -> None:
    # Of scales the ONNX file says nothing that its engine would show; the TFLite file repeats them.
    certain = engine == "litert"
    with FaceDetector(path, engine) as detector:
        faces = detector.detect(luma)
    if len(faces) > 400:
        raise ImplausibleError(f"{len(faces)} faces")
    reach = 20 * max(luma.shape) if certain else 1e9
    for face in faces:
        values = [*face.box, *(value for point in face.landmarks for value in point)]
        if not all(math.isfinite(value) and abs(value) < reach for value in values):
            raise ImplausibleError(f"a face at {values}")
        if not 0 <= face.score <= 1 or face.box.width <= 0 or face.box.height <= 0:
            raise ImplausibleError(f"a face with score {face.score} in {face.box}")
    if [face.score for face in faces] != sorted((face.score for face in faces), reverse=True):
        raise ImplausibleError("faces are not sorted by score")
    if faces and certain:
        # Whatever the thresholds, the best face is the best.
        off = max(abs(a - b) for a, b in zip(faces[0].moved(shift, 0).box, expected.box, strict=True))
        if off > 0.25 * expected.box.height:
            raise ImplausibleError(f"the face is at {expected.box}, found at {faces[0].box}")
