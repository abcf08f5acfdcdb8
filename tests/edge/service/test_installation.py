"""The units: written, scored by systemd, taken away; and no word of a user reaches them unchecked."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from mien import config
from mien.cli import main
from mien.commands import service
from mien.errors import MienError
from mien.service import installation, unit

PROGRAM = "/opt/mien/current/bin/mien"
FOLDER = "etc/systemd/system"
SINKS = ("jsonl:/var/lib/mien/readings.jsonl", "sqlite:/var/lib/mien/history.db")


def keys(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(("#", "["))]


def install(root: Path, *options: str, status: int = 0) -> None:
    assert main(["service", "install", "--root", str(root), "--program", PROGRAM, *options]) == status


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or path.is_file()}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("options", [(), ("--allow", "192.168.1.5", "--page", "127.0.0.1:8010")])
def test_systemd_scores_the_unit_as_safe(options: tuple[str, ...], tmp_path: Path) -> None:
    install(tmp_path, *options)
    file = tmp_path / FOLDER / unit.NAME
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-600:]
    plain = tmp_path / "plain.service"
    plain.write_text("[Service]\nExecStart=/bin/true\n")  # the check can fail
    assert subprocess.run([*command[:-1], str(plain)], capture_output=True).returncode != 0


def test_what_the_unit_promises_stands_in_it() -> None:
    lines = keys(unit.service(PROGRAM, "/etc/mien/mien.toml"))
    assert f"ExecStart={PROGRAM} run --config /etc/mien/mien.toml" in lines
    for line in (
        "Type=notify", "WatchdogSec=20", "Restart=always", "RestartPreventExitStatus=2", "DynamicUser=yes",
        "SupplementaryGroups=video", "LimitCORE=0", "MemorySwapMax=0", "PrivateNetwork=yes", "IPAddressDeny=any",
        "RestrictAddressFamilies=AF_UNIX AF_NETLINK", "ProtectSystem=strict", "StateDirectory=mien",
    ):  # fmt: skip
        assert lines.count(line) == 1, line


def test_a_network_opens_for_the_named_addresses_and_no_other() -> None:
    assert keys(unit.network(["192.168.1.5", "fd00::/8"])) == [
        "PrivateNetwork=no",
        "RestrictAddressFamilies=AF_INET AF_INET6",
        "IPAddressAllow=192.168.1.5/32",
        "IPAddressAllow=fd00::/8",
        "After=network-online.target",
        "Wants=network-online.target",
    ]


@pytest.mark.parametrize("host", ["0.0.0.0/0", "::/0"])
def test_a_way_to_everywhere_is_refused(host: str) -> None:
    with pytest.raises(MienError, match="is every address there is"):
        unit.network([host])


@pytest.mark.parametrize("host", ["broker.local", "", "1.2.3.4\nIPAddressAllow=any", "any"])
def test_a_host_that_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(MienError, match="give an IP address or network"):
        unit.network([host])


@pytest.mark.parametrize("address", ["8010", "localhost:8010", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:1\nx=1"])
def test_a_page_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(MienError, match="give IP:PORT"):
        unit.listener(address)
    for spelled in ("[::1]:8010", "::1:8010", "[0::1]:08010"):
        assert "ListenStream=[::1]:8010\n" in unit.listener(spelled)


def test_the_page_listens_while_the_service_is_up_also_at_an_address_that_comes_later() -> None:
    lines = keys(unit.listener("192.168.1.7:8010"))
    assert lines == [
        "Description=mien's page",
        "BindsTo=mien.service",
        "ListenStream=192.168.1.7:8010",
        "FreeBind=yes",
        "FileDescriptorName=preview",
    ]
    assert "Wants=mien.socket" in keys(unit.service(PROGRAM, "/etc/mien/mien.toml"))


@pytest.mark.parametrize(
    "path",
    [
        "mien",
        "/opt/my mien/bin/mien",
        "/opt/%h/mien",
        "/opt/a\nUser=root",
        "/home/pi/mien/bin/mien",
        "//home/a",
        "/opt/../home/a",
    ],
)
def test_a_program_that_the_service_could_not_start_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(MienError, match=r"absolute path|does not see homes"):
        unit.service(path, "/etc/mien/mien.toml")
    assert main(["service", "install", "--root", str(tmp_path), "--program", path]) == 2
    assert tree(tmp_path) == set()


def test_a_new_services_readings_are_rotated(tmp_path: Path) -> None:
    install(tmp_path)
    settings = config.build(config.read(tmp_path / "etc/mien/mien.toml"), {})
    assert settings.sinks == SINKS
    assert settings.jsonl.rotate_bytes == 50_000_000


def test_the_machine_is_restarted_after_so_many_starts_where_that_is_allowed(tmp_path: Path) -> None:
    drop_in = tmp_path / FOLDER / unit.REBOOT
    install(tmp_path)
    assert not drop_in.exists()
    install(tmp_path, "--reboot-after", "30")
    lines = ["StartLimitIntervalSec=3600", "StartLimitBurst=30", "StartLimitAction=reboot"]
    assert keys(drop_in.read_text()) == lines
    install(tmp_path, "--reboot-after", "2", status=2)
    install(tmp_path)  # no longer asked for
    assert not drop_in.exists()


def test_the_service_gets_copies_of_secrets_that_root_alone_may_read(tmp_path: Path) -> None:
    settings, drop_in = tmp_path / "etc/mien/mien.toml", tmp_path / FOLDER / unit.SECRETS
    settings.parent.mkdir(parents=True)
    settings.write_text(
        '[mqtt]\ncredentials_file = "/etc/mien/broker"\n'
        'certificate_file = "/etc/mien/crt"\nkey_file = "/etc/mien/key"\n'
        '[preview]\ntoken_file = "/etc/mien/token"\n'
    )
    install(tmp_path, status=2)  # none is there yet
    assert not drop_in.exists()
    for name in ("broker", "key", "token"):
        (settings.parent / name).write_text("x")
    install(tmp_path)
    assert keys(drop_in.read_text()) == [
        f"LoadCredential=etc-mien-{name}:/etc/mien/{name}" for name in ("broker", "key", "token")
    ]
    settings.write_text("threads = 2\n")
    install(tmp_path)  # no longer needed
    assert not drop_in.exists()
    settings.write_text('[preview]\ntoken_file = "token"\n')  # in the folder that the service may read anyway
    install(tmp_path)
    assert not drop_in.exists()


@pytest.mark.parametrize(
    "path", ["token", "/etc/mien/a b", "/etc/a:b", "/etc/a\nUser=root", "/etc/schlüssel", "/etc/" + 251 * "a"]
)
def test_a_secret_whose_path_a_unit_cannot_hold_is_refused(path: str) -> None:
    with pytest.raises(MienError, match=r"absolute path|no colon|letters of ASCII"):
        unit.secrets(["/etc/mien/token", path])


def test_two_secrets_that_systemd_could_not_tell_apart_are_refused() -> None:
    with pytest.raises(MienError, match="as that of '/etc/mien/broker'; rename it"):
        unit.secrets(["/etc/mien/broker", "/etc/mien-broker"])
    assert unit.secrets(["/etc/mien/broker"] * 2).count("LoadCredential") == 1


def test_the_service_may_enter_its_folders_whatever_the_umask_of_whoever_installs_it(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        install(tmp_path / "root")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "root").rglob("*") if not path.is_symlink()}
    assert modes == {0o755, 0o644}


def test_the_documented_way_to_name_the_pages_token_changes_the_first_settings(tmp_path: Path) -> None:
    install(tmp_path)
    page = (Path(__file__).parents[3] / "docs/deploy.md").read_text()
    (command,) = re.findall(r"^sudo (sed -i .*token_file.*) /etc/mien/mien.toml$", page, re.MULTILINE)
    settings = tmp_path / "etc/mien/mien.toml"
    subprocess.run([*shlex.split(command), str(settings)], check=True)
    assert config.build(config.read(settings), {}).preview.token_file == "/etc/mien/page"


def test_a_bundles_program_is_named_by_the_link_that_an_upgrade_turns(tmp_path: Path) -> None:
    versions = tmp_path / "versions"
    for name in ("old", "new"):
        (versions / name).mkdir(parents=True)
    current = tmp_path / "current"
    assert service._program(versions / "old") == f"{versions}/old/bin/mien"
    current.symlink_to("versions/old")
    assert service._program(versions / "old") == f"{current}/bin/mien"
    assert service._program(versions / "new") == f"{versions}/new/bin/mien"
    assert service._program(Path("/home/pi/mien")) == "/home/pi/mien/bin/mien"


def test_installing_twice_gives_the_same_and_keeps_the_settings(tmp_path: Path) -> None:
    install(tmp_path, "--allow", "10.0.0.1", "--page", "127.0.0.1:8010")
    assert tree(tmp_path) == {
        "etc/mien/mien.toml",
        f"{FOLDER}/mien.service",
        f"{FOLDER}/mien.service.d/network.conf",
        f"{FOLDER}/mien.socket",
        f"{FOLDER}/multi-user.target.wants/mien.service",
    }
    settings = tmp_path / "etc/mien/mien.toml"
    assert config.build(config.read(settings), {}).sinks == SINKS
    settings.write_text("threads = 2\n")
    first = (tmp_path / FOLDER / "mien.service").read_text()
    install(tmp_path)  # which shuts again what the first had opened
    assert tree(tmp_path) == {
        "etc/mien/mien.toml",
        f"{FOLDER}/mien.service",
        f"{FOLDER}/multi-user.target.wants/mien.service",
    }
    assert settings.read_text() == "threads = 2\n"
    assert (tmp_path / FOLDER / "mien.service").read_text() == first
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(first)
    assert parser["Install"]["WantedBy"] == "multi-user.target"


def test_uninstalling_leaves_the_settings_and_foreign_drop_ins_and_may_be_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path, "--allow", "10.0.0.1", "--page", "127.0.0.1:8010")
    (tmp_path / FOLDER / "mien.service.d/mine.conf").write_text("[Service]\n")
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 0
    assert tree(tmp_path) == {"etc/mien/mien.toml", f"{FOLDER}/mien.service.d/mine.conf"}
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("settings and what was recorded stay")


def test_the_broker_of_the_settings_is_let_through_and_one_by_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "etc/mien/mien.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('sinks = ["text", "mqtt://192.168.1.5/kiosk"]\n')
    install(tmp_path)
    opened = keys((tmp_path / FOLDER / unit.DROP_IN).read_text())
    assert [line for line in opened if line.startswith("IPAddressAllow")] == ["IPAddressAllow=192.168.1.5/32"]
    settings.write_text('sinks = ["mqtt://broker.local/kiosk"]\n')
    install(tmp_path, status=2)
    assert "host 'broker.local': give an IP address" in capsys.readouterr().err
    settings.write_text('sinks = ["text"]\n')
    install(tmp_path)
    assert not (tmp_path / FOLDER / unit.DROP_IN).exists()


def test_a_switch_or_an_led_of_the_settings_gives_the_service_its_chip_and_nothing_else_does(tmp_path: Path) -> None:
    settings = tmp_path / "etc/mien/mien.toml"
    settings.parent.mkdir(parents=True)
    drop_in = tmp_path / FOLDER / unit.GPIO
    settings.write_text('[gpio]\nchip = "/dev/gpiochip4"\nled_line = "GPIO27"\n')
    install(tmp_path)
    assert keys(drop_in.read_text()) == ["SupplementaryGroups=gpio", "DeviceAllow=/dev/gpiochip4 rw"]
    settings.write_text('[gpio]\nchip = "/dev/gpiochip4"\n')
    install(tmp_path)
    assert not drop_in.exists()
    settings.write_text('[gpio]\npause_line = "17"\n')
    install(tmp_path)
    assert main(["service", "uninstall", "--root", str(tmp_path)]) == 0
    assert tree(tmp_path) == {"etc/mien/mien.toml"}


def fake_systemctl(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "systemctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of an installation in the running system, whose units and settings lie in the test's folder."""
    monkeypatch.setattr(installation, "UNITS", tmp_path / "units")
    return ["service", "install", "--program", PROGRAM, "--config", str(tmp_path / "mien.toml")]


