from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mien.errors import MienError
from mien.preview import listeners
from mien.preview.settings import PreviewSettings


@pytest.mark.parametrize(
    "address", ["", "8010", "127.0.0.1", ":8010", "127.0.0.1:70000", "::1:8010", "127.0.0.1:x", "[::1]", "a b:1:2"]
)
def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(MienError, match="give HOST:PORT"):
        listeners.listen(address)


def test_a_taken_address_is_said() -> None:
    first = listeners.listen("127.0.0.1:0")
    with first, pytest.raises(MienError, match="Address already in use; choose another"):
        listeners.listen(f"127.0.0.1:{first.getsockname()[1]}")


def test_a_name_that_is_none_is_said() -> None:
    with pytest.raises(MienError, match=r"preview address 'no\.such\.host\.invalid:1': .*; choose another"):
        listeners.listen("no.such.host.invalid:1")


@pytest.mark.parametrize(
    ("address", "local"), [("127.0.0.1:0", True), ("127.9.9.9:0", True), ("localhost:0", True), ("0.0.0.0:0", False)]
)
def test_only_loopback_is_local(address: str, local: bool) -> None:
    with listeners.listen(address) as listener:
        assert listeners.is_local([listener]) is local
        names = listeners.hosts([listener])
        assert {"localhost", "127.0.0.1", "::1"} <= names
        assert (socket.gethostname().lower() in names) is not local


def test_one_socket_that_others_reach_makes_them_all_not_local() -> None:
    with listeners.listen("127.0.0.1:0") as near, listeners.listen("0.0.0.0:0") as far:
        assert not listeners.is_local([near, far])


def test_the_address_for_a_browser_is_one_it_can_go_to() -> None:
    with listeners.listen("127.0.0.1:0") as near, listeners.listen("0.0.0.0:0") as far:
        assert listeners.url(near) == f"http://127.0.0.1:{near.getsockname()[1]}/"
        assert listeners.url(far) == f"http://{socket.gethostname()}:{far.getsockname()[1]}/"


def test_sockets_for_another_process_are_left_alone() -> None:
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    assert listeners.handed_in(environment) == ()
    assert listeners.handed_in({}) == ()
    assert environment == {"LISTEN_PID": "1", "LISTEN_FDS": "1"}


CHILD = """
import os, sys
wanted = [int(number) for number in sys.argv[2].split(",")]
sockets = [os.dup(number) for number in wanted]
for place, number in enumerate(sockets, start=3):
    os.dup2(number, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=sys.argv[3])
exec(sys.argv[1])
"""


def _handed(code: str, sockets: list[socket.socket], names: str) -> subprocess.CompletedProcess[str]:
    """A child that is started as systemd starts a service with a socket unit."""
    numbers = [listener.fileno() for listener in sockets]
    command = [sys.executable, "-c", CHILD, code, ",".join(map(str, numbers)), names]
    return subprocess.run(command, pass_fds=numbers, capture_output=True, text=True, check=False, timeout=60)


TELL = """
from mien.preview.listeners import handed_in
print([s.getsockname()[1] for s in handed_in(os.environ)], os.environ.get("LISTEN_FDS"))
"""


def test_handed_in_sockets_are_taken_those_named_preview_if_there_are_any() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [one.getsockname()[1], two.getsockname()[1]]
        assert _handed(TELL, [one, two], "events:preview").stdout == f"[{ports[1]}] None\n"
        assert _handed(TELL, [one, two], "mien.socket:mien.socket").stdout == f"{ports} None\n"


def test_a_handed_in_descriptor_that_does_not_listen_is_said() -> None:
    with socket.socket() as idle:
        assert (
            "descriptor 3, handed in by LISTEN_FDS, is no listening stream socket" in _handed(TELL, [idle], "").stderr
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        assert "no listening stream socket" in _handed(TELL, [datagrams], "").stderr


RUN = """
import threading, time, urllib.request
def look():
    port = int(os.environ["PORT"])
    for _ in range(600):
        try:
            print(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60).status, flush=True)
            break
        except OSError:  # 503 before the first frame, too
            time.sleep(0.05)
from mien.cli import main
threading.Thread(target=look).start()
main(["run", "--source", "demo", "--sink", "null", "--realtime", "--loop", "--max-frames", "250"])
"""


def test_mien_run_serves_its_page_on_a_handed_in_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        ran = _handed(RUN, [listener], "preview")
    assert f"mien: page at http://127.0.0.1:{port}/\n" in ran.stderr
    assert ran.stdout == "200\n"


def test_a_socket_that_is_a_file_is_local(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(tmp_path / "page"))
        assert listeners.is_local([listener])
        assert listeners.url(listener) == f"unix:{tmp_path}/page"
        assert listeners.hosts([listener]) == {"localhost", "127.0.0.1", "::1"}


@pytest.mark.parametrize("pictures", [0, -1, 61])
def test_a_rate_of_pictures_out_of_range_is_said(pictures: float) -> None:
    with pytest.raises(MienError, match="give more than 0 and at most 60 a second"):
        PreviewSettings(pictures=pictures)
