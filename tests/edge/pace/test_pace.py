"""Which frames are read: fewer while nobody is in view or while it is hot, and each change is told."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from edge_fakes import face

from mien.errors import MienError
from mien.machine import Warmth, warmth
from mien.pace.pace import Pace
from mien.pace.settings import PaceSettings
from mien.reading import FrameResult, Reading

SOMEBODY = (Reading(1, face(), "neutral", "neutral", None, {"neutral": 1.0}),)


class Stage:
    """A camera's frames on a clock of their own, before a processor of a given temperature."""

    def __init__(self, settings: PaceSettings, degrees: float | None = None, bits: int | None = None) -> None:
        self.at, self.degrees, self.bits = 1000.0, degrees, bits
        self.pace = Pace(settings, clock=lambda: self.at, feel=lambda: Warmth(self.degrees, self.bits))

    def pass_by(self, seconds: float, rate: float = 30.0, faces: bool = False) -> list[float]:
        """So many seconds of frames; the times of those that were read, from the first frame on."""
        began, read = self.at, []
        for number in range(round(seconds * rate)):
            self.at = began + number / rate
            if self.pace.wants():
                read.append(round(self.at - began, 3))
                result = FrameResult(number, "", 160, 120, number, number + 1, SOMEBODY if faces else ())
                self.pace.see(result)
        self.at = began + seconds
        return read


def test_without_settings_every_frame_is_read_at_whatever_rate() -> None:
    stage = Stage(PaceSettings())
    assert len(stage.pass_by(1000, rate=1)) == 1000
    assert (stage.pace.idle, stage.pace.limit, stage.pace.passed, stage.pace.remarks) == (False, None, 0, ())


def test_nobody_in_view_for_so_long_lowers_the_rate_and_the_first_face_ends_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage(PaceSettings(idle_after=10, idle_rate=2))
    with caplog.at_level(logging.INFO, "mien.pace"):
        assert len(stage.pass_by(10)) == 300
        assert not stage.pace.idle
        assert stage.pass_by(3) == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
        assert (stage.pace.idle, stage.pace.limit, stage.pace.passed) == (True, 2, 84)
        assert stage.pace.remarks == ("nobody in view: at most 2 frames a second are read",)
        # The first face comes with the next frame that is read; the one after it is read already.
        read = stage.pass_by(1, faces=True)
        assert read == [round(number / 30, 3) for number in range(30)]
    assert (stage.pace.idle, stage.pace.limit, stage.pace.remarks) == (False, None, ())
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "mien: nobody in view for 10 s: at most 2 frames a second are read"),
        ("INFO", "mien: somebody in view: every frame is read again"),
    ]


def test_somebody_in_view_now_and_then_keeps_it_awake() -> None:
    stage = Stage(PaceSettings(idle_after=10))
    for _ in range(5):
        stage.pass_by(9)
        stage.pass_by(0.1, faces=True)
    assert stage.pace.passed == 0


def test_before_the_first_frame_no_time_counts() -> None:
    stage = Stage(PaceSettings(idle_after=10))
    stage.at += 3600  # models load, a camera settles
    assert len(stage.pass_by(9)) == 270


def test_a_camera_that_is_slower_than_the_idle_rate_is_read_in_full() -> None:
    stage = Stage(PaceSettings(idle_after=10, idle_rate=5))
    stage.pass_by(20, rate=2)
    assert stage.pace.idle
    assert len(stage.pass_by(10, rate=2)) == 20


def test_a_gap_in_the_frames_is_followed_by_no_burst() -> None:
    stage = Stage(PaceSettings(idle_after=1, idle_rate=2))
    stage.pass_by(3)
    stage.at += 60  # a camera that stalled
    assert stage.pass_by(1.2) == [0.0, 0.5, 1.0]


def test_a_pause_is_no_time_without_anybody() -> None:
    stage = Stage(PaceSettings(idle_after=10))
    stage.pass_by(5)
    stage.at += 3600
    assert len(stage.pass_by(9)) == 270
    assert not stage.pace.idle
    stage.pass_by(2)
    assert stage.pace.idle


def test_a_pause_does_not_make_a_camera_slow() -> None:
    stage = Stage(PaceSettings(), degrees=80)
    while stage.pace.limit != 2:
        stage.pass_by(15)
    stage.degrees = 20
    stage.at += 3600
    limits = []
    for _ in range(7):
        stage.pass_by(15.1)
        limits.append(stage.pace.limit)
    assert limits == [3, 5, 7, 10, 15, None, None]


