"""Neither a core dump, a traceback nor the most verbose log holds pixels of a frame."""

from __future__ import annotations

import logging
import os
import re
import resource
import subprocess
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pixels
import planting
import pytest
import sources
from numpy.typing import NDArray

from mien import EmotionClassifier, FaceReader, MienError, Pipeline, to_luma
from mien.cameras.base import Camera
from mien.emotions import align
from mien.faces.face import Box, Face, Landmarks, Point
from mien.frame import Frame, checked_luma
from mien.laps import Laps
from mien.logs import verbose
from mien.models import bundle, engine
from mien.reading import FrameResult
from mien.tracking.smoother import Smoother
from mien.tracking.tracker import Tracker

LUMA = np.random.default_rng(15).integers(0, 256, (120, 160), dtype=np.uint8)
"""Noise: no three numbers in a row of it occur in a text by chance, and numpy shows three of every row it prints."""

_TRIPLES = {tuple(row[at : at + 3]) for row in LUMA.tolist() for at in range(LUMA.shape[1] - 2)}
WANTED = pixels.fragments([LUMA, np.ascontiguousarray(LUMA[20:100, 30:100])])
CORE = Path("/proc/sys/kernel/core_pattern")


def numbers_in(text: str) -> list[tuple[int, ...]]:
    """Three numbers that follow one another in a text as they do in a row of `LUMA`."""
    found = []
    for run in re.findall(r"\d{1,3}(?:[\s,;\[\]()]+\d{1,3}){2,}", text):
        numbers = [int(number) for number in re.findall(r"\d+", run)]
        found += [triple for triple in zip(numbers, numbers[1:], numbers[2:], strict=False) if triple in _TRIPLES]
    return found


def arrays_of(error: BaseException | None) -> list[object]:
    """Arrays that an exception, or one that it comes from, carries."""
    if error is None:
        return []
    carried = [part for part in (*error.args, *vars(error).values()) if isinstance(part, np.ndarray | memoryview)]
    return [*carried, *arrays_of(error.__cause__), *arrays_of(error.__context__)]


class OneFrame(Camera):
    """Gives `LUMA` once, then fails."""

    def __init__(self, live: bool) -> None:
        self.live = live

    def frames(self) -> Iterator[Frame]:
        yield Frame(LUMA, 0, 0, media_time=0)
        raise MienError("the camera's cable came loose")


class OneFace:
    """Finds the same face in every frame."""

    def detect(self, luma: NDArray[np.uint8], laps: Laps | None = None) -> tuple[Face, ...]:
        points = Landmarks(*(Point(x, y) for x, y in ((50, 40), (80, 40), (65, 60), (52, 75), (78, 75))))
        return (Face(Box(30, 20, 100, 100), points, 0.9),)

    def close(self) -> None:
        pass


def _fails(*arguments: object, **named: object) -> NoReturn:
    held = (arguments, named)  # the frame is at hand, as it is in any stage that fails
    raise RuntimeError(f"failed with {len(held[0])} arguments")


def _read(live: bool) -> None:
    class Sink:
        def write(self, result: FrameResult) -> None:
            pass

    reader = FaceReader(OneFace())
    with Pipeline(OneFrame(live), reader, sinks=[Sink()], preview=lambda frame, result: None) as pipeline:
        for result in pipeline.run():
            logging.getLogger("mien.run").debug("frame %s", result)


STAGES: dict[str, tuple[object, str] | None] = {
    "camera": None,
    "detect": (OneFace, "detect"),
    "align": (align, "crop"),
    "classify": (EmotionClassifier, "probabilities"),
    "engine": (engine.LiteRT, "run"),
    "decide": (EmotionClassifier, "verdict"),
    "track": (Tracker, "update"),
    "smooth": (Smoother, "update_all"),
    "process": (Pipeline, "_process"),
}


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_fails_tells_no_pixel(
    stage: str, live: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = STAGES[stage]
    if place is not None:
        monkeypatch.setattr(*place, _fails)
    with verbose(), pytest.raises((RuntimeError, MienError)) as caught:
        _read(live)
    told = "".join(traceback.format_exception(caught.value)) + capsys.readouterr().err
    assert ("failed with" in told) == (stage != "camera")
    assert numbers_in(told) == []
    assert pixels.found_in(told.encode(), WANTED) == []
    assert arrays_of(caught.value) == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: checked_luma(LUMA.astype(np.float32)),  # type: ignore[arg-type]
        lambda: checked_luma(LUMA.tolist()),  # type: ignore[arg-type]
        lambda: checked_luma(LUMA[None]),
        lambda: to_luma(LUMA[None, None]),
        lambda: to_luma(LUMA.astype(np.int64)),  # type: ignore[arg-type]
        lambda: FaceReader(OneFace()).read(LUMA[None]),
        lambda: EmotionClassifier("emotion-base").probabilities(LUMA),
        lambda: EmotionClassifier("emotion-base").probabilities(LUMA[None]),
        lambda: engine.open_engine(bundle.load("face-small")).run(LUMA),
        lambda: engine.open_engine(bundle.load("face-small"), "onnx").run(LUMA),
        lambda: align.crop(LUMA, LUMA[:2].astype(np.float32), LUMA[:5, :2].astype(np.float32)),
    ],
)
def test_a_frame_of_the_wrong_kind_is_refused_without_its_numbers(wrong: Callable[[], object]) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of whichever library it comes
        wrong()
    told = "".join(traceback.format_exception(caught.value))
    assert numbers_in(told) == []
    assert pixels.found_in(told.encode(), WANTED) == []
    assert arrays_of(caught.value) == []


