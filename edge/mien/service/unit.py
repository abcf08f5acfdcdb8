"""The units that systemd gets: the service itself, what opens a way to a host for it, and the page's socket."""

from __future__ import annotations

import ipaddress
import os.path
from collections.abc import Sequence

from mien import credentials
from mien.errors import MienError

NAME = "mien.service"
SOCKET = "mien.socket"
DROP_IN = "mien.service.d/network.conf"
GPIO = "mien.service.d/gpio.conf"
REBOOT = "mien.service.d/reboot.conf"
SECRETS = "mien.service.d/credentials.conf"
CONFIG = "/etc/mien/mien.toml"
STATE = "/var/lib/mien"
_LONGEST_PATH = 255
"""Characters, as systemd takes them in the name of a secret's copy."""

_SERVICE = """\
[Unit]
Description=mien: faces and their expressions, read on the device
# A camera that is away comes back some time: never give up.
StartLimitIntervalSec=0
# The page's, where one is installed.
Wants=mien.socket

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} run --config {config}
WorkingDirectory={state}
Environment=PYTHONDONTWRITEBYTECODE=1

# Status 2 is a mistake in the settings, which starting again does not mend; 3 is a run that failed.
Restart=always
RestartSec=2
RestartPreventExitStatus=2
# It is fed while new frames are processed; see mien/service/notify.py.
WatchdogSec={watchdog}
TimeoutStartSec=90
TimeoutStopSec=20

# Memory may hold frames: none of it reaches a disk.
LimitCORE=0
MemorySwapMax=0
MemoryMax=75%
TasksMax=128

# A user that exists while it runs, and may write its own folder only.
DynamicUser=yes
User=mien
StateDirectory=mien
StateDirectoryMode=0700
# For the sink socket:/run/mien/NAME: whoever is in the group video, as cameras ask for, may read from it. The group
# gets the folder afterwards, as systemd gives it to the service before each command.
RuntimeDirectory=mien
RuntimeDirectoryMode=0750
ExecStartPost=+/usr/bin/chgrp -R video /run/mien
UMask=0077
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes

# Cameras, and no other device.
SupplementaryGroups=video
DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-media rw
DeviceAllow=char-dma_heap rw

# No network. AF_UNIX: the service manager is told how it goes; AF_NETLINK: libcamera hears of cameras by udev.
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX AF_NETLINK

CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
KeyringMode=private
LockPersonality=yes
PrivateIPC=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources

[Install]
WantedBy=multi-user.target
"""

OF_SETTINGS = "# Brokers of the settings:"
"""Before their ways; those above were asked for at the installation."""

_NETWORK = """\
# A way to these hosts, for sinks that send readings there; everything else stays shut.
[Service]
PrivateNetwork=no
RestrictAddressFamilies=AF_INET AF_INET6
{allowed}

[Unit]
After=network-online.target
Wants=network-online.target
"""

_LINES = """\
# The GPIO lines of a switch or an LED, besides the cameras.
[Service]
SupplementaryGroups=gpio
DeviceAllow={chip} rw
"""

_SECRETS = """\
# Copies of files that root alone may read.
[Service]
{loaded}
"""

_REBOOT = """\
# So many starts within an hour: what the camera or its driver has, a restart of the machine may mend.
[Unit]
StartLimitIntervalSec=3600
StartLimitBurst={starts}
StartLimitAction=reboot
"""

_LISTENER = """\
[Unit]
Description=mien's page
# It listens while the service is up, which starts it: else a visitor would start one that was stopped, and its camera.
BindsTo=mien.service

[Socket]
# systemd listens and hands the socket in: the service itself has no network.
ListenStream={address}
# The network may give the machine this address only later than the service starts.
FreeBind=yes
FileDescriptorName=preview
"""


