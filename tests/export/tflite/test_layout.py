"""Padding and axes, with numbers worked out by hand."""

from __future__ import annotations

import pytest

from mien.errors import MienError
from mien_export.tflite.layout import channels_last, padding

WAYS = [
    # size, kernel, strides, pads, output, way
    ((48, 48), (3, 3), (1, 1), (1, 1, 1, 1), (48, 48), "SAME"),
    ((48, 48), (3, 3), (2, 2), (0, 0, 1, 1), (24, 24), "SAME"),
    ((47, 47), (3, 3), (2, 2), (1, 1, 1, 1), (24, 24), "SAME"),
    ((48, 48), (1, 1), (2, 2), (0, 0, 0, 0), (24, 24), "VALID"),
    ((48, 48), (1, 1), (1, 1), (0, 0, 0, 0), (48, 48), "VALID"),
    ((48, 48), (3, 3), (1, 1), (0, 0, 0, 0), (46, 46), "VALID"),
    ((48, 48), (5, 5), (2, 2), (1, 1, 2, 2), (24, 24), "SAME"),
    ((6, 6), (6, 6), (6, 6), (0, 0, 0, 0), (1, 1), "VALID"),
    ((8, 9), (3, 3), (2, 2), (0, 1, 1, 1), (4, 5), "SAME"),
]


@pytest.mark.parametrize(("size", "kernel", "strides", "pads", "output", "way"), WAYS)
def test_the_way_of_padding(size, kernel, strides, pads, output, way) -> None:  # type: ignore[no-untyped-def]
    assert padding(size, kernel, strides, pads, output, "Conv c") == way


@pytest.mark.parametrize(
    ("size", "strides", "pads", "output"),
    [
        ((48, 48), (2, 2), (1, 1, 1, 1), (24, 24)),  # torch's padding=1: half a step off TFLite's SAME
        ((49, 49), (2, 2), (0, 0, 1, 1), (24, 24)),  # an odd side
        ((48, 48), (1, 1), (2, 2, 2, 2), (50, 50)),  # more than SAME
        ((48, 48), (1, 1), (1, 0, 1, 0), (48, 46)),  # one axis SAME, the other VALID
    ],
)
def test_other_padding_is_refused_by_name(size, strides, pads, output) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MienError, match=r"^Conv c: padding .* is neither SAME .* nor VALID"):
        padding(size, (3, 3), strides, pads, output, "Conv c")


def test_axes() -> None:
    assert channels_last((1, 3, 4, 5)) == (1, 4, 5, 3)
    assert channels_last((1, 7)) == (1, 7)
