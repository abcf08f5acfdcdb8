"""One head of a classifier as a model of its own right."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from torch import nn

from mien.errors import MienError
from mien_export.quantization import heads as cutting
from mien_train.emotion import heads
from mien_train.training.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Part:
    """What is left of a run of several heads.

    Attributes:
        checkpoint: as if this head alone had been trained: its weights, labels and expressions.
        start: number of the head's first output among all.
    """

    checkpoint: Checkpoint
    start: int

    def cut(self, network: nn.Module) -> nn.Module:
        """A copy of the whole network, or of one fine-tuned from it, with this head alone."""
        return cutting.only(network, self.start, len(self.checkpoint.labels))


def of(checkpoint: Checkpoint, head: str) -> Part:
    """One head of a finished run.

    Args:
        checkpoint: of two heads, with its expressions chosen.
        head: name of one, such as "intended".

    Raises:
        MienError: it has no such head, or its expressions were not chosen yet.
    """
    names = heads.of(checkpoint) if checkpoint.task == "emotion" else {}
    if len(names) < 2 or head not in names:
        has = f"its heads are {', '.join(names)}" if len(names) > 1 else "it has no heads to choose from"
        raise MienError(f"the checkpoint has no head {head!r} to be exported alone; {has}")
    before = list(names)[: list(names).index(head)]
    start, labels = sum(len(names[name]) for name in before), names[head]
    among = [one for one in checkpoint.metrics["expressions"] if list(one["weights"]) == [head] and one["name"] == head]
    expressions = [{**one, "weights": {heads.ONE: one["weights"][head]}} for one in among]
    kept = {key: value for key, value in checkpoint.metrics.items() if key not in ("expressions", "choices")}
    alone = dataclasses.replace(
        checkpoint,
        network={**checkpoint.network, "classes": len(labels)},
        labels=labels,
        state=cutting.weights(checkpoint.state, start, len(labels)),
        metrics={**kept, "expressions": expressions},
    )
    return Part(alone, start)
