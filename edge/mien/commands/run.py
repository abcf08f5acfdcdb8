"""`mien run`: read a camera, a file or the demo until it ends or Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.options import TILES_HELP, Subparsers, add_models
from mien.errors import MienError, OutputError, RunError
from mien.preview.settings import ADDRESS
from mien.signals import Signals

if TYPE_CHECKING:
    from mien.cameras.base import Camera
    from mien.gpio.indicator import Indicator
    from mien.gpio.settings import GpioSettings
    from mien.gpio.switch import Switch
    from mien.outputs.queued import SinkState
    from mien.pipeline import Pipeline
    from mien.preview.server import Page
    from mien.reading import FrameResult

NAME = "run"
_BY_COMMAND = "`mien pause`"
_LOG = logging.getLogger("mien.run")
_TOLD_SECONDS = 10.0  # between two lines on how a run is doing, for who asks


def add(subparsers: Subparsers) -> None:
    """Describe the command line."""
    parser = subparsers.add_parser(NAME, help="read a camera, a file or the demo", description=__doc__)
    parser.add_argument("--source", metavar="SOURCE", help="auto (default), picamera2, v4l2:N, demo or a path")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML; the command line wins")
    parser.add_argument(
        "--sink",
        action="append",
        dest="sinks",
        metavar="SPEC",
        help="text (default), jsonl:PATH, jsonl:-, sqlite:PATH, mqtt://HOST/TOPIC, mqtts://HOST/TOPIC, socket:PATH, "
        "command or null; repeatable",
    )
    parser.add_argument("--max-frames", type=int, metavar="N", help="stop after N processed frames (0: never)")
    parser.add_argument("--annotate", metavar="DIR", help="write an annotated clip and a contact sheet there")
    parser.add_argument("--threads", type=int, metavar="N", help="of the engine (default 1)")
    parser.add_argument("--score", type=float, dest="score_threshold", metavar="S", help="lowest score of a face")
    parser.add_argument("--tiles", action="store_true", default=None, help=TILES_HELP)
    parser.add_argument(
        "--scan-every", type=int, metavar="K", help="whole frame every K frames, in between around known faces (1)"
    )
    parser.add_argument(
        "--smoothing",
        type=float,
        dest="seconds",
        metavar="SECONDS",
        help="after which an old reading of a face at rest weighs 1/e (0.4; 0: none)",
    )
    parser.add_argument(
        "--margin", type=float, metavar="P", help="by which another emotion must be ahead until it is shown (0.25)"
    )
    parser.add_argument(
        "--verbose",
        "-v",
        action="count",
        default=0,
        help="say on standard error what each part does; twice (-vv): of each frame",
    )
    parser.add_argument(
        "--explain-privacy",
        action="store_true",
        help="run nothing: say what these settings keep, where, how long, and what leaves the device",
    )
    preview = parser.add_argument_group("preview", "a page with the live view, metrics and health: docs/preview.md")
    preview.add_argument(
        "--preview",
        nargs="?",
        const=ADDRESS,
        dest="address",
        metavar="HOST:PORT",
        help=f"serve it there ({ADDRESS}); from other machines a token is needed",
    )
    preview.add_argument("--token-file", metavar="FILE", help="whose first line is the token (one is drawn)")
    camera = parser.add_argument_group(
        "camera", "of a camera; rotation and mirroring of every source, playing of a recording"
    )
    camera.add_argument("--camera", type=int, dest="number", metavar="N", help="which of several, from 0 (0)")
    camera.add_argument("--width", type=int, metavar="PIXELS", help="of a frame (640)")
    camera.add_argument("--height", type=int, metavar="PIXELS", help="of a frame (480)")
    camera.add_argument("--rate", type=float, metavar="HZ", help="frames a second (the camera's own)")
    camera.add_argument("--rotate", type=int, dest="rotation", metavar="DEGREES", help="clockwise: 0, 90, 180 or 270")
    camera.add_argument("--mirror", action="store_true", default=None, help="left to right")
    camera.add_argument("--loop", action="store_true", default=None, help="a video or the demo, again and again")
    camera.add_argument(
        "--realtime", action="store_true", default=None, help="a video or the demo at its own speed, as if a camera"
    )
    camera.add_argument(
        "--recover",
        type=float,
        dest="recover_seconds",
        metavar="SECONDS",
        help="for how long a camera that is lost is opened again (60; 0: not at all)",
    )
    camera.add_argument("--exposure", type=int, metavar="US", help="microseconds (the camera's own); ribbon cable only")
    camera.add_argument("--gain", type=float, metavar="X", help="of the sensor, likewise")
    camera.add_argument("--metering", metavar="PART", help="whose brightness counts: centre, spot or matrix; likewise")
    camera.add_argument("--flicker", type=int, metavar="HZ", help="of the mains, 50 or 60 (0: daylight); likewise")
    camera.add_argument(
        "--crop", metavar="X,Y,W,H", help="part of the sensor's picture, in fractions of it (all); likewise"
    )
    camera.add_argument(
        "--lores", action="store_true", default=None, help="the detector's frames from the camera's scaler; likewise"
    )
    add_models(parser, defaults=False)
    parser.set_defaults(main=main)


_KEYS = (
    "source", "sinks", "max_frames", "annotate", "engine", "threads", "detector", "classifier", "expression",
    "score_threshold", "tiles", "scan_every",
)  # fmt: skip
_SMOOTHING_KEYS = ("seconds", "margin")
_PREVIEW_KEYS = ("address", "token_file")
_CAMERA_KEYS = (
    "number", "width", "height", "rate", "rotation", "mirror", "loop", "realtime", "recover_seconds", "exposure",
    "gain", "metering", "flicker", "crop", "lores",
)  # fmt: skip


def main(args: argparse.Namespace) -> int:
    """Run to the end of the source; Ctrl-C and SIGTERM are ways to end well, from the first moment on."""
    with Signals(terminal=sys.stderr.isatty()) as signals:
        try:
            return _run(args, signals)
        except KeyboardInterrupt:  # before anything was read, or while it closed
            return 0


def _run(args: argparse.Namespace, signals: Signals) -> int:
    with signals.held():
        from mien import config, dumps, logs, privacy
        from mien.cameras.opening import open_source
        from mien.outputs.clip import Clip
        from mien.outputs.sinks import SinkSettings, open_sinks
        from mien.pace.pace import Pace
        from mien.pipeline import Pipeline
        from mien.preview.opening import announced, open_page
        from mien.reader import FaceReader
        from mien.service import installed
        from mien.service.notify import Watchdog
        from mien.tracking.smoother import Smoother

    file = config.read(args.config) if args.config is not None else {}
    given = {key: getattr(args, key) for key in _KEYS}
    tables = {
        "smoothing": {key: getattr(args, key) for key in _SMOOTHING_KEYS},
        "camera": {key: getattr(args, key) for key in _CAMERA_KEYS},
        "preview": {key: getattr(args, key) for key in _PREVIEW_KEYS},
    }
    settings = config.build(file, given, tables)
    if args.explain_privacy:
        if args.config is not None and installed.is_own(args.config):  # as the service would run with them
            sys.stdout.write(privacy.text(settings, installed.folder(args.config), installed.page()))
        else:
            sys.stdout.write(privacy.text(settings))
        return 0
    dumps.forbid()
    tally = _Tally()
    with contextlib.ExitStack() as stack:
        stack.enter_context(logs.verbose(args.verbose))
        with _awaited(settings.source):
            camera = stack.enter_context(open_source(settings.source, settings.camera))
        kinds = SinkSettings(settings.jsonl, settings.history, settings.mqtt, settings.command)
        with _awaited():
            sinks = stack.enter_context(open_sinks(settings.sinks, kinds, live=camera.live))
        signals.reopen = sinks.reopen
        clip = None
        if settings.annotate:
            rate = 1e9 / camera.period_ns if camera.period_ns else 15.0
            clip = stack.enter_context(Clip(Path(settings.annotate), rate))
        with signals.held():
            reader = stack.enter_context(
                FaceReader(
                    settings.detector,
                    settings.classifier,
                    expression=settings.expression or None,
                    engine=settings.engine,
                    threads=settings.threads,
                    score_threshold=settings.score_threshold or None,
                    tiles=settings.tiles,
                    scan_every=settings.scan_every,
                    look=settings.look,
                    smoother=Smoother(settings.smoothing),
                )
            )
        led = _led(settings.gpio, settings.camera.rate)
        if led is not None:
            stack.enter_context(led)
        pipeline = Pipeline(camera, reader, sinks=[sinks], preview=clip, pace=Pace(settings.pace), indicator=led)
        signals.told_to(lambda paused: (pipeline.pause if paused else pipeline.resume)(_BY_COMMAND))
        if settings.gpio.pause_line:
            stack.enter_context(_switch(settings.gpio, pipeline))
        page = open_page(pipeline, camera, settings.preview, lambda: sinks.states)
        if page is not None:
            stack.enter_context(page)
            sys.stderr.write(announced(page))
        button = bool(settings.gpio.pause_line) and settings.gpio.pause_when == "pressed"
        _paused_before(pipeline, by_hand=button or page is not None)
        stack.enter_context(Watchdog(pipeline.pulse))
        with _begun(camera, tally):
            try:
                if camera.live:  # a recording that cannot be read is one line of error, and no other
                    sys.stderr.write(f"mien: reading {camera.description}\n")
                _drain(pipeline, settings.max_frames or None, tally, page)
                sinks.finish()
            except KeyboardInterrupt:
                tally.interrupted = True
            finally:
                # Also after an error: what was read so far is written and summed up, and the clip is whole.
                failing = sys.exc_info()[1]
                sinks.close()
                if failing is None:  # `finish` has said it otherwise
                    sys.stderr.writelines(_unwritten(sinks.states))
                written: tuple[Path, ...] = ()
                try:
                    written = clip.finish() if clip is not None else ()
                except MienError:
                    if failing is None:  # else the error under way is the better story
                        raise
                finally:
                    if tally.frames:
                        sys.stderr.write(_summary(tally, pipeline, camera.description))
                        if camera.damaged:
                            sys.stderr.write(f"{camera.damaged} damaged frames were left out\n")
                for path in written:
                    sys.stderr.write(f"wrote {path}\n")
    if not tally.frames and not tally.interrupted:
        raise MienError(f"source {settings.source!r} ended without a frame; run `mien doctor`")
    return 0


def _unwritten(states: Sequence[SinkState]) -> Iterator[str]:
    """What a run that was ended from outside has to say of sinks that did not get all."""
    for state in states:
        if state.state == "failing":
            yield f"mien: {state.said}\n"


def _paused_before(pipeline: Pipeline, by_hand: bool) -> None:
    """A service that is started anew stays paused if it was, by whoever can still resume it.

    Args:
        pipeline: of the run.
        by_hand: whether there is a page or a button.
    """
    from mien.pausing import PauseMemory

    state = os.environ.get("STATE_DIRECTORY", "").split(":")[0]  # systemd's word
    if state and pipeline.remember_pause(PauseMemory(Path(state) / "paused", (_BY_COMMAND, *[""] * by_hand))):
        sys.stderr.write("mien: paused, as before this start; `mien resume` or the page reads again\n")


def _led(settings: GpioSettings, rate: float) -> Indicator | None:
    from mien.gpio.indicator import STALE_SECONDS, Indicator
    from mien.gpio.pins import LedPin

    if not settings.led_line:
        return None
    # As a camera's stall is: of a slow one, five frames' time.
    return Indicator(LedPin(settings.chip, settings.led_line), max(STALE_SECONDS, 5 / rate) if rate else STALE_SECONDS)


def _switch(settings: GpioSettings, pipeline: Pipeline) -> Switch:
    from mien.gpio.pins import SwitchPin
    from mien.gpio.switch import Switch

    pin = SwitchPin(settings.chip, settings.pause_line, inverted=settings.pause_when == "open")
    return Switch(pin, pipeline, settings.pause_line, pressed=settings.pause_when == "pressed")


@contextlib.contextmanager
def _awaited(source: str = "") -> Iterator[None]:
    """A service that starts before its camera or disk is there must be started again, which status 2 would forbid.

    Any other mistake in a sink stays status 2: starting again would not mend it.

    Args:
        source: that is opened; empty where it is not a source.
    """
    from mien.service import notify

    try:
        yield
    except MienError as error:
        camera = re.fullmatch(r"auto|picamera2|v4l2:[0-9]+", source)
        if notify.told(os.environ) and (camera or isinstance(error, OutputError)):
            raise RunError(str(error)) from None
        raise


@contextlib.contextmanager
def _begun(camera: Camera, tally: _Tally) -> Iterator[None]:
    """What goes wrong once a camera is open, or a recording has given a frame, is no mistake of the command line."""
    try:
        yield
    except MienError as error:
        if camera.live or tally.frames:
            raise RunError(str(error)) from None
        raise
    except OSError:
        raise
    except MemoryError as error:
        raise RunError(f"not enough memory ({error}); take smaller frames, or end other programs") from None
    except Exception as error:  # a driver's, or a mistake of ours: a line for a service's log, more for who asks
        _LOG.info("failed", exc_info=error)
        kind, said = type(error).__name__, f": {error}" if str(error) else ""
        raise RunError(f"unexpected {kind}{said}; run with --verbose to see where, and report it") from None


def _drain(pipeline: Pipeline, max_frames: int | None, tally: _Tally, page: Page | None) -> None:
    # A counter would run into readings that are printed on the same terminal.
    counting = sys.stderr.isatty() and not sys.stdout.isatty()
    told = time.monotonic()
    for result in pipeline.run(max_frames):
        tally.add(result)
        if page is not None:
            page.add(result)
        _LOG.debug("frame %d: %d faces, %d dropped so far", result.sequence, len(result.readings), result.dropped)
        if time.monotonic() - told >= _TOLD_SECONDS:
            told = time.monotonic()
            _LOG.info("so far %s", tally)
        if counting:
            sys.stderr.write(f"\r{tally.frames} frames")


class _Tally:
    """Counts of a run."""

    def __init__(self) -> None:
        self.frames = self.with_face = self.readings = self.dropped = 0
        self.interrupted = False

    def add(self, result: FrameResult) -> None:
        self.frames += 1
        self.with_face += bool(result.readings)
        self.readings += len(result.readings)
        self.dropped = result.dropped

    def __str__(self) -> str:
        return f"{self.frames} frames, {self.with_face} with a face, {self.readings} readings, {self.dropped} dropped"


def _summary(tally: _Tally, pipeline: Pipeline, source: str) -> str:
    from mien.laps import summary
    from mien.pipeline import STAGES

    share = tally.with_face / tally.frames if tally.frames else 0.0
    passed = 0 if pipeline.pace is None else pipeline.pace.passed
    lines = [
        f"\n{source}: {tally.frames} frames, {tally.with_face} with a face ({share:.1%}), {tally.readings} readings, "
        f"{tally.dropped} dropped" + (f", {passed} let go by unread" if passed else ""),
        f"{'stage':<10}{'p50 ms':>9}{'p95 ms':>9}",
    ]
    booked = pipeline.stages
    for stage in (*STAGES, "whole"):
        durations = booked.get(stage)
        if durations:
            spread = summary(durations)
            lines.append(f"{stage:<10}{spread['p50']:>9.3f}{spread['p95']:>9.3f}")
    return "\n".join(lines) + "\n"