def test_a_page_may_be_opened_while_the_service_runs(
    here: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As systemd 252: it opens no socket of a service that is active and not about to be stopped.
    running = tmp_path / "running"
    running.touch()
    script = f"""case $* in
      "restart --no-block mien.service") rm -f {running} ;;
      *mien.socket) [ ! -e {running} ] || {{ echo 'Job failed.' >&2; exit 1; }}; touch {tmp_path}/listens ;;
    esac"""
    fake_systemctl(tmp_path, script, monkeypatch)
    assert main([*here, "--page", "127.0.0.1:8010"]) == 0
    assert (tmp_path / "listens").exists()


def test_where_the_page_cannot_listen_that_is_said_and_the_service_is_started(
    here: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f"""echo "$*" >>{tmp_path}/calls; case $* in *socket) echo 'Job failed.' >&2; exit 1 ;; esac"""
    fake_systemctl(tmp_path, script, monkeypatch)
    assert main([*here, "--page", "127.0.0.1:8010"]) == 2
    assert "mien.socket: Job failed." in capsys.readouterr().err
    assert "restart --no-block mien.service" in (tmp_path / "calls").read_text().splitlines()


def test_an_earlier_installation_lets_visitors_start_the_service_until_it_is_installed_anew_or_taken_away(
    tmp_path: Path,
) -> None:
    link = tmp_path / FOLDER / "sockets.target.wants/mien.socket"
    link.parent.mkdir(parents=True)
    for action in (["install", "--program", PROGRAM, "--page", "127.0.0.1:8010"], ["uninstall"]):
        link.symlink_to(f"/{FOLDER}/mien.socket")
        assert main(["service", *action, "--root", str(tmp_path)]) == 0
        assert not link.is_symlink()


@pytest.mark.parametrize(("state", "status"), [("active", 0), ("failed", 1), ("inactive", 1)])
def test_status_is_what_systemd_says(
    state: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_systemctl(tmp_path, f"echo ActiveState={state}; echo StatusText=; echo NRestarts=4", monkeypatch)
    assert main(["service", "status"]) == status
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["ActiveState", state], ["StatusText", "-"], ["NRestarts", "4"]]


def test_what_systemd_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_systemctl(tmp_path, "echo 'no bus' >&2; echo more >&2; exit 1", monkeypatch)
    assert main(["service", "status"]) == 2
    assert capsys.readouterr().err.endswith(": no bus\n")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(MienError, match="needs systemd"):
        installation.status()
