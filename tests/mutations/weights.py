"""Model files damaged: with the sidecar's hash as it was, and with one that somebody has forged to fit."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from random import Random

import numpy as np

from mien.models import bundle
from mien.models.engine import open_engine
from mutations import damage
from mutations.kinds import ImplausibleError, Trial

_ENGINES = {"tflite": "litert", "onnx": "onnx"}


def prepare(folder: Path) -> Trial:
    """Models whose hash must refuse every change."""
    return _prepare(folder, forge=False)


def prepare_forged(folder: Path) -> Trial:
    """Models whose hash was made to fit: the engine refuses them or runs them."""
    return _prepare(folder, forge=True)


def _prepare(folder: Path, forge: bool) -> Trial:
    names = ("emotion-base", "face-small")
    for name in names:
        for path in bundle.MODELS.glob(f"{name}.*"):
            shutil.copy(path, folder)

    def trial(generator: Random) -> None:
        name, kind = generator.choice(names), generator.choice(tuple(_ENGINES))
        model, sidecar = folder / f"{name}.{kind}", folder / f"{name}.json"
        whole, text = model.read_bytes(), sidecar.read_bytes()
        raw = damage.bytes_of(generator, whole, head=2048)
        try:
            model.write_bytes(raw)
            if forge:
                document = json.loads(text)
                document["files"][kind] |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
                sidecar.write_text(json.dumps(document))
            loaded = bundle.load(sidecar)
            engine = open_engine(loaded, _ENGINES[kind])
            outputs = engine.run(np.full((loaded.height, loaded.width), 90, np.uint8))
            if not forge and raw != whole:
                raise ImplausibleError(f"{model.name} runs, though it was changed")
            if [(output.shape, output.dtype) for output in outputs] != [(o.shape, np.int8) for o in loaded.outputs]:
                raise ImplausibleError(f"outputs are {[output.shape for output in outputs]}")
        finally:
            model.write_bytes(whole)
            sidecar.write_bytes(text)

    return trial
