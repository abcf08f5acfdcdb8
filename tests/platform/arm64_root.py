"""Raspberry Pi OS's two releases, as far as Python needs them, for Arm: run on this processor by qemu, offline.

Run as a program it fetches what is missing; later runs find it under .cache/arm64. Nothing here may be timed: an
emulated processor says what is computed, not how fast.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from targets import ROOT, TARGETS, Target

CACHE = ROOT / ".cache/arm64"
CORES = ("cortex-a53", "cortex-a76")
"""Of the Zero 2 W (no int8 dot product), and of the Pi 5 (with it)."""

_TOOLS = {"mmdebstrap": "mmdebstrap", "qemu-aarch64-static": "qemu-user-static", "bwrap": "bubblewrap"}
_PACKAGES = ("libstdc++6", "libgomp1", "libatomic1")


class NotReadyError(Exception):
    """Why this machine cannot emulate the target, in one line."""


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

    def python(self, core: str, arguments: Sequence[str], binds: Mapping[str, Path]) -> str:
        """Run the target's Python on an emulated core.

        Args:
            core: a name in `CORES`.
            arguments: of Python.
            binds: place in the root to file or folder of this machine. Those under /out may be written; those under
                /path are importable.

        Returns:
            What it wrote to standard output.

        Raises:
            AssertionError: it failed; with the end of what it wrote to standard error.
        """
        importable = [place for place in binds if place.startswith("/path")]
        mounts = {"/usr": self.system / "usr", "/etc": self.system / "etc", "/site": self.site, **binds}
        command = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--symlink", "usr/lib", "/lib"]
        for place, path in mounts.items():
            command += ["--bind" if place.startswith("/out") else "--ro-bind", str(path), place]
        # /sys stays out: some processor probes fail on seeing this machine's processor there.
        command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        command += ["--ro-bind", shutil.which("qemu-aarch64-static") or "", "/qemu"]
        for name, value in {
            "QEMU_CPU": core,
            "PYTHONPATH": ":".join([*importable, "/site"]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
        }.items():
            command += ["--setenv", name, value]
        command += ["/qemu", f"/usr/bin/python{self.target.python}", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True)
        assert ran.returncode == 0, f"{' '.join(arguments)} on {core}: status {ran.returncode}\n{ran.stderr[-2000:]}"
        return ran.stdout


def prepare(target: Target) -> Root:
    """Find a target's root in the cache, or make it.

    Raises:
        NotReadyError: a program is missing, or something cannot be fetched.
    """
    absent = {package for program, package in _TOOLS.items() if shutil.which(program) is None}
    if absent:
        raise NotReadyError(f"needs {', '.join(sorted(absent))}: apt-get install {' '.join(sorted(absent))}")
    return Root(target, _system(target), _site(target))


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
    sys.stdout.write(f"test-arm64: fetching {folder.name}: {what}\n")
    sys.stdout.flush()
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run([*command, str(part)], capture_output=True, text=True)
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line.startswith(("E:", "ERROR"))]
        raise NotReadyError(f"{program} failed, is there a network? {' '.join(lines[:2]) or ran.stderr[-300:]!r}")
    part.rename(folder)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def main() -> int:
    """Prepare every target; 2 and one line if that is impossible."""
    try:
        for target in TARGETS:
            prepare(target)
    except NotReadyError as error:
        sys.stderr.write(f"test-arm64: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
