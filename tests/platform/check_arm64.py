"""The wheel computes on a Raspberry Pi's processor what it computes here: `make test-arm64`.

LiteRT's fast kernels (XNNPACK) are not the same on both. Run alone on random input, of the operators that mien
writes CONV_2D, pools, resize and concatenation are bit-identical; DEPTHWISE_CONV_2D, FULLY_CONNECTED, ADD with a
clamp and MUL differ by one step in 0.1 to 0.8 % of the values, because their 32-bit sums are scaled back to int8
in fixed point on Arm and in float32 on x86, which parts company next to a half. Such steps are carried on by the
layers behind, so the networks' outputs are held to a bound. The reference kernels are bit-identical, and so are the
fast ones on all four emulated machines, whatever the core and LiteRT's release.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pictures
import pytest
from arm64_root import CORES, NotReadyError, Root, prepare
from numpy.typing import NDArray
from targets import ROOT, TARGETS

from mien.cameras import demo
from mien.faces.face import iou
from mien.models import bundle

SAME_CLASS, MEAN, MOST = 0.99, 2.0, 12
"""Of LiteRT's fast kernels on Arm against x86: least share of equal classes; mean distance in int8 steps, and the
distance that 99 % of the values keep.

They are not bit-identical. Operator by operator, XNNPACK's dense convolutions, resizing and concatenation give the same
bits on both, while depthwise convolutions and clamped additions are one step off in 0.1 to 0.8 % of values, which fits
rounding in fixed point on Arm and in float32 on x86; the detector's twenty-odd depthwise layers spread that. The
reference kernels are bit-identical (the test before).
"""
OVERLAP = 0.9
"""Of a face's boxes on Arm and x86, at least."""

HERE = Path(__file__).parent
MACHINES = [(target, core) for target in TARGETS for core in CORES]

Outputs = dict[str, NDArray[Any]]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what the wheel holds, models included."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True, text=True)
    (built,) = folder.glob("mien-*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seeded pictures for every bundled model, made once: no arithmetic of the emulated side goes into them."""
    path = tmp_path_factory.mktemp("inputs") / "inputs.npz"
    made = {}
    for model in bundle.installed():
        count = 100 if model.task == "emotion" else 6
        size = (count, model.height, model.width)
        made[model.name] = np.concatenate([pictures.noise(*size, seed=21), pictures.drawn(*size, seed=22)])
    np.savez(path, **made)
    return path


@pytest.fixture(scope="session")
def here(wheel: Path, inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What the probe gives on this machine."""
    out = tmp_path_factory.mktemp("here") / "outputs.npz"
    _run_here(wheel, str(HERE / "arm64_probe.py"), str(inputs), str(out))
    return _loaded(out)


@pytest.fixture(scope="session")
def roots() -> dict[str, Root]:
    try:
        return {target.suite: prepare(target) for target in TARGETS}
    except NotReadyError as error:
        pytest.exit(f"test-arm64: {error}", returncode=2)


@pytest.fixture(scope="session")
def there(
    wheel: Path, inputs: Path, roots: dict[str, Root], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Outputs]:
    """What the probe gives on each emulated machine, by suite and core."""
    found = {}
    for target, core in MACHINES:
        out = tmp_path_factory.mktemp(f"{target.suite}-{core}")
        binds = {"/path/mien": wheel, "/path/probe": HERE, "/inputs.npz": inputs, "/out": out}
        command = ["/path/probe/arm64_probe.py", "/inputs.npz", "/out/outputs.npz"]
        roots[target.suite].python(core, command, binds)
        found[target.suite, core] = _loaded(out / "outputs.npz")
    return found


def _run_here(wheel: Path, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": f"{wheel}{os.pathsep}{HERE}"}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def _loaded(path: Path) -> Outputs:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def _raw(outputs: Outputs) -> Outputs:
    return {name: values for name, values in outputs.items() if "golden" not in name}


def test_the_reference_kernels_give_the_golden_outputs_on_arm(there: dict[tuple[str, str], Outputs]) -> None:
    compared = 0
    for (suite, core), outputs in there.items():
        for model in bundle.installed():
            for interpreter in ("litert", "tflite") if suite == "bookworm" else ("litert",):
                found = outputs[f"{model.name}/golden/{interpreter}"].tolist()
                assert found == model.sidecar.document["golden"]["sha256"], (
                    f"{model.name}, {interpreter}, {suite}, {core}"
                )
                compared += len(found)
    assert compared >= 4 * len(MACHINES)


def test_all_emulated_machines_give_the_same_bits(there: dict[tuple[str, str], Outputs]) -> None:
    first, *others = (_raw(outputs) for outputs in there.values())
    assert first
    assert len(others) == len(MACHINES) - 1
    for outputs in others:
        assert outputs.keys() == first.keys()
        assert [name for name, values in outputs.items() if not np.array_equal(values, first[name])] == []


def test_the_models_give_on_arm_what_they_give_on_x86_within_a_bound(
    here: Outputs, there: dict[tuple[str, str], Outputs], told: Callable[[str], None]
) -> None:
    assert there
    for (suite, core), outputs in there.items():
        for model in bundle.installed():
            pairs = [(here[f"{model.name}/{n}"], outputs[f"{model.name}/{n}"]) for n in range(len(model.outputs))]
            apart = np.concatenate([np.abs(ours.astype(np.int16) - theirs).reshape(-1) for ours, theirs in pairs])
            mean, most, equal = float(apart.mean()), float(np.quantile(apart, 0.99)), float(np.mean(apart == 0))
            line = (
                f"{model.name}, {suite}, {core}: {equal:.1%} of {apart.size} values equal, mean distance {mean:.2f} "
                f"LSB, 99 % within {most:.0f}, worst {apart.max()}"
            )
            if model.task == "emotion":
                ((ours, theirs),) = pairs
                same = float(np.mean(ours.argmax(axis=1) == theirs.argmax(axis=1)))
                told(f"{line}, same class {same:.1%}")
                assert same >= SAME_CLASS
            else:
                told(line)
            assert mean <= MEAN
            assert most <= MOST


@pytest.mark.parametrize(("suite", "core"), [(target.suite, core) for target, core in MACHINES])
def test_detect_finds_the_same_faces_and_reads_the_same(
    suite: str, core: str, wheel: Path, roots: dict[str, Root]
) -> None:
    photograph = demo.photograph()
    ours = json.loads(_run_here(wheel, "-m", "mien", "detect", str(photograph), "--json"))
    binds = {"/path/mien": wheel, "/astronaut.png": photograph}
    command = ["-m", "mien", "detect", "/astronaut.png", "--json"]
    theirs = json.loads(roots[suite].python(core, command, binds))
    assert (theirs["width"], theirs["height"]) == (ours["width"], ours["height"])
    assert ours["faces"]
    assert len(theirs["faces"]) == len(ours["faces"])
    overlaps = iou(*(np.array([face["box"] for face in r["faces"]], np.float32) for r in (ours, theirs)))
    partners = overlaps.argmax(axis=1)
    assert sorted(partners) == list(range(len(partners)))
    assert overlaps.max(axis=1).min() >= OVERLAP
    for face, partner in zip(ours["faces"], partners, strict=True):
        assert face["emotion"] == theirs["faces"][partner]["emotion"]
