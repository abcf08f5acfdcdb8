"""The interpreters that run a bundle: LiteRT (default), ONNX Runtime, or the older tflite-runtime.

All are fed uint8 luma and give raw int8 tensors of one meaning, so that everything behind them is shared.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.models import amx
from mien.models.bundle import Bundle
from mien.models.fields import shown
from mien.models.quantization import Quantization
from mien.quiet import native_stderr_closed

_log = logging.getLogger("mien.models")


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


@dataclass(frozen=True, slots=True)
class _Package:
    """Where an engine comes from: its module, its name in the package index, and the command that installs it."""

    module: str
    name: str
    install: str


_LITERT = _Package("ai_edge_litert.interpreter", "ai-edge-litert", "pip install ai-edge-litert")
_ONNX = _Package("onnxruntime", "onnxruntime", "pip install onnxruntime")
_TFLITE = _Package(
    "tflite_runtime.interpreter", "tflite-runtime", "pip install tflite-runtime==2.14.0 'numpy<2' (Python 3.11 only)"
)


class _TfLite:
    """The TFLite artefact in an interpreter of TensorFlow Lite's kind."""

    name: str
    _package: ClassVar[_Package]

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        path = bundle.place("tflite")
        self._content = bundle.content("tflite")  # the interpreter reads it where it lies, so it must stay
        self._interpreter = _interpreter(self._package, str(path), model_content=self._content, num_threads=threads)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        _check_shapes(bundle, [_shape(d) for d in inputs], [_shape(d) for d in outputs])
        if any(d["dtype"] is not np.int8 for d in (*inputs, *outputs)):
            raise MienError(f"{path}: is not of int8 throughout; export it again")
        # The file repeats what the sidecar says of quantization: a changed sidecar would give other numbers unseen.
        promised = [Quantization(bundle.sidecar.input_scale, 0), *(o.quantization for o in bundle.outputs)]
        given = [
            Quantization(float(scale), int(zero)) for scale, zero in (d["quantization"] for d in (*inputs, *outputs))
        ]
        if not all(_same(one, other) for one, other in zip(promised, given, strict=True)):
            raise MienError(f"{bundle.path}: scales or zero points are not those of {path.name}; export it again")
        self._input, self._outputs = inputs[0]["index"], [d["index"] for d in outputs]
        self._path = path
        # int8 = luma − 128 is the same bit pattern as luma with its top bit flipped.
        self._signed = np.empty((1, bundle.height, bundle.width, 1), dtype=np.int8)
        self._bits = self._signed.view(np.uint8)[0, :, :, 0]

    def run(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """Infer one picture; see `Engine.run`."""
        np.bitwise_xor(luma, 0x80, out=self._bits)
        self._interpreter.set_tensor(self._input, self._signed)
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise MienError(f"{self._path}: {self._package.name} cannot run it ({_first_line(error)})") from None
        return tuple(self._interpreter.get_tensor(index) for index in self._outputs)


class LiteRT(_TfLite):
    """The TFLite artefact in `ai_edge_litert` (XNNPACK kernels)."""

    name = "litert"
    _package = _LITERT


class TfLiteRuntime(_TfLite):
    """The TFLite artefact in `tflite_runtime`, LiteRT's predecessor: slower, and its rounding is another."""

    name = "tflite"
    _package = _TFLITE


class OnnxRuntime:
    """The ONNX artefact in `onnxruntime` (CPU execution provider)."""

    name = "onnx"

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        ort = _imported(_ONNX)
        path, content = bundle.place("onnx"), bundle.content("onnx")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise MienError(f"{path}: ONNX Runtime cannot load it ({_first_line(error)})") from None
        inputs, outputs = self._session.get_inputs(), {o.name: o for o in self._session.get_outputs()}
        self._names = [o.name for o in bundle.outputs]
        shapes = [tuple(outputs[name].shape) if name in outputs else () for name in self._names]
        _check_shapes(
            bundle, *([_channels_last(s) for s in part] for part in ([tuple(i.shape) for i in inputs], shapes))
        )
        if any(value.type != "tensor(uint8)" for value in (*inputs, *outputs.values())):
            raise MienError(f"{path}: is not of uint8 throughout; export it again")
        self._input = inputs[0].name
        self._path = path

    def run(self, luma: NDArray[np.uint8]) -> tuple[NDArray[np.int8], ...]:
        """Infer one picture; see `Engine.run`."""
        try:
            raw = self._session.run(self._names, {self._input: luma[None, None]})
        except Exception as error:  # likewise
            raise MienError(f"{self._path}: ONNX Runtime cannot run it ({_first_line(error)})") from None
        return tuple(_signed(output) for output in raw)


ENGINES: dict[str, Callable[[Bundle, int], Engine]] = {
    "litert": LiteRT,
    "onnx": OnnxRuntime,
    "tflite": TfLiteRuntime,
}
"""Engine name to constructor; the first is the default."""

MOST_THREADS = 256
"""Of an engine: more than a kiosk has cores, and still a number that each engine takes."""

_PACKAGES = {"litert": _LITERT, "onnx": _ONNX, "tflite": _TFLITE}

# A whole TFLite file without an operator: one int8 tensor, input and output at once.
_SMALLEST_MODEL = bytes.fromhex(
    "1800000054464c3300000e00140010000c000800000004000e000000100000001c000000780000000300000001000000"
    "08000000040004000400000001000000100000000c00140010000c00080004000c000000100000001000000014000000"
    "180000000000000001000000000000000100000000000000010000000c00000008000c00080007000800000000000009"
    "04000000010000000100000000000000"
)


def open_engine(bundle: Bundle, engine: str = "litert", threads: int = 1) -> Engine:
    """Load a bundle's artefact into an engine.

    Raises:
        MienError: unknown or absent engine, a number of threads out of range, or an artefact that is missing, changed
            or unloadable.
    """
    check_engine(engine)
    check_threads(threads)
    opened = ENGINES[engine](bundle, threads)
    _log.info("%s runs on %s, threads: %d", bundle.name, engine, threads)
    return opened


def check_engine(name: str) -> None:
    """See that there is an engine of that name, whether or not it is installed.

    Raises:
        MienError: there is none.
    """
    if not isinstance(name, str) or name not in ENGINES:
        raise MienError(f"unknown engine {shown(name)}; choose one of {', '.join(ENGINES)}")


def check_threads(threads: int, name: str = "threads") -> None:
    """See that a number of threads is a whole one from 1 to `MOST_THREADS`.

    Args:
        threads: the number.
        name: that whoever gave it knows it by.

    Raises:
        MienError: it is not.
    """
    # Each engine answers another number or kind with an exception of its own.
    if not isinstance(threads, int) or not 1 <= threads <= MOST_THREADS:
        raise MienError(f"{name} is {shown(threads)}; give 1 to {MOST_THREADS}, a whole number")


def probe(engine: str) -> str:
    """Try an engine.

    An import proves little (tflite-runtime imports beside numpy 2, and then can do nothing), so an interpreter is
    constructed where that needs no model of the user's.

    Args:
        engine: one of `ENGINES`.

    Returns:
        The version of its package.

    Raises:
        MienError: it is absent or unusable here.
    """
    package = _PACKAGES[engine]
    if package is _ONNX:
        _imported(package)
    else:
        _interpreter(package, "an empty model", model_content=_SMALLEST_MODEL)
    from importlib.metadata import version  # slow to import, and inference never needs it

    return version(package.name)


def available() -> dict[str, str | None]:
    """Engine name to the version that is installed and works, or None; `probe` says why."""
    found: dict[str, str | None] = {}
    for engine in ENGINES:
        try:
            found[engine] = probe(engine)
        except MienError:
            found[engine] = None
    return found


def _interpreter(package: _Package, what: str, **arguments: Any) -> Any:
    """An interpreter with its tensors allocated; `what` names its model in an error."""
    module = _imported(package)
    try:
        with native_stderr_closed(), amx.refused():  # it has remarks about its delegates
            interpreter = module.Interpreter(**arguments)
            interpreter.allocate_tensors()
    except SystemError:
        # What an extension module built against numpy 1 comes to when it first makes an array beside numpy 2.
        raise _unusable(package, f"it does not work beside numpy {np.__version__}") from None
    except (RuntimeError, ValueError) as error:
        raise MienError(f"{what}: {package.name} cannot load it ({_first_line(error)})") from None
    return interpreter


def _imported(package: _Package) -> Any:
    if package is _ONNX:
        # From 1.29 on it notes each model in a file of the user's and sends that to its makers, unless told before it
        # is loaded. Not a matter of taste here: mien promises that nothing leaves the device.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        with amx.refused():  # ONNX Runtime asks as it is imported, gains little itself, and LiteRT would have them too
            return importlib.import_module(package.module)
    except ImportError as error:
        raise _unusable(package, _first_line(error)) from None


def _unusable(package: _Package, reason: str) -> MienError:
    return MienError(f"{package.name} is not usable here ({reason}); install it: {package.install}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _check_shapes(bundle: Bundle, inputs: list[tuple[Any, ...]], outputs: list[tuple[Any, ...]]) -> None:
    for what, promised, given in (
        ("inputs", [(1, bundle.height, bundle.width, 1)], inputs),
        ("outputs", [o.shape for o in bundle.outputs], outputs),
    ):
        if promised != given:
            raise MienError(
                f"{bundle.path}: the sidecar promises {what} {promised}, the model gives {given}; export it again"
            )


def _shape(details: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(length) for length in details["shape"])


def _same(one: Quantization, other: Quantization) -> bool:
    # A model file's scales are float32.
    return one.zero_point == other.zero_point and math.isclose(one.scale, other.scale, rel_tol=1e-6)


def _channels_last(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return (shape[0], shape[2], shape[3], shape[1]) if len(shape) == 4 else shape


def _signed(output: NDArray[np.uint8]) -> NDArray[np.int8]:
    signed = (output ^ np.uint8(0x80)).view(np.int8)
    return signed.transpose(0, 2, 3, 1) if signed.ndim == 4 else signed