def test_above_the_limit_the_rate_falls_step_by_step_and_below_the_margin_it_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage(PaceSettings(temperature_limit=75, temperature_margin=5, lowest_rate=3), degrees=74.9)
    assert len(stage.pass_by(31)) == 930
    assert stage.pace.limit is None
    stage.degrees = 75.0
    limits = []
    for _ in range(7):
        stage.pass_by(15)
        limits.append(stage.pace.limit)
    assert limits == [15, 10, 7, 5, 3, 3, 3]
    assert len(stage.pass_by(10)) == 30
    assert stage.pace.remarks == ("75 °C: at most 3 frames a second are read",)
    stage.degrees = 70.1  # between the two nothing changes
    stage.pass_by(60)
    assert stage.pace.limit == 3
    stage.degrees = 70.0
    limits = []
    for _ in range(6):
        stage.pass_by(15)
        limits.append(stage.pace.limit)
    assert limits == [5, 7, 10, 15, None, None]
    said = [record.message for record in caplog.records]
    assert said[0] == "mien: 75 °C, the limit is 75: at most 15 frames a second are read"
    assert said[-1] == "mien: 70 °C: every frame is read again"
    assert len(said) == 10
    assert all(record.levelname == "WARNING" for record in caplog.records)


def test_the_first_step_is_below_what_was_read_and_the_last_above_what_comes() -> None:
    stage = Stage(PaceSettings(), degrees=80)
    stage.pass_by(16, rate=8)
    assert stage.pace.limit == 7  # 15 and 10 would change nothing
    stage.degrees = 20
    stage.pass_by(16, rate=8)
    assert stage.pace.limit is None  # 10 likewise


@pytest.mark.parametrize("bit", [1, 2, 3])
def test_what_the_firmware_does_already_counts_as_too_hot(bit: int) -> None:
    stage = Stage(PaceSettings(), degrees=50, bits=1 << bit)
    stage.pass_by(16)
    assert stage.pace.limit == 15
    assert stage.pace.remarks == ("50 °C, the firmware slows it down: at most 15 frames a second are read",)


def test_what_the_firmware_did_once_or_a_low_voltage_does_not() -> None:
    stage = Stage(PaceSettings(), degrees=50, bits=0xF0001)
    stage.pass_by(60)
    assert stage.pace.limit is None


def test_a_limit_of_nought_asks_for_no_temperature() -> None:
    stage = Stage(PaceSettings(temperature_limit=0), degrees=99, bits=0xF)
    stage.pass_by(60)
    assert stage.pace.limit is None


def test_a_thermometer_that_falls_silent_frees_it_step_by_step() -> None:
    stage = Stage(PaceSettings(), degrees=90)
    stage.pass_by(31)
    assert stage.pace.limit == 10
    stage.degrees = None
    stage.pass_by(31)
    assert stage.pace.limit is None


def test_idle_and_hot_together_the_lower_rate_counts() -> None:
    stage = Stage(PaceSettings(idle_after=40, idle_rate=2), degrees=90)
    stage.pass_by(31)
    assert stage.pace.limit == 10
    stage.pass_by(10)
    assert (stage.pace.idle, stage.pace.limit) == (True, 2)
    assert len(stage.pace.remarks) == 2


def zone(root: Path, number: int, kind: str, millidegrees: str) -> None:
    folder = root / f"sys/class/thermal/thermal_zone{number}"
    folder.mkdir(parents=True)
    (folder / "type").write_text(f"{kind}\n")
    (folder / "temp").write_text(f"{millidegrees}\n")


def test_the_hottest_zone_of_a_boards_processor_is_felt_and_the_firmware_asked(tmp_path: Path) -> None:
    assert warmth(tmp_path) == Warmth(None, None)
    zone(tmp_path, 0, "cpu-thermal", "61250")
    assert warmth(tmp_path) == Warmth(61.25, None)
    zone(tmp_path, 1, "bigcore0_thermal", "70100")
    zone(tmp_path, 2, "gpu-thermal", "99000")
    zone(tmp_path, 3, "soc-thermal", "nonsense")
    firmware = tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled"
    firmware.parent.mkdir(parents=True)
    firmware.write_text("50005\n")
    assert warmth(tmp_path) == Warmth(70.1, 0x50005)


def test_a_pcs_zones_do_not_count(tmp_path: Path) -> None:
    for number, kind in enumerate(("acpitz", "x86_pkg_temp", "iwlwifi_1", "INT3400 Thermal", "TCPU")):
        zone(tmp_path, number, kind, "95000")
    assert warmth(tmp_path) == Warmth(None, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"idle_after": -1.0}, "pace idle_after is -1; give 1 to 86400 seconds, or 0 for never"),
        ({"idle_after": 0.5}, "pace idle_after is 0.5; give 1"),
        ({"idle_rate": 0.2}, "pace idle_rate is 0.2; give 0.5 to 240 frames a second"),
        ({"temperature_limit": 20.0}, "pace temperature_limit is 20; give 40 to 110 °C, or 0 for none"),
        ({"temperature_margin": 0.0}, "pace temperature_margin is 0; give 1 to 30 °C"),
        ({"lowest_rate": 0.5}, "pace lowest_rate is 0.5; give 1 to 15 frames a second"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(MienError) as caught:
        PaceSettings(**values)
    assert str(caught.value).startswith(message)
