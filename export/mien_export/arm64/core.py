"""The processor cores of Raspberry Pis: what tells them apart, and what the boards make of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError

_BASE = "fp asimd evtstrm crc32 cpuid"
_CPU = "sys/devices/system/cpu"


@dataclass(frozen=True, slots=True)
class Board:
    """A Raspberry Pi.

    Attributes:
        name: as sold.
        gigahertz: clock of its cores under load.
    """

    name: str
    gigahertz: float


@dataclass(frozen=True, slots=True)
class Core:
    """A processor core.

    Attributes:
        name: as QEMU calls it.
        part: Arm's number of it.
        features: as /proc/cpuinfo lists them.
        width: instructions that it starts a cycle, at most (A53: dual issue; A72 and A76: decode of three and four).
        boards: that have it.
    """

    name: str
    part: str
    features: str
    width: int
    boards: tuple[Board, ...]

    @property
    def dot_product(self) -> bool:
        """It multiplies and adds four int8 pairs at once."""
        return "asimddp" in self.features.split()

    def lay_out(self, folder: Path) -> dict[str, Path]:
        """Write what a program reads to learn its processor: one core of this kind, and nothing of this machine.

        LiteRT's XNNPACK finds its kernels by it, and without it does nothing at all: LiteRT then falls back to its
        slow kernels, and says so nowhere but in the log.

        Returns:
            Place in the emulated system to what is to be mounted there.
        """
        files = {
            **dict.fromkeys((f"{_CPU}/{name}" for name in ("possible", "present", "online", "kernel_max")), "0"),
            f"{_CPU}/cpu0/cpufreq/cpuinfo_max_freq": "1500000",
            f"{_CPU}/cpu0/cpufreq/cpuinfo_min_freq": "600000",
            "cpuinfo": (
                f"processor\t: 0\nBogoMIPS\t: 38.40\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\n"
                f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {self.part}\nCPU revision\t: 4\n"
            ),
        }
        topology = {"core_id": "0", "physical_package_id": "0", "core_siblings": "1", "thread_siblings": "1"}
        topology |= {"core_siblings_list": "0", "thread_siblings_list": "0"}
        files |= {f"{_CPU}/cpu0/topology/{name}": value for name, value in topology.items()}
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n", encoding="utf-8")
        return {"/sys": folder / "sys", "/proc/cpuinfo": folder / "cpuinfo"}


CORES = (
    Core("cortex-a53", "0xd03", _BASE, 2, (Board("Raspberry Pi Zero 2 W", 1.0), Board("Raspberry Pi 3 B+", 1.4))),
    Core("cortex-a72", "0xd08", _BASE, 3, (Board("Raspberry Pi 4", 1.5),)),
    Core(
        "cortex-a76",
        "0xd0b",
        f"{_BASE} aes pmull sha1 sha2 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp",
        4,
        (Board("Raspberry Pi 5", 2.4),),
    ),
)
"""All that 64-bit Raspberry Pis have had."""


def named(name: str) -> Core:
    """One of `CORES`.

    Raises:
        MienError: no such core.
    """
    for core in CORES:
        if core.name == name:
            return core
    raise MienError(f"unknown core {name!r}; known are {', '.join(core.name for core in CORES)}")
