"""Pictures as PNG files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mien_train.data import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save(figure: Figure, path: Path, dpi: int = 100) -> None:
    """Write a figure as a PNG file. Texts, and labels given for ticks, are shown as they are, and never as formulas.

    Raises:
        MienError: it cannot be written; whatever stood there is as it was.
    """
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if "$" in text.get_text():  # a name that somebody gave, and no formula
            text.set_parse_math(False)
    with files.aside(path) as partial:
        figure.savefig(partial, dpi=dpi, format="png")