def service(program: str, config: str, watchdog: int = 20) -> str:
    """The unit of the service.

    Args:
        program: absolute path of `mien`.
        config: absolute path of the settings.
        watchdog: seconds without a sign of life after which it is killed and started anew.

    Raises:
        MienError: a path that is not absolute, that a unit cannot hold, or the program lies in a home, which the
            service must not see.
    """
    for path in (program, config):
        _absolute(path)
        if path.startswith(("/home/", "/root/")):
            raise MienError(
                f"{path}: the service does not see homes; put it elsewhere, such as in /opt/mien or /etc/mien"
            )
    return _SERVICE.format(program=program, config=config, watchdog=watchdog, state=STATE)


def network(hosts: Sequence[str], brokers: Sequence[str] = ()) -> str:
    """The drop-in that opens a way to some hosts.

    Args:
        hosts: IP addresses or networks, such as 192.168.1.5 or 192.168.1.0/24. A name would need a way to whatever
            resolves it.
        brokers: likewise, of the settings.

    Raises:
        MienError: one that is none.
    """
    lines = [*_ways(hosts), OF_SETTINGS, *_ways(brokers)]
    return _NETWORK.format(allowed="\n".join(dict.fromkeys(lines)))


def _ways(hosts: Sequence[str]) -> list[str]:
    lines = []
    for host in hosts:
        try:
            allowed = ipaddress.ip_network(host)
        except ValueError:
            raise MienError(
                f"host {host!r}: give an IP address or network, such as 192.168.1.5; names need DNS"
            ) from None
        if not allowed.prefixlen:
            raise MienError(f"host {host!r}: is every address there is; give the one to which a sink sends")
        lines.append(f"IPAddressAllow={allowed}")
    return lines


def lines(chip: str) -> str:
    """The drop-in that opens a chip of GPIO lines.

    Args:
        chip: its device, as `mien.gpio.settings.GpioSettings` takes it.
    """
    return _LINES.format(chip=chip)


def secrets(paths: Sequence[str]) -> str:
    """The drop-in that hands the service copies of files; see `mien.credentials`.

    Args:
        paths: of them, absolute.

    Raises:
        MienError: one that a unit cannot hold.
    """
    copies: dict[str, str] = {}
    for path in paths:
        _absolute(path)
        if ":" in path:
            raise MienError(f"{path!r}: a unit takes no colon in the path of a secret; rename it")
        if not path.isascii() or len(path) > _LONGEST_PATH:
            raise MienError(f"{path!r}: a unit takes a secret by at most {_LONGEST_PATH} letters of ASCII; rename it")
        other = copies.setdefault(credentials.name(path), path)
        if other != path:
            raise MienError(f"{path!r}: systemd would call its copy as that of {other!r}; rename it")
    return _SECRETS.format(loaded="\n".join(f"LoadCredential={name}:{path}" for name, path in copies.items()))


def _absolute(path: str) -> None:
    plain = path.isprintable() and not any(sign in path for sign in " \"'\\%$")
    if not (plain and path.startswith("/") and not path.startswith("//") and path == os.path.normpath(path)):
        raise MienError(f"{path!r}: a unit needs an absolute path without spaces, quotes, %, $, backslashes or ..")


def reboot(starts: int) -> str:
    """The drop-in that restarts the machine.

    Args:
        starts: of the service within an hour, from which on.

    Raises:
        MienError: fewer than a few restarts need, or more than an hour holds.
    """
    if not 5 <= starts <= 1000:
        raise MienError(f"--reboot-after is {starts}; give 5 to 1000 starts within an hour")
    return _REBOOT.format(starts=starts)


def listener(address: str) -> str:
    """The socket unit of the page.

    Args:
        address: IP:PORT or [IP]:PORT.

    Raises:
        MienError: it is none.
    """
    host, _, port = address.rpartition(":")
    try:
        ip = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        # An address of one link alone, fe80::1%wlan0, has a sign that units give another meaning.
        good = "%" not in host and port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16
    except ValueError:
        good = False
    if not good:
        raise MienError(f"page address {address!r}: give IP:PORT, such as 127.0.0.1:8010")
    return _LISTENER.format(address=f"[{ip}]:{int(port)}" if ip.version == 6 else f"{ip}:{int(port)}")
