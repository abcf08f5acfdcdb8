from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.errors import MienError
from mien_train.study import sweep, sweep_pictures, sweep_result, sweep_space, sweep_study, sweep_table
from mien_train.study.sweep_result import Sweep, Tried
from mien_train.training import loop
from mien_train.training.checkpoint import Checkpoint

SPACES = Path(__file__).parents[3] / "train" / "spaces"
TINY = ["widths=4,8", "blocks=1,1", "batch=16", "epochs=1"]
RATES = "[learning_rate]\nlow = 1e-3\nhigh = 1e-2\nlog = true\n"
ONE_AT_A_TIME = 'sampler = "one-at-a-time"\n[dropout]\nchoices = [0.0, 0.2]\n[mixup]\nchoices = [0.0, 0.5]\n'


class Training:
    """Stands in for `loop.train`: the score comes from a function of the recipe and the epoch, nothing is computed."""

    def __init__(self, score: Callable[[Any, int], float], epochs: int = 1) -> None:
        self.folders: list[str] = []
        self._score, self._epochs = score, epochs

    def __call__(self, task: Any, run: Path, seed: int, resume: bool, on_epoch: Any) -> Checkpoint:
        assert resume
        self.folders.append(run.name)
        scores = []
        for epoch in range(1, self._epochs + 1):
            scores.append(self._score(task.recipe, epoch))
            on_epoch({"epoch": epoch, "val_accuracy": scores[-1], "seconds": 2.0})
        metrics = {"accuracy": max(scores)}
        return Checkpoint("emotion", {}, {}, (), seed, "", 1 + scores.index(max(scores)), {}, metrics)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Training]:
    """Put a `Training` in the loop's place."""

    def put(score: Callable[[Any, int], float], epochs: int = 1) -> Training:
        training = Training(score, epochs)
        monkeypatch.setattr(loop, "train", training)
        return training

    return put


def _space(folder: Path, text: str) -> Path:
    path = folder / "space.toml"
    path.write_text(text)
    return path


def _sweep(folder: Path, space: str, trials: int | None = None, seed: int = 0, out: str = "out") -> dict[str, Any]:
    found = sweep.sweep(
        "quick", _space(folder, space), folder / "data", folder / out, None, trials, seed, [*TINY, "dropout=0.1"]
    )
    return json.loads(json.dumps(found.document()))


