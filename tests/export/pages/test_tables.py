from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_export.cli import main
from mien_export.pages import card, tables

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "docs/results"


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


def test_a_mark_without_its_end_does_not_swallow_what_follows(tmp_path: Path) -> None:
    (tmp_path / "demo.txt").write_text("1 frame\n")
    page = tmp_path / "README.md"
    page.write_text("<!-- output demo -->\nwords\n<!-- output demo -->\n<!-- end -->\n")
    with pytest.raises(MienError, match=r"README\.md: 2 tables begin and 1 ends"):
        tables.fill(page, tmp_path)


def test_a_table_that_no_page_shows_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tables, "_TABLES", {"moods": lambda _: ["good"], "doubts": lambda _: ["few"]})
    (tmp_path / "README.md").write_text("<!-- table moods -->\n<!-- end -->\n")
    assert main(["tables", "--results", "."]) == 2
    assert "no page shows table 'doubts'" in capsys.readouterr().err
    assert "good" not in (tmp_path / "README.md").read_text()
    assert main(["tables", "--results", ".", "--readme", "README.md"]) == 0  # one page need not show all
    assert "good" in (tmp_path / "README.md").read_text()


def test_every_table_is_shown_by_one_page() -> None:
    marks = [mark for page in tables.pages(ROOT) for mark in tables.marks(page.read_text())]
    assert len(marks) >= 10
    assert len(marks) == len(set(marks))
    tables.complete(tables.pages(ROOT))


def test_links_go_out_from_the_page(tmp_path: Path) -> None:
    """A picture of docs/results is docs/results/… in the README, and results/… on a page that lies in docs."""
    shutil.copytree(RESULTS, tmp_path / "docs/results")
    links = {}
    for page in (tmp_path / "README.md", tmp_path / "docs/performance.md", tmp_path / "docs/models/m.md"):
        page.parent.mkdir(exist_ok=True)
        page.write_text("<!-- table bench -->\n<!-- end -->\n")
        text = tables.fill(page, tmp_path / "docs/results")
        (links[page.name],) = re.findall(r"\]\((\S*bench\.png)\)", text)
        assert (page.parent / links[page.name]).resolve() == tmp_path / "docs/results/bench.png"
    assert list(links.values()) == ["docs/results/bench.png", "results/bench.png", "../results/bench.png"]


def test_pages_are_those_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "docs/deep").mkdir(parents=True)
    for name, text in (("README.md", "none"), ("docs/a.md", "none"), ("docs/deep/b.md", "<!-- table bench -->")):
        (tmp_path / name).write_text(text)
    assert tables.pages(tmp_path) == [tmp_path / "README.md", tmp_path / "docs/deep/b.md"]


def test_a_check_changes_nothing_and_tells_by_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tables, "_TABLES", {})
    (tmp_path / "docs").mkdir()
    (tmp_path / "demo.txt").write_text("1 frame\n")
    for page in ("README.md", "docs/a.md"):
        (tmp_path / page).write_text("<!-- output demo -->\n<!-- end -->\n")
    assert main(["tables", "--results", ".", "--check"]) == 1
    assert (tmp_path / "README.md").read_text() == "<!-- output demo -->\n<!-- end -->\n"
    assert main(["tables", "--results", "."]) == 0
    assert "1 frame" in (tmp_path / "docs/a.md").read_text()
    assert main(["tables", "--results", ".", "--check"]) == 0


@pytest.mark.parametrize("name", ["emotion-base", "emotion-large", "emotion-nano", "face-base", "face-small"])
def test_a_card_says_what_the_model_is_and_where_it_is_weak(name: str, tmp_path: Path) -> None:
    text = card.write(name, RESULTS, tmp_path).read_text()
    sections = ["# " + name, "## Figures", "## Weak spots", "## Data", "## Files", "## Licence"]
    assert [line for line in text.splitlines() if line.startswith("#")] == sections
    assert bundle.load(name).sidecar.files["tflite"].sha256 in text
    assert "recall 0." in text.split("## Weak spots")[1]
