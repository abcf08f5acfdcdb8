"""The pins for Raspberry Pi OS are versions that the project accepts, and leave nothing of it unpinned."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mien_export.arm64.targets import TARGETS, Target

EXTRAS = ("onnx", "tflite", "mqtt", "preview")


def faults(target: Target, pins: dict[str, Version]) -> list[str]:
    """What the project would not accept of some pins, or misses among them."""
    found = []
    for requirement in target.requirements(*EXTRAS):
        version = pins.get(canonicalize_name(requirement.name))
        if version is None:
            found.append(f"{requirement.name} has no pin")
        elif not requirement.specifier.contains(version):
            found.append(f"{requirement} does not accept {version}")
    return found


def versions(target: Target) -> dict[str, Version]:
    found = {}
    for pin in target.pins:
        (specifier,) = pin.specifier
        assert specifier.operator == "==", f"{target.constraints}: {pin} is no pin"
        found[canonicalize_name(pin.name)] = Version(specifier.version)
    return found


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.suite)
def test_the_pins_are_within_the_projects_ranges(target: Target) -> None:
    needed = target.requirements(*EXTRAS)
    assert {"numpy", "opencv-python-headless", "ai-edge-litert", "onnxruntime"} <= {r.name for r in needed}
    assert faults(target, versions(target)) == []


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.suite)
def test_nothing_is_pinned_that_the_project_does_not_need(target: Target) -> None:
    assert set(versions(target)) == {canonicalize_name(r.name) for r in target.requirements(*EXTRAS)}


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ({"numpy": Version("2.0.0")}, "numpy<2 does not accept 2.0.0"),
        ({"opencv-python-headless": Version("4.10.0.84")}, "opencv-python-headless>=4.11 does not accept 4.10.0.84"),
        ({"onnxruntime": None}, "onnxruntime has no pin"),
    ],
)
def test_a_pin_out_of_range_is_caught(planted: dict[str, Version], fault: str) -> None:
    bookworm = TARGETS[0]
    assert faults(bookworm, {**versions(bookworm), **planted}) == [fault]


def test_tflite_runtime_is_for_python_3_11_alone() -> None:
    bookworm, trixie = ({r.name for r in target.requirements("tflite")} for target in TARGETS)
    assert bookworm - trixie == {"tflite-runtime"}
    assert Requirement("numpy<2") not in TARGETS[1].requirements("tflite")
