"""Putting the units in place, taking them away, and asking how the service is."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from mien import documented
from mien.config import RunConfig
from mien.errors import MienError
from mien.outputs import files
from mien.outputs.lines import JsonlSettings
from mien.service import asked, unit

UNITS = Path("etc/systemd/system")
_ROTATE_BYTES = 50_000_000
"""Of a new service's readings: with the five files that are kept, five to six days of one face in view (532 bytes a
line, one a second), and 300 MB for ever."""

_WANTED = Path("multi-user.target.wants") / unit.NAME
SOCKET_WANTED = Path("sockets.target.wants") / unit.SOCKET
"""Of an installation before the service itself started its socket: with it a visitor starts one that was stopped."""


def install(
    program: str,
    config: str = unit.CONFIG,
    *,
    hosts: Sequence[str] = (),
    page: str = "",
    reboot_after: int = 0,
    root: Path = Path("/"),
) -> tuple[Path, ...]:
    """Write the units and, if there is none, the settings; then start the service, or start it anew.

    Args:
        program: absolute path of `mien`, as the unit will start it.
        config: absolute path of the settings.
        hosts: IP addresses to which the service may connect, besides the brokers of the settings.
        page: IP:PORT of the page; none if empty.
        reboot_after: starts of a failing service within an hour, after which the machine is restarted; 0 for never.
        root: of the file system. Elsewhere than in / nothing is started: it will be at that system's next start.

    Returns:
        The files written.

    Raises:
        MienError: something cannot be written, or systemd refuses; where it cannot listen for the page, the service has
            been started without.
    """
    if root == Path("/"):
        _systemctl("show", "--property=Version")  # fails where systemd does not run, before anything is written
    folder = root / UNITS
    written = {folder / unit.NAME: unit.service(program, config)}
    settings = root / config.lstrip("/")
    own = asked.settings(settings)
    for secret in asked.secrets(own):
        if not (root / secret[1:]).is_file():  # systemd would try again and again
            raise MienError(f"{secret}: is not there; write it first, then install again")
    written |= {folder / name: text for name, text in asked.drop_ins(own, hosts).items()}
    if page:
        written[folder / unit.SOCKET] = unit.listener(page)
    if reboot_after:
        written[folder / unit.REBOOT] = unit.reboot(reboot_after)
    if not settings.exists():
        lines = JsonlSettings(rotate_bytes=_ROTATE_BYTES)
        sinks = (f"jsonl:{unit.STATE}/readings.jsonl", f"sqlite:{unit.STATE}/history.db")
        first = RunConfig(sinks=sinks, jsonl=lines)
        written[settings] = "# Settings of the service; see `mien config check`.\n\n" + documented.toml(
            first, quoted=True
        )
    # What an earlier installation had opened is shut again unless it is asked for anew.
    optional = (unit.DROP_IN, unit.GPIO, unit.REBOOT, unit.SECRETS, unit.SOCKET)
    stale = [folder / name for name in optional if folder / name not in written]
    with _writing():
        for path in [*stale, folder / SOCKET_WANTED]:
            path.unlink(missing_ok=True)
        for path, text in written.items():
            _folders(path.parent)
            files.write_whole(path, text.encode())
            path.chmod(0o644)
        link = folder / _WANTED
        _folders(link.parent)
        link.unlink(missing_ok=True)
        link.symlink_to(f"/{UNITS}/{unit.NAME}")
    if root == Path("/"):
        _systemctl("daemon-reload")
        # systemd opens no socket of a service that runs: this stops it, and then opens the socket before it is started.
        _systemctl("restart", "--no-block", unit.NAME)
        if page:
            _systemctl("start", unit.SOCKET)  # waits for that, and says whether it came to be
    return tuple(written)


def uninstall(root: Path = Path("/")) -> tuple[Path, ...]:
    """Stop the service and take its units away; settings and what was recorded stay.

    Returns:
        The files taken away.

    Raises:
        MienError: something cannot be taken away.
    """
    folder = root / UNITS
    if root == Path("/") and (folder / unit.NAME).exists():
        _systemctl("stop", *[name for name in (unit.SOCKET, unit.NAME) if (folder / name).exists()])
    gone = []
    with _writing():
        for name in (
            _WANTED,
            SOCKET_WANTED,
            unit.NAME,
            unit.DROP_IN,
            unit.GPIO,
            unit.REBOOT,
            unit.SECRETS,
            unit.SOCKET,
        ):
            path = folder / name
            if path.is_symlink() or path.exists():
                path.unlink()
                gone.append(path)
        with contextlib.suppress(OSError):  # somebody else's drop-in is in it
            (folder / unit.DROP_IN).parent.rmdir()
    if gone and root == Path("/"):
        _systemctl("daemon-reload")
    return tuple(gone)


def status() -> dict[str, str]:
    """What systemd knows of the service, by its own names; ActiveState is "active" while it runs.

    Raises:
        MienError: there is no systemd here.
    """
    wanted = "LoadState,ActiveState,SubState,StatusText,MainPID,NRestarts,Result,ExecMainStatus,ActiveEnterTimestamp"
    lines = _systemctl("show", unit.NAME, f"--property={wanted}").splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def _folders(folder: Path) -> None:
    """Make a folder, and those above it, so that the service may enter them whatever this process's umask is."""
    for missing in reversed([there for there in (folder, *folder.parents) if not there.exists()]):
        missing.mkdir()
        missing.chmod(0o755)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise MienError(f"{error.filename}: may not be written; use sudo") from None
    except OSError as error:
        raise MienError(f"{error.filename}: cannot be written ({error.strerror})") from None


def _systemctl(*arguments: str) -> str:
    try:
        ran = subprocess.run(["systemctl", *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        raise MienError("systemctl is not here: mien service needs systemd") from None
    if ran.returncode:
        said = (ran.stderr.strip().splitlines() or [f"status {ran.returncode}"])[0]
        if "not been booted with systemd" in said:
            raise MienError("systemd does not run here, so there is no service; mien run works without")
        raise MienError(f"systemctl {' '.join(arguments)}: {said}")
    return ran.stdout
