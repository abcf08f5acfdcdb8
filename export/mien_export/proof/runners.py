"""Both artefacts run from memory, for proofs: uint8 luma in, raw int8 tensors in TFLite's order out."""

from __future__ import annotations

from typing import Any, Protocol

import ai_edge_litert.interpreter as litert
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mien.errors import MienError
from mien.quiet import native_stderr_closed
from mien_export.tflite.layout import to_channels_last

KERNELS = {
    "xnnpack": litert.OpResolverType.AUTO,
    "builtin": litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    "reference": litert.OpResolverType.BUILTIN_REF,
}
"""LiteRT's sets of kernels: what the edge runs, the same without XNNPACK, and the plain C++ reference."""


class Runner(Protocol):
    """A loaded artefact."""

    def run(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """One input: uint8 (H, W), (C, H, W) or (K,) → int8 outputs, (1, H, W, C) or (1, K)."""
        ...


class Onnx:
    """ONNX Runtime on the CPU, one thread.

    Args:
        model: bytes of the ONNX file.
        optimized: where to write the graph that ONNX Runtime makes of it, if anywhere.

    Raises:
        MienError: ONNX Runtime refuses the model.
    """

    def __init__(self, model: bytes, optimized: str = "") -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.optimized_model_filepath = optimized
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise MienError(f"ONNX Runtime refuses the model: {_first_line(error)}") from None
        self._input = self._session.get_inputs()[0].name

    def run(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """See `Runner.run`."""
        try:
            raw = self._session.run(None, {self._input: _batch(image)})
        except Exception as error:
            raise MienError(f"ONNX Runtime fails while it runs the model: {_first_line(error)}") from None
        return tuple(to_channels_last(_signed(output)) for output in raw)


class TfLite:
    """LiteRT, one thread.

    Args:
        model: bytes of the TFLite file.
        kernels: a name in `KERNELS`.

    Raises:
        MienError: LiteRT refuses the model.
    """

    def __init__(self, model: bytes, kernels: str = "xnnpack") -> None:
        try:
            with native_stderr_closed():  # it has remarks about its delegates
                self._interpreter: Any = litert.Interpreter(
                    model_content=model, num_threads=1, experimental_op_resolver_type=KERNELS[kernels]
                )
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise MienError(f"LiteRT refuses the model: {_first_line(error)}") from None
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def run(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """See `Runner.run`."""
        signed = to_channels_last(_signed(_batch(image)))
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(signed))
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise MienError(f"LiteRT fails while it runs the model: {_first_line(error)}") from None
        return tuple(self._interpreter.get_tensor(index) for index in self._outputs)


def _batch(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image[None, None] if image.ndim == 2 else image[None]


def _signed(values: NDArray[np.uint8]) -> NDArray[np.int8]:
    return (values.astype(np.int16) - 128).astype(np.int8)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
