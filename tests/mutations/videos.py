"""Videos damaged in the containers and codings that OpenCV can write."""

from __future__ import annotations

from pathlib import Path
from random import Random

import cv2
import numpy as np

from mien.cameras.demo import DemoCamera
from mien.cameras.opening import open_source
from mutations import damage
from mutations.kinds import ImplausibleError, Trial

FRAMES = 24
_KINDS = ("mp4v.mp4", "mp4v.mov", "MJPG.avi", "XVID.avi", "mp4v.mkv", "VP80.webm", "MJPG.mjpeg")


def prepare(folder: Path) -> Trial:
    """The demo's first frames as a video of each kind."""
    raws = {}
    for name in _KINDS:
        path = folder / name
        code = cv2.VideoWriter.fourcc(*name.split(".")[0])
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 25.0, (128, 96))
        for frame in DemoCamera(FRAMES).frames():
            small = cv2.resize(frame.luma, (128, 96), interpolation=cv2.INTER_AREA)
            writer.write(cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))
        writer.release()
        raws[name] = path.read_bytes()

    def trial(generator: Random) -> None:
        name = generator.choice(_KINDS)
        path = folder / f"damaged-{name}"
        path.write_bytes(damage.bytes_of(generator, raws[name], head=4096))
        before, count = (-1, -1), 0
        with open_source(path) as camera:
            for frame in camera.frames():
                count += 1
                if frame.luma.dtype != np.uint8 or frame.luma.ndim != 2 or not frame.luma.size:
                    raise ImplausibleError(f"a frame is {frame.luma.dtype} {frame.luma.shape}")
                now = (frame.sequence, -1 if frame.media_time is None else frame.media_time)
                if not (now[0] > before[0] and now[1] > before[1]):
                    raise ImplausibleError(f"frame and time {now} after {before}")
                before = now
            if not count:
                raise ImplausibleError("no frame, and no word")
            if not 0 <= camera.damaged < 1_000_000_000:
                raise ImplausibleError(f"{camera.damaged} frames are damaged")
            if not camera.period_ns or camera.period_ns < 0:
                raise ImplausibleError(f"a period of {camera.period_ns} ns")

    return trial
