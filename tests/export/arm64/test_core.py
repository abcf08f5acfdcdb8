"""Emulated cores: what a program reads of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mien import machine
from mien.errors import MienError
from mien_export.arm64.core import CORES, named


@pytest.mark.parametrize(
    ("name", "model", "dot_product"),
    [("cortex-a53", "Cortex-A53", False), ("cortex-a72", "Cortex-A72", False), ("cortex-a76", "Cortex-A76", True)],
)
def test_a_core_is_read_as_what_it_is(name: str, model: str, dot_product: bool, tmp_path: Path) -> None:
    binds = named(name).lay_out(tmp_path)
    (tmp_path / "proc").mkdir()
    binds["/proc/cpuinfo"].rename(tmp_path / "proc/cpuinfo")
    assert machine.cpu_model(tmp_path) == model
    features = (tmp_path / "proc/cpuinfo").read_text().partition("Features\t: ")[2].splitlines()[0].split()
    assert ("asimddp" in features) is dot_product is named(name).dot_product
    assert "asimd" in features


def test_one_core_is_shown_and_no_other(tmp_path: Path) -> None:
    cpu = CORES[0].lay_out(tmp_path)["/sys"] / "devices/system/cpu"
    assert {(cpu / name).read_text() for name in ("possible", "present", "online")} == {"0\n"}
    assert [folder.name for folder in cpu.glob("cpu[0-9]*")] == ["cpu0"]
    assert (cpu / "cpu0/topology/core_siblings").read_text() == "1\n"


def test_an_unknown_core_is_refused() -> None:
    with pytest.raises(MienError, match="unknown core 'cortex-a55'; known are cortex-a53, cortex-a72, cortex-a76"):
        named("cortex-a55")
