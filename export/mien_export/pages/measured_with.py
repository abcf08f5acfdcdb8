"""Which detector a figure of a classifier was measured with: the bundled one, or one before it."""

from __future__ import annotations

from mien.errors import MienError
from mien.models import bundle


def detector(name: str, sha256: str | None) -> str:
    """Its name for a page, such as "face-base" or "an earlier face-base".

    Args:
        name: as the result has it.
        sha256: of its TFLite file; None where the result is of a time when that was not written down.
    """
    try:
        today = bundle.load(name).sidecar.files["tflite"].sha256
    except MienError:  # somebody's own, which no page can look at
        return name
    return name if sha256 == today else f"an earlier {name}"
