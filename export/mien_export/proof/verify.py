"""Proof of a bundle from nothing but its files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from mien.errors import MienError
from mien.models import bundle
from mien.models.bundle import Bundle
from mien_export.proof import agreement, counterpart, cpu, golden, kernels, parity
from mien_export.proof.check import Check, listed
from mien_export.proof.runners import Onnx
from mien_export.quantization import qdq
from mien_export.tflite import columns, flatbuffer
from mien_export.tflite.layout import channels_last
from mien_train.networks.registry import INPUT_SCALE

_FLOAT = frozenset({"Conv", "FusedConv", "NhwcFusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"})
_VALUES = 40_000  # compared per kind of input, at least, so that the share of exact values means something
_MOST = 400  # images per kind of input


def find(path: Path) -> tuple[Path, ...]:
    """The sidecars meant by a path: itself, or every one in a folder.

    Raises:
        MienError: there is none.
    """
    found = tuple(sorted(path.glob("*.json"))) if path.is_dir() else (path,)
    if not found or not all(p.is_file() for p in found):
        raise MienError(f"{path}: no model sidecar here; give a NAME.json or a folder that holds some")
    return found


def verify(path: Path) -> tuple[Check, ...]:
    """Check one bundle.

    Args:
        path: the sidecar.

    Returns:
        Every check, in order. Those that need a file that cannot be read fail with the reason.

    Raises:
        MienError: the sidecar itself is missing or breaks the contract.
    """
    model = bundle.load(path)
    contents, checks = {}, []
    for kind in ("onnx", "tflite"):
        content, check = _file(model, kind)
        contents[kind] = content
        checks.append(check)
    if None in contents.values():
        return tuple(checks)
    onnx_bytes, tflite_bytes = contents["onnx"] or b"", contents["tflite"] or b""
    checks += _attempt("ONNX and TFLite agree", lambda: _structure(model, onnx_bytes, tflite_bytes))
    checks += _attempt("no float convolution", lambda: [_no_float(onnx_bytes)])
    checks += _attempt("LiteRT against ONNX Runtime", lambda: _running(model, onnx_bytes, tflite_bytes))
    checks += _attempt(
        "builtin kernels", lambda: [Check("builtin kernels against XNNPACK", *kernels.judged(model, tflite_bytes))]
    )
    checks += counterpart.judged(model)
    checks += _attempt("golden outputs", lambda: [_golden(model, tflite_bytes)])
    return tuple(checks)


def _attempt(name: str, checks: Callable[[], list[Check]]) -> list[Check]:
    try:
        return checks()
    except MienError as error:
        return [Check(name, False, str(error))]


def _file(model: Bundle, kind: str) -> tuple[bytes | None, Check]:
    name = f"{kind} size and SHA-256"
    try:
        entry = model.sidecar.files[kind]
        content = (model.path.parent / entry.file).read_bytes()
        model.artefact(kind)
    except OSError as error:
        return None, Check(name, False, f"{model.path.parent}: {error.strerror}")
    except KeyError:
        return None, Check(name, False, f"the sidecar describes no {kind} file")
    except MienError as error:
        return content, Check(name, False, str(error))
    if len(content) != entry.bytes:
        return content, Check(name, False, f"{len(content)} bytes, the sidecar says {entry.bytes}")
    return content, Check(name, True, f"{entry.file}, {len(content)} bytes, {entry.sha256[:12]}…")


def _structure(model: Bundle, onnx_bytes: bytes, tflite_bytes: bytes) -> list[Check]:
    graph = qdq.read(_parsed(onnx_bytes))
    file = flatbuffer.read(tflite_bytes)
    written = columns.gathered(graph)
    tensors = agreement.tensor_differences(written, file)
    operators = agreement.operator_differences(written, file)
    used = sorted({f"{operator.name} v{operator.version}" for operator in file.operators})
    return [
        listed("sidecar describes the graph", _promises(model, graph), "input and outputs as stated"),
        listed("scales, zero points, weights", tensors, f"{len(written.tensors())} tensors equal"),
        listed("operators", operators, ", ".join(used)),
    ]


def _promises(model: Bundle, graph: qdq.Graph) -> list[str]:
    """What the sidecar says otherwise than the graph."""
    (given,) = graph.inputs
    found = []
    if given.shape != (1, 1, model.height, model.width):
        found.append(f"input is {model.height}×{model.width} in the sidecar, {given.shape} in ONNX")
    stated = model.sidecar.input_scale
    if stated != INPUT_SCALE or float(given.scale[0]) != INPUT_SCALE or int(given.zero_point[0]) != 128:
        found.append(f"input scale is {stated}, in ONNX {given.scale[0]}; it must be {INPUT_SCALE} around 128")
    if [output.name for output in model.outputs] != [tensor.name for tensor in graph.outputs]:
        found.append(f"outputs are {[o.name for o in model.outputs]}, in ONNX {[t.name for t in graph.outputs]}")
    for output, tensor in zip(model.outputs, graph.outputs, strict=False):
        quantization = output.quantization
        if output.shape != channels_last(tensor.shape):
            found.append(f"{output.name}: shape {output.shape}, in ONNX {channels_last(tensor.shape)}")
        if np.float32(quantization.scale) != tensor.scale[0] or quantization.zero_point != tensor.zero_point[0] - 128:
            found.append(f"{output.name}: scale or zero point differs from ONNX")
    return found


def float_nodes(onnx_bytes: bytes) -> tuple[list[str], int]:
    """Convolutions and products that ONNX Runtime would compute in float, and the count of all nodes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        Onnx(onnx_bytes, optimized=str(path))
        nodes = onnx.load(path).graph.node
    return [f"{node.op_type} {node.name}" for node in nodes if node.op_type in _FLOAT], len(nodes)


def _no_float(onnx_bytes: bytes) -> Check:
    left, count = float_nodes(onnx_bytes)
    return listed("no float convolution", left, f"{count} nodes in ONNX Runtime's optimised graph")


def _running(model: Bundle, onnx_bytes: bytes, tflite_bytes: bytes) -> list[Check]:
    per_image = sum(int(np.prod(output.shape)) for output in model.outputs)
    count = int(np.clip(-(-_VALUES // per_image), 8, _MOST))
    saturating = cpu.saturates()
    checks = []
    for kind, make in (("random", parity.noise), ("structured", parity.structured)):
        result = parity.parity(onnx_bytes, tflite_bytes, make(count, model.height, model.width, 0))
        if saturating:
            detail = f"{result}; not judged: without VNNI, uint8 × int8 may saturate in ONNX Runtime"
            checks.append(Check(f"LiteRT against ONNX Runtime, {kind}", None, detail))
        else:
            checks.append(Check(f"LiteRT against ONNX Runtime, {kind}", result.passed, str(result)))
    return checks


def _golden(model: Bundle, tflite_bytes: bytes) -> Check:
    if unknown := golden.unknown(tflite_bytes):
        return Check("golden outputs (BUILTIN_REF)", None, f"the reference kernels do not know {', '.join(unknown)}")
    wrong = golden.differences(model.sidecar.document.get("golden"), tflite_bytes, model.height, model.width)
    return listed("golden outputs (BUILTIN_REF)", [f"input {index} differs" for index in wrong], "all exact")


def _parsed(content: bytes) -> onnx.ModelProto:
    try:
        model = onnx.ModelProto()
        model.ParseFromString(content)
    except Exception as error:  # protobuf's own DecodeError, from whichever implementation is installed
        raise MienError(f"damaged ONNX file ({type(error).__name__}); export the model again") from None
    return model
