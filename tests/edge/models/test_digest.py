"""SHA-256: right whoever reckons it, and without the memory of OpenSSL."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from mien.cameras.demo import photograph
from mien.models import digest

EDGE = Path(digest.__file__).parents[2]
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""Of "abc": the first example of FIPS 180-2."""

READ_ONE = """
import sys
from mien.cli import main
assert main(["detect", sys.argv[1], "--json"]) == 0
print(*sorted({"_hashlib", "_ssl", "hashlib", "ssl"} & sys.modules.keys()))
"""


@pytest.mark.parametrize("missing", [(), ("_sha2",), ("_sha2", "_sha256")])
def test_every_module_gives_the_same_digest(missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    assert digest.sha256(b"abc") == ABC
    content = bytes(range(256)) * 4321
    assert digest.sha256(content) == hashlib.sha256(content).hexdigest()


def test_a_first_reading_loads_no_openssl() -> None:
    said = subprocess.run(
        [sys.executable, "-c", READ_ONE, str(photograph())],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONPATH": str(EDGE)},
    ).stdout
    reading, loaded = said.splitlines()
    assert '"faces"' in reading
    assert loaded == ""