def test_trials_train_for_real_and_a_second_call_goes_on_to_the_wanted_number(small_data: Path, tmp_path: Path) -> None:
    assert len(_sweep(tmp_path, RATES, trials=1)["trials"]) == 1
    found = _sweep(tmp_path, RATES, trials=2)
    assert json.loads((tmp_path / "out" / "sweep.json").read_text()) == found
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 2
    assert [trial["folder"] for trial in found["trials"]] == ["trial-0", "trial-1"]
    for trial in found["trials"]:
        history = json.loads((tmp_path / "out" / trial["folder"] / "history.json").read_text())
        assert history["recipe"]["learning_rate"] == trial["values"]["learning_rate"]
        assert history["epochs"][0]["val_accuracy"] == pytest.approx(trial["score"], abs=1e-4)
        assert trial["parameters"] == 1364
        assert 1e-3 <= trial["values"]["learning_rate"] <= 1e-2
    assert found["trials"][0]["values"] != found["trials"][1]["values"]
    assert (tmp_path / "out" / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert "1364  complete" in sweep_table.text(sweep_result.parsed(found, "sweep.json"))
    assert found["protocol"] == {"split": "val", "labels": "ferplus", "partition": "usage", "score": "accuracy"}
    assert "--set dropout=0.1" in found["command"]


def test_one_at_a_time_trains_the_own_values_then_each_choice_once(
    small_data: Path, tmp_path: Path, fake: Callable[..., Training]
) -> None:
    training = fake(lambda recipe, _: recipe.dropout + recipe.mixup)
    found = _sweep(tmp_path, ONE_AT_A_TIME)
    values = [(trial["values"]["dropout"], trial["values"]["mixup"]) for trial in found["trials"]]
    assert values == [(0.1, 0.0), (0.0, 0.0), (0.2, 0.0), (0.1, 0.5)]
    assert found["trials"][found["best"]]["score"] == pytest.approx(0.6)
    assert len(_sweep(tmp_path, ONE_AT_A_TIME)["trials"]) == len(training.folders) == 4


def test_a_grid_trains_every_combination_once(small_data: Path, tmp_path: Path, fake: Callable[..., Training]) -> None:
    fake(lambda recipe, _: recipe.dropout)
    found = _sweep(tmp_path, ONE_AT_A_TIME.replace("one-at-a-time", "grid"))
    values = [(trial["values"]["dropout"], trial["values"]["mixup"]) for trial in found["trials"]]
    assert values == [(0.0, 0.0), (0.0, 0.5), (0.2, 0.0), (0.2, 0.5)]


def test_the_largest_seed_that_is_taken_is_one_for_the_sampler_too(
    small_data: Path, tmp_path: Path, fake: Callable[..., Training]
) -> None:
    fake(lambda recipe, _: recipe.learning_rate)
    assert len(_sweep(tmp_path, RATES, trials=2, seed=2**32 - 1)["trials"]) == 2


def test_a_broken_search_draws_what_an_unbroken_one_draws(
    small_data: Path, tmp_path: Path, fake: Callable[..., Training]
) -> None:
    fake(lambda recipe, _: recipe.learning_rate)
    whole = _sweep(tmp_path, RATES, trials=4, out="whole")
    _sweep(tmp_path, RATES, trials=2, out="broken")
    broken = _sweep(tmp_path, RATES, trials=4, out="broken")
    rates = [trial["values"]["learning_rate"] for trial in broken["trials"]]
    assert rates == [trial["values"]["learning_rate"] for trial in whole["trials"]]
    assert len(set(rates)) == 4


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_a_trial_that_was_cut_off_is_repeated_in_its_folder(
    small_data: Path,
    tmp_path: Path,
    fake: Callable[..., Training],
    monkeypatch: pytest.MonkeyPatch,
    end: type[BaseException],
) -> None:
    monkeypatch.setattr(sweep_study, "HEARTBEAT", 1)
    monkeypatch.setattr(sweep_study, "GRACE", 2)

    def cut(recipe: Any, _: int) -> float:
        # Optuna does not see a SystemExit: as after a kill, the trial is left running without a sign of life.
        if recipe.mixup:
            raise end
        return 0.5

    fake(cut)
    with pytest.raises(end):
        _sweep(tmp_path, ONE_AT_A_TIME)
    left = json.loads((tmp_path / "out" / "sweep.json").read_text())["trials"]
    assert [trial["state"] for trial in left[:3]] == ["complete"] * 3
    training = fake(lambda recipe, _: 0.7)
    found = _sweep(tmp_path, ONE_AT_A_TIME)
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 3 + ["interrupted", "complete"]
    assert training.folders == ["trial-3"]
    assert found["trials"][4]["repeats"] == 3
    assert found["trials"][4]["values"] == found["trials"][3]["values"] == {"dropout": 0.1, "mixup": 0.5}


def test_a_clearly_worse_trial_is_stopped_early(
    small_data: Path, tmp_path: Path, fake: Callable[..., Training]
) -> None:
    begun = 0

    def score(_: Any, epoch: int) -> float:
        nonlocal begun
        begun += epoch == 1
        return 0.6 + epoch / 100 if begun <= 5 else 0.1

    fake(score, epochs=6)
    found = _sweep(tmp_path, RATES, trials=6)
    assert [trial["state"] for trial in found["trials"]] == ["complete"] * 5 + ["pruned"]
    assert [trial["epochs"] for trial in found["trials"]] == [6] * 5 + [1]
    assert [trial["score"] for trial in found["trials"]][-1] == 0.1
    assert found["trials"][0]["seconds"] == 12.0
    assert found["trials"][0]["best_epoch"] == 6


def test_a_failed_trial_keeps_its_reason_and_the_sweep_goes_on(
    small_data: Path, tmp_path: Path, fake: Callable[..., Training]
) -> None:
    space = 'sampler = "grid"\n[widths]\nchoices = [[4, 8], [4, 8, 8]]\n'  # three widths do not fit two `blocks`
    fake(lambda recipe, _: 0.5)
    found = _sweep(tmp_path, space)
    assert [trial["state"] for trial in found["trials"]] == ["complete", "failed"]
    assert "make no network" in found["trials"][1]["error"]
    assert "trial 1 failed: these settings make no network" in sweep_table.text(
        sweep_result.parsed(found, "sweep.json")
    )
    with pytest.raises(MienError, match="no trial succeeded; the first said: these settings make no network"):
        _sweep(tmp_path, space.replace("[4, 8], ", ""), out="other")


def test_a_folder_of_another_sweep_is_refused(small_data: Path, tmp_path: Path, fake: Callable[..., Training]) -> None:
    fake(lambda recipe, _: 0.5)
    _sweep(tmp_path, RATES, trials=1)
    with pytest.raises(MienError, match="begun with another space"):
        _sweep(tmp_path, ONE_AT_A_TIME)
    with pytest.raises(MienError, match="begun with another seed"):
        _sweep(tmp_path, RATES, trials=1, seed=1)


def test_a_sweep_json_that_is_no_result_is_refused(small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for content in ("[]", "{"):
        (tmp_path / "out" / "sweep.json").write_text(content)
        with pytest.raises(MienError, match="not the result of a sweep"):
            sweep.sweep("quick", _space(tmp_path, RATES), small_data, tmp_path / "out", None, 1, 0, TINY)


def test_a_storage_that_cannot_be_opened_is_said_without_its_password(small_data: Path, tmp_path: Path) -> None:
    space = _space(tmp_path, RATES)
    with pytest.raises(MienError, match="--storage: cannot be opened") as said:
        sweep.sweep("quick", space, small_data, tmp_path / "out", "nosuch://me:secret@host/db", 1, 0, TINY)
    assert "secret" not in str(said.value)


def test_a_missing_package_is_said_with_its_remedy(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MienError, match=r"pip install 'mien\[train\]'"):
        _sweep(tmp_path, RATES, trials=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[learning_rat]\nlow = 1\nhigh = 2\n", r"\[learning_rat\] .*did you mean 'learning_rate'"),
        ("[name]\nchoices = ['a']\n", r"no field 'name'"),
        ("[learning_rate]\nlow = 1\nhi = 2\n", r"\[learning_rate\] has no setting 'hi'; did you mean 'high'"),
        ("[learning_rate]\nlow = 2e-3\nhigh = 1e-3\n", "low must be smaller"),
        ("[weight_decay]\nlow = 0.0\nhigh = 1e-3\nlog = true\n", "a low above 0"),
        ("[dropout]\nlow = 0.0\nhigh = 0.5\nstep = 0.2\n", "step is 0.2"),
        ("[dropout]\nlow = 0.0\nhigh = 1.5\n", "dropout is 1.5; give 0 to 1"),
        ("[epochs]\nlow = 1.5\nhigh = 3\n", r"\[epochs\] epochs=1.5: expected a value like 6"),
        ("[widths]\nlow = 1\nhigh = 3\n", r"\[widths\] holds no single number"),
        ("[shortcut]\nlow = 0\nhigh = 1\n", r"\[shortcut\] holds no single number"),
        ("[dropout]\nchoices = []\n", "not empty"),
        ("[shortcut]\nchoices = ['maximum']\n", "choose one of averaged, sampled"),
        ("[labels]\nchoices = ['ferplus', 'fer2013']\n", "could not be compared"),
        ("dropout = 3\n", "not a table"),
        ("sampler = 'random'\n", "choose one of tpe, grid, one-at-a-time"),
        ("sampler = 'grid'\n[dropout]\nlow = 0.0\nhigh = 0.5\n", "takes choices only"),
        ("sampler = 'grid'\n", "varies nothing"),
        ("[dropout\n", "not a TOML file"),
    ],
)
def test_a_bad_space_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MienError, match=message) as said:
        sweep_space.load(_space(tmp_path, text), "quick", [])
    assert "\n" not in str(said.value)


