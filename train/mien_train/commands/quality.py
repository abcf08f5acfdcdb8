"""`quality`: fit what keeps crops from being read, and show what that is good for."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mien_train.commands.options import Commands, add_data, writable, write_json
from mien_train.data import store


def add(commands: Commands) -> None:
    """Add the command."""
    quality = commands.add_parser(
        "quality",
        help="fit how far blurred, dark, small, turned and covered faces can be read, and keep it with the model",
    )
    quality.add_argument(
        "model", type=Path, metavar="MODEL", help="run folder of the emotion network, .pt, .onnx or .tflite"
    )
    quality.add_argument("--detector", default="face-base", help="bundled model or sidecar path (default: face-base)")
    quality.add_argument("--look", action="store_true", help="only measure: leave the model as it is")
    quality.add_argument(
        "--out", type=Path, metavar="FILE", help="the figures (default: docs/results/quality-NAME.json, of RUN or file)"
    )
    add_data(quality)
    quality.set_defaults(run=_quality)


def _quality(options: argparse.Namespace) -> int:
    where = store.folder(options.data)
    out = options.out or Path("docs/results") / f"quality-{_name(options.model.resolve())}.json"
    writable(out)
    from mien_train.emotion import judging

    model = options.model / "checkpoint.pt" if options.model.is_dir() else options.model
    settings, found = judging.measure(model, where, options.detector)
    if not options.look:
        found["kept_in"] = judging.keep(model, settings).name
    write_json(out, found)
    print(text(found))  # noqa: T201
    return 0


def _name(model: Path) -> str:
    return model.name if model.is_dir() else model.stem


def text(found: Mapping[str, Any]) -> str:
    """The figures as aligned lines."""
    lines = [f"{'':<10}{'faces':>7}{'accuracy':>10}  area under risk-coverage    calibration error"]
    for name, row in found["groups"].items():
        area, error, apart = row["risk_area"], row["calibration_error"], row["difference"]
        lines.append(
            f"{name:<10}{row['faces']:>7}{row['accuracy']:>10.4f}  {area['softmax']:.4f} → {area['quality']:.4f} "
            f"(±{apart['error']:.4f})  {error['softmax']:.4f} → {error['quality']:.4f}"
        )
    lines.append(f"{'':<10}{'faces':>7}{'accuracy':>10}  uncertain     reasons")
    for name, row in found["kinds"].items():
        if not row["faces"]:
            continue
        unsure = row["uncertain"]
        why = ", ".join(f"{reason} {share:.0%}" for reason, share in row["reasons"].items() if share)
        shares = f"{unsure['softmax']:>4.0%} → {unsure['quality']:>4.0%}"
        lines.append(f"{name:<10}{row['faces']:>7}{row['accuracy']:>10.4f}  {shares}   {why}")
    return "\n".join(lines)
