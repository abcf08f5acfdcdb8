"""What every command does when the machine fails it: one line, a status, and nothing torn."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien.errors import MienError
from mien_export import files
from mien_export.cli import main

ROOT = Path(__file__).parents[3]

_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from mien_export.cli import main
sys.exit(main(sys.argv[1:]))
"""


def started(code: list[str], stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(ROOT / room) for room in ("edge", "train", "export"))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *code]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, env=env, timeout=120, check=False)


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    """A README whose table is out of date, and what the table is made from."""
    (tmp_path / "demo.txt").write_text("a line of the demo\n" * 50)
    path = tmp_path / "README.md"
    path.write_text("<!-- output demo -->\nold\n<!-- end -->\n")
    return path


def test_a_full_disk_is_one_line_and_the_old_file_stays_whole(readme: Path) -> None:
    arguments = ["tables", "--readme", str(readme), "--results", str(readme.parent)]
    ran = started(["-c", _LIMITED, *arguments])
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1
    assert "README.md: cannot be written (File too large)" in ran.stderr
    assert readme.read_text() == "<!-- output demo -->\nold\n<!-- end -->\n"
    assert sorted(p.name for p in readme.parent.iterdir()) == ["README.md", "demo.txt"]


def test_a_reader_that_has_left_is_one_line(built: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = started(["-m", "mien_export", "verify", str(built)], writing)
    finally:
        os.close(writing)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert line.startswith("mien_export: standard output was closed")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_readme_that_cannot_be_read_is_one_line(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "README.md"
    if content is not None:
        path.write_bytes(content)
    assert main(["tables", "--readme", str(path), "--results", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "README.md: cannot be read" in line


def test_an_error_of_the_system_without_a_message_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path) -> tuple[Path, ...]:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("mien_export.proof.verify.find", full)
    assert main(["verify", "x"]) == 2
    assert capsys.readouterr().err == (
        "mien_export: somewhere: No space left on device; free some space or check the path\n"
    )


def test_a_file_changes_when_it_is_complete_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "f"
    with files.aside(path) as partial:
        partial.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    with pytest.raises(TypeError), files.aside(path) as partial:
        partial.write_bytes("torn")  # type: ignore[arg-type]
    assert path.read_text() == "half"
    assert [p.name for p in path.parent.iterdir()] == ["f"]
    with pytest.raises(MienError, match=r"new: cannot be written \(Is a directory\); choose another --sheet"):
        files.write_text(tmp_path / "new", "", "--sheet")