def test_values_have_the_types_of_the_recipe(tmp_path: Path) -> None:
    text = "[widths]\nchoices = [[4, 8], [16]]\n[norm]\nchoices = [true, false]\n[hidden]\nchoices = [[]]\n"
    fields = sweep_space.load(_space(tmp_path, text + "[dropout]\nlow = 0\nhigh = 1\n"), "deep", []).fields
    assert fields["widths"] == ((4, 8), (16,))
    assert fields["norm"] == (True, False)
    assert fields["hidden"] == ((),)
    assert isinstance(fields["dropout"], sweep_space.Range)
    assert isinstance(fields["dropout"].low, float)


def test_the_spaces_that_come_with_mien_fit_their_recipes() -> None:
    points = sweep_space.load(SPACES / "threeconv-fourfc.toml", "threeconv-fourfc", []).points()
    assert len(points) == 7  # the recipe itself, two other widths, three other hidden layers, one other dropout
    assert {len(point["widths"]) for point in points} == {2, 3, 4}
    assert {len(point["hidden"]) + 1 for point in points} == {2, 3, 4, 5}
    epochs = sweep_space.load(SPACES / "threeconv-fourfc-epochs.toml", "threeconv-fourfc", []).points()
    assert sorted(point["epochs"] for point in epochs) == [10, 25, 50, 100]
    assert sweep_space.load(SPACES / "base.toml", "base", []).points() == []


