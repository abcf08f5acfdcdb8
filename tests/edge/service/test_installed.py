"""Units that an upgrade left as an earlier version wrote them are told of, with the command that writes them anew."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from mien.cli import main
from mien.doctor import service as doctor
from mien.service import asked, unit
from mien.service.installation import SOCKET_WANTED, UNITS
from mien.service.installed import installed

PROGRAM = "/opt/mien/current/bin/mien"
ASKED = [
    "--config",
    "/etc/mien/hall.toml",
    "--allow",
    "192.168.1.5/32",
    "--allow",
    "fd00::/8",
    "--page",
    "[::1]:8010",
    "--reboot-after",
    "12",
]


def install(root: Path, *options: str) -> Path:
    assert main(["service", "install", "--root", str(root), "--program", PROGRAM, *options]) == 0
    return root / UNITS


def units(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_where_no_service_is_installed_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert installed(tmp_path) is None
    assert list(doctor.examine(tmp_path)) == []


@pytest.mark.parametrize("options", [[], ASKED])
def test_what_this_version_wrote_is_in_order(options: list[str], tmp_path: Path) -> None:
    install(tmp_path, *options)
    (check,) = doctor.examine(tmp_path)
    assert check.ok
    assert check.remedy == ""


def test_the_command_that_is_named_asks_for_what_was_asked_for(tmp_path: Path) -> None:
    before = units(install(tmp_path / "a", *ASKED))
    found = installed(tmp_path / "a")
    assert found is not None
    sudo, program, *rest = shlex.split(found.command)
    assert (sudo, program, rest[:2]) == ("sudo", PROGRAM, ["service", "install"])
    assert units(install(tmp_path / "b", *rest[2:])) == before


@pytest.mark.parametrize("name", [unit.NAME, unit.SOCKET, unit.DROP_IN, unit.REBOOT])
def test_a_unit_of_another_version_is_named(name: str, tmp_path: Path) -> None:
    folder = install(tmp_path, *ASKED)
    with (folder / name).open("a") as file:
        file.write("# as it was once\n")
    (check,) = doctor.examine(tmp_path)
    assert not check.ok
    assert not check.required
    assert name in check.detail
    assert check.remedy.startswith(f"sudo {PROGRAM} service install --config /etc/mien/hall.toml ")


def test_a_socket_that_an_earlier_version_starts_by_itself_is_named(tmp_path: Path) -> None:
    folder = install(tmp_path, *ASKED)
    (folder / SOCKET_WANTED).parent.mkdir()
    (folder / SOCKET_WANTED).symlink_to("/dev/null")
    found = installed(tmp_path)
    assert found is not None
    assert found.different == (unit.SOCKET,)


def test_a_unit_by_hand_that_could_not_be_asked_for_is_no_error(tmp_path: Path) -> None:
    folder = install(tmp_path)
    file = folder / unit.NAME
    file.write_text(file.read_text().replace(PROGRAM, "/home/me/mien"))
    found = installed(tmp_path)
    assert found is not None
    assert found.different == (unit.NAME,)
    file.write_text("[Service]\nExecStart=/bin/true\n")
    assert installed(tmp_path) is None


SETTINGS = """
sinks = ["mqtts://192.168.1.9:8883/door"]

[mqtt]
credentials_file = "/etc/mien/broker"

[gpio]
led_line = "GPIO17"
"""


def configured(root: Path, settings: str) -> Path:
    file = root / "etc/mien/mien.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(settings)
    (file.parent / "broker").write_text("user:secret\n")
    return file


def test_settings_that_ask_for_more_than_the_units_give_are_told_of(tmp_path: Path) -> None:
    file = configured(tmp_path, "")
    install(tmp_path)
    assert installed_differently(tmp_path) == ()
    file.write_text(SETTINGS)
    assert installed_differently(tmp_path) == (unit.SECRETS, unit.GPIO, unit.DROP_IN)
    (check,) = doctor.examine(tmp_path)
    assert unit.GPIO in check.detail
    assert check.remedy == f"sudo {PROGRAM} service install"
    install(tmp_path)
    assert installed_differently(tmp_path) == ()


def test_ways_that_the_settings_no_longer_need_are_told_of(tmp_path: Path) -> None:
    file = configured(tmp_path, SETTINGS)
    install(tmp_path)
    file.write_text("")
    assert installed_differently(tmp_path) == asked.DROP_INS


def test_the_way_to_a_broker_of_before_is_not_asked_for_again(tmp_path: Path) -> None:
    file = configured(tmp_path, SETTINGS)
    install(tmp_path, "--allow", "192.168.1.5")
    file.write_text(SETTINGS.replace("192.168.1.9", "192.168.1.10"))
    found = installed(tmp_path)
    assert found is not None
    assert found.different == (unit.DROP_IN,)
    assert found.command == f"sudo {PROGRAM} service install --allow 192.168.1.5/32"


def test_settings_that_do_not_hold_are_told_of_elsewhere(tmp_path: Path) -> None:
    file = configured(tmp_path, SETTINGS)
    install(tmp_path)
    file.write_text("nonsense = 1\n")
    assert installed_differently(tmp_path) == ()
    file.write_text('sinks = ["mqtts://broker.example:8883/door"]\n')
    assert installed_differently(tmp_path) == (unit.DROP_IN,)


def test_a_broker_that_is_allowed_too_has_one_way(tmp_path: Path) -> None:
    configured(tmp_path, SETTINGS)
    folder = install(tmp_path, "--allow", "192.168.1.9/32")
    assert (folder / unit.DROP_IN).read_text().count("192.168.1.9") == 1
    assert installed_differently(tmp_path) == ()


def installed_differently(root: Path) -> tuple[str, ...]:
    found = installed(root)
    assert found is not None
    return found.different
