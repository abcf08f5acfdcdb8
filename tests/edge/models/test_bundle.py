from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from plain_sidecar import plain

from mien import EmotionClassifier, FaceDetector
from mien.errors import MienError
from mien.models import bundle
from mien.models.quantization import Quantization


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The bundled models, to be damaged."""
    folder = tmp_path / "models"
    shutil.copytree(bundle.MODELS, folder)
    return folder


@pytest.fixture
def one_output(copied: Path) -> Path:
    """The same, of which the classifier's sidecar promises one output read in one way."""
    (copied / "emotion-base.json").write_text(json.dumps(plain()))
    return copied


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_every_bundled_model_is_whole() -> None:
    models = bundle.installed()
    assert {"emotion-base", "face-base"} <= {m.name for m in models}
    for model in models:
        for kind in model.sidecar.files:
            assert model.artefact(kind).stat().st_size == model.sidecar.files[kind].bytes


def test_a_changed_byte_is_refused(copied: Path) -> None:
    path = copied / "emotion-base.tflite"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(MienError, match=r"SHA-256 is .* but emotion-base\.json says .*; the file was changed"):
        EmotionClassifier(copied / "emotion-base.json")


def test_a_missing_artefact_is_named(copied: Path) -> None:
    (copied / "face-base.tflite").unlink()
    with pytest.raises(MienError, match=r"face-base\.tflite: missing"):
        FaceDetector(copied / "face-base.json")


def test_a_label_too_many_is_refused(one_output: Path) -> None:
    path = one_output / "emotion-base.json"
    _edit(path, labels=[*json.loads(path.read_text())["labels"], "boredom"])
    with pytest.raises(MienError, match="9 labels but outputs of shape"):
        EmotionClassifier(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "not a mien model sidecar of format 1"),
        ({"task": "dance"}, "task is 'dance'"),
        ({"outputs": [{"name": "logits"}]}, r"outputs 0: lacks 'shape'"),
        ({"input": {"height": 48, "width": 48, "scale": 0.1, "zero_point": 3}}, "zero_point is 3; it must be 0"),
    ],
)
def test_a_sidecar_that_breaks_the_contract_is_refused(
    one_output: Path, changes: dict[str, object], message: str
) -> None:
    path = one_output / "emotion-base.json"
    _edit(path, **changes)
    with pytest.raises(MienError, match=message):
        bundle.load(path)


def test_a_model_for_the_other_task_is_refused() -> None:
    with pytest.raises(MienError, match="not a face detector"):
        FaceDetector("emotion-base")
    with pytest.raises(MienError, match="not an emotion classifier"):
        EmotionClassifier("face-base")


def test_an_unknown_model_names_the_bundled_ones() -> None:
    with pytest.raises(MienError, match=r"no model named 'face-huge'; bundled are .*face-base"):
        bundle.load("face-huge")


def test_quantizing_rounds_half_to_even_and_clips() -> None:
    step = Quantization(0.5, 3)
    assert step.quantize(np.array([0.25, 0.75, 1000, -1000], np.float32)).tolist() == [3, 5, 127, -128]
    assert step.dequantize(np.array([-128, 127], np.int8)).tolist() == [-65.5, 62.0]


def test_a_table_of_all_values_is_read_by_their_bits() -> None:
    step, values = Quantization(0.0931047, 26), np.array([[-128, -1, 0], [1, 26, 127]], np.int8)
    assert step.table().shape == (256,)
    assert np.array_equal(step.table().take(values.view(np.uint8)), step.dequantize(values))


NESTED = [
    ("emotion-base", ("input", "height"), 4.5, "input: height is 4.5; it must be a whole number"),
    ("emotion-base", ("input", "width"), True, "input: width is True; it must be a whole number"),
    ("emotion-base", ("input", "scale"), "0.1", "input: scale is '0.1'; it must be a number"),
    ("emotion-base", ("outputs", 0, "scale"), float("nan"), "outputs 0: scale is nan; it must be a number"),
    ("emotion-base", ("outputs", 0, "scale"), 0, "outputs 0: scale is 0"),
    ("emotion-base", ("outputs", 0, "zero_point"), 128, "outputs 0: zero_point is 128"),
    ("emotion-base", ("outputs", 0, "shape"), [8], r"outputs 0: shape is \[8\]"),
    ("emotion-base", ("outputs", 0), None, "outputs is .*; it must be a list of objects"),
    ("emotion-base", ("alignment", "template", 2), [24.0], "alignment: template is .*; it must be a list of 5"),
    ("emotion-base", ("alignment", "template"), [[1, 1]] * 5, "five points, three of them different"),
    ("emotion-base", ("decision", "temperature"), 0, "decision: temperature is 0"),
    ("emotion-base", ("decision", "temperature"), 10**400, "decision: temperature is 1000"),
    ("emotion-base", ("decision", "abstain_below"), -0.1, "decision: abstain_below is -0.1"),
    ("emotion-base", ("labels",), ["joy"] * 8, "labels is .*; it must be a list of different texts"),
    ("emotion-base", ("files", "tflite", "file"), "../x.tflite", "files: tflite: file is '../x.tflite'"),
    ("emotion-base", ("files", "tflite", "sha256"), "X" * 64, "files: tflite: sha256 is 'XXX"),
    ("emotion-base", ("files", "tflite"), [], r"files: tflite is \[\]; it must be an object"),
    ("emotion-base", ("files",), {}, "files: lists no file"),
    ("emotion-base", ("training", "seed"), "0", "training: seed is '0'"),
    ("face-base", ("decode", "strides"), [8, 16], "outputs of shape .* do not fit an input of 256×320 at strides"),
    ("face-base", ("decode", "score_threshold"), 1, "decode: score_threshold is 1; it must be a number from 0.0001"),
    ("face-base", ("decode", "iou_threshold"), None, "decode: iou_threshold is None"),
    ("face-base", ("outputs", 0, "shape"), [1, 32, 40, 14], r"outputs of shape .* do not fit an input of 256×320"),
    ("face-base", ("outputs", 2, "name"), "maps_8", "two outputs have one name"),
]