def _tried(spaces: dict[str, Any], trials: int) -> Sweep:
    """A sweep whose trials took the choices in turn and the ranges from end to end."""
    trial_rows = []
    for n in range(trials):
        values = {
            name: table["choices"][n % len(table["choices"])]
            if "choices" in table
            else table["low"] + (table["high"] - table["low"]) * n / (trials - 1)
            for name, table in spaces.items()
            if name != "sampler"
        }
        trial_rows.append(Tried(n, "pruned" if n % 4 == 3 else "complete", values, 0.5 + n / 1000, 10, 60.0, 5000))
    own = {name: table["choices"][0] for name, table in spaces.items() if name != "sampler" and "choices" in table}
    protocol = {"score": "accuracy"}
    return Sweep("sweep", {}, protocol, {"name": "deep", **own}, spaces, 0, "data", trials - 1, tuple(trial_rows))


WIDTHS = {"choices": [[16, 32], [16, 32, 64], [16, 32, 64, 128], [32, 64, 128, 256]]}
HIDDEN = {"choices": [[512, 256, 128, 64], [1024, 512, 256, 128, 64]]}
MANY = {
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "weight_decay": {"low": 0.0, "high": 0.00123},
    "widths": WIDTHS,
    "epochs": {"low": 10, "high": 12},
    "hidden": HIDDEN,
    "batch": {"low": 16000, "high": 160000},
    "augmentation": {"choices": ["none", "standard", "strong"]},
}


@pytest.mark.parametrize(
    "space",
    [
        MANY,
        {"sampler": "one-at-a-time", "widths": WIDTHS, "hidden": HIDDEN, "dropout": {"choices": [0.0, 0.3]}},
        {"sampler": "grid", "widths": WIDTHS, "hidden": HIDDEN},
    ],
    ids=["tpe", "one-at-a-time", "grid"],
)
def test_neither_panels_nor_labels_of_a_picture_overlap(space: dict[str, Any]) -> None:
    figure = sweep_pictures.drawn(_tried(space, 20))
    figure.draw_without_rendering()
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == (1 if space.get("sampler") == "grid" else len([name for name in space if name != "sampler"]))
    boxes = [axes.get_tightbbox() for axes in shown]
    for index, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])
    for axes in shown:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high and t.label1.get_text()]
            labels = [tick.label1.get_window_extent() for tick in ticks]
            assert len(labels) >= 2
            assert not any(box.overlaps(other) for k, box in enumerate(labels) for other in labels[k + 1 :])


def test_settings_are_shown_short() -> None:
    shown = [sweep_pictures.label(value) for value in ([16, 32], (), 0.0031623, 12, "max", True)]
    assert shown == ["16,32", "none", "0.003162", "12", "max", "True"]
