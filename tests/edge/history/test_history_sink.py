from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from sink_fakes import eventually, reading, result

from mien.errors import MienError, OutputError
from mien.history import clock as history_clock
from mien.history.clock import Clock, Moment
from mien.history.database import open_for_reading, open_for_writing
from mien.history.settings import HistorySettings
from mien.history.sink import HistorySink, delete_before
from mien.outputs.sinks import SinkSettings, open_sinks
from mien.outputs.target import TakenError

DAY_MS = 86_400_000
NOON = 1_800_000_000_000
"""Some moment of 2027, in milliseconds."""


class FakeClock(Clock):
    """A clock that is set by hand: seconds since the start, milliseconds since 1970."""

    def __init__(self, wall_ms: int = NOON, trusted: bool = True, boot: str = "a") -> None:
        self.boot = boot
        self.seconds, self.wall_ms, self.trusted = 0.0, wall_ms, trusted

    def now(self) -> Moment:
        return Moment(round(self.seconds * 1e9), self.wall_ms + round(self.seconds * 1000), self.trusted)


def _minute(sink: HistorySink, clock: FakeClock, began: float, emotion: str = "neutral") -> None:
    """A minute with one face for ten seconds."""
    for step in range(122):
        clock.seconds = began + step / 2
        shown = [reading(1, emotion)] if step <= 20 else []
        sink.write(result(step, *shown, seconds=clock.seconds))


def _rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(open_for_reading(path)) as database:
        return database.execute(query).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "h?istory#.db"


def test_minutes_are_kept_and_single_readings_are_not(path: Path) -> None:
    clock = FakeClock()
    with HistorySink(path, "r", HistorySettings(group=1), clock) as sink:
        _minute(sink, clock, 100)
        # Already there, for whoever reads meanwhile.
        rows = _rows(path, "SELECT run, boot, began_ns, wall_ms, trusted, seconds, faces FROM minutes")
        assert rows == [("r", "a", 100_000_000_000, NOON + 100_000, 1, 60.0, 1)]
    assert _rows(path, "SELECT emotion, seconds FROM emotions") == [("neutral", 10.0)]
    assert _rows(path, "SELECT * FROM readings") == []
    assert path.stat().st_mode & 0o007 == 0, "it is nobody else's"


def test_single_readings_are_kept_on_request_one_a_second(path: Path) -> None:
    clock = FakeClock()
    with HistorySink(path, "r", HistorySettings(group=5, readings=True), clock) as sink:
        _minute(sink, clock, 0)
    rows = _rows(path, "SELECT wall_ms, track, emotion, top, probability FROM readings")
    assert len(rows) == 11
    assert rows[1] == (NOON + 1000, 1, "neutral", "happiness", 0.8)
    assert _rows(path, "SELECT * FROM minutes") == [], "one face is no group of five"


def test_a_clock_that_is_set_late_falsifies_no_history(path: Path) -> None:
    clock = FakeClock(wall_ms=0, trusted=False)  # no battery: it is 1970
    with HistorySink(path, "r", HistorySettings(group=1), clock) as sink:
        _minute(sink, clock, 100)
        assert _rows(path, "SELECT wall_ms, trusted FROM minutes") == [(100_000, 0)]
        clock.wall_ms, clock.trusted = NOON, True  # the time server was reached
        sink.idle()
        assert _rows(path, "SELECT wall_ms, trusted FROM minutes") == [(NOON + 100_000, 1)]
        _minute(sink, clock, 300)
    assert _rows(path, "SELECT wall_ms FROM minutes ORDER BY id") == [(NOON + 100_000,), (NOON + 300_000,)]


def test_a_commit_costs_the_same_however_much_is_kept(path: Path) -> None:
    clock, costs = FakeClock(), []
    with HistorySink(path, "r", HistorySettings(readings=True, interval=0), clock) as sink:
        assert sink._database is not None
        for batch in range(20):
            clock.seconds = 20.0 * batch
            sink._single = [result(step, reading(1), seconds=clock.seconds) for step in range(100)]
            steps = [0]

            def count(steps: list[int] = steps) -> int:
                steps[0] += 1
                return 0

            sink._database.set_progress_handler(count, 100)  # instructions of the database's machine
            sink.idle()
            costs.append(steps[0])
        (kept,) = sink._database.execute("SELECT count(*) FROM readings").fetchone()
    assert kept == 2000
    assert min(costs) > 0
    assert costs[-1] < 1.5 * costs[1], costs


