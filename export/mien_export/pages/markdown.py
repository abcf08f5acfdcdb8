"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from mien_export.records.report import Report


def grid(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    ruler = tuple("---" if column == 0 else "--:" for column in range(len(head)))
    return ["| " + " | ".join(row) + " |" for row in (head, ruler, *rows)]


def origin(found: Report, made: Mapping[str, str]) -> str:
    """Where a result of `mien_export.results` comes from: size, seed, command, machine and versions.

    Args:
        found: the result.
        made: package to its version.
    """
    training = found["training"]
    before = training["recipe"].get("init")
    rounds = found["calibration"].get("qat", 0) if "calibration" in found else 0
    tuned = f", then {rounds} epochs of quantization-aware fine-tuning" if rounds else ""
    stage = f" that followed those of run `{PurePath(before).parent.name}`" if before else ""
    return (
        f"{found['parameters']:,} parameters, {found['macs'] / 1e6:.1f} million multiply-accumulates; one seed "
        f"({training['seed']}), best epoch {training['epochs']} of {training['recipe']['epochs']}{stage}{tuned}. "
        f"`{found['command']}`, {found['date']}, {found['hardware']['cpu']}, torch {made['torch']}, "
        f"LiteRT {made['ai-edge-litert']}, ONNX Runtime {made['onnxruntime']}."
    )
