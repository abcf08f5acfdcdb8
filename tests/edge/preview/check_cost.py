"""What five viewers cost the pipeline: at most a tenth of its rate. `make test-preview` runs it, on a quiet machine."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from preview_site import Site, until

from mien.cameras.demo import DemoCamera
from mien.frame import Frame
from mien.pipeline import Pipeline
from mien.preview.server import Page
from mien.preview.settings import PreviewSettings
from mien.reader import FaceReader

ROUNDS, SECONDS = 12, 0.8


class Endless(DemoCamera):
    """The demo clip round and round, as fast as it is read."""

    def frames(self) -> Iterator[Frame]:
        while not self._closed:
            yield from super().frames()


def _frames_a_second(here: Site) -> float:
    frames, began = here.page.monitor.frames, time.perf_counter()
    time.sleep(SECONDS)
    return (here.page.monitor.frames - frames) / (time.perf_counter() - began)


def test_five_viewers_slow_the_pipeline_by_a_tenth_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    camera = Endless()
    with FaceReader() as reader:
        pipeline = Pipeline(camera, reader)
        with Page(pipeline, camera, PreviewSettings("127.0.0.1:0")) as page, pipeline:
            pipeline.start(page.add)
            here = Site(camera, page, pipeline)  # type: ignore[arg-type]
            until(lambda: page.monitor.frames > 50, 60)
            shares = []
            for _ in range(ROUNDS):  # each beside its own like: the machine's mood is in both
                alone = _frames_a_second(here)
                with ExitStack() as stack:
                    for _ in range(5):
                        stream = stack.enter_context(here.open("/stream"))
                        threading.Thread(target=_watch, args=(stream,), daemon=True).start()
                    until(lambda: page.view.viewers == 5)
                    before = page.view.encoded
                    watched = _frames_a_second(here)
                    assert page.view.encoded - before > 2
                until(lambda: page.view.viewers == 0)
                shares.append(watched / alone)
    share = statistics.median(shares)
    with capsys.disabled():
        print(f"\nwith five viewers {share:.1%} of the rate ({min(shares):.1%} to {max(shares):.1%})")  # noqa: T201
    assert share >= 0.9


def _watch(stream: object) -> None:
    try:
        while stream.read1(65536):  # type: ignore[attr-defined]
            pass
    except (OSError, ValueError, AttributeError):  # closed meanwhile
        pass
