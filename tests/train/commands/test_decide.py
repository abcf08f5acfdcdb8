"""A network of two heads, from training to the choice of how it is read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mien_train import cli
from mien_train.emotion import heads
from mien_train.training import checkpoint
from mien_train.training.checkpoint import Checkpoint


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, fer_writer: Callable[..., None]) -> Path:
    folder = tmp_path_factory.mktemp("two") / "data"
    fer_writer(folder)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path) -> Path:
    """Run folder of a tiny network of two heads."""
    words = ["emotion", "--recipe", "base", "--data", str(data), "--out", str(data.parent / "run")]
    for setting in ("epochs=1", "widths=4,6", "blocks=0,1", "batch=16", "near_copies=kept"):
        words += ["--set", setting]
    assert cli.main(words) == 0
    return data.parent / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy, as a run of an earlier version leaves it: with a decision about the first head alone."""
    stored = checkpoint.load(trained / "checkpoint.pt")
    kept = {key: value for key, value in stored.metrics.items() if key not in ("expressions", "choices")}
    old = {**kept, "decision": {"temperature": 1.0, "abstain_below": 0.5}, "alignment": {"template": "measured"}}
    (tmp_path / "run").mkdir()
    checkpoint.save(dataclasses.replace(stored, metrics=old), tmp_path / "run" / "checkpoint.pt")
    return tmp_path / "run"


def test_training_ends_with_the_choice_of_expressions(trained: Path) -> None:
    stored = checkpoint.load(trained / "checkpoint.pt")
    among = heads.expressions(stored)
    assert {one.name: len(one.labels) for one in among} == {"perceived": 8, "intended": 7, "mixed": 8}
    assert set(stored.metrics["choices"]) == {one.name for one in among}
    assert "decision" not in stored.metrics


def test_deciding_anew_gives_what_training_gave_and_leaves_the_rest(
    run: Path, trained: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["decide", str(run), "--data", str(data), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    first, anew = (checkpoint.load(folder / "checkpoint.pt") for folder in (trained, run))
    for key in ("expressions", "choices"):
        assert printed[key] == anew.metrics[key] == first.metrics[key]
    assert "decision" not in anew.metrics
    assert anew.metrics["alignment"] == {"template": "measured"}
    assert anew.metrics["accuracy"] == first.metrics["accuracy"]


def test_the_table_has_a_column_an_expression_and_a_line_a_class(
    run: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["decide", str(run), "--data", str(data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines[0].split()[1:]) == ["intended", "mixed", "perceived"]
    assert len([line for line in lines if line.startswith("strict ")]) == 3 + 8
    assert len([line for line in lines if line.startswith("fer2013 ")]) == 3 + 7


def test_a_network_of_one_head_gets_its_temperature_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "one"
    words = ["emotion", "--recipe", "twoconv-avg", "--data", str(data), "--out", str(run)]
    assert cli.main([*words, "--set", "epochs=1", "--set", "widths=4,4"]) == 0
    before = checkpoint.load(run / "checkpoint.pt").metrics
    assert cli.main(["decide", str(run), "--data", str(data)]) == 0
    assert checkpoint.load(run / "checkpoint.pt").metrics == before
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"temperature {before['decision']['temperature']:g}, uncertain below ")


def test_other_data_and_other_networks_are_refused(
    run: Path, tmp_path: Path, fer_writer: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    fer_writer(tmp_path / "other", rows=48)
    assert cli.main(["decide", str(run), "--data", str(tmp_path / "other")]) == 2
    assert "was trained on other data than" in capsys.readouterr().err
    face = Checkpoint("face", {}, {}, ("face",), 0, "", 1, {}, {})
    checkpoint.save(face, tmp_path / "face.pt")
    assert cli.main(["decide", str(tmp_path / "face.pt"), "--data", str(tmp_path / "other")]) == 2
    assert "is a checkpoint for 'face'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "protocol", "expression", "classes"),
    [
        ([], "strict", "perceived", 8),
        (["--expression", "mixed"], "strict", "mixed", 8),
        (["--expression", "intended"], "fer2013", "intended", 7),
        (["--expression", "mixed", "--protocol", "fer2013"], "fer2013", "mixed", 7),
        (["--protocol", "loose"], "loose", "perceived", 8),
    ],
)
def test_each_expression_is_judged_by_the_labels_it_is_about(
    words: list[str],
    protocol: str,
    expression: str,
    classes: int,
    trained: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = trained / "checkpoint.pt"
    capsys.readouterr()
    assert cli.main(["evaluate", "--model", str(model), "--data", str(data), "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["protocol"], found["expression"], len(found["per_class"])) == (protocol, expression, classes)
    recalls = [row["recall"] for row in found["per_class"].values() if row["support"]]
    assert found["mean_recall"] == pytest.approx(sum(recalls) / len(recalls), abs=1e-4)
    own = heads.expressions(checkpoint.load(model))[0].name
    assert ("default" in found) == (own != expression)
    if own != expression:
        assert found["default"]["expression"] == own


def test_an_unknown_expression_names_those_of_the_model(
    trained: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--model", str(trained / "checkpoint.pt"), "--data", str(data), "--expression", "both"]
    capsys.readouterr()
    assert cli.main(words) == 2
    assert "has no expression 'both'; choose " in capsys.readouterr().err
