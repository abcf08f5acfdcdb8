"""Signals that reach a run before it reads, while it loads and opens, and while it closes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# At the moment named by its first argument the program sends itself the signal named by its second, once.
PROGRAM = """
import os, signal, sys
moment, name = sys.argv[1:3]

def reached(here):
    global moment
    if here == moment:
        moment = ""
        os.kill(os.getpid(), getattr(signal, name))

class Finder:
    def find_spec(self, module, path=None, target=None):
        if module == "mien.preview.opening":
            reached("imports")

sys.meta_path.insert(0, Finder())
from mien import cli
import mien.cameras.opening, mien.reader
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

class Camera(FakeCamera):
    def close(self):
        super().close()
        reached("closing")

def opened(*_, **__):
    reached("camera")
    return Camera(interval=0.001)

def detector(*_, **__):
    reached("models")
    return FakeDetector([face()])

mien.cameras.opening.open_source = opened
mien.reader.FaceDetector = detector
mien.reader.EmotionClassifier = lambda *_, **__: FakeClassifier()
sys.exit(cli.main(["run", "--max-frames", "3", "--sink", "jsonl:-"]))
"""


def ran(moment: str, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, moment, name],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


@pytest.mark.parametrize("moment", ["imports", "camera", "models", "closing"])
def test_sighup_at_any_moment_changes_nothing(moment: str) -> None:
    done = ran(moment, "SIGHUP")
    assert done.returncode == 0, done.stderr
    assert "3 frames" in done.stderr
    assert done.stdout.count("\n") >= 1


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("moment", ["imports", "camera", "models"])
def test_a_run_that_is_told_to_end_before_it_reads_ends_with_status_0_and_no_word(moment: str, name: str) -> None:
    done = ran(moment, name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_run_that_is_told_to_end_while_it_closes_ends_well(name: str) -> None:
    done = ran("closing", name)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


STARTING = """
import os, signal, sys
name, *sys.argv[1:] = sys.argv[1:]

class Finder:
    def find_spec(self, module, path=None, target=None):
        if module == "mien.cli":
            os.kill(os.getpid(), getattr(signal, name))

sys.meta_path.insert(0, Finder())
from mien.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(("name", "words"), [("SIGHUP", "Pictures: none"), ("SIGTERM", ""), ("SIGINT", "")])
def test_before_the_command_line_is_read_it_is_the_same(name: str, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTING, name, "run", "--explain-privacy"],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert words in done.stdout
    assert bool(words) == bool(done.stdout)
