from __future__ import annotations

import dataclasses
import json
import os
import re
import time
from datetime import UTC, datetime

import pytest
from edge_fakes import face

from mien.outputs.records import FIELDS, JsonLines, Record, new_run, wall_clock
from mien.outputs.thinning import LastReading
from mien.reading import FrameResult, Reading

READING = Reading(3, face(), "happiness", "happiness", None, {"neutral": 0.2, "happiness": 0.8})
DOUBTFUL = Reading(4, face(200), "uncertain", "neutral", "ambiguous", {"neutral": 0.6, "happiness": 0.4})


def lines(name: str = "", captured_at: int = 1_000_000) -> list[Record]:
    result = FrameResult(7, name, 640, 480, captured_at, captured_at + 2_500_000, (READING, DOUBTFUL))
    return [json.loads(line) for line in JsonLines("00c0ffee")(result)]


KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": float,
    "string or null": (str, type(None)),
    "object of numbers": dict,
    "array of 4 numbers": list,
    "array of 5 arrays of 2 numbers": list,
}


@pytest.mark.parametrize("name", ["", "a.png"])
def test_a_line_has_the_schemas_fields_in_its_order_and_kinds(name: str) -> None:
    expected = [field for field in FIELDS if field.always or (name and field.name == "image")]
    assert len(expected) == (15 if name else 14)
    for line in lines(name):
        assert list(line) == [field.name for field in expected]
        for field in expected:
            value = line[field.name]  # type: ignore[literal-required]
            assert isinstance(value, KINDS[field.kind]), field
            assert field.meaning


def test_the_schema_and_the_types_name_the_same_fields() -> None:
    assert {field.name for field in FIELDS} == set(Record.__annotations__)
    # Whether a field is always there: TypedDict keeps that in the annotation.
    optional = {name for name, kind in Record.__annotations__.items() if "NotRequired" in str(kind)}
    assert {field.name for field in FIELDS if not field.always} == optional == {"image", "ended"}


def test_the_last_line_of_a_face_that_has_gone_says_so() -> None:
    last = LastReading(*(getattr(READING, field.name) for field in dataclasses.fields(READING)))
    result = FrameResult(7, "", 640, 480, 1_000_000, 3_500_000, (READING, last))
    here, gone = (json.loads(line) for line in JsonLines("00c0ffee")(result))
    assert list(gone) == [field.name for field in FIELDS if field.name != "image"]
    assert gone.pop("ended") is True
    assert here == gone


def test_a_line_holds_the_reading() -> None:
    first, second = lines("a.png")
    assert (first["image"], first["frame"], first["track"]) == ("a.png", 7, 3)
    assert (first["captured_ms"], first["latency_ms"]) == (1.0, 2.5)
    assert first["box"] == [10, 20, 50, 60]
    assert first["landmarks"][0] == [22.5, 35.0]  # 10 + 40 · 15 / 48, 20 + 40 · 18 / 48
    assert first["probabilities"] == {"neutral": 0.2, "happiness": 0.8}
    assert (first["emotion"], first["top"], first["reason"]) == ("happiness", "happiness", None)
    assert (second["emotion"], second["top"], second["reason"]) == ("uncertain", "neutral", "ambiguous")


def test_the_time_is_the_wall_clock_at_exposure_in_utc() -> None:
    before = time.time()
    (line, _) = lines(captured_at=time.monotonic_ns() - 90_000_000_000)  # exposed one and a half minutes ago
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    exposed = datetime.fromisoformat(line["time"])
    assert exposed.tzinfo == UTC
    assert before - 90.01 <= exposed.timestamp() <= time.time() - 89.99


def test_the_time_of_day_is_that_of_any_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1_772_357_400_125_900_000)  # 2026-03-01T09:30:00.1259Z
    monkeypatch.setattr("time.monotonic_ns", lambda: 50_000_000_000)
    zone = os.environ.get("TZ")
    try:
        for name in ("UTC", "Asia/Kathmandu", "America/Caracas"):
            os.environ["TZ"] = name
            time.tzset()
            assert wall_clock(50_000_000_000) == "2026-03-01T09:30:00.125Z"
            assert wall_clock(49_874_000_000) == "2026-03-01T09:29:59.999Z"
    finally:
        os.environ.pop("TZ")
        if zone is not None:
            os.environ["TZ"] = zone
        time.tzset()


def test_a_runs_lines_share_its_id_and_another_run_has_another() -> None:
    assert {line["run"] for line in lines()} == {"00c0ffee"}
    ids = {new_run() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{8}", run) for run in ids)


def test_a_name_that_is_not_utf_8_is_written_as_text() -> None:
    name = os.fsdecode(b"caf\xe9.png")
    line = lines(name)[0]
    assert line["image"] == r"caf\udce9.png"
    json.dumps(line, ensure_ascii=False).encode("utf-8")
