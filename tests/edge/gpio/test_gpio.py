"""A switch that pauses and an LED that shows when frames are taken, on a double of libgpiod's binding."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gpiod_double
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face
from gpiod_double import Line

from mien.cameras import opening
from mien.cli import main
from mien.errors import MienError
from mien.frame import Frame
from mien.gpio.indicator import Indicator
from mien.gpio.pins import LedPin, SwitchPin
from mien.gpio.settings import GpioSettings
from mien.gpio.switch import Switch
from mien.health import State
from mien.pipeline import Pipeline
from mien.reader import FaceReader

CHIP = "/dev/gpiochip0"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Line]:
    """GPIO17 has a switch that is open, GPIO27 an LED."""
    made = {"GPIO17": Line(), "GPIO27": Line(high=False)}
    monkeypatch.setitem(sys.modules, "gpiod", gpiod_double.module(made))
    return made


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def pipeline(camera: FakeCamera, detector: FakeDetector | None = None, **options: Any) -> Pipeline:
    return Pipeline(camera, FaceReader(detector or FakeDetector([face()]), FakeClassifier()), **options)


# The lines themselves.


def test_a_switch_to_ground_is_active_while_it_is_closed_and_inverted_while_it_is_open(lines: dict[str, Line]) -> None:
    with SwitchPin(CHIP, "GPIO17") as pin:
        settings = lines["GPIO17"].settings
        assert (settings.direction, settings.bias) == (gpiod_double.Direction.INPUT, gpiod_double.Bias.PULL_UP)
        assert settings.debounce_period.total_seconds() == 0.02
        assert not pin.active
        lines["GPIO17"].drive(high=False)
        assert pin.active
        assert pin.wait(5) == 1
        lines["GPIO17"].drive(high=True)
        assert pin.wait(5) == 0  # a release is no press
        assert pin.wait(0) == 0
    assert lines["GPIO17"].holder == ""
    with SwitchPin(CHIP, "GPIO17", inverted=True) as pin:
        assert pin.active
        lines["GPIO17"].drive(high=False)
        assert not pin.active


@pytest.mark.parametrize(
    ("chip", "line", "message"),
    [
        (
            "/dev/gpiochip9",
            "GPIO17",
            r"/dev/gpiochip9: cannot be used \(No such file or directory\); is there such a chip",
        ),
        (
            CHIP,
            "GPIO99",
            r"/dev/gpiochip0: line 'GPIO99': cannot be used \(No such file or directory\); is there such a",
        ),
        (CHIP, "99", r"line '99': cannot be used \(line offset of out range\)"),
        (CHIP, "GPIO4", r"line 'GPIO4': cannot be used \(Device or resource busy\); .*no other program's \(gpioinfo\)"),
    ],
)
def test_a_line_that_cannot_be_had_is_one_line(chip: str, line: str, message: str, lines: dict[str, Line]) -> None:
    lines["GPIO4"] = Line(holder="1-wire")
    for kind in (SwitchPin, LedPin):
        with pytest.raises(MienError, match=message):
            kind(chip, line)


def test_without_libgpiod_or_with_its_first_version_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(MienError, match="needs gpiod, which is not installed"):
        LedPin(CHIP, "GPIO27")
    monkeypatch.setitem(sys.modules, "gpiod", type("Old", (), {"Chip": object}))
    with pytest.raises(MienError, match=r"needs gpiod 2\.2 or newer, and an older one is installed"):
        LedPin(CHIP, "GPIO27")


def test_libgpiod_itself_has_what_the_double_has_and_refuses_what_is_no_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    real = pytest.importorskip("gpiod")
    double = gpiod_double.module({})
    for kind in ("Value", "Direction", "Bias", "Edge"):
        assert {each.name for each in getattr(double.line, kind)} <= {each.name for each in getattr(real.line, kind)}
    assert {each.name for each in double.EdgeEvent.Type} == {each.name for each in real.EdgeEvent.Type}
    for settings in (vars(double.LineSettings())).items():
        assert hasattr(real.LineSettings(), settings[0])
    for name in ("get_value", "set_value", "wait_edge_events", "read_edge_events", "release"):
        assert callable(getattr(real.LineRequest, name))
    for kind in (SwitchPin, LedPin):
        with pytest.raises(MienError, match=r"/dev/null: cannot be used \(No such device\)"):
            kind("/dev/null", "GPIO17")


# The switch.


def test_a_closed_switch_pauses_before_the_first_frame_and_an_open_one_resumes(lines: dict[str, Line]) -> None:
    lines["GPIO17"].drive(high=False)
    camera = FakeCamera(interval=0.002)
    line = pipeline(camera)
    with Switch(SwitchPin(CHIP, "GPIO17"), line, "GPIO17", look=0.02), line:
        assert line.paused
        health = line.pulse.now()
        assert (health.state, health.alive) == (State.PAUSED, True)
        assert health.reasons == ("paused by the switch at GPIO17: nothing is read until it is released",)
        line.start()
        until(lambda: camera.delivered > 5)
        assert line.latest() is None
        line.resume()  # the page's button: the switch holds it all the same
        assert line.paused
        lines["GPIO17"].drive(high=True)
        until(lambda: line.latest() is not None)
        lines["GPIO17"].drive(high=False)
        until(lambda: line.paused)
    assert lines["GPIO17"].holder == ""


def test_what_somebody_else_paused_stays_so_when_the_switch_opens(lines: dict[str, Line]) -> None:
    lines["GPIO17"].drive(high=False)
    line = pipeline(FakeCamera(0))
    with Switch(SwitchPin(CHIP, "GPIO17"), line, "GPIO17", look=0.02) as switch:
        line.pause()
        lines["GPIO17"].drive(high=True)
        until(lambda: not switch._held)
        assert line.paused
        assert line.pulse.now().reasons == ("paused: nothing is read until somebody resumes",)
        line.resume()
        assert not line.paused


def test_a_change_that_was_not_told_is_found_at_the_next_look(lines: dict[str, Line]) -> None:
    line = pipeline(FakeCamera(0))
    with Switch(SwitchPin(CHIP, "GPIO17"), line, "GPIO17", look=0.02):
        lines["GPIO17"].high = False  # without an event
        until(lambda: line.paused)


def test_each_press_of_a_button_pauses_or_resumes(lines: dict[str, Line]) -> None:
    line = pipeline(FakeCamera(0))
    with Switch(SwitchPin(CHIP, "GPIO17"), line, "GPIO17", pressed=True, look=0.02):
        for paused in (True, False, True):
            lines["GPIO17"].drive(high=False)
            lines["GPIO17"].drive(high=True)
            until(lambda paused=paused: line.paused == paused)  # type: ignore[misc]
        line.resume()  # the page and the button are one switch
        lines["GPIO17"].drive(high=False)
        until(lambda: line.paused)


def test_a_switch_that_cannot_be_read_any_more_pauses_and_says_so(
    lines: dict[str, Line], caplog: pytest.LogCaptureFixture
) -> None:
    line = pipeline(FakeCamera(0))
    with Switch(SwitchPin(CHIP, "GPIO17"), line, "GPIO17", look=0.02):
        lines["GPIO17"].broken = True
        until(lambda: line.paused)
    assert [record.message for record in caplog.records] == [
        "mien: the switch at GPIO17 cannot be read any more (Input/output error); paused until mien is started anew"
    ]


# The LED.


class Watching(FakeDetector):
    """Notes whether the LED was on whenever a frame is looked at."""

    def __init__(self, led: Line) -> None:
        super().__init__([face()])
        self.led, self.seen = led, set[bool]()

    def detect(self, luma: Any, laps: Any = None) -> Any:
        self.seen.add(self.led.high)
        return super().detect(luma, laps)


def test_the_led_is_on_while_frames_are_taken_and_off_before_after_and_in_a_pause(lines: dict[str, Line]) -> None:
    led = lines["GPIO27"]
    detector = Watching(led)
    with Indicator(LedPin(CHIP, "GPIO27")) as indicator:
        assert not led.high
        camera = FakeCamera(interval=0.002)
        with pipeline(camera, detector, indicator=indicator) as line:
            line.start()
            until(lambda: led.high)
            until(lambda: len(detector.seen) > 0)
            line.pause()
            until(lambda: not led.high)
            delivered = camera.delivered
            until(lambda: camera.delivered > delivered + 5)
            assert not led.high
            line.resume()
            until(lambda: led.high)
        assert not led.high
    assert detector.seen == {True}
    assert led.holder == ""


def test_a_recording_does_not_light_it(lines: dict[str, Line]) -> None:
    with Indicator(LedPin(CHIP, "GPIO27")) as indicator:
        detector = Watching(lines["GPIO27"])
        list(pipeline(FakeCamera(5, live=False), detector, indicator=indicator).run())
        assert detector.seen == {False}


def test_a_camera_that_stalls_lets_it_go_out_and_the_next_frame_lights_it_again(lines: dict[str, Line]) -> None:
    led, go = lines["GPIO27"], threading.Event()

    class Stalling(FakeCamera):
        def frames(self) -> Iterator[Frame]:
            for frame in super().frames():
                yield frame
                if frame.sequence == 3:
                    go.wait(10)

    with Indicator(LedPin(CHIP, "GPIO27"), stale=0.05) as indicator, pipeline(Stalling(), indicator=indicator) as line:
        line.start()
        until(lambda: led.high)
        until(lambda: not led.high)
        go.set()
        until(lambda: led.high)


def test_it_goes_out_by_its_own_clock_and_not_a_moment_earlier(lines: dict[str, Line]) -> None:
    led, at = lines["GPIO27"], [100.0]
    with Indicator(LedPin(CHIP, "GPIO27"), stale=3600, clock=lambda: at[0]) as indicator:
        indicator.on()
        at[0] += 3599.9
        indicator.stalled()
        assert led.high
        at[0] += 0.1
        indicator.stalled()
        assert not led.high


def test_an_led_that_cannot_be_lit_ends_the_run_for_nothing_may_be_taken_unseen(lines: dict[str, Line]) -> None:
    detector = Watching(lines["GPIO27"])
    with Indicator(LedPin(CHIP, "GPIO27")) as indicator:
        lines["GPIO27"].broken = True
        with pytest.raises(MienError, match=r"LED cannot be turned on \(Input/output error\), and without it no frame"):
            list(pipeline(FakeCamera(), detector, indicator=indicator).run())
        lines["GPIO27"].broken = False
    assert detector.seen == set()


# From the settings.


def test_a_run_takes_both_from_its_settings(
    lines: dict[str, Line], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    detector = Watching(lines["GPIO27"])
    monkeypatch.setattr("mien.reader.FaceDetector", lambda *_, **__: detector)
    monkeypatch.setattr("mien.reader.EmotionClassifier", lambda *_, **__: FakeClassifier())
    monkeypatch.setattr(opening, "open_source", lambda *_: FakeCamera())
    config = tmp_path / "mien.toml"
    config.write_text('[gpio]\npause_line = "GPIO17"\npause_when = "open"\nled_line = "GPIO27"\n')
    threading.Timer(0.3, lines["GPIO17"].drive, (False,)).start()  # open, so paused, until then
    assert main(["run", "--config", str(config), "--sink", "null", "--max-frames", "3"]) == 0
    assert detector.seen == {True}
    assert (lines["GPIO17"].holder, lines["GPIO27"].holder, lines["GPIO27"].high) == ("", "", False)
    lines["GPIO27"].holder = "another"
    assert main(["run", "--config", str(config), "--sink", "null", "--max-frames", "3"]) == 2
    assert "Device or resource busy" in capsys.readouterr().err.splitlines()[-1]
    assert lines["GPIO17"].holder == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"chip": "gpiochip0"}, "gpio chip is 'gpiochip0'; give a device, such as /dev/gpiochip0"),
        ({"pause_when": "down"}, "gpio pause_when is 'down'; give closed, open, pressed"),
        ({"pause_line": "4", "led_line": "4"}, "gpio pause_line and led_line are both '4'; give each its own"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(MienError) as caught:
        GpioSettings(**values)
    assert str(caught.value) == message
