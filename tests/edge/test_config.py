from __future__ import annotations

from pathlib import Path

import pytest

from mien.config import build, read
from mien.errors import MienError


def written(folder: Path, text: str) -> Path:
    path = folder / "kiosk.toml"
    path.write_text(text)
    return path


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, 'source = "demo"\nsinks = ["null"]\nsmoothing_seconds = 1\n')
    config = build(read(path), {"source": "auto", "engine": None, "sinks": None})
    assert config.source == "auto"
    assert config.sinks == ("null",)
    assert config.smoothing_seconds == 1
    assert config.engine == "litert"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('soruce = "demo"', "unknown key 'soruce'; did you mean 'source'"),
        ("threads = true", "threads is True; give a whole number"),
        ('threads = "2"', "give a whole number"),
        ('sinks = "text"', "give a list of strings"),
        ("sinks = [1]", "give a list of strings"),
        ("source = ", "not a TOML file"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MienError, match=message) as caught:
        read(written(tmp_path, text))
    assert "kiosk.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_values_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="cannot be read"):
        read(tmp_path / "absent.toml")
    with pytest.raises(MienError, match="threads is 0; give 1 or more"):
        build({"threads": 0}, {})
    with pytest.raises(MienError, match="max_frames is -1"):
        build({}, {"max_frames": -1})
