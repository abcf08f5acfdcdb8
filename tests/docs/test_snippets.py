"""Every snippet of README and docs is true: it runs, or what it would run is understood by the program it names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import cv2
import docs_commands
import docs_pages
import numpy as np
import pytest
from docs_pages import Block

from mien import config
from mien.cameras.demo import DemoCamera, photograph
from mien_train.data import faces

ROOT = docs_pages.ROOT
HERE, ELSEWHERE = "run", {"pi": "a Raspberry Pi", "data": "data sets", "long": "minutes", "net": "the network"}
"""What stands behind the language of a shell block: it runs in this test, or says what it needs."""

LANGUAGES = ("json", "python", "sh", "toml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the snippets take for granted: a photograph, a clip, a folder of pictures, `mien` on the path."""
    here = tmp_path_factory.mktemp("snippets")
    picture = cv2.imread(str(photograph()))
    assert picture is not None
    cv2.imwrite(str(here / "photo.jpg"), picture)
    (here / "photos").mkdir()
    shutil.copy(here / "photo.jpg", here / "photos")
    clip = cv2.VideoWriter(str(here / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (640, 480))
    assert clip.isOpened()
    with DemoCamera(frames=20) as camera:
        for frame in camera.frames():
            clip.write(cv2.cvtColor(frame.luma, cv2.COLOR_GRAY2BGR))
    clip.release()
    program = here / "bin" / "mien"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mien "$@"\n')
    program.chmod(0o755)
    return here


def _ran(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "edge"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def _kind(block: Block) -> str | None:
    """What is wrong with how a block is classified."""
    if block.language not in LANGUAGES:
        return f"{block}: language {block.language!r}; write one of {', '.join(LANGUAGES)}"
    if block.language == "sh" and block.kind not in (HERE, *ELSEWHERE):
        return f"{block}: a shell block is one of {HERE}, {', '.join(ELSEWHERE)}, not {block.kind!r}"
    return None


def _complaints(block: Block) -> list[str]:
    """What is wrong with the commands of a shell block."""
    found = ((words, docs_commands.complaint(words)) for words in docs_commands.lines(block.text))
    return [f"{block}: {' '.join(words)}: {wrong}" for words, wrong in found if wrong]


def test_every_block_says_what_it_is_and_what_it_needs() -> None:
    wrong = [complaint for block in docs_pages.all_blocks() if (complaint := _kind(block))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("block", docs_pages.all_blocks("python"), ids=str)
def test_python_runs(block: Block, folder: Path) -> None:
    ran = _ran([sys.executable, "-c", block.text], folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip(), "it shows nothing"


@pytest.mark.parametrize("block", [b for b in docs_pages.all_blocks("sh") if b.kind == HERE], ids=str)
def test_a_shell_block_for_here_runs(block: Block, folder: Path) -> None:
    ran = _ran(["bash", "-euc", block.text], folder)
    assert ran.returncode == 0, ran.stderr


def test_every_command_of_a_shell_block_is_one_that_its_program_takes() -> None:
    wrong = [complaint for block in docs_pages.all_blocks("sh") for complaint in _complaints(block)]
    assert not wrong, "\n".join(wrong)


def test_every_command_that_a_sentence_mentions_exists() -> None:
    said = [
        (page.name, code)
        for page in docs_pages.pages()
        for code in docs_pages.codes(page.read_text(encoding="utf-8"))
        if code.split()[0] in ("mien", "make", "python")
    ]
    assert len(said) > 20
    wrong = [f"{page}: `{code}`: {complaint}" for page, code in said if (complaint := docs_commands.mention(code))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("block", docs_pages.all_blocks("toml"), ids=str)
def test_settings_are_read(block: Block) -> None:
    config.build(tomllib.loads(block.text), {})


def test_the_list_of_faces_is_one_that_training_reads(tmp_path: Path) -> None:
    (block,) = docs_pages.all_blocks("json")
    (row,) = json.loads(block.text)["train"]
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces/faces.json").write_text(block.text)
    archive, _, name = row["image"].partition("/")
    coded, jpeg = cv2.imencode(".jpg", np.full((row["height"], row["width"]), 90, np.uint8))
    assert coded
    with zipfile.ZipFile(tmp_path / f"faces/{archive}.zip", "w") as pictures:
        pictures.writestr(name, jpeg.tobytes())
    (photo,) = faces.load(tmp_path, "train").photos
    assert photo.luma.shape == (row["height"], row["width"])
    assert photo.boxes.tolist() == [face["box"] for face in row["faces"]]
    assert photo.ignore.tolist() == [False, True]
    assert photo.landmarks[0].ravel().tolist() == row["faces"][0]["landmarks"]
    assert np.isnan(photo.landmarks[1]).all()
    assert photo.drawn.tolist() == photo.boxes.tolist()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("mien run --sauce demo", "unrecognized arguments: --sauce"),
        ("mien run --max-frames many", "invalid int value"),
        ("~/mien/bin/mien walk", "invalid choice: 'walk'"),
        ("sudo true && mien detect", "arguments are required: PATH"),
        ("python -m mien_train emotion --recipe bass", "unknown recipe 'bass'"),
        ("python -m mien_train face --set epoch=3", "no field 'epoch'"),
        ("python -m mien_train sweep base --space train/spaces/none.toml", "no such search space"),
        ("torchrun --nproc-per-node=2 -m mien_train emotion --sed 1", "unrecognized arguments: --sed"),
        ("python -m mien_export build runs/x", "arguments are required: --out"),
        ("unshare --net mien run --nonsense", "unrecognized arguments: --nonsense"),
        ("python -m mien_wrong build", "unknown module 'mien_wrong'"),
        ("python -m pytest tests/test_nothing.py", "no 'tests/test_nothing.py' here"),
        ("pip install -c edge/constraints/buster.txt mien", "no constraint file"),
        ("mein run", "unknown program 'mein'"),
        ("make domo", "no target 'domo'"),
        ("mien doctor --json > out.json; make demo \\\n  tset # a comment", "no target 'tset'"),
    ],
)
def test_a_planted_mistake_in_a_shell_block_is_found(line: str, complaint: str) -> None:
    text = f"# page\n\n```sh long\nmake demo\n{line}\n```\n"
    (block,) = docs_pages.blocks(text, "page.md")
    (found,) = _complaints(block)
    assert found.startswith("page.md:3: ")
    assert complaint in found


@pytest.mark.parametrize(
    ("fence", "complaint"),
    [("sh", "a shell block is one of run"), ("sh slow", "not 'slow'"), ("", "language ''"), ("pyhton", "'pyhton'")],
)
def test_a_block_without_a_known_class_is_found(fence: str, complaint: str) -> None:
    (block,) = docs_pages.blocks(f"```{fence}\nmien run\n```\n", "page.md")
    assert complaint in str(_kind(block))


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("mien walk", "no command 'walk'"),
        ("mien detect --outt DIR", "no option --outt"),
        ("python -m mien_train swap", "no command 'swap'"),
        ("mien --verson", "mien has no option --verson"),
        ("python -m mien_export.arm64 --core a53", "has no option --core"),
        ("make domo", "no target 'domo'"),
    ],
)
def test_a_planted_mistake_in_a_sentence_is_found(code: str, complaint: str) -> None:
    assert complaint in str(docs_commands.mention(code))


def test_what_programs_wrote_is_not_taken_for_a_snippet() -> None:
    text = "<!-- output x -->\n```\nany\n```\n<!-- end -->\n\n```sh run\nmien models\n```\n"
    assert [(b.line, b.kind) for b in docs_pages.blocks(text, "page.md")] == [(7, "run")]


def test_a_failing_snippet_fails(folder: Path) -> None:
    assert _ran([sys.executable, "-c", "from mien import FaceFinder"], folder).returncode != 0
    assert _ran(["bash", "-euc", "mien detect nowhere.jpg\ntrue"], folder).returncode == 1
