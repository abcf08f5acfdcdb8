from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from mien.cameras import opening
from mien.cameras.base import Camera
from mien.cameras.settings import CameraSettings
from mien.cli import main
from mien.config import build, read
from mien.errors import MienError
from mien.models.engine import ENGINES
from mien.outputs.sinks import open_sinks
from mien.privacy import SINKS
from mien.tracking.settings import SmoothingSettings


def written(folder: Path, text: str) -> Path:
    path = folder / "kiosk.toml"
    path.write_text(text)
    return path


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, 'source = "demo"\nsinks = ["null"]\n[smoothing]\nseconds = 1\n')
    config = build(
        read(path), {"source": "auto", "engine": None, "sinks": None}, {"smoothing": {"seconds": None, "margin": 0.2}}
    )
    assert config.source == "auto"
    assert config.sinks == ("null",)
    assert config.smoothing == SmoothingSettings(seconds=1, margin=0.2)
    assert config.engine == "litert"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('soruce = "demo"', "unknown key 'soruce'; did you mean 'source'"),
        ("threads = true", "threads is True; give a whole number"),
        ('threads = "2"', "give a whole number"),
        ('sinks = "text"', "give a list of strings"),
        ("sinks = [1]", "give a list of strings"),
        ("source = ", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MienError, match=message) as caught:
        read(written(tmp_path, text))
    assert "kiosk.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_values_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="cannot be read"):
        read(tmp_path / "absent.toml")
    for threads in (0, 257):
        with pytest.raises(MienError, match=f"threads is {threads}; give 1 to 256"):
            build({"threads": threads}, {})
    assert build({"threads": 256}, {}).threads == 256
    with pytest.raises(MienError, match="max_frames is -1"):
        build({}, {"max_frames": -1})
    for score in (-0.1, 1, 3.0):
        with pytest.raises(MienError, match=f"score threshold is {score}; it must lie between 0 and 1"):
            build({"score_threshold": score}, {})
    assert build({"score_threshold": 0.99}, {}).score_threshold == 0.99


def test_an_engine_that_does_not_exist_is_said_before_anything_is_opened() -> None:
    with pytest.raises(MienError, match="unknown engine 'nope'; choose one of litert, onnx, tflite"):
        build({"engine": "nope"}, {})
    assert {build({"engine": name}, {}).engine for name in ENGINES} == {"litert", "onnx", "tflite"}


SPECS = {"jsonl": ":x", "sqlite": ":x", "socket": ":x", "mqtt": "://broker/kiosk", "mqtts": "://broker/kiosk"}
"""What follows the kind of a sink that needs it."""


@pytest.mark.parametrize("kind", sorted(SINKS))
def test_a_sink_that_can_be_opened_is_a_good_setting(kind: str) -> None:
    spec = kind + SPECS.get(kind, "")
    assert build({"sinks": [spec]}, {}).sinks == (spec,)


@pytest.mark.parametrize("spec", ["bogus", "", "text:", "jsonl", "sqlite:", "null:x", "mqtt", "mqtts://broker"])
def test_a_sink_that_cannot_be_opened_is_said_as_at_its_opening(spec: str) -> None:
    said = []
    for refuses in (lambda: build({"sinks": ["null", spec]}, {}), lambda: open_sinks(["null", spec])):
        with pytest.raises(MienError) as caught:
            refuses()
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert repr(spec) in said[0]


CAMERA = {"number": 1, "width": 800, "height": 600, "rate": 15, "rotation": 270, "mirror": True}


def test_a_camera_is_set_up_alike_from_the_command_line_and_from_a_file(tmp_path: Path) -> None:
    lines = [f"{key} = {str(value).lower()}" for key, value in CAMERA.items()]
    path = written(tmp_path, "\n".join(["[camera]", *lines]))
    expected = CameraSettings(number=1, width=800, height=600, rate=15.0, rotation=270, mirror=True)
    assert build(read(path), {}).camera == expected
    assert build({}, {}, {"camera": CAMERA}).camera == expected
    assert build(read(path), {}, {"camera": {"rotation": 0, "width": None}}).camera == dataclasses.replace(
        expected, rotation=0
    )
    assert build({}, {}).camera == CameraSettings()


def test_the_options_of_a_camera_reach_its_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[CameraSettings] = []

    def opened(spec: str, settings: CameraSettings) -> Camera:
        seen.append(settings)
        raise MienError("seen")

    monkeypatch.setattr(opening, "open_source", opened)
    options = ["--camera", "1", "--width", "800", "--height", "600", "--rate", "15", "--rotate", "270", "--mirror"]
    assert main(["run", "--sink", "null", *options]) == 2
    assert main(["run", "--sink", "null"]) == 2
    assert main(["run", "--sink", "null", "--recover", "7", "--loop", "--realtime"]) == 2
    played = CameraSettings(recover_seconds=7, loop=True, realtime=True)
    assert seen == [CameraSettings(**CAMERA), CameraSettings(), played]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"rotaton": 90}, "unknown key camera 'rotaton'; did you mean 'rotation'"),
        ({"rotation": 45}, "camera rotation is 45; give 0, 90, 180, 270"),
        ({"rotation": 90.0}, "camera rotation is 90.0; give a whole number"),
        ({"mirror": 1}, "camera mirror is 1; give true or false"),
        ({"width": 15}, "camera size is 15×480; give 16 to 8192 a side"),
        ({"height": 10**400}, "camera height is 1000.*…; give a whole number"),
        ({"rate": 10**400}, "camera rate is 1000.*…; give a number"),
        ({"rate": -1}, "camera rate is -1; give up to 240"),
        ({"rate": 241.0}, "camera rate is 241"),
        ({"rate": float("nan")}, "camera rate is nan; give a number"),
        ({"number": -1}, "camera number is -1; give 0 or more"),
    ],
)
def test_a_camera_that_cannot_be_is_one_line_from_either_side(table: dict[str, object], message: str) -> None:
    for settings in ((table, {}), ({}, table)):
        with pytest.raises(MienError, match=message) as caught:
            build({"camera": settings[0]}, {}, {"camera": settings[1]})
        assert len(str(caught.value)) < 1000


def test_a_camera_that_is_no_table_is_said(tmp_path: Path) -> None:
    with pytest.raises(MienError, match=r"camera is 'usb'; give a table, \[camera\]"):
        read(written(tmp_path, 'camera = "usb"'))


def test_a_value_of_any_length_is_a_short_line(tmp_path: Path) -> None:
    long = "x" * 9000
    for text in (
        f'threads = "{long}"',
        f"tiles = [{'0, ' * 9000}]",
        f"max_frames = 0x{'f' * 9000}",
        f'engine = "{long}"',
        f'sinks = ["{long}"]',
    ):
        with pytest.raises(MienError) as caught:
            build(read(written(tmp_path, text)), {})
        assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_what_is_no_settings_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (1 << 20) + b"\n")
    nested = written(tmp_path, "a = " + "[" * 100_000)
    for path, message in (
        (tmp_path / "pipe", "is a pipe or a device"),
        (Path("/dev/zero"), "is a pipe or a device"),
        (tmp_path, "is a folder"),
        (large, "has 1048577 bytes"),
        (nested, "not a TOML file"),
    ):
        with pytest.raises(MienError, match=message):
            read(path)
