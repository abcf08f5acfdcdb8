"""What is run on both processors: `python arm64_probe.py INPUTS.npz OUTPUTS.npz`.

INPUTS holds uint8 (n, H, W) by model name. OUTPUTS gets, by "model/number of output", the raw int8 outputs
(n, …) of the wheel's models in LiteRT, and by "model/golden/interpreter" the hashes that the reference kernels give.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import reference
from numpy.typing import NDArray

from mien.models import bundle, engine

_INTERPRETERS = {"litert": "ai_edge_litert.interpreter", "tflite": "tflite_runtime.interpreter"}


def outputs(inputs: Path) -> dict[str, NDArray[np.int8] | NDArray[np.str_]]:
    """Everything that is compared, by name."""
    found: dict[str, NDArray[np.int8] | NDArray[np.str_]] = {}
    usable = [name for name, version in engine.available().items() if version and name in _INTERPRETERS]
    with np.load(inputs) as pictures:
        for name in pictures.files:
            model = bundle.load(name)
            loaded = engine.open_engine(model, "litert")
            runs = [[tensor.copy() for tensor in loaded.run(luma)] for luma in pictures[name]]
            for number, tensors in enumerate(zip(*runs, strict=True)):
                found[f"{name}/{number}"] = np.concatenate(tensors)
            for interpreter in usable:
                module = importlib.import_module(_INTERPRETERS[interpreter])
                found[f"{name}/golden/{interpreter}"] = np.array(reference.hashes(module, model))
    return found


if __name__ == "__main__":
    np.savez(sys.argv[2], **outputs(Path(sys.argv[1])))
