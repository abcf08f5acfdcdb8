from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from sink_fakes import reading, result

from mien.cli import main
from mien.errors import MienError
from mien.history import spans
from mien.history.database import open_for_writing
from mien.history.picture import timeline
from mien.history.settings import HistorySettings
from mien.history.summary import Bin, Summary, summarise, text
from mien.outputs.sinks import SinkSettings, open_sinks

HOUR = 3_600_000
NOW = time.time_ns() // 1_000_000
TOP = NOW - NOW % (24 * HOUR)
"""Midnight of today, UTC."""


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def record(path: Path, rows: list[tuple[int, int, dict[str, float]]], trusted: bool = True) -> Path:
    """A database with a row a tuple: when, how many faces, and seconds of each emotion."""
    with closing(open_for_writing(path)) as database:
        for wall_ms, faces, emotions in rows:
            cursor = database.execute(
                "INSERT INTO minutes (run, boot, began_ns, wall_ms, trusted, seconds, faces)"
                " VALUES ('r', 'b', 0, ?, ?, 60, ?)",
                (wall_ms, trusted, faces),
            )
            database.executemany(
                "INSERT INTO emotions VALUES (?, ?, ?)", [(cursor.lastrowid, *item) for item in emotions.items()]
            )
    return path


def test_hours_and_totals_are_sums_of_the_rows(tmp_path: Path) -> None:
    rows = [
        (TOP, 5, {"neutral": 60.0, "happiness": 30.0}),
        (TOP + 59 * 60_000, 6, {"neutral": 30.0}),
        (TOP + HOUR, 7, {"happiness": 120.0}),
        (TOP + 5 * HOUR, 8, {"anger": 1.0}),  # not asked for
    ]
    summary = summarise(record(tmp_path / "h.db", rows), TOP, TOP + 5 * HOUR)
    assert (summary.faces, summary.rows, summary.untrusted, summary.readings) == (18, 3, 0, 0)
    assert summary.emotions == {"happiness": 150.0, "neutral": 90.0}
    assert summary.hours == (
        Bin(TOP, 11, {"neutral": 90.0, "happiness": 30.0}),
        Bin(TOP + HOUR, 7, {"happiness": 120.0}),
    )
    said = text(summary).splitlines()
    assert said[1] == "18 faces, 4.0 minutes in view, all faces together"
    assert said[2].split() == ["happiness", "2.5", "min", "62.5%"]
    assert said[-1].split()[1:] == ["01:00", "7", "2.0", "100%", "0%"]


def test_a_clock_that_cannot_be_believed_is_said(tmp_path: Path) -> None:
    summary = summarise(record(tmp_path / "h.db", [(TOP, 5, {"neutral": 6.0})], trusted=False), TOP, TOP + HOUR)
    assert "not synchronised in 1 of 1 rows" in text(summary)


def test_an_empty_span_is_said_and_drawn(tmp_path: Path) -> None:
    summary = summarise(record(tmp_path / "h.db", []), TOP, TOP + HOUR)
    assert "no minutes with faces enough" in text(summary)
    assert timeline(summary).shape == (560, 1280, 3)


def test_a_bar_is_as_high_as_its_minutes_and_divided_by_emotion() -> None:
    hours = (Bin(TOP, 9, {"neutral": 300.0, "happiness": 300.0}), Bin(TOP + 12 * HOUR, 9, {"neutral": 300.0}))
    summary = Summary(TOP, TOP + 24 * HOUR, 18, {"neutral": 600.0, "happiness": 300.0}, hours, 2, 0, 0)
    picture = timeline(summary)
    # 1000 pixels are 24 hours, 440 are 10 minutes.
    first, second = picture[:, 100], picture[:, 600]
    grey, yellow = np.array([190, 190, 190]), np.array([60, 190, 245])
    assert int((first == grey).all(axis=1).sum()) == pytest.approx(220, abs=3)
    assert int((first == yellow).all(axis=1).sum()) == pytest.approx(220, abs=3)
    assert int((second == grey).all(axis=1).sum()) == pytest.approx(220, abs=3)
    assert not (second == yellow).all(axis=1).any()
    assert not (picture[100:480, 300] == grey).all(axis=1).any(), "nothing where nothing was"


def test_a_year_is_drawn_with_bars_that_can_be_seen() -> None:
    hours = tuple(Bin(TOP + index * HOUR, 5, {"neutral": 60.0}) for index in range(0, 8760, 5))
    picture = timeline(Summary(TOP, TOP + 8760 * HOUR, 1, {"neutral": 1.0}, hours, 1, 0, 0))
    assert int((picture[490] == [190, 190, 190]).all(axis=1).sum()) > 300


