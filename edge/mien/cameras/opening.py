"""The source that a name stands for."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

from mien.cameras.base import Camera
from mien.cameras.settings import CameraSettings
from mien.errors import MienError

_log = logging.getLogger("mien.camera")

SOURCES = "auto, picamera2, v4l2:N, demo, or the path of a picture, a folder of pictures or a video"
"""What `open_source` understands, for help texts and errors."""


def open_source(spec: str | Path, settings: CameraSettings | None = None) -> Camera:
    """Open a source by name.

    Args:
        spec: one of `SOURCES`.
        settings: of a camera; of a file, how it is played, turned and mirrored counts. The defaults if None.

    Raises:
        MienError: unknown source, missing path, empty folder, absent camera or package.
    """
    settings = settings or CameraSettings()
    camera = _opened(str(spec), settings)
    _log.info("opened %s", camera.description)
    if settings.loop or settings.realtime:
        camera = _played(camera, str(spec), settings)
    if camera.turned or (not settings.rotation and not settings.mirror):
        return camera
    from mien.cameras.oriented import OrientedCamera

    return OrientedCamera(camera, settings.rotation, settings.mirror)


def _played(camera: Camera, spec: str, settings: CameraSettings) -> Camera:
    from mien.cameras.looped import LoopedCamera
    from mien.cameras.realtime import RealTimeCamera

    if camera.period_ns is None:
        camera.close()
        raise MienError(f"source {spec!r}: is a picture or a camera; loop and realtime are for a video or the demo")
    if settings.loop:
        camera = LoopedCamera(camera, lambda: _opened(spec, settings))
    return RealTimeCamera(camera) if settings.realtime else camera


def _opened(spec: str, settings: CameraSettings) -> Camera:
    # Each source's module is imported when it is chosen: a picture needs no camera library.
    if spec == "auto":
        return _first_camera(settings)
    if spec == "picamera2":
        from mien.cameras.picamera2 import PiCamera

        return PiCamera(settings)
    if spec == "demo":
        from mien.cameras.demo import DemoCamera

        return DemoCamera()
    if spec.startswith("v4l2:"):
        from mien.cameras.v4l2 import V4L2Camera

        number = spec.removeprefix("v4l2:")
        if not (number.isascii() and number.isdigit()):
            raise MienError(f"source {spec!r}: v4l2 takes the number of a device, as in v4l2:0 for /dev/video0")
        return V4L2Camera(int(number), settings)
    if spec.startswith("/dev/video"):
        raise MienError(f"source {spec!r}: is a device; give v4l2:N, as in v4l2:0 for /dev/video0")
    if _exists(spec):
        from mien.cameras.files import open_path

        return open_path(Path(spec))
    raise MienError(f"source {spec!r}: no such file or folder, and no source of that name; give {SOURCES}")


def _first_camera(settings: CameraSettings) -> Camera:
    from mien.cameras.v4l2 import V4L2Camera, cameras, names

    has_picamera2 = importlib.util.find_spec("picamera2") is not None
    if has_picamera2:
        from mien.cameras.picamera2 import PiCamera, listed

        if listed():
            return PiCamera(settings)
    found = cameras()
    if settings.number < len(found):
        return V4L2Camera(found[settings.number], settings)
    if found:
        raise MienError(f"camera number is {settings.number}; give 0 to {len(found) - 1} for {names(found)}")
    if has_picamera2:
        try:  # it says why it lists none: no camera, or it cannot be used at all
            return PiCamera(settings)
        except MienError as error:
            raise MienError(f"no camera found, and no capture device /dev/video*: {error}") from error
    raise MienError(
        "no camera found: picamera2 is not installed and there is no capture device /dev/video*; "
        "connect one and run `mien doctor`, or try `--source demo`"
    )


def _exists(path: str) -> bool:
    try:
        return bool(path) and Path(path).exists()
    except PermissionError:
        raise MienError(f"{path}: cannot be read (Permission denied); check its permissions") from None
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return False