def test_a_database_that_grows_takes_no_more_memory(path: Path) -> None:
    code = """
import sys
from contextlib import closing
from pathlib import Path
from mien.history.database import open_for_writing

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

with closing(open_for_writing(Path(sys.argv[1]))) as database:
    sizes = []
    for batch in range(20):
        rows = [("r", "b" * 36, row, row, 1, row, "neutral", "neutral", 0.5) for row in range(2000)]
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO readings (run, boot, began_ns, wall_ms, trusted, track, emotion, top, probability)"
            " VALUES (?,?,?,?,?,?,?,?,?)", rows)
        database.execute("COMMIT")
        sizes.append(resident())
print(max(sizes[5:]) - sizes[1])
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, path]
    run = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    assert path.stat().st_size > 3_500_000
    assert int(run.stdout) < 500_000


def test_times_of_another_start_of_the_machine_are_left_alone(path: Path) -> None:
    clock = FakeClock(wall_ms=0, trusted=False, boot="before")
    with HistorySink(path, "r", HistorySettings(group=1, days=0), clock) as sink:
        _minute(sink, clock, 100)
    clock = FakeClock(boot="after")
    with HistorySink(path, "s", HistorySettings(group=1, days=0), clock) as sink:
        _minute(sink, clock, 100)
    assert _rows(path, "SELECT boot, wall_ms, trusted FROM minutes") == [
        ("before", 100_000, 0),
        ("after", NOON + 100_000, 1),
    ]


def test_what_is_too_old_is_deleted(path: Path) -> None:
    clock = FakeClock(wall_ms=NOON - 10 * DAY_MS)
    with HistorySink(path, "r", HistorySettings(group=1, days=9), clock) as sink:
        _minute(sink, clock, 0)
    # The next start has a clock that is years behind, and is never put right.
    clock = FakeClock(wall_ms=NOON - 3000 * DAY_MS, trusted=False, boot="b")
    with HistorySink(path, "s", HistorySettings(group=1, days=9), clock) as sink:
        _minute(sink, clock, 0)
        assert len(_rows(path, "SELECT * FROM minutes")) == 2
    HistorySink(path, "t", HistorySettings(days=11), FakeClock()).close()
    assert len(_rows(path, "SELECT * FROM minutes")) == 2, "the second is not older than the first"
    HistorySink(path, "t", HistorySettings(days=9), FakeClock()).close()
    assert _rows(path, "SELECT * FROM minutes") == []
    assert _rows(path, "SELECT * FROM emotions") == []


def test_what_was_deleted_for_its_age_is_overwritten(path: Path) -> None:
    clock = FakeClock(wall_ms=NOON - 10 * DAY_MS)
    with HistorySink(path, "r", HistorySettings(group=1), clock) as sink:
        _minute(sink, clock, 0, "a-very-particular-emotion")
    assert b"a-very-particular" in path.read_bytes()
    HistorySink(path, "s", HistorySettings(days=9), FakeClock()).close()
    assert all(b"a-very-particular" not in file.read_bytes() for file in path.parent.iterdir())


def test_what_is_too_old_is_overwritten_while_the_run_goes_on(path: Path) -> None:
    clock = FakeClock(wall_ms=NOON - 10 * DAY_MS)
    with HistorySink(path, "r", HistorySettings(group=1, days=9), clock) as sink:
        _minute(sink, clock, 0, "a-very-particular-emotion")
        clock.seconds += 10 * DAY_MS / 1000
        sink.idle()
        assert _rows(path, "SELECT * FROM minutes") == []
        assert all(b"a-very-particular" not in file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize("damage", ["zeros", "ones", "sector", "middle", "half", "stump", "nothing"])
def test_a_damaged_file_is_put_aside_whole_with_a_word(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with HistorySink(path, "r", HistorySettings(group=1), clock) as sink:
        _minute(sink, clock, 0)
    content = path.read_bytes()
    spoiled = {
        "zeros": bytes(4096) + content[4096:],
        "ones": b"\xff" * 4096 + content[4096:],
        "sector": bytes(range(256)) * 2 + content[512:],
        "stump": content[:60],
        "nothing": bytes(4096),
        "middle": content[:4096] + b"\xff" * 4096 + content[8192:],
        "half": content[: len(content) // 2],
    }[damage]
    path.write_bytes(spoiled)
    with HistorySink(path, "s", HistorySettings(group=1), clock) as sink:
        _minute(sink, clock, 100)
    (aside,) = (
        file for file in path.parent.iterdir() if "damaged" in file.name and file.name[-4:] not in ("-wal", "-shm")
    )
    assert aside.read_bytes() == spoiled
    assert aside.name in caplog.text
    assert all("\n" not in record.getMessage() for record in caplog.records)
    assert len(_rows(path, "SELECT * FROM minutes")) == 1


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE accounts (name)")
        other.commit()
    content = path.read_bytes()
    with pytest.raises(MienError, match="of another program"):
        HistorySink(path, "r", HistorySettings(), FakeClock())
    assert path.read_bytes() == content


@pytest.mark.parametrize("theirs", ["text", "damaged", "disk"])
def test_a_file_of_somebody_elses_is_never_moved(path: Path, theirs: str) -> None:
    if theirs == "text":
        path.write_bytes(b"root:x:0:0:root:/root:/bin/sh\n" * 100)
    elif theirs == "disk":
        path.write_bytes(bytes(32768) + b"\x01CD001" + b"their film" * 5000)
    else:
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE accounts (name)")
            other.commit()
        path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)
    content = path.read_bytes()
    with pytest.raises(MienError, match=r"is no database of mien's|of another program"):
        HistorySink(path, "r", HistorySettings(), FakeClock())
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == content


def test_a_database_that_is_locked_at_the_start_is_tried_again_by_a_service(path: Path) -> None:
    HistorySink(path, "r", HistorySettings(), FakeClock()).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match="locked"):
            HistorySink(path, "s", HistorySettings(), FakeClock())


def test_a_database_without_a_table_is_a_mistake_that_starting_again_does_not_mend(path: Path) -> None:
    HistorySink(path, "r", HistorySettings(), FakeClock()).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE readings")
        other.commit()
    with pytest.raises(MienError, match="no such table") as caught:
        HistorySink(path, "s", HistorySettings(), FakeClock())
    assert not isinstance(caught.value, OutputError)


def test_what_is_too_old_is_deleted_as_soon_as_it_can_be(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    with HistorySink(path, "r", HistorySettings(group=1, days=1), clock) as sink:
        _minute(sink, clock, 0)
    later = FakeClock(NOON + 3 * DAY_MS)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with monkeypatch.context() as patched:
        patched.setattr("mien.history.sink.delete_before", lambda *_: (_ for _ in ()).throw(full))
        sink = HistorySink(path, "s", HistorySettings(group=1, days=1), later)
    assert len(_rows(path, "SELECT * FROM minutes")) == 1
    later.seconds = 3
    sink.idle()
    assert not _rows(path, "SELECT * FROM minutes")
    sink.close()


def test_a_folder_that_is_not_there_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="cannot be opened"):
        open_sinks([f"sqlite:{tmp_path / 'absent' / 'x.db'}"])


def _full(now: Moment) -> None:
    """In the place of a sink's commit."""
    raise sqlite3.OperationalError("database or disk is full")


