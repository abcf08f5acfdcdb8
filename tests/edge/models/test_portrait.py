"""A detector and its portrait counterpart: which one sees a frame, and calls from several threads."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien import FaceDetector, read_image
from mien.cameras.demo import photograph
from mien.faces import detector as module
from mien.faces.face import Face
from mien.models import bundle

Luma = NDArray[np.uint8]


@pytest.fixture(scope="module")
def scene() -> Luma:
    """The photograph's face amidst grey, uint8 (640, 640)."""
    canvas = np.full((640, 640), 110, np.uint8)
    canvas[160:480, 160:480] = read_image(photograph())[:320, 60:380]
    return canvas


@pytest.mark.parametrize("name", ["face-base", "face-small"])
def test_landscape_and_portrait_frames_of_one_photograph_are_read_by_the_two_counterparts(
    name: str, scene: Luma, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = module.open_engine

    def recorded(model: bundle.Bundle, engine: str, threads: int) -> object:
        opened.append(model.name)
        return real(model, engine, threads)

    monkeypatch.setattr(module, "open_engine", recorded)
    found = FaceDetector(name)
    (wide,) = found.detect(scene[80:560].copy())  # 640 wide, 480 high
    assert opened == [name]
    (high,) = found.detect(scene[:, 80:560].copy())
    assert opened == [name, f"{name}-portrait"]
    found.detect(scene[:, 80:560].copy())
    assert len(opened) == 2  # each is opened once
    off = np.abs(np.array(wide.moved(0, 80).box) - np.array(high.moved(80, 0).box))
    assert off.max() < 0.06 * wide.box.height


def test_a_counterpart_has_its_models_weights_and_the_other_shape() -> None:
    for name in ("face-base", "face-small"):
        model = bundle.load(name)
        other = bundle.portrait(model)
        assert other is not None
        assert (other.height, other.width) == (model.width, model.height)
        assert other.sidecar.same_run(model.sidecar)
    assert bundle.portrait(bundle.load("emotion-base")) is None


def test_calls_from_several_threads_give_what_calls_in_turn_give(scene: Luma) -> None:
    frames = [scene[:, at : at + 480].copy() for at in (60, 80, 100, 120)]  # portrait
    frames += [scene[at : at + 480].copy() for at in (60, 80, 100, 120)]  # landscape
    with FaceDetector("face-small") as detector:
        expected = [detector.detect(frame) for frame in frames]
        assert all(expected)
        wrong: list[tuple[int, tuple[Face, ...]]] = []
        start = threading.Barrier(len(frames))

        def repeat(number: int) -> None:
            start.wait()
            for _ in range(60):
                faces = detector.detect(frames[number])
                if faces != expected[number]:
                    wrong.append((number, faces))

        threads = [threading.Thread(target=repeat, args=(number,)) for number in range(len(frames))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_model_beside_a_counterpart_that_is_a_folder_or_a_link_to_itself_is_whole(tmp_path: Path) -> None:
    for path in bundle.MODELS.glob("face-small.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "face-small-portrait.json").symlink_to("face-small-portrait.json")
    assert bundle.portrait(bundle.load(tmp_path / "face-small.json")) is None
