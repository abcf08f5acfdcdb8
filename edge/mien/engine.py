"""The interpreters that run a bundle: LiteRT (default), or ONNX Runtime.

Both are fed uint8 luma and give the same raw int8 tensors, so that everything behind them is shared.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.bundle import Bundle
from mien.errors import MienError


class Engine(Protocol):
    """A loaded model."""

    name: str

    def run(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """Infer one picture.

        Args:
            luma: uint8 (H, W), exactly the model's input size, contiguous.

        Returns:
            The outputs in the sidecar's order and shapes: int8 (1, H, W, C) or (1, K), raw quantized values.
        """
        ...


class LiteRT:
    """The TFLite artefact in `ai_edge_litert` (XNNPACK kernels)."""

    name = "litert"

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        interpreter_module = _imported("ai_edge_litert.interpreter", "ai-edge-litert")
        path = bundle.artefact("tflite")
        try:
            with _native_stderr_closed():
                self._interpreter = interpreter_module.Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise MienError(f"{path}: LiteRT cannot load it ({_first_line(error)})") from None
        self._input = self._interpreter.get_input_details()[0]["index"]
        details = self._interpreter.get_output_details()
        self._outputs = [d["index"] for d in details]
        _check_shapes(bundle, [tuple(int(n) for n in d["shape"]) for d in details])
        # int8 = luma − 128 is the same bit pattern as luma with its top bit flipped.
        self._signed = np.empty((1, bundle.height, bundle.width, 1), dtype=np.int8)
        self._bits = self._signed.view(np.uint8)[0, :, :, 0]

    def run(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """Infer one picture; see `Engine.run`."""
        np.bitwise_xor(luma, 0x80, out=self._bits)
        self._interpreter.set_tensor(self._input, self._signed)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(index) for index in self._outputs)


class OnnxRuntime:
    """The ONNX artefact in `onnxruntime` (CPU execution provider)."""

    name = "onnx"

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        ort = _imported("onnxruntime", "onnxruntime")
        path = bundle.artefact("onnx")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise MienError(f"{path}: ONNX Runtime cannot load it ({_first_line(error)})") from None
        self._input = self._session.get_inputs()[0].name
        self._names = [o.name for o in bundle.outputs]
        shapes = {o.name: tuple(o.shape) for o in self._session.get_outputs()}
        _check_shapes(bundle, [_channels_last(shapes.get(name, ())) for name in self._names])

    def run(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """Infer one picture; see `Engine.run`."""
        raw = self._session.run(self._names, {self._input: luma[None, None]})
        return tuple(_signed(output) for output in raw)


ENGINES: dict[str, Callable[[Bundle, int], Engine]] = {"litert": LiteRT, "onnx": OnnxRuntime}
"""Engine name to constructor; the first is the default."""

_MODULES = {"litert": ("ai_edge_litert.interpreter", "ai-edge-litert"), "onnx": ("onnxruntime", "onnxruntime")}


def open_engine(bundle: Bundle, engine: str = "litert", threads: int = 1) -> Engine:
    """Load a bundle's artefact into an engine.

    Raises:
        MienError: unknown or absent engine, or an artefact that is missing, changed or unloadable.
    """
    if engine not in ENGINES:
        raise MienError(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    if threads < 1:
        raise MienError(f"threads is {threads}; give 1 or more")
    return ENGINES[engine](bundle, threads)


def available() -> dict[str, str | None]:
    """Engine name to the installed version, or None where it cannot be imported."""
    found: dict[str, str | None] = {}
    for engine, (module, package) in _MODULES.items():
        try:
            importlib.import_module(module)
            found[engine] = importlib.metadata.version(package)
        except ImportError:
            found[engine] = None
    return found


@contextlib.contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Keep LiteRT's remarks about its delegates out of the user's terminal; it offers no switch for them.

    What goes wrong still arrives, as an exception.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _imported(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MienError(
            f"{package} is not usable here ({_first_line(error)}); install it: pip install {package}"
        ) from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _check_shapes(bundle: Bundle, shapes: list[tuple[Any, ...]]) -> None:
    expected = [o.shape for o in bundle.outputs]
    if shapes != expected:
        raise MienError(
            f"{bundle.path}: the sidecar promises outputs {expected}, the model gives {shapes}; export it again"
        )


def _channels_last(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return (shape[0], shape[2], shape[3], shape[1]) if len(shape) == 4 else shape


def _signed(output: NDArray[np.uint8]) -> NDArray[np.int8]:
    signed = (output ^ np.uint8(0x80)).view(np.int8)
    return signed.transpose(0, 2, 3, 1) if signed.ndim == 4 else signed
