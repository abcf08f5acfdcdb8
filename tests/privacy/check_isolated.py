"""A run without any network, and a run that can write nowhere but into its sink, are the runs that they are elsewhere.

Run by `make test-privacy`: needs unshare (util-linux) and bwrap (bubblewrap).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import planting
import pytest

SECONDS = 60
ARGUMENTS = ["run", "--source", "demo", "--max-frames", "10", "--sink"]
ALONE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def _sealed(folder: Path) -> list[str]:
    """Everything read-only, /tmp and /dev/shm too, but one folder; and no network."""
    # Devices work only where they are bound as such; shared memory lies among them.
    root = ["--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--ro-bind", "/dev/shm", "/dev/shm"]
    return ["bwrap", *root, "--bind", str(folder), str(folder), "--unshare-net", "--die-with-parent"]


def _readings(text: str) -> list[object]:
    """What lines of readings say, without times and the run's own number."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) >= 9
    return [[line[key] for key in ("frame", "track", "box", "landmarks", "probabilities")] for line in lines]


def test_without_an_interface_the_readings_are_the_same(tmp_path: Path) -> None:
    usual = _run(planting.command([*ARGUMENTS, "jsonl:-"]), tmp_path)
    alone = _run([*ALONE, *planting.command([*ARGUMENTS, "jsonl:-"])], tmp_path)
    assert alone.returncode == 0, alone.stderr
    assert _readings(alone.stdout) == _readings(usual.stdout)


def test_without_an_interface_not_even_this_machine_can_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        call = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5).close()"
        command = planting.command([*ARGUMENTS, "null"], call)
        assert _run(command, tmp_path).returncode == 0
        refused = _run([*ALONE, *command], tmp_path)
    assert refused.returncode != 0
    assert "Network is unreachable" in refused.stderr


def test_where_nothing_but_the_sink_can_be_written_the_readings_are_the_same(tmp_path: Path) -> None:
    usual = _run(planting.command([*ARGUMENTS, "jsonl:-"]), tmp_path)
    place = tmp_path / "sink"
    place.mkdir()
    sealed = _run([*_sealed(place), *planting.command([*ARGUMENTS, f"jsonl:{place}/readings.jsonl"])], tmp_path)
    assert sealed.returncode == 0, sealed.stderr
    assert _readings((place / "readings.jsonl").read_text()) == _readings(usual.stdout)
    assert [path.name for path in place.iterdir()] == ["readings.jsonl"]


@pytest.mark.parametrize("violation", [planting.SHARED_MEMORY, planting.TEMPORARY, "open('frame.bin', 'wb')"])
def test_where_nothing_can_be_written_a_planted_file_ends_the_run(violation: str, tmp_path: Path) -> None:
    place = tmp_path / "sink"
    place.mkdir()
    command = planting.command([*ARGUMENTS, f"jsonl:{place}/readings.jsonl"], violation)
    assert _run(command, tmp_path).returncode == 0
    Path("/dev/shm/mien-planted").unlink(missing_ok=True)
    refused = _run([*_sealed(place), *command], tmp_path)
    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr or "No usable temporary directory" in refused.stderr


def test_where_nothing_can_be_written_a_planted_native_picture_does_not_arrive(tmp_path: Path) -> None:
    place = tmp_path / "sink"
    place.mkdir()
    command = planting.command([*ARGUMENTS, f"jsonl:{place}/readings.jsonl"], planting.PICTURE)
    _run([*_sealed(place), *command], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["sink"]
    _run(command, tmp_path)
    assert (tmp_path / "frame.png").is_file()
