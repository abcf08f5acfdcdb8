from __future__ import annotations

import json
import os
import threading
import time
from typing import TextIO

import pytest
from sink_fakes import FakeTarget, eventually, reading, result

from mien.errors import MienError
from mien.outputs.queued import Queued
from mien.outputs.records import JsonLines
from mien.outputs.sinks import Sinks
from mien.outputs.stream import StreamSink
from mien.outputs.target import TakenError
from mien.outputs.thinning import GONE_SECONDS, Thinning


def test_a_hanging_sink_delays_nobody_and_the_others_get_everything() -> None:
    entered, hang = threading.Event(), threading.Event()

    def before(_: int) -> None:
        entered.set()
        hang.wait()

    slow, quick = FakeTarget(before), FakeTarget()
    sinks = Sinks([Queued(slow, "slow", room=10), Queued(quick, "quick", room=1000)])
    sinks.write(result(0, reading()))
    assert entered.wait(60)
    for sequence in range(1, 500):
        sinks.write(result(sequence, reading()))
    assert eventually(lambda: len(quick.taken) == 500)
    stuck, well = sinks.states
    assert stuck.waiting == 11  # ten wait, one is being written
    assert stuck.dropped == 489
    assert (well.state, well.dropped) == ("ok", 0)
    hang.set()
    sinks.close()
    assert slow.taken == [0, *range(490, 500)], "the oldest were lost, the order stayed"


def test_losing_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    hang = threading.Event()
    sink = Queued(FakeTarget(lambda _: hang.wait() and None), "slow", room=2)
    for sequence in range(50):
        sink.write(result(sequence, reading()))
    hang.set()
    sink.close()
    told = [record for record in caplog.records if record.name == "mien.sinks"]
    assert [record.levelname for record in told] == ["WARNING"]
    assert "oldest readings are lost" in told[0].getMessage()


def test_a_failing_sink_says_so_once_keeps_what_waits_and_recovers(caplog: pytest.LogCaptureFixture) -> None:
    broken = threading.Event()
    broken.set()

    def before(_: int) -> None:
        if broken.is_set():
            raise MienError("the disk is full")

    target = FakeTarget(before)
    sink = Queued(target, "file")
    for sequence in range(20):
        sink.write(result(sequence, reading()))
    assert eventually(lambda: sink.state.failures >= 2)
    assert sink.state.state == "failing"
    assert sink.state.problem == "the disk is full"
    broken.clear()
    assert eventually(lambda: len(target.taken) == 20)
    assert eventually(lambda: sink.state.state == "ok")
    assert target.taken == list(range(20))
    sink.close()
    first, second = (record.getMessage() for record in caplog.records)
    assert first == "sink file: the disk is full; the other sinks go on"
    assert second == "sink file: writes again; 0 results lost so far"


def test_a_result_that_a_callback_cannot_take_is_left_out_and_the_next_is_taken() -> None:
    def before(sequence: int) -> None:
        if sequence == 1:
            raise ZeroDivisionError

    target = FakeTarget(before)
    with Queued(target, "callback") as sink:
        for sequence in range(4):
            sink.write(result(sequence, reading()))
    assert target.taken == [0, 2, 3]
    assert (sink.state.dropped, sink.state.failures, sink.state.state) == (1, 1, "ok")


def test_what_waits_is_written_at_the_end_and_the_target_closed_in_its_own_thread() -> None:
    target = FakeTarget(lambda _: time.sleep(0.002))
    sink = Queued(target, "slow", room=1000)
    for sequence in range(100):
        sink.write(result(sequence, reading()))
    sink.close()
    assert target.taken == list(range(100))
    assert target.closed_in == "mien-sink-slow"
    sink.close()  # twice is no error


def test_what_a_target_had_kept_back_and_wrote_at_the_end_is_not_lost() -> None:
    def before(sequence: int) -> None:
        raise TakenError("locked")

    sinks = Sinks([Queued(FakeTarget(before), "locked")])
    sinks.write(result(0, reading()))
    assert eventually(lambda: sinks.states[0].state == "failing")
    sinks.finish()
    assert (sinks.states[0].state, sinks.states[0].dropped) == ("ok", 0)


