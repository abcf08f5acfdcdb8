"""An emulated system on a machine that lacks something: one line that names the package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mien.errors import MienError
from mien_export.arm64 import __main__ as command
from mien_export.arm64 import counting, root
from mien_export.arm64.targets import TARGETS


def only(*programs: str) -> object:
    return lambda program: f"/usr/bin/{program}" if program in programs else None


def test_all_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", only("bwrap"))
    with pytest.raises(
        MienError, match=r"^missing mmdebstrap qemu-user; install: apt-get install mmdebstrap qemu-user$"
    ):
        root.prepare(TARGETS[0])
    assert root.main() == 2


def test_counting_needs_a_compiler_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", only("bwrap", "mmdebstrap"))
    with pytest.raises(MienError, match="missing gcc qemu-user; install: apt-get install gcc qemu-user"):
        counting.compiled()


def test_an_emulator_that_takes_no_plugin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", only("gcc", *root.TOOLS))
    monkeypatch.setattr(root, "_libraries", lambda: {})
    with pytest.raises(MienError, match="linked statically"):
        counting.compiled()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--model", "absent.tflite"], "absent.tflite: cannot be read"),
        (["--model", "absent.json"], "absent.json: no such model sidecar"),
        (["--model", "README.md"], "README.md: not a TFLite file"),
    ],
)
def test_a_path_that_is_no_model_is_one_line_and_nothing_is_written(
    arguments: list[str], fault: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page, out = tmp_path / "page.md", tmp_path / "out.json"
    assert command.main([*arguments, "--page", str(page), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"bench-arm64: {fault}")
    assert not page.exists()
    assert not out.exists()


def test_a_failure_of_the_command_is_one_line_with_status_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    status = command.main(
        ["--page", str(tmp_path / "page.md"), "--out", str(tmp_path / "o.json"), "--peers", str(tmp_path)]
    )
    assert status == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("bench-arm64: missing ")
    assert list(tmp_path.iterdir()) == []
