from __future__ import annotations

from pathlib import Path

import pytest

from mien import credentials


def test_a_copy_that_systemd_handed_over_is_taken_in_place_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert credentials.held(file) == file
    folder = tmp_path / "handed"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert credentials.held(file) == file  # this one was not handed over
    copy = folder / credentials.name(str(file))
    copy.write_text("x")
    assert credentials.held(file) == copy


def test_a_copys_name_is_one_of_a_file() -> None:
    assert credentials.name("/etc/mien/token") == "etc-mien-token"
