"""Cameras: each way in which one can be absent, hidden, shut or busy is told apart."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from mien import machine
from mien.cameras import capabilities, faults
from mien.cameras.v4l2 import devices
from mien.doctor.check import Check
from mien.doctor.holders import holders
from mien.errors import one_line

_APT = "sudo apt install --no-install-recommends python3-libcamera python3-picamera2"
_GROUP = "sudo usermod -aG video $USER, then log in again"


def examine(
    root: Path = Path("/"),
    *,
    shut: Callable[[Path], bool] = lambda path: not os.access(path, os.R_OK | os.W_OK),
    ask: Callable[[Path], capabilities.Device] = capabilities.ask,
    listed: Callable[[], tuple[str, ...]] | None = None,
) -> tuple[Check, ...]:
    """Look for a ribbon-cable camera (picamera2) and for USB cameras (Video4Linux).

    Args:
        root: of the file system.
        shut: whether this user may not read and write a device.
        ask: what a device of Video4Linux says of itself.
        listed: models that picamera2 lists; raises what importing it raises.
    """
    checks = [*_numpy(root), *_ribbon(root, shut, listed or _listed), *_usb(root, shut, ask)]
    if not any(check.name.startswith("camera ") for check in checks):
        detail = "none connected: picamera2 lists none, and there is no /dev/video* that captures"
        checks.append(Check("camera", False, False, detail, "connect one, or use a file or `--source demo`"))
    return tuple(checks)


def _listed() -> tuple[str, ...]:
    for name in ("libcamera", "picamera2"):
        importlib.import_module(name)
    from mien.cameras.picamera2 import listed

    return listed()


def _numpy(root: Path) -> Iterator[Check]:
    """The system's picamera2 was built against the system's numpy: another major version breaks it."""
    built = _version(root / faults.PACKAGES, "numpy")
    ours = machine.versions()["numpy"]
    if built is None or ours is None or not (root / faults.PACKAGES / "picamera2").is_dir():
        return
    same = built.split(".")[0] == ours.split(".")[0]
    detail = f"{ours} here, {built} under the system's picamera2"
    if same:
        yield Check("numpy pairing", True, True, detail)
        return
    # OpenCV 4.11 is the last release that takes numpy 1.
    wanted = "'numpy<2' 'opencv-python-headless<4.12'" if built.startswith("1.") else "'numpy>=2'"
    yield Check(
        "numpy pairing",
        False,
        True,
        f"{detail}: picamera2 cannot be imported",
        f"{sys.prefix}/bin/python -m pip install {wanted}",
    )


def _ribbon(root: Path, shut: Callable[[Path], bool], listed: Callable[[], tuple[str, ...]]) -> Iterator[Check]:
    board = machine.board(root)
    name = "camera picamera2"
    try:
        models = listed()
    except ModuleNotFoundError as error:
        if error.name and (root / faults.PACKAGES / error.name).is_dir():
            detail = f"{error.name} is installed, but hidden from {sys.prefix} (made without --system-site-packages)"
            yield Check(name, False, True, detail, _unhide())
        elif (root / faults.PACKAGES / "picamera2").is_dir() or error.name not in ("libcamera", "picamera2"):
            yield Check(name, False, True, f"picamera2 needs {error.name}, which is not installed", _APT)
        elif board:  # whoever has a USB camera needs none of it
            yield Check("picamera2", False, False, f"{error.name} is not installed", _APT)
        return
    except Exception as error:  # numpy's ABI check raises ValueError, a broken library OSError
        said = next((str(cause) for cause in faults.causes(error) if str(cause)), type(error).__name__)
        clash = "see numpy pairing" if "numpy" in said else f"{_APT} --reinstall"
        yield Check(name, False, True, one_line(f"cannot be imported ({said.splitlines()[0]})"), clash)
        return
    nodes = [node for kind in ("media*", "dma_heap/*") for node in sorted((root / "dev").glob(kind))]
    closed = [node for node in nodes if shut(node)]
    if closed:
        yield Check(name, False, True, f"/{closed[0].relative_to(root)}: this user may not open it", _GROUP)
    elif not models:
        if board:
            detail = "libcamera lists no camera on the ribbon cable"
            yield Check("picamera2", False, False, detail, "check the cable; rpicam-hello --list-cameras")
    elif board and not (root / "dev/dma_heap").is_dir():
        detail = f"{', '.join(models)}, but there is no /dev/dma_heap for its frames"
        yield Check(name, False, True, detail, "sudo apt full-upgrade, then sudo reboot: the kernel lacks DMA heaps")
    else:
        yield from _held(name, ", ".join(models), [n for n in nodes if n.name.startswith("media")], root)


def _usb(root: Path, shut: Callable[[Path], bool], ask: Callable[[Path], capabilities.Device]) -> Iterator[Check]:
    for number in devices(root):
        path = root / f"dev/video{number}"
        name = f"camera v4l2:{number}"
        if shut(path):
            yield Check(name, False, True, f"/dev/video{number}: this user may not open it", _GROUP)
            continue
        try:
            device = ask(path)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            if error.errno == errno.ENOTTY:
                continue  # no device of Video4Linux
            remedy = "unplug it and plug it in again" if error.errno != errno.EBUSY else "end the program that uses it"
            yield Check(name, False, True, f"/dev/video{number}: does not answer ({why})", remedy)
            continue
        if device.captures:  # a camera has a second node, for its metadata
            formats = ", ".join(device.formats) or "no format"
            yield from _held(name, f"{device.card} ({formats})", [path], root)


def _held(name: str, what: str, nodes: list[Path], root: Path) -> Iterator[Check]:
    """A camera that answers: well, unless another program holds it."""
    seen = {holder for node in nodes for holder in holders(Path("/") / node.relative_to(root), root)}
    others = sorted((holder for holder in seen if holder.name not in _SHARING), key=lambda holder: holder.pid)
    if not others:
        yield Check(name, True, True, f"{what}; --frame tries it")
        return
    who = ", ".join(f"{holder.name} (process {holder.pid})" for holder in others)
    if all(holder.name == "mien" for holder in others):
        yield Check(name, True, True, f"{what}, in use by {who}")
    else:
        pids = " ".join(str(holder.pid) for holder in others)
        yield Check(name, False, True, f"{what}, held by {who}", f"end it: kill {pids}")


_SHARING = frozenset({"pipewire", "wireplumber"})
"""Programs of a desktop that keep every camera's node open, without streaming."""


def _unhide() -> str:
    path = Path(sys.prefix) / "pyvenv.cfg"
    return f"sed -i 's/^include-system-site-packages.*/include-system-site-packages = true/' {path}"


def _version(folder: Path, package: str) -> str | None:
    """Of a package as Debian installs it: its folder of metadata is named by it."""
    for path in sorted(folder.glob(f"{package}-*-info")):
        return path.name.removeprefix(f"{package}-").rsplit(".", 1)[0]
    return None
