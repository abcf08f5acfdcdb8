from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from sink_fakes import eventually, reading, result

from mien.errors import MienError, RunError
from mien.outputs.program import CommandSettings, CommandSink
from mien.outputs.sinks import Sinks, SinkSettings, open_sinks
from mien.outputs.target import TakenError


def _sink(*argv: str, **settings: float) -> CommandSink:
    return CommandSink("01234567", CommandSettings(argv, **settings))


def _appending(path: Path) -> tuple[str, ...]:
    """A program that appends what it is told to a file, and says where one telling ends."""
    return sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '.\\n')", str(path)


def _opened(*argv: str, **settings: float) -> Sinks:
    return open_sinks(["command"], SinkSettings(command=CommandSettings(argv, **settings)), live=True)


def test_changes_are_told_as_json_on_standard_input(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with _opened(*_appending(told), interval=0.1) as sinks:
        for index, emotion in enumerate("aaabbb"):
            sinks.write(result(index, reading(1, emotion), seconds=1 + index))
            assert sinks.flush()
            time.sleep(0.11)
    first, end, second, last = told.read_text().splitlines()
    assert (json.loads(first)["frame"], json.loads(second)["frame"]) == (0, 3)
    assert end == last == "."


def test_no_shell_looks_at_the_arguments(tmp_path: Path) -> None:
    odd = tmp_path / "$(touch spoiled); `x` *"
    with _opened(*_appending(odd)) as sinks:
        sinks.write(result(0, reading(), seconds=1))
    assert [file.name for file in tmp_path.iterdir()] == [odd.name]


def test_in_between_only_the_last_change_of_each_face_is_told(tmp_path: Path) -> None:
    told = tmp_path / "told"
    sink = _sink(*_appending(told), interval=1.5)
    sink.write(result(0, reading(1)))
    for sequence in range(1, 6):
        sink.write(result(sequence, reading(1), reading(2)))
    assert told.read_text().count(".\n") == 1
    assert eventually(lambda: (sink.idle(), told.read_text().count(".\n") == 2)[1])
    lines = [json.loads(line) for line in told.read_text().splitlines() if line != "."]
    assert [(line["frame"], line["track"]) for line in lines] == [(0, 1), (5, 1), (5, 2)]
    sink.write(result(6, reading(1)))
    sink.close()
    assert told.read_text().count(".\n") == 3, "the end of a run waits for no interval"


def test_a_program_that_hangs_is_killed_with_what_it_started() -> None:
    sink = _sink("sh", "-c", "sleep 60 & sleep 60", timeout=0.3)
    began = time.monotonic()
    with pytest.raises(TakenError, match=r"did not end within 0\.3 s and was killed"):
        sink.write(result(0, reading()))
    assert time.monotonic() - began < 40, "the program itself takes a minute"


def test_a_program_that_fails_makes_the_sink_fail_until_it_works_again(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with _opened("test", "-e", str(flag), interval=0.1) as sinks:
        sinks.write(result(0, reading(1, "a"), seconds=1))
        assert eventually(lambda: "ended with status 1" in sinks.states[0].problem)
        assert sinks.states[0].state == "failing"
        flag.touch()
        time.sleep(0.11)
        sinks.write(result(1, reading(1, "b"), seconds=2))
        assert eventually(lambda: sinks.states[0].state == "ok")


def test_a_run_whose_program_fails_at_the_end_says_so() -> None:
    sinks = _opened("false")
    sinks.write(result(0, reading(), seconds=1))
    with pytest.raises(RunError, match="ended with status 1"):
        sinks.finish()


@pytest.mark.parametrize(
    ("argv", "message"), [((), "nothing to start"), (("no-such-program",), "no program"), (("/etc",), "no program")]
)
def test_what_cannot_be_started_is_an_error_before_anything_runs(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(MienError, match=message):
        _sink(*argv)


@pytest.mark.parametrize("values", [{"interval": 0.0}, {"timeout": 0.0}, {"argv": ("a\0",)}])
def test_settings_out_of_range_are_named(values: dict[str, object]) -> None:
    (name,) = values
    with pytest.raises(MienError, match=f"command {name}"):
        CommandSettings(**values)  # type: ignore[arg-type]
