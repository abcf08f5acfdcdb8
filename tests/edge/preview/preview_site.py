"""A page that looks on at a fake camera, for tests, and a plain HTTP client that says exactly what it is told to."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from edge_fakes import LABELS, FakeCamera, FakeClassifier, FakeDetector, face
from numpy.typing import NDArray

from mien.pipeline import Pipeline
from mien.preview.server import Page
from mien.preview.settings import PreviewSettings
from mien.reader import FaceReader
from mien.roles import Verdict


class Ambiguous(FakeClassifier):
    """Never sure."""

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.tile(np.array([0.45, 0.55], dtype=np.float32), (len(crops), 1))

    def verdict(self, probabilities: NDArray[np.float32]) -> Verdict:
        return Verdict("uncertain", LABELS[1], "ambiguous")


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Site:
    """A running pipeline with its page."""

    def __init__(self, camera: FakeCamera, page: Page, pipeline: Pipeline) -> None:
        self.camera, self.page, self.pipeline = camera, page, pipeline
        place = urlsplit(page.urls[0])
        self.port = place.port or 0
        self.host = f"127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Headers by name, with _ for -; a Host header of its own in place of the right one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in named, skip_accept_encoding=True)
            for name, value in named.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def post(self, path: str, **headers: str) -> Answer:
        """As the page's own button does."""
        return self.ask(path, "POST", **{"Origin": f"http://{self.host}", **headers})

    @contextlib.contextmanager
    def open(self, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """An answer that goes on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        try:
            yield answer
        finally:
            answer.close()
            connection.close()

    def event(self) -> dict[str, object]:
        """The first event of the page's stream."""
        with self.open("/events") as stream:
            while not (line := stream.readline()).startswith(b"data: "):
                assert line
            told: dict[str, object] = json.loads(line.removeprefix(b"data: "))
            return told


@contextlib.contextmanager
def site(
    camera: FakeCamera | None = None,
    settings: PreviewSettings | None = None,
    reader: FaceReader | None = None,
    **options: object,
) -> Iterator[Site]:
    """A page at any free port of this machine, with a camera that gives 100 frames a second of one face."""
    camera = camera or FakeCamera(interval=0.01)
    reader = reader or FaceReader(FakeDetector([face()]), FakeClassifier())
    pipeline = Pipeline(camera, reader)
    with Page(pipeline, camera, settings or PreviewSettings("127.0.0.1:0"), **options) as page, pipeline:  # type: ignore[arg-type]
        pipeline.start(page.add)
        yield Site(camera, page, pipeline)


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def token_file(folder: Path, token: str = "0123456789abcdef") -> Path:
    path = folder / "token"
    path.write_text(token + "\n")
    path.chmod(0o600)
    return path
