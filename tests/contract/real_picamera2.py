"""picamera2 itself on libcamera's virtual pipeline, and what must be bent for that to work or to fail."""

from __future__ import annotations

import errno
import mmap
import os
import threading
import time
from typing import Any

import libcamera
import picamera2.picamera2
from picamera2.allocators.allocator import Allocator

PERIOD = 1 / 60
"""Seconds between two frames: the virtual pipeline itself goes as fast as it can."""


class MemoryAllocator(Allocator):
    """Buffers in plain memory, two planes each, for a kernel without a DMA heap."""

    def __init__(self) -> None:
        self._memory: list[tuple[int, mmap.mmap]] = []
        self._buffers: dict[Any, list[Any]] = {}
        self.mapped_buffers: dict[Any, mmap.mmap] = {}
        self.sync = MemorySync

    def allocate(self, libcamera_config: Any, _: Any) -> None:
        self.close()
        for config in libcamera_config:
            luma = config.stride * config.size.height
            buffers = []
            for _number in range(config.buffer_count):
                descriptor = os.memfd_create("frame")
                os.ftruncate(descriptor, config.frame_size)
                planes = [libcamera.FrameBuffer.Plane(), libcamera.FrameBuffer.Plane()]
                for plane, offset, length in zip(planes, (0, luma), (luma, config.frame_size - luma), strict=True):
                    plane.fd, plane.offset, plane.length = descriptor, offset, length
                buffers.append(libcamera.FrameBuffer(planes))
                memory = mmap.mmap(descriptor, config.frame_size)
                self.mapped_buffers[buffers[-1]] = memory
                self._memory.append((descriptor, memory))
            self._buffers[config.stream] = buffers

    def buffers(self, stream: Any) -> Any:
        return self._buffers[stream]

    def close(self) -> None:
        for descriptor, _memory in self._memory:
            os.close(descriptor)
        self._memory, self._buffers, self.mapped_buffers = [], {}, {}


class MemorySync:
    """Nothing has to be made visible: the processor itself wrote it."""

    def __init__(self, allocator: MemoryAllocator, buffer: Any, write: bool) -> None:
        self._memory = allocator.mapped_buffers[buffer]

    def __enter__(self) -> mmap.mmap:
        return self._memory

    def __exit__(self, *_: object) -> None:
        pass


class Bent:
    """libcamera's camera, except for the misbehaviour that a test asks for."""

    def __init__(self, camera: Any, faults: Any) -> None:
        self._camera, self._faults = camera, faults
        self._kept: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._camera, name)

    def start(self, *arguments: Any) -> Any:
        self._faults.started(control.name for control in arguments[0])
        return self._camera.start(*arguments)

    def queue_request(self, request: Any) -> Any:
        if self._faults.starved():  # a sensor that delivers nothing: the pipeline waits for it
            self._kept.append(request)  # as the pipeline would
            return None
        if self._faults.io_error():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        time.sleep(PERIOD)  # here rather than in the allocator: several at a time would be completed there
        return self._camera.queue_request(request)

    def stop(self) -> Any:
        if self._faults.hang == "stop":
            threading.Event().wait()
        return self._camera.stop()

    def release(self) -> Any:
        if self._faults.hang == "close":
            threading.Event().wait()
        return self._camera.release()


def install(faults: Any) -> None:
    """Make `picamera2.Picamera2` work here, with these faults."""
    picamera2.picamera2.DmaAllocator = MemoryAllocator

    class Picamera2(picamera2.picamera2.Picamera2):  # type: ignore[misc]
        def __init__(self, number: int = 0) -> None:
            super().__init__(number)
            self.camera = Bent(self.camera, faults)

        def _get_raw_modes(self) -> list[dict[str, Any]]:
            return [{"format": "SRGGB10", "size": (640, 480)}]

        def camera_configuration(self) -> dict[str, Any]:
            # The virtual pipeline says that it flips, and does not: here it is a sensor that cannot.
            return {**super().camera_configuration(), "transform": libcamera.Transform()}

        def cancel_all_and_flush(self) -> None:
            if faults.hang == "cancel_all_and_flush":
                threading.Event().wait()
            super().cancel_all_and_flush()

    picamera2.Picamera2 = Picamera2
