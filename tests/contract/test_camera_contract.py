"""What a Raspberry Pi camera does, held by the double here and by picamera2 itself in `make test-picamera2`."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contract_faults import Faults
from contract_rigs import COLOURS, bars, install

from mien.cameras.chroma import to_bgr
from mien.cameras.luma import expand_limited
from mien.cameras.opening import open_source
from mien.cameras.oriented import oriented
from mien.cameras.picamera2 import PiCamera, listed
from mien.cameras.settings import CameraSettings
from mien.errors import MienError

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def restored_modules() -> object:
    kept = {name: sys.modules.get(name) for name in ("picamera2", "libcamera")}
    yield
    for name, module in kept.items():
        if module is not None:
            sys.modules[name] = module
        elif not os.environ.get("MIEN_CONTRACT"):
            sys.modules.pop(name, None)


def opened(faults: Faults | None = None, settings: CameraSettings | None = None, **limits: float) -> PiCamera:
    install(faults or Faults())
    return PiCamera(settings, **{"stall": 0.5, "first": 0.6, "pause": 0.05, "call": 1.0, **limits})


def test_the_suite_runs_against_what_it_was_asked_to() -> None:
    with opened():
        origin = getattr(sys.modules["picamera2"], "__file__", "the double")
        assert (origin != "the double") == (os.environ.get("MIEN_CONTRACT") == "real")


def soon(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize(("width", "height"), [(640, 480), (322, 242)])
def test_sixty_frames_come_in_order_and_bit_for_bit(width: int, height: int) -> None:
    with opened(settings=CameraSettings(width=width, height=height)) as camera:
        assert camera.description.startswith(f"picamera2 Bars, {width}x{height}")
        sequences = []
        for frame, _ in zip(camera.frames(), range(60), strict=False):
            assert np.array_equal(frame.luma, expand_limited(bars(height, width, frame.sequence)))
            sequences.append(frame.sequence)
            camera.recycle(frame)
    assert len(sequences) == 60
    assert sequences == sorted(set(sequences))
    assert sequences[-1] < 600  # 60 a second, fetched as fast: few are missed, but on a machine that is held up
    assert camera.state == "running"


@pytest.mark.parametrize(("rotation", "mirror"), [(180, False), (0, True), (180, True)])
def test_upside_down_and_mirrored_frames_come_without_another_camera_around(rotation: int, mirror: bool) -> None:
    install(Faults())
    with open_source("picamera2", CameraSettings(rotation=rotation, mirror=mirror)) as camera:
        assert isinstance(camera, PiCamera)
        frame = next(camera.frames())
        picture = expand_limited(bars(480, 640, frame.sequence))
        assert np.array_equal(frame.luma, oriented(picture, rotation, mirror))


@pytest.mark.parametrize(
    "settings",
    [CameraSettings(), CameraSettings(mirror=True), CameraSettings(width=322, height=242, rotation=180)],
)
def test_colour_comes_while_it_is_asked_for_and_is_the_bars_own(settings: CameraSettings) -> None:
    width = settings.width
    with opened(settings=settings) as camera:
        frames = camera.frames()
        assert next(frames).chroma is None
        camera.colour(True)
        frame = next(frame for frame in frames if frame.chroma is not None)
        picture = to_bgr(frame.luma, frame.chroma)
        camera.colour(False)
        assert any(frame.chroma is None for frame, _ in zip(frames, range(5), strict=False))
    picture = oriented(picture, settings.rotation, settings.mirror)
    # Bars move by a column a frame: compared where none begins within five columns.
    bar = (np.arange(width) + frame.sequence + 1) % width // (width // 8) % 8
    within = np.array([len(set(bar[max(0, x - 5) : x + 6])) == 1 for x in range(width)])
    assert within.mean() > 0.6
    expected = COLOURS[bar[within]].astype(int) * 255
    assert np.abs(picture[:, within].astype(int) - expected).max() <= 6


def test_a_camera_that_is_started_again_brings_colour_as_before() -> None:
    faults = Faults(starves=1)
    with opened(faults, stall=0.4) as camera:
        camera.colour(True)
        frames = camera.frames()
        while faults.starts < 2:
            frame = next(frames)
        assert next(frames).chroma is not None
    assert frame.chroma is not None


@pytest.mark.parametrize(
    ("settings", "width", "height"),
    [
        (CameraSettings(lores=True), 320, 240),
        (CameraSettings(lores=True, width=1280, height=720, rotation=180), 320, 180),
        (CameraSettings(lores=True, width=322, height=242, mirror=True), 320, 240),
    ],
)
def test_a_second_stream_shows_the_same_smaller_for_the_detector(
    settings: CameraSettings, width: int, height: int
) -> None:
    with opened(settings=settings) as camera:
        assert camera.description.endswith(f", the detector's {width}x{height}")
        for frame, _ in zip(camera.frames(), range(30), strict=False):
            picture = expand_limited(bars(settings.height, settings.width, frame.sequence))
            assert np.array_equal(frame.luma, oriented(picture, settings.rotation, settings.mirror))
            assert frame.small is not None
            small = expand_limited(bars(height, width, frame.sequence))
            assert np.array_equal(frame.small, oriented(small, settings.rotation, settings.mirror))
            camera.recycle(frame)


@pytest.mark.parametrize("settings", [CameraSettings(), CameraSettings(lores=True, width=320, height=240)])
def test_there_is_no_second_stream_where_none_is_asked_for_and_of_frames_that_are_small(
    settings: CameraSettings,
) -> None:
    with opened(settings=settings) as camera:
        assert next(camera.frames()).small is None


def test_a_second_stream_that_is_not_smaller_is_left_unused_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with opened(settings=CameraSettings(lores=True, number=1)) as camera:
        frame = next(camera.frames())
        assert (frame.luma.shape, frame.small) == ((480, 640), None)
    assert "grants a second stream of 640x480 " in caplog.text


def test_a_control_that_the_camera_lacks_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with opened(settings=CameraSettings(flicker=50, rate=30)) as camera:
        next(camera.frames())
    assert "has no control AeFlickerMode, AeFlickerPeriod; left as it is" in caplog.text


def test_what_was_asked_for_is_asked_for_again_after_a_restart() -> None:
    # picamera2 forgets what was set when it starts; a pipeline need not remember it when it stops.
    faults = Faults(starves=1)
    with opened(faults, CameraSettings(rate=30), stall=0.4) as camera:
        frames = camera.frames()
        while faults.starts < 2:
            camera.recycle(next(frames))
        next(frames)
    assert faults.controls == [["FrameDurationLimits"]] * 2


def test_a_part_of_the_picture_that_the_camera_cannot_pick_is_all_of_it_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with opened(settings=CameraSettings(crop="0.25,0.25,0.5,0.5")) as camera:
        frame = next(camera.frames())
        assert np.array_equal(frame.luma, expand_limited(bars(480, 640, frame.sequence)))
    assert "has no control ScalerCrop; left as it is" in caplog.text


def test_time_stamps_are_on_the_monotonic_clock_and_rise() -> None:
    with opened() as camera:
        stamps = [frame.captured_at for frame, _ in zip(camera.frames(), range(10), strict=False)]
    assert stamps == sorted(stamps)
    assert 0 <= time.monotonic_ns() - stamps[-1] < 3_000_000_000


def test_the_second_of_two_cameras_is_chosen_by_its_number() -> None:
    install(Faults())
    assert listed() == ("Bars", "Lines")
    with opened(settings=CameraSettings(number=1)) as camera:
        assert "Lines" in camera.description


def test_a_number_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(MienError, match=r"camera number 2: picamera2 lists 2, from 0: Bars, Lines"):
        opened(settings=CameraSettings(number=2))


def test_a_camera_that_is_open_already_is_busy() -> None:
    with opened(), pytest.raises(MienError, match=r"busy\); another program uses it"):
        PiCamera()


def test_two_runs_in_a_row_both_give_frames() -> None:
    for _ in range(2):
        with opened() as camera:
            assert next(camera.frames()).luma.shape == (480, 640)
        assert list(camera.frames()) == []


def test_a_stall_is_noticed_by_the_age_of_the_last_frame_and_mended_by_a_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with opened(Faults(starves=1), stall=1.0) as camera, caplog.at_level(logging.INFO, "mien.camera"):
        frames = camera.frames()
        last = before = time.monotonic()
        gap = 0.0
        for _ in range(60):
            camera.recycle(next(frames))
            now = time.monotonic()
            gap, last = max(gap, now - last), now
        assert (camera.state, camera.restarts) == ("running", 1)
    assert 1.0 <= gap < 10
    assert now - before < 30
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert "no frame for 1.0 s; restarting it" in said[0]
    assert "runs again after " in said[1]


def test_a_restart_that_does_not_help_is_followed_by_opening_again() -> None:
    with opened(Faults(stalls=3)) as camera:
        frame = next(camera.frames())
        assert camera.restarts == 3  # one restart, opened twice
        assert np.array_equal(frame.luma, expand_limited(bars(480, 640, frame.sequence)))


def test_many_stalls_cost_no_buffer() -> None:
    # A request that timed out would keep one of the four buffers each time: the fifth stall would be for ever.
    faults = Faults(starves=6, starve_after=12)
    with opened(faults, stall=0.25) as camera:
        frames = camera.frames()
        while faults.starts < 7:
            camera.recycle(next(frames))
        for _ in range(30):
            camera.recycle(next(frames))
        assert camera.restarts >= 6  # more where the machine itself held a frame up


def test_the_state_says_recovering_meanwhile() -> None:
    with opened(Faults(stalls=99)) as camera:
        thread = threading.Thread(target=lambda: list(camera.frames()))
        thread.start()
        assert soon(lambda: camera.state == "recovering")
        camera.close()
        thread.join(5)
        assert not thread.is_alive()


def test_a_camera_that_does_not_come_back_in_time_ends_with_its_cause() -> None:
    with opened(Faults(stalls=99), CameraSettings(recover_seconds=1.5), stall=0.3) as camera:
        began = time.monotonic()
        with pytest.raises(MienError, match=r"no frame for 0.6 s after attempt \d.*check its cable"):
            next(camera.frames())
        assert time.monotonic() - began > 1.4
        assert camera.state == "failed"


def test_an_io_error_in_picamera2s_own_thread_is_reported_as_itself_and_mended(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with opened(Faults(io_errors=1)) as camera, caplog.at_level(logging.INFO, "mien.camera"):
        frames = camera.frames()
        for _ in range(40):
            camera.recycle(next(frames))
        assert camera.restarts == 1
    assert "Input/output error" in caplog.records[0].message
    assert "no frame" not in caplog.text
    assert "Traceback" not in capfd.readouterr().err


def test_close_from_another_thread_ends_the_frames() -> None:
    with opened(Faults(stalls=99), stall=30) as camera:
        threading.Timer(0.3, camera.close).start()
        began = time.monotonic()
        assert list(camera.frames()) == []
        assert time.monotonic() - began < 25, "a stall is waited for for 30 s"


@pytest.mark.parametrize("call", ["stop", "close", "cancel_all_and_flush"])
def test_a_call_that_hangs_does_not_keep_the_process_from_ending_by_sigterm(call: str) -> None:
    program = subprocess.Popen(
        [sys.executable, str(HERE / "contract_program.py"), call, "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "running\n"
    program.send_signal(signal.SIGTERM)
    said, errors = program.communicate(timeout=60)
    assert program.returncode == 0, errors
    assert said == "told to end\n"
    assert [line for line in errors.splitlines() if line.startswith("mien:")] == [
        f"mien: picamera2 Bars: picamera2's {call}() has not returned for 3 s; left behind"
    ]


def test_a_run_that_was_killed_leaves_the_camera_to_the_next() -> None:
    program = subprocess.Popen(
        [sys.executable, str(HERE / "contract_program.py"), "none", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "running\n"
    program.kill()
    program.communicate(timeout=20)
    with opened() as camera:
        assert next(camera.frames()).luma.shape == (480, 640)


def test_many_frames_leave_no_thread_and_no_descriptor_behind() -> None:
    def held() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    with opened() as camera:
        frames = camera.frames()
        for _ in range(30):
            camera.recycle(next(frames))
        early = held()
        for _ in range(300):
            camera.recycle(next(frames))
        assert held() == early


def test_a_stop_that_hangs_after_a_stall_gives_the_camera_up_within_its_limit() -> None:
    program = subprocess.run(
        [sys.executable, str(HERE / "contract_program.py"), "stop", "1"],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.returncode == 2
    assert "no frame for 0.5 s; restarting it" in program.stderr
    assert "picamera2's stop() has not returned for 1 s, so it was given up" in program.stderr
    assert len(program.stderr.strip().splitlines()) == 2
