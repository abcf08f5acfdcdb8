"""A TFLite file read back, tensor by tensor and operator by operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError

_DTYPES: dict[int, np.dtype[Any]] = {
    schema.TensorType.INT8: np.dtype(np.int8),
    schema.TensorType.INT32: np.dtype(np.int32),
}
_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor of the file.

    Attributes:
        name: as in the ONNX file.
        shape: in TFLite order.
        dtype: "int8", "int32", or the schema's number of a type that mien does not write.
        scale: float32 (n,), empty when not quantized.
        zero_point: int64 (n,).
        axis: of per-channel scales.
        data: of `shape`; None for activations.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    axis: int
    data: NDArray[Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """An operator of the file.

    Attributes:
        name: such as "CONV_2D".
        code: the schema's number of it.
        version: of its kernel.
        inputs, outputs: names of tensors.
    """

    name: str
    code: int
    version: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """A whole file: tensors by name, operators in order of execution, names of inputs and outputs."""

    tensors: dict[str, Tensor]
    operators: tuple[Operator, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read(content: bytes) -> File:
    """Read a TFLite file's bytes.

    Raises:
        MienError: not a TFLite file with one subgraph.
    """
    if content[4:8] != b"TFL3":
        raise MienError("not a TFLite file (no TFL3 mark); export the model again")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
        (subgraph,) = model.subgraphs
        tensors = [_tensor(tensor, model.buffers) for tensor in subgraph.tensors]
        names = [tensor.name for tensor in tensors]
        operators = tuple(_operator(o, model.operatorCodes, names) for o in subgraph.operators)
        inputs, outputs = (tuple(names[i] for i in ends) for ends in (subgraph.inputs, subgraph.outputs))
    except Exception as error:  # flatbuffers checks nothing: damage surfaces as whatever it provokes
        raise MienError(f"damaged TFLite file ({type(error).__name__}: {error}); export the model again") from None
    return File(dict(zip(names, tensors, strict=True)), operators, inputs, outputs)


def _tensor(tensor: Any, buffers: list[Any]) -> Tensor:
    quantization = tensor.quantization
    scale = quantization.scale if quantization is not None and quantization.scale is not None else []
    zero_point = quantization.zeroPoint if quantization is not None and quantization.zeroPoint is not None else []
    shape = tuple(int(n) for n in tensor.shape)
    content, dtype = buffers[tensor.buffer].data, _DTYPES.get(tensor.type)
    data = None
    if content is not None and len(content) and dtype is not None:
        data = np.asarray(content, np.uint8).view(dtype).reshape(shape)
    return Tensor(
        tensor.name.decode(),
        shape,
        str(dtype) if dtype is not None else str(tensor.type),
        np.asarray(scale, np.float32),
        np.asarray(zero_point, np.int64),
        int(quantization.quantizedDimension) if quantization is not None else 0,
        data,
    )


def _operator(operator: Any, codes: list[Any], names: list[str]) -> Operator:
    entry = codes[operator.opcodeIndex]
    code = max(int(entry.builtinCode), int(entry.deprecatedBuiltinCode))
    inputs, outputs = (tuple(names[i] for i in ends if i >= 0) for ends in (operator.inputs, operator.outputs))
    return Operator(_NAMES.get(code, str(code)), code, int(entry.version), inputs, outputs)
