from __future__ import annotations

import importlib
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from picamera2_double import picamera2_modules

from mien.cameras import capabilities, v4l2
from mien.cameras.base import exposure_time
from mien.cameras.buffers import LumaPool
from mien.cameras.capabilities import Device
from mien.cameras.files import pictures_in
from mien.cameras.luma import expand_limited
from mien.cameras.opening import open_source
from mien.cameras.picamera2 import PiCamera, listed, smaller, to_monotonic
from mien.cameras.settings import CameraSettings
from mien.cameras.v4l2 import to_luma
from mien.errors import MienError

RAMP = np.tile(np.arange(100, dtype=np.uint8) * 2 + 20, (60, 1))  # 20, 22, … 218: inside both ranges
BLACK, WHITE = np.zeros((60, 100), np.uint8), np.full((60, 100), 255, np.uint8)


def limited(full: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Full-range luma as a limited-range source would deliver it: 16 is black and 235 is white."""
    return np.rint(full * 219.0 / 255 + 16).astype(np.uint8)


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(**behaviour: Any) -> Any:
        modules = picamera2_modules(**behaviour)
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)
        return modules["picamera2"].Picamera2

    return install


@pytest.mark.parametrize("picture", [BLACK, WHITE, RAMP], ids=["black", "white", "ramp"])
@pytest.mark.parametrize("is_limited", [False, True])
def test_picamera2_luma_is_full_range_without_its_padding(picamera2: Any, picture: Any, is_limited: bool) -> None:
    picamera2(limited=is_limited, picture=lambda h, w, n: limited(picture) if is_limited else picture)
    with PiCamera() as camera:
        frame = next(camera.frames())
    assert frame.luma.shape == (60, 100)
    # 219 levels cannot carry 255: half a step either way is 0.58.
    assert np.abs(frame.luma.astype(int) - picture).max() <= (1 if is_limited else 0)
    assert ("expanded" in camera.description) == is_limited


@pytest.mark.parametrize("picture", [BLACK, WHITE, RAMP], ids=["black", "white", "ramp"])
def test_yuyv_and_bgr_luma_is_full_range(picture: Any) -> None:
    packed = np.stack([limited(picture), np.full_like(picture, 128)], axis=2)
    for shape in (packed.shape, (1, packed.size), (packed.size,)):
        plane = to_luma(packed.reshape(shape), 100, 60)
        assert plane is not None
        assert np.abs(plane.astype(int) - picture).max() <= 1
    plane = to_luma(np.repeat(picture[..., None], 3, axis=2), 100, 60)
    assert plane is not None
    assert np.array_equal(plane, picture)
    assert to_luma(np.zeros((7, 7), np.uint8), 100, 60) is None


@pytest.mark.parametrize("picture", [BLACK, WHITE, RAMP], ids=["black", "white", "ramp"])
def test_picture_and_video_luma_is_full_range(picture: Any, tmp_path: Path) -> None:
    colour = np.repeat(picture[..., None], 3, axis=2)
    cv2.imwrite(str(tmp_path / "a.png"), colour)
    with open_source(str(tmp_path / "a.png")) as camera:
        (frame,) = camera.frames()
    assert np.array_equal(frame.luma, picture)
    assert frame.name == str(tmp_path / "a.png")
    writer = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (100, 60))
    for _ in range(3):
        writer.write(colour)
    writer.release()
    with open_source(str(tmp_path / "a.mp4")) as camera:
        frames = list(camera.frames())
        assert camera.period_ns == 40_000_000
    assert [f.sequence for f in frames] == [0, 1, 2]
    # The codec is lossy; luma left in the limited range would put black 16 off and white 20.
    assert np.abs(frames[0].luma.astype(int) - picture).mean() < 5


def test_frames_carry_the_sensors_time_on_the_monotonic_clock(picamera2: Any) -> None:
    picamera2()
    with PiCamera() as camera:
        frame = next(camera.frames())
    age = time.monotonic_ns() - frame.captured_at
    assert 5_000_000 <= age < 2_000_000_000  # the fake stamps 5 ms before delivery
    boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert abs(to_monotonic(boot) - time.monotonic_ns()) < 50_000_000


def test_a_time_stamp_that_cannot_be_true_gives_way_to_the_arrival() -> None:
    now = 100_000_000_000
    assert exposure_time(now - 30_000_000, now) == now - 30_000_000
    assert exposure_time(0, now) == now
    assert exposure_time(now + 1, now) == now


def test_picamera2_buffers_are_used_again_and_kept_frames_never_touched(picamera2: Any) -> None:
    counter = iter(range(1, 1000))
    picamera2(picture=lambda h, w, n: np.full((h, w), next(counter) % 200, np.uint8))
    with PiCamera() as camera:
        frames = camera.frames()
        kept = next(frames)
        value = int(kept.luma[0, 0])
        addresses = set()
        for _ in range(12):
            frame = next(frames)
            addresses.add(frame.luma.ctypes.data)
            camera.recycle(frame)
    assert kept.luma.min() == kept.luma.max() == value
    assert len(addresses) <= 5


def test_an_unreadable_request_is_an_error_with_its_cause_and_not_a_dead_thread(picamera2: Any) -> None:
    picamera2(metadata=lambda: {}["SensorTimestamp"])
    with PiCamera(CameraSettings(recover_seconds=0)) as camera:
        with pytest.raises(MienError, match=r"cannot be read \(KeyError: 'SensorTimestamp'\)"):
            next(camera.frames())
        assert camera.state == "failed"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ({"cameras": ()}, "lists no camera"),
        ({"granted_format": "RGB888"}, "grants RGB888"),
    ],
)
def test_what_picamera2_cannot_give_is_one_error(picamera2: Any, behaviour: Any, message: str) -> None:
    picamera2(**behaviour)
    with pytest.raises(MienError, match=message):
        open_source("picamera2")


def test_without_picamera2_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert listed() == ()
    with pytest.raises(MienError, match="apt install python3-libcamera"):
        open_source("picamera2")


def test_auto_prefers_picamera2_and_then_the_first_capture_device(
    picamera2: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    picamera2()
    with open_source("auto") as camera:
        assert camera.description.startswith("picamera2 imx708")
    picamera2(cameras=())
    monkeypatch.setattr(v4l2, "devices", lambda: ())
    with pytest.raises(MienError, match="no camera found"):
        open_source("auto")


@pytest.mark.parametrize("flips", [True, False])
def test_a_sensor_that_flips_saves_the_copy_and_one_that_does_not_is_flipped_here(picamera2: Any, flips: bool) -> None:
    kind = picamera2(picture=lambda h, w, n: RAMP, flips=flips)
    with PiCamera(CameraSettings(rotation=180)) as camera:
        assert np.array_equal(next(camera.frames()).luma, RAMP[::-1, ::-1])
    with PiCamera(CameraSettings(rotation=180, mirror=True)) as camera:
        assert (kind.last.wanted["transform"].hflip, kind.last.wanted["transform"].vflip) == (0, 1)
        assert np.array_equal(next(camera.frames()).luma, RAMP[::-1])
    with open_source("picamera2", CameraSettings(rotation=90)) as camera:
        assert np.array_equal(next(camera.frames()).luma, np.rot90(RAMP, -1))
    picamera2(limited=True, picture=lambda h, w, n: limited(RAMP), flips=flips)
    with PiCamera(CameraSettings(rotation=180)) as camera:
        assert np.array_equal(next(camera.frames()).luma, expand_limited(limited(RAMP))[::-1, ::-1])


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((640, 480), (320, 240)),
        ((1920, 1080), (320, 180)),
        ((1232, 693), (320, 180)),
        ((480, 640), (240, 320)),
        ((1000, 1000), (256, 256)),
        ((321, 16), (320, 14)),
        ((320, 256), None),
        ((256, 320), None),
        ((100, 60), None),
    ],
)
def test_a_second_stream_has_the_frames_shape_and_even_sides(
    frame: tuple[int, int], expected: tuple[int, int] | None
) -> None:
    assert smaller(*frame) == expected


def test_a_second_stream_is_turned_with_the_frame_and_full_range_as_it_is(picamera2: Any) -> None:
    picamera2(limited=True, follows=True, picture=lambda h, w, n: np.full((h, w), 16 + w // 10, np.uint8))
    with open_source("picamera2", CameraSettings(lores=True, rotation=90)) as camera:
        frame = next(camera.frames())
    assert frame.small is not None
    assert (frame.luma.shape, frame.small.shape) == ((640, 480), (320, 240))
    assert (frame.luma[0, 0], frame.small[0, 0]) == (round(64 * 255 / 219), round(32 * 255 / 219))


@pytest.mark.parametrize("granted", [{"granted_lores": "RGB888"}, {"size": (1000, 60)}])
def test_a_second_stream_of_another_kind_or_shape_is_left_unused_with_a_warning(
    picamera2: Any, granted: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    picamera2(**{"size": (640, 480), "stride": 1024, **granted})
    with PiCamera(CameraSettings(lores=True)) as camera:
        assert next(camera.frames()).small is None
    assert "grants a second stream of 320x240 " in caplog.text
    assert "left unused" in caplog.text


def test_exposure_gain_metering_and_flicker_reach_picamera2(picamera2: Any) -> None:
    names = ("ExposureTime", "AnalogueGain", "AeMeteringMode", "AeFlickerMode", "AeFlickerPeriod")
    kind = picamera2(camera_controls=dict.fromkeys(names))
    with PiCamera(CameraSettings(rate=15, exposure=8000, gain=2.5, metering="spot", flicker=50)):
        # Lamps on 50 Hz flicker 100 times a second: every 10,000 µs.
        assert kind.last.wanted["controls"] == {
            "FrameRate": 15,
            "ExposureTime": 8000,
            "AnalogueGain": 2.5,
            "AeMeteringMode": 1,
            "AeFlickerMode": 1,
            "AeFlickerPeriod": 10_000,
        }
    with PiCamera():
        assert kind.last.wanted["controls"] == {}


SENSOR = {"ScalerCrop": ((0, 0, 64, 64), (8, 16, 4000, 3000), (8, 391, 4000, 2250))}
"""Least, most and usual part of a sensor that this mode sees."""


@pytest.mark.parametrize(
    ("crop", "size", "part"),
    [
        ("0,0,1,1", (640, 480), (8, 16, 4000, 3000)),
        ("0.25,0.25,0.5,0.5", (640, 480), (1008, 766, 2000, 1500)),
        ("0.5, 0, 0.5, 0.5", (640, 480), (2008, 16, 2000, 1500)),
        # Frames of another shape than the part: as much of it as their shape takes, around its middle.
        ("0,0,1,1", (640, 360), (8, 391, 4000, 2250)),
        ("0,0,0.5,1", (640, 480), (8, 766, 2000, 1500)),
        ("0,0,1,0.5", (480, 480), (1258, 16, 1500, 1500)),
    ],
)
def test_a_part_of_the_sensors_picture_is_picked_and_never_stretched(
    crop: str, size: tuple[int, int], part: tuple[int, ...], picamera2: Any
) -> None:
    kind = picamera2(camera_controls=SENSOR, size=size, follows=True, metadata=lambda: {"ScalerCrop": part})
    with PiCamera(CameraSettings(crop=crop, width=size[0], height=size[1])) as camera:
        assert kind.last.started_with == {"ScalerCrop": part}
        next(camera.frames())
        assert camera.description.endswith(f", {part[2]}x{part[3]} of the sensor's 4000x3000")


def test_a_part_that_is_not_granted_is_said_once(picamera2: Any, caplog: pytest.LogCaptureFixture) -> None:
    picamera2(camera_controls=SENSOR, follows=True, metadata=lambda: {"ScalerCrop": (8, 16, 4000, 3000)})
    with PiCamera(CameraSettings(crop="0.25,0.25,0.5,0.5")) as camera:
        for _, frame in zip(range(3), camera.frames(), strict=False):
            camera.recycle(frame)
    assert [record.message for record in caplog.records] == [
        "mien: picamera2 imx708: was asked for the part 1008,766,2000,1500 of the sensor, and gives 8,16,4000,3000"
    ]


@pytest.mark.parametrize(
    "crop",
    [
        *("0,0,1", "0,0,1,1,1", "a,0,1,1", "0,0,0,1", "0,0,0.01,1", "-0.1,0,1,1", "0.6,0,0.5,0.5", "0,0.6,0.5,0.5"),
        *("nan,0,1,1", "0,nan,1,1", "0,0,1,nan", "0,0,inf,1"),
    ],
)
def test_a_part_that_is_none_is_refused(crop: str) -> None:
    with pytest.raises(MienError, match=r"camera crop is '.*'; give LEFT,TOP,WIDTH,HEIGHT"):
        CameraSettings(crop=crop)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"exposure": -1}, "exposure is -1; give up to 1000000 microseconds"),
        ({"gain": 0.5}, "gain is 0.5; give 1 to 64"),
        ({"metering": "all"}, "metering is 'all'; give centre, spot, matrix"),
        ({"flicker": 55}, "flicker is 55; give 50 or 60"),
        ({"recover_seconds": -1.0}, "recover_seconds is -1; give 0 to 86400"),
    ],
)
def test_a_wish_that_no_camera_grants_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(MienError, match=message):
        CameraSettings(**values)


def test_auto_without_any_camera_says_why_picamera2_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    clash = "numpy.dtype size changed, may indicate binary incompatibility"

    def clashing(name: str) -> Any:
        raise ValueError(clash)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(importlib, "import_module", clashing)
    monkeypatch.setattr(v4l2, "devices", lambda: ())
    with pytest.raises(MienError, match=f"no camera found.*{clash}.*-c bookworm.txt"):
        open_source("auto")


def test_the_pis_own_video_nodes_are_no_cameras(tmp_path: Path) -> None:
    for number, name in ((10, "bcm2835-codec-decode"), (2, "HD Webcam"), (0, "unicam-image")):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / f"dev/video{number}").touch()
        (tmp_path / f"sys/class/video4linux/video{number}").mkdir(parents=True)
        (tmp_path / f"sys/class/video4linux/video{number}/name").write_text(name + "\n")
    assert v4l2.devices(tmp_path) == (2,)


class FakeCapture:
    """cv2.VideoCapture of a camera that grants YUYV and loses its cable once."""

    opened = 0

    def __init__(self, *_: object) -> None:
        type(self).opened += 1
        self.left = 2

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, *_: object) -> bool:
        return True

    def get(self, what: int) -> float:
        yuyv = float(cv2.VideoWriter.fourcc(*"YUYV"))
        return {
            cv2.CAP_PROP_FOURCC: yuyv,
            cv2.CAP_PROP_FRAME_WIDTH: 100.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 60.0,
        }.get(what, 0.0)

    def read(self) -> tuple[bool, Any]:
        time.sleep(0.02)
        if self.left == 0:
            return False, None
        self.left -= 1
        return True, np.stack([limited(RAMP), np.full_like(RAMP, 128)], axis=2)

    def release(self) -> None:
        pass


WEBCAM, METADATA = Device("HD Webcam", True, ("YUYV",)), Device("HD Webcam", False, ())


@pytest.fixture
def two_webcams(monkeypatch: pytest.MonkeyPatch) -> dict[str, Device | OSError]:
    """What each device says of itself; there is no picamera2."""
    said: dict[str, Device | OSError] = {
        "/dev/video0": WEBCAM,
        "/dev/video1": METADATA,
        "/dev/video2": WEBCAM,
        "/dev/video3": METADATA,
    }

    def ask(path: Path) -> Device:
        answer = said[str(path)]
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(v4l2, "devices", lambda: (0, 1, 2, 3))
    monkeypatch.setattr(capabilities, "ask", ask)
    monkeypatch.setattr(v4l2, "_probe", lambda path: None)
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    return said


@pytest.mark.parametrize(("number", "path"), [(0, "/dev/video0"), (1, "/dev/video2")])
@pytest.mark.usefixtures("two_webcams")
def test_auto_counts_cameras_and_not_their_metadata(number: int, path: str) -> None:
    with open_source("auto", CameraSettings(number=number)) as camera:
        assert camera.description.startswith(f"v4l2 {path},")


@pytest.mark.usefixtures("two_webcams")
def test_auto_says_which_cameras_there_are_where_the_number_is_too_high() -> None:
    with pytest.raises(MienError, match="camera number is 2; give 0 to 1 for /dev/video0, /dev/video2"):
        open_source("auto", CameraSettings(number=2))


def test_auto_opens_a_camera_that_cannot_be_asked_so_that_the_error_says_why(
    two_webcams: dict[str, Device | OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise MienError(f"{path}: refused")

    two_webcams["/dev/video0"] = PermissionError(13, "Permission denied")
    monkeypatch.setattr(v4l2, "_probe", refuse)
    with pytest.raises(MienError, match="/dev/video0: refused"):
        open_source("auto")


def test_a_usb_camera_is_opened_again_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    monkeypatch.setattr(v4l2, "_probe", lambda path: None)
    FakeCapture.opened = 0
    with v4l2.V4L2Camera(0, pause=0.0) as camera:
        frames = camera.frames()
        got = [next(frames) for _ in range(4)]
    assert [f.sequence for f in got] == [0, 1, 2, 3]
    assert (camera.state, camera.restarts) == ("running", 1)
    assert FakeCapture.opened == 2
    assert np.abs(got[0].luma.astype(int) - RAMP).max() <= 1
    assert list(camera.frames()) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nonsense", "no source of that name"),
        ("v4l2:one", "takes the number"),
        ("v4l2:-1", "takes the number"),
        ("v4l2:63", "/dev/video63: no such camera"),
        ("/nonexistent/picture.png", "no such file"),
    ],
)
def test_a_source_that_is_not_there_is_one_clear_error(spec: str, message: str) -> None:
    with pytest.raises(MienError, match=message) as caught:
        open_source(spec)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_and_a_file_that_is_neither_picture_nor_video(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="holds no picture"):
        open_source(str(tmp_path))
    (tmp_path / "notes.txt").write_text("no video")
    with pytest.raises(MienError, match="neither a picture nor a video"):
        open_source(str(tmp_path / "notes.txt"))
    (tmp_path / "cut.mp4").write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    with (
        pytest.raises(MienError, match=r"neither a picture nor a video|holds no frame"),
        open_source(str(tmp_path / "cut.mp4")) as camera,
    ):
        list(camera.frames())


def test_a_folder_is_read_in_order_and_a_damaged_picture_is_named_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("d.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), RAMP)
    (tmp_path / "c.png").write_bytes(b"not a picture")
    (tmp_path / "readme.md").write_text("ignored")
    assert [p.name for p in pictures_in(tmp_path)] == ["a.jpg", "c.png", "d.png"]
    with open_source(str(tmp_path)) as camera:
        frames = list(camera.frames())
        assert camera.damaged == 1
    assert [(Path(frame.name).name, frame.sequence) for frame in frames] == [("a.jpg", 0), ("d.png", 2)]
    assert [record.getMessage() for record in caplog.records] == [
        f"mien: {tmp_path / 'c.png'}: not a picture that mien reads; give a JPEG, PNG, WebP, BMP, TIFF, PGM or PPM file"
    ]


def test_a_folder_of_damaged_pictures_and_a_single_damaged_picture_are_errors(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"not a picture")
    with open_source(tmp_path) as camera, pytest.raises(MienError, match=r"none of 2 can be read; .*b\.png: not a pic"):
        list(camera.frames())
    with open_source(tmp_path / "a.png") as camera, pytest.raises(MienError, match=r"a\.png: not a picture"):
        list(camera.frames())


def test_a_pool_hands_out_what_came_back_and_nothing_twice() -> None:
    pool = LumaPool(2, 3)
    first, second = pool.take(), pool.take()
    assert first is not second
    pool.give(first)
    pool.give(np.empty((5, 5), np.uint8))
    assert pool.take() is first
    assert pool.take() is not first


@pytest.mark.parametrize("width", [256, 255, 7])  # whole vectors and what is left over
def test_every_value_of_the_limited_range_is_expanded_as_bt601_says_new_or_in_place(width: int) -> None:
    ramp = np.arange(256, dtype=np.uint8)[np.arange(256 * width).reshape(256, width) % 256]
    anew = expand_limited(ramp)
    by_hand = ((ramp.astype(np.int64) - 16) * 510 + 219) // 438  # (y − 16) · 255 / 219, rounded
    assert np.array_equal(anew, by_hand.clip(0, 255))
    expand_limited(ramp, out=ramp)
    assert np.array_equal(ramp, anew)


def test_a_usb_camera_that_libcamera_lists_is_left_to_v4l2(picamera2: Any) -> None:
    usb = {"Model": "HD Webcam", "Id": "/base/axi/pcie@120000/rp1/usb@300000-1:1.0-046d:0825"}
    picamera2(cameras=(usb,))
    assert listed() == ()
    with pytest.raises(MienError, match=r"lists no camera.*v4l2:N"):
        PiCamera()
    picamera2(cameras=({"Model": "imx708", "Id": "/base/axi/i2c@88000/imx708@1a"}, usb))
    assert listed() == ("imx708",)


def test_a_v4l2_camera_that_is_slow_to_come_back_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    present = iter([True, False, False, True])  # opened, lost twice, back again

    class Flaky:
        def __init__(self, *arguments: object) -> None:
            self._present = next(present)
            self._reads = 0

        def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
            return self._present

        def set(self, *arguments: object) -> bool:
            return True

        def get(self, key: int) -> float:
            sizes = {cv2.CAP_PROP_FRAME_WIDTH: 100.0, cv2.CAP_PROP_FRAME_HEIGHT: 60.0}
            return sizes.get(key, 0.0)

        def read(self) -> tuple[bool, Any]:
            time.sleep(0.02)
            self._reads += 1
            good = self._present and self._reads < 2
            return good, np.zeros((60, 100, 3), np.uint8) if good else None

        def release(self) -> None:
            self._present = False

    monkeypatch.setattr(cv2, "VideoCapture", Flaky)
    monkeypatch.setattr(v4l2, "_probe", lambda path: None)
    with v4l2.V4L2Camera(0, pause=0.0) as camera:
        frames = camera.frames()
        assert [next(frames).sequence for _ in range(2)] == [0, 1]
