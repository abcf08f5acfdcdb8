"""pip finds wheels for a Raspberry Pi under each constraint file: `make test-constraints`, which needs the network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from mien_export.arm64.targets import TARGETS, Target


def resolve(target: Target, constraints: Path, folder: Path) -> tuple[dict[str, str], list[str], str]:
    """Let pip choose for a target, and install nothing.

    Returns:
        Version by package, the wheels' file names, and pip's errors (empty if it succeeded).
    """
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed"),
        *("--target", str(folder / "nothing"), "--report", str(report), "--constraint", str(constraints)),
        *target.pip,
        *map(str, target.requirements("onnx", "tflite", "mqtt", "preview")),
    ]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        return {}, [], ran.stderr
    chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    names = {canonicalize_name(c["metadata"]["name"]): c["metadata"]["version"] for c in chosen}
    return names, [c["download_info"]["url"].rsplit("/", 1)[-1] for c in chosen], ""


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.suite)
def test_every_pin_resolves_to_a_wheel_for_aarch64(target: Target, tmp_path: Path) -> None:
    versions, wheels, errors = resolve(target, target.constraints, tmp_path)
    if errors:
        pytest.fail(f"pip finds no wheels for {target.suite}:\n{errors.strip()}", pytrace=False)
    pinned = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in target.pins}
    assert pinned
    assert {name: versions.get(name) for name in pinned} == pinned
    assert wheels
    assert all(name.endswith(("_aarch64.whl", "-any.whl")) for name in wheels), wheels
    compiled = ("numpy", "opencv_python_headless", "ai_edge_litert", "onnxruntime")
    assert [sum(name.startswith(f"{package}-") and "aarch64" in name for name in wheels) for package in compiled] == [
        1
    ] * 4


def test_pins_that_contradict_each_other_are_caught(tmp_path: Path) -> None:
    bookworm = TARGETS[0]
    planted = tmp_path / "planted.txt"
    planted.write_text(bookworm.constraints.read_text(encoding="utf-8").replace("numpy==1.26.4", "numpy==2.2.6"))
    versions, _, errors = resolve(bookworm, planted, tmp_path)
    assert not versions
    assert "conflict" in errors
