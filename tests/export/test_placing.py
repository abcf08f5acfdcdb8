"""A build that is killed leaves nothing among the models that a wheel would pack, and the next one sweeps up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from mien.errors import MienError
from mien_export import placing

ROOT = Path(__file__).parents[2]

_BUILD = """
import sys, time
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import conftest
from mien_export import build, placing
from mien_export.sidecar import Calibration

def hangs(*_):
    Path(sys.argv[3]).touch()
    time.sleep(600)

source = conftest.source_of()
if sys.argv[4] == "evaluate":
    source = replace(source, evaluate=hangs)
else:
    placing.os.replace = hangs
build.build(conftest.checkpoint_of("emotion"), Path(sys.argv[2]), "m", Calibration(4, "minmax", 1), source, (48, 48))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project as far as the wheel is made of it."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / "edge", root / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "MODELS_LICENSE.md"):
        shutil.copy(ROOT / name, root)
    return root


def packed(root: Path) -> list[str]:
    return sorted(file.distribution_path for file in WheelBuilder(str(root)).recurse_included_files())


@pytest.mark.parametrize("moment", ["evaluate", "replace"])
def test_a_killed_build_leaves_nothing_that_a_wheel_would_pack(moment: str, project: Path, tmp_path: Path) -> None:
    models, marker, temporary = project / "edge/mien/models", tmp_path / "reached", tmp_path / "temporary"
    temporary.mkdir()
    before = packed(project)
    assert "mien/models/face-base.tflite" in before
    path = os.pathsep.join(str(ROOT / room) for room in ("edge", "train", "export"))
    command = [sys.executable, "-c", _BUILD, str(ROOT / "tests/export"), str(models), str(marker), moment]
    env = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        began = time.monotonic()
        while not marker.exists() and process.poll() is None and time.monotonic() - began < 240:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        assert marker.exists(), process.communicate()[0].decode()
    left = [p.name for p in models.iterdir() if p.name.startswith(".")]
    assert bool(left) == (moment == "replace"), left
    assert packed(project) == before
    assert list(temporary.glob("mien-export-*"))

    (tmp_path / "m.json").write_text("{}")
    placing.put([tmp_path / "m.json"], models)
    assert [p.name for p in models.iterdir() if p.name.startswith(".")] == []


def test_what_others_have_put_beside_the_models_is_not_packed(project: Path) -> None:
    models, before = project / "edge/mien/models", packed(project)
    folder = models / ".export-abc"
    folder.mkdir()
    for stray in (folder / "m.tflite", models / "notes.txt", models / "m.pt", models / ".m.tflite.1.partial"):
        stray.write_bytes(b"x")
    assert packed(project) == before
    (models / "mine.onnx").write_bytes(b"x")
    assert packed(project) == sorted([*before, "mien/models/mine.onnx"])


def test_what_killed_builds_left_is_swept_and_what_runs_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, alive = tmp_path / f"mien-export-{gone.pid}-x", tmp_path / f"mien-export-{os.getppid()}-x"
    foreign = [tmp_path / "mien-exports", tmp_path / "mien-export-try", tmp_path / "mien-export-try" / "models"]
    for folder in (dead, alive, *foreign):
        folder.mkdir()
    with placing.workshop() as workshop:
        assert workshop.parent == tmp_path
        assert not dead.exists()
        assert alive.exists()
        assert all(folder.exists() for folder in foreign)
    assert not workshop.exists()
    out = tmp_path / "out"
    (out / ".export-old").mkdir(parents=True)
    for name in (f".m.json.{gone.pid}.partial", f".m.json.{os.getppid()}.partial", ".mine.partial"):
        (out / name).touch()
    (tmp_path / "m.json").write_text("{}")
    placing.put([tmp_path / "m.json"], out)
    assert {p.name for p in out.iterdir()} == {f".m.json.{os.getppid()}.partial", ".mine.partial", "m.json"}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "m.json").touch()
    with pytest.raises(MienError, match=r"file: cannot be written \(.*\); choose another --out"):
        placing.put([tmp_path / "m.json"], tmp_path / "file")
