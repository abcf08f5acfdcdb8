"""Where the page listens: at an address of its own, or on sockets that systemd hands in."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from collections.abc import MutableMapping, Sequence

from mien.errors import MienError
from mien.preview.settings import place

_FIRST = 3
"""The first descriptor that systemd hands in; see sd_listen_fds(3)."""

_NAME = "preview"
"""FileDescriptorName= of the page's sockets, where a unit hands in others as well."""

_BACKLOG = 64


def handed_in(environment: MutableMapping[str, str]) -> tuple[socket.socket, ...]:
    """The listening sockets that systemd hands to this process for the page; none if it hands in none.

    Those named "preview" if there are any, else all. The variables are taken away: they are not for children.

    Args:
        environment: such as `os.environ`.

    Raises:
        MienError: a descriptor that is no listening stream socket.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return ()
    count, names = environment.get("LISTEN_FDS", "0"), environment.get("LISTEN_FDNAMES", "").split(":")
    for key in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environment.pop(key, None)
    numbers = range(_FIRST, _FIRST + (int(count) if re.fullmatch(r"[0-9]{1,4}", count) else 0))
    named = [number for number, name in zip(numbers, names, strict=False) if name == _NAME]
    return tuple(_listening(number) for number in named or numbers)


def _listening(number: int) -> socket.socket:
    try:
        os.set_inheritable(number, False)
        handed = socket.socket(fileno=number)
        if handed.type == socket.SOCK_STREAM and handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return handed
        handed.detach()
    except OSError:
        pass
    raise MienError(f"descriptor {number}, handed in by LISTEN_FDS, is no listening stream socket; see the socket unit")


def listen(address: str) -> socket.socket:
    """A socket that listens.

    Args:
        address: HOST:PORT or [HOST]:PORT; the host a name or a number, the port 0 for any that is free.

    Raises:
        MienError: no such address, or it is taken.
    """
    host, port = place(address)
    try:
        (family, _, _, _, where), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(where[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno and error.errno > 0 else error
        raise MienError(f"preview address {address!r}: {why}; choose another, or end what listens there") from None


def is_local(sockets: Sequence[socket.socket]) -> bool:
    """Whether only this machine can reach all of them: loopback addresses, or files."""
    return all(
        listener.family == socket.AF_UNIX or ipaddress.ip_address(_host(listener)).is_loopback for listener in sockets
    )


def hosts(sockets: Sequence[socket.socket]) -> frozenset[str]:
    """The names in a browser's address line under which these sockets are reached, besides numbers where not local."""
    names = {"localhost", "127.0.0.1", "::1"}
    if not is_local(sockets):
        with contextlib.suppress(OSError):
            own = socket.gethostname().lower()
            names |= {own, f"{own.partition('.')[0]}.local"}
    return frozenset(names | {_host(listener) for listener in sockets if listener.family != socket.AF_UNIX})


def url(listener: socket.socket) -> str:
    """Where a browser finds it."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = _host(listener), listener.getsockname()[1]
    if ipaddress.ip_address(host).is_unspecified:  # every address of the machine: its name is one
        host = socket.gethostname()
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _host(listener: socket.socket) -> str:
    return str(listener.getsockname()[0]).partition("%")[0]
