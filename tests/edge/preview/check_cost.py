"""What five viewers, and a scraper of the metrics, cost the pipeline: a tenth of its rate and of its median at most.

`make test-preview` runs it, on a quiet machine.
"""

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

ROUNDS, SECONDS = 12, 1.2


class Endless(DemoCamera):
    """The demo clip round and round, as fast as it is read."""

    def frames(self) -> Iterator[Frame]:
        while not self._closed:
            yield from super().frames()


def _pace(here: Site) -> tuple[float, float]:
    """Frames a second for a while, and the median of what they took, nanoseconds."""
    frames, began = here.page.monitor.frames, time.perf_counter()
    time.sleep(SECONDS)
    count, taken = here.page.monitor.frames - frames, time.perf_counter() - began
    return count / taken, statistics.median(here.pipeline.stages["whole"][-count:])


def _scrape(here: Site, ended: threading.Event) -> None:
    while not ended.is_set():
        assert here.ask("/metrics").status == 200
        ended.wait(1)


def test_five_viewers_and_a_scraper_slow_the_pipeline_by_a_tenth_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    camera = Endless()
    with FaceReader() as reader:
        pipeline = Pipeline(camera, reader)
        with Page(pipeline, camera, PreviewSettings("127.0.0.1:0")) as page, pipeline:
            pipeline.start(page.add)
            here = Site(camera, page, pipeline)  # type: ignore[arg-type]
            until(lambda: page.monitor.frames > 50, 60)
            shares, medians = [], []
            for _ in range(ROUNDS):  # each beside its own like: the machine's mood is in both
                rate, median = _pace(here)
                with ExitStack() as stack:
                    ended = threading.Event()
                    stack.callback(ended.set)
                    threading.Thread(target=_scrape, args=(here, ended), daemon=True).start()
                    for _ in range(5):
                        stream = stack.enter_context(here.open("/stream"))
                        threading.Thread(target=_watch, args=(stream,), daemon=True).start()
                    until(lambda: page.view.viewers == 5)
                    before = page.view.encoded
                    rate_watched, median_watched = _pace(here)
                    assert page.view.encoded - before > 2
                until(lambda: page.view.viewers == 0)
                shares.append(rate_watched / rate)
                medians.append(median_watched / median)
    with capsys.disabled():
        for name, values in {"rate": shares, "median of a frame's time": medians}.items():
            middle, least, most = statistics.median(values), min(values), max(values)
            print(f"\nwith five viewers and a scraper {middle:.1%} of the {name} ({least:.1%} to {most:.1%})")  # noqa: T201
    assert statistics.median(shares) >= 0.9
    assert statistics.median(medians) <= 1.1


def _watch(stream: object) -> None:
    try:
        while stream.read1(65536):  # type: ignore[attr-defined]
            pass
    except (OSError, ValueError, AttributeError):  # closed meanwhile
        pass
