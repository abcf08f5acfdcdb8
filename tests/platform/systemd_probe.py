"""Runs in the booted system, as a unit of its own: `systemd_probe.py OUT` drives the service and writes what it saw.

Run as `systemd_probe.py sandbox FILE` under the service's own restrictions it writes what these let it do. The devices
that it opens are other names of the kernel's log: they stand for one that no unit mentions and for a chip of GPIO
lines.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

MIEN = "/opt/mien/current/bin/mien"
READINGS = Path("/var/lib/mien/readings.jsonl")


def readings() -> int:
    return READINGS.read_text().count('"emotion"')


def systemctl(*arguments: str) -> str:
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True).stdout


def shown() -> dict[str, str]:
    names = "ActiveState,MainPID,NRestarts,Result,ExecMainStatus,ExecMainCode,StatusText"
    lines = systemctl("show", "mien.service", f"--property={names}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def service(*arguments: str) -> int:
    """Status of `mien service …`."""
    return subprocess.run([MIEN, "service", *arguments], capture_output=True).returncode


def until(true: Callable[[], bool], seconds: float) -> float | None:
    """Seconds until something is true; None if it does not become so in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if true():
            return time.monotonic() - began
        time.sleep(0.2)
    return None


def tried(what: Callable[[], object]) -> str:
    """ "done", or why it was refused."""
    try:
        what()
    except OSError as error:
        return error.strerror or str(error)
    return "done"


def answer(address: str, token: str = "") -> str:
    """What a page answers, or why it does not."""
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as page:
            return f"{page.status} {page.read(2000).decode()}"
    except OSError as error:
        return str(error)


def read_along(group: str) -> str:
    """The first line that a program of nobody's, in a group, reads from the service's socket; or the last error."""
    program = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/mien/readings')"
    program += "; s.settimeout(20); print(s.makefile().readline())"
    ran = subprocess.run(
        [sys.executable, "-c", program], user="nobody", group=group, extra_groups=[], capture_output=True, text=True
    )
    return ran.stdout.strip() or ran.stderr[-300:]


def send(host: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b"x", (host, 9))


def plant(path: str, mode: int) -> None:
    os.mknod(path, mode | stat.S_IFCHR, os.makedev(1, 11))
    os.chmod(path, mode)


def confined(unit: str) -> object:
    """What a unit's restrictions let this program do, or how the unit is if it wrote nothing."""
    systemctl("start", unit)
    written = Path("/var/lib/mien/sandbox.json")
    if not written.exists():
        return systemctl("status", unit)
    found = json.loads(written.read_text())
    written.unlink()
    return found


def sandbox(out: Path) -> None:
    found = {
        "inet": tried(lambda: socket.socket(socket.AF_INET).close()),
        "inet6": tried(lambda: socket.socket(socket.AF_INET6).close()),
        "packet": tried(lambda: socket.socket(socket.AF_PACKET).close()),
        "unix": tried(lambda: socket.socket(socket.AF_UNIX).close()),
        "etc": tried(lambda: Path("/etc/planted").write_text("x")),
        "usr": tried(lambda: Path("/usr/planted").write_text("x")),
        "var": tried(lambda: Path("/var/planted").write_text("x")),
        "state": tried(lambda: Path("/var/lib/mien/written").write_text("x")),
        "device": tried(lambda: os.close(os.open("/dev/planted", os.O_WRONLY))),
        "lines": tried(lambda: os.close(os.open("/dev/gpiochip0", os.O_WRONLY))),
        "sent": tried(lambda: send("127.0.0.2")),
        "sent_elsewhere": tried(lambda: send("127.0.0.3")),
        "interfaces": ",".join(name for _, name in socket.if_nameindex()),
        "root": str(os.getuid() == 0),
        "clock_set": clock_set(),
    }
    out.write_text(json.dumps(found))


def clock_set() -> str:
    sys.path.insert(0, "/srv/edge")
    from mien.history.clock import Clock

    return str(Clock().now().trusted)


