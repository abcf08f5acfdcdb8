"""Weights between a run's and those that it began from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mien_train import cli
from mien_train.networks import registry
from mien_train.training import checkpoint

SMALL = {"stem": (4, 4), "width": 8, "blocks": (1, 1, 1), "deep": (8, 8)}


def _run(folder: Path, seed: int, **changes: object) -> Path:
    """A run of a small detector whose normalisations have seen something."""
    network: dict[str, object] = {"name": "face", **SMALL, **changes}
    torch.manual_seed(seed)
    built = registry.build(network)
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.bias)
    stored = checkpoint.Checkpoint("face", network, {"name": "base"}, ("face",), 0, "data", 1, built.state_dict(), {})
    folder.mkdir()
    checkpoint.save(stored, folder / "checkpoint.pt")
    (folder / "history.json").write_text(json.dumps({"of": seed}))
    return folder


def _outputs(run: Path) -> tuple[Tensor, ...]:
    torch.manual_seed(0)
    with torch.inference_mode():
        found: tuple[Tensor, ...] = checkpoint.finished(run / "checkpoint.pt").build()(torch.randn(1, 1, 64, 64))
    return found


def _apart(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))


def test_at_either_end_it_is_one_of_the_two_and_between_them_neither(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = _run(tmp_path / "one", 1), _run(tmp_path / "other", 2)
    found = {}
    for share in (0.0, 0.5, 1.0):
        out = tmp_path / f"average-{share}"
        assert cli.main(["average", str(one), str(other), "--share", str(share), "--out", str(out)]) == 0
        assert capsys.readouterr().out == f"{out}/checkpoint.pt\n"
        assert json.loads((out / "history.json").read_text()) == {"of": 1}
        found[share] = _outputs(out)
    assert _apart(found[1.0], _outputs(one)) < 1e-4
    assert _apart(found[0.0], _outputs(other)) < 1e-4
    assert min(_apart(found[0.5], found[0.0]), _apart(found[0.5], found[1.0])) > 0.01


def test_what_cannot_be_averaged_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, wider = _run(tmp_path / "one", 1), _run(tmp_path / "wider", 2, width=16)
    emotion = tmp_path / "emotion"
    emotion.mkdir()
    stored = checkpoint.finished(one / "checkpoint.pt")
    checkpoint.save(dataclasses.replace(stored, task="emotion"), emotion / "checkpoint.pt")
    for arguments, message in (
        ([str(one), str(wider)], "is of another network than"),
        ([str(emotion), str(one)], "only detectors are averaged"),
        ([str(one), str(one), "--share", "1.5"], "--share is 1.5; give 0 to 1"),
        ([str(one), str(tmp_path / "none.onnx")], "none.onnx: cannot be read"),
    ):
        assert cli.main(["average", *arguments, "--out", str(tmp_path / "out")]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert not (tmp_path / "out" / "checkpoint.pt").exists()
