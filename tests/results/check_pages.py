"""README, docs and cards show what docs/results say, and those are of the bundled models: `make check-results`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mien.models import bundle
from mien_export.pages import card, classifiers_table, tables

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
