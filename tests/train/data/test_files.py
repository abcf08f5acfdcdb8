from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien_train.data import files, photo_cache, store


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1000 bytes: writing more fails as on a full disk.

    No fixture: it would still hold when the test's outcome is written, perhaps into a file that is longer already.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_earlier_file_and_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    files.write_json(path, {"n": 1})
    with full_disk(), pytest.raises(MienError, match=r"found.json: cannot be written \(.+\); choose another place"):
        files.write_json(path, {"n": "x" * 5000})
    assert json.loads(path.read_text()) == {"n": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_arrays_that_do_not_fit_leave_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "cache.npz"
    with full_disk(), pytest.raises(MienError, match="set MIEN_CACHE to another folder"):
        store.save_arrays(path, images=np.zeros(5000, np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_an_error_within_the_block_leaves_nothing_half_written(tmp_path: Path) -> None:
    def half() -> None:
        with files.aside(tmp_path / "found.json") as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_not_utf8_comes_back_out_of_json(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    files.write_json(tmp_path / "found.json", {"image": name})
    assert json.loads((tmp_path / "found.json").read_text(encoding="utf-8")) == {"image": name}


def test_a_damaged_cache_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    asked: list[str] = []

    def read(name: str) -> np.ndarray:
        asked.append(name)
        return np.full((2, 3), len(name), np.uint8)

    for damage in (None, b"", b"PK\x03\x04 no archive"):
        if damage is not None:
            (tmp_path / "key.npz").write_bytes(damage)
        found = photo_cache.decoded("key", ["a", "bb"], read)
        assert [luma.tolist() for luma in found] == [[[1] * 3] * 2, [[2] * 3] * 2]
    (tmp_path / "key.pixels").write_bytes(b"cut short")
    assert photo_cache.decoded("key", ["a", "bb"], read)[1][0, 0] == 2
    assert len(asked) == 8
