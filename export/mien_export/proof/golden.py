"""Golden outputs: hashes of what the reference kernels give, which are the same on every machine."""

from __future__ import annotations

import hashlib
from typing import Any, TypedDict

import numpy as np

from mien.errors import MienError
from mien_export.proof.parity import noise
from mien_export.proof.runners import TfLite
from mien_export.tflite import flatbuffer

COUNT, SEED = 4, 2014


class Golden(TypedDict):
    """How the inputs are made, and per input the SHA-256 of all int8 outputs in order."""

    kernels: str
    inputs: str
    seed: int
    count: int
    sha256: list[str]


_UNKNOWN = frozenset({"ELU"})  # to the reference kernels, which therefore refuse a model that has it


def golden(tflite: bytes, height: int, width: int, count: int = COUNT, seed: int = SEED) -> Golden:
    """Run LiteRT's reference kernels on seeded noise.

    Args:
        tflite: the TFLite file's bytes.
        height, width: input size in pixels.
        count: number of inputs.
        seed: of `numpy.random.default_rng`.

    Returns:
        For the sidecar. A model that the reference kernels do not know an operator of has no golden inputs.

    Raises:
        MienError: LiteRT refuses the model.
    """
    digests = []
    if not unknown(tflite):
        runner = TfLite(tflite, "reference")
        for image in noise(count, height, width, seed):
            outputs = b"".join(np.ascontiguousarray(output).tobytes() for output in runner.run(image))
            digests.append(hashlib.sha256(outputs).hexdigest())
    return {
        "kernels": "BUILTIN_REF",
        "inputs": "numpy.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=uint8)",
        "seed": seed,
        "count": len(digests),
        "sha256": digests,
    }


def unknown(tflite: bytes) -> tuple[str, ...]:
    """Names of the file's operators that the reference kernels do not know.

    Raises:
        MienError: not a TFLite file.
    """
    return tuple(sorted({operator.name for operator in flatbuffer.read(tflite).operators} & _UNKNOWN))


def differences(expected: Any, tflite: bytes, height: int, width: int) -> list[int]:
    """Numbers of the golden inputs whose output differs from the sidecar's.

    Args:
        expected: the sidecar's "golden" entry.
        tflite: the TFLite file's bytes.
        height, width: input size in pixels.

    Raises:
        MienError: the entry is absent or malformed, or LiteRT refuses the model.
    """
    try:
        digests = [str(digest) for digest in expected["sha256"]]
        count, seed = int(expected["count"]), int(expected["seed"])
        if seed < 0:
            raise ValueError(f"seed {seed}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MienError(f"the sidecar's golden entry is malformed ({error!r}); export the model again") from None
    if not digests or count != len(digests):
        raise MienError(f"the sidecar promises {count} golden outputs and lists {len(digests)}; export the model again")
    found = golden(tflite, height, width, count, seed)["sha256"]
    return [index for index, (ours, theirs) in enumerate(zip(found, digests, strict=True)) if ours != theirs]
