"""`mien config`: what it writes is read back as the same settings, and a mistake is named."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from mien import config, documented
from mien.cli import main
from mien.config import RunConfig


def names(settings: object) -> list[str]:
    """Every key of some settings, tables' among them."""
    assert dataclasses.is_dataclass(settings)
    found = []
    for field in dataclasses.fields(settings):
        held = getattr(settings, field.name)
        found.append(field.name)
        found += names(held) if dataclasses.is_dataclass(held) else []
    return found


def test_every_key_of_every_table_has_a_meaning_in_its_docstring() -> None:
    def kinds(settings: object) -> list[type]:
        assert dataclasses.is_dataclass(settings)
        inner = [getattr(settings, field.name) for field in dataclasses.fields(settings)]
        return [type(settings)] + [kind for one in inner if dataclasses.is_dataclass(one) for kind in kinds(one)]

    found = kinds(RunConfig())
    assert len(found) >= 2
    for kind in found:
        told = documented.meanings(kind)
        assert [field.name for field in dataclasses.fields(kind) if not told.get(field.name)] == [], kind


def test_what_show_prints_is_the_effective_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mien.toml"
    path.write_text('sinks = ["text", "jsonl:a\\"b\\u007f.jsonl"]\nthreads = 2\n[camera]\nrate = 12.5\nmirror = true\n')
    assert main(["config", "show", str(path)]) == 0
    printed = capsys.readouterr().out
    shown = tomllib.loads(printed)
    assert shown["threads"] == 2
    assert shown["sinks"] == ["text", 'jsonl:a"b\x7f.jsonl']
    assert shown["camera"]["rate"] == 12.5
    assert config.build(shown, {}) == config.build(config.read(path), {})
    lines = printed.splitlines()
    for name in names(RunConfig()):
        assert any(line.startswith((f"{name} = ", f"[{name}]")) for line in lines), name
    before = lines[lines.index("threads = 2") - 1]
    assert before == "# of the engine and of OpenCV (default: 1)"


def test_init_writes_every_key_as_a_comment_and_never_over_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["config", "init"]) == 0
    text = Path("mien.toml").read_text()
    assert config.build(tomllib.loads(text), {}) == RunConfig()
    taken = "\n".join(
        line.removeprefix("#") if line[:1] == "#" and line[1:2] != " " else line for line in text.split("\n")
    )
    assert config.build(tomllib.loads(taken), {}) == RunConfig()
    assert tomllib.loads(taken).keys() == {field.name for field in dataclasses.fields(RunConfig)}
    Path("mien.toml").write_text("threads = 3\n")
    assert main(["config", "init"]) == 2
    assert "is there already and stays as it is" in capsys.readouterr().err
    assert Path("mien.toml").read_text() == "threads = 3\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thread = 1", "mien.toml: unknown key 'thread'; did you mean 'threads'?"),
        ("threads = 0", "mien.toml: threads is 0; give 1 to 256"),
        ("threads = 100000", "mien.toml: threads is 100000; give 1 to 256"),
        ("score_threshold = 3.0", "mien.toml: score threshold is 3.0; it must lie between 0 and 1"),
        ('engine = "nope"', "mien.toml: unknown engine 'nope'; choose one of litert, onnx, tflite"),
        ('sinks = ["bogus"]', "mien.toml: unknown sink 'bogus'; give text, jsonl:PATH"),
        ("[camera]\nrotation = 45", "mien.toml: camera rotation is 45; give 0, 90, 180, 270"),
        ("threads =", "mien.toml: not a TOML file"),
    ],
)
def test_check_names_the_mistake_and_its_file(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mien.toml"
    path.write_text(text)
    assert main(["config", "check", str(path)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", ["threads = 257", "score_threshold = 1", 'engine = "nope"', 'sinks = ["bogus"]'])
def test_no_unit_is_installed_for_settings_whose_run_would_end_at_once(text: str, tmp_path: Path) -> None:
    path = tmp_path / "etc/mien/mien.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert main(["service", "install", "--root", str(tmp_path), "--program", "/opt/mien/current/bin/mien"]) == 2
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_check_of_a_good_file_says_so_and_check_of_none_asks_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mien.toml"
    path.write_text("threads = 2")
    assert main(["config", "check", str(path)]) == 0
    assert "no mistake found" in capsys.readouterr().out
    assert main(["config", "check"]) == 2
    assert main(["config", "init", str(tmp_path / "none/mien.toml")]) == 2