@pytest.mark.parametrize("planted", [ValueError(LUMA), ValueError(f"bad frame {LUMA}"), ValueError(LUMA[3].tolist())])
def test_a_planted_exception_with_pixels_is_found(planted: ValueError) -> None:
    assert numbers_in("".join(traceback.format_exception(planted))) or arrays_of(planted)
    assert arrays_of(ValueError(LUMA))
    error = MienError("outer")
    error.__cause__ = ValueError(LUMA)
    assert arrays_of(error)


def _run(violation: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    return subprocess.run(
        planting.command(["run", "--source", "demo", "--sink", "null", "--max-frames", "2", *more], violation),
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )


def test_a_run_may_not_be_dumped(tmp_path: Path) -> None:
    asked = "import ctypes, resource; print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[0])"
    assert _run(asked, tmp_path).stdout.splitlines() == ["0 0", "0 0"]


@pytest.mark.skipif(
    not CORE.is_file() or "/" in CORE.read_text() or "|" in CORE.read_text(),
    reason="cores go elsewhere here",
)
def test_a_crash_leaves_no_core(tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("this shell allows no core dump at all")
    crash = "import os; os.abort()"
    assert _run(crash, tmp_path).returncode < 0
    assert list(tmp_path.iterdir()) == []
    # Allowed again, the same crash leaves one: the check can fail.
    allowed = "import ctypes, resource as r; ctypes.CDLL(None).prctl(4, 1); r.setrlimit(r.RLIMIT_CORE, (10**7, 10**7))"
    assert _run(f"{allowed}; {crash}", tmp_path).returncode < 0
    assert len(list(tmp_path.iterdir())) == 1


def test_the_most_verbose_log_of_a_run_says_something_and_no_pixel(tmp_path: Path) -> None:
    noise = (
        "import numpy as np; frame.luma[:120, :160] = np.random.default_rng(15).integers(0, 256, (120, 160), np.uint8)"
    )
    said = _run(noise, tmp_path, "-vv").stderr
    assert sum(" debug mien.run: frame " in line for line in said.splitlines()) == 2
    assert numbers_in(said) == []
    assert " debug " not in _run(noise, tmp_path).stderr
    wanted = sources.fragments("demo", 2)  # of the clip as it is, the faces' crops as well
    assert pixels.found_in(_run("pass", tmp_path, "-vv").stderr.encode(), wanted) == []


@pytest.mark.parametrize(
    "planted",
    [
        "'%s', (frame.luma[100:104].astype('float32') / 255).round(3).tolist()",
        "'%r', frame.luma[100:104].tobytes()",
        "'%s', frame.luma[100:104, ::-1].tolist()",
    ],
)
def test_pixels_planted_in_the_verbose_log_are_found(planted: str, tmp_path: Path) -> None:
    said = _run(f"import logging; logging.getLogger('mien.run').debug({planted})", tmp_path, "-vv").stderr
    assert any("rows of luma" in what for what in pixels.found_in(said.encode(), sources.fragments("demo", 2)))


def test_verbose_says_what_each_part_is(tmp_path: Path) -> None:
    lines = _run("pass", tmp_path, "-v", "--sink", f"sqlite:{tmp_path / 'h.db'}").stderr.splitlines()
    said = [line.partition(" info ")[2] for line in lines]
    assert [line for line in said if line] == [
        "mien.camera: opened demo clip 640x480",
        f"mien.sinks: sink sqlite:{tmp_path / 'h.db'}: takes readings",
        "mien.models: face-base runs on litert, threads: 1",
        "mien.models: emotion-base runs on litert, threads: 1",
    ]


def test_an_unexpected_failure_is_one_line_and_with_verbose_where_it_came_from_without_pixels(tmp_path: Path) -> None:
    failing = "raise ZeroDivisionError('odd')"
    quiet, loud = _run(failing, tmp_path), _run(failing, tmp_path, "--verbose")
    assert (quiet.returncode, loud.returncode) == (3, 3)
    line = "mien: unexpected ZeroDivisionError: odd; run with --verbose to see where, and report it"
    assert quiet.stderr.splitlines() == [line]
    assert loud.stderr.splitlines()[-1] == line
    assert "Traceback" in loud.stderr
    assert "in violate" in loud.stderr
    assert numbers_in(loud.stderr) == []


def test_the_log_is_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    with verbose():
        logging.getLogger("mien.test").debug("a\nb %s", "c")
    logging.getLogger("mien.test").debug("nobody asked")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r" debug mien.test: a\nb c")
