"""The wheel computes on a Raspberry Pi's processors, bit for bit, what it computes here: `make test-arm64`.

LiteRT's fast kernels (XNNPACK) are compared, and its reference kernels. XNNPACK only runs where it can read what
processor there is; elsewhere LiteRT falls back to slow kernels that round otherwise, and the comparison would be of
those. So every check of the outputs also holds which operators were executed.
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
from numpy.typing import NDArray

from mien.cameras import demo
from mien.errors import MienError
from mien.faces.face import iou
from mien.models import bundle
from mien_export.arm64.core import CORES, Core, named
from mien_export.arm64.operators import DELEGATE
from mien_export.arm64.root import Root, prepare
from mien_export.arm64.targets import ROOT, TARGETS

OVERLAP = 0.98
"""Of a face's boxes on Arm and x86, at least: OpenCV's resizing and NumPy's floats may differ in their last bits."""

pytestmark = pytest.mark.timeout(3600)  # an emulated processor is slow, on a busy machine very slow

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
    except MienError as error:
        pytest.exit(f"test-arm64: {error}", returncode=2)


@pytest.fixture(scope="session")
def there(
    wheel: Path, inputs: Path, roots: dict[str, Root], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Outputs]:
    """What the probe gives on each emulated machine, by suite and core."""
    found = {}
    for target, core in MACHINES:
        out = tmp_path_factory.mktemp(f"{target.suite}-{core.name}")
        found[target.suite, core.name] = _probed(roots[target.suite], core, wheel, inputs, out)
    return found


def _probed(root: Root, core: Core, wheel: Path, inputs: Path, out: Path, *, processor_shown: bool = True) -> Outputs:
    binds = {"/path/mien": wheel, "/path/probe": HERE, "/path/export": ROOT / "export", "/inputs.npz": inputs}
    command = ["/path/probe/arm64_probe.py", "/inputs.npz", "/out/outputs.npz"]
    root.python(core, command, {**binds, "/out": out}, processor_shown=processor_shown)
    return _loaded(out / "outputs.npz")


def _run_here(wheel: Path, *arguments: str) -> str:
    env = {**os.environ, "PYTHONPATH": f"{wheel}{os.pathsep}{HERE}"}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def _loaded(path: Path) -> Outputs:
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def _raw(outputs: Outputs) -> Outputs:
    return {name: values for name, values in outputs.items() if name.rpartition("/")[2].isdecimal()}


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


def test_xnnpack_executes_on_arm_the_operators_that_it_executes_here(
    here: Outputs, there: dict[tuple[str, str], Outputs]
) -> None:
    models = [path.stem for path in bundle.MODELS.glob("*.tflite")]
    assert models
    for machine, outputs in there.items():
        for model in models:
            executed = outputs[f"{model}/operators"].tolist()
            assert any(operator.endswith(DELEGATE) for operator in executed), (machine, model, executed)
            assert executed == here[f"{model}/operators"].tolist(), (machine, model)


def test_the_models_give_on_arm_bit_for_bit_what_they_give_on_x86(
    here: Outputs, there: dict[tuple[str, str], Outputs], told: Callable[[str], None]
) -> None:
    ours = _raw(here)
    assert {name.partition("/")[0] for name in ours} == {path.stem for path in bundle.MODELS.glob("*.tflite")}
    assert len(there) == len(MACHINES)
    for (suite, core), outputs in there.items():
        theirs = _raw(outputs)
        assert theirs.keys() == ours.keys()
        different = {name: int(np.sum(theirs[name] != values)) for name, values in ours.items()}
        values = sum(values.size for values in ours.values())
        told(f"{suite}, {core}: {sum(different.values())} of {values} values differ")
        assert {name: count for name, count in different.items() if count} == {}


def test_a_fall_back_to_the_slow_kernels_is_seen(
    here: Outputs, wheel: Path, inputs: Path, roots: dict[str, Root], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    target, core = MACHINES[0]
    binds = (wheel, inputs, tmp_path / "out")
    fallen = _probed(roots[target.suite], core, *binds, processor_shown=False)
    operators = {name: values.tolist() for name, values in fallen.items() if name.endswith("/operators")}
    assert operators
    for name, executed in operators.items():
        assert not any(operator.endswith(DELEGATE) for operator in executed), name
    detectors = [model.name for model in bundle.installed() if model.task == "face"]
    assert detectors
    for name in detectors:
        assert not np.array_equal(fallen[f"{name}/0"], here[f"{name}/0"]), name


@pytest.mark.parametrize(("suite", "core"), [(target.suite, core.name) for target, core in MACHINES])
def test_detect_finds_the_same_faces_and_reads_the_same(
    suite: str, core: str, wheel: Path, roots: dict[str, Root]
) -> None:
    photograph = demo.photograph()
    ours = json.loads(_run_here(wheel, "-m", "mien", "detect", str(photograph), "--json"))
    binds = {"/path/mien": wheel, "/astronaut.png": photograph}
    command = ["-m", "mien", "detect", "/astronaut.png", "--json"]
    theirs = json.loads(roots[suite].python(named(core), command, binds))
    assert (theirs["width"], theirs["height"]) == (ours["width"], ours["height"])
    assert ours["faces"]
    assert len(theirs["faces"]) == len(ours["faces"])
    overlaps = iou(*(np.array([face["box"] for face in r["faces"]], np.float32) for r in (ours, theirs)))
    partners = overlaps.argmax(axis=1)
    assert sorted(partners) == list(range(len(partners)))
    assert overlaps.max(axis=1).min() >= OVERLAP
    for face, partner in zip(ours["faces"], partners, strict=True):
        assert face["emotion"] == theirs["faces"][partner]["emotion"]
