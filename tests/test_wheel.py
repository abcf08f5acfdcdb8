"""The wheel, built and installed without network."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PIP_NO_INDEX": "1"})
    (built,) = out.glob("mien-*.whl")
    return built


def test_the_wheel_holds_the_runtime_the_models_and_the_licences_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.split("/")[0] for name in names}
    assert {name for name in packages if not name.endswith(".dist-info")} == {"mien"}
    for model in ("face-base", "emotion-base"):
        for suffix in ("json", "tflite", "onnx"):
            assert f"mien/models/{model}.{suffix}" in names
    assert any(name.endswith("MODELS_LICENSE.md") for name in names)
    assert "mien/py.typed" in names
    pages = {path.name for path in (ROOT / "edge/mien/preview/page").iterdir()}
    assert pages >= {"index.html", "page.js", "style.css"}
    assert {f"mien/preview/page/{name}" for name in pages} <= set(names)


def test_the_same_sources_give_the_same_wheel_whenever_and_wherever_they_lie(tmp_path: Path) -> None:
    digests = []
    for name, umask in (("first", 0o022), ("second", 0o077)):
        copy = tmp_path / name
        copy.mkdir()
        for file in ("pyproject.toml", "README.md", "LICENSE", "MODELS_LICENSE.md"):
            shutil.copy(ROOT / file, copy)  # which leaves the time of copying
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "edge", copy / "edge", copy_function=shutil.copy, ignore=ignored)
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", "."]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1577836800", "PIP_NO_INDEX": "1"}
        subprocess.run(command, cwd=copy, check=True, capture_output=True, env=environment, umask=umask)
        (built,) = (copy / "dist").glob("mien-*.whl")
        digests.append(hashlib.sha256(built.read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_installed_in_an_empty_environment_it_finds_and_verifies_its_models(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    install = [str(python), "-m", "pip", "install", "--no-index", "--no-deps", "--quiet", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, text=True)
    # numpy and OpenCV come from this environment: without network there is nowhere to fetch them from.
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    assert libraries
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(libraries)}
    code = "import mien; print(mien.__file__)"
    place = subprocess.run([str(python), "-P", "-c", code], check=True, capture_output=True, text=True, env={}).stdout
    assert str(tmp_path) in place
    ran = subprocess.run(
        [str(tmp_path / "env/bin/mien"), "models", "--json"], check=True, capture_output=True, text=True, env=env
    )
    models = json.loads(ran.stdout)
    assert {m["name"] for m in models} >= {"face-base", "emotion-base"}
    assert all(m["verified"] for m in models)
