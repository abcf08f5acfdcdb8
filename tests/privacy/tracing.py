"""What a command asked of the kernel, as strace saw it: sockets, files, memory files, rings and programs."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "%network,%file,memfd_create,memfd_secret,io_uring_setup,ptrace,process_vm_writev,fallocate,ftruncate,"
    "shmget,msgget,mq_open,setxattr,lsetxattr,fsetxattr"
)
"""Everything by which bytes can leave a process, but a write to what one of these has opened."""

_STRACE = ("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "4096")

SECONDS = 120
"""After which a traced command counts as hanging: strace makes it some times slower."""

_CALL = re.compile(r"^\d+ +(\w+)\((.*)$")
_ADDRESS = re.compile(r"sin6?_port=htons\((\d+)\),[^}]*?(?:inet_addr\(|inet_pton\(AF_INET6, )\"([^\"]+)\"")
_LOCAL = re.compile(r"sun_path=(@?\"[^\"]*\")")
_OPENED = re.compile(r"= \d+<(.*?)>(?:\(deleted\))?$")
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|O_TRUNC|O_APPEND")
_MAKING = frozenset((
    "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
    "truncate", "ftruncate", "fallocate", "creat",
))  # fmt: skip
_OPENING = frozenset(("open", "openat", "openat2"))
_NEVER = frozenset((
    "memfd_create", "memfd_secret", "io_uring_setup", "ptrace", "process_vm_writev", "shmget", "msgget", "mq_open",
    "setxattr", "lsetxattr", "fsetxattr",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trace:
    """What a command did.

    Attributes:
        status: exit status.
        output, errors: what it wrote on standard output and standard error.
        sockets: the calls that made a socket of another family than AF_UNIX, as strace writes them.
        peers: "address port" of each internet address that a call names: connected to, sent to, or bound.
        own: likewise, where its own sockets are, as the kernel told it.
        local: places of UNIX sockets that it connected to, sent to, or bound, absolute; abstract ones begin with "@".
        written: absolute paths of the files that it opened for writing or tried to, and of the names that it made.
        forbidden: calls that need no file and no socket: memory files, rings, writing into other processes.
        programs: those that it started, without itself.
    """

    status: int
    output: bytes
    errors: bytes
    sockets: tuple[str, ...]
    peers: frozenset[str]
    own: frozenset[str]
    local: frozenset[str]
    written: frozenset[str]
    forbidden: tuple[str, ...]
    programs: tuple[str, ...]

    def violations(self, allowed: Sequence[Path] = (), peers: Collection[str] = ()) -> list[str]:
        """What is not allowed of it, a line each.

        Args:
            allowed: the configured files; a folder stands for what is in it.
            peers: the configured internet addresses; internet sockets are allowed only if there are any.
        """
        roots = [str(path.resolve()) for path in allowed]
        strange = [
            path
            for path in sorted(self.written)
            if path != "/dev/null" and not any(path == root or path.startswith(root + "/") for root in roots)
        ]
        reached = [f"reached {peer}" for peer in sorted(self.peers) if peer not in peers]
        reached += [f"reached {place}" for place in sorted(self.local) if place not in roots]
        return [
            *(made for made in self.sockets if not (peers and re.match(r"socket\(AF_INET6?,", made))),
            *reached,
            *(f"wrote {path}" for path in strange),
            *self.forbidden,
            *self.programs,
        ]


def trace(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Trace:
    """Run a command under strace, its threads and children too.

    Args:
        command: with its arguments.
        folder: to run in; the record is kept beside it, not in it.
        environment: besides our own.
    """
    record = folder.with_name(folder.name + ".strace")
    # Python's own cache of compiled modules is written at installation; it is no matter of frames.
    ran = subprocess.run(
        [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-y",
            "-s",
            "4096",
            "-e",
            f"trace={CALLS}",
            "-o",
            str(record),
            *command,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
    assert lines, f"strace recorded nothing: {ran.stderr.decode()}"
    return read(lines, folder, ran.returncode, ran.stdout, ran.stderr)


def read(lines: Sequence[str], folder: Path, status: int, output: bytes, errors: bytes) -> Trace:
    """A record of `strace -f -y` of a program that ran in a folder, understood."""
    sockets, peers, own, local, written, forbidden, programs = [], set(), set(), set(), set(), [], []
    for line in lines:
        match = _CALL.match(line)
        if match is None:  # a signal, an exit, or the second half of a call whose first half was read
            continue
        name, rest = match.groups()
        for port, address in _ADDRESS.findall(rest):
            if name == "getsockname":
                own.add(f"{address} {port}")
            # Whoever comes was not reached; and bound to no port in particular of this machine alone, which then speaks
            # to itself, is no way out.
            elif not name.startswith(("get", "accept")) and not (
                name == "bind" and port == "0" and address == "127.0.0.1"
            ):
                peers.add(f"{address} {port}")
        if not name.startswith(("get", "accept")):
            local |= {
                place.replace('"', "") if place[0] == "@" else os.path.normpath(os.path.join(folder, place.strip('"')))
                for place in _LOCAL.findall(rest)
            }
        if name in ("socket", "socketpair") and not rest.startswith("AF_UNIX"):
            sockets.append(f"{name}({rest}")
        elif name in _NEVER:
            forbidden.append(f"{name}({rest}")
        elif name in ("execve", "execveat"):
            programs.append(f"started {rest.split(', [')[0]}")
        elif name in _MAKING or (name in _OPENING and _WRITING.search(_flags(rest))):
            written |= _paths(rest, folder)
    assert programs, "strace saw no program start: it recorded nothing of the command"
    return Trace(
        status,
        output,
        errors,
        tuple(sockets),
        frozenset(peers),
        frozenset(own),
        frozenset(local),
        frozenset(written),
        tuple(forbidden),
        tuple(programs[1:]),
    )


def _flags(rest: str) -> str:
    """The arguments behind the last name of a call that opens."""
    return rest.rpartition('"')[2]


def _paths(rest: str, start: Path) -> set[str]:
    """Absolute paths of the names in a call that opens or makes; where it got that far, the file that was opened."""
    opened = _OPENED.search(rest)
    if opened:
        return {opened[1]}
    within = re.findall(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"', rest)
    if not within:  # by an open file's number alone
        return set(re.findall(r"^\d+<([^>]*)>", rest))
    return {os.path.normpath(os.path.join(start, folder, name)) for folder, name in within}
