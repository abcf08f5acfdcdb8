"""What an installation of the service was asked for, and whether it is what this version would write."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import MienError
from mien.service import asked, unit
from mien.service.installation import SOCKET_WANTED, UNITS

_EXEC = re.compile(r"^ExecStart=(\S+) run --config (\S+)$", re.MULTILINE)
_ALLOWED = re.compile(r"^IPAddressAllow=(\S+)$", re.MULTILINE)
_LISTENS = re.compile(r"^ListenStream=(\S+)$", re.MULTILINE)
_STARTS = re.compile(r"^StartLimitBurst=(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installed:
    """The service as its units tell.

    Attributes:
        command: the command that installs it anew, as it was asked for.
        different: the units that are not what this version would write for these settings: of an earlier version,
            changed by hand, or of settings that asked for less or more than today's.
    """

    command: str
    different: tuple[str, ...]


def installed(root: Path = Path("/")) -> Installed | None:
    """The service that is installed in a file system; None where none is, or its unit cannot be read.

    Args:
        root: of the file system.
    """
    folder = root / UNITS
    asked = _EXEC.search(_text(folder / unit.NAME))
    if not asked:
        return None
    program, config = asked.groups()
    hosts = _ALLOWED.findall(_text(folder / unit.DROP_IN).partition(unit.OF_SETTINGS)[0])
    page = _LISTENS.search(_text(folder / unit.SOCKET))
    starts = _STARTS.search(_text(folder / unit.REBOOT))
    parts = [f"sudo {program} service install"]
    parts += [f"--config {config}"] if config != unit.CONFIG else []
    parts += [f"--allow {host}" for host in hosts]
    parts += [f"--page {page[1]}"] if page else []
    parts += [f"--reboot-after {starts[1]}"] if starts else []
    different = []
    try:
        written = {unit.NAME: unit.service(program, config)}
        written |= {unit.SOCKET: unit.listener(page[1])} if page else {}
        written |= {unit.REBOOT: unit.reboot(int(starts[1]))} if starts else {}
        different = [name for name, text in written.items() if _text(folder / name) != text]
    except MienError:  # what is there could not be asked for
        different = [unit.NAME]
    different += _not_asked_for(root, config, hosts)
    if os.path.lexists(folder / SOCKET_WANTED):
        different.append(unit.SOCKET)
    return Installed(" ".join(parts), tuple(dict.fromkeys(different)))


def folder(config: Path) -> Path:
    """Where relative paths of settings lead from: of the service's own its folder, of others the present one."""
    return Path(unit.STATE) if is_own(config) else Path()


def is_own(config: Path) -> bool:
    """Whether settings are those of the service: at their usual place, or where an installed one names them."""
    named = _EXEC.search(_text(Path("/") / UNITS / unit.NAME))
    places = (unit.CONFIG, named[2] if named else unit.CONFIG)
    return os.path.realpath(config) in {os.path.realpath(place) for place in places}


def page() -> str:
    """The address at which systemd listens for the page of the installed service; empty if it does not."""
    listens = _LISTENS.search(_text(Path("/") / UNITS / unit.SOCKET))
    return listens[1] if listens else ""


def _not_asked_for(root: Path, config: str, hosts: Sequence[str]) -> list[str]:
    """The drop-ins that are not what the settings, and the hosts that are allowed already, ask for."""
    try:
        own = asked.settings(root / config.lstrip("/"))
    except (MienError, OSError):  # `mien config check` tells
        return []
    try:
        wanted = asked.drop_ins(own, hosts)
    except MienError:  # such as a broker by name, of which `mien service install` tells
        return [unit.DROP_IN]
    folder = root / UNITS
    return [name for name in asked.DROP_INS if _text(folder / name) != wanted.get(name, "")]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
