from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_export.pages import card, tables

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "docs/results"


def test_the_readme_shows_what_the_results_say() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text()
    assert tables.fill(readme, RESULTS) == text, "run `make tables`"
    assert len(re.findall("<!-- (table|output) ", text)) >= 5


def test_the_results_are_those_of_the_bundled_models() -> None:
    for name, file in (("emotion-base", "emotion-base.json"), ("face-base", "detector.json")):
        found = json.loads((RESULTS / file).read_text())
        assert found["files"] == bundle.load(name).sidecar.document["files"], (
            f"{file} is of another {name}: run `make results`"
        )


def test_every_look_at_the_test_split_is_noted() -> None:
    noted = [json.loads(line) for line in (RESULTS / "test-log.jsonl").read_text().splitlines()]
    seen = {(line["sha256"], line["protocol"], line["accuracy"]) for line in noted}
    looks = json.loads((RESULTS / "emotion-base.json").read_text())["evaluations"]
    shown = {(e["sha256"], e["protocol"], e["accuracy"]) for e in looks if e["split"] == "test"}
    assert len(shown) >= 6
    assert shown <= seen


def test_a_table_is_replaced_between_its_marks_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "demo.txt").write_text("1 frame\n")
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- output demo -->\nold\n<!-- end -->\nafter\n")
    text = tables.fill(readme, tmp_path)
    assert text == "before\n<!-- output demo -->\n```\n1 frame\n```\n<!-- end -->\nafter\n"


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("table moods", "unknown table 'moods'"),
        ("table emotion", r"emotion-base\.json: missing"),
        ("output x", "missing"),
    ],
)
def test_a_missing_result_or_an_unknown_table_is_named(tmp_path: Path, mark: str, message: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"<!-- {mark} -->\n<!-- end -->\n")
    with pytest.raises(MienError, match=message):
        tables.fill(readme, tmp_path)


@pytest.mark.parametrize("name", ["emotion-base", "face-base"])
def test_the_committed_card_is_the_one_the_results_make(name: str, tmp_path: Path) -> None:
    made = card.write(name, RESULTS, tmp_path)
    assert made.read_text() == (ROOT / "docs/models" / f"{name}.md").read_text(), "run `make tables`"
    assert "## Weak spots" in made.read_text()
