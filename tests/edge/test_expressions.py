"""Readings of seven labels go wherever those of eight do, and say which expression they are of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from edge_fakes import FakeClassifier, FakeDetector, face
from numpy.typing import NDArray
from sink_fakes import reading, result

from mien import FaceReader, MienError
from mien.cli import main
from mien.history.settings import HistorySettings
from mien.history.summary import summarise, text
from mien.models import bundle
from mien.outputs.lines import JsonlSettings
from mien.outputs.mqtt import MqttSettings
from mien.outputs.overlay import annotate, marks
from mien.outputs.program import CommandSettings
from mien.outputs.records import JsonLines
from mien.outputs.sinks import SinkSettings, open_sinks
from mien.outputs.text import TextLines
from mien.outputs.thinning import LastReading, Thinning
from mien.preview.state import _reading
from mien.reading import FrameResult
from mien.roles import Verdict

SEVEN = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


class Posed(FakeClassifier):
    """Sees disgust, of seven labels."""

    expression, labels = "intended", SEVEN

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.tile(np.array([0.05, 0.7, 0.05, 0.05, 0.05, 0.05, 0.05], np.float32), (len(crops), 1))

    def verdict(self, probabilities: NDArray[np.float32]) -> Verdict:
        return Verdict(*[SEVEN[int(probabilities.argmax())]] * 2, None)


def frame(at: int = 1) -> NDArray[np.uint8]:
    return np.zeros((120, 160), np.uint8)


@pytest.fixture
def posed() -> FrameResult:
    reader = FaceReader(FakeDetector([face()]), Posed())
    reader.read(frame(), 1_000_000)
    return reader.read(frame(), 500_000_000)  # smoothed over two frames


def test_a_reading_says_how_its_face_was_read(posed: FrameResult) -> None:
    (found,) = posed.readings
    assert (found.emotion, found.expression, tuple(found.probabilities)) == ("disgust", "intended", SEVEN)
    (line,) = (json.loads(text) for text in JsonLines("00c0ffee")(posed))
    assert (line["expression"], list(line["probabilities"])) == ("intended", list(SEVEN))
    assert FaceReader(FakeDetector([face()]), FakeClassifier()).read(frame()).readings[0].expression == "perceived"


def test_text_overlay_and_page_show_seven_labels(posed: FrameResult) -> None:
    (line,) = TextLines()(posed)
    assert "disgust 70%" in line
    assert annotate(frame(), marks(posed)).ndim == 3
    assert [label for label, _ in _reading(posed.readings[0])["probabilities"]] == list(SEVEN)


def test_the_history_counts_them(posed: FrameResult, tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    kinds = SinkSettings(JsonlSettings(), HistorySettings(group=1), MqttSettings(), CommandSettings())
    with open_sinks([f"sqlite:{path}"], kinds, live=False) as sinks:
        sinks.write(posed)
        sinks.finish()
    assert "disgust" in text(summarise(path, 0, 1 << 42))


def test_a_last_reading_keeps_its_expression(posed: FrameResult) -> None:
    thin = Thinning(0, on_change=True)
    thin(posed)
    gone = thin(result(9, reading(8), seconds=60))
    assert gone is not None
    (last,) = [one for one in gone.readings if isinstance(one, LastReading)]
    assert (last.emotion, last.expression) == ("disgust", "intended")


def test_a_reader_refuses_another_expression_than_its_classifiers() -> None:
    FaceReader(FakeDetector(), Posed(), expression="intended")
    with pytest.raises(MienError, match="the classifier reads intended, not mixed; open it with that"):
        FaceReader(FakeDetector(), Posed(), expression="mixed")


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--source", "demo", "--sink", "null", "--expression", "both"],
        ["detect", "nothing.png", "--expression", "both"],
        ["bench", "--quick", "--engine", "litert", "--expression", "both"],
    ],
)
def test_an_unknown_expression_is_one_line_that_names_the_models(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    has = ", ".join(one.name for one in bundle.load("emotion-base").expressions)
    assert capsys.readouterr().err == f"mien: emotion-base: has no expression 'both'; choose {has}\n"


def test_the_setting_of_a_file_is_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mien.toml"
    file.write_text('expression = "both"\n')
    words = ["run", "--source", "demo", "--max-frames", "1", "--sink", "jsonl:-", "--config", str(file)]
    assert main(words) == 2
    assert "has no expression 'both'" in capsys.readouterr().err
    assert main([*words, "--expression", "perceived"]) == 0
    assert json.loads(capsys.readouterr().out)["expression"] == "perceived"


def test_models_are_listed_with_their_expressions(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows["emotion-base"]["expressions"]["perceived"]) == 8
    assert "expressions" not in rows["face-base"]
    main(["models"])
    assert "perceived (8 labels)" in capsys.readouterr().out
