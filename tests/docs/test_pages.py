"""Every page: its links lead somewhere, the files it names exist, and the front page stays short."""

from __future__ import annotations

import re
from pathlib import Path

import docs_pages
import pytest

ROOT = docs_pages.ROOT
FRONT = 150
"""The most lines of the README."""
CHANGES, FILES = 10, 3
"""Typical changes that the architecture page places, at least; and files of each, at most."""
ROOTS = ("", "edge/mien/", "train/mien_train/", "export/mien_export/")


def _broken(page: Path, text: str) -> list[str]:
    """The relative links of a page, with this text, that lead nowhere."""
    found = []
    for link in docs_pages.links(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            found.append(f"{page.relative_to(ROOT)}: {link}")
        elif anchor:
            known = text if target == page else target.read_text(encoding="utf-8")
            if anchor not in docs_pages.anchors(known):
                found.append(f"{page.relative_to(ROOT)}: {link}: no such heading")
    return found


def test_the_page_of_faults_is_the_one_that_its_tests_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests/faults")
    import faults_page

    text = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    assert text.startswith(faults_page.HEAD), "run `make test-faults`"
    assert len(faults_page.faults(text)) > 60


def _changes(text: str) -> list[tuple[str, list[str]]]:
    """What the architecture page says of each typical change, and the files it names."""
    (rows,) = docs_pages.tables(docs_pages.section(text, "Where to put a change"))
    return [(row[0], docs_pages.codes(row[1])) for row in rows]


def _misplaced(text: str) -> list[str]:
    """Changes of the architecture page that name too many files, none, or one that does not exist."""
    found = []
    for change, files in _changes(text):
        if not 1 <= len(files) <= FILES:
            found.append(f"{change}: {len(files)} files")
        found += [f"{change}: no {file}" for file in files if not (ROOT / file).is_file()]
    return found


def _lost(text: str) -> list[str]:
    """Files and folders of ours that a text names and that do not exist."""
    named = [
        code for code in docs_pages.codes(text) if re.fullmatch(r"[\w./-]+(?:\.(?:py|md|toml|txt|json|jsonl)|/)", code)
    ]
    ours = [code for code in named if "/" in code.rstrip("/") or code.endswith(".py") or code.endswith("/")]
    return [code for code in ours if not any((ROOT / root / code).exists() for root in ROOTS)]


def test_the_front_page_is_short() -> None:
    assert 60 < len(docs_pages.README.read_text(encoding="utf-8").splitlines()) <= FRONT


def test_the_front_page_links_every_page() -> None:
    linked = {(ROOT / link.split("#")[0]).resolve() for link in docs_pages.links(docs_pages.README.read_text())}
    assert set((ROOT / "docs").glob("*.md")) <= linked


@pytest.mark.parametrize("page", docs_pages.pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert not _broken(page, page.read_text(encoding="utf-8"))


def test_most_pages_have_links() -> None:
    counts = [len(docs_pages.links(page.read_text(encoding="utf-8"))) for page in docs_pages.pages()]
    assert sum(counts) > 30


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[x](docs/nowhere.md)", "README.md: docs/nowhere.md"),
        ("![x](docs/nowhere.png)", "README.md: docs/nowhere.png"),
        ("[x](docs/deploy.md#nothing)", "README.md: docs/deploy.md#nothing: no such heading"),
        ("# A title\n[x](#another-title)", "README.md: #another-title: no such heading"),
        ("[x](../../etc/passwd)", "README.md: ../../etc/passwd"),
    ],
)
def test_a_planted_broken_link_is_found(text: str, found: str) -> None:
    assert _broken(docs_pages.README, text) == [found]


def test_good_links_are_not_found() -> None:
    text = "# A `mien` title: 2\n[x](#a-mien-title-2) [y](docs/deploy.md#install) [z](https://example.org) `[a](b)`\n"
    assert _broken(docs_pages.README, text) == []


def test_the_architecture_page_places_ten_changes_in_three_files_each_at_most() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert len(_changes(text)) >= CHANGES
    assert not _misplaced(text)


def test_a_planted_misplaced_change_is_found() -> None:
    table = "## Where to put a change\n\n| change | files |\n| --- | --- |\n"
    rows = (
        "| a | `edge/mien/nothing.py` |\n| b | somewhere |\n| c | `README.md` `Makefile` `LICENSE` `pyproject.toml` |\n"
    )
    assert _misplaced(table + rows) == ["a: no edge/mien/nothing.py", "b: 0 files", "c: 4 files"]


def test_the_architecture_page_names_files_that_exist() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert len(re.findall(r"`[\w/]+\.py`", text)) > 50
    assert not _lost(text)


def _unnamed(text: str) -> list[str]:
    """Rooms of the three packages that the architecture page does not name."""
    rooms = {path.parent.name for root in ROOTS[1:] for path in (ROOT / root).glob("*/__init__.py")}
    assert len(rooms) > 15
    return sorted(rooms - {code.rstrip("/") for code in docs_pages.codes(docs_pages.section(text, "Rooms"))})


def test_the_architecture_page_names_every_room() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert not _unnamed(text)
    assert _unnamed(text.replace("`tracking/`", "")) == ["tracking"]


def test_a_planted_lost_file_is_found() -> None:
    assert _lost("`faces/nose.py`, `faces/detector.py`, `noses/`, `faces/`, `FaceReader`") == [
        "faces/nose.py",
        "noses/",
    ]
