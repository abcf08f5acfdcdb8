"""A TFLite file as it is put together: tensors, buffers and operators of its one subgraph."""

from __future__ import annotations

from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np
from numpy.typing import NDArray

from mien_export.quantization import qdq
from mien_export.tflite.layout import channels_last, to_channels_last

DESCRIPTION = "mien: int8, luma - 128 in, written from the QDQ ONNX graph of the same name"

_RUNTIME = b"1.14.0\0\0\0\0\0\0\0\0\0\0"  # TensorFlow release that first has every operator version used here
_DTYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.float32): schema.TensorType.FLOAT32,  # of `mien_export.peers.float_copy` alone
}


class Subgraph:
    """Collects tensors and operators of one subgraph."""

    def __init__(self) -> None:
        self._tensors: list[schema.TensorT] = []
        self._indices: dict[str, int] = {}
        self._buffers: list[schema.BufferT] = [_Buffer(b"")]  # buffer 0 is empty by convention
        self._codes: dict[tuple[int, int], int] = {}
        self._vectors: dict[bytes, int] = {}  # zero points to where they were written
        self._operators: list[schema.OperatorT] = []

    def activation(self, tensor: qdq.Tensor) -> int:
        """Index of an activation, or of a constant operand: int8, pictures channels last."""
        if tensor.name not in self._indices:
            data = None
            if tensor.data is not None:
                data = (to_channels_last(tensor.data).astype(np.int16) - 128).astype(np.int8)
            self._indices[tensor.name] = self._add(
                tensor.name,
                channels_last(tensor.shape),
                np.dtype(np.int8),
                data,
                tensor.scale,
                tensor.zero_point - 128,
            )
        return self._indices[tensor.name]

    def weight(self, tensor: qdq.Tensor, data: NDArray[Any], axis: int) -> int:
        """Index of an int8 weight or int32 bias, laid out as TFLite wants it, its channels on `axis`."""
        if tensor.name not in self._indices:
            self._indices[tensor.name] = self._add(
                tensor.name, data.shape, data.dtype, data, tensor.scale, tensor.zero_point, axis
            )
        return self._indices[tensor.name]

    def bias(self, name: str, data: NDArray[np.int32], scale: NDArray[np.float32]) -> int:
        """Index of a bias that the ONNX graph leaves out because it is zero."""
        return self._add(name, data.shape, data.dtype, data, scale, np.zeros(len(scale), np.int64))

    def integers(self, name: str, data: NDArray[np.int32]) -> int:
        """Index of an int32 constant without quantization: a shape or a size."""
        return self._add(name, data.shape, data.dtype, data)

    def operator(
        self, code: int, version: int, inputs: list[int], output: qdq.Tensor, options_type: int, options: Any
    ) -> None:
        """Append an operator."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault((code, version), len(self._codes))
        operator.inputs, operator.outputs = inputs, [self.activation(output)]
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self._operators.append(operator)

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The file's bytes, given the indices of the graph's ends."""
        subgraph = schema.SubGraphT()
        subgraph.name = "main"
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs, subgraph.outputs = inputs, outputs
        metadata = schema.MetadataT()
        metadata.name, metadata.buffer = "min_runtime_version", self._buffer(_RUNTIME)
        model = schema.ModelT()
        model.version, model.description = 3, DESCRIPTION
        model.operatorCodes = [_operator_code(code, version) for code, version in self._codes]
        model.subgraphs, model.buffers, model.metadata = [subgraph], self._buffers, [metadata]
        builder = flatbuffers.Builder(1 << 16)
        self._vectors.clear()
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _add(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        data: NDArray[Any] | None = None,
        scale: NDArray[np.float32] | None = None,
        zero_point: NDArray[np.int64] | None = None,
        axis: int = 0,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), _DTYPES[dtype]
        tensor.buffer = 0 if data is None else self._buffer(np.ascontiguousarray(data).tobytes())
        if scale is not None and zero_point is not None:
            tensor.quantization = _Quantization(scale, zero_point, axis if len(scale) > 1 else 0, self._vectors)
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _buffer(self, data: bytes) -> int:
        self._buffers.append(_Buffer(data))
        return len(self._buffers) - 1


class _Buffer(schema.BufferT):  # type: ignore[misc] # the schema has no types
    """A buffer aligned to 16 bytes: the schema asks for it, and its Python writer does not do it."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - overrides the schema's name
        if not self._content:
            return super().Pack(builder)
        builder.StartVector(1, len(self._content), 16)
        builder.head -= len(self._content)
        builder.Bytes[builder.head : builder.head + len(self._content)] = self._content
        vector = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


class _Quantization(schema.QuantizationParametersT):  # type: ignore[misc] # likewise
    """Scales and zero points of a tensor; equal zero points stand in the file once.

    Every weight and bias has a zero of eight bytes a channel: in a network of few weights, a fifth of the file.
    """

    def __init__(
        self, scale: NDArray[np.float32], zero_point: NDArray[np.int64], axis: int, vectors: dict[bytes, int]
    ) -> None:
        super().__init__()
        self._scale, self._zero_point = scale.astype(np.float32), zero_point.astype(np.int64)
        self._axis, self._vectors = axis, vectors

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - overrides the schema's name
        key = self._zero_point.tobytes()
        if key not in self._vectors:
            self._vectors[key] = builder.CreateNumpyVector(self._zero_point)
        scale = builder.CreateNumpyVector(self._scale)
        schema.QuantizationParametersStart(builder)
        schema.QuantizationParametersAddScale(builder, scale)
        schema.QuantizationParametersAddZeroPoint(builder, self._vectors[key])
        schema.QuantizationParametersAddQuantizedDimension(builder, self._axis)
        return schema.QuantizationParametersEnd(builder)


def _operator_code(code: int, version: int) -> schema.OperatorCodeT:
    entry = schema.OperatorCodeT()
    entry.builtinCode = entry.deprecatedBuiltinCode = code  # every code here is below 127, where both fields agree
    entry.version = version
    return entry
