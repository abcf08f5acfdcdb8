"""`mien run --explain-privacy` tells what the live settings keep and send, and opens nothing for that."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mien import cli, privacy
from mien.config import RunConfig
from mien.errors import MienError
from mien.history.settings import HistorySettings
from mien.outputs.lines import JsonlSettings
from mien.outputs.program import CommandSettings
from mien.outputs.sinks import SPECS, SinkSettings, open_sinks
from mien.preview.settings import PreviewSettings
from mien.service import unit

TARGETS = {
    "jsonl": ":readings.jsonl",
    "sqlite": ":readings.db",
    "mqtt": "://127.0.0.1:9/mien",
    "mqtts": "://127.0.0.1:9/mien",
    "socket": ":readings.socket",
}
"""What stands behind the kind of a sink that needs it."""


def _explained(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["run", "--explain-privacy", *arguments]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_every_sink_that_opens_is_explained_and_no_other() -> None:
    for kind in privacy.SINKS:
        assert kind in SPECS
    words = {word.strip(",()").partition(":")[0] for word in SPECS.split()}
    assert words - {"or", "standard", "output"} == set(privacy.SINKS)


@pytest.mark.parametrize("kind", privacy.SINKS)
def test_every_explained_sink_opens(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = SinkSettings(command=CommandSettings(("true",)))
    open_sinks([kind + TARGETS.get(kind, "")], settings).close()


@pytest.mark.parametrize("kind", sorted(set(privacy.SINKS) - {"null"}))
def test_every_sink_says_where_its_readings_go_and_whether_they_leave(kind: str) -> None:
    target = TARGETS.get(kind, "")
    settings = RunConfig(sinks=(kind + target,), command=CommandSettings(("/usr/bin/tell", "them")))
    (flow,) = privacy.flows(settings)
    where = {
        "text": "standard output",
        "command": "standard input of /usr/bin/tell them",
        "mqtt": "the broker 127.0.0.1:9, over the network, not encrypted",
        "mqtts": "the broker 127.0.0.1:9, over the network, encrypted",
    }.get(kind, target.lstrip(":"))
    assert where in flow.where
    assert flow.leaves == (kind in ("mqtt", "mqtts"))
    assert not flow.pixels
    assert flow.what
    assert flow.kept
    said = privacy.text(settings)
    assert f"Leaves the device: {kind + target if flow.leaves else 'nothing'}." in said
    assert flow.where in said


def test_every_setting_that_opens_a_way_out_is_explained() -> None:
    # A new table or key that lets something out must be explained, and then be named here.
    silent = {
        "source", "max_frames", "engine", "threads", "detector", "classifier", "expression", "score_threshold",
        "smoothing", "tiles", "scan_every", "look", "camera", "pace", "gpio",
    }  # fmt: skip
    explained = {"sinks", "annotate", "jsonl", "history", "mqtt", "command", "preview"}
    assert {field.name for field in dataclasses.fields(RunConfig)} - silent == explained
    # Likewise each key of such a table.
    assert {name: _keys(name) for name in explained - {"sinks", "annotate"}} == {
        "jsonl": {"interval", "on_change", "rotate_bytes", "keep", "fsync"},
        "history": {"group", "readings", "interval", "days"},
        "mqtt": {"interval", "buffer", "credentials_file", "ca_file", "certificate_file", "key_file", "discovery"},
        "command": {"argv", "interval", "timeout"},
        "preview": {"address", "token_file", "pictures", "colour"},
    }


def _keys(table: str) -> set[str]:
    return {field.name for field in dataclasses.fields(getattr(RunConfig(), table))}


def test_it_says_where_readings_go_and_for_how_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = _explained(capsys, "--sink", "jsonl:a.jsonl", "--sink", "text", "--source", "picamera2")
    assert "Frames of picamera2 are processed in memory" in said
    assert f"appended to {tmp_path}/a.jsonl" in said
    assert "until somebody removes it" in said
    assert "standard output" in said
    assert "Pictures: none is written or shown." in said
    assert "Leaves the device: nothing." in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("address", "leaves"), [("127.0.0.1:8010", False), ("[::1]:1", False), ("0.0.0.0:8010", True)])
def test_it_says_that_a_page_shows_pictures_and_whether_to_other_devices(
    address: str, leaves: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _explained(capsys, "--preview", address, "--sink", "null")
    assert f"Pictures: yes, by preview {address}." in said
    assert f"Leaves the device: {f'preview {address}' if leaves else 'nothing'}." in said


def test_a_name_that_looks_like_this_device_is_not_taken_for_it() -> None:
    settings = RunConfig(sinks=("null",), preview=PreviewSettings("127.elsewhere.example:8010"))
    assert [flow.leaves for flow in privacy.flows(settings)] == [True]


@pytest.mark.parametrize(("colour", "said"), [(True, "in colour"), (False, "grey")])
def test_it_says_whether_the_pictures_are_in_colour(colour: bool, said: str) -> None:
    (flow,) = privacy.flows(RunConfig(sinks=("null",), preview=PreviewSettings("127.0.0.1:8010", colour=colour)))
    assert flow.what == f"PICTURES, {said}, and readings, while somebody looks"


def test_sockets_of_systemd_are_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    (flow,) = privacy.flows(RunConfig(sinks=("null",)))
    assert (flow.way, flow.pixels, flow.leaves) == ("preview", True, True)


def test_it_says_that_an_annotated_clip_holds_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = _explained(capsys, "--annotate", "clip", "--sink", "null")
    assert "PICTURES of every frame" in said
    assert "Pictures: yes, by annotate clip." in said
    assert list(tmp_path.iterdir()) == []


def test_rotation_bounds_how_long_readings_stay() -> None:
    (flow,) = privacy.flows(RunConfig(sinks=("jsonl:a",), jsonl=JsonlSettings(rotate_bytes=10_000, keep=3)))
    assert flow.kept == "until 3 newer files of 10000 bytes are full, about 40000 bytes in all"


def test_a_database_says_what_it_keeps_and_for_how_long() -> None:
    (flow,) = privacy.flows(RunConfig(sinks=("sqlite:a.db",)))
    assert flow.what == "number of faces and seconds of each emotion, of 5 faces or more together"
    assert flow.kept == "90 days, then deleted and overwritten"
    (flow,) = privacy.flows(RunConfig(sinks=("sqlite:a.db",), history=HistorySettings(readings=True, days=0)))
    assert "besides, of each face every 1 s: time, track number" in flow.what
    assert flow.kept == "until somebody removes it"


def test_settings_of_a_file_are_explained_as_those_of_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mien.toml"
    file.write_text('sinks = ["null"]\nannotate = "here"\n')
    assert "Pictures: yes, by annotate here." in _explained(capsys, "--config", str(file))
    assert "  nothing; a summary" in _explained(capsys, "--sink", "null")


def test_the_services_own_settings_are_explained_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mien.toml"
    file.write_text('sinks = ["jsonl:r.jsonl", "sqlite:h.db", "socket:s"]\n')
    monkeypatch.chdir(tmp_path)
    assert f"appended to {tmp_path}/r.jsonl\n" in _explained(capsys, "--config", "mien.toml")
    monkeypatch.setattr("mien.service.unit.CONFIG", str(file))
    said = _explained(capsys, "--config", "mien.toml")
    for words in ("appended to /var/lib/mien/r.jsonl", "the database /var/lib/mien/h.db", "open /var/lib/mien/s"):
        assert f"{words}\n" in said


def test_a_page_that_systemd_offers_for_the_service_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, units = tmp_path / "mien.toml", tmp_path / "units"
    file.write_text('sinks = ["jsonl:r.jsonl"]\n')
    units.mkdir()
    monkeypatch.setattr("mien.service.installed.UNITS", units)
    assert "Leaves the device: nothing." in _explained(capsys, "--config", str(file))
    (units / "mien.service").write_text(unit.service("/opt/mien", str(file)))
    (units / "mien.socket").write_text(unit.listener("0.0.0.0:8010"))
    said = _explained(capsys, "--config", str(file))
    (units / "mien.socket").write_text("[Socket]\nListenStream=8010\n")  # by hand
    assert "Leaves the device: preview 8010." in _explained(capsys, "--config", str(file))
    assert "Pictures: yes, by preview 0.0.0.0:8010." in said
    assert "Leaves the device: preview 0.0.0.0:8010." in said
    assert "appended to /var/lib/mien/r.jsonl\n" in said


def test_an_unknown_sink_is_refused_as_a_run_refuses_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--explain-privacy", "--sink", "fax:1234"]) == 2
    assert "unknown sink 'fax:1234'" in capsys.readouterr().err
    with pytest.raises(MienError, match="unknown sink 'fax:1234'"):
        open_sinks(["fax:1234"])
