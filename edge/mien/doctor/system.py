"""The machine under mien: room, memory, heat, power and clock."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mien import machine
from mien.doctor.check import Check

STATE = Path("var/lib/mien")
"""Where the service keeps what it records."""

_LEAST_BYTES = 500 << 20
_HOT = 80.0
"""Degrees Celsius: the firmware lowers the clock from here on."""

_FIRMWARE = {
    0: "the supply's voltage is too low",
    1: "the clock is capped",
    2: "it is throttled",
    3: "the soft temperature limit acts",
}
_PAST = {
    0: "the supply's voltage was too low",
    1: "the clock was capped",
    2: "it was throttled",
    3: "the soft temperature limit acted",
}
_EARLIEST = 1735689600
"""2025-01-01: a clock that stands before it was never set."""


def examine(
    root: Path = Path("/"),
    *,
    free: Callable[[Path], int] = lambda path: os.statvfs(path).f_bavail * os.statvfs(path).f_frsize,
    now: Callable[[], float] = time.time,
) -> tuple[Check, ...]:
    """Look at each; what this machine does not tell is left out.

    Args:
        root: of the file system to read /proc, /sys, /run and /etc in.
        free: bytes that a user may still write where a path is.
        now: seconds since 1970.
    """
    return (
        _disk(root, free),
        _swap(root),
        *_memory(root),
        *_temperature(root),
        *_throttled(root),
        *_governor(root),
        _clock(root, now),
    )


def _disk(root: Path, free: Callable[[Path], int]) -> Check:
    # Once the service has run, it is a link into a folder that root alone may enter: Path.is_dir() would raise.
    place = root / STATE if os.path.isdir(root / STATE) else root
    megabytes = free(place) >> 20
    where = f"/{place.relative_to(root)}" if place != root else "/"
    enough = megabytes >= _LEAST_BYTES >> 20
    remedy = "" if enough else "sudo apt clean; sudo journalctl --vacuum-size=50M"
    return Check("disk", enough, False, f"{megabytes} MB free at {where}", remedy)


def _swap(root: Path) -> Check:
    """Memory that is written to a disk may hold frames, long after they were seen."""
    lines = _text(root / "proc/swaps").splitlines()[1:]
    areas = [line.split()[0] for line in lines if line.split()]
    on_disk = [area for area in areas if not area.startswith("/dev/zram")]
    if not on_disk:
        return Check("swap", True, False, "compressed, in memory" if areas else "none")
    if (root / "etc/dphys-swapfile").exists():
        remedy = "sudo dphys-swapfile swapoff; sudo systemctl disable dphys-swapfile"
    else:
        remedy = "sudo swapoff --all, and take it out of /etc/fstab or of the service that makes it"
    return Check("swap", False, False, f"{', '.join(on_disk)}: memory that held frames may be written there", remedy)


def _memory(root: Path) -> Iterator[Check]:
    controllers = _text(root / "sys/fs/cgroup/cgroup.controllers").split()
    if not controllers:
        return
    if "memory" in controllers:
        yield Check("memory cgroup", True, False, "on: the service's limits of memory and swap act")
    else:
        yield Check(
            "memory cgroup",
            False,
            False,
            "off: the service's limits of memory and swap do not act",
            "sudo sed -i '1 s/$/ cgroup_enable=memory/' /boot/firmware/cmdline.txt, then sudo reboot",
        )


def _temperature(root: Path) -> Iterator[Check]:
    degrees = machine.state(root)["temperature"]
    if degrees is not None:
        cool = degrees < _HOT
        remedy = "" if cool else "give it a heat sink or a fan, or less to do: mien run --rate 5"
        yield Check("temperature", cool, False, f"{degrees:.0f} °C", remedy)


def _throttled(root: Path) -> Iterator[Check]:
    text = machine.state(root)["throttled"]
    if text is None or not re.fullmatch(r"(0x)?[0-9a-fA-F]+", text):
        return
    bits = int(text, 16)
    told = [what for bit, what in _FIRMWARE.items() if bits >> bit & 1]
    told += [f"{what} since the start" for bit, what in _PAST.items() if bits >> (bit + 16) & 1]
    power = bits & 0x10001
    remedy = "use the supply made for this board, and a short cable" if power else "give it a heat sink or a fan"
    yield Check("firmware", not told, False, "; ".join(told) or "never throttled", remedy if told else "")


def _governor(root: Path) -> Iterator[Check]:
    governor = machine.state(root)["governor"]
    if governor is not None:
        slow = governor == "powersave"
        files = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        remedy = f"echo ondemand | sudo tee {files}" if slow else ""
        yield Check("governor", not slow, False, f"{governor}{': the lowest clock' if slow else ''}", remedy)


def _clock(root: Path, now: Callable[[], float]) -> Check:
    has_clock = any((root / "sys/class/rtc").glob("rtc*"))
    synchronised = (root / "run/systemd/timesync/synchronized").exists()
    told = f"{'an' if has_clock else 'no'} RTC, {'synchronised' if synchronised else 'not synchronised'}"
    if now() < _EARLIEST:
        return Check("clock", False, False, f"{told}: stands before 2025", "sudo date --set 'YYYY-MM-DD HH:MM'")
    if has_clock or synchronised:
        return Check("clock", True, False, told)
    return Check(
        "clock",
        False,
        False,
        f"{told}: it goes on where it stood when the power went",
        "sudo timedatectl set-ntp true, or fit an RTC",
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