def test_while_the_database_cannot_be_written_minutes_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    sink = HistorySink(path, "r", HistorySettings(group=1), clock)
    commit = sink._commit
    monkeypatch.setattr(sink, "_commit", _full)
    clock.seconds = 100
    sink._trusted = True
    sink.write(result(0, reading(1), seconds=100))
    clock.seconds = 161
    for _ in range(2):  # at once a second time: nothing is tried, and it is said still
        with pytest.raises(TakenError, match="disk is full"):
            sink.write(result(1, seconds=161))
    monkeypatch.setattr(sink, "_commit", commit)
    clock.seconds = 170
    sink.idle()
    assert _rows(path, "SELECT faces FROM minutes") == [(1,)]
    sink.close()


def test_no_more_minutes_than_there_is_room_for_wait_and_the_rest_stays_where_losses_are_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.history.sink._ROOM", 3)
    clock = FakeClock()
    sink = HistorySink(path, "r", HistorySettings(group=1), clock)
    commit = sink._commit
    monkeypatch.setattr(sink, "_commit", _full)
    refused = []
    for minute in range(10):  # each frame ends the minute of the one before
        clock.seconds = 100 + 61 * minute
        one = result(minute, reading(1), seconds=clock.seconds)
        try:
            sink.write(one)
        except TakenError:
            pass
        except MienError:
            refused.append(one)
    assert len(sink._ended) == 3
    assert [one.sequence for one in refused] == [4, 5, 6, 7, 8, 9]  # its queue offers them again, or loses and counts
    monkeypatch.setattr(sink, "_commit", commit)
    clock.seconds += 10
    for one in refused[-3:]:
        sink.write(one)
    sink.close()
    began = [100 + 61 * minute for minute in (0, 1, 2, 3, 7, 8, 9)]
    assert _rows(path, "SELECT began_ns / 1000000000 FROM minutes ORDER BY id") == [(second,) for second in began]


def test_a_limit_on_file_size_stops_only_the_database_which_recovers(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sink_fakes import eventually, reading, result
from mien.history.settings import HistorySettings
from mien.outputs.sinks import SinkSettings, open_sinks
settings = SinkSettings(history=HistorySettings(group=1))
with open_sinks([f"sqlite:{sys.argv[1]}/h.db", f"jsonl:{sys.argv[1]}/r.jsonl"], settings) as sinks:
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 10_000_000))
    for minute in range(3):
        sinks.write(result(minute, reading(1), seconds=61 * minute))
    assert eventually(lambda: sinks.states[0].state == "failing")
    assert eventually(lambda: sinks.states[1].waiting == 0)
    assert sinks.states[1].state == "ok"
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))
    assert eventually(lambda: sinks.states[0].state == "ok")
    sinks.finish()
