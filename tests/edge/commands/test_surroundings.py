"""What the system puts in mien's way: odd names, pipes, devices, closed streams, full disks. One line, never a hang."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.cameras.demo import photograph

SECONDS = 60
"""After which a command counts as hanging."""

Done = subprocess.CompletedProcess[bytes]
Shell = Callable[[str], Done]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A photograph, a pipe, a link to itself, and a folder with a link to its own folder."""
    shutil.copy(photograph(), tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop").symlink_to("loop")
    inside = tmp_path / "inside"
    inside.mkdir()
    shutil.copy(photograph(), inside / "a.png")
    (inside / "again").symlink_to("../inside")
    (inside / "loop.png").symlink_to("loop.png")
    return tmp_path


@pytest.fixture
def shell(folder: Path) -> Shell:
    """Runs a line of bash in the folder; `mien` is the command."""

    def run(line: str) -> Done:
        script = f'mien() {{ "{sys.executable}" -m mien "$@"; }}\n{line}'
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return subprocess.run(
            ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False
        )

    return run


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("mien detect /dev/zero", 1, "/dev/zero: is a pipe or a device"),
        ("mien detect pipe", 1, "pipe: is a pipe or a device"),
        ("mien detect loop", 1, "loop: cannot be read"),
        ("mien run --source /dev/zero", 2, "/dev/zero: is a pipe or a device"),
        ("mien run --source pipe", 2, "pipe: is a pipe or a device"),
        ("mien run --source pipe.png", 2, "pipe.png: is a pipe or a device"),
        ("mien run --source loop", 2, "no such file"),
        ("mien run --source ''", 2, "no such file"),
        ("mien run --source /dev/video0", 2, "give v4l2:N"),
        ("mien run --config pipe", 2, "pipe: is a pipe or a device"),
        ("mien run --config /dev/zero", 2, "/dev/zero: is a pipe or a device"),
        ("mien run --config inside", 2, "inside: is a folder"),
        ("mien bench --compare pipe /dev/zero", 2, "pipe: is a pipe or a device"),
        ("mien detect a.png --detector pipe.json", 2, "no such model sidecar"),
        ("mien detect a.png --score 1e300", 2, "score threshold is 1e+300"),
        ("mien detect a.png --score nan", 2, "score threshold is nan"),
        ("mien run --source a.png --score nan", 2, "score_threshold is nan"),
        ("mien run --source a.png --score 1.5", 2, "score threshold is 1.5"),
        ("mien run --source a.png --rate nan", 2, "camera rate is nan"),
        ("mien run --source a.png --rotate 45", 2, "camera rotation is 45; give 0, 90, 180, 270"),
        ("ulimit -f 1; mien detect a.png --out o", 2, "cannot be written (File too large)"),
        ("mien models > /dev/full", 2, "No space left on device"),
        (r"mien detect $'no\n\x1b[31m\xff'", 1, r"no\n\x1b[31m\udcff: cannot be read"),
    ],
)
def test_it_is_one_line_and_a_status(line: str, status: int, message: str, shell: Shell) -> None:
    ran = shell(line)
    said = ran.stderr.decode()
    assert ran.returncode == status, said
    assert said.startswith("mien")
    assert said.count("\n") == 1, said
    assert message in said


def test_a_full_disk_during_a_run_is_the_last_line_and_status_3(shell: Shell) -> None:
    ran = shell("ulimit -f 1; mien run --source demo --sink jsonl:log.jsonl")
    lines = ran.stderr.decode().splitlines()
    assert ran.returncode == 3
    assert "File too large" in lines[-1]
    assert not any("Traceback" in line for line in lines)


def test_a_name_that_is_no_utf8_is_read_and_written_as_text(folder: Path, shell: Shell) -> None:
    os.rename(folder / "a.png", os.fsencode(folder) + b"/b\xff.png")
    ran = shell(r"mien detect $'b\xff.png' --json")
    assert (ran.returncode, ran.stderr) == (0, b"")
    (line,) = ran.stdout.decode("utf-8").splitlines()
    assert len(json.loads(line)["faces"]) == 1


@pytest.mark.parametrize("line", ["mien detect a.png <&-", "mien detect a.png >&-", "mien detect a.png <&- >&- 2>&-"])
def test_closed_streams_are_no_error(line: str, shell: Shell) -> None:
    ran = shell(line)
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize(
    "line",
    [
        "mien detect inside inside inside --json | head -1; exit ${PIPESTATUS[0]}",
        "mien --help | true; exit ${PIPESTATUS[0]}",
        "mien run --source inside --sink jsonl:- 2> /dev/null | true; exit ${PIPESTATUS[0]}",
    ],
)
def test_a_reader_who_leaves_early_is_no_error(line: str, shell: Shell) -> None:
    ran = shell(line)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_folder_that_holds_itself_is_read_once(shell: Shell) -> None:
    ran = shell("mien detect inside --json")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert len(ran.stdout.splitlines()) == 1


def test_a_folder_that_may_not_be_entered_is_one_line(folder: Path, shell: Shell) -> None:
    locked = folder / "inside"
    locked.chmod(0)
    try:
        if os.access(locked, os.R_OK):
            if shutil.which("setpriv") is None:
                pytest.skip("permissions bind root only as somebody else, which needs setpriv")
            for path in (folder, *folder.parents):  # pytest's own folders are the user's alone
                if path.is_relative_to("/tmp") and path != Path("/tmp"):
                    path.chmod(0o755)
            become = "setpriv --reuid=65534 --clear-groups "
        else:
            become = ""
        command = f'{become}"{sys.executable}" -m mien '
        for rest, message in (
            (f"detect {locked}", "Permission denied"),
            (f"run --source {locked}", "cannot be read (Permission denied)"),
            (f"run --source {locked}/a.png", "cannot be read (Permission denied)"),
        ):
            ran = shell(command + rest)
            said = ran.stderr.decode()
            assert (ran.returncode, said.count("\n")) == (1 if rest.startswith("detect") else 2, 1), said
            assert message in said
    finally:
        locked.chmod(0o755)


def test_importing_and_asking_for_help_load_nothing_heavy(shell: Shell) -> None:
    show = "print(sorted({'numpy', 'cv2', 'ai_edge_litert', 'torch'} & set(sys.modules)))"
    for code in (
        "import mien, sys",
        "import sys, contextlib, io, mien.cli\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): mien.cli.main(['--help'])",
        "import sys, contextlib, io, mien.cli\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): mien.cli.main(['run', '-h'])",
    ):
        ran = shell(f'"{sys.executable}" -c "{code}\n{show}"')
        assert (ran.stdout, ran.stderr) == (b"[]\n", b""), ran
