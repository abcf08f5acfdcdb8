"""From a checkpoint to a bundle that the runtime loads, and nothing half-done on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien.models import bundle
from mien.models.engine import open_engine
from mien_export import build as building
from mien_export import sidecar
from mien_export.cli import main
from mien_export.proof import parity
from mien_export.sidecar import Calibration
from mien_export.source import Source
from mien_train.face.score_calibration import Judged
from mien_train.training import checkpoint as checkpoints
from mien_train.training.checkpoint import Checkpoint

CALIBRATION = Calibration(size=4, method="minmax", seed=1)


@pytest.fixture
def source() -> Source:
    return Source(
        calibration=lambda checkpoint, size: parity.structured(4, *size, seed=1),
        held_out=lambda checkpoint, size: parity.structured(4, *size, seed=2),
        evaluate=lambda path: [{"split": "val", "model": path.name, "accuracy": 0.9, "ap50": 0.9}],
        finetune=lambda checkpoint, epochs: checkpoint.build(),
        judged=lambda path: Judged(np.empty(0), np.empty(0, bool), np.empty(0, bool)),
        face_free=lambda path: ([], []),
        tiled=lambda path: ([], []),
        choices=lambda path: {},
    )


def test_the_runtime_loads_a_built_bundle(built: Path) -> None:
    model = bundle.load(built)
    outputs = {}
    for engine in ("litert", "onnx"):
        luma = parity.structured(1, model.height, model.width, seed=3)[0]
        outputs[engine] = open_engine(model, engine).run(luma)
    assert len(outputs["litert"]) == len(model.outputs)
    for ours, theirs in zip(outputs["litert"], outputs["onnx"], strict=True):
        assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_the_sidecar_says_where_everything_comes_from(built: Path) -> None:
    document = json.loads(built.read_text())
    assert list(document)[:5] == ["format", "name", "task", "input", "outputs"]
    assert document["input"]["scale"] == 1 / 64
    assert document["input"]["zero_point"] == 0
    assert document["calibration"] == {"size": 8, "method": "minmax", "seed": 1, "qat": 0}
    assert document["training"]["seed"] == 7
    assert document["training"]["epochs"] == 3
    assert document["training"]["recipe"]["name"] == "tiny"
    assert [entry["model"] for entry in document["metrics"]] == [f"{built.stem}.tflite", f"{built.stem}.onnx"]
    assert document["parity"]["images"] == 4
    assert document["parity"]["worst"] <= 1
    assert len(document["golden"]["sha256"]) == document["golden"]["count"] == 4
    assert set(document["versions"]) == {"torch", "onnx", "onnxruntime", "ai-edge-litert"}
    assert ("alignment" in document) == ("decision" in document) == (document["task"] == "emotion")


def test_only_the_bundle_is_left_and_a_second_build_is_identical(
    emotion_checkpoint: Checkpoint, source: Source, tmp_path: Path
) -> None:
    contents = []
    for _ in range(2):
        path = building.build(emotion_checkpoint, tmp_path / "out", "m", CALIBRATION, source, (48, 48))[0].sidecar
        assert sorted(p.name for p in path.parent.iterdir()) == ["m.json", "m.onnx", "m.tflite"]
        contents.append([p.read_bytes() for p in sorted(path.parent.iterdir())])
    assert contents[0] == contents[1]


def test_a_figure_that_could_not_be_computed_is_null(tmp_path: Path) -> None:
    sidecar.write({"metrics": [{"error": float("nan"), "n": 0}], "scale": 0.5}, tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text()) == {"metrics": [{"error": None, "n": 0}], "scale": 0.5}


def test_a_failed_build_leaves_the_old_bundle_whole(
    emotion_checkpoint: Checkpoint, source: Source, tmp_path: Path
) -> None:
    path = building.build(emotion_checkpoint, tmp_path, "m", CALIBRATION, source, (48, 48))[0].sidecar
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def fails(artefact: Path) -> list[dict[str, str]]:
        raise MienError("no such split")

    with pytest.raises(MienError, match="no such split"):
        building.build(emotion_checkpoint, tmp_path, "m", CALIBRATION, replace(source, evaluate=fails), (48, 48))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert path.is_file()


@pytest.mark.parametrize("section", ["alignment", "decision"])
def test_a_checkpoint_without_the_runtimes_settings_is_refused(
    section: str,
    emotion_checkpoint: Checkpoint,
    changed: Callable[..., Checkpoint],
    source: Source,
    tmp_path: Path,
) -> None:
    metrics = {key: value for key, value in emotion_checkpoint.metrics.items() if key != section}
    with pytest.raises(MienError, match=f"metrics:? lacks? '{section}'"):
        building.build(changed(emotion_checkpoint, metrics=metrics), tmp_path, "m", CALIBRATION, source, (48, 48))
    assert list(tmp_path.iterdir()) == []


def test_the_input_size(emotion_checkpoint: Checkpoint, changed: Callable[..., Checkpoint]) -> None:
    face = changed(emotion_checkpoint, task="face", recipe={"height": 128, "width": 160})
    assert building.input_size(emotion_checkpoint) == (48, 48)
    assert building.input_size(face) == (128, 160)
    assert building.input_size(face, (160, 192)) == (160, 192)
    with pytest.raises(MienError, match="160×128, higher than wide; give --size 128x160, its portrait counterpart"):
        building.input_size(face, (160, 128))
    with pytest.raises(MienError, match="takes 48×48, not 64×64"):
        building.input_size(emotion_checkpoint, (64, 64))
    with pytest.raises(MienError, match="input size is 100×160; a detector needs multiples of 32"):
        building.input_size(face, (100, 160))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "absent", "--out", "out"], "absent: no such checkpoint"),
        (["build", "half.pt", "--out", "out"], "metrics lack 'alignment'"),
        (["build", "torn.pt", "--out", "out"], "torn.pt: not a readable checkpoint"),
        (["build", "half.pt", "--out", "out", "--method", "best"], "invalid choice: 'best'"),
        (["build", "half.pt", "--out", "out", "--size", "big"], "'big' is no size"),
        (["build", "half.pt", "--out", "out", "--calibration-size", "0"], "not a whole number above 0"),
        (["verify", "absent"], "absent: no model sidecar here"),
        (["verify", "empty"], "empty: no model sidecar here"),
        (["verify", "torn.json"], "torn.json: not a readable model sidecar"),
        ([], "required"),
    ],
)
def test_bad_input_gives_one_line_and_status_2(
    arguments: list[str],
    message: str,
    emotion_checkpoint: Checkpoint,
    changed: Callable[..., Checkpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.pt").write_bytes(b"PK")
    (tmp_path / "torn.json").write_text("{")
    checkpoints.save(changed(emotion_checkpoint, metrics={}), tmp_path / "half.pt")
    try:
        status = main(arguments)
    except SystemExit as leaving:  # argparse's own way out
        status = leaving.code
    printed = capsys.readouterr()
    assert status == 2
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err
    assert not (tmp_path / "out").exists()


def test_an_unwritable_folder_is_one_line(emotion_checkpoint: Checkpoint, source: Source, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    with pytest.raises(MienError, match="file: cannot be written"):
        building.build(emotion_checkpoint, taken, "m", CALIBRATION, source, (48, 48))


@pytest.mark.parametrize("command", [[], ["build"], ["verify"]])
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main([*command, "--help"])
    assert leaving.value.code == 0
    assert "usage: python -m mien_export" in capsys.readouterr().out
