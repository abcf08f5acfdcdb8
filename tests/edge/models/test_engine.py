"""Which engines are there, what is said of those that are not, and that all are fed alike."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import types
from pathlib import Path
from typing import Any

import ai_edge_litert.interpreter as litert
import ai_edge_litert.schema_py_generated as schema
import flatbuffers
import numpy as np
import pytest

from mien.errors import MienError
from mien.models import bundle, engine
from mien.models.bundle import Bundle
from mien.models.contract import Artefact, Output, Sidecar, Training
from mien.models.quantization import Quantization

LUMA = np.array([[0, 1, 127], [128, 200, 255]], dtype=np.uint8)
SIGNED = [[-128, -127, -1], [0, 72, 127]]


def echo(shape: list[int], scale: float = 1.0) -> bytes:
    """A TFLite file without an operator, whose output is its int8 input; unquantized if the scale is 0."""
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = shape, schema.TensorType.INT8, 0
    if scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor], [0], [0], []
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], [schema.BufferT()], []
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def bundle_of(folder: Path, content: bytes) -> Bundle:
    """A bundle of one output; no task's contract knows such a model, so it is put together by hand."""
    model = folder / "echo.tflite"
    model.write_bytes(content)
    output = Output("y", (1, 2, 3, 1), Quantization(1.0, 0))
    sidecar = Sidecar(
        name="echo",
        task="face",
        height=2,
        width=3,
        input_scale=1.0,
        outputs=(output,),
        labels=("face",),
        files={"tflite": Artefact(model.name, len(content), bundle.sha256(model))},
        training=Training({}, {}, 0, "", 0),
        licence="none",
        decode=None,
        alignment=None,
        expressions=(),
        document={},
    )
    return Bundle(folder / "echo.json", sidecar)


@pytest.fixture
def echoing(tmp_path: Path) -> Bundle:
    return bundle_of(tmp_path, echo([1, 2, 3, 1]))


def install(monkeypatch: pytest.MonkeyPatch, interpreter: Any) -> None:
    """Put a stand-in for tflite-runtime, which this Python may not have, into `sys.modules`."""
    module = types.SimpleNamespace(Interpreter=interpreter)
    monkeypatch.setitem(sys.modules, "tflite_runtime", types.ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", module)
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "2.14.0" if name == "tflite-runtime" else real(name)
    )


def beside_numpy_2(**_: Any) -> Any:
    """tflite-runtime 2.14.0 beside numpy 2: numpy complains on standard error, and the interpreter fails."""
    os.write(2, b"A module that was compiled using NumPy 1.x cannot be run in NumPy 2\n")
    raise SystemError("<built-in method CreateWrapperFromBuffer> returned a result with an exception set")


@pytest.mark.parametrize("name", ["litert", "tflite"])
def test_tflite_engines_give_int8_the_value_of_luma_minus_128(
    name: str, echoing: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, litert.Interpreter)
    loaded = engine.open_engine(echoing, name)
    assert loaded.name == name
    (output,) = loaded.run(LUMA)
    assert output.dtype == np.int8
    assert output[0, :, :, 0].tolist() == SIGNED
    (again,) = loaded.run(LUMA[::-1].copy())
    assert again[0, :, :, 0].tolist() == SIGNED[::-1]


def test_the_default_engine_is_first_and_works_here() -> None:
    found = engine.available()
    assert list(found) == list(engine.ENGINES) == ["litert", "onnx", "tflite"]
    assert found["litert"] == importlib.metadata.version("ai-edge-litert")


def test_an_engine_that_imports_and_cannot_construct_an_interpreter_is_not_available(
    monkeypatch: pytest.MonkeyPatch, echoing: Bundle, capfd: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, litert.Interpreter)
    assert engine.available()["tflite"] == "2.14.0"
    install(monkeypatch, beside_numpy_2)
    assert engine.available()["tflite"] is None
    for attempt in (lambda: engine.probe("tflite"), lambda: engine.open_engine(echoing, "tflite")):
        with pytest.raises(MienError, match=r"tflite-runtime .* beside numpy .*; install it: pip install .*'numpy<2'"):
            attempt()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "module", "hint"),
    [
        ("litert", "ai_edge_litert.interpreter", "pip install ai-edge-litert"),
        ("onnx", "onnxruntime", "pip install onnxruntime"),
        ("tflite", "tflite_runtime.interpreter", "pip install tflite-runtime==2.14.0"),
    ],
)
def test_an_absent_engine_is_one_line_with_the_command_that_installs_it(
    name: str, module: str, hint: str, monkeypatch: pytest.MonkeyPatch, echoing: Bundle
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert engine.available()[name] is None
    with pytest.raises(MienError, match="not usable here") as caught:
        engine.probe(name)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(MienError, match="not usable here"):
        engine.open_engine(echoing, name)


@pytest.mark.parametrize(("name", "package"), [("litert", "ai-edge-litert"), ("tflite", "tflite-runtime")])
def test_an_artefact_that_cannot_be_loaded_is_named_with_its_interpreter(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, litert.Interpreter)
    with pytest.raises(MienError, match=rf"echo\.tflite: {package} cannot load it"):
        engine.open_engine(bundle_of(tmp_path, b"no model at all, by any measure"), name)


def test_outputs_of_another_shape_than_promised_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        MienError, match=r"the sidecar promises inputs \[\(1, 2, 3, 1\)\], the model gives \[\(1, 2, 2, 1\)\]"
    ):
        engine.open_engine(bundle_of(tmp_path, echo([1, 2, 2, 1])))


def test_a_scale_that_the_model_file_does_not_have_is_refused(tmp_path: Path) -> None:
    assert engine.open_engine(bundle_of(tmp_path, echo([1, 2, 3, 1]))).name == "litert"
    for scale in (0.0, 1.001, 1000.0):
        with pytest.raises(MienError, match=r"scales or zero points are not those of echo\.tflite"):
            engine.open_engine(bundle_of(tmp_path, echo([1, 2, 3, 1], scale)))


def test_a_wrong_name_or_number_of_threads_is_said(echoing: Bundle) -> None:
    with pytest.raises(MienError, match="unknown engine 'tensorrt'; choose one of litert, onnx, tflite"):
        engine.open_engine(echoing, "tensorrt")
    wrong: list[Any] = [0, 257, 2**40, 1.5, "2", None]
    for threads in wrong:
        for name in engine.ENGINES:
            with pytest.raises(MienError, match=f"threads is {threads!r}; give 1 to 256, a whole number"):
                engine.open_engine(echoing, name, threads)
    assert engine.open_engine(echoing, threads=engine.MOST_THREADS).run(LUMA)


def test_the_model_that_engines_are_tried_with_is_the_smallest() -> None:
    assert echo([1], 0.0) == engine._SMALLEST_MODEL