@pytest.mark.parametrize(("name", "keys", "value", "message"), NESTED)
def test_a_wrong_value_inside_is_named_with_its_place(
    name: str, keys: tuple[str | int, ...], value: object, message: str, one_output: Path
) -> None:
    path = one_output / f"{name}.json"
    document = inner = json.loads(path.read_text())
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(document))
    with pytest.raises(MienError, match=message) as caught:
        bundle.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("tile_threshold", 1, "decode: tile_threshold is 1; it must be a number from 0.0001"),
        ("tile_threshold", None, "decode: tile_threshold is None"),
        ("score_slope", -1, "decode: score_slope is -1; it must be a number from 0.1 to 10"),
        ("score_shift", "0", "decode: score_shift is '0'; it must be a number from -10 to 10"),
    ],
)
def test_what_a_detector_may_leave_out_must_fit_where_it_stands(
    key: str, value: object, message: str, one_output: Path
) -> None:
    path = one_output / "face-base.json"
    document = json.loads(path.read_text())
    document["decode"][key] = value
    path.write_text(json.dumps(document))
    with pytest.raises(MienError, match=message):
        bundle.load(path)


def test_a_detector_without_them_reads_raw_scores_and_believes_tiles(one_output: Path) -> None:
    path = one_output / "face-base.json"
    document = json.loads(path.read_text())
    for key in ("tile_threshold", "score_slope", "score_shift"):
        document["decode"].pop(key, None)
    path.write_text(json.dumps(document))
    found = bundle.load(path).decode
    assert (found.tile_threshold, found.score_slope, found.score_shift) == (None, 1, 0)
    document["decode"] |= {"score_threshold": 0.4, "tile_threshold": 0.6, "score_slope": 1.5, "score_shift": -0.25}
    path.write_text(json.dumps(document))
    found = bundle.load(path).decode
    assert (found.tile_threshold, found.score_slope, found.score_shift) == (0.6, 1.5, -0.25)


@pytest.mark.parametrize(
    ("name", "keys"), [(name, keys) for name, keys, *_ in NESTED if isinstance(keys[-1], str) and keys != ("files",)]
)
def test_a_key_missing_inside_is_named(name: str, keys: tuple[str | int, ...], one_output: Path) -> None:
    path = one_output / f"{name}.json"
    document = inner = json.loads(path.read_text())
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    path.write_text(json.dumps(document))
    # Without its TFLite file a model is whole: the contract asks for one file.
    if keys == ("files", "tflite"):
        with pytest.raises(MienError, match="lists no tflite file; it has onnx"):
            EmotionClassifier(path)
        return
    with pytest.raises(MienError, match=f"lacks '?{keys[-1]}"):
        bundle.load(path)


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, '{"format": 1', "\ud800", "1" * 5000])
def test_what_is_no_json_object_is_one_line(text: str, copied: Path) -> None:
    path = copied / "emotion-base.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(MienError, match=r"not a readable model sidecar|not a mien model sidecar") as caught:
        bundle.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "keys", "value"),
    [
        ("emotion-base", ("outputs", 0, "scale"), 0.0828),
        ("emotion-base", ("outputs", 0, "zero_point"), 1),
        ("emotion-base", ("input", "scale"), 0.03125),
        ("face-base", ("outputs", 2, "scale"), 22187.0),
        ("face-base", ("outputs", 0, "zero_point"), 0),
    ],
)
def test_a_quantization_that_the_model_file_contradicts_is_refused(
    name: str, keys: tuple[str | int, ...], value: object, copied: Path
) -> None:
    path = copied / f"{name}.json"
    document = inner = json.loads(path.read_text())
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(document))
    with pytest.raises(MienError, match=rf"scales or zero points are not those of {name}\.tflite"):
        (EmotionClassifier if name == "emotion-base" else FaceDetector)(path)


@pytest.mark.parametrize("engine", ["litert", "onnx"])
def test_an_input_of_another_size_than_the_models_is_refused(engine: str, copied: Path) -> None:
    path = copied / "emotion-base.json"
    document = json.loads(path.read_text())
    document["input"]["height"] = 49
    path.write_text(json.dumps(document))
    with pytest.raises(MienError, match=r"promises inputs \[\(1, 49, 48, 1\)\], the model gives \[\(1, 48, 48, 1\)\]"):
        EmotionClassifier(path, engine)


def test_names_that_no_file_can_have_are_unknown_models(tmp_path: Path) -> None:
    (tmp_path / "loop.json").symlink_to("loop.json")
    for name in ("x" * 5000, "a\0b", str(tmp_path / "loop.json"), str(tmp_path / ("x" * 300)) + ".json"):
        with pytest.raises(MienError, match=r"no model named|no such model sidecar"):
            bundle.load(name)