def test_report_prints_text_json_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "h.db", [(NOW - HOUR, 5, {"neutral": 60.0}), (NOW - 30 * HOUR, 9, {"fear": 9.0})])
    assert main(["report", "--db", str(path)]) == 0
    assert "5 faces, 1.0 minutes in view" in capsys.readouterr().out
    assert main(["report", "--db", str(path), "--since", "2d", "--json", "--png", str(tmp_path / "t.png")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["faces"], printed["emotions"], len(printed["hours"])) == (14, {"neutral": 60.0, "fear": 9.0}, 2)
    assert cv2.imread(str(tmp_path / "t.png")).shape == (560, 1280, 3)


def test_report_finds_the_database_in_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "h.db", [(NOW - HOUR, 5, {"neutral": 60.0})])
    config = tmp_path / "mien.toml"
    config.write_text(f'sinks = ["text", "sqlite:{path}"]\n')
    assert main(["report", "--config", str(config)]) == 0
    assert "5 faces" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which database"),
        (["--db", "absent.db"], "no such database"),
        (["--db", "/etc/hostname"], "damaged"),
        (["--db", "absent.db", "--since", "tomorrow"], "time span 'tomorrow'"),
        (["--db", "absent.db", "--since", "110000w"], "time span '110000w' is longer than 100 years; give 36525d"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_spans_are_numbers_with_a_unit() -> None:
    assert [spans.milliseconds(span) for span in ("1m", "2h", "3d", "1w")] == [
        60_000, 7_200_000, 259_200_000, 604_800_000,
    ]  # fmt: skip
    for wrong in ("", "5", "-1d", "1.5h", "0d", "d"):
        with pytest.raises(MienError, match="not understood"):
            spans.milliseconds(wrong)


def test_a_century_is_reported_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = record(tmp_path / "h.db", [(NOW - HOUR, 5, {"neutral": 60.0})])
    assert main(["report", "--db", str(path), "--since", "36525d", "--png", str(tmp_path / "t.png")]) == 0
    assert "5 faces" in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / "t.png")).shape == (560, 1280, 3)
    assert main(["report", "--db", str(path), "--since", "36526d"]) == 2
    assert "longer than 100 years" in capsys.readouterr().err


# Purging.


