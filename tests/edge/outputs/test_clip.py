from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_fakes import face

from mien.errors import MienError
from mien.frame import Frame
from mien.outputs.clip import Clip
from mien.reading import FrameResult, Reading

PROGRAM = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import numpy as np
from mien.errors import MienError
from mien.frame import Frame
from mien.outputs.clip import Clip
from mien.outputs.overlay import write_picture
from mien.reading import FrameResult

noise = np.random.default_rng(0)
try:
    if sys.argv[2] == "clip":
        clip = Clip(Path(sys.argv[1]), 25.0)
        for index in range(40):
            frame = Frame(noise.integers(0, 256, (480, 640), np.uint8), 0, index)
            clip(frame, FrameResult(index, "", 640, 480, 0, 0, ()))
        clip.finish()
    else:
        write_picture(Path(sys.argv[1]) / "picture.png", noise.integers(0, 256, (480, 640), np.uint8))
except MienError as error:
    sys.exit(f"mien: {{error}}")
"""


def under_a_limit(folder: Path, what: str, most: int) -> subprocess.CompletedProcess[str]:
    """Write noise where no file may grow beyond so many bytes."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), what],
        preexec_fn=limit,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENCV_LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
    )


def frames(path: Path) -> int:
    """How many frames a clip really gives."""
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    return count


def drawn(folder: Path, count: int, height: int = 120, width: int = 160) -> tuple[Path, ...]:
    reading = Reading(1, face(), "happiness", "happiness", None, {"happiness": 0.9, "neutral": 0.1})
    with Clip(folder, 25.0) as clip:
        for index in range(count):
            rows = height if index != 30 else height - 30  # a source may change its size
            frame = Frame(np.zeros((rows, width), np.uint8), 0, index)
            clip(frame, FrameResult(index, "", width, rows, 0, 0, (reading,)))
        return clip.finish()


def test_a_clip_and_its_contact_sheet_are_written(tmp_path: Path) -> None:
    written = drawn(tmp_path / "new" / "folder", 60)
    assert [path.name for path in written] == ["annotated.mp4", "contact-sheet.png"]
    assert sorted(written) == sorted((tmp_path / "new" / "folder").iterdir()), "and nothing beside them"
    sheet = cv2.imread(str(written[1]))
    assert sheet is not None
    assert sheet.shape == (3 * 240, 4 * 320, 3)
    assert frames(written[0]) == 60


@pytest.mark.parametrize(("count", "height", "width"), [(1, 480, 640), (2, 481, 641), (5, 120, 161)])
def test_a_clip_of_few_frames_or_odd_size_is_whole(tmp_path: Path, count: int, height: int, width: int) -> None:
    assert frames(drawn(tmp_path, count, height, width)[0]) == count


@pytest.mark.parametrize("folder", ["12:30", "tcp:127.0.0.1:9"])
def test_a_colon_in_a_name_leads_nowhere_else(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [str(path) for path in drawn(Path(folder), 3)] == [f"{folder}/annotated.mp4", f"{folder}/contact-sheet.png"]
    assert frames(tmp_path / folder / "annotated.mp4") == 3


def test_a_clip_without_frames_writes_nothing(tmp_path: Path) -> None:
    assert drawn(tmp_path, 0) == ()
    assert list(tmp_path.iterdir()) == []


def test_until_the_run_ends_the_earlier_clip_stays(tmp_path: Path) -> None:
    drawn(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with Clip(tmp_path, 25.0) as clip:
        for index in range(5):
            clip(Frame(np.zeros((120, 160), np.uint8), 0, index), FrameResult(index, "", 160, 120, 0, 0, ()))
            assert {path.name: path.read_bytes() for path in tmp_path.glob("[!.]*")} == before
    # Left without being finished, as by an error: what was begun is gone, and the earlier one stays.
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    drawn(tmp_path, 5)
    assert frames(tmp_path / "annotated.mp4") == 5


# The clip of 40 frames of noise takes some 6 MB, the sheet of twelve of them 3 MB.
@pytest.mark.parametrize("most", [100, 200_000, 4_000_000])
def test_a_clip_that_does_not_fit_is_one_line_and_the_earlier_one_stays(tmp_path: Path, most: int) -> None:
    drawn(tmp_path, 3)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    ended = under_a_limit(tmp_path, "clip", most)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert f"{tmp_path / 'annotated.mp4'}: cannot be written (of 40 frames" in ended.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_a_limit_the_same_clip_fits(tmp_path: Path) -> None:
    ended = under_a_limit(tmp_path, "clip", 1 << 30)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "annotated.mp4").stat().st_size > 4_000_000
    assert frames(tmp_path / "annotated.mp4") == 40


def test_a_picture_that_does_not_fit_is_one_line_and_the_earlier_one_stays(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"the earlier one")
    ended = under_a_limit(tmp_path, "picture", 10_000)
    assert ended.stderr == (
        f"mien: {tmp_path / 'picture.png'}: cannot be written (File too large); check the space and permissions there\n"
    )
    assert (tmp_path / "picture.png").read_bytes() == b"the earlier one"
    assert os.listdir(tmp_path) == ["picture.png"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 1 MB of its own, where this machine lets us have one."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True).returncode:
        pytest.skip("this machine mounts no small disk")
    return folder


def test_a_full_disk_is_one_line_and_is_not_left_full(small_disk: Path) -> None:
    try:
        drawn(small_disk, 3)
        before = sorted(path.name for path in small_disk.iterdir())
        ended = under_a_limit(small_disk, "clip", 1 << 30)
        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1, ended.stderr
        assert "annotated.mp4: cannot be written" in ended.stderr
        assert sorted(path.name for path in small_disk.iterdir()) == before
        assert frames(small_disk / "annotated.mp4") == 3
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)


def test_a_folder_whose_name_opencv_cannot_take_is_an_error_at_the_start(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    with pytest.raises(MienError, match=r"caf\\udce9: OpenCV writes no clip"):
        Clip(folder, 25.0)
