"""Results are checked where they are read: what is wrong is one line with its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pytest

from mien.errors import MienError
from mien.models import bundle
from mien_export.pages import tables
from mien_export.records.bench import Bench, earlier
from mien_export.records.detector import DetectorReport
from mien_export.records.reading import checked, read

RESULTS = Path(__file__).parents[3] / "docs/results"


class Inner(TypedDict):
    share: float
    name: NotRequired[str]


class Outer(TypedDict):
    count: int
    rows: list[Inner]
    by_name: dict[str, Inner | None]
    other: Inner | str


GOOD: dict[str, Any] = {
    "count": 3,
    "rows": [{"share": 0.5, "name": "a"}, {"share": 1}],
    "by_name": {"a": {"share": 0.5}, "b": None},
    "other": "none",
    "unknown": object(),
}


def test_what_fits_comes_back_as_it_is() -> None:
    assert checked(GOOD, Outer, "here") is GOOD
    assert checked({**GOOD, "other": {"share": 2.0}}, Outer, "here")["other"] == {"share": 2.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("count"), "here: lacks 'count'; see"),
        (lambda d: d.update(count=1.5), "here: count is 1.5; it must be a whole number; see"),
        (lambda d: d.update(count=True), "here: count is True; it must be a whole number"),
        (lambda d: d.update(rows={}), "here: rows is {}; it must be a list"),
        (lambda d: d["rows"][1].pop("share"), "here: rows 1 lacks 'share'"),
        (lambda d: d["rows"][1].update(share="x" * 100), f"here: rows 1 share is '{'x' * 59}…; it must be a number"),
        (lambda d: d["rows"][0].update(share=True), "here: rows 0 share is True; it must be a number"),
        (lambda d: d["rows"][0].update(name=None), "here: rows 0 name is None; it must be a text"),
        (lambda d: d.update(by_name=[]), "here: by_name is []; it must be an object"),
        (lambda d: d["by_name"].update(a={}), "here: by_name a lacks 'share'"),
        (lambda d: d.update(other=3), "here: other is 3; it must be"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change: Callable[[dict[str, Any]], object], message: str) -> None:
    document = copy.deepcopy({key: value for key, value in GOOD.items() if key != "unknown"})
    change(document)
    with pytest.raises(MienError) as raised:
        checked(document, Outer, "here")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, '{"evaluations": 3}'])
def test_a_damaged_result_is_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "detector.json"
    path.write_text(content)
    with pytest.raises(MienError, match=r"detector\.json: "):
        read(path, DetectorReport)


def test_every_value_that_a_page_reads_is_checked_before(tmp_path: Path) -> None:
    document = json.loads((RESULTS / "bench.json").read_text())
    page = tmp_path / "page.md"
    page.write_text("<!-- table bench -->\n<!-- end -->\n")
    needed = [key for key in Bench.__annotations__ if key != "picture"]
    assert len(needed) >= 10
    for key in needed:
        (tmp_path / "bench.json").write_text(json.dumps({k: v for k, v in document.items() if k != key}))
        with pytest.raises(MienError, match=f"lacks '{key}'"):
            tables.fill(page, tmp_path)
    (tmp_path / "bench.json").write_text(json.dumps({k: v for k, v in document.items() if k != "picture"}))
    assert "**Prefer " in tables.fill(page, tmp_path)
    assert "bench.png" not in tables.fill(page, tmp_path)


def test_what_was_timed_and_is_not_bundled_any_more_is_said() -> None:
    found = read(RESULTS / "bench.json", Bench)
    for name in found["models"]:
        found["models"][name]["tflite"] = bundle.load(name).sidecar.files["tflite"].sha256
    assert earlier(found) == ""
    found["models"] |= {"face-base": {"tflite": "0"}, "gone": {"tflite": "0"}}
    assert earlier(found) == "with an earlier face-base"
