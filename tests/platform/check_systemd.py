"""The service in a Debian that boots for real: `make test-systemd`.

systemd-nspawn boots it without network. The source is a folder of very many names for one photograph, and the watchdog
waits 5 s instead of 20; all else is what `mien service install` writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import pytest
from bundles import small

from mien.cameras import demo
from mien.cli import main
from mien.errors import MienError
from mien.service import unit
from mien_export.arm64.root import need
from mien_export.arm64.targets import ROOT

pytestmark = pytest.mark.timeout(900)

TOOLS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container"}
PACKAGES = "systemd,systemd-sysv,dbus,python3,libstdc++6"
PROGRAM = "/opt/mien/current/bin/mien"
HERE = Path(__file__).parent
PAGE = "127.0.0.1:8010"
TOKEN = "0123456789abcdef0123456789abcdef"
FRAMES = 60_000

MIEN = """#!/usr/bin/python3
import sys
sys.path[:0] = ["/srv/edge", "/srv/site"]
from mien.cli import main
sys.exit(main())
"""
DRIVER = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /srv/probe/systemd_probe.py /out/seen.json
ExecStopPost=/usr/bin/systemctl poweroff --no-block
[Install]
WantedBy=default.target
"""


def _system() -> Path:
    if os.geteuid():
        raise MienError("needs root, to boot a system")
    need(TOOLS)
    folder = ROOT / ".cache/systemd" / f"bookworm-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:12]}"
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(part)]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            raise MienError(f"mmdebstrap failed, is there a network? {ran.stderr[-300:]}")
        part.rename(folder)
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the probe saw in the booted system."""
    folder = tmp_path_factory.mktemp("systemd")
    root, out, pictures = folder / "root", folder / "out", folder / "pictures"
    try:
        subprocess.run(["cp", "-a", str(_system()), str(root)], check=True)
        _prepare_bundles(root)
    except MienError as error:
        pytest.exit(f"test-systemd: {error}", returncode=2)
    _prepare(root, out, pictures)
    binds = {
        ROOT / "edge": "/srv/edge",
        Path(cv2.__file__).parents[1]: "/srv/site",
        HERE: "/srv/probe",
        pictures: "/srv/pictures",
    }
    command = ["systemd-nspawn", "--quiet", "--boot", "--private-network", "--register=no", "--keep-unit"]
    command += ["--system-call-filter=bpf"]  # by which systemd refuses devices and addresses, in the one hierarchy
    environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    command += ["--directory", str(root), f"--bind={out}:/out"]
    command += [f"--bind-ro={path}:{place}" for path, place in binds.items()]
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, env=environment
    )
    assert (out / "seen.json").is_file(), ran.stdout[-2000:]
    found: dict[str, Any] = json.loads((out / "seen.json").read_text())
    shutil.rmtree(root, ignore_errors=True)
    return found


def _prepare_bundles(root: Path) -> None:
    """Three, and what lets them be installed here: another name for the processor, and the dependencies."""
    media = root / "media"
    small(media / "first", "first")
    small(media / "second", "second")
    stopped = "def main(args):\n    return 2\n"
    with_add = (ROOT / "edge/mien/commands/run.py").read_text() + "\n\n" + stopped
    small(media / "broken", "broken", {"mien/commands/run.py": with_add})
    name = root / "usr/local/sbin/uname"
    name.write_text('#!/bin/sh\n[ "$1" = -m ] && echo aarch64 || exec /usr/bin/uname "$@"\n')
    name.chmod(0o755)
    (root / "usr/lib/python3/dist-packages/dependencies.pth").write_text("/srv/site\n")


def _prepare(root: Path, out: Path, pictures: Path) -> None:
    out.mkdir()
    pictures.mkdir()
    photograph = cv2.resize(cv2.imread(str(demo.photograph())), (320, 320), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(pictures / "0.png"), photograph)
    for number in range(1, FRAMES):
        (pictures / f"{number}.png").symlink_to("0.png")
    program = root / PROGRAM.lstrip("/")
    program.parent.mkdir(parents=True)
    program.write_text(MIEN)
    program.chmod(0o755)
    assert main(["service", "install", "--root", str(root), "--program", PROGRAM, "--page", PAGE]) == 0
    settings = root / "etc/mien/mien.toml"
    written = settings.read_text().replace('"jsonl:', '"socket:/run/mien/readings", "jsonl:')
    assert '#token_file = ""' in written
    written = written.replace('#token_file = ""', 'token_file = "/etc/mien/token"')
    settings.write_text('source = "/srv/pictures"\n' + written)
    token = root / "etc/mien/token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    assert main(["service", "install", "--root", str(root), "--program", PROGRAM, "--page", PAGE]) == 0
    units = root / "etc/systemd/system"
    written = (units / "mien.service").read_text()
    (units / "mien.service").write_text(written.replace("WatchdogSec=20", "WatchdogSec=5"))
    probe = "ExecStart=/usr/bin/python3 /srv/probe/systemd_probe.py sandbox /var/lib/mien/sandbox.json"
    confined = re.sub(r"^ExecStart=.*$", probe, written, flags=re.MULTILINE).replace("Type=notify", "Type=oneshot")
    confined = re.sub(r"^(Restart|Watchdog|Runtime|ExecStartPost).*\n", "", confined, flags=re.MULTILINE)
    (units / "mien-sandbox.service").write_text(confined)
    opened = units / "mien-opened.service"
    opened.write_text(confined)
    for name, drop_in in {"gpio": unit.lines("/dev/gpiochip0"), "network": unit.network(["127.0.0.2"])}.items():
        folder = units / f"{opened.name}.d"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.conf").write_text(drop_in)
    (units / "drive.service").write_text(DRIVER)
    (units / "default.target.wants").mkdir()
    (units / "default.target.wants/drive.service").symlink_to("/etc/systemd/system/drive.service")


def test_it_starts_with_the_machine_and_is_left_alone_while_it_works(seen: dict[str, Any]) -> None:
    assert seen["started_after"] is not None, seen["journal"]
    assert seen["started"]["ActiveState"] == "active"
    assert seen["later"]["StatusText"] == "running"
    assert seen["later"]["MainPID"] == seen["started"]["MainPID"]
    assert seen["later"]["NRestarts"] == "0"


def test_sockets_writes_and_devices_are_denied_within_the_unit_and_not_outside(seen: dict[str, Any]) -> None:
    confined, free = seen["sandbox"], seen["free"]
    for kind in ("inet", "inet6", "packet"):
        assert confined[kind] == "Address family not supported by protocol", kind
    assert free["inet"] == "done"
    for place in ("etc", "usr", "var"):
        assert confined[place] == "Read-only file system", place
        assert free[place] == "done"
    assert (confined["device"], free["device"]) == ("Operation not permitted", "done")
    assert (confined["unix"], confined["state"]) == ("done", "done")
    assert (confined["interfaces"], confined["root"], free["root"]) == ("lo", "False", "True")


def test_drop_ins_open_the_lines_and_one_host_and_nothing_else(seen: dict[str, Any]) -> None:
    opened, free = seen["opened"], seen["free"]
    assert (opened["lines"], opened["sent"]) == ("done", "done"), opened
    assert (opened["sent_elsewhere"], free["sent_elsewhere"]) == ("Operation not permitted", "done")
    for shut in ("packet", "etc", "usr", "var"):
        assert opened[shut] == seen["sandbox"][shut], shut
    assert (opened["clock_set"], seen["sandbox"]["clock_set"]) == ("True", "False")
    assert (opened["root"], seen["sandbox"]["sent"]) == ("False", seen["sandbox"]["inet"])


def test_the_page_answers_by_the_socket_unit_though_the_service_has_no_network(seen: dict[str, Any]) -> None:
    assert seen["page"].startswith("200 "), seen["page"]
    assert "running" in seen["page"]
    assert seen["sandbox"]["inet"] != "done"


def test_the_token_that_root_alone_may_read_is_what_the_page_demands(seen: dict[str, Any]) -> None:
    assert (seen["token_mode"], seen["token_owner"]) == ("0o600", 0)
    assert seen["page_without"].startswith("HTTP Error 401"), seen["page_without"]


def test_a_program_of_the_group_video_reads_along_and_no_other_may(seen: dict[str, Any]) -> None:
    assert json.loads(seen["read_along"])["emotion"], seen["read_along"]
    assert "Permission denied" in seen["read_by_others"]


def test_a_pause_outlasts_a_kill_until_it_is_resumed(seen: dict[str, Any]) -> None:
    assert seen["read_while_paused"] == 0, seen["journal"]
    assert seen["paused_status"].startswith("paused"), seen["journal"]
    assert seen["reads_when_resumed_after"] is not None, seen["journal"]


def test_one_that_hangs_is_killed_and_started_anew_without_a_core(seen: dict[str, Any]) -> None:
    assert seen["restarted_after"] is not None
    assert seen["reads_again_after"] is not None
    assert seen["restarted"]["ActiveState"] == "active"
    assert seen["restarted"]["MainPID"] != seen["started"]["MainPID"]
    assert seen["cores"] == []


def test_a_stop_is_clean_and_every_reading_is_written(seen: dict[str, Any]) -> None:
    assert seen["stopped_after"] < 10
    assert (seen["stopped"]["Result"], seen["stopped"]["ExecMainStatus"]) == ("success", "0")
    assert seen["torn"] == ""
    summed = int(re.findall(r"(\d+) readings", seen["journal"])[-1])
    assert summed > 0
    # The stop may come after the last frame's one reading is written and before it is counted; none is lost.
    assert seen["readings"] - summed in (0, 1)


def test_a_mistake_in_the_settings_is_not_started_again_and_again(seen: dict[str, Any]) -> None:
    assert seen["mistaken"]["ActiveState"] == "failed"
    assert seen["mistaken"]["ExecMainStatus"] == "2"
    assert seen["mistaken"]["NRestarts"] == "0"  # counted anew since the start


def test_a_visitor_starts_no_service_that_was_stopped_or_has_given_up(seen: dict[str, Any]) -> None:
    pages = seen["pages"]
    assert "refused" in pages["stopped_page"], pages
    assert pages["stopped"] == ["inactive", "inactive"]
    assert pages["started_page"].startswith("200 "), pages
    assert "refused" in seen["mistaken_page"], seen["mistaken_page"]


def test_a_page_opens_and_moves_while_the_service_runs_and_outlasts_a_kill(seen: dict[str, Any]) -> None:
    pages = seen["pages"]
    for way in ("opened", "moved"):
        assert (pages[way]["status"], pages[way]["active"]) == (0, ["active", "active"]), pages
        assert pages[way]["page"].startswith("200 "), pages
    assert "refused" in pages["moved_from"], pages
    assert pages["page_again_after"] is not None, pages
    status, page = pages["without"]
    assert status == 0
    assert "refused" in page, page


def test_a_page_waits_for_an_address_that_the_machine_does_not_have_yet(seen: dict[str, Any]) -> None:
    absent = seen["pages"]["absent"]
    assert (absent["status"], absent["active"]) == (0, ["active", "active"]), absent


def test_the_command_installs_tells_and_takes_away_in_the_running_system(seen: dict[str, Any]) -> None:
    assert (seen["install"], seen["uninstall"]) == (0, 0)
    assert seen["status"] == [1, 0, 1]
    assert seen["left"] == []


def test_a_bundle_brings_the_service_up_and_another_installation_leaves_it_running(seen: dict[str, Any]) -> None:
    first, again = seen["bundles"]["first"], seen["bundles"]["again"]
    assert (first["status"], first["active"]) == (0, "active"), first
    assert first["program"].startswith("/opt/mien/current/bin/mien")
    assert (again["status"], again["active"], again["current"]) == (0, "active", first["current"]), again
    assert "installed already" in again["said"]


def test_an_upgrade_that_the_settings_do_not_suit_changes_nothing(seen: dict[str, Any]) -> None:
    before, refused = seen["bundles"]["again"], seen["bundles"]["refused"]
    assert refused["status"] == 1
    assert "does not suit this version" in refused["said"]
    assert "nothing was changed" in refused["said"]
    assert [refused[key] for key in ("current", "active", "pid")] == [
        before[key] for key in ("current", "active", "pid")
    ]


def test_an_upgrade_whose_service_gives_up_is_taken_back(seen: dict[str, Any]) -> None:
    before, broken = seen["bundles"]["again"], seen["bundles"]["broken"]
    assert broken["status"] == 1
    assert f"switched back to {before['current']}" in broken["said"], broken
    assert (broken["current"], broken["active"]) == (before["current"], "active")
    assert broken["pid"] != before["pid"]


def test_the_version_before_stays_and_a_unit_follows_the_upgrade(seen: dict[str, Any]) -> None:
    before, upgraded, again = (seen["bundles"][name] for name in ("again", "upgraded", "upgraded_again"))
    for installed in (upgraded, again):
        assert (installed["status"], installed["active"]) == (0, "active"), installed
        assert installed["versions"] == sorted(Path(found["current"]).name for found in (before, upgraded)), installed
        assert installed["program"].startswith("/opt/mien/current/bin/mien"), installed
    assert again["current"] == upgraded["current"] != before["current"]
