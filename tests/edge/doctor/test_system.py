"""Room, memory, heat, power and clock, as a fake machine tells them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from doctor_trees import lay

from mien import doctor
from mien.doctor import system
from mien.doctor.check import Check

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n"
NOW = 1798113600.0


def found(root: Path, free: int = 4 << 30, now: float = NOW) -> dict[str, Check]:
    checks = system.examine(root, free=lambda _: free, now=lambda: now)
    assert doctor.runnable(checks)  # none of this keeps mien from running
    return {check.name: check for check in checks}


def test_a_machine_that_tells_nothing_is_not_guessed_at(tmp_path: Path) -> None:
    assert found(tmp_path).keys() == {"disk", "swap", "clock"}


def test_a_machine_in_good_order_has_nothing_to_mend(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "var/lib/mien": None,
            "proc/swaps": SWAPS + "/dev/zram0 partition 2097148 0 100\n",
            "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
            "sys/class/thermal/thermal_zone0/temp": "51234\n",
            THROTTLED: "0x0\n",
            GOVERNOR: "ondemand\n",
            "sys/class/rtc/rtc0": None,
            "run/systemd/timesync/synchronized": "",
        },
    )
    checks = found(tmp_path)
    assert len(checks) == 7
    assert {name: (check.ok, check.remedy) for name, check in checks.items()} == dict.fromkeys(checks, (True, ""))
    assert checks["disk"].detail == "4096 MB free at /var/lib/mien"
    assert checks["temperature"].detail == "51 °C"
    assert checks["clock"].detail == "an RTC, synchronised"


@pytest.mark.parametrize(
    ("name", "files", "detail", "remedy"),
    [
        (
            "swap",
            {"proc/swaps": SWAPS + "/var/swap file 102396 0 -2\n"},
            "/var/swap: memory that held",
            "swapoff --all",
        ),
        (
            "swap",
            {"proc/swaps": SWAPS + "/var/swap file 1 0 -2\n/dev/zram0 partition 1 0 1\n", "etc/dphys-swapfile": ""},
            "/var/swap: ",
            "disable dphys-swapfile",
        ),
        ("memory cgroup", {"sys/fs/cgroup/cgroup.controllers": "cpu pids"}, "off", "cgroup_enable=memory"),
        ("temperature", {"sys/class/thermal/thermal_zone0/temp": "82100"}, "82 °C", "heat sink"),
        ("firmware", {THROTTLED: "0x50005"}, "voltage is too low; it is throttled; the supply's voltage was", "supply"),
        ("firmware", {THROTTLED: "80000"}, "the soft temperature limit acted since the start", "heat sink"),
        ("governor", {GOVERNOR: "powersave"}, "powersave: the lowest clock", "echo ondemand | sudo tee"),
        ("clock", {}, "no RTC, not synchronised", "timedatectl set-ntp true"),
    ],
)
def test_each_fault_is_told_with_what_mends_it(
    name: str, files: dict[str, str | None], detail: str, remedy: str, tmp_path: Path
) -> None:
    check = found(lay(tmp_path, files))[name]
    assert not check.ok
    assert detail in check.detail
    assert remedy in check.remedy


def test_a_full_disk_and_a_clock_that_was_never_set_are_told(tmp_path: Path) -> None:
    lay(tmp_path, {"sys/class/rtc/rtc0": None})
    check = found(tmp_path, free=(500 << 20) - 1)["disk"]
    assert (check.ok, check.detail) == (False, "499 MB free at /")
    assert "journalctl --vacuum-size" in check.remedy
    assert found(tmp_path, free=500 << 20)["disk"].ok
    check = found(tmp_path, now=0.0)["clock"]
    assert (check.ok, check.detail) == (False, "an RTC, not synchronised: stands before 2025")


def test_a_folder_that_root_alone_may_enter_leaves_the_disk_of_the_root_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"var/lib/private/mien": None})
    (tmp_path / system.STATE).symlink_to("private/mien")  # as systemd has it, once the service has run
    assert found(tmp_path)["disk"].detail == "4096 MB free at /var/lib/mien"
    look = os.stat

    def refused(path: str | Path, **options: bool) -> os.stat_result:
        if options.get("follow_symlinks", True) and Path(path) == tmp_path / system.STATE:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, **options)

    monkeypatch.setattr(os, "stat", refused)  # tests may run as root, whom no folder refuses
    assert found(tmp_path)["disk"].detail == "4096 MB free at /"


def test_the_real_machine_is_looked_at_without_an_error() -> None:
    assert {"disk", "swap", "clock"} <= {check.name for check in system.examine()}
