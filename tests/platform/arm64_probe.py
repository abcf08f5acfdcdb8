"""What is run on both processors: `python arm64_probe.py INPUTS.npz OUTPUTS.npz`.

INPUTS holds uint8 (n, H, W) by model name. OUTPUTS gets, by "model/number of output", the raw int8 outputs
(n, …) of the wheel's models in LiteRT, by "model/operators" what LiteRT executes ("3 DELEGATE", sorted), and by
"model/golden/interpreter" the hashes that the reference kernels give.
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import reference
from numpy.typing import NDArray

from mien.models import bundle, engine
from mien_export.arm64.operators import executed

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
            found[f"{name}/operators"] = np.array(sorted(f"{n} {operator}" for operator, n in _executed(model).items()))
            for interpreter in usable:
                module = importlib.import_module(_INTERPRETERS[interpreter])
                found[f"{name}/golden/{interpreter}"] = np.array(reference.hashes(module, model))
    return found


def _executed(model: bundle.Bundle) -> Counter[str]:
    module = importlib.import_module(_INTERPRETERS["litert"])
    interpreter = module.Interpreter(model_path=str(model.artefact("tflite")), num_threads=1)
    interpreter.allocate_tensors()
    return executed(interpreter)


if __name__ == "__main__":
    np.savez(sys.argv[2], **outputs(Path(sys.argv[1])))
