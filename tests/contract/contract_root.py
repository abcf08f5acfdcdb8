"""Debian 13 with libcamera and picamera2, as a Raspberry Pi has them, for this processor.

Run as a program it fetches what is missing; later runs find it under .cache/picamera2. A command runs in it under
bubblewrap: no network, no device of this machine.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
HERE = Path(__file__).parent
CACHE = REPOSITORY / ".cache/picamera2"

TOOLS = {"mmdebstrap": "mmdebstrap", "bwrap": "bubblewrap"}
"""Program that is needed to Debian's package of it."""

# libcamera 0.4, of trixie itself, drops frames of the virtual pipeline at random; 0.7 does not.
_BACKPORTS = ("libcamera0.7", "libcamera-ipa", "python3-libcamera")
_PACKAGES = ("python3-prctl", "python3-numpy", "python3-av", "python3-pil", "python3-jsonschema", "python3-tqdm")
_SUITES = ("trixie", "trixie-backports")
_MIRROR = "http://deb.debian.org/debian"
# Without their dependencies: numpy and libcamera are Debian's, and nobody looks at a preview here.
_WHEELS = (
    "picamera2==0.3.38", "videodev2", "simplejpeg", "libarchive-c", "piexif", "OpenEXR",
    "opencv-python-headless==4.12.0.88", "pytest>=8.3", "pytest-timeout>=2.3",
    "iniconfig", "packaging", "pluggy", "pygments",
)  # fmt: skip


class RootError(Exception):
    """One line for the user."""


def prepare() -> tuple[Path, Path]:
    """Find system and wheels in the cache, or make them.

    Returns:
        Folder of Debian's files, and folder of the wheels' contents.

    Raises:
        RootError: a program is missing, or something cannot be fetched.
    """
    absent = " ".join(sorted(package for program, package in TOOLS.items() if shutil.which(program) is None))
    if absent:
        raise RootError(f"missing {absent}; install: apt-get install {absent}")
    return _system(), _site()


def _system() -> Path:
    # A package of backports is only taken where it is asked for by name.
    include = ",".join([*_PACKAGES, *(f"{name}/{_SUITES[1]}" for name in _BACKPORTS)])
    folder = CACHE / f"system-{_digest(include)}"
    sources = [f"deb {_MIRROR} {suite} main" for suite in _SUITES]
    command = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={include}"]
    command += ["--dpkgopt=path-exclude=/usr/share/doc/*"]
    _make(folder, [*command, _SUITES[0]], "mmdebstrap", "Debian's packages (about 250 MB, some minutes)", sources)
    return folder


def _site() -> Path:
    folder = CACHE / f"site-{_digest(' '.join(_WHEELS))}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
    command += ["--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64", "--python-version", "3.13"]
    _make(folder, [*command, *_WHEELS, "--target"], "pip", "wheels (about 90 MB)")
    return folder


def _make(folder: Path, command: Sequence[str], program: str, what: str, after: Sequence[str] = ()) -> None:
    """Let a command fill a folder; what a broken run leaves behind never counts as finished."""
    if folder.is_dir():
        return
    sys.stdout.write(f"fetching {folder.name}: {what}\n")
    sys.stdout.flush()
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run([*command, str(part), *after], capture_output=True, text=True)
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line.startswith(("E:", "ERROR"))]
        raise RootError(f"{program} failed, is there a network? {' '.join(lines[:2]) or ran.stderr[-300:]!r}")
    part.rename(folder)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def command_in(system: Path, site: Path, scratch: Path, arguments: Sequence[str]) -> list[str]:
    """The command line that runs Python in the root.

    Args:
        system, site: of `prepare`.
        scratch: the one folder that may be written, seen as /out.
        arguments: of Python.
    """
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--proc", "/proc", "--dev", "/dev"]
    command += ["--tmpfs", "/tmp", "--ro-bind", str(system / "usr"), "/usr", "--ro-bind", str(system / "etc"), "/etc"]
    for link in ("bin", "lib", "lib64", "sbin"):
        command += ["--symlink", f"usr/{link}", f"/{link}"]
    for place, path in {
        "/site": site,
        "/mien/edge": REPOSITORY / "edge",
        "/mien/tests/contract": HERE,
        "/mien/tests/edge": REPOSITORY / "tests/edge",
        "/usr/share/libcamera/pipeline/virtual": HERE / "virtual",
    }.items():
        command += ["--ro-bind", str(path), place]
    command += ["--bind", str(scratch), "/out", "--chdir", "/mien"]
    for name, value in {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONPATH": "/mien/edge:/mien/tests/contract/stubs:/mien/tests/contract:/site",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LIBCAMERA_PIPELINES_MATCH_LIST": "virtual",
        "MIEN_CONTRACT": "real",
        "LIBCAMERA_LOG_LEVELS": "*:FATAL",
    }.items():
        command += ["--setenv", name, value]
    return [*command, "/usr/bin/python3", *arguments]


def main() -> int:
    """Hold picamera2 to the contract; pytest's status, or 2 and one line if it cannot be prepared."""
    try:
        system, site = prepare()
    except RootError as error:
        sys.stderr.write(f"test-picamera2: {error}\n")
        return 2
    suite = "/mien/tests/contract/test_camera_contract.py"
    pytest = ["-m", "pytest", "-c", "/dev/null", "--rootdir=/mien/tests/contract", "--import-mode=importlib"]
    pytest += ["-p", "no:cacheprovider", "--timeout=120", *sys.argv[1:], suite]
    with tempfile.TemporaryDirectory() as scratch:
        return subprocess.run(command_in(system, site, Path(scratch), pytest)).returncode


if __name__ == "__main__":
    sys.exit(main())