def drive(out: Path) -> None:
    seen: dict[str, object] = {}
    seen["started_after"] = until(lambda: READINGS.exists() and READINGS.stat().st_size > 0, 90)
    seen["started"] = first = shown()
    subprocess.run(["groupadd", "--system", "gpio"], check=True)
    plant("/dev/planted", 0o666)
    seen["sandbox"] = confined("mien-sandbox.service")
    os.unlink("/dev/planted")  # a device is allowed by its number, and the next unit is allowed this one
    plant("/dev/gpiochip0", 0o660)
    shutil.chown("/dev/gpiochip0", group="gpio")
    told = Path("/run/systemd/timesync/synchronized")  # as systemd-timesyncd does, which has no network here
    told.parent.mkdir()
    told.touch()
    seen["opened"] = confined("mien-opened.service")
    plant("/dev/planted", 0o666)
    subprocess.run([sys.executable, __file__, "sandbox", "/tmp/free.json"], check=True)
    seen["free"] = json.loads(Path("/tmp/free.json").read_text())

    token = Path("/etc/mien/token")
    seen["token_mode"], seen["token_owner"] = oct(token.stat().st_mode & 0o777), token.stat().st_uid
    seen["page_without"] = answer("http://127.0.0.1:8010/healthz")
    seen["page"] = answer("http://127.0.0.1:8010/healthz", token.read_text().strip())
    seen["read_along"], seen["read_by_others"] = (read_along(group) for group in ("video", "nogroup"))
    time.sleep(8)  # longer than its watchdog: a service that works is left alone
    seen["later"] = shown()
    os.kill(int(first["MainPID"]), signal.SIGSTOP)
    seen["restarted_after"] = until(lambda: shown()["NRestarts"] == "1", 60)
    seen["cores"] = [str(path) for path in Path("/var/lib/mien").glob("**/core*")]
    size = READINGS.stat().st_size
    seen["reads_again_after"] = until(lambda: READINGS.stat().st_size > size, 60)
    seen["restarted"] = shown()

    subprocess.run([MIEN, "pause"], check=True)
    time.sleep(1)
    read, pid = readings(), shown()["MainPID"]
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: shown()["MainPID"] not in (pid, "0") and shown()["StatusText"].startswith("paused"), 60)
    time.sleep(2)
    seen["paused_status"], seen["read_while_paused"] = shown()["StatusText"], readings() - read
    subprocess.run([MIEN, "resume"], check=True)
    seen["reads_when_resumed_after"] = until(lambda: readings() > read, 60)

    began = time.monotonic()
    systemctl("stop", "mien.service")
    seen["stopped_after"] = time.monotonic() - began
    seen["stopped"] = shown()
    lines = READINGS.read_text().split("\n")
    seen["torn"] = lines[-1]
    last = json.loads(lines[-2])["run"]
    # A run that was killed may have left part of a line, which stands by itself.
    whole = [json.loads(line) for line in lines if line.endswith("}")]
    seen["readings"] = sum(reading["run"] == last for reading in whole)
    journal = ["journalctl", "--unit=mien.service", "--output=cat", "--no-pager"]
    seen["journal"] = subprocess.run(journal, capture_output=True, text=True).stdout

    Path("/etc/mien/mien.toml").write_text("thread = 1\n")
    systemctl("start", "mien.service")
    time.sleep(6)  # three times RestartSec
    seen["mistaken_page"] = answer("http://127.0.0.1:8010/healthz")
    seen["mistaken"] = shown()

    Path("/etc/mien/mien.toml").write_text('source = "/srv/pictures"\nsinks = ["null"]\n')
    seen["status"] = [service("status")]
    seen["install"] = service("install", "--program", MIEN)
    until(lambda: service("status") == 0, 60)
    seen["status"] += [service("status")]
    seen["pages"] = pages()
    seen["uninstall"] = service("uninstall")
    seen["status"] += [service("status")]
    seen["left"] = [str(path) for path in Path("/etc/systemd/system").rglob("mien.*")]
    seen["bundles"] = bundles()
    out.write_text(json.dumps(seen))


def pages() -> dict[str, object]:
    """A page that a running service gets, that moves, that a stop closes; and one whose address is not there yet."""
    seen: dict[str, object] = {"opened": paged("127.0.0.1:8010"), "moved": paged("127.0.0.3:8010")}
    seen["moved_from"] = answer("http://127.0.0.1:8010/healthz")
    page = "http://127.0.0.3:8010/healthz"
    systemctl("stop", "mien.service")
    seen["stopped_page"] = answer(page)
    time.sleep(2)
    seen["stopped"] = active()
    systemctl("start", "mien.service")
    seen["started_page"] = answer(page)
    os.kill(int(shown()["MainPID"]), signal.SIGKILL)
    seen["page_again_after"] = until(lambda: answer(page).startswith("200 "), 60)
    seen["absent"] = paged("192.0.2.1:8010")
    seen["without"] = (service("install", "--program", MIEN), answer(page))
    return seen


def paged(address: str) -> dict[str, object]:
    """What installing with a page came to, of a service that was running."""
    until(lambda: service("status") == 0, 60)
    status = service("install", "--program", MIEN, "--page", address)
    until(lambda: service("status") == 0, 60)
    return {"status": status, "active": active(), "page": answer(f"http://{address}/healthz")}


def active() -> list[str]:
    """States of the service and of the page's socket."""
    return systemctl("is-active", "mien.service", "mien.socket").split()


def bundles() -> dict[str, object]:
    """Installs, upgrades that the settings do not suit and whose service gives up, and one that works, twice."""
    shutil.rmtree("/opt/mien")
    seen: dict[str, object] = {"first": installed("first"), "again": installed("first")}
    settings = Path("/etc/mien/mien.toml")
    good = settings.read_text()
    settings.write_text("thread = 1\n")
    seen["refused"] = installed("second")
    settings.write_text(good)
    seen["broken"] = installed("broken")
    seen["upgraded"] = installed("second")
    unit = Path("/etc/systemd/system/mien.service")
    unit.write_text(unit.read_text().replace("/opt/mien/current/", f"/opt/mien/{os.readlink('/opt/mien/current')}/"))
    systemctl("daemon-reload")
    seen["upgraded_again"] = installed("second")
    return seen


def installed(bundle: str) -> dict[str, object]:
    """What `install.sh` said, and how it left the service."""
    ran = subprocess.run(["sh", f"/media/{bundle}/install.sh"], capture_output=True, text=True)
    until(lambda: systemctl("is-active", "mien.service").strip() == "active", 30)
    return {
        "status": ran.returncode,
        "said": ran.stdout + ran.stderr,
        "current": os.readlink("/opt/mien/current"),
        "versions": sorted(os.listdir("/opt/mien/versions")),
        "active": systemctl("is-active", "mien.service").strip(),
        "pid": shown()["MainPID"],
        "program": systemctl("show", "mien.service", "--property=ExecStart").partition("argv[]=")[2],
    }


if __name__ == "__main__":
    if sys.argv[1] == "sandbox":
        sandbox(Path(sys.argv[2]))
    else:
        drive(Path(sys.argv[1]))
