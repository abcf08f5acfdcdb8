from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from sink_fakes import eventually, reading, result

from mien.errors import MienError
from mien.outputs.local_socket import SocketSink
from mien.outputs.records import JsonLines
from mien.outputs.sinks import open_sinks


def _reader(path: Path) -> socket.socket:
    reader = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    reader.settimeout(10)
    reader.connect(str(path))
    return reader


@pytest.fixture
def sink(tmp_path: Path) -> SocketSink:
    return SocketSink(tmp_path / "s", JsonLines("01234567"))


def test_every_reader_gets_every_line_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with open_sinks([f"socket:{path}"], live=True) as sinks:
        sinks.write(result(0, reading()))
        assert sinks.flush()
        with _reader(path) as one, _reader(path) as two:
            sinks.write(result(1, reading()))
            sinks.write(result(2, reading()))
            for reader in (one, two):
                lines = reader.makefile()
                assert [json.loads(lines.readline())["frame"] for _ in range(2)] == [1, 2]
                lines.close()
        assert path.stat().st_mode & 0o777 == 0o660
    assert not path.exists()


def test_a_slow_reader_is_dropped_without_half_a_line_for_the_others(sink: SocketSink, tmp_path: Path) -> None:
    with sink, _reader(tmp_path / "s") as slow, _reader(tmp_path / "s") as quick:
        lines, count = quick.makefile(), 0
        while len(sink._readers) != 1 and count < 100_000:
            sink.write(result(count, reading()))
            assert json.loads(lines.readline())["frame"] == count
            count += 1
        assert 100 < count < 100_000
        sink.write(result(count, reading()))
        assert json.loads(lines.readline())["frame"] == count
        lines.close()
        slow.settimeout(10)
        while slow.recv(1 << 16):  # ends: it was disconnected
            pass


def test_a_reader_who_goes_is_no_error(sink: SocketSink, tmp_path: Path) -> None:
    with sink:
        _reader(tmp_path / "s").close()
        for sequence in range(3):
            sink.write(result(sequence, reading()))
        assert not sink._readers


def test_readers_who_never_leave_do_not_pile_up(sink: SocketSink, tmp_path: Path) -> None:
    with sink:
        readers = []
        for sequence in range(40):
            readers.append(_reader(tmp_path / "s"))
            sink.write(result(sequence, reading()))
        assert len(sink._readers) == 16
        for reader in readers:
            reader.close()


def test_a_socket_that_a_crash_left_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(path))
    with (
        SocketSink(path, JsonLines()),
        pytest.raises(MienError, match="another program listens there"),
    ):
        SocketSink(path, JsonLines())


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for name in ("file", "absent/s", "x" * 200):
        with pytest.raises(MienError, match="cannot be opened"):
            open_sinks([f"socket:{tmp_path / name}"])
    assert (tmp_path / "file").read_text() == "mine"


def test_an_idle_sink_lets_readers_in(sink: SocketSink, tmp_path: Path) -> None:
    with sink, _reader(tmp_path / "s"):
        sink.idle()
        assert eventually(lambda: len(sink._readers) == 1)


def test_those_who_have_gone_make_room_for_others_before_one_that_listens(sink: SocketSink, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with sink, _reader(path) as first, _reader(path) as half:
        half.shutdown(socket.SHUT_WR)  # says no more, and listens
        for _ in range(40):
            sink.idle()
            _reader(path).close()
        sink.idle()
        sink.write(result(1, reading()))
        for listening in (first, half):
            assert json.loads(listening.recv(1 << 16))["frame"] == 1
