"""A source, a reader and sinks, joined: the way of a frame from a camera to whoever wants its readings."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from mien.cameras.base import Camera
from mien.cameras.latest import Latest
from mien.closing import Closing
from mien.errors import MienError
from mien.frame import Frame
from mien.health import Pulse
from mien.laps import Laps
from mien.pace.pace import Pace
from mien.pausing import PauseMemory, PauseSwitch
from mien.reader import STAGES as READER_STAGES
from mien.reader import FaceReader
from mien.reading import FrameResult
from mien.roles import Indicator, Preview, Sink
from mien.stillness import Stillness

STAGES = ("capture", *READER_STAGES, "sink")
"""What a pipeline books, in order. "capture" is the wait for a frame; "align" and "classify" only occur in frames
with a face; "whole" is booked besides: from the frame at hand to the end of the sinks."""

_JOIN_SECONDS = 10.0


class Pipeline(Closing):
    """Reads the faces of a camera's frames, once: a run ends with the camera closed.

    A live camera has a thread of its own, joined to the one that reads by a box for one frame: slow models drop frames
    and never queue them. From a recording nothing is dropped: it waits.

    Either step through `run`, or `start` it in a thread and take results by a callback or from `latest`. `stop`,
    `pause` and `resume` may be called from any thread, the others from one.

    Args:
        camera: the source; it is closed when the run ends.
        reader: what reads; it stays open.
        sinks: take each result, in this order.
        preview: the only door through which a frame's pixels leave; nothing leaves if None.
        pace: says which frames of a live camera are read; all of them if None.
        indicator: is on while frames of a live camera are taken; not while it is paused, has stalled or has ended.

    Attributes:
        preview: may be set and taken away during a run, when somebody looks or no longer does.
        pace: as given.
        pulse: tells whether new frames are processed, and if not, why.
    """

    def __init__(
        self,
        camera: Camera,
        reader: FaceReader,
        *,
        sinks: Sequence[Sink] = (),
        preview: Preview | None = None,
        pace: Pace | None = None,
        indicator: Indicator | None = None,
    ) -> None:
        self.preview, self.pace = preview, pace
        self._camera, self._reader, self._sinks = camera, reader, tuple(sinks)
        self._stillness = Stillness() if camera.live else None
        self.pulse = Pulse(
            recovering=lambda: camera.state == "recovering",
            idle=lambda: pace is not None and pace.idle,
            remarks=self._remarks,
        )
        self._switch = PauseSwitch()
        self._turning = threading.Lock()  # the switch and the pulse are turned together
        self._memory: PauseMemory | None = None
        self._indicator = indicator
        self._laps = Laps()
        self._box = Latest()
        self._stopped = threading.Event()
        self._used = False
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._latest: FrameResult | None = None
        self._error: BaseException | None = None

    @property
    def stages(self) -> Mapping[str, Sequence[int]]:
        """Durations in nanoseconds of each of `STAGES` and of "whole", one a frame, of the last 20,000 frames."""
        return {**self._laps.stages, **self._reader.laps.stages}

    def clear(self) -> None:
        """Forget the durations so far."""
        self._laps.clear()
        self._reader.laps.clear()

    def run(self, max_frames: int | None = None) -> Generator[FrameResult, None, None]:
        """Process frames until the source ends, `max_frames` of them were processed, or `stop` is called.

        However the run ends (an exception on either side, Ctrl-C, a caller who stops asking), the camera is closed and
        its thread has ended.

        Args:
            max_frames: processed, not captured; None for no limit.

        Raises:
            MienError: the source or a sink failed (what was yielded stays valid), or the pipeline has run before.
        """
        if self._used:
            raise MienError("this pipeline has run already, and its camera is closed; open the source again")
        self._used = True
        return self._run(max_frames)

    def _run(self, max_frames: int | None) -> Generator[FrameResult, None, None]:
        with contextlib.ExitStack() as stack:
            stack.callback(self.pulse.end)
            stack.callback(self._camera.close)
            if self._camera.live:
                source: Iterator[Frame] = stack.enter_context(contextlib.closing(self._live()))
            else:
                source = self._camera.frames()
            if max_frames == 0:
                return
            for count, result in enumerate(self._results(source), start=1):
                yield result
                if count == max_frames:
                    return

    def _results(self, source: Iterator[Frame]) -> Iterator[FrameResult]:
        while not self._stopped.is_set():
            if not self._camera.live:  # a recording waits; a live camera's frames go by unread
                self._switch.wait()
                if self._stopped.is_set():
                    return
            self._laps.start()
            frame = next(source, None)
            if frame is None:
                return
            # It was in the box already; a stop lifts a pause, and what came in between is no frame under way.
            if self._camera.live and (self.paused or self._stopped.is_set()):
                self._camera.recycle(frame)
                continue
            self._laps.lap("capture")
            result = self._process(frame)
            self._camera.recycle(frame)
            yield result

    def _process(self, frame: Frame) -> FrameResult:
        began = time.perf_counter_ns()
        if not self._camera.related:
            self._reader.reset()
        result = self._reader.read_frame(frame, self._dropped)
        self.pulse.beat(result)
        if self.pace is not None:
            self.pace.see(result)
        if self._stillness is not None and frame.media_time is None:  # a recording may show a still picture
            self._stillness.see(frame.luma)
        self._laps.skip()  # the reader has laps of its own
        for sink in self._sinks:
            sink.write(result)
        self._laps.lap("sink")
        self._laps.add("whole", time.perf_counter_ns() - began)
        self._laps.finish()
        self._latest = result
        preview = self.preview  # read once: another thread may take it away meanwhile
        if preview is not None:
            preview(frame, result)
        return result

    def _remarks(self) -> tuple[str, ...]:
        return tuple(remark for part in (self.pace, self._stillness) if part is not None for remark in part.remarks)

    def _live(self) -> Generator[Frame, None, None]:
        """Frames of the camera's own thread, the newest each time."""
        thread = threading.Thread(target=self._capture, name="mien-capture", daemon=True)
        thread.start()
        failed = True
        try:
            while (taken := self._box.take()) is not None:
                frame, self._dropped = taken
                yield frame
            failed = False
        except GeneratorExit:  # the caller has had enough: not a failure
            failed = False
            raise
        finally:
            self._stopped.set()
            self._camera.close()
            thread.join(_JOIN_SECONDS)
            if thread.is_alive() and not failed:  # an error under way is the better story
                raise MienError(
                    f"the camera did not end within {_JOIN_SECONDS:g} s of being closed; restart mien, and check the "
                    "camera's cable and driver"
                )

    def _capture(self) -> None:
        expected: int | None = None  # what went by before the run, while models were loaded, is not lost
        try:
            for frame in self._camera.frames():
                # Only of live cameras: a recording's gap is what could not be decoded, and the camera counts that.
                missed = 0 if expected is None else max(0, frame.sequence - expected)
                expected = frame.sequence + 1
                if self._gone_by():
                    self._camera.recycle(frame)  # unread, and none lost because the models were busy
                elif (unseen := self._box.put(frame, missed)) is not None:
                    self._camera.recycle(unseen)
                if self._stopped.is_set():
                    break
        except BaseException as error:  # handed over: it must surface in the thread that reads
            self._box.end(error)
        else:
            self._box.end()
        finally:
            if self._indicator is not None:
                self._indicator.off()

    def _gone_by(self) -> bool:
        """Whether the frame that came just now is to go by unread."""
        if self.paused:
            if self._indicator is not None:  # a pause that came while the frame before was taken
                self._indicator.off()
            return True
        if self._indicator is not None:
            self._indicator.on()
        return self.pace is not None and not self.pace.wants()

    def start(self, on_result: Callable[[FrameResult], None] | None = None) -> None:
        """Run in a thread of its own.

        Args:
            on_result: is called there with each result; what it raises ends the run, and `wait` raises it.

        Raises:
            MienError: the pipeline has run before.
        """
        results = self.run()

        def follow() -> None:
            try:
                # What the callback raises is kept, and with it this frame and the run, which nothing else would end.
                with contextlib.closing(results):
                    for result in results:
                        if on_result is not None:
                            on_result(result)
            except BaseException as error:  # raised where somebody waits
                self._error = error

        self._thread = threading.Thread(target=follow, name="mien-pipeline", daemon=True)
        self._thread.start()

    def latest(self) -> FrameResult | None:
        """The newest result; None before the first. From any thread."""
        return self._latest

    @property
    def paused(self) -> bool:
        """Whether frames go by unread."""
        return self._switch.paused

    def pause(self, by: str = "") -> None:
        """Read nothing more after the frame under way, until `resume`. From any thread.

        A live camera stays open, so that resuming can't fail and its faults are still seen and mended; its frames are
        thrown away unread, and none counts as dropped. A recording waits.

        Args:
            by: who wants it, for people, such as "the switch at GPIO17"; whoever it is must resume it.
        """
        with self._turning:
            self._switch.pause(by)
            self.pulse.pause(by)
        if self._indicator is not None:
            self._indicator.off()
        self._remember()  # last: a disk may take its time

    def resume(self, by: str = "") -> None:
        """Read again, from the next frame, unless somebody else has paused it too. From any thread.

        Args:
            by: as given to `pause`.
        """
        with self._turning:
            if by not in self._switch.holders:
                return
            self.pulse.resume(by)
            self._switch.resume(by)
        self._remember()

    def remember_pause(self, memory: PauseMemory) -> tuple[str, ...]:
        """Be paused by whom a memory names, and keep in it from now on who pauses.

        Returns:
            Who did.
        """
        held = memory.read()
        for by in held:
            self.pause(by)
        self._memory = memory
        self._remember()  # who paused before now, too
        return held

    def _remember(self) -> None:
        if self._memory is not None:
            self._memory.keep(self._switch)

    def stop(self) -> None:
        """End the run after the frame under way. From any thread; safe to call twice, and before a run."""
        self._stopped.set()
        self._switch.lift()  # who waits for it must see that the run ends
        self._box.end()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end of what `start` began.

        Args:
            seconds: at most; None for as long as it takes.

        Returns:
            Whether it has ended.

        Raises:
            BaseException: what ended the run, if it was an error.
        """
        if self._thread is None:
            return True
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return True

    def close(self) -> None:
        """Stop, wait for the end, and close the camera."""
        self.stop()
        self._camera.close()
        if self._thread is not threading.current_thread():
            self.wait(_JOIN_SECONDS)
