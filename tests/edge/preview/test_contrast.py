"""Every colour of text on the page against what it stands on, in both schemes: WCAG's 4.5 to 1."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mien.preview

STYLE = (Path(mien.preview.__file__).parent / "page/style.css").read_text(encoding="utf-8")
PAIRS = [
    ("ink", "ground"), ("ink", "panel"), ("soft", "ground"), ("soft", "panel"), ("accent", "ground"),
    ("on-accent", "accent"), ("warn", "ground"), ("warn", "panel"), ("bad", "ground"),
]  # fmt: skip


def schemes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return {
        name: dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for name, block in (("light", light), ("dark", dark))
    }


def luminance(colour: str) -> float:
    """Relative, as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_21_to_1() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(scheme: str, text: str, ground: str) -> None:
    colours = schemes()[scheme]
    assert contrast(colours[text], colours[ground]) >= 4.5


def test_both_schemes_name_the_same_colours() -> None:
    light, dark = schemes().values()
    assert len(light) > 10
    assert light.keys() == dark.keys()
