"""What a service manager hears, on a real socket."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge_fakes import FakeCamera, FakeClassifier, FakeDetector, face

from mien.cameras import opening
from mien.cli import main
from mien.health import Pulse
from mien.reading import FrameResult
from mien.service import notify
from mien.service.notify import Watchdog

STARVED = "STATUS=stalled"


class Manager:
    """The service manager's end, which listens all the time."""

    def __init__(self, path: Path) -> None:
        self._end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.bind(str(path))
        self._end.settimeout(0.02)
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "40000"}  # looked at every 10 ms
        self._lines: list[str] = []
        self._turn = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed:
            with contextlib.suppress(TimeoutError):
                came = self._end.recv(4096).decode().splitlines()
                with self._turn:
                    self._lines += came

    def heard(self, seconds: float) -> list[str]:
        """Lines that came since the last call, after so many seconds more."""
        time.sleep(seconds)
        with self._turn:
            lines, self._lines = self._lines, []
        return lines

    def until(self, line: str) -> list[str]:
        """Lines that came since the last call, up to and with one that is waited for."""
        lines: list[str] = []
        deadline = time.monotonic() + 30
        while line not in lines:
            assert time.monotonic() < deadline, f"{line} was not heard; {lines}"
            lines += self.heard(0.01)
        return lines

    def close(self) -> None:
        self._closed = True
        self._thread.join()
        self._end.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    end = Manager(tmp_path / "notify")
    yield end
    end.close()


def result(captured_at: int) -> FrameResult:
    return FrameResult(0, "", 4, 4, captured_at, captured_at, ())


def test_the_watchdog_is_fed_by_new_frames_and_starves_without_them(manager: Manager) -> None:
    restarting = threading.Event()
    seconds = 0.0  # by hand: a machine that holds this test up starves nothing
    pulse = Pulse(limit=10, recovering=restarting.is_set, clock=lambda: seconds)
    pulse.beat(result(1))
    with Watchdog(pulse, manager.environment):
        assert manager.until("WATCHDOG=1")[:2] == ["READY=1", "STATUS=running"]
        manager.until("WATCHDOG=1")
        seconds = 11.0
        pulse.beat(result(1))  # the same frame again is none
        manager.until(STARVED)
        manager.heard(0.05)  # what was on its way
        assert "WATCHDOG=1" not in manager.heard(0.2)
        pulse.beat(result(2))
        manager.until("STATUS=running")
        manager.until("WATCHDOG=1")
        restarting.set()
        seconds = 30.0
        manager.heard(0.05)
        manager.until("WATCHDOG=1")
        restarting.clear()
        manager.until(STARVED)
        manager.heard(0.05)
        assert "WATCHDOG=1" not in manager.heard(0.2)
    assert manager.until("STOPPING=1")[-1] == "STOPPING=1"


def test_without_a_manager_nothing_is_opened_and_one_that_has_gone_is_no_error(tmp_path: Path) -> None:
    with Watchdog(Pulse(), {}) as watchdog:
        assert watchdog._thread is None
    notify.send("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})
    notify.send("READY=1", {"NOTIFY_SOCKET": "vsock:2:1"})


def test_a_manager_that_does_not_listen_hangs_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "deaf"))
        for _ in range(1000):  # far more than its queue holds
            notify.send("WATCHDOG=1", {"NOTIFY_SOCKET": str(tmp_path / "deaf")})
        assert end.recv(100) == b"WATCHDOG=1"


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(b"\0mien-test-notify")
        end.settimeout(2)
        notify.send("READY=1", {"NOTIFY_SOCKET": "@mien-test-notify"})
        assert end.recv(100) == b"READY=1"


def test_a_run_says_ready_and_stopping(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in manager.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("mien.reader.FaceDetector", lambda *_, **__: FakeDetector([face()]))
    monkeypatch.setattr("mien.reader.EmotionClassifier", lambda *_, **__: FakeClassifier())
    monkeypatch.setattr(opening, "open_source", lambda *_: FakeCamera(20, interval=0.01))
    assert main(["run", "--sink", "null"]) == 0
    heard = manager.heard(0.1)
    assert heard[0] == "READY=1"
    assert "WATCHDOG=1" in heard
    assert heard[-1] == "STOPPING=1"


@pytest.mark.parametrize(("source", "status"), [("v4l2:63", 3), ("nonsense", 2), ("v4l2:x", 2)])
def test_a_camera_that_is_not_there_yet_is_waited_for_by_a_service_and_a_wrong_name_is_not(
    source: str, status: int, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["run", "--source", source]) == 2
    monkeypatch.setenv("NOTIFY_SOCKET", manager.environment["NOTIFY_SOCKET"])
    assert main(["run", "--source", source]) == status
