"""`install.sh` interrupted, refused and taken back, below a folder: the tools that would change a system are stand-ins.

`make test-bundle` and `make test-systemd` have it install for real.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from bundles import seal

from mien_export.arm64.targets import ROOT

PLACES = ("/opt/mien", "/etc/mien/mien.toml", "/etc/systemd/system", "/run/systemd/system", "/usr/local/bin")
"""That the script names, and that lie below the folder here."""

TOOLS = {
    "uname": "echo aarch64",
    "id": "echo 0",
    "sleep": "",
    # python -m venv … FOLDER
    "python3.11": """
for made; do :; done
mkdir -p "$made/bin"
for name in python mien; do echo '#!/bin/sh' >"$made/bin/$name"; chmod +x "$made/bin/$name"; done
echo 'echo "$*" >>{root}/ran' >>"$made/bin/python" """,
    "systemctl": """
echo "$*" >>{root}/calls
case $1 in
  is-active) cat {root}/state ;;
  show) case $* in *ExecMainPID*) grep -c "^start" {root}/calls || true ;; *) cat {root}/status ;; esac ;;
  stop) . {root}/meanwhile ;;
esac""",
    "sync": """
cd {root}/opt/mien
echo "sync $(readlink current), $(ls versions/*/bin/mien | wc -l) written" >>{root}/calls""",
}


@dataclass(frozen=True)
class Machine:
    """A folder that stands for a system whose service runs."""

    root: Path

    def install(
        self, version: str, *, state: str = "active", status: int = 0, meanwhile: str = "", umask: int = 0o022
    ) -> subprocess.CompletedProcess[str]:
        """Run the script of a bundle.

        Args:
            version: a word that makes it another version than the next.
            state: of the service once it was started, as systemctl says it.
            status: with which the service ended last, as systemctl says it.
            umask: of whoever runs it.
            meanwhile: shell commands that run while the service is stopped.
        """
        bundle = self.root / "media" / version
        if not bundle.is_dir():
            for name in ("tools/pip-1.whl", "wheels/mien.whl"):
                (bundle / name).parent.mkdir(parents=True)
                (bundle / name).touch()
            (bundle / "target").write_text(f"SUITE=bookworm\nPYTHON=3.11\n# {version}\n")
            script = (ROOT / "edge/bundle/install.sh").read_text()
            for place in PLACES:
                assert place in script
                script = script.replace(place, f"{self.root}{place}")
            (bundle / "install.sh").write_text(script)
            seal(bundle)
        (self.root / "state").write_text(f"{state}\n")
        (self.root / "status").write_text(f"{status}\n")
        (self.root / "meanwhile").write_text(f"{meanwhile}\n")
        (self.root / "calls").write_text("")
        return subprocess.run(
            ["sh", str(bundle / "install.sh")],
            env={**os.environ, "PATH": f"{self.root}/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            start_new_session=True,  # a signal to its group reaches nobody else
            umask=umask,
        )

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    def link(self, name: str) -> str:
        """To which version current or previous leads; empty if it is not there."""
        path = self.root / "opt/mien" / name
        return os.readlink(path) if path.is_symlink() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    for name, body in TOOLS.items():
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text("#!/bin/sh\n" + body.replace("{root}", str(tmp_path)) + "\n")
        tool.chmod(0o755)
    for folder in ("etc/systemd/system", "run/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/systemd/system/mien.service").write_text("[Service]\n")
    return Machine(tmp_path)


def test_a_new_version_is_on_the_card_before_current_is_turned_to_it(machine: Machine) -> None:
    machine.install("first")
    first = machine.link("current")
    assert first.startswith("versions/")
    assert machine.install("second").returncode == 0
    assert machine.link("current") not in ("", first)
    assert machine.calls[0] == f"sync {first}, 2 written"


def test_a_terminal_that_is_closed_while_the_service_is_stopped_does_not_leave_it_so(machine: Machine) -> None:
    machine.install("first", meanwhile="kill -HUP 0")
    assert "stop mien.service" in machine.calls
    assert "start --no-block mien.service" in machine.calls


def test_an_upgrade_that_was_cut_off_and_run_again_knows_the_version_before(machine: Machine) -> None:
    machine.install("first")
    first = machine.link("current")
    assert machine.install("second", meanwhile="kill -KILL $PPID").returncode != 0
    second = machine.link("current")
    assert second != first
    assert machine.install("second").returncode == 0
    assert (machine.link("current"), machine.link("previous")) == (second, first)
    assert len(list((machine.root / "opt/mien/versions").iterdir())) == 2


@pytest.mark.parametrize("state", ["failed", "inactive"])
def test_an_upgrade_whose_service_does_not_start_is_taken_back_with_what_previous_named(
    state: str, machine: Machine
) -> None:
    machine.install("first")
    first = machine.link("current")
    for earlier in ("", first):
        current = machine.link("current")
        ran = machine.install("broken", state=state)
        assert (ran.returncode, machine.link("current"), machine.link("previous")) == (1, current, earlier)
        assert f"switched back to {current}" in ran.stderr
        machine.install("second")


def test_a_service_that_waits_for_its_camera_is_installed(machine: Machine) -> None:
    assert machine.install("first", state="activating").returncode == 0
    assert machine.install("second", state="activating", status=3).returncode == 0


def test_a_service_that_ends_again_and_again_is_taken_back(machine: Machine) -> None:
    machine.install("first")
    first = machine.link("current")
    assert "switched back to" in machine.install("second", state="activating", status=1).stderr
    assert machine.link("current") == first


def test_going_back_fails_without_a_loss(machine: Machine) -> None:
    machine.install("first")
    first = machine.link("current")
    machine.install("second")
    second = machine.link("current")
    (machine.root / "opt/mien" / first / "bin/mien").write_text('#!/bin/sh\n[ "$1" != config ]\n')
    settings = machine.root / "etc/mien/mien.toml"
    settings.parent.mkdir()
    settings.touch()
    ran = machine.install("first")
    assert (ran.returncode, machine.link("current"), machine.link("previous")) == (1, second, first)
    assert "does not suit this version" in ran.stderr
    assert "nothing was changed" in ran.stderr
    assert (machine.root / "opt/mien" / first / "bin/mien").exists()
    settings.unlink()
    assert machine.install("first").returncode == 0
    assert (machine.link("current"), machine.link("previous")) == (first, second)


def test_other_users_may_enter_what_is_installed_whatever_the_umask(machine: Machine) -> None:
    assert machine.install("first", umask=0o077).returncode == 0
    for folder in ("opt/mien", "opt/mien/versions", "opt/mien/current/bin", "usr/local/bin"):
        assert (machine.root / folder).stat().st_mode & 0o777 == 0o755


def test_only_wheels_that_the_sums_name_are_installed(machine: Machine) -> None:
    machine.install("first")
    bundle = machine.root / "media" / "first"
    (bundle / "wheels" / "evil-1.whl").touch()
    for version in (machine.root / "opt/mien/versions").iterdir():
        (version / ".whole").unlink()
    (machine.root / "opt/mien/current").unlink()
    (machine.root / "ran").unlink()
    assert machine.install("first").returncode == 0
    ran = (machine.root / "ran").read_text()
    assert "--no-cache-dir wheels/mien.whl\n" in ran
    assert "evil" not in ran