def test_a_sink_that_hangs_at_the_end_is_left_behind_within_its_time() -> None:
    hang = threading.Event()
    sink = Queued(FakeTarget(lambda _: hang.wait() and None), "stuck")
    for sequence in range(5):
        sink.write(result(sequence, reading()))
    sink.end()
    sink.join(time.monotonic() + 0.5)
    assert (sink.state.state, sink.state.dropped) == ("failing", 5)
    hang.set()


def test_a_recording_waits_for_a_slow_sink_and_loses_nothing() -> None:
    target = FakeTarget(lambda _: time.sleep(0.001))
    with Queued(target, "slow", room=5, patient=True) as sink:
        for sequence in range(200):
            sink.write(result(sequence, reading()))
    assert target.taken == list(range(200))


def test_a_recording_does_not_wait_for_a_sink_that_fails() -> None:
    def before(_: int) -> None:
        raise OSError(28, "No space left on device")

    with Queued(FakeTarget(before), "full", room=5, patient=True) as sink:
        for sequence in range(200):
            sink.write(result(sequence, reading()))
    assert sink.state.dropped == 200


def test_a_reader_who_has_gone_ends_the_run_only_where_there_is_no_other_sink() -> None:
    def before(_: int) -> None:
        raise BrokenPipeError

    gone, quick = Queued(FakeTarget(before), "text"), Queued(FakeTarget(), "file")
    with Sinks([gone, quick]) as both:
        both.write(result(0, reading()))
        assert eventually(lambda: gone.ended)
        both.write(result(1, reading()))
        assert both.flush()
    with Sinks([Queued(FakeTarget(before), "text")]) as only:
        only.write(result(0, reading()))
        assert eventually(lambda: only.states[0].state == "ended")
        with pytest.raises(BrokenPipeError):
            only.write(result(1, reading()))
        only.finish()  # quietly


def _stalled_pipe() -> tuple[int, TextIO]:
    """A pipe that nobody reads, and its other end."""
    read, write = os.pipe()
    return read, os.fdopen(write, "w", encoding="utf-8")


def _frames_of(descriptor: int) -> list[int]:
    with os.fdopen(descriptor, encoding="utf-8") as lines:
        return [json.loads(line)["frame"] for line in lines]


def test_a_live_run_ends_though_nobody_reads_standard_output() -> None:
    read, stream = _stalled_pipe()
    sink = Queued(StreamSink(stream, "a pipe", JsonLines()), "jsonl:-", room=450)
    for sequence in range(500):  # 200 kB: more than a pipe takes
        sink.write(result(sequence, reading()))
    assert eventually(lambda: sink.state.state == "failing")
    assert "nobody reads it" in sink.state.problem
    sink.close()
    assert sink.state.waiting == 0
    frames = _frames_of(read)
    assert frames == sorted(frames), "whole lines, in their order"
    assert len(frames) > 50


def test_a_recording_waits_for_whoever_reads_standard_output() -> None:
    read, stream = _stalled_pipe()
    sink = Queued(StreamSink(stream, "a pipe", JsonLines()), "jsonl:-", room=50, patient=True)
    frames: list[int] = []

    def late() -> None:
        time.sleep(2.5)
        frames.extend(_frames_of(read))

    reader = threading.Thread(target=late)
    reader.start()
    for sequence in range(500):
        sink.write(result(sequence, reading()))
    sink.close()
    reader.join()
    assert frames == list(range(500))
    assert (sink.state.state, sink.state.failures) == ("ok", 0)


@pytest.mark.parametrize(("patient", "told"), [(False, [4, 4]), (True, [4])])
def test_a_face_goes_in_a_pause_of_a_camera_and_stays_in_one_of_a_recording(patient: bool, told: list[int]) -> None:
    target = FakeTarget()
    with Queued(target, "changes", thin=Thinning(0, on_change=True), patient=patient) as sink:
        sink.write(result(4, reading(), seconds=time.monotonic() - GONE_SECONDS))
        assert eventually(lambda: target.taken == told)
        time.sleep(2.2)  # two rounds more
    assert target.taken == told