assert len(Path(f"{sys.argv[1]}/r.jsonl").read_text().splitlines()) == 3
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, tmp_path, Path(__file__).parents[1]], check=True, env=environment)
    assert len(_rows(tmp_path / "h.db", "SELECT * FROM minutes")) == 3


@pytest.mark.parametrize("made_before", [False, True])
def test_a_disk_that_is_full_from_the_start_on_stops_only_the_database_which_begins_later(
    made_before: bool, tmp_path: Path
) -> None:
    if made_before:
        HistorySink(tmp_path / "h.db", "r", HistorySettings(), FakeClock()).close()
    code = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sink_fakes import eventually, reading, result
from mien.history.settings import HistorySettings
from mien.outputs.sinks import SinkSettings, open_sinks
settings = SinkSettings(history=HistorySettings(group=1))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 10_000_000))
with open_sinks([f"sqlite:{sys.argv[1]}/h.db", "null"], settings) as sinks:
    for minute in range(3):
        sinks.write(result(minute, reading(1), seconds=61 * minute))
    assert eventually(lambda: sinks.states[0].state == "failing"), sinks.states
    assert "disk" in sinks.states[0].problem, sinks.states
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))
    assert eventually(lambda: sinks.states[0].state == "ok"), sinks.states
    sinks.finish()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, tmp_path, Path(__file__).parents[1]], check=True, env=environment)
    assert len(_rows(tmp_path / "h.db", "SELECT * FROM minutes")) == 3


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sink_fakes import reading, result
from mien.history.settings import HistorySettings
from mien.history.sink import HistorySink, delete_before
sink = HistorySink(Path(sys.argv[1]), "r", HistorySettings(group=1))
for minute in range(10_000):
    sink.write(result(minute, reading(1), seconds=61 * minute))
    print(minute, flush=True)
"""
    path = tmp_path / "h.db"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, path, Path(__file__).parents[1]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as run:
        assert run.stdout is not None
        for _ in range(50):
            said = int(run.stdout.readline())
        run.send_signal(signal.SIGKILL)
    assert len(_rows(path, "SELECT * FROM minutes")) >= said
    HistorySink(path, "s", HistorySettings()).close()
    assert not list(tmp_path.glob("*damaged*"))


def test_a_run_keeps_its_minutes(path: Path) -> None:
    with open_sinks([f"sqlite:{path}"], SinkSettings(history=HistorySettings(group=2))) as sinks:
        sinks.write(result(0, reading(1), reading(2), seconds=1))
        sinks.write(result(1, reading(1), reading(2), seconds=2))
        assert eventually(lambda: sinks.states[0].waiting == 0)
    assert _rows(path, "SELECT faces FROM minutes") == [(2,)]
    assert _rows(path, "SELECT emotion, seconds FROM emotions") == [("happiness", 2.0)]


def test_the_machine_has_a_clock() -> None:
    clock = Clock()
    first, second = clock.now(), clock.now()
    assert second.monotonic_ns >= first.monotonic_ns
    assert abs(second.wall_ms - first.wall_ms) < 10_000
    assert len(clock.boot) == 36
    assert first.wall_at(first.monotonic_ns - 1_500_000_000) == first.wall_ms - 1500


@pytest.mark.parametrize("values", [{"group": 0}, {"interval": -1.0}, {"days": -1}])
def test_settings_out_of_range_are_named(values: dict[str, object]) -> None:
    (name,) = values
    with pytest.raises(MienError, match=f"history {name} is"):
        HistorySettings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("there", [True, False])
def test_where_the_question_is_refused_it_counts_whether_the_time_service_has_set_the_clock(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the service's sandbox."""
    told = tmp_path / "synchronized"
    if there:
        told.touch()
    monkeypatch.setattr(history_clock, "_SET", told)
    clock = Clock()
    monkeypatch.setattr(clock, "_libc", SimpleNamespace(adjtimex=lambda _: -1))
    assert clock.now().trusted == there


def test_deleting_rows_of_a_clock_that_was_never_right_reads_each_once(path: Path) -> None:
    work = []
    for count in (1000, 2000, 4000):
        file = path.with_suffix(f".{count}")
        with closing(open_for_writing(file)) as database:
            database.executemany(
                "INSERT INTO minutes (run, boot, began_ns, wall_ms, trusted, seconds, faces)"
                " VALUES ('r', 'a', ?, ?, 0, 60, 5)",
                [(number, number) for number in range(count)],
            )
            steps: list[int] = []
            database.set_progress_handler(lambda steps=steps: steps.append(1), 100)  # type: ignore[misc]
            assert delete_before(database, count // 2) == count // 2
            work.append(len(steps))
    assert work[2] < 3 * work[1] < 9 * work[0], work  # of the square it would be four times as much
