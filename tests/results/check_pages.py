"""README, docs and cards show what docs/results say, and those are of the bundled models: `make check-results`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mien.cli import main
from mien.models import bundle
from mien_export.pages import card, classifiers_table, tables
from mien_export.records.bench import Bench, earlier
from mien_export.records.reading import read

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs/results"
CLASSIFIERS = ("emotion-base", "emotion-large", "emotion-nano")


def test_every_page_shows_what_the_results_say() -> None:
    pages = {page: page.read_text() for page in tables.pages(ROOT)}
    assert sum(len(re.findall("<!-- (table|output) ", text)) for text in pages.values()) >= 10
    stale = [str(page.relative_to(ROOT)) for page, text in pages.items() if tables.fill(page, RESULTS) != text]
    assert stale == [], "run `make tables`"


@pytest.mark.parametrize("name", [*CLASSIFIERS, "face-base", "face-small"])
def test_the_results_are_those_of_the_bundled_models(name: str) -> None:
    file = "detector.json" if name == "face-base" else f"{name}.json"
    found = json.loads((RESULTS / file).read_text())
    assert found["files"] == bundle.load(name).sidecar.document["files"], (
        f"{file} is of another {name}: run `make results`"
    )


@pytest.mark.parametrize("file", ["face-base-tiles.json", "face-base-conditions.json"])
def test_what_else_was_measured_of_the_detector_is_of_the_bundled_one(file: str) -> None:
    digest = bundle.load("face-base").sidecar.files["tflite"].sha256
    assert json.loads((RESULTS / file).read_text())["sha256"] == digest, "run `make results`"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("face-base", "detector.json"),
        ("face-base", "face-base-conditions.json"),
        ("face-base", "face-base-tiles.json"),
        ("face-small", "face-small.json"),
    ],
)
def test_a_detector_was_measured_at_the_thresholds_that_it_has(name: str, file: str) -> None:
    found, decode = json.loads((RESULTS / file).read_text()), bundle.load(name).decode
    if "evaluations" in found:
        assert {e["score_threshold"] for e in found["evaluations"]} == {decode.score_threshold}, "run `make results`"
    elif "detectors" in found:
        thresholds = {way: found["detectors"][way]["score_threshold"] for way in ("whole", "tiles")}
        assert thresholds == {"whole": decode.score_threshold, "tiles": decode.tile_threshold}, "run `make results`"
    else:
        assert found["score_threshold"] == decode.score_threshold, "run `make results`"


def test_what_was_timed_are_the_bundled_models_on_one_processor_at_least_and_on_the_other_it_is_said() -> None:
    found = {file: read(RESULTS / file, Bench) for file in ("bench.json", "bench-xeon.json")}
    assert "" in map(earlier, found.values()), "`make bench`"
    # In the tables that is said by whoever writes them; here by hand.
    same = len({json.dumps(bench["models"]) for bench in found.values()}) == 1
    assert ("the same models" in (ROOT / "docs/performance.md").read_text()) == same


def test_what_was_counted_are_the_bundled_models() -> None:
    networks = json.loads((RESULTS / "bench-arm64.json").read_text())["networks"]
    counted = {row["name"]: row["sha256"] for row in networks if not row["peer"]}
    assert counted == {name: bundle.load(name).sidecar.files["tflite"].sha256 for name in counted}, "`make bench-arm64`"
    assert {"face-base", "face-small", *CLASSIFIERS} <= set(counted)


def test_ours_in_the_comparison_is_the_bundled_classifier() -> None:
    (ours,) = (row for row in json.loads((RESULTS / "compare.json").read_text()) if row["recipe"] == "base")
    bundled = bundle.load("emotion-base").sidecar
    assert ours["settings"] == json.loads(json.dumps(bundled.training.recipe)), (
        "run `mien_train compare --recipes base`"
    )
    assert ours["int8_bytes"] == bundled.files["tflite"].bytes


def test_the_demo_prints_what_the_readme_shows(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--source", "demo", "--sink", "text"]) == 0
    today, shown = _readings(capfd.readouterr().out), _readings((RESULTS / "demo.txt").read_text())
    assert [(frame, track, label) for frame, track, label, _, _ in today] == [reading[:3] for reading in shown]
    for (*_, score, box), (*_, old_score, old_box) in zip(today, shown, strict=True):
        assert score == pytest.approx(old_score, abs=0.03), "run `make demo`, and keep its output.txt as demo.txt"
        assert box == pytest.approx(old_box, abs=3)


def _readings(printed: str) -> list[tuple[str, str, str, float, list[int]]]:
    """Frame, track, label, score and box of each line that `--sink text` printed."""
    line = r"^frame +(\d+)  track +(\d+)  (\w+).*score ([\d.]+) .*box (\d+),(\d+) (\d+),(\d+)$"
    found = re.findall(line, printed, re.MULTILINE)
    return [(frame, track, label, float(score), [int(x) for x in box]) for frame, track, label, score, *box in found]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_quality_and_course_of_training_are_those_of_the_bundled_classifier(name: str) -> None:
    sidecar = bundle.load(name).sidecar
    judged = json.loads((RESULTS / f"quality-{name}.json").read_text())
    assert judged["settings"] == sidecar.document["quality"]
    assert sidecar.training.recipe["teachers"] == ",".join(judged["run"]["teachers"])
    course = json.loads((RESULTS / f"history-{name}.json").read_text())
    assert (course["recipe"], course["seed"]) == (sidecar.training.recipe, sidecar.training.seed)


def test_every_bundled_classifier_is_shown() -> None:
    assert tuple(sorted(path.stem for path in bundle.MODELS.glob("emotion-*.json"))) == CLASSIFIERS
    assert classifiers_table.NAMES == CLASSIFIERS


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_look_at_the_test_split_is_noted(name: str) -> None:
    noted = [json.loads(line) for line in (RESULTS / "test-log.jsonl").read_text().splitlines()]
    seen = {(line["sha256"], line["protocol"], line["accuracy"]) for line in noted}
    looks = json.loads((RESULTS / f"{name}.json").read_text())["evaluations"]
    shown = {(e["sha256"], e["protocol"], e["accuracy"]) for e in looks if e["split"] == "test"}
    assert len(shown) >= 6
    assert shown <= seen


def test_every_look_at_other_seeds_is_noted() -> None:
    noted = [json.loads(line) for line in (RESULTS / "test-log.jsonl").read_text().splitlines()]
    seen = {(line["sha256"], line["protocol"], line["accuracy"]) for line in noted}
    for path in RESULTS.glob("seeds-*.json"):
        for row in json.loads(path.read_text())["seeds"]:
            for protocol in ("strict", "loose"):
                assert (row["sha256"], protocol, row[protocol]["accuracy"]) in seen


@pytest.mark.parametrize("name", [*CLASSIFIERS, "face-base", "face-small"])
def test_the_committed_card_is_the_one_the_results_make(name: str, tmp_path: Path) -> None:
    made = card.write(name, RESULTS, tmp_path)
    assert made.read_text() == (ROOT / "docs/models" / f"{name}.md").read_text(), "run `make tables`"
