"""The page's server, over real sockets: what it answers, to whom, and what it costs."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face
from preview_site import Ambiguous, Site, site, token_file, until

from mien.errors import MienError
from mien.frame import Frame
from mien.outputs.queued import SinkState
from mien.pace.pace import Pace
from mien.pace.settings import PaceSettings
from mien.pipeline import Pipeline
from mien.preview import guard, server, streams
from mien.preview.metrics import Metrics
from mien.preview.monitor import Monitor
from mien.preview.settings import PreviewSettings
from mien.preview.state import health
from mien.reader import FaceReader
from mien.reading import FrameResult


def picture(stream: object) -> np.ndarray:
    """The next JPEG of a multipart stream."""
    read = stream.readline  # type: ignore[attr-defined]
    while not (line := read()).lower().startswith(b"content-length:"):
        assert line
    size = int(line.split(b":")[1])
    assert read() == b"\r\n"
    decoded = cv2.imdecode(np.frombuffer(stream.read(size), np.uint8), cv2.IMREAD_COLOR)  # type: ignore[attr-defined]
    assert decoded is not None
    return decoded


# What is shown.


def test_the_page_its_style_and_its_script_come_from_the_package_and_name_no_other_place() -> None:
    with site() as here:
        for path, kind in (("/", "text/html"), ("/style.css", "text/css"), ("/page.js", "text/javascript")):
            answer = here.ask(path)
            assert answer.status == 200
            assert answer.headers["content-type"].startswith(kind)
            assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
            assert "<style" not in answer.text
            assert " style=" not in answer.text
            assert "onclick" not in answer.text
        assert here.ask("/elsewhere").status == 404


def test_an_event_tells_readings_with_probabilities_and_reasons_rates_latencies_and_health() -> None:
    with site(reader=FaceReader(FakeDetector([face()]), Ambiguous())) as here:
        until(lambda: here.page.monitor.frames > 20)
        event = here.event()
        assert (event["state"], event["healthy"], event["width"], event["height"]) == ("running", True, 160, 120)
        assert event["readings"] == [
            {
                "track": 1,
                "emotion": "uncertain",
                "top": "happiness",
                "reason": "ambiguous",
                "probabilities": [["neutral", 0.45], ["happiness", 0.55]],
            }
        ]
        assert set(event["latencies"]) >= {"capture", "detect", "classify", "whole", "latency"}  # type: ignore[call-overload]
        assert 20 < float(str(event["rate"])) < 110


def test_without_a_new_frame_no_old_reading_is_shown_as_a_present_one() -> None:
    camera = FakeCamera(20, interval=0.01)
    with site(camera) as here:
        until(lambda: here.page.monitor.frames > 5)
        here.post("/pause")
        event = here.event()
        assert (event["state"], event["readings"]) == ("paused", [])


# Pixels.


def test_the_live_view_is_an_annotated_picture_after_the_other() -> None:
    with site() as here, here.open("/stream") as stream:
        first, second = picture(stream), picture(stream)
        # 120 pixels high, enlarged by 3 so that the captions can be read; the box is drawn in colour.
        assert first.shape == second.shape == (360, 480, 3)
        assert int(np.ptp(first.astype(int), axis=2).max()) > 60


@pytest.mark.parametrize(("colour", "told"), [(True, [True, False]), (False, [])])
def test_a_camera_is_asked_for_colour_by_the_page_unless_it_is_to_be_grey(colour: bool, told: list[bool]) -> None:
    class Asked(FakeCamera):
        def __init__(self) -> None:
            super().__init__(interval=0.01)
            self.wishes: list[bool] = []

        def colour(self, wanted: bool) -> None:
            self.wishes.append(wanted)

    camera = Asked()
    with site(camera, PreviewSettings("127.0.0.1:0", colour=colour)) as here:
        with here.open("/stream") as stream:
            picture(stream)
        until(lambda: here.page.view.viewers == 0)
    assert camera.wishes == told


def test_nothing_is_encoded_and_the_door_is_shut_while_nobody_looks() -> None:
    def before(frame: object, result: object) -> None:
        """What the preview was."""

    with site() as here:
        here.pipeline.preview = before
        until(lambda: here.page.monitor.frames > 30)
        assert here.page.view.encoded == 0
        assert here.pipeline.preview is before
        with here.open("/stream") as one, here.open("/stream") as two:
            picture(one), picture(two)
            assert here.pipeline.preview is not before
        until(lambda: here.page.view.viewers == 0)
        assert here.pipeline.preview is before
        assert here.page.view.newest() is None
        encoded, frames = here.page.view.encoded, here.page.monitor.frames
        until(lambda: here.page.monitor.frames > frames + 30)
        assert here.page.view.encoded == encoded


def test_what_the_preview_was_is_shown_every_frame_as_before_while_somebody_looks() -> None:
    seen: list[int] = []
    with site() as here:
        here.pipeline.preview = lambda frame, result: seen.append(result.sequence)
        with here.open("/stream") as stream:
            picture(stream)
            start = len(seen)
            until(lambda: len(seen) > start + 20)
        assert all(b - a == 1 for a, b in itertools.pairwise(seen[start:]))


def test_five_viewers_share_one_picture_of_each_frame_and_no_more_than_the_rate() -> None:
    with site(settings=PreviewSettings("127.0.0.1:0", pictures=5)) as here:
        until(lambda: here.page.monitor.frames > 5)
        with (
            here.open("/stream") as a,
            here.open("/stream") as b,
            here.open("/stream") as c,
            here.open("/stream") as d,
            here.open("/stream") as e,
        ):
            began, before = time.monotonic(), here.page.view.encoded
            for stream in (a, b, c, d, e) * 6:
                picture(stream)
            seconds = time.monotonic() - began
            assert here.page.view.viewers == 5
            # Thirty pictures were seen; at 5 a second, with one to begin with and one under way.
            assert here.page.view.encoded - before <= 5 * seconds + 2


class Noisy(FakeCamera):
    """Gives pictures that fill every buffer soon."""

    def frames(self) -> Iterator[Frame]:
        noise = np.random.default_rng(0).integers(0, 255, (480, 640), dtype=np.uint8)
        for frame in super().frames():
            yield Frame(noise, time.monotonic_ns(), frame.sequence)


def test_a_viewer_who_takes_nothing_is_let_go_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "WRITE_SECONDS", 0.5)
    monkeypatch.setattr(streams.Stream.__init__, "__defaults__", (0.5,))
    with site(Noisy(interval=0.01), PreviewSettings("127.0.0.1:0", pictures=60)) as here:
        stuck = socket.create_connection(("127.0.0.1", here.port))
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(f"GET /stream HTTP/1.1\r\nHost: {here.host}\r\n\r\n".encode())
        until(lambda: here.page.view.viewers == 1)
        with here.open("/stream") as stream:
            until(lambda: picture(stream) is not None and here.page.view.viewers == 1, 30)
        stuck.close()


def test_more_viewers_than_the_most_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_VIEWERS", 1)
    with site() as here, here.open("/stream") as stream:
        picture(stream)
        assert here.ask("/stream").status == 503


# Pause, health, metrics.


def test_the_page_pauses_and_resumes_and_shows_no_picture_of_before() -> None:
    with site() as here, here.open("/stream") as stream:
        picture(stream)
        answer = here.post("/pause")
        assert (answer.status, here.pipeline.paused) == (200, True)
        time.sleep(0.1)
        encoded = here.page.view.encoded
        assert here.page.view.newest() is None
        assert here.ask("/healthz").status == 503
        assert here.post("/resume").status == 200
        picture(stream)
        until(lambda: here.page.view.encoded > encoded)
        until(lambda: here.ask("/healthz").status == 200)


def test_whoever_pauses_no_picture_of_before_is_shown() -> None:
    with site() as here, here.open("/stream") as stream:
        picture(stream)
        here.pipeline.pause("the switch at GPIO17")
        assert here.page.view.newest() is None


def test_health_is_200_with_a_new_frame_lately_and_else_503_with_the_reason() -> None:
    camera = FakeCamera(interval=0.01)
    with site(camera) as here:
        until(lambda: here.page.monitor.frames > 0)
        assert here.ask("/healthz").status == 200
        camera.state = "recovering"
        answer = here.ask("/healthz")
        assert answer.status == 503
        assert '"state":"recovering"' in answer.text
        assert "the camera is being restarted" in answer.text
        camera.state = "running"
        here.pipeline.stop()
        until(lambda: '"state":"ended"' in here.ask("/healthz").text)


def test_metrics_count_frames_drops_restarts_sinks_and_stages() -> None:
    camera = FakeCamera(12, interval=0.01)
    camera.restarts = 3
    camera.damaged = 2
    states = [SinkState("jsonl:x", "failing", 7, 5, 0, "No space left on device")]
    with site(camera, sinks=lambda: states) as here:
        here.pipeline.wait(10)
        until(lambda: 'mien_state{state="ended"} 1.0' in here.ask("/metrics").text)
        answer = here.ask("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        lines = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
        processed, dropped = float(lines["mien_frames_processed_total"]), float(lines["mien_frames_dropped_total"])
        assert processed == here.page.monitor.frames > 0
        assert float(lines["mien_frames_captured_total"]) == processed + dropped
        assert float(lines["mien_camera_restarts_total"]) == 3
        assert float(lines["mien_frames_damaged_total"]) == 2
        assert float(lines['mien_sink_failures_total{sink="jsonl:x"}']) == 7
        assert float(lines['mien_sink_dropped_total{sink="jsonl:x"}']) == 5
        assert float(lines["mien_faces"]) == 1
        assert float(lines["mien_healthy"]) == 0
        for stage in ("capture", "detect", "classify", "whole", "latency"):
            assert float(lines[f'mien_stage_seconds_count{{stage="{stage}"}}']) == processed


def test_idling_is_healthy_and_told_with_its_rate_and_what_went_by() -> None:
    at = [0.0]
    pace = Pace(PaceSettings(idle_after=1, idle_rate=2), clock=lambda: at[0])
    camera = FakeCamera()
    pipeline = Pipeline(camera, FaceReader(FakeDetector(), FakeClassifier()), pace=pace)
    metrics = Metrics(pipeline, camera, tuple)
    metrics.begin(Monitor(pipeline))
    assert "mien_rate_limit_hertz" not in metrics.text().decode()
    pipeline.pulse.beat(FrameResult(0, "", 160, 120, 1, 2, ()))
    for at[0] in (0.0, 1.0, 1.1, 1.2):
        pace.wants()
    assert health(pipeline) == {
        "healthy": True,
        "state": "idle",
        "age_s": pytest.approx(0, abs=5),
        "limit_s": 10.0,
        "reasons": ["nobody in view: at most 2 frames a second are read"],
    }
    text = metrics.text().decode()
    for line in (
        'mien_state{state="idle"} 1.0',
        'mien_state{state="running"} 0.0',
        "mien_healthy 1.0",
        "mien_rate_limit_hertz 2.0",
        "mien_frames_passed_total 2.0",
        "mien_frames_captured_total 2.0",
    ):
        assert f"\n{line}\n" in text


def test_a_stage_that_a_frame_did_not_go_through_is_not_counted_for_it() -> None:
    detector = FakeDetector()
    with site(FakeCamera(6, interval=0.01), reader=FaceReader(detector, FakeClassifier())) as here:
        here.pipeline.wait(10)
        text = here.ask("/metrics").text
        assert 'mien_stage_seconds_count{stage="classify"} 0.0' in text
        assert 'mien_stage_seconds_count{stage="detect"} 0.0' not in text


# Who may ask.


@pytest.fixture(scope="module")
def here():  # type: ignore[no-untyped-def]
    with site() as running:
        yield running


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8010", "", "192.168.1.7", "localhost.evil.example", "["]
)
def test_a_foreign_host_header_is_refused(here: Site, host: str) -> None:
    answer = here.ask("/", Host=host)
    assert answer.status in (400, 421)
    assert "mien" not in answer.headers.get("content-type", "")
    assert "<html" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8010", "LOCALHOST:8010"])
def test_this_machines_own_names_are_taken_also_through_a_forwarded_port(here: Site, host: str) -> None:
    assert here.ask("/", Host=host).status == 200


@pytest.mark.parametrize("path", ["/pause", "/resume"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://", "http://127.0.0.1:{port}.evil.example"]
)
def test_a_switch_is_turned_by_no_foreign_page(here: Site, path: str, origin: str) -> None:
    assert here.ask(path, "POST", Origin=origin.format(port=here.port)).status == 403
    assert here.ask(path, "POST").status == 403
    assert here.ask(path).status == 405
    assert here.ask(path, "DELETE").status == 405
    assert not here.pipeline.paused


@pytest.mark.parametrize("relation", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/stream", "/events", "/metrics", "/healthz"])
def test_a_foreign_page_shows_nothing_of_ours_in_itself_but_may_lead_here(here: Site, path: str, relation: str) -> None:
    assert here.ask(path, Sec_Fetch_Site=relation, Sec_Fetch_Mode="no-cors").status == 403
    assert here.ask("/", Sec_Fetch_Site=relation, Sec_Fetch_Mode="navigate").status == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/elsewhere"])
def test_every_answer_has_the_security_headers(here: Site, path: str) -> None:
    answer = here.ask(path)
    assert len(guard.SECURITY_HEADERS) == 8
    for name, value in guard.SECURITY_HEADERS:
        assert answer.headers[name.decode()] == value.decode()
    assert "server" not in answer.headers
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_content_long_headers_and_slow_requests_are_refused(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here.ask("/pause", "POST", b"x" * 100, Origin=f"http://{here.host}").status == 413
    with contextlib.suppress(ConnectionError):  # where it is refused before the last of it was sent
        assert here.ask("/", X_Long="x" * 20_000).status in (400, 431)
    monkeypatch.setattr(server, "_PEER_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", here.port), timeout=10) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert slow.recv(100) == b""  # let go


@pytest.mark.parametrize("announced", ["Content-Length: 99999", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(("host", "status"), [("localhost", b"413"), ("evil.example", b"421")])
def test_content_is_refused_with_whatever_it_comes_and_the_rest_of_it_is_not_waited_for(
    here: Site, announced: str, host: str, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", here.port), timeout=4) as slow, slow.makefile("rb") as answer:
        slow.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n{announced}\r\n\r\n".encode())
        assert answer.read().split()[1] == status  # to the end: it is closed


def test_a_connection_stays_while_it_asks_and_is_let_go_when_it_no_longer_does(
    here: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_PEER_SECONDS", 0.5)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", here.port, timeout=4)) as asking:
        for _ in range(15):
            asking.request("GET", "/healthz")
            assert asking.getresponse().read()
            time.sleep(0.1)
        asking.sock.sendall(b"G")  # which ends the server's own limit for a connection that asks nothing
        assert asking.sock.recv(100) == b""


def test_a_viewer_whose_window_is_shut_does_not_keep_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(server, "_PEER_SECONDS", 0.5)
    with site(Noisy(interval=0.01), PreviewSettings("127.0.0.1:0", pictures=60)) as here:

        def served() -> bool:
            try:
                return here.ask("/healthz").status == 200
            except (http.client.HTTPException, ConnectionError):
                return False

        with socket.create_connection(("127.0.0.1", here.port)) as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.sendall(f"GET /stream HTTP/1.1\r\nHost: {here.host}\r\n\r\n".encode())
            until(lambda: here.page.view.viewers == 1)
            assert not served()
            until(served, 20)
            until(lambda: here.page.view.viewers == 0)


# Tokens.


def test_where_another_machine_can_come_a_token_is_drawn_and_demanded() -> None:
    with site(settings=PreviewSettings("0.0.0.0:0")) as here:
        token = here.page.token
        assert token is not None
        assert here.page.drawn
        assert len(token) == 32
        for path in ("/stream", "/events", "/metrics", "/healthz", "/page.js"):
            assert here.ask(path).status == 401
        assert here.post("/pause").status == 401
        page = here.ask("/")
        assert page.status == 401
        assert 'name="token"' in page.text
        assert token not in page.text
        assert here.ask("/style.css").status == 200


def test_a_token_is_taken_out_of_the_address_into_a_cookie_or_comes_as_bearer(tmp_path: Path) -> None:
    settings = PreviewSettings("127.0.0.1:0", str(token_file(tmp_path)))
    with site(settings=settings) as here:
        assert not here.page.drawn
        assert here.ask("/?token=wrong").status == 401
        answer = here.ask("/?token=0123456789abcdef")
        assert (answer.status, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert here.ask("/", Cookie=cookie.partition(";")[0]).status == 200
        assert here.ask("/", Cookie="mien-preview=0123456789abcdeX").status == 401
        for other in ('prefs={"dark":true}', "version=1", "path=/x", "flag", "user@host=1", "u=a b", ""):
            assert here.ask("/", Cookie=f"{other}; mien-preview=0123456789abcdef").status == 200, other
            assert here.ask("/", Cookie=f"mien-preview=0123456789abcdef; {other}").status == 200, other
            assert here.ask("/", Cookie=f"{other}; mien-preview=").status == 401, other
        assert here.ask("/", Cookie="broken\x01==;").status in (400, 401)
        assert here.ask("/metrics", Authorization="Bearer 0123456789abcdef").status == 200
        assert here.ask("/metrics", Authorization="Bearer 0123456789abcde\xe9").status == 401
        assert here.ask("/metrics", Authorization="Basic 0123456789abcdef").status == 401


def test_other_machines_may_come_by_number_or_by_this_machines_name_only() -> None:
    with site(settings=PreviewSettings("0.0.0.0:0")) as here:
        bearer = f"Bearer {here.page.token}"
        assert here.ask("/", Authorization=bearer, Host="192.168.1.7:8010").status == 200
        assert here.ask("/", Authorization=bearer, Host=f"{socket.gethostname()}:8010").status == 200
        assert here.ask("/", Authorization=bearer, Host="rebound.example").status == 421


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        ("short", 0o600, "is no token"),
        ("", 0o600, "is no token"),
        ("with spaces in the middle", 0o600, "is no token"),
        ("0123456789abcdefé", 0o600, "is no token"),
        ("0123456789abcdef", 0o644, "everybody may read this token; chmod 600 it"),
    ],
)
def test_a_bad_token_file_is_one_line_of_error(tmp_path: Path, content: str, mode: int, why: str) -> None:
    path = token_file(tmp_path, content)
    path.chmod(mode)
    with pytest.raises(MienError, match=why), site(settings=PreviewSettings("127.0.0.1:0", str(path))):
        pass


# Coming and going.


def test_closing_ends_every_stream_at_once() -> None:
    with site() as here:
        with here.open("/stream") as stream, here.open("/events") as events:
            picture(stream)
            here.page.close()
            while stream.read1(65536) or events.read1(65536):
                pass
        assert here.pipeline.preview is None


def test_what_is_not_installed_is_said_with_the_command_that_installs_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['{0}'] = None\n"
        "from mien.cli import main\n"
        "sys.exit(main(['run', '--source', 'demo', '--sink', 'null', '--preview', '127.0.0.1:0']))"
    )
    for package in ("starlette.routing", "uvicorn", "prometheus_client"):
        ran = subprocess.run([sys.executable, "-c", code.format(package)], capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert ran.stderr.count("\n") == 1
        assert "pip install" in ran.stderr


def test_a_run_without_a_page_imports_none_of_it() -> None:
    code = (
        "import sys\nfrom mien.cli import main\n"
        "main(['run', '--source', 'demo', '--sink', 'null', '--max-frames', '1'])\n"
        "print([m for m in ('starlette', 'uvicorn', 'prometheus_client', 'asyncio') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
