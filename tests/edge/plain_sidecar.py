"""The bundled classifier's sidecar as models of one output have it, whatever the bundled one has."""

from __future__ import annotations

import json
from typing import Any

from mien.models import bundle


def plain(**changes: Any) -> dict[str, Any]:
    """Its document with the first output alone, read in one way: labels and a decision; fields may be replaced."""
    document = json.loads((bundle.MODELS / "emotion-base.json").read_text())
    first = document["outputs"][0]
    labels = first.pop("labels", document["labels"])
    for key in ("expressions", "choices"):
        document.pop(key, None)
    decision = {"temperature": 0.6907, "abstain_below": 0.67}
    return {**document, "outputs": [{**first, "name": "logits"}], "labels": labels, "decision": decision, **changes}
