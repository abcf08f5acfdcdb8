"""The import law, read from the source: who may import whom, and where each heavy package may stand."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "mien": ROOT / "edge/mien",
    "mien_train": ROOT / "train/mien_train",
    "mien_export": ROOT / "export/mien_export",
}
MAY_IMPORT = {"mien": {"mien"}, "mien_train": {"mien", "mien_train"}, "mien_export": set(PACKAGES)}
RUNTIME = {"numpy", "cv2"}
"""The only packages that the runtime may import at the top of a module."""
NEVER = {"torch", "torchvision", "onnx", "matplotlib", "sklearn", "scipy", "optuna", "tensorflow", "pandas", "PIL"}
"""Packages of training and export: the runtime imports them nowhere."""
ONE_PLACE = {
    "picamera2": "picamera2.py",
    "libcamera": "picamera2.py",
    "ai_edge_litert": "engine.py",
    "onnxruntime": "engine.py",
    "tflite_runtime": "engine.py",
    "paho": "mqtt.py",
    "starlette": "server.py",
    "uvicorn": "server.py",
    "h11": "server.py",
    "prometheus_client": "metrics.py",
    "gpiod": "pins.py",
}


def _imports(path: Path, *, top_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


def _files(package: str) -> list[Path]:
    files = sorted(PACKAGES[package].rglob("*.py"))
    assert len(files) > 5
    return files


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_the_ones_it_may(package: str) -> None:
    for path in _files(package):
        ours = _imports(path) & set(PACKAGES)
        assert ours <= MAY_IMPORT[package], f"{path} imports {ours - MAY_IMPORT[package]}"


def test_the_runtime_imports_nothing_heavy_at_the_top_of_a_module() -> None:
    for path in _files("mien"):
        foreign = _imports(path, top_only=True) - set(sys.stdlib_module_names) - {"mien"}
        assert foreign <= RUNTIME, f"{path} imports {foreign - RUNTIME}"


def _loads(path: Path) -> set[str]:
    """Packages that a module imports by a call with their name."""
    return {
        str(node.args[0].value).split(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"import_module", "__import__", "_imported"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


@pytest.mark.parametrize(("package", "place"), ONE_PLACE.items())
def test_a_heavy_package_is_named_in_one_module_of_the_runtime(package: str, place: str) -> None:
    for path in _files("mien"):
        if path.name != place:
            assert package not in _imports(path) | _loads(path), path


def test_the_runtime_imports_nothing_of_training_anywhere() -> None:
    for path in _files("mien"):
        assert (_imports(path) | _loads(path)) & NEVER == set(), path


def test_the_demo_is_read_where_nothing_of_training_can_be_imported(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules.update(dict.fromkeys({sorted(NEVER)}))
from mien.cli import main
sys.exit(main(["run", "--source", "demo", "--max-frames", "3", "--sink", "jsonl:readings.jsonl"]))
"""
    environment = {"PYTHONPATH": str(ROOT / "edge"), "PATH": ""}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "readings.jsonl").read_text().count('"emotion"') == 3


@pytest.mark.parametrize(
    "module",
    ["mien", "mien.faces.detector", "mien.emotions.classifier", "mien.pipeline", "mien.cli", "mien.cameras.base"],
)
def test_importing_the_runtime_leaves_the_heavy_packages_unimported(module: str) -> None:
    heavy = ["torch", "onnx", "onnxruntime", "ai_edge_litert", "picamera2", "skimage", "matplotlib"]
    code = f"import {module}, sys; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "edge"), "PATH": ""},
    )
    assert result.stdout.strip() == "[]"


def _graph() -> dict[str, set[str]]:
    """Every module of ours to the modules of ours that it imports, wherever in the file that stands."""
    names = {}
    for folder in PACKAGES.values():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    assert len(names) > 150
    return {name: _modules(path, set(names)) - {name} for name, path in names.items()}


def _modules(path: Path, known: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known or {node.module}
    return found & known


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one import circle, in order; empty if there is none."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name in done:
            return []
        for other in sorted(graph[name]):
            if circle := follow(other, [*way, name]):
                return circle
        done.add(name)
        return []

    return next((circle for name in sorted(graph) if (circle := follow(name, []))), [])


def test_no_import_runs_in_a_circle() -> None:
    # `mien` itself hands out names lazily; whoever asks it for one has not yet begun to import the rest.
    graph = _graph()
    graph["mien"] = set()
    assert _circle(graph) == []


def test_a_circle_would_be_found() -> None:
    assert _circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c"]


def test_commands_are_imported_by_nobody_but_the_command_line() -> None:
    checked = 0
    for name, imports in _graph().items():
        if name.split(".")[1:2] not in ([], ["cli"], ["commands"], ["__main__"]):
            assert not {other for other in imports if other.split(".")[1:2] == ["commands"]}, name
            checked += 1
    assert checked > 120


def test_json_leaves_untyped_dictionaries_in_few_places() -> None:
    uses = [
        (path, line.count("dict[str, Any]"))
        for package in PACKAGES
        for path in _files(package)
        for line in path.read_text(encoding="utf-8").splitlines()
        if "dict[str, Any]" in line
    ]
    assert sum(count for _, count in uses) <= 40, sorted({str(path) for path, _ in uses})


def test_the_law_catches_what_it_forbids(tmp_path: Path) -> None:
    path = tmp_path / "planted.py"
    path.write_text("def f():\n    from mien_train.data.fer import load\n    import torch.nn\n")
    assert _imports(path) == {"mien_train", "torch"}
    assert _imports(path) & NEVER == {"torch"}
    assert _imports(path, top_only=True) == set()