def _line(wall_ms: int) -> str:
    return json.dumps({"time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(wall_ms // 1000))}.000Z"}) + "\n"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Settings with two sinks that have recorded for ten days, and a file that is none of theirs."""
    record(tmp_path / "h.db", [(NOW - day * 24 * HOUR, 5, {"neutral": 60.0}) for day in (9, 5, 1)])
    (tmp_path / "h.db.damaged-20200101T000000-1").write_bytes(b"x")
    os.utime(tmp_path / "h.db.damaged-20200101T000000-1", (1_577_836_800, 1_577_836_800))
    (tmp_path / "r.jsonl").write_text(_line(NOW - 50 * HOUR) + _line(NOW - HOUR))
    (tmp_path / "r.jsonl").chmod(0o640)
    (tmp_path / "r.jsonl.1").write_text(_line(NOW - 200 * HOUR) + '{"torn')
    (tmp_path / "r.jsonl.backup").write_text("mine")
    config = tmp_path / "mien.toml"
    config.write_text(f'sinks = ["text", "jsonl:{tmp_path}/r.jsonl", "sqlite:{tmp_path}/h.db", "jsonl:-"]\n')
    return config


def test_without_yes_nothing_is_deleted(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.read_bytes() for file in kept.parent.iterdir()}
    assert main(["purge", "--config", str(kept), "--all"]) == 1
    said = capsys.readouterr().out
    assert "would delete everything in:" in said
    assert f"{kept.parent}/r.jsonl.1\n" in said
    assert "backup" not in said
    assert {file: file.read_bytes() for file in kept.parent.iterdir()} == before


def test_all_of_the_settings_files_and_no_others(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge", "--config", str(kept), "--all", "--yes"]) == 0
    assert sorted(file.name for file in kept.parent.iterdir()) == ["h.db", "mien.toml", "r.jsonl.backup"]
    with closing(sqlite3.connect(kept.parent / "h.db")) as database:
        for table in ("minutes", "emotions", "readings"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert "3 rows deleted, 1 damaged files removed" in capsys.readouterr().out
    (kept.parent / "h.db").unlink()
    assert main(["purge", "--config", str(kept), "--all", "--yes"]) == 0
    assert f"nothing is recorded in {kept.parent}/r.jsonl, {kept.parent}/h.db" in capsys.readouterr().out


def test_relative_paths_of_the_services_settings_lead_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state, config = tmp_path / "state", tmp_path / "mien.toml"
    state.mkdir()
    (state / "r.jsonl").write_text(_line(NOW))
    config.write_text('sinks = ["jsonl:r.jsonl"]\n')
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    assert main(["purge", "--config", str(config), "--all", "--yes"]) == 0
    assert f"nothing is recorded in {tmp_path}/home/r.jsonl" in capsys.readouterr().out
    monkeypatch.setattr("mien.service.unit.CONFIG", str(config))
    monkeypatch.setattr("mien.service.unit.STATE", str(state))
    assert main(["purge", "--config", "../mien.toml", "--all", "--yes"]) == 0
    assert not (state / "r.jsonl").exists()


def test_only_what_is_older(kept: Path) -> None:
    assert main(["purge", "--config", str(kept), "--before", "2d", "--yes"]) == 0
    assert (kept.parent / "r.jsonl").read_text() == _line(NOW - HOUR)
    assert (kept.parent / "r.jsonl").stat().st_mode & 0o777 == 0o640
    assert not (kept.parent / "r.jsonl.1").exists()
    assert not list(kept.parent.glob("*damaged*"))
    with closing(sqlite3.connect(kept.parent / "h.db")) as database:
        assert database.execute("SELECT wall_ms FROM minutes").fetchall() == [(NOW - 24 * HOUR,)]


def test_what_lies_behind_a_link_is_purged(kept: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    for name in ("r.jsonl", "h.db"):
        (kept.parent / name).rename(stick / name)
        (kept.parent / name).symlink_to(stick / name)
    assert main(["purge", "--config", str(kept), "--before", "2d", "--yes"]) == 0
    assert (stick / "r.jsonl").read_text() == _line(NOW - HOUR)
    assert (kept.parent / "r.jsonl").is_symlink()
    assert main(["purge", "--config", str(kept), "--all", "--yes"]) == 0
    assert [file.name for file in stick.iterdir()] == ["h.db"]
    with closing(sqlite3.connect(stick / "h.db")) as database:
        assert database.execute("SELECT count(*) FROM minutes").fetchone() == (0,)


def test_a_damaged_database_is_purged_whole_and_stops_no_other(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = kept.parent / "h.db"
    database.write_bytes(database.read_bytes()[:5000] + b"x" * 3000)
    kept.write_text(f'sinks = ["sqlite:{database}", "jsonl:{kept.parent}/r.jsonl"]\n')
    assert main(["purge", "--config", str(kept), "--before", "2d", "--yes"]) == 2
    assert (kept.parent / "r.jsonl").read_text() == _line(NOW - HOUR)
    assert "h.db: damaged" in capsys.readouterr().err
    assert main(["purge", "--config", str(kept), "--all", "--yes"]) == 0
    assert sorted(file.name for file in kept.parent.iterdir()) == ["h.db", "mien.toml", "r.jsonl.backup"]
    with closing(sqlite3.connect(database)) as made:
        assert made.execute("SELECT count(*) FROM minutes").fetchone() == (0,)


def test_what_is_deleted_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    path = record(tmp_path / "h.db", [(NOW, 5, {"a-very-particular-emotion": 60.0})] * 50)
    assert b"a-very-particular" in path.read_bytes()
    config = tmp_path / "mien.toml"
    config.write_text(f'sinks = ["sqlite:{path}"]\n')
    assert main(["purge", "--config", str(config), "--all", "--yes"]) == 0
    for file in tmp_path.glob("h.db*"):
        assert b"a-very-particular" not in file.read_bytes()


def test_settings_without_a_file_have_nothing_to_purge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "mien.toml"
    config.write_text('sinks = ["text"]\n')
    assert main(["purge", "--config", str(config), "--all"]) == 2
    assert "no sink in it writes a file" in capsys.readouterr().err


def test_the_hour_that_is_there_twice_is_named_by_its_zone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    twice = 1_792_890_000_000  # 02:00 of winter on 2026-10-25, an hour after that of summer
    path = record(tmp_path / "h.db", [(twice + hour * HOUR, 5, {"happiness": 60.0}) for hour in (-2, -1, 0, 1)])
    lines = text(summarise(path, twice - 3 * HOUR, twice + 4 * HOUR)).splitlines()
    hours = [line[:22].rstrip() for line in lines if line.startswith("2026-10-25 0") and " to " not in line]
    assert hours == [f"2026-10-25 {hour}" for hour in ("01:00", "02:00 CEST", "02:00 CET", "03:00")]


def test_a_database_in_a_folder_that_may_not_be_written_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = record(tmp_path / "h.db", [(NOW, 5, {"happiness": 60.0})])
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "h.db"
    link.symlink_to(path)
    with closing(open_for_writing(path)) as run:  # of whose rows some stand beside the file, and not beside the link
        run.execute("DELETE FROM minutes")
        monkeypatch.setattr(os, "access", lambda place, *_: place != link.parent)  # root may write everywhere
        assert summarise(link, 0, NOW + 1).faces == 0
    path = record(tmp_path / "closed.db", [(NOW, 5, {"happiness": 60.0})])
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert summarise(path, 0, NOW + 1).faces == 5
    assert [file.name for file in tmp_path.glob("closed*")] == ["closed.db"], "SQLite has made no file beside it"


def test_report_loads_no_network_and_no_opencv_without_a_picture(tmp_path: Path) -> None:
    import subprocess

    path = record(tmp_path / "h.db", [])
    code = (
        f"import sys; from mien.cli import main; main(['report', '--db', {str(path)!r}]); print('cv2' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("False\n")


def test_a_run_goes_on_while_it_is_purged(tmp_path: Path) -> None:
    config = tmp_path / "mien.toml"
    config.write_text(f'sinks = ["jsonl:{tmp_path}/r.jsonl", "sqlite:{tmp_path}/h.db"]\n')
    (tmp_path / "r.jsonl").write_text(_line(NOW - 50 * HOUR) + _line(NOW - HOUR))
    with open_sinks(
        [f"jsonl:{tmp_path}/r.jsonl", f"sqlite:{tmp_path}/h.db"], SinkSettings(history=HistorySettings(group=1))
    ) as sinks:
        sinks.write(result(0, reading(1), seconds=1))
        sinks.write(result(1, reading(1), seconds=62))
        assert sinks.flush()
        for arguments in (["--before", "2d"], ["--all"]):
            assert main(["purge", "--config", str(config), *arguments, "--yes"]) == 0
        sinks.write(result(2, reading(1), seconds=123))
        assert sinks.flush()
        assert [state.state for state in sinks.states] == ["ok", "ok"]
    assert [json.loads(line)["frame"] for line in (tmp_path / "r.jsonl").read_text().splitlines()] == [2]
    with closing(sqlite3.connect(tmp_path / "h.db")) as database:
        (began,) = database.execute("SELECT min(began_ns) FROM minutes").fetchone()
    assert began == 62_000_000_000, "the minute of before was deleted, the next one kept"


@pytest.mark.parametrize("moment", ["fsync", "replace", "unlink"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_a_run_writes_until_the_last_moment_is_kept(
    moment: str, whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, config = tmp_path / "r.jsonl", tmp_path / "mien.toml"
    config.write_text(f'sinks = ["jsonl:{file}"]\n')
    old, new = _line(NOW - 50 * HOUR), _line(NOW)
    begun = "" if whole else new[:20]  # of a line that a reader sees half
    left = [] if moment == "unlink" else [_line(NOW - HOUR)]
    file.write_text("".join([old, *left, begun]))
    run, happened = file.open("a"), []

    def meanwhile(name: str) -> None:
        real = getattr(os if name != "unlink" else Path, name)

        def and_then(*arguments: object, **how: object) -> object:
            if name == moment and not happened:
                happened.append(name)
                run.write(new[len(begun) :])
                run.flush()
            return real(*arguments, **how)

        monkeypatch.setattr(os if name != "unlink" else Path, name, and_then)

    for name in ("fsync", "replace", "unlink"):
        meanwhile(name)
    assert main(["purge", "--config", str(config), "--before", "2d", "--yes"]) == 0
    run.close()
    assert happened
    assert file.read_text() == "".join([*left, new])


def test_without_a_name_the_services_own_database_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "mien.toml"
    monkeypatch.setattr("mien.service.unit.CONFIG", str(settings))
    assert main(["report"]) == 2
    assert "which database?" in capsys.readouterr().err
    settings.write_text(f'sinks = ["jsonl:x", "sqlite:{tmp_path}/history.db"]\n')
    record(tmp_path / "history.db", [(NOW - 60_000, 1, {"happiness": 30.0})])
    assert main(["report", "--since", "1d", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hours"]
