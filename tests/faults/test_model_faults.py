"""Models that are damaged, changed or mistaken, and engines that are missing or fail."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from faults_page import STOPS
from faults_run import records, run

from conftest import Note
from mien.models import bundle

Document = dict[str, object]
MODEL = "emotion-base"


def _rehashed(folder: Path) -> None:
    """Make the sidecar agree with a changed file, as somebody might who changes both."""
    path = folder / f"{MODEL}.json"
    document = json.loads(path.read_text())
    content = (folder / f"{MODEL}.tflite").read_bytes()
    document["files"]["tflite"] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(document))


def _changed(change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / f"{MODEL}.tflite"
        content = bytearray(path.read_bytes())
        change(content)
        path.write_bytes(content)

    return damage


def _flip(content: bytearray) -> None:
    content[len(content) // 2] ^= 1


def _halve(content: bytearray) -> None:
    del content[len(content) // 2 :]


def _truncated_with_its_hash(folder: Path) -> None:
    _changed(_halve)(folder)
    _rehashed(folder)


def _rewritten(change: Callable[[Document], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / f"{MODEL}.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return damage


def _fewer_labels(document: Document) -> None:
    labels = document["labels"]
    assert isinstance(labels, list)
    del labels[-1]


def _other_input(document: Document) -> None:
    given = document["input"]
    assert isinstance(given, dict)
    given["height"] = given["width"] = 64


def _other_scale(document: Document) -> None:
    outputs = document["outputs"]
    assert isinstance(outputs, list)
    outputs[0]["scale"] *= 2


def _of_another_network(folder: Path) -> None:
    shutil.copy(bundle.MODELS / "face-small.tflite", folder / f"{MODEL}.tflite")
    _rehashed(folder)


def _of_another_quantization(folder: Path) -> None:
    """The scale of the output doubled wherever the file has it."""
    (output, *_) = json.loads((folder / f"{MODEL}.json").read_text())["outputs"]
    path = folder / f"{MODEL}.tflite"
    before, after = (struct.pack("<f", factor * output["scale"]) for factor in (1, 2))
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    _rehashed(folder)


@pytest.mark.parametrize(
    ("damage", "words", "message"),
    [
        (_of_another_network, "a model file of another network, its hash made to fit", "export it again"),
        (
            _of_another_quantization,
            "a model file of another quantization, its hash made to fit",
            "scales or zero points",
        ),
        (_changed(_halve), "a model file cut short", "changed or damaged"),
        (_changed(_flip), "one bit of a model file flipped", "changed or damaged"),
        (lambda folder: (folder / f"{MODEL}.tflite").unlink(), "a model file missing", "missing, though"),
        (_truncated_with_its_hash, "a model file cut short, its hash made to fit", "cannot load it"),
        (_rewritten(_fewer_labels), "a sidecar with too few labels", "label"),
        (_rewritten(_other_input), "a sidecar of another input size", "emotion-base.json"),
        (_rewritten(_other_scale), "a sidecar of another quantization", "scale"),
        (lambda folder: (folder / f"{MODEL}.json").write_text("{"), "a sidecar cut short", "sidecar"),
    ],
)
def test_a_wrong_model_is_one_line_and_status_2(
    damage: Callable[[Path], None], words: str, message: str, folder: Path, note: Note
) -> None:
    for path in bundle.MODELS.glob(f"{MODEL}.*"):
        shutil.copy(path, folder)
    arguments = ["run", "--max-frames", "3", "--sink", "null", "--classifier", f"{folder}/{MODEL}.json"]
    assert run("", arguments, folder).status == 0, "the copy does not work as it is"
    damage(folder)
    ended = run("", arguments, folder)
    assert (ended.status, message in ended.last) == (2, True), ended.errors
    note("Model", words, STOPS, ended)


@pytest.mark.parametrize(
    ("fault", "engine", "words", "status", "message"),
    [
        ("engine-missing", "litert", "LiteRT is not installed", 2, "pip install ai-edge-litert"),
        ("onnx-missing", "onnx", "ONNX Runtime is not installed", 2, "pip install onnxruntime"),
        ("engine-fails-at-once", "litert", "the engine fails at its first inference", 3, "node 7 failed to invoke"),
        ("engine-fails", "litert", "the engine fails under way", 3, "node 7 failed to invoke"),
        ("engine-no-memory", "litert", "the engine finds no memory under way", 3, "not enough memory (std::bad_alloc)"),
    ],
)
def test_an_engine_that_fails_is_one_line_and_a_status(
    fault: str, engine: str, words: str, status: int, message: str, folder: Path, note: Note
) -> None:
    ended = run(fault, ["run", "--max-frames", "20", "--sink", "jsonl:readings.jsonl", "--engine", engine], folder)
    assert (ended.status, message in ended.last) == (status, True), ended.errors
    if fault in ("engine-fails", "engine-no-memory"):
        assert records(folder / "readings.jsonl"), "what was read before is lost"
    note("Model", words, STOPS, ended)
