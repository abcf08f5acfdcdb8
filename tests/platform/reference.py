"""Golden outputs with any interpreter: what the sidecar promises of TensorFlow Lite's reference kernels.

`mien_export.proof.golden` defines and writes them; this needs numpy and an interpreter alone, so that it runs on a
device.
"""

from __future__ import annotations

import hashlib
from types import ModuleType

import numpy as np

from mien.models.bundle import Bundle


def hashes(module: ModuleType, model: Bundle) -> list[str]:
    """SHA-256 of all int8 outputs, in order, for each of the seeded inputs that the sidecar describes.

    Args:
        module: `ai_edge_litert.interpreter` or `tflite_runtime.interpreter`.
        model: whose TFLite file is run.
    """
    golden = model.sidecar.document["golden"]
    assert golden["kernels"] == "BUILTIN_REF"
    interpreter = module.Interpreter(
        model_path=str(model.artefact("tflite")),
        num_threads=1,
        experimental_op_resolver_type=module.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    into = interpreter.get_input_details()[0]["index"]
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    rng = np.random.default_rng(golden["seed"])
    found = []
    for luma in rng.integers(0, 256, (golden["count"], model.height, model.width), dtype=np.uint8):
        interpreter.set_tensor(into, (luma.astype(np.int16) - 128).astype(np.int8)[None, :, :, None])
        interpreter.invoke()
        content = b"".join(np.ascontiguousarray(interpreter.get_tensor(index)).tobytes() for index in outputs)
        found.append(hashlib.sha256(content).hexdigest())
    return found
