"""Raspberry Pi OS's two releases, as far as Python needs them, for Arm: run on this processor by QEMU, offline.

Run as a program it fetches what is missing; later runs find it under .cache/arm64. Nothing here may be timed: an
emulated processor says what is computed and in how many instructions, not how fast.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien_export.arm64.core import Core
from mien_export.arm64.targets import ROOT, TARGETS, Target

CACHE = ROOT / ".cache/arm64"

TOOLS = {"mmdebstrap": "mmdebstrap", "qemu-aarch64": "qemu-user", "bwrap": "bubblewrap"}
"""Program that emulation needs to Debian's package of it."""

_PACKAGES = ("libstdc++6", "libgomp1", "libatomic1")
_EMULATOR, _LIBRARIES = "/host/qemu-aarch64", "/host/lib"


@dataclass(frozen=True, slots=True)
class Root:
    """A target's file system and the packages that mien needs in it.

    Attributes:
        target: whose it is.
        system: folder of Debian's files.
        site: folder of the wheels' contents.
    """

    target: Target
    system: Path
    site: Path

    def python(
        self,
        core: Core,
        arguments: Sequence[str],
        binds: Mapping[str, Path],
        plugin: str = "",
        *,
        processor_shown: bool = True,
    ) -> str:
        """Run the target's Python on an emulated core.

        Args:
            core: to emulate.
            arguments: of Python.
            binds: place in the root to file or folder of this machine. Those under /out may be written; those under
                /path are importable.
            plugin: of QEMU, with its arguments, places in the root; none if empty.
            processor_shown: the program can read what processor it has, as on a real one. Without that LiteRT does
                not use XNNPACK.

        Returns:
            What it wrote to standard output.

        Raises:
            MienError: it failed; the end of what it wrote to standard error is kept in a file.
        """
        importable = [place for place in binds if place.startswith("/path")]
        libraries = _libraries()
        with tempfile.TemporaryDirectory() as folder:
            # This machine's own /sys and /proc/cpuinfo never show: they describe another processor.
            mounts = {
                "/usr": self.system / "usr",
                "/etc": self.system / "etc",
                "/site": self.site,
                _EMULATOR: Path(shutil.which("qemu-aarch64") or ""),
                **libraries,
                **(core.lay_out(Path(folder)) if processor_shown else {}),
                **binds,
            }
            command = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--symlink", "usr/lib", "/lib"]
            command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
            for place, path in mounts.items():
                command += ["--bind" if place.startswith("/out") else "--ro-bind", str(path), place]
            for name, value in {
                "QEMU_CPU": core.name,
                "PYTHONPATH": ":".join([*importable, "/site"]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "0",  # two runs are to execute the same
                "OPENBLAS_NUM_THREADS": "1",
                "LANG": "C.UTF-8",
            }.items():
                command += ["--setenv", name, value]
            # The emulator's libraries are this machine's: its own loader finds them beside Arm's.
            loader = [place for place in libraries if Path(place).name.startswith("ld-")]
            command += [*loader, "--library-path", _LIBRARIES, _EMULATOR] if loader else [_EMULATOR]
            command += ["-plugin", plugin] if plugin else []
            command += [f"/usr/bin/python{self.target.python}", *arguments]
            ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            raise MienError(_failure(f"{self.target.suite}, {core.name}", ran))
        return ran.stdout


def need(tools: Mapping[str, str]) -> None:
    """Make sure that programs are installed.

    Args:
        tools: program to Debian's package of it.

    Raises:
        MienError: some are not; with the command that installs them.
    """
    absent = " ".join(sorted({package for program, package in tools.items() if shutil.which(program) is None}))
    if absent:
        raise MienError(f"missing {absent}; install: apt-get install {absent}")


def prepare(target: Target) -> Root:
    """Find a target's root in the cache, or make it.

    Raises:
        MienError: a program is missing, or something cannot be fetched.
    """
    need(TOOLS)
    return Root(target, _system(target), _site(target))


def version() -> str:
    """Of QEMU."""
    ran = subprocess.run(["qemu-aarch64", "--version"], capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()[0]


def loads_plugins() -> bool:
    """QEMU is linked dynamically: as a static program it has no use for -plugin."""
    return bool(_libraries())


def _libraries() -> dict[str, Path]:
    """Place in the root to library of the emulator, its loader among them; none if it is linked statically."""
    listed = subprocess.run(["ldd", shutil.which("qemu-aarch64") or ""], capture_output=True, text=True)
    return {f"{_LIBRARIES}/{Path(path).name}": Path(path) for path in re.findall(r"(/\S+) \(0x", listed.stdout)}


def _failure(what: str, ran: subprocess.CompletedProcess[str]) -> str:
    kept = CACHE / "failure.txt"
    kept.write_text(ran.stderr, encoding="utf-8")
    last = (ran.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return f"{what}: Python ended with status {ran.returncode} ({last}); all that it said is in {kept}"


def _system(target: Target) -> Path:
    packages = ",".join((f"python{target.python}", *_PACKAGES))
    folder = CACHE / f"{target.suite}-system-{_digest(packages)}"
    # "extract" unpacks and runs nothing, so that no emulator has to be registered with the kernel.
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--architectures=arm64"]
    command += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", f"--include={packages}", target.suite]
    _make(folder, command, "mmdebstrap", "Debian's packages (about 30 MB)")
    return folder


def _site(target: Target) -> Path:
    # tflite-runtime as well, where it exists: its reference kernels are compared too.
    needed = [str(requirement) for requirement in target.requirements("tflite")]
    inputs = " ".join([*needed, *target.pip, target.constraints.read_text(encoding="utf-8")])
    folder = CACHE / f"{target.suite}-site-{_digest(inputs)}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--constraint"]
    command += [str(target.constraints), *target.pip, *needed, "--target"]
    _make(folder, command, "pip", "wheels (about 60 MB)")
    return folder


def _make(folder: Path, command: Sequence[str], program: str, what: str) -> None:
    """Let a command fill a folder; what a broken run leaves behind never counts as finished."""
    if folder.is_dir():
        return
    sys.stdout.write(f"fetching {folder.name}: {what}\n")
    sys.stdout.flush()
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run([*command, str(part)], capture_output=True, text=True)
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line.startswith(("E:", "ERROR"))]
        raise MienError(f"{program} failed, is there a network? {' '.join(lines[:2]) or ran.stderr[-300:]!r}")
    part.rename(folder)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def main() -> int:
    """Prepare every target; 2 and one line if that is impossible."""
    try:
        for target in TARGETS:
            prepare(target)
    except MienError as error:
        sys.stderr.write(f"arm64: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
