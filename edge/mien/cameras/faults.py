"""What is wrong with a camera, in words that say what to do, without guessing: the cause stays in the message."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path("usr/lib/python3/dist-packages")
"""Where apt puts what it installs for Python."""

_APT = "sudo apt install python3-libcamera python3-picamera2"
_GROUP = "add the user to the group video: sudo usermod -aG video $USER, then log in again"


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def not_importable(module: str, error: BaseException, prefix: str | None = None, system: Path = Path("/")) -> str:
    """Why a library of the camera cannot be imported.

    Args:
        module: that was wanted.
        error: what importing it raised.
        prefix: of the interpreter; this one's if None.
        system: the root of the file system.
    """
    root = Path(prefix or sys.prefix)
    said = next((str(e) for e in causes(error) if _is_numpy_clash(str(e))), "")
    if said:
        return (
            f"{module} was built for another numpy than the one installed ({said.splitlines()[0]}); install mien again "
            "with the constraint file of this system: pip install --force-reinstall -c bookworm.txt mien-*.whl"
        )
    absent = error.name if isinstance(error, ModuleNotFoundError) and error.name else module
    if _isolated(root) and not _there(system / PACKAGES, absent.partition(".")[0]):
        return (
            f"{absent} is not installed ({error}); install it, and make the virtual environment {root} again with "
            f"--system-site-packages, or it stays hidden from it: {_APT}"
        )
    if _isolated(root):
        return (
            f"{absent} is not visible here: the virtual environment {root} was made without --system-site-packages; "
            "make it again: python3 -m venv --system-site-packages"
        )
    if isinstance(error, ModuleNotFoundError) or getattr(error, "name", "") == module:
        return f"{absent} is not installed ({error}); install it: {_APT}"
    return f"{module} cannot be imported ({error}); install it anew: {_APT}"


def _there(folder: Path, module: str) -> bool:
    files = (folder.glob(f"{module}{end}") for end in (".py", ".so", ".*.so"))
    return (folder / module).is_dir() or any(any(found) for found in files)


def not_opened(error: BaseException, root: Path = Path("/")) -> str:
    """Why libcamera or picamera2 does not open or start a camera.

    Args:
        error: what they raised.
        root: of the file system.
    """
    said = [str(e) for e in causes(error) if str(e)] or [repr(error)]
    deepest = said[-1]
    if any("dmaHeap" in line for line in said):
        heaps = sorted((root / "dev/dma_heap").glob("*"))
        closed = [heap for heap in heaps if not os.access(heap, os.R_OK | os.W_OK)]
        if closed:
            return f"{closed[0]} cannot be opened ({os.strerror(errno.EACCES)}); {_GROUP}"
        if not heaps:
            return "there is no DMA heap in /dev/dma_heap, which picamera2 needs; run it on a Raspberry Pi OS kernel"
        return f"no DMA heap can be used ({deepest}); present are {', '.join(heap.name for heap in heaps)}"
    for number in (errno.EBUSY, errno.EACCES, errno.EPERM):
        if any(
            os.strerror(number) in line or getattr(e, "errno", None) == number
            for line, e in zip(said, causes(error), strict=False)
        ):
            return f"the camera cannot be opened ({deepest}); {_REMEDIES[number]}"
    return f"the camera cannot be opened ({deepest}); run `mien doctor`"


def none_listed(root: Path = Path("/")) -> str:
    """Why libcamera lists no camera.

    Args:
        root: of the file system.
    """
    nodes = sorted((root / "dev").glob("media*"))
    closed = [node for node in nodes if not os.access(node, os.R_OK | os.W_OK)]
    if closed:
        return f"picamera2 lists no camera, and {closed[0]} cannot be opened ({os.strerror(errno.EACCES)}); {_GROUP}"
    return (
        "picamera2 lists no camera; check the ribbon cable and `rpicam-hello --list-cameras`; "
        "for a USB camera give v4l2:N"
    )


def device_not_opened(path: str, error: OSError) -> str:
    """Why a /dev/video* cannot be used, from the kernel's own answer."""
    remedy = _REMEDIES.get(error.errno or 0, "is it a capture device? `v4l2-ctl --list-devices` lists them")
    return f"{path}: cannot be opened as a camera ({os.strerror(error.errno or 0)}); {remedy}"


_REMEDIES = {
    errno.EBUSY: "another program uses it: sudo fuser -v /dev/video* /dev/media*",
    errno.EACCES: _GROUP,
    errno.EPERM: _GROUP,
    errno.ENODEV: "it is not connected; plug it in again",
    errno.ENXIO: "it is not connected; plug it in again",
}


def _is_numpy_clash(text: str) -> bool:
    return "numpy" in text and any(sign in text for sign in ("dtype size changed", "ABI", "multiarray", "numpy._core"))


def _isolated(prefix: Path) -> bool:
    """Whether an interpreter's prefix is a virtual environment that does not see the system's packages."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8").lower().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return any(line.replace(" ", "") == "include-system-site-packages=false" for line in lines)
