"""A fresh bundle passes every check, and each planted violation is caught."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from torch import nn

from mien.models import bundle
from mien_export.cli import main
from mien_export.proof import cpu, kernels, verify
from mien_export.quantization import qdq
from mien_export.quantization.fuse import fuse
from mien_export.quantization.trace import trace


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    """Sidecar of a copy of the bundle."""
    return Path(shutil.copytree(built.parent, tmp_path / "copy")) / built.name


def rewrite(sidecar: Path, kind: str, content: bytes) -> None:
    """Replace an artefact and make its size and hash in the sidecar right."""
    path = sidecar.with_suffix(f".{kind}")
    path.write_bytes(content)
    document = json.loads(sidecar.read_text())
    document["files"][kind].update(bytes=len(content), sha256=bundle.sha256(path))
    sidecar.write_text(json.dumps(document))


def edit_json(sidecar: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(sidecar.read_text())
    edit(document)
    sidecar.write_text(json.dumps(document))


def edit_tflite(sidecar: Path, edit: Callable[[Any], object]) -> None:
    content = sidecar.with_suffix(".tflite").read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    edit(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    rewrite(sidecar, "tflite", bytes(builder.Output()))


def edit_onnx(sidecar: Path, edit: Callable[[onnx.GraphProto], object]) -> None:
    model = onnx.load(sidecar.with_suffix(".onnx"))
    edit(model.graph)
    rewrite(sidecar, "onnx", model.SerializeToString())


def failures(sidecar: Path) -> set[str]:
    return {check.name for check in verify.verify(sidecar) if check.passed is False}


def _first_weight(model: Any) -> Any:
    (graph,) = model.subgraphs
    weights = (graph.tensors[operator.inputs[1]] for operator in graph.operators)
    return next(tensor for tensor in weights if tensor.quantization is not None)  # a reshape's second input is a shape


def test_a_fresh_bundle_passes(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checks = verify.verify(built)
    assert len(checks) == {"emotion": 10, "face": 11}[bundle.load(built).task]
    assert all(check.passed is not False for check in checks), [str(check) for check in checks]
    assert main(["verify", str(built.parent)]) == 0
    printed = capsys.readouterr().out
    assert str(built) in printed
    bundles = len(list(built.parent.glob("*.json")))
    assert printed.count("\n") == bundles * (len(checks) + 1)


def test_a_changed_weight_byte(copied: Path) -> None:
    def flip(model: Any) -> None:
        buffer = model.buffers[_first_weight(model).buffer]
        buffer.data = np.concatenate([buffer.data[:1] ^ 1, buffer.data[1:]])

    edit_tflite(copied, flip)
    found = failures(copied)
    assert "scales, zero points, weights" in found
    assert main(["verify", str(copied)]) == 1


def test_a_changed_scale(copied: Path) -> None:
    def stretch(model: Any) -> None:
        quantization = _first_weight(model).quantization
        quantization.scale = np.nextafter(quantization.scale, np.float32(1))

    edit_tflite(copied, stretch)
    assert "scales, zero points, weights" in failures(copied)
    assert main(["verify", str(copied)]) == 1


def test_a_changed_zero_point_of_an_activation(copied: Path) -> None:
    def shift(model: Any) -> None:
        subgraph = model.subgraphs[0]
        quantization = subgraph.tensors[subgraph.operators[0].outputs[0]].quantization
        quantization.zeroPoint = quantization.zeroPoint + 1

    edit_tflite(copied, shift)
    assert "scales, zero points, weights" in failures(copied)


def test_a_changed_bias_in_onnx(copied: Path) -> None:
    def change(graph: onnx.GraphProto) -> None:
        bias = next(i for i in graph.initializer if i.data_type == onnx.TensorProto.INT32 and i.name[-6:] == "bias_q")
        data = numpy_helper.to_array(bias).copy()
        data[0] += 1
        bias.CopyFrom(numpy_helper.from_array(data, bias.name))

    edit_onnx(copied, change)
    assert "scales, zero points, weights" in failures(copied)


def test_a_newer_operator_version(copied: Path) -> None:
    def raise_version(model: Any) -> None:
        model.operatorCodes[0].version += 1

    edit_tflite(copied, raise_version)
    assert "operators" in failures(copied)


def test_an_operator_off_the_list(copied: Path) -> None:
    def swap(model: Any) -> None:
        entry = model.operatorCodes[-1]
        entry.builtinCode = entry.deprecatedBuiltinCode = schema.BuiltinOperator.TRANSPOSE

    edit_tflite(copied, swap)
    assert "operators" in failures(copied)


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_a_wrong_hash(copied: Path, kind: str) -> None:
    edit_json(copied, lambda document: document["files"][kind].update(sha256="0" * 64))
    assert failures(copied) == {f"{kind} size and SHA-256"}
    assert main(["verify", str(copied)]) == 1


def test_a_wrong_size(copied: Path) -> None:
    edit_json(copied, lambda document: document["files"]["onnx"].update(bytes=1))
    assert failures(copied) == {"onnx size and SHA-256"}


def test_a_wrong_golden_output(copied: Path) -> None:
    edit_json(copied, lambda document: document["golden"]["sha256"].__setitem__(2, "0" * 64))
    assert failures(copied) == {"golden outputs (BUILTIN_REF)"}


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"seed": float("inf")}, {"count": float("inf")}])
def test_a_golden_entry_that_makes_no_inputs_is_a_failure(wrong: dict[str, float], copied: Path) -> None:
    edit_json(copied, lambda document: document["golden"].update(wrong))
    assert len(failures(copied)) == 1


def test_golden_outputs_emptied(copied: Path) -> None:
    edit_json(copied, lambda document: document["golden"].update(sha256=[], count=0))
    assert failures(copied) == {"golden outputs"}


def test_a_sidecar_with_another_output_scale(copied: Path) -> None:
    edit_json(copied, lambda document: document["outputs"][0].update(scale=0.5))
    assert failures(copied) == {"sidecar describes the graph"}


def test_a_damaged_artefact_is_a_failure_and_no_traceback(copied: Path) -> None:
    for kind in ("tflite", "onnx"):
        content = copied.with_suffix(f".{kind}").read_bytes()
        rewrite(copied, kind, content[: len(content) // 2])
        assert failures(copied)
        rewrite(copied, kind, b"nothing of the kind")
        assert failures(copied)
        rewrite(copied, kind, content)
    assert not failures(copied)


def test_a_missing_artefact(copied: Path) -> None:
    copied.with_suffix(".tflite").unlink()
    assert failures(copied) == {"tflite size and SHA-256"}
    assert main(["verify", str(copied)]) == 1


def test_a_saturating_processor_skips_the_exact_part(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "saturates", lambda: True)
    skipped = [check for check in verify.verify(built) if check.passed is None and "ONNX Runtime" in check.name]
    assert [check.name for check in skipped] == [
        "LiteRT against ONNX Runtime, random",
        "LiteRT against ONNX Runtime, structured",
    ]
    assert all("saturate" in check.detail for check in skipped)


def test_builtin_kernels_that_say_otherwise_fail(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if bundle.load(built).task != "emotion":
        pytest.skip("a tiny untrained detector finds no face to compare")
    real = kernels.TfLite

    class Contrary(real):  # type: ignore[misc,valid-type]
        def __init__(self, model: bytes, kind: str = "xnnpack") -> None:
            super().__init__(model, kind)
            self._sign = -1 if kind == "builtin" else 1

        def run(self, image: Any) -> Any:
            return tuple(np.clip(self._sign * output.astype(int), -128, 127) for output in super().run(image))

    monkeypatch.setattr(kernels, "TfLite", Contrary)
    (check,) = [c for c in verify.verify(built) if c.name.startswith("builtin")]
    assert check.passed is False
    assert "same class on" in check.detail


def test_float_convolutions_are_seen(emotion_net: nn.Module, built: Path) -> None:
    left, count = verify.float_nodes(trace(fuse(emotion_net), ["logits"], 48, 48).SerializeToString())
    assert left
    assert len(left) < count
    assert verify.float_nodes(built.with_suffix(".onnx").read_bytes())[0] == []


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("aarch64", "asimd", False),
        ("x86_64", "avx2 fma", True),
        ("x86_64", "avx2 avx512_vnni", False),
        ("x86_64", "avx2 avx_vnni", False),
        ("x86_64", "avx512bw amx_int8", False),
    ],
)
def test_which_processors_saturate(machine: str, flags: str, expected: bool, tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\n")
    assert cpu.saturates(machine, cpuinfo) is expected
    assert cpu.saturates("x86_64", tmp_path / "absent")


def test_the_graph_that_is_read_is_the_one_that_was_written(built: Path) -> None:
    graph = qdq.read(onnx.load(built.with_suffix(".onnx")))
    assert [output.name for output in bundle.load(built).outputs] == [tensor.name for tensor in graph.outputs]
