"""Models, checkpoints and settings are data: nothing in them is executed, and what was hashed is what is loaded."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ai_edge_litert.interpreter as litert
import numpy as np
import onnxruntime
import pytest
import torch

from mien.errors import MienError
from mien.models import bundle, engine
from mien_train.training import checkpoint

ROOT = Path(__file__).parents[2]
ROOMS = (ROOT / "edge/mien", ROOT / "train/mien_train", ROOT / "export/mien_export")
MODEL = "face-small"

_MODULES = frozenset(("cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "yaml"))
_CALLS = frozenset(("eval", "exec", "compile", "os.system", "os.popen"))
_BARE = frozenset(("torch.load", "numpy.load", "os.system", "os.popen", "builtins.eval", "builtins.exec"))

_ROOTS = os.pathsep.join(str(room.parent) for room in ROOMS)
_ELSEWHERE = {"MPLCONFIGDIR": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
"""What other packages would write in the user's folder, which is not what is asked here."""

NO_PICKLE = """
import sys, pickle, _pickle
def refuse(*_, **__):
    raise AssertionError("a pickle was loaded")
for module in (pickle, _pickle):
    module.load = module.loads = module.Unpickler = refuse
sys.addaudithook(lambda event, _: refuse() if event == "pickle.find_class" else None)
"""


def executing(text: str) -> list[str]:
    """What a source has by which data could be executed; with its line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names if alias.name.split(".")[0] in _MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _MODULES:
            names = [str(node.module)]
        elif isinstance(node, ast.ImportFrom):
            # By the last part of its name alone it would not be known again where it is called.
            names = [f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}.{alias.name}" in _BARE]
        elif isinstance(node, ast.Call):
            names = list(_called(node))
        found += [f"line {node.lineno}: {name}" for name in names]  # type: ignore[attr-defined]
    return found


def _called(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if name.removeprefix("builtins.") in _CALLS:
        yield name
    if name.rpartition(".")[2] in ("import_module", "__import__") and call.args:
        module = ast.literal_eval(call.args[0]) if isinstance(call.args[0], ast.Constant) else ""
        if str(module).split(".")[0] in _MODULES:
            yield f"{name}({module})"
    if name in ("np.load", "numpy.load") and len(call.args) > 2:
        yield f"{name} with allow_pickle by its place"
    if name.endswith("torch.load") and given.get("weights_only") != "True":
        yield "torch.load without weights_only=True"
    yield from (f"{name}({word}=…)" for word in ("allow_pickle", "shell") if given.get(word, "False") != "False")


def test_no_source_of_ours_can_execute_data() -> None:
    paths = [path for room in ROOMS for path in sorted(room.rglob("*.py"))]
    assert len(paths) > 100
    assert {str(path): found for path in paths if (found := executing(path.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import pickle",
        "from pickle import loads",
        "import yaml",
        "import joblib.numpy_pickle",
        "def f(x):\n    return eval(x)",
        "exec(text)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "subprocess.run(line, shell=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "os.system('x')",
        "from torch import load",
        "from os import system",
        "builtins.eval(x)",
        "__import__('pickle')",
        "importlib.import_module('joblib')",
        "np.load(path, None, True)",
    ],
)
def test_each_way_to_execute_data_is_found_in_a_source(planted: str) -> None:
    assert len(executing(planted)) == 1
    assert executing("re.compile('x'); np.load(p, allow_pickle=False); torch.load(p, weights_only=True)") == []


def _without_pickle(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "edge")}
    return subprocess.run(
        [sys.executable, "-c", NO_PICKLE + code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_a_run_loads_no_pickle(name: str, tmp_path: Path) -> None:
    (tmp_path / "mien.toml").write_text(f'source = "demo"\nmax_frames = 3\nengine = "{name}"\nsinks = ["jsonl:-"]\n')
    ran = _without_pickle("from mien.cli import main\nassert main(['run', '--config', 'mien.toml']) == 0", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    "planted",
    [
        "pickle.loads(pickle.dumps(3))",
        "import numpy as np; np.save('a.npy', np.array([{}])); np.load('a.npy', allow_pickle=True)",
    ],
)
def test_a_planted_pickle_is_caught(planted: str, tmp_path: Path) -> None:
    ran = _without_pickle(planted, tmp_path)
    assert ran.returncode == 1
    assert "a pickle was loaded" in ran.stderr


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_a_malicious_checkpoint_is_refused_and_not_executed(tmp_path: Path) -> None:
    path, crater = tmp_path / "model.pt", tmp_path / "crater"
    torch.save({"format": checkpoint.FORMAT, "state": Bomb(crater)}, path)
    with pytest.raises(MienError, match="not a readable checkpoint"):
        checkpoint.load(path)
    assert not crater.exists()
    torch.load(path, weights_only=False)
    assert crater.exists(), "the checkpoint was harmless: it proves nothing"


@pytest.fixture
def model(tmp_path: Path) -> bundle.Bundle:
    """A copy of a bundled model that may be changed."""
    for path in bundle.MODELS.glob(f"{MODEL}.*"):
        shutil.copy(path, tmp_path)
    return bundle.load(tmp_path / f"{MODEL}.json")


_LOADERS = {"litert": (litert, "Interpreter", "tflite"), "onnx": (onnxruntime, "InferenceSession", "onnx")}


@pytest.mark.parametrize("name", _LOADERS)
def test_no_interpreter_sees_a_byte_of_a_changed_model(
    name: str, model: bundle.Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, loader, kind = _LOADERS[name]
    real, constructed = getattr(module, loader), []

    def construct(*arguments: Any, **named: Any) -> Any:
        constructed.append(named)
        return real(*arguments, **named)

    monkeypatch.setattr(module, loader, construct)
    engine.open_engine(model, name)
    assert len(constructed) == 1, "the loader was not watched"
    path = model.path.with_suffix(f".{kind}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(MienError, match="changed or damaged"):
        engine.open_engine(model, name)
    assert len(constructed) == 1


@pytest.mark.parametrize("name", _LOADERS)
def test_a_file_that_changes_between_hash_and_load_is_never_loaded(
    name: str, model: bundle.Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    luma = np.random.default_rng(1).integers(0, 256, (model.height, model.width), dtype=np.uint8)
    expected = engine.open_engine(model, name).run(luma)
    module, loader, kind = _LOADERS[name]
    real = getattr(module, loader)

    def swapped(*arguments: Any, **named: Any) -> Any:
        model.path.with_suffix(f".{kind}").write_bytes(b"not the model that was hashed")
        return real(*arguments, **named)

    monkeypatch.setattr(module, loader, swapped)
    for one, other in zip(engine.open_engine(model, name).run(luma), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.path.with_suffix(f".{kind}").read_bytes() == b"not the model that was hashed"


@pytest.mark.parametrize(
    "code",
    [
        "from mien.models import bundle, engine; engine.open_engine(bundle.load('face-small'), 'onnx')",
        "import mien_train.cli, onnxruntime as o, sys; o.InferenceSession(sys.argv[1])",
        "import mien_export.cli, onnxruntime as o, sys; o.InferenceSession(sys.argv[1])",
    ],
)
def test_onnx_runtime_keeps_no_record_of_its_own(code: str, tmp_path: Path) -> None:
    # What would switch its telemetry off without us is taken out of the environment.
    kept = {key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment = {**kept, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": _ROOTS, **_ELSEWHERE}
    model = str(bundle.MODELS / "face-small.onnx")
    subprocess.run([sys.executable, "-c", code, model], env=environment, check=True, timeout=120)
    assert list(tmp_path.rglob("*")) == []
