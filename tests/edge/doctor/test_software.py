"""What `mien doctor` and `mien models` say of the models, and of what the demo needs."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from mien import FaceDetector, doctor
from mien.cli import main
from mien.errors import MienError
from mien.models import bundle


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's models, to be changed."""
    folder = tmp_path / "models"
    shutil.copytree(bundle.MODELS, folder)
    monkeypatch.setattr(bundle, "MODELS", folder)
    return folder


def edit(path: Path, *keys: str, value: Any) -> None:
    """Set a value in a JSON file, at a place inside."""
    document = inner = json.loads(path.read_text())
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(document))


def checks() -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor.examine()}


def test_all_is_well_with_what_is_in_the_package() -> None:
    found = checks()
    for name in ("face-base", "face-small"):
        check = found[f"portrait {name}"]
        assert (check.ok, check.required) == (True, True)
        assert check.detail == f"{name}-portrait.json is of the same training run"
    assert found["demo photograph"].ok


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("training", "seed"), 12345),
        (("training", "data_sha256"), "0" * 64),
        (("training", "recipe", "epochs"), 1),
    ],
)
def test_a_portrait_counterpart_of_another_run_is_refused_and_reported(
    keys: tuple[str, ...], value: object, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(copied / "face-base-portrait.json", *keys, value=value)
    with pytest.raises(MienError, match=r"face-base-portrait\.json: is of another training run than face-base\.json"):
        FaceDetector("face-base")
    check = checks()["portrait face-base"]
    assert (check.ok, check.required) == (False, True)
    assert "is of another training run than face-base.json" in check.detail
    assert not doctor.runnable((check,))
    assert main(["doctor"]) == 1
    assert "FAULT    portrait face-base" in capsys.readouterr().out
    assert main(["models", "--json"]) == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert not rows["face-base"]["verified"]
    assert "another training run" in rows["face-base"]["error"]
    assert rows["face-small"]["verified"]


def test_a_counterpart_that_cannot_be_read_is_reported_with_its_model(copied: Path) -> None:
    (copied / "face-base-portrait.json").write_text("{}")
    check = checks()["portrait face-base"]
    assert (check.ok, check.required) == (False, True)
    assert "not a mien model sidecar" in check.detail


def test_a_model_without_a_counterpart_is_whole(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in copied.glob("*-portrait.*"):
        path.unlink()
    assert not [name for name in checks() if name.startswith("portrait")]
    assert main(["models"]) == 0
    assert "portrait" not in capsys.readouterr().out


def test_without_scikit_image_the_demo_is_absent_and_the_rest_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "skimage" else real(name))
    check = checks()["demo photograph"]
    assert (check.ok, check.required) == (False, False)
    assert "pip install --no-deps scikit-image" in check.detail
    assert doctor.runnable(doctor.examine())
