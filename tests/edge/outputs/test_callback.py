"""A Python function as a sink: whatever it does, the run and the other sinks go on."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

from mien import Callback, FaceReader, FrameResult, MienError, Pipeline


def reader() -> FaceReader:
    return FaceReader(FakeDetector([face()]), FakeClassifier())


@pytest.mark.parametrize(
    "kind",
    [ValueError, ConnectionError, BrokenPipeError, TimeoutError, MienError, SystemExit, asyncio.CancelledError],
)
def test_one_that_raises_ends_neither_the_run_nor_another(kind: type[BaseException]) -> None:
    calls, taken = [], []

    def fails(result: FrameResult) -> None:
        calls.append(result.sequence)
        raise kind("not today")

    with Callback(fails, "bad", patient=True) as bad, Callback(taken.append, patient=True) as good:
        with Pipeline(FakeCamera(5, live=False), reader(), sinks=[bad, good]) as pipeline:
            assert len(list(pipeline.run())) == 5
        assert good.flush(10)
    assert [result.sequence for result in taken] == calls == [0, 1, 2, 3, 4]
    assert (bad.state.name, bad.state.failures, bad.state.dropped, bad.state.problem) == ("bad", 5, 5, "not today")
    assert (good.state.state, good.state.dropped, bad.ended) == ("ok", 0, False)


def test_one_that_waits_loses_its_oldest_results_and_holds_nothing_up() -> None:
    go, taken = threading.Event(), []

    def slow(result: FrameResult) -> None:
        go.wait(30)
        taken.append(result.sequence)

    with Callback(slow, room=3) as sink:
        with Pipeline(FakeCamera(20, live=False), reader(), sinks=[sink]) as pipeline:
            began = time.monotonic()
            assert len(list(pipeline.run())) == 20
            assert time.monotonic() - began < 20
        assert sink.state.dropped >= 16
        go.set()
        assert sink.flush(10)
    assert taken[-3:] == [17, 18, 19]
    assert len(taken) + sink.state.dropped == 20
